"""A plugin of pytest for kombu's suite: its transport for Redis, and the clients that its tests make, talk to one store in the process."""

from __future__ import annotations

import functools
from typing import Any

import kombu.transport.redis
import redis

from redlet.connection import Connection
from redlet.location import Location

STORE = Location.named("in the place of a server")


class StandIn(Connection):
    """A connection that finds the store at the usual port, and nobody at others."""

    def __init__(self, *, host: str = "localhost", port: Any = 6379, **keywords: Any) -> None:
        self.wanted = int(port)
        super().__init__(location=STORE, **keywords)

    def connect(self) -> None:
        if self.wanted != 6379:
            raise redis.ConnectionError(f"Error 111 connecting to localhost:{self.wanted}. Connection refused.")
        super().connect()


def _stand_in(original: Any, of_a_server: Any) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, connection_class: Any = of_a_server, *args: Any, **keywords: Any) -> None:
        original(self, StandIn if connection_class is of_a_server else connection_class, *args, **keywords)

    return __init__


def pytest_configure() -> None:
    STORE.store()
    kombu.transport.redis.Channel.connection_class = StandIn
    redis.ConnectionPool.__init__ = _stand_in(redis.ConnectionPool.__init__, redis.Connection)
    redis.Connection = StandIn
