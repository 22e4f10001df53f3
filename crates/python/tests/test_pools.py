"""Pools that somebody else makes, and clients on them: what Django, RQ and others do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
from patience import in_threads
from redis.connection import DefaultParser

import redlet
import redlet.asyncio
from redlet.location import Location


def test_a_connection_that_is_told_no_store_is_refused() -> None:
    """Connections of one pool would have memory of their own each, and what one wrote another would not find."""
    with pytest.raises(redis.DataError, match="path="):
        redis.Redis(connection_pool=redis.ConnectionPool(connection_class=redlet.Connection)).ping()


async def test_an_asyncio_connection_that_is_told_no_store_is_refused() -> None:
    pool = redis.asyncio.ConnectionPool(connection_class=redlet.asyncio.Connection)
    with pytest.raises(redis.DataError, match="path="):
        await redis.asyncio.Redis(connection_pool=pool).ping()


@pytest.mark.parametrize("keywords", [{}, {"db": 3}, {"parser_class": DefaultParser}, {"password": None}])
def test_a_client_on_a_pool_goes_the_short_way(keywords: "dict[str, Any]") -> None:
    pool = redis.ConnectionPool(connection_class=redlet.Connection, location=Location.private(), **keywords)
    client = redlet.Redis(connection_pool=pool)
    client.set("key", "value")
    assert redis.Redis(connection_pool=pool).get("key") == b"value"
    assert client._thin is not None


def test_a_client_on_a_pool_with_a_parser_of_its_own_goes_the_long_way() -> None:
    class Parser(DefaultParser):  # type: ignore[misc, valid-type]
        pass

    pool = redis.ConnectionPool(connection_class=redlet.Connection, location=Location.private(), parser_class=Parser)
    client = redlet.Redis(connection_pool=pool)
    assert client.set("key", "value")
    assert client._direct is None


def test_connections_of_a_pool_on_a_path_share_its_store(tmp_path: Path) -> None:
    pool = redis.ConnectionPool(connection_class=redlet.Connection, path=str(tmp_path / "store"))
    client = redis.Redis(connection_pool=pool)
    in_threads(lambda _: client.incr("count"), 16)
    assert client.get("count") == b"16"
    client.close()
    pool.disconnect()
    with redlet.Redis(tmp_path / "store") as again:
        assert again.get("count") == b"16"
