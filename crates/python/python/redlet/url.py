"""URLs of stores, and how redis-py and what is built on it come to understand them."""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from redlet.location import Location, PlaceName

SCHEME = "redlet"

_FORMS = "redlet:// (private memory), redlet://name (memory that the process shares) or redlet:///path/of/store (a store on disk)"


def _yes_or_no(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("1", "t", "true", "y", "yes"):
        return True
    if lowered in ("", "0", "f", "false", "n", "no"):
        return False
    raise ValueError(text)


#: The parameters of a URL: those of the store, then those of redis-py's clients.
_OF_STORES: Dict[str, Callable[[str], Any]] = {"databases": int, "appendfsync": str}
_OF_CLIENTS: Dict[str, Callable[[str], Any]] = {
    "db": int,
    "virtual_host": int,
    "client_name": str,
    "decode_responses": _yes_or_no,
    "encoding": str,
    "encoding_errors": str,
    "health_check_interval": int,
    "legacy_responses": _yes_or_no,
    "max_connections": int,
    "protocol": int,
    "retry_on_timeout": _yes_or_no,
    "socket_connect_timeout": float,
    "socket_keepalive": _yes_or_no,
    "socket_timeout": float,
    "timeout": float,
    "username": str,
    "password": str,
}


def is_ours(url: str) -> bool:
    """Whether a URL is one of a redlet store."""
    return url.startswith(SCHEME + ":")


def parse(url: str) -> Dict[str, Any]:
    """The keywords of a pool of connections to what a URL names, ``location`` among them.

    Raises ``ValueError`` with what is wrong.
    """

    def refuse(why: str) -> ValueError:
        return ValueError(f"{url!r} is no redlet URL: {why}")

    if isinstance(url, PlaceName):
        return {"location": url.location.again()}
    if not url.startswith(SCHEME + "://"):
        raise refuse(f"it must be {_FORMS}")
    split = urlsplit(url)
    if "@" in split.netloc or split.fragment:
        raise refuse(f"it has no user and no fragment; it must be {_FORMS}")
    name, path = unquote(split.netloc), unquote(split.path)
    if name and path not in ("", "/"):
        raise refuse("a name has no path; a path has three slashes before it: redlet:///path")
    if not name and path == "/":
        raise refuse("after redlet:/// comes the path of a store")
    of_store: Dict[str, Any] = {}
    of_client: Dict[str, Any] = {}
    for key, value in parse_qsl(split.query, keep_blank_values=True):
        table, found = (_OF_STORES, of_store) if key in _OF_STORES else (_OF_CLIENTS, of_client)
        if key not in table:
            known = ", ".join([*_OF_STORES, *_OF_CLIENTS])
            raise refuse(f"it has no parameter {key!r}; there are {known}")
        try:
            found[key] = table[key](value)
        except ValueError:
            raise refuse(f"{key}={value} is no value of that parameter") from None
    if "virtual_host" in of_client:
        of_client.setdefault("db", of_client.pop("virtual_host"))
    if "appendfsync" in of_store and not path:
        raise refuse("appendfsync is for a store on disk: redlet:///path")
    if name:
        location = Location.named(name, **of_store)
    elif path:
        location = Location.on_disk(path, **of_store)
    else:
        location = Location.private(**of_store)
    return {"location": location, **of_client}


def client_options(url: str, keywords: Mapping[str, Any]) -> Dict[str, Any]:
    """The keywords of a client. Those of the URL count more, as in redis-py."""
    options = {**keywords, **parse(url)}
    options.pop("timeout", None)
    return options


def install_url_scheme() -> None:
    """Makes redis-py's own ``from_url`` understand ``redlet://``, and with it what is built on it: Django's and django-redis's LOCATION,
    huey, dramatiq, limits and others. Calling it again changes nothing.

    A pool of such a URL has connections to a store in the process. ``redlet://`` alone is private to each pool.
    """
    import redis.asyncio.connection
    import redis.connection

    from redlet.asyncio.connection import Connection as AsyncConnection
    from redlet.connection import Connection

    modules: Any = ((redis.connection, Connection), (redis.asyncio.connection, AsyncConnection))
    for module, connection in modules:
        original = module.parse_url
        if getattr(original, "_knows_redlet", False):
            continue

        @functools.wraps(original)
        def parse_url(url: str, _original: Any = original, _connection: Any = connection) -> Any:
            if not is_ours(url):
                return _original(url)
            return {"connection_class": _connection, **parse(url)}

        parse_url._knows_redlet = True  # type: ignore[attr-defined]
        module.parse_url = parse_url
    _install_in_kombu()


def _install_in_kombu() -> None:
    import sys
    from importlib.util import find_spec

    if "kombu" in sys.modules or find_spec("kombu") is not None:
        from kombu.transport import TRANSPORT_ALIASES

        TRANSPORT_ALIASES.setdefault(SCHEME, "redlet.kombu:Transport")
