"""What redis-py does where its connections are: health checks, retries, names, caching on this side, callbacks when a connection is made."""

from __future__ import annotations

import asyncio
import pickle
import time
from pathlib import Path
from typing import Any, List

import pytest
import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, ResponseError
from redis.retry import Retry

import redlet
import redlet.asyncio
from redlet import Redis
from redlet.exceptions import REDIS_PY


class _Counting(redlet.Connection):
    """Notes what is sent."""

    sent: "List[Any]" = []

    def send_command(self, *args: Any, **keywords: Any) -> None:
        self.sent.append(args[0])
        super().send_command(*args, **keywords)


def test_a_health_check_is_made_when_it_is_time() -> None:
    with Redis() as owner:
        _Counting.sent = []
        pool = redis.ConnectionPool(connection_class=_Counting, location=owner._location, health_check_interval=1)
        client = redis.Redis(connection_pool=pool)
        client.get("key")
        connection = pool._available_connections[0]
        client.get("key")
        assert "PING" not in _Counting.sent[1:] or REDIS_PY < (6,)
        connection.next_health_check = time.monotonic() - 1
        del _Counting.sent[:]
        client.get("key")
        assert _Counting.sent == ["GET", "PING"] or _Counting.sent == ["PING", "GET"]
        assert connection.next_health_check > time.monotonic()


async def test_a_health_check_of_asyncio_is_made_when_it_is_time() -> None:
    async with redlet.asyncio.Redis(health_check_interval=1) as client:
        await client.client_id()
        (connection,) = client.connection_pool._available_connections
        connection.next_health_check = asyncio.get_running_loop().time() - 1
        before = (await client.info("commandstats")).get("cmdstat_ping", {}).get("calls", 0)
        connection.next_health_check = asyncio.get_running_loop().time() - 1
        await client.client_id()
        after = (await client.info("commandstats"))["cmdstat_ping"]["calls"]
        assert after > before


def test_subscriptions_with_health_checks_hear_their_messages() -> None:
    with Redis(health_check_interval=1) as client, client.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe("channel")
        for number in range(5):
            client.publish("channel", number)
            subscription.connection.next_health_check = time.monotonic() - 1
        found: "List[Any]" = []
        ends = time.monotonic() + 10
        while len(found) < 5 and time.monotonic() < ends:
            message = subscription.get_message(timeout=0.1)
            if message:
                found.append(int(message["data"]))
        assert found == list(range(5))


def test_a_retry_object_makes_a_client_try_again() -> None:
    class Failing(redlet.Connection):
        failures = 0

        def send_command(self, *args: Any, **keywords: Any) -> None:
            if Failing.failures > 0 and args[0] == "GET":
                Failing.failures -= 1
                raise ConnectionError("as if a network failed")
            super().send_command(*args, **keywords)

    with Redis() as owner:
        owner.set("key", "value")
        pool = redis.ConnectionPool(connection_class=Failing, location=owner._location, retry=Retry(NoBackoff(), 3))
        client = redis.Redis(connection_pool=pool)
        Failing.failures = 3
        assert client.get("key") == b"value"
        Failing.failures = 4
        with pytest.raises(ConnectionError, match="as if a network failed"):
            client.get("key")
        Failing.failures = 0
        assert client.get("key") == b"value"
    with Redis(retry=Retry(NoBackoff(), 3), retry_on_error=[ConnectionError]) as client:
        assert client.get_retry() is not None
        assert client.set("key", 1) is True


def test_refusals_are_not_tried_again() -> None:
    with Redis(retry=Retry(NoBackoff(), 10), retry_on_error=[ConnectionError]) as client:
        client.set("key", "text")
        with pytest.raises(ResponseError):
            client.incr("key")
        assert client.info("commandstats")["cmdstat_incrby"]["calls"] == 1 or "cmdstat_incr" in client.info("commandstats")


def test_a_client_has_the_name_that_it_is_given() -> None:
    with Redis(client_name="worker-1") as client:
        assert client.client_getname() in (b"worker-1", "worker-1")
        assert "worker-1" in [one["name"] for one in client.client_list()]
        client.connection_pool.disconnect()
        assert client.client_getname() in (b"worker-1", "worker-1")
        assert "client_name=worker-1" in repr(client.connection_pool.get_connection())


async def test_an_asyncio_client_has_the_name_that_it_is_given() -> None:
    async with redlet.asyncio.Redis(client_name="worker-1") as client:
        assert await client.client_getname() in (b"worker-1", "worker-1")


def test_a_function_is_called_for_each_connection_that_is_made() -> None:
    made: "List[Any]" = []

    def note(connection: Any) -> None:
        connection.on_connect()
        made.append(connection)

    with Redis(redis_connect_func=note) as client:
        client.ping()
        assert len(made) == 1
        client.connection_pool.disconnect()
        client.ping()
        assert len(made) == 2


def test_a_single_connection_client_keeps_its_connection() -> None:
    with Redis(single_connection_client=True) as client:
        numbers = {client.client_id() for _ in range(5)}
        assert len(numbers) == 1
        client.execute_command("SELECT", 3)
        client.set("key", 1)
        with Redis(location=client._location, db=3) as other:
            assert other.get("key") == b"1"
    with Redis() as pooled, pooled.client() as single:
        assert single.client_id() == single.client_id()


@pytest.mark.skipif(REDIS_PY < (5, 1), reason="caching on this side came with redis-py 5.1")
def test_values_are_cached_on_this_side_until_they_change() -> None:
    from redis.cache import CacheConfig

    with Redis(cache_config=CacheConfig(), protocol=3, decode_responses=True) as client:
        other = Redis(location=client._location)
        client.set("key", "first")

        def calls() -> int:
            return int(other.info("commandstats").get("cmdstat_get", {}).get("calls", 0))

        assert client.get("key") == "first"
        before = calls()
        assert [client.get("key") for _ in range(5)] == ["first"] * 5
        assert calls() == before, "these came from the cache"
        other.set("key", "second")
        assert client.get("key") == "second"
        other.delete("key")
        assert client.get("key") is None
        other.rpush("list", 1)
        assert client.lrange("list", 0, -1) == ["1"]
        other.rpush("list", 2)
        assert client.lrange("list", 0, -1) == ["1", "2"]
        other.flushall()
        assert client.lrange("list", 0, -1) == []
        assert client.get_cache() is not None and client.get_cache().size >= 1


def test_callbacks_of_ones_own_are_used() -> None:
    with Redis() as client:
        client.set("key", "1")
        client.set_response_callback("GET", lambda answer, **options: int(answer))
        assert client.get("key") == 1
        assert client.execute_command("GET", "key") == 1
        assert client.pipeline().get("key").execute() == [1]


def test_a_connection_by_itself_is_one_of_redis_py(tmp_path: Path) -> None:
    connection = redlet.Connection(path=str(tmp_path / "store"), db=2, client_name="alone")
    assert isinstance(connection, redis.connection.AbstractConnection)
    assert "client_name=alone" in repr(connection) and str(tmp_path) in repr(connection)
    connection.connect()
    connection.send_command("SET", "key", "value")
    assert connection.read_response() == b"OK"
    connection.send_packed_command(connection.pack_command("GET", "key"))
    assert connection.read_response() == b"value"
    assert connection.can_read() is False
    connection.disconnect()
    connection.disconnect()
    with pytest.raises(ConnectionError):
        connection.read_response()
    connection.send_command("GET", "key")
    assert connection.read_response() == b"value"
    connection.disconnect()


def test_a_client_that_is_pickled_is_on_the_same_store(tmp_path: Path) -> None:
    for client in (
        Redis(db=1, decode_responses=True),
        Redis.from_url("redlet://pickled?db=1&decode_responses=true"),
        Redis(tmp_path / "store", db=1, decode_responses=True),
    ):
        client.set("key", "value")
        client.client_id()
        again = pickle.loads(pickle.dumps(client))
        assert type(again) is Redis and again.get("key") == "value" and again.client_id() > 0
        assert repr(again) == repr(client)
    store = redlet.Store(db=2, decode_responses=True)
    store.set("key", "value")
    again = pickle.loads(pickle.dumps(store))
    assert (again.get("key"), again.db) == ("value", 2)


async def test_an_asyncio_client_that_is_pickled_is_on_the_same_store() -> None:
    async with redlet.asyncio.Redis(db=1, decode_responses=True) as client:
        await client.set("key", "value")
        again = pickle.loads(pickle.dumps(client))
        assert type(again) is redlet.asyncio.Redis and await again.get("key") == "value"


def test_workers_make_clients_again_from_their_parts() -> None:
    with Redis(db=1, client_name="worker", socket_timeout=3) as client:
        client.set("key", "value")
        pool = client.connection_pool
        pool.connection_kwargs["socket_timeout"] = 7
        again = type(client)(connection_pool=type(pool)(connection_class=pool.connection_class, **pool.connection_kwargs))
        assert again.get("key") == b"value"
        assert again.connection_pool.get_connection().socket_timeout == 7
        plain = redis.Redis(connection_pool=pool)
        assert plain.get("key") == b"value" and isinstance(client, redis.Redis)


def test_unread_answers_never_reach_the_next_command() -> None:
    with Redis() as client:
        connection = client.connection_pool.get_connection()
        connection.send_command("ECHO", "nobody reads this")
        client.connection_pool.release(connection)
        assert client.client_id() > 0
        for broken in (lambda: client.pipeline().set("key", 1).set("key", None).execute(), lambda: client.execute_command("ECHO", None)):
            with pytest.raises(redis.DataError):
                broken()
            assert client.client_getname() is None
            assert client.keys() == []
