"""The fast way: what a client may do without redis-py's connections, and how.

redis-py's own Python takes eight to ten microseconds a call. Where nothing about a client asks for it (a retry policy, credentials, metrics,
a connection class of somebody else, an overridden method), a command goes straight to the engine instead, with the same result.
"""

from __future__ import annotations

import functools
import inspect
from types import SimpleNamespace
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Tuple, Type

import redis
import redis.client
from redis._parsers import helpers
from redis.client import EMPTY_RESPONSE, NEVER_DECODE, CaseInsensitiveDict
from redis.connection import DefaultParser

from redlet._native import Store, method_names
from redlet.exceptions import REDIS_PY

#: Where redis-py keeps who collects its metrics; it does since version 7.1.
providers: Any
try:
    from redis.observability import providers
except ImportError:
    providers = SimpleNamespace(_observability_instance=None)

#: The methods that `Store` has too.
HOT_METHODS: Tuple[str, ...] = tuple(method_names())

#: Keywords of a client that ask for the long way.
_LONG_KEYWORDS: FrozenSet[str] = frozenset(
    "retry retry_on_error retry_on_timeout username password credential_provider redis_connect_func cache cache_config event_dispatcher "
    "command_packer single_connection_client".split()
)

#: Callbacks that make `True` of OK.
OK_CALLBACKS: Tuple[Any, ...] = (helpers.bool_ok, helpers.parse_set_result)

#: A handler that is none: the command needs a session.
LONG: Any = NotImplemented


#: What changes a connection for whoever has it next. redis-py takes the same one again, so the commands that follow must go there as well.
_MARKING: FrozenSet[str] = frozenset("AUTH DISCARD EXEC HELLO MULTI RESET SELECT WATCH".split())


def marks_connection(name: Any) -> bool:
    """Whether a command holds for those that come after it."""
    words = name.split() if isinstance(name, (str, bytes)) else []
    first = words[0] if words else ""
    return (first.decode("ascii", "replace") if isinstance(first, bytes) else first).upper() in _MARKING


def is_observed() -> bool:
    """Whether metrics are collected, which redis-py does where its connections are."""
    instance = providers._observability_instance
    return instance is not None and instance._provider_manager is not None


def asks_for_long_way(options: Mapping[str, Any]) -> bool:
    """Whether a client with these keywords has something done by redis-py's connections."""
    if options.get("parser_class") not in (None, DefaultParser):
        # Pools that Django and django-redis make name the class that they would have had anyway.
        return True
    return any(options.get(name) for name in _LONG_KEYWORDS.intersection(options))


@functools.lru_cache(maxsize=None)
def _keeps(cls: Any, base: Any, names: Tuple[str, ...]) -> bool:
    return all(getattr(cls, name, None) is getattr(base, name, None) for name in names)


def may_skip_connections(cls: Any, base: Any) -> bool:
    """Whether a subclass leaves alone how commands are sent and answers read."""
    return _keeps(cls, base, ("parse_response", "_execute_command", "_send_command_parse_response"))


def may_skip_commands(cls: Any, base: Any) -> bool:
    """Whether a subclass leaves alone what every command passes."""
    return may_skip_connections(cls, base) and _keeps(cls, base, ("execute_command",))


def knows_results(protocol: int) -> bool:
    """Whether `Store`'s methods return what redis-py's do. Before version 5.1 SMEMBERS is a list or a set in RESP3, as hiredis has it."""
    return REDIS_PY >= (5, 1) or protocol == 2


class Callbacks(CaseInsensitiveDict):
    """A client's callbacks. Changing them takes those methods from the fast way that know their result beforehand."""

    def __init__(self, callbacks: Any, changed: Callable[[], None]) -> None:
        # A client's callbacks are under names in capitals already.
        dict.__init__(self, callbacks)
        self._changed = changed

    def __setitem__(self, name: str, callback: Any) -> None:
        super().__setitem__(name, callback)
        self._changed()

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._changed()

    def update(self, *args: Any, **keywords: Any) -> None:
        super().update(*args, **keywords)
        self._changed()


@functools.lru_cache(maxsize=None)
def default_callbacks(protocol: Any, legacy: Any) -> Dict[str, Any]:
    """The callbacks that redis-py gives a client."""
    from redlet.connection import Connection
    from redlet.location import Location

    options = {} if legacy is None else {"legacy_responses": legacy}
    connection_class: Any = Connection
    pool = redis.ConnectionPool(
        connection_class=connection_class, location=Location.named(""), protocol=protocol, **options
    )
    return {name.upper(): callback for name, callback in redis.client.Redis(connection_pool=pool).response_callbacks.items()}


@functools.lru_cache(maxsize=None)
def shared_handlers(protocol: Any, legacy: Any) -> "Handlers":
    """The handlers of all clients that have redis-py's own callbacks."""
    return Handlers(default_callbacks(protocol, legacy))


class Handlers(Dict[Any, Any]):
    """What is done with the reply of a command: its callback, ``None`` for nothing, ``LONG`` if the command needs a session. Filled as
    commands are used."""

    def __init__(self, callbacks: Any) -> None:
        super().__init__()
        self._callbacks = callbacks

    def learn(self, store: Store[Any], name: Any) -> Any:
        """The handler of a command that is used for the first time."""
        if not isinstance(name, str):
            return LONG
        words = name.upper()
        handler = self._callbacks.get(words) if store.runs_directly((words,)) else LONG
        if len(self) < 1000:
            self[name] = handler
        return handler


def answer(store: Store[Any], handler: Any, args: Any, options: Dict[str, Any]) -> Any:
    """Runs a command and does with its reply what redis-py's `parse_response` does."""
    if not options:
        response = store.run_directly(args)
        return response if handler is None else handler(response)
    try:
        response = store.run_directly(args, options.pop(NEVER_DECODE, False) is not False)
    except redis.ResponseError:
        if EMPTY_RESPONSE in options:
            return options[EMPTY_RESPONSE]
        raise
    options.pop(EMPTY_RESPONSE, None)
    options.pop("keys", None)
    return response if handler is None else handler(response, **options)


def thin_methods(base: Type[Any], make: Callable[[Any, Any], Any]) -> Dict[str, Any]:
    """For each hot method one that tries `Store`'s first."""
    methods = {}
    for name in HOT_METHODS:
        long = getattr(base, name)
        methods[name] = named_as(long, make(getattr(Store, name), long))
    return methods


def named_as(original: Any, method: Callable[..., Any]) -> Callable[..., Any]:
    """A method with the name, the signature and the documentation of the one in whose place it is."""
    return functools.wraps(original)(method)


def run_stack(
    store: Store[Any], handlers: "Handlers", stack: List[Any], transaction: bool
) -> "Optional[Tuple[List[Any], bool]]":
    """Runs the commands of a pipeline in one call. Returns their results and whether one of them was refused; ``None``, and nothing was run, if
    one of them needs a connection."""
    results = store.run_stack(stack, handlers, transaction)
    if results is None:
        unknown = [args[0] for args, _ in stack if args[0] not in handlers]
        if unknown and all(handlers.learn(store, name) is not LONG for name in unknown):
            results = store.run_stack(stack, handlers, transaction)
    return results


def description(method: Any) -> str:
    """The documentation of a method as native methods have theirs: the signature, without types, and the text."""
    signature = inspect.signature(method)
    plain = [one.replace(annotation=one.empty) for one in signature.parameters.values()]
    text = str(signature.replace(parameters=plain, return_annotation=signature.empty))
    # A default that is no literal could not be read back.
    head = "" if "<" in text else f"{method.__name__}($self{text[len('(self'):]}\n--\n\n"
    return head + (method.__doc__ or "")
