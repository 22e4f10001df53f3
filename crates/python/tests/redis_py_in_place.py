"""A plugin of pytest for redis-py's own tests: pools of connections to localhost:6379 get connections to one store on disk in the process. Who makes
a connection without a pool finds the same store's listener there."""

from __future__ import annotations

import functools
import tempfile
from typing import Any

import redis.asyncio.connection
import redis.connection

import redlet
import redlet.asyncio
from redlet.location import Location

_folder = tempfile.TemporaryDirectory()
_location = Location.on_disk(_folder.name, parameters={"enable-debug-command": "yes"})


def _wrap(module: Any, embedded: Any) -> None:
    original = module.ConnectionPool.__init__

    @functools.wraps(original)
    def __init__(pool: Any, connection_class: Any = module.Connection, *args: Any, **keywords: Any) -> None:
        address = (keywords.get("host", "localhost"), int(keywords.get("port", 6379)))
        if connection_class is module.Connection and address in (("localhost", 6379), ("127.0.0.1", 6379)):
            connection_class = embedded
            keywords["location"] = _location
        original(pool, connection_class, *args, **keywords)

    module.ConnectionPool.__init__ = __init__


def pytest_configure(config: Any) -> None:
    _location.listen("127.0.0.1:6379")
    _wrap(redis.connection, redlet.Connection)
    _wrap(redis.asyncio.connection, redlet.asyncio.Connection)


def pytest_unconfigure(config: Any) -> None:
    _location.close()
    _folder.cleanup()
