"""cachetory on redlet; docs/python/cachetory.md says how."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from packages import package
from patience import in_threads
from programs import run

import redlet
import redlet.asyncio
import redlet.url
from redlet import Redis

package("cachetory")
from cachetory import serializers  # noqa: E402
from cachetory.backends.async_ import RedisBackend as AsyncRedisBackend  # noqa: E402
from cachetory.backends.sync import RedisBackend  # noqa: E402
from cachetory.caches.async_ import Cache as AsyncCache  # noqa: E402
from cachetory.caches.sync import Cache  # noqa: E402
from cachetory.decorators.async_ import cached as async_cached  # noqa: E402
from cachetory.decorators.sync import cached  # noqa: E402

JSON = serializers.json.JsonSerializer()


def cache_on(client: Redis, **options: Any) -> Any:
    return Cache(serializer=JSON, backend=RedisBackend(client), **options)


def async_cache_on(client: redlet.asyncio.Redis, **options: Any) -> Any:
    return AsyncCache(serializer=JSON, backend=AsyncRedisBackend(client), **options)


@pytest.fixture
def clock() -> redlet.Clock:
    return redlet.Clock()


def later(clock: redlet.Clock, seconds: float) -> datetime:
    return datetime.fromtimestamp(clock.now() + seconds, timezone.utc)


def test_values_come_back() -> None:
    with cache_on(Redis()) as cache:
        for value in (1, "text", [1, {"a": None}], True):
            cache["key"] = value
            assert cache["key"] == value
        assert cache.get("missing") is None
        assert cache.delete("key") and not cache.delete("key")
        with pytest.raises(KeyError):
            cache["key"]


def test_many_at_once() -> None:
    with cache_on(Redis()) as cache:
        cache.set_many({"one": 1, "two": [2]})
        cache.set_many([("three", 3)])
        assert cache.get_many("one", "none", "two", "three") == {"one": 1, "two": [2], "three": 3}
        cache.delete_many("one", "two")
        cache.delete_many()
        assert cache.get_many("one", "two", "three") == {"three": 3}
        cache.clear()
        assert cache.get_many("three") == {}


def test_if_not_exists_leaves_what_is_there() -> None:
    backend = RedisBackend(Redis())
    assert backend.set("key", b"first", if_not_exists=True)
    assert not backend.set("key", b"second", if_not_exists=True)
    assert backend.get("key") == b"first"
    assert backend.set("key", b"third", time_to_live=timedelta(seconds=1))
    assert backend.get("key") == b"third"


def test_times_to_live_are_kept_to_the_millisecond(clock: redlet.Clock) -> None:
    client = Redis(clock=clock)
    with cache_on(client) as cache:
        cache.set("key", 1, time_to_live=timedelta(milliseconds=1500))
        assert client.pttl("key") == 1500
        clock.advance(1.499)
        assert cache.get("key") == 1
        clock.advance(0.002)
        assert cache.get("key") is None


def test_expire_in_and_expire_at(clock: redlet.Clock) -> None:
    client = Redis(clock=clock)
    backend = RedisBackend(client)
    with cache_on(client) as cache:
        cache.set_many({"in": 1, "at": 2, "stays": 3})
        cache.expire_in("in", timedelta(seconds=10))
        backend.expire_at("at", later(clock, 20))
        cache.expire_in("stays", timedelta(seconds=5))
        cache.expire_in("stays", None)
        assert (client.pttl("in"), client.pttl("stays")) == (10_000, -1)
        assert 19_998 <= client.pttl("at") <= 20_000
        clock.advance(15)
        assert cache.get_many("in", "at", "stays") == {"at": 2, "stays": 3}
        backend.expire_at("at", None)
        clock.advance(3600)
        assert cache.get_many("at", "stays") == {"at": 2, "stays": 3}
        backend.expire_at("at", later(clock, -1))
        assert cache.get("at") is None


async def test_values_come_back_in_tasks() -> None:
    async with async_cache_on(redlet.asyncio.Redis()) as cache:
        await cache.set_many({"one": 1, "two": [2]})
        assert await cache.get_many("one", "none", "two") == {"one": 1, "two": [2]}
        assert await cache.get("none", "default") == "default"
        await cache.set("one", 10, if_not_exists=True)
        await cache.set("three", 3, if_not_exists=True)
        assert await cache.get_many("one", "three") == {"one": 1, "three": 3}
        assert await cache.delete("one") and not await cache.delete("one")
        await cache.delete_many("two")
        await cache.clear()
        assert await cache.get_many("three") == {}


async def test_expire_in_and_expire_at_in_tasks(clock: redlet.Clock) -> None:
    client = redlet.asyncio.Redis(clock=clock)
    backend = AsyncRedisBackend(client)
    async with async_cache_on(client) as cache:
        await cache.set("set", 0, time_to_live=timedelta(milliseconds=2500))
        await cache.set_many({"in": 1, "at": 2, "stays": 3})
        await cache.expire_in("in", timedelta(seconds=10))
        await backend.expire_at("at", later(clock, 20))
        await cache.expire_in("stays", timedelta(seconds=5))
        await cache.expire_in("stays", None)
        assert await client.pttl("set") == 2500
        clock.advance(15)
        assert await cache.get_many("set", "in", "at", "stays") == {"at": 2, "stays": 3}
        await backend.expire_at("at", None)
        clock.advance(3600)
        assert await cache.get("at") == 2


async def test_tasks_share_a_cache() -> None:
    async with async_cache_on(redlet.asyncio.Redis()) as cache:

        async def work(number: int) -> None:
            for turn in range(50):
                await cache.set(f"{number}:{turn}", turn)
                assert await cache.get(f"{number}:{turn}") == turn

        await asyncio.gather(*(work(number) for number in range(20)))
        assert len(await cache.get_many(*(f"{number}:49" for number in range(20)))) == 20


def test_threads_share_a_cache() -> None:
    backend = RedisBackend(Redis())
    winners: "list[int]" = []
    with Cache(serializer=JSON, backend=backend) as cache:

        def work(number: int) -> None:
            for turn in range(100):
                cache.set(f"{number}:{turn}", turn)
                assert cache.get(f"{number}:{turn}") == turn
                if backend.set(f"once:{turn}", b"1", if_not_exists=True):
                    winners.append(turn)

        in_threads(work, 8)
    assert sorted(winners) == list(range(100))


def test_a_function_is_called_once(clock: redlet.Clock) -> None:
    calls = []

    @cached(cache_on(Redis(clock=clock)), time_to_live=timedelta(minutes=1))
    def double(number: int) -> int:
        calls.append(number)
        return 2 * number

    assert [double(2), double(2), double(3)] == [4, 4, 6]
    assert calls == [2, 3]
    clock.advance(timedelta(minutes=2))
    assert double(2) == 4
    assert calls == [2, 3, 2]
    assert double.purge(2)
    assert double(2) == 4
    assert calls == [2, 3, 2, 2]


async def test_a_coroutine_is_called_once() -> None:
    calls = []
    async with async_cache_on(redlet.asyncio.Redis()) as cache:

        @async_cached(cache)
        async def double(number: int) -> int:
            calls.append(number)
            return 2 * number

        assert [await double(2), await double(2)] == [4, 4]
        assert calls == [2]


@pytest.mark.parametrize(
    "serializer",
    [
        serializers.PickleSerializer(),
        serializers.chained.ChainedSerializer([serializers.PickleSerializer(), serializers.compressors.ZlibCompressor()]),
    ],
    ids=["pickle", "compressed"],
)
def test_other_serializers(serializer: Any) -> None:
    with Cache(serializer=serializer, backend=RedisBackend(Redis())) as cache:
        cache.set("key", {"text": "a" * 1000, "number": 1.5})
        assert cache.get("key") == {"text": "a" * 1000, "number": 1.5}


def test_a_cache_on_disk_is_there_after_a_restart(tmp_path: Path) -> None:
    with cache_on(Redis(tmp_path / "cache")) as cache:
        cache.set("key", "value", time_to_live=timedelta(hours=1))
    output = run(
        """
        import sys
        import redlet
        from cachetory import serializers
        from cachetory.backends.sync import RedisBackend
        from cachetory.caches.sync import Cache

        redlet.install_url_scheme()
        backend = RedisBackend.from_url(f"redlet://{sys.argv[1]}")
        with Cache(serializer=serializers.json.JsonSerializer(), backend=backend) as cache:
            print(cache.get("key"))
            cache.set("key", "changed")
        """,
        tmp_path / "cache",
    )
    assert output == "value\n"
    with cache_on(Redis(tmp_path / "cache")) as cache:
        assert cache.get("key") == "changed"


def test_processes_share_a_cache_through_its_owner(tmp_path: Path) -> None:
    client = Redis(tmp_path / "cache")
    assert client.socket_file
    program = """
        import asyncio
        import sys
        import redlet.asyncio
        from cachetory import serializers
        from cachetory.backends.async_ import RedisBackend
        from cachetory.caches.async_ import Cache

        async def main():
            backend = RedisBackend(redlet.asyncio.Redis(sys.argv[1]))
            async with Cache(serializer=serializers.json.JsonSerializer(), backend=backend) as cache:
                print(await cache.get("mine"))
                await cache.set("theirs", 2)

        asyncio.run(main())
        """
    with cache_on(client) as cache:
        cache.set("mine", 1)
        assert run(program, tmp_path / "cache") == "1\n"
        assert cache.get("theirs") == 2


@pytest.mark.usefixtures("url_scheme")
async def test_backends_of_urls_share_memory_by_name() -> None:
    backend = RedisBackend.from_url("redlet://a-cache-of-cachetory")
    other = AsyncRedisBackend.from_url("redlet://a-cache-of-cachetory")
    backend.set("key", b"value")
    assert await other.get("key") == b"value"
    elsewhere = RedisBackend.from_url("redlet://")
    with pytest.raises(KeyError):
        elsewhere.get("key")


def test_get_many_without_prefix_and_clear_are_as_the_page_says() -> None:
    client = Redis()
    with cache_on(client, prefix="a:") as cache:
        cache.set("key", 1)
        assert cache.get_many("key") == {}
        client.set("unrelated", 1)
        cache.clear()
        assert client.dbsize() == 0
