"""kombu's transport for ``redlet://``: ``broker_url = "redlet://name"`` or ``"redlet:///path/of/store"``.

Importing this module, or calling ``redlet.install_url_scheme()``, makes kombu and Celery know the scheme. It is kombu's transport for Redis on
connections of redlet.

A broker keeps what is published while nobody is connected, so the memory that a name means here stays until the process ends, where elsewhere it
ends with its last user. A store on disk is served to other processes by whichever of them opened it first.
"""

from __future__ import annotations

import os
import re
import threading
from typing import Any, Dict, Tuple

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as _redis

from redlet import url as _url
from redlet._native import Session
from redlet.connection import Connection
from redlet.location import Location

__all__ = ["Channel", "Transport"]

TRANSPORT_ALIASES[_url.SCHEME] = "redlet.kombu:Transport"

_kept: Dict[Tuple[Any, ...], Location] = {}
_keeping = threading.Lock()


def connection_options(url: str) -> Dict[str, Any]:
    """The keywords of a pool of connections to a broker or a store of results, ``location`` among them.

    Raises ``ValueError`` if the URL has no name and no path: each connection would have memory of its own.
    """
    options = _url.parse(url)
    options.pop("timeout", None)
    location: Location = options["location"]
    if location.kind == "private":
        raise ValueError(
            f"{url!r} would be other memory for each connection: give it a name, redlet://name, or a path, redlet:///path/of/store"
        )
    location.is_served = location.kind == "path"
    with _keeping:
        options["location"] = _kept.setdefault((location.kind, location.place, *sorted(location.options.items())), location)
    return options


def _before_fork() -> None:
    # Pools of processes reach their parent's memory at a socket. What is on disk has one already.
    for location in list(_kept.values()):
        if location.kind == "name" and location._store is not None:
            location.socket()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)


class Channel(_redis.Channel):  # type: ignore[misc]
    """kombu's channel on connections to a store."""

    connection_class = Connection

    def _connparams(self, asynchronous: bool = False) -> Dict[str, Any]:
        parameters: Dict[str, Any] = super()._connparams(asynchronous)
        parameters.update(connection_options(self.connection.client.hostname))
        if asynchronous:
            parameters["connection_class"] = self._polled(parameters["connection_class"])
        return parameters

    def _polled(channel: Any, base: Any) -> Any:
        class PolledConnection(base):  # type: ignore[misc]
            def disconnect(self, *args: Any, **keywords: Any) -> None:
                sock = self._sock
                super().disconnect(*args, **keywords)
                if sock is not None and channel._registered:
                    channel._stop_polling(sock)

        return PolledConnection

    def _stop_polling(self, sock: Any) -> None:
        """Takes a session that has ended from kombu's poller. A socket's descriptor goes when it is closed; that of a session stays readable, for
        those who wait for it."""
        transport = self.connection
        if not isinstance(sock, Session) or transport is None:
            return
        cycle = transport.cycle
        for registration, registered in list(cycle._chan_to_sock.items()):
            if registered is sock:
                del cycle._chan_to_sock[registration]
                cycle._fd_to_chan.pop(sock.fileno(), None)
                try:
                    cycle.poller.unregister(sock)
                except (KeyError, OSError, ValueError):
                    pass


class Transport(_redis.Transport):  # type: ignore[misc]
    """kombu's transport for Redis, without the server."""

    Channel = Channel

    can_parse_url = True
    driver_name = "redlet"

    def as_uri(self, uri: str, include_password: bool = False, mask: str = "**") -> str:
        return uri if include_password else without_password(uri, mask)


def without_password(url: str, mask: str = "**") -> str:
    """A URL as it may be shown."""
    return re.sub(r"([?&]password=)[^&#]*", lambda found: found[1] + mask, url)
