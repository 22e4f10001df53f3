"""A connection of redis-py whose other end is in the process."""

from __future__ import annotations

import builtins
import inspect
import os
import re
import socket
import time
from typing import Any, FrozenSet, Iterable, List, Mapping, Optional

import redis.connection
from redis.backoff import ExponentialBackoff
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError, DataError, ResponseError, TimeoutError
from redis.retry import Retry

from redlet._native import Session, Store
from redlet.exceptions import Push
from redlet.location import Location

_UNSET: Any = object()

#: Commands after which there are answers that nobody has asked for.
_LISTENING = frozenset(["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR"])


def keywords_of(function: Any) -> FrozenSet[str]:
    """What a method can be given by name."""
    return frozenset(inspect.signature(function).parameters) - {"self"}


def connection_keywords(base: Any) -> "tuple[FrozenSet[str], dict[str, Any]]":
    """Which keywords a version of redis-py knows for its connections, and those that spare work that only a network needs."""
    known = keywords_of(base.__init__)
    spared: "dict[str, Any]" = {}
    if "driver_info" in known:
        # Reading it takes half a millisecond.
        spared["driver_info"] = None
    elif "lib_name" in known:
        spared.update(lib_name=None, lib_version=None)
    if "maint_notifications_config" in known:
        from redis.maint_notifications import MaintNotificationsConfig

        spared["maint_notifications_config"] = MaintNotificationsConfig(enabled=False)
    return known, spared


_KNOWN, _SPARED = connection_keywords(AbstractConnection)

#: Whether redis-py itself wants a connection closed; it may since version 6.
_is_to_reconnect: Any = getattr(AbstractConnection, "should_reconnect", lambda connection: False)


def keywords_of_connection(known: FrozenSet[str], spared: Mapping[str, Any], given: Mapping[str, Any]) -> "dict[str, Any]":
    """What redis-py's own constructor is given."""
    # Another process that serves a store is no network either: a command that waits there does so as long as it was told to. Only what comes
    # from there is read into a buffer, which each connection makes, and a small one is made sooner.
    return {"socket_timeout": None, "socket_read_size": 8192, **{name: value for name, value in given.items() if name in known}, **spared}


def patience_with_owner() -> ExponentialBackoff:
    """How long after each attempt the next one is made, while the process that has a store ends: it lets go of the store when everything is on
    the disk."""
    return ExponentialBackoff(cap=0.5, base=0.004)


ATTEMPTS_WITH_OWNER = 12
"""So that it is given up after about three seconds."""


def says_how_to_retry(given: Mapping[str, Any]) -> bool:
    """Whether somebody has said when commands are sent again."""
    return any(given.get(name) for name in ("retry", "retry_on_error", "retry_on_timeout"))


def database_number(db: Any) -> int:
    """The number of a database; what is none is refused with Redis's words for SELECT."""
    if isinstance(db, (bool, float)):
        raise DataError(f"db is the number of a database, a whole one, not {db!r}")
    try:
        number = int(db or 0)
    except (TypeError, ValueError):
        raise ResponseError(f"value is not an integer or out of range: db={db!r} is no number of a database") from None
    if number < 0:
        raise ResponseError(f"DB index is out of range: there is no database {number}")
    return number


#: What redis-py speaks if nothing is said: 3 since its version 8. Its callbacks are made for that.
USUAL_PROTOCOL: int = getattr(redis.connection, "DEFAULT_RESP_VERSION", 2)


def protocol_number(protocol: Any) -> int:
    """2 or 3; anything else is refused as redis-py's connections do."""
    if protocol is None:
        return USUAL_PROTOCOL
    try:
        number = int(protocol)
    except (TypeError, ValueError):
        raise ConnectionError(f"protocol must be an integer, 2 or 3, not {protocol!r}") from None
    if number not in (2, 3):
        raise ConnectionError(f"protocol must be either 2 or 3, not {protocol!r}")
    return number


def place_of_connection(location: Optional[Location], path: Optional[str]) -> Location:
    """Where the store of a connection is. A pool makes all of its connections from the same keywords, so these must name a place: without one,
    each connection would have memory of its own."""
    if location is not None:
        return location
    if path is None:
        raise DataError(
            "a connection to a store must be told which one: give its pool path=, or location=, or make the pool of a redlet:// URL"
        )
    return Location.on_disk(path)


def no_notifications() -> "dict[str, Any]":
    """What a pool is told so that nobody waits for a server to move elsewhere."""
    name = "maint_notifications_config"
    return {name: _SPARED[name]} if name in _SPARED else {}


def handle_push(parser: Any, response: Any) -> Any:
    """Gives a push to whoever redis-py's parser would have given it."""
    try:
        return parser.handle_push_response(response)
    except (AttributeError, TypeError):
        # Before redis-py 6 parsers had no such method, or one with other arguments.
        handler = getattr(parser, "pubsub_push_handler_func", None)
        return response if handler is None else handler(response)


def raise_first_of_list(response: Any) -> None:
    """Raises what redis-py's parsers raise: a transaction has failed as a whole if its first answer says that the server is of no use."""
    if type(response) is list and response and isinstance(response[0], ConnectionError):
        raise response[0]


_NOWHERE = re.compile(r"^([\d.]+ \[\d+ )\]")


def with_place(line: Any) -> Any:
    """A line of MONITOR. Callers in the process have no address, without which redis-py cannot read it."""
    if isinstance(line, bytes):
        return with_place(line.decode("latin-1")).encode("latin-1")
    return _NOWHERE.sub(r"\1unix:redlet]", line) if isinstance(line, str) else line


class EmbeddedConnection:
    """What both connections, that for threads and that for asyncio, have of a session, beside redis-py's connection, which comes after it among their
    bases."""

    host: Any = "redlet"
    port = 0

    # What redis-py's connection knows and is spared, and its kind of retries.
    _known: FrozenSet[str]
    _spared: Mapping[str, Any]
    _retry_class: Any

    db: Any
    username: Any
    password: Any
    credential_provider: Any
    client_name: Any
    encoder: Any
    protocol: Any
    health_check_interval: Any
    retry: Any
    _connect_callbacks: List[Any]

    def __init__(self, location: Optional[Location], path: Optional[str], keywords: Mapping[str, Any]) -> None:
        self.location = place_of_connection(location, path)
        self._session: Optional[Session] = None
        self._has_owner = False
        base: Any = super()
        base.__init__(**keywords_of_connection(self._known, self._spared, keywords))
        self._own_retry = self.retry
        self._given = keywords

    def repr_pieces(self) -> "List[tuple[str, Any]]":
        pieces: "List[tuple[str, Any]]" = [("store", self.location), ("db", self.db)]
        if self.client_name:
            pieces.append(("client_name", self.client_name))
        return pieces

    def _host_error(self) -> str:
        return repr(self.location)

    def _begin_with_owner(self) -> None:
        """Another process has the store: there is a socket now, with which to have patience."""
        if not self._has_owner and not says_how_to_retry(self._given):
            self.retry = self._retry_class(patience_with_owner(), ATTEMPTS_WITH_OWNER)
            # redis-py 5 asks this too.
            self.retry_on_error: Any = [ConnectionError]
        self._has_owner = True

    def _begin_session(self, opened: Store[Any]) -> bool:
        """This process has the store: opens a session. Whether somebody has yet to log in."""
        self._has_owner, self.retry = False, self._own_retry
        encoder = self.encoder
        store = opened.select(database_number(self.db), encoding=encoder.encoding, encoding_errors=encoder.encoding_errors)
        logs_in = bool(self.username or self.password or self.credential_provider)
        self._session = Session(store, 2 if logs_in else int(self.protocol), None if logs_in else self.client_name)
        if self.health_check_interval:
            self._note_health()
        self._reset_himport()
        return logs_in

    def _note_health(self) -> None:
        raise NotImplementedError

    def _reset_himport(self) -> None:
        reset = getattr(self, "_reset_himport_state", None)
        if reset is not None:
            reset()

    def _living_callbacks(self) -> List[Any]:
        """Who wants to know that it is connected."""
        self._connect_callbacks = [one for one in self._connect_callbacks if one()]
        return [callback for callback in (one() for one in self._connect_callbacks) if callback]


class Connection(EmbeddedConnection, AbstractConnection):
    """A connection to a redlet store. Takes every keyword that redis-py's connections take; those about a network have no effect.

    Its ``_sock`` is a session in the process. Where the store belongs to another process that serves it, it is a real socket, and everything
    is as in redis-py.
    """

    _known, _spared = _KNOWN, _SPARED
    _retry_class = Retry

    def __init__(
        self, location: Optional[Location] = None, path: Optional[str] = None, **keywords: Any
    ) -> None:
        #: The command that has brought messages, if one has.
        self._listens_to: str = ""
        super().__init__(location, path, keywords)

    def connect(self) -> None:
        """Opens the store if it is not open, and a session on it."""
        if self._sock is not None:
            return
        if self._has_owner:
            # It may be about to end, and this process takes its place.
            self.retry.call_with_retry(self._attach, lambda error: self.disconnect())
        else:
            self._attach()

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        self.connect()

    def _attach(self) -> None:
        target = self.location.attach()
        if isinstance(target, str):
            self._target = target
            base: Any = super()
            # The method of redis-py 6 and later ends in `_connect`; that of 5 is called `connect`.
            getattr(base, "connect_check_health", base.connect)()
            self._begin_with_owner()
            return
        logs_in = self._begin_session(target)
        self._sock: Any = self._session
        self._handshake: Any = None
        try:
            if self.redis_connect_func is not None:
                on_connect: Any = self.redis_connect_func
                on_connect(self)
            elif logs_in:
                self.on_connect()
        except Exception:
            self.disconnect()
            raise
        for callback in self._living_callbacks():
            callback(self)

    def _connect(self) -> socket.socket:
        """A socket to the process that has the store."""
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connected.settimeout(self.socket_connect_timeout)
        try:
            connected.connect(self._target)
        except OSError:
            connected.close()
            raise
        connected.settimeout(self.socket_timeout)
        return connected

    @property
    def handshake_metadata(self) -> Any:
        """What HELLO says."""
        if self._session is not None:
            # Asked for once, when nothing else can be there to be read: whoever caches asks again and again.
            if self._handshake is None:
                self._handshake = self._session.handshake()
            return self._handshake
        return getattr(self, "_handshake_metadata", None)

    @handshake_metadata.setter
    def handshake_metadata(self, value: Any) -> None:
        self._handshake_metadata = value

    def disconnect(self, *args: Any, **keywords: Any) -> None:
        """Ends the session: what it waits for goes to others."""
        session, self._session = self._session, None
        self._listens_to = ""
        if session is not None:
            session.close()
        super().disconnect(*args, **keywords)

    def send_command(self, *args: Any, **keywords: Any) -> None:
        session = self._session
        if session is None:
            self.connect()
            session = self._session
            if session is None:
                super().send_command(*args, **keywords)
                return
        if self.health_check_interval and keywords.get("check_health", True):
            self.check_health()
            session = self._session or session
        if args[0] in _LISTENING:
            self._listens_to = args[0]
        session.send(*args)

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if self._session is None:
            self.connect()
        if self._session is None:
            super().send_packed_command(command, check_health)
            return
        if self.health_check_interval and check_health:
            self.check_health()
        if isinstance(command, (str, bytes)):
            command = [command]
        self._session.send_all(command)

    def pack_commands(self, commands: Iterable[Any]) -> List[Any]:
        # Words are what a session takes; bytes would be taken apart again.
        if self._sock is None:
            self.connect()
        return list(map(tuple, commands)) if self._session is not None else super().pack_commands(commands)

    def can_read(self, timeout: Optional[float] = 0) -> bool:
        if self._sock is None:
            self.connect()
        if self._session is None:
            base: Any = super()
            return bool(base.can_read(timeout))
        return self._session.can_read(timeout)

    def read_response(
        self,
        disable_decoding: bool = False,
        *,
        timeout: Any = _UNSET,
        disconnect_on_error: bool = True,
        push_request: bool = False,
        **keywords: Any,
    ) -> Any:
        session = self._session
        if session is None:
            if self._sock is None:
                raise ConnectionError("Connection closed by server.")
            if timeout is not _UNSET:
                keywords["timeout"] = timeout
            return super().read_response(
                disable_decoding,
                disconnect_on_error=disconnect_on_error,
                push_request=push_request,
                **keywords,
            )
        # A command that waits does so as long as it was told to: `socket_timeout` is about networks.
        # redis-py has a mark of its own for a timeout that was not given.
        seconds = timeout if isinstance(timeout, (int, float)) else None
        decode = self.encoder.decode_responses and not disable_decoding
        try:
            while True:
                response = session.read(seconds, decode)
                if type(response) is not Push:
                    break
                response = handle_push(self._parser, list(response))
                if push_request:
                    break
            if type(response) is list:
                raise_first_of_list(response)
            if self._listens_to == "MONITOR":
                response = with_place(response)
        except ResponseError:
            if self.health_check_interval:
                self._note_health()
            raise
        except builtins.TimeoutError:
            if disconnect_on_error:
                self.disconnect()
            raise TimeoutError(f"Timeout reading from {self._host_error()}") from None
        except BaseException:
            if disconnect_on_error:
                self.disconnect()
            raise
        if self.health_check_interval:
            self._note_health()
        return response

    def should_reconnect(self) -> bool:
        """Whether the pool that gets it back closes it. It does so if there is an answer that nobody has read, because a callback has failed
        between two of a pipeline: whoever has the connection next would take it for his. Pools of redis-py 8 look for that with servers that
        tell of no maintenance only."""
        if _is_to_reconnect(self):
            return True
        session = self._session
        # Subscriptions leave messages unread, and so do caches, which have a callback of theirs called when it connects.
        if session is None or self._listens_to or self._connect_callbacks:
            return False
        try:
            return session.can_read(0)
        except ConnectionError:
            return True

    def _note_health(self) -> None:
        now: Any = time.monotonic()
        self.next_health_check = now + self.health_check_interval

    def __del__(self) -> None:
        try:
            if self._sock is not None and self.pid == os.getpid():
                self.disconnect()
        except Exception:
            pass
