"""Stores in the process for code that makes its redis-py clients itself.

>>> import redis
>>> from redlet.testing import replace
>>> with replace():
...     redis.Redis(host="cache.example.com", db=3).set("greeting", "hello")
...     redis.from_url("redis://cache.example.com/3").get("greeting")
True
b'hello'
"""

from __future__ import annotations

import functools
import inspect
import os
import threading
import weakref
from types import TracebackType
from typing import Any, Callable, Dict, List, Optional, Tuple, Type, TypeVar, Union, overload

import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.asyncio.connection
import redis.asyncio.sentinel
import redis.cluster
import redis.connection
import redis.sentinel

import redlet.asyncio.connection
import redlet.connection
from redlet._native import Clock
from redlet.location import Location

__all__ = ["Replacement", "replace"]

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])
_Self = TypeVar("_Self", bound="Replacement")

#: A server as its clients name it: a host and a port, or the path of a socket.
Address = Union[Tuple[str, int], str]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", ""})

# The modules whose connections have another end that is in the process already.
_EMBEDDED = ("redlet", "fakeredis")

# Replacements that have started and not ended, the innermost last. Looked at and changed with the lock held: any thread makes clients.
_active: "List[Replacement]" = []
_lock = threading.RLock()


@overload
def replace(function: None = None, *, clock: Optional[Clock] = None) -> "Replacement": ...
@overload
def replace(function: _Decorated) -> _Decorated: ...
def replace(function: Optional[Callable[..., Any]] = None, *, clock: Optional[Clock] = None) -> Any:
    """Gives whoever makes a client of redis-py a store in this process, until it ends.

    A context manager, a decorator (of functions, coroutines, generators and test classes, with and without brackets), and an object with
    ``start`` and ``stop``. Each address is a private store of its own, which all clients of that address share and which ends with the
    replacement; each use of a decorator begins with empty ones. With ``clock`` the stores have its time.
    """
    replacement = Replacement(clock=clock)
    return replacement if function is None else replacement(function)


class Replacement:
    """What ``replace`` returns."""

    def __init__(self, *, clock: Optional[Clock] = None) -> None:
        self.clock = clock
        self._locations: Dict[Address, Location] = {}
        self._connections: "weakref.WeakSet[Any]" = weakref.WeakSet()
        self._pools: Dict[int, "_Converted"] = {}
        self._classes: Dict[Any, Any] = {}

    def start(self: _Self) -> _Self:
        """Begins, until ``stop``."""
        with _lock:
            if self in _active:
                raise RuntimeError("this replacement has started already; another replace() can start inside it")
            if not _active:
                _install()
            _active.append(self)
        return self

    def stop(self) -> None:
        """Ends: the stores are gone, and clients that were made before the start talk to their servers again. Those that were made since are of
        no more use. Does nothing if it has not started."""
        with _lock:
            if self not in _active:
                return
            _active.remove(self)
            if not _active:
                _uninstall()
            pools, connections = list(self._pools.values()), list(self._connections)
            locations = list(self._locations.values())
            for kept in (self._pools, self._locations, self._classes):
                kept.clear()
            self._connections.clear()
        for pool in pools:
            pool.restore()
        for connection in connections:
            connection.end()
        for location in locations:
            location.close()

    def clear(self) -> None:
        """Empties all stores."""
        with _lock:
            locations = list(self._locations.values())
        for location in locations:
            location.store().execute("FLUSHALL")

    def __enter__(self: _Self) -> _Self:
        return self.start()

    def __exit__(
        self,
        exception_type: Optional[Type[BaseException]],
        exception: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()

    def __call__(self, decorated: _Decorated) -> _Decorated:
        wrapped: Any = self._decorate_class(decorated) if isinstance(decorated, type) else self._decorate(decorated)
        return wrapped  # type: ignore[no-any-return]

    def _again(self) -> "Replacement":
        return Replacement(clock=self.clock)

    def _decorate_class(self, decorated: Any) -> Any:
        for name, value in list(vars(decorated).items()):
            if name.startswith("test") and inspect.isfunction(value):
                setattr(decorated, name, self._decorate(value))
        return decorated

    def _decorate(self, function: Any) -> Any:
        if inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def asyncgen(*args: Any, **keywords: Any) -> Any:
                with self._again():
                    async for one in function(*args, **keywords):
                        yield one

            return asyncgen
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def coroutine(*args: Any, **keywords: Any) -> Any:
                with self._again():
                    return await function(*args, **keywords)

            return coroutine
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: Any, **keywords: Any) -> Any:
                with self._again():
                    return (yield from function(*args, **keywords))

            return generator

        @functools.wraps(function)
        def plain(*args: Any, **keywords: Any) -> Any:
            with self._again():
                return function(*args, **keywords)

        return plain

    def _location(self, address: Address) -> Location:
        with _lock:
            if self not in _active:
                raise redis.ConnectionError("this client was made inside of redlet.testing.replace, which has ended; make a new one")
            found = self._locations.get(address)
            if found is None:
                options = {} if self.clock is None else {"clock": self.clock}
                found = self._locations[address] = Location.private(**options)
            return found

    def _convert(self, pool: Any) -> None:
        """From now on the pool makes connections to a store."""
        original = pool.connection_class
        converted = self._classes.get(original)
        if converted is None:
            is_async = issubclass(original, redis.asyncio.connection.AbstractConnection)
            mixin: Any = _AsyncConnection if is_async else _Connection
            converted = _embedded(original, mixin, self)
            if original.__module__.startswith("redis."):
                self._classes[original] = converted
        pool.connection_class = converted

    def _borrow(self, pool: Any) -> None:
        """Converts a pool that was there before, until the end."""
        with _lock:
            if id(pool) not in self._pools and self in _active:
                self._pools[id(pool)] = _Converted(pool)
                self._convert(pool)

    def __repr__(self) -> str:
        state = "active" if self in _active else "not active"
        return f"<redlet.testing.Replacement, {state}, {len(self._locations)} stores>"


class _Converted:
    """A pool that is older than the replacement, and what it has to get back."""

    #: Where pools have their connections.
    STATE = ("connection_class", "_created_connections", "_available_connections", "_in_use_connections", "_connections", "pool")

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.state = {name: pool.__dict__[name] for name in self.STATE if name in pool.__dict__}
        pool.reset()

    def restore(self) -> None:
        for name in self.STATE:
            if name in self.state:
                setattr(self.pool, name, self.state[name])


def _address(host: Any, port: Any, path: Any) -> Address:
    if path:
        return str(os.fspath(path))
    name = str(host or "").lower()
    return "localhost" if name in _LOOPBACK else name, int(port or 6379)


class _Embedded:
    """What connections of both kinds have here: a store by the address of a server, whatever else they are told about that server."""

    replacement: Replacement

    def __init__(
        self,
        host: Any = "localhost",
        port: Any = 6379,
        *,
        path: Any = None,
        username: Any = None,
        password: Any = None,
        credential_provider: Any = None,
        **keywords: Any,
    ) -> None:
        location = self.replacement._location(_address(host, port, path))
        super().__init__(location=location, **keywords)  # type: ignore[call-arg]
        self.host: Any = host
        self.port: Any = port
        self.path = path
        self.replacement._connections.add(self)


class _Connection(_Embedded, redlet.connection.Connection):
    def end(self) -> None:
        self.disconnect()


class _AsyncConnection(_Embedded, redlet.asyncio.connection.Connection):
    def end(self) -> None:
        # Whoever waits is told, in whichever event loop that is.
        self._close()


_METHOD_ORDERS: Dict[Any, Any] = {}


def _ordering(base: Any) -> Any:
    """A metaclass beside another one, which lets a class say in which order its methods are looked up."""
    found = _METHOD_ORDERS.get(base)
    if found is None:

        def mro(cls: Any) -> Any:
            order = base.mro(cls)
            mixin = cls.__dict__.get("_mixin")
            if mixin is None:
                return order
            embedded = [one for one in mixin.__mro__ if one is not object]
            inherited = [one for one in order[1:-1] if one not in embedded]
            # What redis-py's connections of a network do comes last: they are there for `isinstance` and `super`.
            of_others = [one for one in inherited if not one.__module__.startswith("redis.")]
            of_redis_py = [one for one in inherited if one.__module__.startswith("redis.")]
            return [cls, *of_others, *embedded, *of_redis_py, object]

        found = _METHOD_ORDERS[base] = type("_Ordering", (base,), {"mro": mro})
    return found


def _embedded(original: Any, mixin: Any, replacement: Replacement) -> Any:
    """A subclass of a class of connections whose other end is a store. What others have overridden stays overridden."""
    names = {"_mixin": mixin, "replacement": replacement, "__module__": original.__module__, "__qualname__": original.__qualname__}
    return _ordering(type(original))(original.__name__, (original, mixin), names)


def _is_of_a_server(connection_class: Any) -> bool:
    if not isinstance(connection_class, type):
        return False
    kinds = (redis.connection.AbstractConnection, redis.asyncio.connection.AbstractConnection)
    modules = {one.__module__.split(".")[0] for one in connection_class.__mro__}
    return issubclass(connection_class, kinds) and not modules.intersection(_EMBEDDED)


# The hooks. A pool's constructor is the one place through which clients pass whoever imported what, and when.


def _converting(original: Any) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **keywords: Any) -> None:
        original(self, *args, **keywords)
        with _lock:
            if _active and _is_of_a_server(self.connection_class):
                _active[-1]._convert(self)

    return __init__


def _borrowing(original: Any) -> Any:
    @functools.wraps(original)
    def get_connection(self: Any, *args: Any, **keywords: Any) -> Any:
        with _lock:
            if _active and (_is_of_a_server(self.connection_class) or any(id(self) in one._pools for one in _active[:-1])):
                _active[-1]._borrow(self)
        return original(self, *args, **keywords)

    return get_connection


def _refusing(original: Any) -> Any:
    name = original.__qualname__.split(".")[0]
    module = original.__module__

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **keywords: Any) -> None:
        raise redis.RedisError(
            f"redlet.testing.replace puts a store in the place of each server, and has none for {module}.{name}: give the code under "
            "test a redis.Redis where it has a choice"
        )

    return __init__


_Hook = Tuple[Any, str, Callable[[Any], Any]]
_HOOKS: "List[_Hook]" = [
    (redis.connection.ConnectionPool, "__init__", _converting),
    (redis.connection.ConnectionPool, "get_connection", _borrowing),
    (redis.connection.BlockingConnectionPool, "get_connection", _borrowing),
    (redis.asyncio.connection.ConnectionPool, "__init__", _converting),
    (redis.asyncio.connection.ConnectionPool, "get_connection", _borrowing),
    (redis.asyncio.connection.BlockingConnectionPool, "get_connection", _borrowing),
    (redis.cluster.RedisCluster, "__init__", _refusing),
    (redis.asyncio.cluster.RedisCluster, "__init__", _refusing),
    (redis.sentinel.Sentinel, "__init__", _refusing),
    (redis.asyncio.sentinel.Sentinel, "__init__", _refusing),
]
_installed: "List[Tuple[Any, str, Any, Any]]" = []


def _install() -> None:
    for owner, name, wrap in _HOOKS:
        if name in owner.__dict__:
            original = owner.__dict__[name]
            hook = wrap(original)
            setattr(owner, name, hook)
            _installed.append((owner, name, original, hook))


def _uninstall() -> None:
    while _installed:
        owner, name, original, hook = _installed.pop()
        if owner.__dict__.get(name) is hook:
            setattr(owner, name, original)
