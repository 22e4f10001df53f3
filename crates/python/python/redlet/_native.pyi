"""The engine, as Python has it. Use the package ``redlet``, not this module."""

import builtins
import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import GenericAlias
from typing import Any, Generic, Literal, Union, final, overload

from typing_extensions import Self, TypeAlias, TypeVar, disjoint_base

__all__ = [
    "Clock",
    "Session",
    "Store",
    "add_client_methods",
    "add_pipeline_methods",
    "after_fork_in_child",
    "before_fork",
    "method_names",
    "sync_all",
]

_Text = TypeVar("_Text", bytes, str, default=bytes)
_Path: TypeAlias = Union[str, os.PathLike[str]]
# What a word of a command can be. A `bool` is an `int` for a type checker, and refused with a `DataError`.
_Word: TypeAlias = Union[str, bytes, bytearray, memoryview, int, float]
_Words: TypeAlias = tuple[_Word, ...]
_Fsync: TypeAlias = Literal["always", "everysec", "no"]
_Protocol: TypeAlias = Literal[2, 3]

@final
class Clock:
    """A clock that moves only when told to. Stores that were opened with it have its time."""

    def __new__(cls, now: float | None = None) -> Self:
        """A clock that stands at ``now``, in seconds since 1970; at the present if that is left out."""

    def now(self) -> float:
        """Seconds since 1970."""

    def advance(self, by: float | timedelta) -> None:
        """Moves it forward by so many seconds, or by a ``datetime.timedelta``. What comes due by that happens before this returns: keys expire,
        waits end.

        Raises ``ValueError`` if the number is negative.
        """

    def set(self, now: float) -> None:
        """Sets it to a moment in seconds since 1970, forward or back."""

@disjoint_base
class Store(Generic[_Text]):
    """A store: private memory, memory that is shared by name in the process, or a folder on disk.

    The bare engine, without redis-py around it: the methods are named as redis-py's and return the same, for the plain forms of their
    arguments. What only redis-py's own methods understand raises ``redlet.DataError``; ``execute`` takes every command. Any thread may use it.

    Strings are returned as ``bytes``, or as ``str`` if the store was opened with ``decode_responses=True``.
    """

    @overload
    def __new__(
        cls,
        path: _Path | None = None,
        *,
        name: str | None = None,
        db: int = 0,
        databases: int | None = None,
        appendfsync: _Fsync | None = None,
        parameters: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        decode_responses: Literal[True],
        encoding: str = "utf-8",
        encoding_errors: str = "strict",
        protocol: _Protocol = 3,
    ) -> Store[str]: ...
    @overload
    def __new__(
        cls,
        path: _Path | None = None,
        *,
        name: str | None = None,
        db: int = 0,
        databases: int | None = None,
        appendfsync: _Fsync | None = None,
        parameters: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        decode_responses: Literal[False] = False,
        encoding: str = "utf-8",
        encoding_errors: str = "strict",
        protocol: _Protocol = 3,
    ) -> Store[bytes]: ...
    @overload
    def __new__(
        cls,
        path: _Path | None = None,
        *,
        name: str | None = None,
        db: int = 0,
        databases: int | None = None,
        appendfsync: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        decode_responses: bool = False,
        encoding: str = "utf-8",
        encoding_errors: str = "strict",
        protocol: int = 3,
    ) -> Store[Any]:
        """Opens a store: private memory without arguments, memory that the process shares with ``name``, a folder on disk with ``path``.

        ``db`` is the number of the database of this handle, ``databases`` how many there are (16 if nobody said otherwise). ``appendfsync`` is
        Redis's, for a path: when a write is brought to the disk. ``parameters`` are Redis's settings by their names, as
        ``{"maxmemory": "100mb"}``. ``clock`` is for private memory in tests. ``protocol`` says whether replies have the types of RESP2 or
        RESP3.

        Raises ``redlet.StoreInUse`` if another process has the path open, ``redlet.ConnectionError`` with the reason if it cannot be opened, and
        ``ValueError`` for options that make no sense.
        """

    @overload
    @staticmethod
    def numbered(
        number: int,
        db: int = 0,
        *,
        decode_responses: Literal[True],
        encoding: str = "utf-8",
        encoding_errors: str = "strict",
        protocol: _Protocol = 3,
    ) -> Store[str]: ...
    @overload
    @staticmethod
    def numbered(
        number: int,
        db: int = 0,
        *,
        decode_responses: Literal[False] = False,
        encoding: str = "utf-8",
        encoding_errors: str = "strict",
        protocol: _Protocol = 3,
    ) -> Store[bytes]: ...
    @overload
    @staticmethod
    def numbered(
        number: int,
        db: int = 0,
        *,
        decode_responses: bool = False,
        encoding: str = "utf-8",
        encoding_errors: str = "strict",
        protocol: int = 3,
    ) -> Store[Any]:
        """Another handle on the private store of that number, as ``identity`` gives it: for connections that are built again from their
        keywords. Raises ``redlet.ConnectionError`` if this process has no such store any more."""

    @staticmethod
    def socket_of_owner(path: _Path) -> os.PathLike[str] | None:
        """The socket at which the owner of a store on disk serves other processes, if it does."""

    @property
    def identity(self) -> tuple[Literal["private"], int] | tuple[Literal["name", "path"], str]:
        """Where the store is: a path, a name, or for private memory its number."""

    @property
    def db(self) -> int:
        """The number of the database."""

    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""

    def execute(self, *words: _Word) -> Any:
        """Runs a command and returns its reply. A command that waits does so here, and Ctrl-C ends it.

        Raises ``redlet.ResponseError``, or the class that redis-py has for it, with Redis's words if the command is refused.
        """

    def run_directly(self, words: _Words, raw: bool = False) -> Any:
        """The same for a command of which ``runs_directly`` has said that it can, its words in a tuple; ``raw`` leaves strings as bytes."""

    def runs_directly(self, name: _Words) -> bool:
        """Whether a command does the same whoever calls it and never waits."""

    def run_stack(
        self, stack: list[Any], handlers: dict[Any, Any], transaction: bool
    ) -> tuple[list[Any], bool] | None:
        """Runs the commands of a pipeline in one call: each a tuple of its words with a dictionary of options. ``handlers`` has a function for the
        replies of a command, or ``None``, by its name. Returns the results and whether a refusal is among them; ``None``, and nothing has
        run, if one of them has no handler or could not be understood."""

    @overload
    def select(
        self,
        db: int = 0,
        *,
        decode_responses: Literal[True],
        encoding: str = "utf-8",
        encoding_errors: str = "strict",
        protocol: _Protocol = 3,
    ) -> Store[str]: ...
    @overload
    def select(
        self,
        db: int = 0,
        *,
        decode_responses: Literal[False] = False,
        encoding: str = "utf-8",
        encoding_errors: str = "strict",
        protocol: _Protocol = 3,
    ) -> Store[bytes]: ...
    @overload
    def select(
        self,
        db: int = 0,
        *,
        decode_responses: bool = False,
        encoding: str = "utf-8",
        encoding_errors: str = "strict",
        protocol: int = 3,
    ) -> Store[Any]:
        """Another handle on the same store, on a database and with settings of its own. It is closed by itself."""

    def socket(self) -> os.PathLike[str]:
        """The Unix socket at which other processes reach the store. It is opened when this is asked for the first time."""

    def open_socket(self) -> os.PathLike[str] | None:
        """The same if it is open."""

    def serve(self, address: str) -> list[str]:
        """Lets other programs look in at an address (``127.0.0.1:6379``, port 0 for any; ``unix:`` and a path) until this handle is closed.
        Returns the addresses."""

    def listen(self, address: str) -> list[str]:
        """The same until the store is closed, which is with its last handle. Being asked for the same address again changes nothing."""

    def sync(self) -> None:
        """Returns when everything that was written so far is on the disk."""

    def close(self) -> None:
        """Ends this handle; the store is closed with its last one. Returns when everything that was written is on the disk. Closing again does
        nothing."""

    def __class_getitem__(cls, text: Any) -> GenericAlias: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_exception: object) -> None: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

    # Strings.

    def get(self, name: _Word) -> _Text | None:
        """The value of a key, ``None`` if there is none."""

    @overload
    def set(
        self,
        name: _Word,
        value: _Word,
        ex: int | None = None,
        px: int | None = None,
        nx: bool = False,
        xx: bool = False,
        keepttl: bool = False,
        get: Literal[False] = False,
    ) -> bool | None: ...
    @overload
    def set(
        self,
        name: _Word,
        value: _Word,
        ex: int | None = None,
        px: int | None = None,
        nx: bool = False,
        xx: bool = False,
        keepttl: bool = False,
        *,
        get: Literal[True],
    ) -> _Text | None:
        """Gives a key a value, which expires after ``ex`` seconds or ``px`` milliseconds, or keeps the time it had with ``keepttl``. ``True`` if
        it was done; ``None`` if it was not because with ``nx`` there is a value already, or with ``xx`` there is none. With ``get`` the value
        before is returned instead."""

    def mget(self, keys: _Word | Iterable[_Word], *args: _Word) -> list[_Text | None]:
        """The values of several keys, ``None`` for those that have none."""

    def mset(self, mapping: Mapping[Any, _Word]) -> bool:
        """Gives several keys their values at once. The mapping must be a ``dict``."""

    def incr(self, name: _Word, amount: int = 1) -> int:
        """Adds to a number and returns the sum. A key that is not there counts as 0."""

    def incrby(self, name: _Word, amount: int = 1) -> int:
        """Adds to a number and returns the sum. A key that is not there counts as 0."""

    def decr(self, name: _Word, amount: int = 1) -> int:
        """Takes from a number and returns what is left. A key that is not there counts as 0."""

    def decrby(self, name: _Word, amount: int = 1) -> int:
        """Takes from a number and returns what is left. A key that is not there counts as 0."""

    def incrbyfloat(self, name: _Word, amount: _Word) -> float:
        """Adds to a number that may have a fraction and returns the sum."""

    # Keys of any type.

    def delete(self, name: _Word, *names: _Word) -> int:
        """Removes keys; returns how many there were."""

    def unlink(self, name: _Word, *names: _Word) -> int:
        """The same; big values are taken apart later."""

    def exists(self, name: _Word, *names: _Word) -> int:
        """How many of the keys are there. One that is named twice counts twice."""

    def expire(self, name: _Word, time: int) -> bool:
        """Has a key expire after so many seconds. False if it is not there."""

    def pexpire(self, name: _Word, time: int) -> bool:
        """Has a key expire after so many milliseconds. False if it is not there."""

    def persist(self, name: _Word) -> bool:
        """Has a key stay for ever. False if it does already, or is not there."""

    def ttl(self, name: _Word) -> int:
        """Seconds until a key expires; -1 if it never does, -2 if it is not there."""

    def pttl(self, name: _Word) -> int:
        """Milliseconds until a key expires; -1 if it never does, -2 if it is not there."""

    # Hashes.

    def hget(self, name: _Word, key: _Word) -> _Text | None:
        """The value of a field, ``None`` if there is none."""

    def hset(
        self,
        name: _Word,
        key: _Word | None = None,
        value: _Word | None = None,
        mapping: Mapping[Any, _Word] | None = None,
    ) -> int:
        """Gives one field its value, or those of a ``dict``; returns how many fields are new."""

    def hmget(self, name: _Word, keys: _Word | Iterable[_Word], *args: _Word) -> list[_Text | None]:
        """The values of several fields, ``None`` for those that have none."""

    def hgetall(self, name: _Word) -> dict[_Text, _Text]:
        """All fields and their values."""

    def hdel(self, name: _Word, key: _Word, *keys: _Word) -> int:
        """Removes fields; returns how many there were."""

    def hexists(self, name: _Word, key: _Word) -> bool:
        """Whether a field is there."""

    def hincrby(self, name: _Word, key: _Word, amount: int = 1) -> int:
        """Adds to the number in a field and returns the sum. A field that is not there counts as 0."""

    def hlen(self, name: _Word) -> int:
        """How many fields there are."""

    def hkeys(self, name: _Word) -> list[_Text]:
        """The fields."""

    def hvals(self, name: _Word) -> list[_Text]:
        """The values of all fields."""

    # Lists.

    def lpush(self, name: _Word, value: _Word, *values: _Word) -> int:
        """Puts values before the first; returns how long the list is then."""

    def rpush(self, name: _Word, value: _Word, *values: _Word) -> int:
        """Puts values after the last; returns how long the list is then."""

    def lpop(self, name: _Word) -> _Text | None:
        """Takes the first value, ``None`` if there is none."""

    def rpop(self, name: _Word) -> _Text | None:
        """Takes the last value, ``None`` if there is none."""

    def lrange(self, name: _Word, start: int, end: int) -> list[_Text]:
        """The values from one place to another, both included; -1 is the last."""

    def llen(self, name: _Word) -> int:
        """How long a list is."""

    def lindex(self, name: _Word, index: int) -> _Text | None:
        """The value at a place, ``None`` if there is none; -1 is the last."""

    # Sets.

    def sadd(self, name: _Word, value: _Word, *values: _Word) -> int:
        """Puts members into a set; returns how many are new."""

    def srem(self, name: _Word, value: _Word, *values: _Word) -> int:
        """Removes members; returns how many there were."""

    def sismember(self, name: _Word, value: _Word) -> int:
        """1 if it is a member, 0 if not."""

    def smembers(self, name: _Word) -> builtins.set[_Text]:
        """All members."""

    def scard(self, name: _Word) -> int:
        """How many members there are."""

    # Sorted sets.

    def zadd(self, name: _Word, mapping: Mapping[Any, _Word]) -> int:
        """Gives members their scores, from a ``dict`` of scores by members; returns how many members are new."""

    def zscore(self, name: _Word, value: _Word) -> float | None:
        """The score of a member, ``None`` if it is none."""

    def zrank(self, name: _Word, value: _Word) -> int | None:
        """The place of a member by score, from 0; ``None`` if it is none."""

    def zrange(self, name: _Word, start: int, end: int) -> list[_Text]:
        """The members from one place by score to another, both included; -1 is the last."""

    def zrem(self, name: _Word, value: _Word, *values: _Word) -> int:
        """Removes members; returns how many there were."""

    def zcard(self, name: _Word) -> int:
        """How many members there are."""

    def zincrby(self, name: _Word, amount: _Word, value: _Word) -> float:
        """Adds to the score of a member and returns the sum. One that is not there counts as 0."""

@final
class Session:
    """One caller by words. Commands are sent at any time; answers and messages are read in order, and waited for without the
    interpreter's lock."""

    def __new__(cls, store: Store[Any], protocol: int = 3, name: _Word | None = None) -> Self:
        """A caller on a store, who speaks a protocol, with a name for ``CLIENT LIST``."""

    def send(self, *words: _Word) -> None:
        """Sends a command. It is run at once, unless one before it waits."""

    def send_all(self, commands: Iterable[_Words | str | bytes | bytearray | memoryview]) -> None:
        """Sends commands, each a tuple of its words or the bytes of requests as a server would get them."""

    def read(self, timeout: float | None = None, decode: bool = False) -> Any:
        """The next answer or message; waits for it, so many seconds at most. Refusals are raised, and ``TimeoutError`` if nothing came."""

    def read_now(self, decode: bool = False) -> tuple[Any] | None:
        """The same if there is one: then a tuple of one."""

    def can_read(self, timeout: float | None = 0.0) -> bool:
        """Whether there is something to read; waits for it, so many seconds at most."""

    def fileno(self) -> int:
        """A descriptor that is readable exactly while there is something to read. From now on an answer is taken as soon as it comes, and is lost, as in the
        buffer of a socket, if the session is closed before it is read."""

    def descriptor(self) -> int:
        """A descriptor that is readable while there may be something to read; ``read_now`` says whether. An answer is taken by nobody else."""

    @property
    def is_blocked(self) -> bool:
        """Whether a command waits."""

    @property
    def db(self) -> int | None:
        """The database that it has selected; ``None`` after it was closed."""

    def handshake(self) -> dict[bytes, Any]:
        """What a HELLO would tell."""

    def close(self) -> None:
        """Ends it: what it waits for is given up and goes to others. Whoever reads is told."""

    def shutdown(self, _how: int = 2) -> None:
        """As a socket has it, for whoever takes this for one."""

    def settimeout(self, _timeout: float | None) -> None:
        """As a socket has it: nothing that a session does takes longer than it is told to wait."""

    def sendall(self, bytes: bytes) -> None:
        """As a socket has it."""

def after_fork_in_child() -> None:
    """In the child of a fork: has nothing use the stores of the parent any more."""

def before_fork() -> None:
    """Before a fork: waits until no thread is inside the engine, for a second at most."""

def sync_all() -> None:
    """Brings everything that was written to the disk: the interpreter ends."""

def add_client_methods(class_: type[Any], long: type[Any], describe: Any, /) -> None:
    """Gives a class of clients the methods of ``Store``, which go to a client's store or else to those of ``long``."""

def add_pipeline_methods(is_async: bool, class_: type[Any], long: type[Any], describe: Any, /) -> None:
    """Gives a class of pipelines those of the methods that note their arguments as a command, or else leave them to those of ``long``."""

def method_names() -> list[str]:
    """The names of those methods."""
