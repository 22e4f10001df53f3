"""``redlet.asyncio.Redis``."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Callable, List, Mapping, Optional, Type, TypeVar, Union

import redis.asyncio
import redis.asyncio.client
import redis.asyncio.lock
from redis.asyncio.client import Pipeline as _Pipeline

from redlet import direct
from redlet._native import Clock, add_pipeline_methods
from redlet.asyncio.connection import Connection, PoolLock
from redlet.connection import keywords_of
from redlet.embedded import Embedded, OwnScripts, Recorder
from redlet.exceptions import LongWay
from redlet.location import Location

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from redlet.keywords import AsyncClientKeywords

_Client = TypeVar("_Client", bound="Redis")

# After so many commands in a row that had nothing to wait for, the event loop has its turn: it must not starve under a loop of them.
_TURN = 128


class Lock(OwnScripts, redis.asyncio.lock.Lock):
    """redis-py's lock."""


class Redis(Embedded, redis.asyncio.client.Redis):  # type: ignore[misc]
    """redis-py's asyncio client on a store in this process; see ``redlet.Redis`` for what its arguments mean."""

    _base = redis.asyncio.client.Redis
    _pool_class = redis.asyncio.ConnectionPool
    _connection_class = Connection
    _lock_class = Lock
    _client_keywords = keywords_of(redis.asyncio.client.Redis.__init__)

    _since_turn = 0

    def __init__(
        self,
        dbfilename: "Union[str, os.PathLike[str], None]" = None,
        serverconfig: Optional[Mapping[str, Any]] = None,
        *,
        connection_pool: Optional[redis.asyncio.ConnectionPool] = None,
        location: Optional[Location] = None,
        clock: Optional[Clock] = None,
        databases: Optional[int] = None,
        appendfsync: Optional[str] = None,
        **options: Unpack[AsyncClientKeywords],
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

    def _new_pool(self, options: Mapping[str, Any]) -> Any:
        pool = super()._new_pool(options)
        pool._lock = PoolLock()
        return pool

    @classmethod
    def from_url(
        cls: Type[_Client],
        url: str,
        single_connection_client: bool = False,
        auto_close_connection_pool: Any = None,
        **keywords: Any,
    ) -> _Client:
        """A client of what a URL names; see ``redlet.Redis.from_url``."""
        closes_pool = True if auto_close_connection_pool is None else auto_close_connection_pool
        return cls._of_url(url, single_connection_client, closes_pool, keywords)

    def _is_turn(self) -> bool:
        """Whether the event loop has its turn, before the next command: so nothing that was done is lost if the task is cancelled."""
        self._since_turn = (self._since_turn + 1) % _TURN
        return not self._since_turn

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        store, handler = self._fast_way(args[0])
        if store is None:
            return await super().execute_command(*args, **options)
        if self._is_turn():
            await asyncio.sleep(0)
        return direct.answer(store, handler, args, options)

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> "Pipeline":
        return Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint, self)

    async def initialize(self) -> "Redis":
        if self._is_complete:
            await super().initialize()
        return self

    async def __aenter__(self) -> "Redis":
        if self._is_complete:
            await super().__aenter__()
        return self

    async def __aexit__(self, *exception: Any) -> None:
        if self._is_complete and "_usage_counter" in self.__dict__ and self._usage_counter > 0:
            await super().__aexit__(*exception)
            if self._usage_counter > 0:
                return
        await self.aclose()

    async def aclose(self, close_connection_pool: Optional[bool] = None) -> None:
        """Ends this client; see ``redlet.Redis.close``."""
        if self._is_complete and "connection" in self.__dict__:
            base: Any = super()
            # In redis-py 5.0.0 it has the older name only.
            await getattr(base, "aclose", base.close)(close_connection_pool)
        self._let_go()

    async def close(self, close_connection_pool: Optional[bool] = None) -> None:
        """The older name of ``aclose``."""
        await self.aclose(close_connection_pool)

    def __del__(self, *args: Any) -> None:
        if self._is_complete and "connection" in self.__dict__:
            super().__del__()


def _thin(native: Any, long: Any) -> Callable[..., Any]:
    async def method(self: Any, *args: Any, **options: Any) -> Any:
        store = self._thin
        if store is not None and not direct.is_observed():
            if self._is_turn():
                await asyncio.sleep(0)
            try:
                return native(store, *args, **options)
            except (LongWay, TypeError, OverflowError):
                pass
        return await long(self, *args, **options)

    return method


for _name, _method in direct.thin_methods(redis.asyncio.client.Redis, _thin).items():
    setattr(Redis, _name, _method)


Redis._plain = Redis


class StrictRedis(Redis):
    """Under redis-py's other name."""


class Pipeline(Recorder, _Pipeline):  # type: ignore[misc]
    """redis-py's pipeline, which runs in one call of the engine where it can."""

    async def execute(self, raise_on_error: bool = True) -> List[Any]:
        try:
            outcome = self._run_at_once(self.is_transaction)
        except BaseException:
            await self.reset()
            raise
        if outcome is None:
            return list(await super().execute(raise_on_error))
        results, has_refusal = outcome
        try:
            if has_refusal and raise_on_error:
                self.raise_first_error(self.command_stack, results)
            return results
        finally:
            await self.reset()


add_pipeline_methods(True, Pipeline, _Pipeline, direct.description)

