"""A plugin of pytest for the suites of others, which make clients of ``localhost`` themselves: these get stores in the process. With
REDLET_UPSTREAM_SERVER, the path of a socket, they get the real server that listens there, to compare with."""

from __future__ import annotations

import os
import socket
from typing import Any, Optional

import pytest


def _talk_to(server: str) -> None:
    import redis.connection

    def connect(self: Any) -> socket.socket:
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connected.settimeout(self.socket_timeout)
        connected.connect(server)
        return connected

    redis.connection.Connection._connect = connect
    redis.connection.UnixDomainSocketConnection._connect = connect


def pytest_configure(config: Any) -> None:
    server = os.environ.get("REDLET_UPSTREAM_SERVER")
    if server:
        _talk_to(server)
        return
    from redlet.testing import replace

    replacement = config._in_place_of_server = replace().start()

    def serve() -> None:
        for location in list(replacement._locations.values()):
            location.socket()

    if hasattr(os, "register_at_fork"):
        # A server would have been there for children too.
        os.register_at_fork(before=serve)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: Any, request: Any) -> Optional[bool]:
    """Suites that start a server for themselves have no need to."""
    if fixturedef.argname != "redis_server":
        return None
    fixturedef.cached_result = (True, fixturedef.cache_key(request), None)
    return True


def pytest_unconfigure(config: Any) -> None:
    replacement = getattr(config, "_in_place_of_server", None)
    if replacement is not None:
        replacement.stop()
