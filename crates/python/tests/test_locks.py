"""Locks of redis-py and of python-redis-lock."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any, List

import pytest
from packages import package
from patience import in_threads, until, until_waiting
from programs import end, start
from redis.exceptions import LockError, LockNotOwnedError

import redlet.asyncio
from redlet import Redis

# redis-py's own.


def test_a_lock_is_held_by_one_and_has_an_owner() -> None:
    client = Redis()
    lock, other = client.lock("lock", timeout=60), client.lock("lock", timeout=60)
    assert lock.acquire() is True and lock.locked() and lock.owned()
    assert other.acquire(blocking=False) is False and not other.owned()
    assert other.acquire(blocking_timeout=0.01) is False
    with pytest.raises(LockError):
        other.release()
    assert lock.extend(60) is True and 60_000 < client.pttl("lock") <= 120_000
    assert lock.reacquire() is True and 0 < client.pttl("lock") <= 60_000
    lock.release()
    assert not client.exists("lock") and other.acquire(blocking=False) is True


def test_a_lock_that_has_expired_is_not_released_for_others() -> None:
    clock = redlet.Clock()
    client = Redis(clock=clock)
    lock, other = client.lock("lock", timeout=10), client.lock("lock", timeout=10)
    assert lock.acquire()
    clock.advance(11)
    assert other.acquire(blocking=False)
    with pytest.raises(LockNotOwnedError):
        lock.extend(10)
    with pytest.raises(LockNotOwnedError):
        lock.release()
    assert other.owned()


def test_threads_with_a_lock_do_not_lose_what_they_count() -> None:
    client = Redis()

    def count() -> None:
        for _ in range(20):
            with client.lock("lock", timeout=60, sleep=0.0005):
                client.set("count", int(client.get("count") or 0) + 1)

    in_threads(lambda _: count(), 8)
    assert client.get("count") == b"160"


async def test_tasks_with_a_lock_do_not_lose_what_they_count() -> None:
    client = redlet.asyncio.Redis()

    async def count() -> None:
        for _ in range(10):
            async with client.lock("lock", timeout=60, sleep=0.0005):
                value = int(await client.get("count") or 0)
                await asyncio.sleep(0)
                await client.set("count", value + 1)

    await asyncio.gather(*(count() for _ in range(10)))
    assert await client.get("count") == b"100"
    await client.aclose()


def test_a_lock_holds_between_processes(tmp_path: Path) -> None:
    with Redis(tmp_path / "store") as client:
        assert client.socket_file
        program = """
            import sys, redlet
            client = redlet.Redis(sys.argv[1])
            lock = client.lock("lock", timeout=60, sleep=0.001)
            print(lock.acquire(blocking=False), flush=True)
            print(lock.acquire(), client.get("written"), flush=True)
            lock.release()
        """
        lock = client.lock("lock", timeout=60)
        assert lock.acquire()
        process = start(program, tmp_path / "store")
        assert process.stdout is not None and process.stdout.readline() == "False\n"
        client.set("written", "under the lock")
        lock.release()
        assert end(process).output == "True b'under the lock'\n"


# python-redis-lock.


@pytest.fixture
def redis_lock() -> Any:
    return package("redis_lock")


@pytest.mark.parametrize("decode_responses", [False, True])
def test_python_redis_lock_takes_the_client_and_has_an_owner(redis_lock: Any, decode_responses: bool) -> None:
    client = Redis(decode_responses=decode_responses)
    lock = redis_lock.Lock(client, "name", expire=60, id="ann")
    other = redis_lock.Lock(client, "name", expire=60)
    assert lock.acquire(blocking=False) is True
    assert other.acquire(blocking=False) is False and other.get_owner_id() == "ann"
    with pytest.raises(redis_lock.AlreadyAcquired):
        lock.acquire()
    with pytest.raises(redis_lock.NotAcquired):
        other.release()
    lock.extend(expire=120)
    assert client.ttl("lock:name") > 60
    lock.release()
    with pytest.raises(redis_lock.NotAcquired):
        lock.release()
    with redis_lock.Lock(client, "other") as endless, pytest.raises(redis_lock.NotExpirable):
        endless.extend(expire=60)
    other.acquire()
    other.reset()
    assert not client.exists("lock:name")
    redis_lock.Lock(client, "one").acquire()
    redis_lock.Lock(client, "two").acquire()
    redis_lock.reset_all(client)
    assert client.keys("lock:*") == []


def test_who_waits_for_a_python_redis_lock_goes_on_when_it_is_released(redis_lock: Any) -> None:
    client = Redis()
    held, waits = redis_lock.Lock(client, "name"), redis_lock.Lock(client, "name")
    assert held.acquire()
    acquired: List[bool] = []
    thread = threading.Thread(target=lambda: acquired.append(waits.acquire()))
    thread.start()
    until_waiting(client)
    assert acquired == []
    held.release()
    thread.join(30)
    assert acquired == [True] and waits._held


def test_a_python_redis_lock_gives_up_in_time(redis_lock: Any) -> None:
    client = Redis()
    assert redis_lock.Lock(client, "name", expire=60).acquire()
    assert redis_lock.Lock(client, "name", expire=60).acquire(timeout=1) is False


def test_a_python_redis_lock_is_renewed_while_it_is_held(redis_lock: Any) -> None:
    client = Redis()
    lock = redis_lock.Lock(client, "name", expire=1, auto_renewal=True)
    with lock:
        # It is renewed each time two thirds of a second have passed.
        until(lambda: client.pttl("lock:name") < 600)
        until(lambda: client.pttl("lock:name") > 600)
    assert not client.exists("lock:name")


def test_threads_with_a_python_redis_lock_do_not_lose_what_they_count(redis_lock: Any) -> None:
    client = Redis()

    def count() -> None:
        for _ in range(20):
            with redis_lock.Lock(client, "name"):
                client.set("count", int(client.get("count") or 0) + 1)

    in_threads(lambda _: count(), 8)
    assert client.get("count") == b"160"
