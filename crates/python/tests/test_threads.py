"""Many threads and many event loops, on one client and on many of one store."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator, List

import pytest
import redis
import redis.asyncio
from patience import THREADS, in_threads, until, until_in_loop, until_waiting
from redis.exceptions import ConnectionError, MaxConnectionsError, WatchError

import redlet.asyncio
from redlet import Redis, Store


@pytest.fixture(params=["memory", "disk"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Redis]:
    with Redis(tmp_path / "store" if request.param == "disk" else None) as client:
        yield client


def _same(client: Redis, number: int) -> Redis:
    return client


def _another(client: Redis, number: int) -> Redis:
    return Redis(location=client._location)


def _long(client: Redis, number: int) -> Redis:
    another = Redis(location=client._location)
    another._go_the_long_way()
    return another


@pytest.mark.parametrize("of_thread", [_same, _another, _long])
def test_threads_lose_nothing_of_each_others_writes(client: Redis, of_thread: Any) -> None:
    rounds = 50

    def work(number: int) -> None:
        mine = of_thread(client, number)
        for turn in range(rounds):
            mine.incr("count")
            mine.hincrby("hash", str(turn % 7), 1)
            mine.rpush("list", number)
            assert mine.get(f"own {number}") == (str(turn - 1).encode() if turn else None)
            mine.set(f"own {number}", turn)
            pipeline = mine.pipeline()
            assert pipeline.incr("by pipeline").sadd("set", number * rounds + turn).execute()[1] == 1

    in_threads(work)
    total = THREADS * rounds
    assert int(client.get("count") or 0) == int(client.get("by pipeline") or 0) == total
    assert sum(map(int, client.hvals("hash"))) == client.llen("list") == client.scard("set") == total


def test_threads_that_begin_with_the_same_new_client_find_it_whole() -> None:
    for _ in range(20):
        client = Redis()
        # Each needs something that redis-py's own constructor makes.
        answers = in_threads(lambda number: (client.client_id(), client.connection_pool, client.get_encoder()), 8)
        assert len({id(pool) for _, pool, _ in answers}) == 1
        client.close()


def test_transactions_of_threads_are_whole(client: Redis) -> None:
    accounts = [f"account {number}" for number in range(4)]
    client.mset(dict.fromkeys(accounts, 100))

    def work(number: int) -> int:
        repeated = 0
        for turn in range(10):
            source, target = accounts[(number + turn) % 4], accounts[(number + 2 * turn + 1) % 4]
            while True:
                with client.pipeline() as pipeline:
                    try:
                        pipeline.watch(source, target)
                        amount = min(int(pipeline.get(source) or 0), 3)
                        pipeline.multi()
                        pipeline.decrby(source, amount).incrby(target, amount).execute()
                        break
                    except WatchError:
                        repeated += 1
        return repeated

    in_threads(work, 8)
    assert sum(int(amount or 0) for amount in client.mget(accounts)) == 400


def test_waiting_threads_get_each_element_once(client: Redis) -> None:
    taken: "queue.SimpleQueue[int]" = queue.SimpleQueue()

    def consume(number: int) -> None:
        while True:
            _, element = client.blpop(["first", "second"], 0)
            if element == b"end":
                return
            taken.put(int(element))

    threads = [threading.Thread(target=consume, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    until_waiting(client, THREADS)
    in_threads(lambda number: [client.rpush("first" if turn % 2 else "second", number * 100 + turn) for turn in range(100)], 4)
    client.rpush("second", *["end"] * THREADS)
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert sorted(taken.get() for _ in range(400)) == list(range(400)) and taken.empty()


def test_locks_let_one_thread_in(client: Redis) -> None:
    inside = 0
    most = 0

    def work(number: int) -> None:
        nonlocal inside, most
        for _ in range(5):
            with client.lock("lock", sleep=0.0005):
                inside += 1
                most = max(most, inside)
                time.sleep(0)
                inside -= 1

    in_threads(work, 8)
    assert (most, client.exists("lock")) == (1, 0)


def test_threads_use_a_store_without_a_client() -> None:
    store = Store()
    in_threads(lambda number: [store.incr("count") for _ in range(500)])
    assert store.get("count") == str(THREADS * 500).encode()


def test_threads_that_open_and_close_the_same_path_find_one_store(tmp_path: Path) -> None:
    def work(number: int) -> None:
        for _ in range(5):
            with Redis(tmp_path / "store") as mine:
                mine.incr("count")

    in_threads(work, 16)
    with Redis(tmp_path / "store") as client:
        assert client.get("count") == b"80"


def test_threads_share_memory_by_its_name() -> None:
    kept = Redis.from_url("redlet://threads")
    in_threads(lambda number: Redis.from_url("redlet://threads").incr("count"))
    assert kept.get("count") == str(THREADS).encode()


# Event loops.


def test_event_loops_of_several_threads_share_a_client() -> None:
    client = redlet.asyncio.Redis()

    async def work(number: int) -> None:
        for turn in range(60):
            await client.incr("count")
            await client.client_id()
            await client.pipeline().incr("by pipeline").execute()
            if turn % 10 == 0:
                assert await client.blpop("empty", 0.001) is None
        await asyncio.gather(*(client.echo(str(turn)) for turn in range(10)))

    in_threads(lambda number: asyncio.run(work(number)), 8)

    async def check() -> None:
        assert (await client.get("count"), await client.get("by pipeline")) == (b"480", b"480")
        assert len(client.connection_pool._in_use_connections) == 0
        await client.aclose()

    asyncio.run(check())


def test_event_loops_one_after_the_other_share_a_client() -> None:
    client = redlet.asyncio.Redis()
    subscription = client.pubsub()

    async def work(number: int) -> None:
        await client.set("key", number)
        await client.client_id()
        task = asyncio.ensure_future(client.blpop("list", 5))
        await until_in_loop(lambda: client.connection_pool._in_use_connections)
        await client.rpush("list", number)
        assert (await task)[1] == str(number).encode()
        async with client.lock("lock"):
            pass
        if number == 0:
            await subscription.subscribe("channel")
            assert (await subscription.get_message(timeout=5))["type"] == "subscribe"
        assert await client.publish("channel", number) == 1
        assert (await subscription.get_message(timeout=5))["data"] == str(number).encode()

    for number in range(4):
        asyncio.run(work(number))


def test_a_thread_and_an_event_loop_hand_elements_to_each_other() -> None:
    client = Redis()
    other = redlet.asyncio.Redis(location=client._location)

    async def loop() -> List[int]:
        found = []
        for number in range(100):
            _, element = await other.blpop("to loop", 10)
            found.append(int(element))
            await other.rpush("to thread", number)
        return found

    def thread() -> List[int]:
        found = []
        for number in range(100):
            client.rpush("to loop", number)
            _, element = client.blpop("to thread", 10)
            found.append(int(element))
        return found

    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(thread)
        assert asyncio.run(loop()) == list(range(100))
        assert future.result() == list(range(100))


async def test_hundreds_of_tasks_wait_on_one_client() -> None:
    async with redlet.asyncio.Redis(decode_responses=True, max_connections=1000) as client:
        tasks = [asyncio.ensure_future(client.blpop("list", 0)) for _ in range(300)]
        with Redis(location=client._location) as other:
            await until_in_loop(lambda: other.info("clients")["blocked_clients"] == 300)
        for number in range(300):
            await client.rpush("list", number)
        found = [int((await task)[1]) for task in tasks]
        # First come, first served.
        assert found == list(range(300))


# Pools.


def test_a_pool_that_has_no_connection_left_says_so() -> None:
    with Redis(max_connections=2) as client:
        pool = client.connection_pool
        taken = [pool.get_connection() for _ in range(2)]
        with pytest.raises(MaxConnectionsError):
            client.client_id()
        assert client.set("key", 1) is True, "what needs no connection goes on"
        pool.release(taken.pop())
        assert client.client_id() > 0


async def test_an_asyncio_pool_that_has_no_connection_left_says_so() -> None:
    async with redlet.asyncio.Redis(max_connections=1) as client:
        task = asyncio.ensure_future(client.blpop("list", 0))
        await until_in_loop(lambda: client.connection_pool._in_use_connections)
        with pytest.raises(MaxConnectionsError):
            await client.client_id()
        await client.rpush("list", "a")
        assert (await task)[1] == b"a"
        assert await client.client_id() > 0


def test_a_blocking_pool_waits_for_a_connection_and_gives_up_in_time() -> None:
    with Redis() as owner:
        options = {"connection_class": redlet.Connection, "location": owner._location}
        pool = redis.BlockingConnectionPool(max_connections=1, timeout=0.05, **options)
        client = redis.Redis(connection_pool=pool)
        taken = pool.get_connection()
        with pytest.raises(ConnectionError, match="No connection available"):
            client.ping()
        pool.release(taken)
        assert client.ping() is True
        patient = redis.Redis(connection_pool=redis.BlockingConnectionPool(max_connections=4, timeout=30, **options))
        assert in_threads(lambda number: [patient.incr("count") for _ in range(20)] and patient.ping()) == [True] * THREADS
        assert patient.get("count") == str(THREADS * 20).encode()
        waiting = redlet.Redis(connection_pool=patient.connection_pool)
        threads = [threading.Thread(target=waiting.blpop, args=("list", 0)) for _ in range(4)]
        for thread in threads:
            thread.start()
        until_waiting(owner, 4)
        late = threading.Thread(target=waiting.blpop, args=("list", 0))
        late.start()
        owner.rpush("list", *range(5))
        for thread in [*threads, late]:
            thread.join(10)
            assert not thread.is_alive()


async def test_an_asyncio_blocking_pool_waits_for_a_connection_and_gives_up_in_time() -> None:
    with Redis() as owner:
        pool = redis.asyncio.BlockingConnectionPool(
            max_connections=2, timeout=0.05, connection_class=redlet.asyncio.Connection, location=owner._location
        )
        client = redis.asyncio.Redis(connection_pool=pool)
        taken = [await pool.get_connection() for _ in range(2)]
        with pytest.raises(ConnectionError, match="No connection available"):
            await client.ping()
        for connection in taken:
            await pool.release(connection)
        pool.timeout = 30
        await asyncio.gather(*(client.incr("count") for _ in range(200)))
        assert owner.get("count") == b"200"


# Subscriptions.


def test_a_thread_of_a_subscription_runs_handlers_until_it_is_stopped(client: Redis) -> None:
    heard: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
    for sleep_time in (0.001, None):
        subscription = client.pubsub()
        subscription.subscribe(channel=lambda message: heard.put(message["data"]))
        subscription.psubscribe(**{"pattern*": lambda message: heard.put(message["channel"])})
        thread = subscription.run_in_thread(sleep_time=sleep_time, daemon=True)
        until(lambda: client.pubsub_numsub("channel")[0][1] == 1 and client.pubsub_numpat() == 1)
        for number in range(50):
            client.publish("channel", number)
        client.publish("patterns", "a")
        assert [heard.get(timeout=10) for _ in range(51)] == [str(number).encode() for number in range(50)] + [b"patterns"]
        thread.stop()
        client.publish("channel", "wake")
        thread.join(10)
        assert not thread.is_alive()
        until(lambda: client.pubsub_numsub("channel")[0][1] == 0)
        while not heard.empty():
            heard.get()


def test_an_error_of_a_handler_goes_to_the_handler_of_errors(client: Redis) -> None:
    errors: "queue.SimpleQueue[BaseException]" = queue.SimpleQueue()
    subscription = client.pubsub()

    def fail(message: Any) -> None:
        raise ValueError(message["data"])

    subscription.subscribe(channel=fail)
    thread = subscription.run_in_thread(
        sleep_time=0.001, daemon=True, exception_handler=lambda error, pubsub, thread: errors.put(error)
    )
    until(lambda: client.publish("channel", "a"))
    assert isinstance(errors.get(timeout=10), ValueError)
    thread.stop()
    thread.join(10)


def test_a_message_is_waited_for_as_long_as_is_said(client: Redis) -> None:
    with client.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe("channel")
        until(lambda: client.pubsub_numsub("channel")[0][1] == 1)
        while subscription.get_message(timeout=0.01):
            pass
        for seconds in (0, 0.0, 0.02):
            begun = time.monotonic()
            assert subscription.get_message(timeout=seconds) is None
            assert seconds * 0.9 <= time.monotonic() - begun < seconds + 5
        pusher = threading.Timer(0.02, client.publish, ("channel", "a"))
        pusher.start()
        assert subscription.get_message(timeout=30)["data"] == b"a"
        pusher.join()
        pusher = threading.Timer(0.02, client.publish, ("channel", "b"))
        pusher.start()
        assert subscription.get_message(timeout=None)["data"] == b"b"
        pusher.join()
        assert subscription.get_message() is None


def test_two_threads_use_a_subscription_one_to_read_and_one_to_subscribe(client: Redis) -> None:
    subscription = client.pubsub()
    subscription.subscribe("first")
    heard: List[Any] = []
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            message = subscription.get_message(timeout=0.01)
            if message and message["type"] == "message":
                heard.append(message["channel"])

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(30):
        subscription.subscribe(f"channel {number}")
    until(lambda: len(client.pubsub_channels()) == 31)
    for number in range(30):
        assert client.publish(f"channel {number}", "a") == 1
    until(lambda: len(heard) == 30)
    is_over.set()
    thread.join(10)
    subscription.close()


async def test_a_task_of_a_subscription_runs_handlers_until_it_is_cancelled() -> None:
    async with redlet.asyncio.Redis() as client:
        heard: List[Any] = []
        subscription = client.pubsub()
        await subscription.subscribe(channel=lambda message: heard.append(message["data"]))
        task = asyncio.ensure_future(subscription.run(poll_timeout=0.01))
        while not await client.publish("channel", "first"):
            await asyncio.sleep(0)
        for number in range(20):
            await client.publish("channel", number)
        await until_in_loop(lambda: len(heard) == 21)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await subscription.aclose()
