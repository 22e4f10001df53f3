"""Stores for the limits package, and for Flask-Limiter and slowapi, which are built on it. Importing this makes it know ``redlet://`` and, for asyncio,
``async+redlet://``.

>>> import redlet.limits
>>> from limits import parse, storage, strategies
>>> limiter = strategies.FixedWindowRateLimiter(storage.storage_from_string("redlet://"))
>>> [limiter.hit(parse("2/minute"), "somebody") for _ in range(3)]
[True, True, False]
"""

from __future__ import annotations

from typing import Any, Optional

import redis.asyncio
from limits import storage
from limits.aio import storage as aio_storage

import redlet.asyncio
from redlet.client import Redis

__all__ = ["AsyncStorage", "Storage"]


class Storage(storage.RedisStorage):
    """limits' own storage in Redis, with a store in the process under it."""

    STORAGE_SCHEME = ["redlet"]

    def __init__(
        self,
        uri: str,
        connection_pool: Optional[redis.ConnectionPool] = None,
        key_prefix: str = storage.RedisStorage.PREFIX,
        wrap_exceptions: bool = False,
        **options: Any,
    ) -> None:
        client: Any = Redis.from_url(uri, **options) if connection_pool is None else Redis(connection_pool=connection_pool, **options)
        super().__init__(uri, connection_pool=client.connection_pool, key_prefix=key_prefix, wrap_exceptions=wrap_exceptions)
        # It has made a client of redis-py's own class.
        self.storage = client
        self.initialize_storage(uri)


class AsyncStorage(aio_storage.RedisStorage):
    """The same for asyncio."""

    STORAGE_SCHEME = ["async+redlet"]

    def __init__(
        self,
        uri: str,
        wrap_exceptions: bool = False,
        implementation: str = "redispy",
        key_prefix: str = aio_storage.RedisStorage.PREFIX,
        connection_pool: Optional[redis.asyncio.ConnectionPool] = None,
        **options: Any,
    ) -> None:
        if implementation != "redispy":
            raise ValueError(f"a store in the process has redis-py's clients only: implementation must be 'redispy', not {implementation!r}")
        url = uri[len("async+") :] if uri.startswith("async+") else uri
        if connection_pool is None:
            client: Any = redlet.asyncio.Redis.from_url(url, **options)
        else:
            client = redlet.asyncio.Redis(connection_pool=connection_pool, **options)
        # It takes URLs with hosts and ports only.
        super().__init__("async+redis://", wrap_exceptions, "redispy", key_prefix, connection_pool=client.connection_pool)
        self.bridge.storage = client  # type: ignore[attr-defined]
        self.bridge.register_scripts()
