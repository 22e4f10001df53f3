"""``redlet.asyncio.Redis``."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Callable, FrozenSet, List, Mapping, Optional, Type, TypeVar, Union

import redis.asyncio
import redis.asyncio.lock
import redis.asyncio.client
from redis.asyncio.client import Pipeline as _Pipeline

from redlet import direct
from redlet._native import add_pipeline_methods, Clock
from redlet.asyncio.connection import Connection, PoolLock
from redlet.client import _NETWORK_KEYWORDS, Embedded, OwnScripts, check_keywords, talks_to_server
from redlet.connection import _keywords, no_notifications
from redlet.direct import LONG
from redlet.exceptions import LongWay
from redlet.location import Location
from redlet.server_config import settings_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from redlet.keywords import AsyncClientKeywords

_Client = TypeVar("_Client", bound="Redis")

_CLIENT_KEYWORDS: FrozenSet[str] = _keywords(redis.asyncio.client.Redis.__init__)
_POOL_KEYWORDS: FrozenSet[str] = _CLIENT_KEYWORDS - {
    *_NETWORK_KEYWORDS,
    "connection_pool",
    "single_connection_client",
    "auto_close_connection_pool",
    "errors",
    "charset",
}

# After so many commands in a row that had nothing to wait for, the event loop has its turn: it must not starve under a loop of them.
_TURN = 128


class Lock(OwnScripts, redis.asyncio.lock.Lock):
    """redis-py's lock."""


class Redis(Embedded, redis.asyncio.client.Redis):  # type: ignore[misc]
    """redis-py's asyncio client on a store in this process; see ``redlet.Redis`` for what its arguments mean."""

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
        check_keywords(type(self), options, _CLIENT_KEYWORDS)
        if connection_pool is not None:
            self._settings = settings_of(None, None, None)
            redis.asyncio.client.Redis.__init__(self, connection_pool=connection_pool, **options)
            self._adopt_pool(connection_pool)
            return
        if talks_to_server(
            options,
            dbfilename=dbfilename,
            location=location,
            serverconfig=serverconfig,
            clock=clock,
            databases=databases,
            appendfsync=appendfsync,
        ):
            self._settings = settings_of(None, None, None)
            redis.asyncio.client.Redis.__init__(self, **options)
            return
        self._settings = settings_of(serverconfig, databases, appendfsync)
        if location is None:
            location = self._settings.location(dbfilename, clock)
            self._owns_location = True
        self._begin(location, options, Redis)

    def _construct(self) -> None:
        assert self._location is not None
        pooled = {
            name: value for name, value in self._options.items() if name in _POOL_KEYWORDS and value is not None
        }
        pool: Any = redis.asyncio.ConnectionPool(
            connection_class=Connection, location=self._location, **{**no_notifications(), **pooled}
        )
        pool._lock = PoolLock()
        single = bool(self._options.get("single_connection_client"))
        redis.asyncio.client.Redis.__init__(self, connection_pool=pool, single_connection_client=single)
        self.auto_close_connection_pool = True
        self._completed()

    def _adopt_pool(self, pool: redis.asyncio.ConnectionPool) -> None:
        """A pool of connections to a store in the process has that store's fast way too."""
        location = pool.connection_kwargs.get("location")
        if pool.connection_class is not Connection or not isinstance(location, Location):
            return
        self._location = location
        self._completed()
        if not self.single_connection_client:
            try:
                store = location.store()
            except redis.ConnectionError:
                return  # The connections say so, or know another way.
            self._choose_way(store, pool.connection_kwargs, Redis)

    @property
    def connection_pool(self) -> Any:
        """The pool of connections, for all that needs one."""
        if "_pool" not in self.__dict__:
            self.__getattr__("_pool")
        return self.__dict__["_pool"]

    @connection_pool.setter
    def connection_pool(self, pool: Any) -> None:
        if "_pool" in self.__dict__:
            # Somebody wants another store.
            self._go_the_long_way()
        self.__dict__["_pool"] = pool

    @classmethod
    def from_url(
        cls: Type[_Client],
        url: str,
        single_connection_client: bool = False,
        auto_close_connection_pool: Any = None,
        **keywords: Any,
    ) -> _Client:
        """A client of what a URL names; see ``redlet.Redis.from_url``."""
        from redlet.url import client_options, is_ours

        if is_ours(url):
            options = client_options(url, keywords)
            embedded = cls(single_connection_client=single_connection_client, **options)
            # The URL was read for this client alone.
            embedded._owns_location = True
            return embedded
        pool = redis.asyncio.ConnectionPool.from_url(url, **keywords)
        client = cls(connection_pool=pool, single_connection_client=single_connection_client)
        client.auto_close_connection_pool = True if auto_close_connection_pool is None else auto_close_connection_pool
        return client

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        store = self._direct
        if store is None or direct.is_observed():
            return await super().execute_command(*args, **options)
        name = args[0]
        try:
            handler = self._handlers[name]
        except (KeyError, TypeError):
            handler = self._handlers.learn(store, name)
        if handler is LONG:
            if direct.marks_connection(name):
                self._go_the_long_way()
            return await super().execute_command(*args, **options)
        # Before the command, so that nothing that was done is lost if the task is cancelled.
        self._since_turn += 1
        if self._since_turn > _TURN:
            self._since_turn = 0
            await asyncio.sleep(0)
        return direct.answer(store, handler, args, options)

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> "Pipeline":
        return Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint, self)

    def lock(
        self,
        name: Any,
        timeout: Optional[float] = None,
        sleep: float = 0.1,
        blocking: bool = True,
        blocking_timeout: Optional[float] = None,
        lock_class: Any = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        """redis-py's lock by a name."""
        return super().lock(name, timeout, sleep, blocking, blocking_timeout, lock_class or Lock, *args, **options)

    def client(self) -> "Redis":
        return type(self)(connection_pool=self.connection_pool, single_connection_client=True)

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
            self._since_turn += 1
            if self._since_turn > _TURN:
                self._since_turn = 0
                await asyncio.sleep(0)
            try:
                return native(store, *args, **options)
            except (LongWay, TypeError, OverflowError):
                pass
        return await long(self, *args, **options)

    return method


for _name, _method in direct.thin_methods(redis.asyncio.client.Redis, _thin).items():
    setattr(Redis, _name, _method)


class StrictRedis(Redis):
    """Under redis-py's other name."""


class Pipeline(_Pipeline):
    """redis-py's pipeline, which runs in one call of the engine where it can."""

    def __init__(
        self, connection_pool: Any, response_callbacks: Any, transaction: Any, shard_hint: Any, client: Any = None
    ) -> None:
        super().__init__(connection_pool, response_callbacks, transaction, shard_hint)
        self._client: Any = client

    async def execute(self, raise_on_error: bool = True) -> List[Any]:
        stack = self.command_stack
        client = self._client
        store = getattr(client, "_direct", None)
        if store is None or not stack or self.watching or self.scripts or direct.is_observed():
            return list(await super().execute(raise_on_error))
        try:
            outcome = direct.run_stack(store, client._handlers, stack, bool(self.is_transaction or self.explicit_transaction))
        except BaseException:
            await self.reset()
            raise
        if outcome is None:
            return list(await super().execute(raise_on_error))
        results, has_refusal = outcome
        try:
            if has_refusal and raise_on_error:
                self.raise_first_error(stack, results)
            return results
        finally:
            await self.reset()


add_pipeline_methods(True, Pipeline, _Pipeline, direct.description)

