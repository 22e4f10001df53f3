"""Fixtures of pytest: a store for each test, and a clock that the test moves.

``redlet`` and ``redlet_async`` are clients, for threads and for asyncio, of one store in memory that belongs to the test and ends with it.
``redlet_replaced`` gives code that makes its redis-py clients itself stores that belong to the test, see ``redlet.testing.replace``. A test that
asks for ``redlet_clock`` too gets stores which have that clock's time.

Nothing here needs an event loop, so any plugin for asynchronous tests will do, and none has to be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, Optional

import pytest

if TYPE_CHECKING:
    import redlet.asyncio
    from redlet.location import Location
    from redlet.testing import Replacement


@pytest.fixture
def redlet_clock() -> "redlet.Clock":
    """A clock that stands still, at the present to begin with: ``advance(seconds)`` moves it, and keys expire."""
    from redlet import Clock

    return Clock()


def _clock(request: pytest.FixtureRequest) -> "Optional[redlet.Clock]":
    if "redlet_clock" not in request.fixturenames:
        return None
    clock: "redlet.Clock" = request.getfixturevalue("redlet_clock")
    return clock


@pytest.fixture
def _redlet_location(request: pytest.FixtureRequest) -> "Iterator[Location]":
    from redlet.location import Location

    clock = _clock(request)
    location = Location.private(**({} if clock is None else {"clock": clock}))
    yield location
    location.close()


@pytest.fixture(name="redlet")
def redlet_client(_redlet_location: "Location") -> "Iterator[redlet.Redis]":
    """A client of a store in memory that belongs to this test."""
    from redlet import Redis

    with Redis(location=_redlet_location) as client:
        yield client


@pytest.fixture
def redlet_async(_redlet_location: "Location") -> "Iterator[redlet.asyncio.Redis]":
    """An asyncio client of a store in memory that belongs to this test; the same as that of ``redlet``."""
    from redlet.asyncio import Redis

    client = Redis(location=_redlet_location)
    yield client
    _close(client)


def _close(client: Any) -> None:
    """Closes an asyncio client when its event loop may be gone."""
    pool = client.__dict__.get("_pool")
    if pool is not None:
        for connection in [*pool._available_connections, *pool._in_use_connections]:
            connection._close()
    client._let_go()


@pytest.fixture
def redlet_replaced(request: pytest.FixtureRequest) -> "Iterator[Replacement]":
    """For this test, redis-py's clients that are made anywhere have stores in this process."""
    from redlet.testing import replace

    with replace(clock=_clock(request)) as replacement:
        yield replacement
