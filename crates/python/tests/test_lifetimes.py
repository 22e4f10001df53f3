"""How long things live: instances that come and go leave nothing behind, and a store is there as long as something has it."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import weakref
from pathlib import Path
from typing import Any, Callable, Dict, NamedTuple

import pytest
from patience import until
from redis.exceptions import ConnectionError

import redlet
import redlet.asyncio
from redlet import Redis, Store


class Held(NamedTuple):
    """What a process holds."""

    kilobytes: int
    threads: int
    descriptors: int


def held() -> Held:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    threads, descriptors = len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))
    return Held(pages * os.sysconf("SC_PAGE_SIZE") // 1024, threads, descriptors)


def _closed() -> None:
    client = Redis()
    client.set("key", "value" * 20)
    client.close()


def _dropped() -> None:
    Redis().set("key", "value" * 20)


def _with_deadlines() -> None:
    Redis().set("key", 1, ex=1000)


def _store() -> None:
    Store().set("key", 1)


def _named() -> None:
    Redis.from_url("redlet://lifetimes").incr("key")


def _with_connections() -> None:
    client = Redis()
    client.client_id()
    client.blpop("empty", 0.0001)


def _cycles() -> None:
    client: Any = Redis()
    client.itself = client
    client.subscription = client.pubsub()
    client.subscription.subscribe("channel")
    client.recorder = client.pipeline().set("key", 1)
    client.a_lock = client.lock("lock")
    client.script = client.register_script("return 1")


def _descriptors() -> None:
    client = Redis()
    connection = client.connection_pool.get_connection()
    connection.send_command("BLPOP", "list", 0)
    connection._sock.fileno()
    client.rpush("list", 1)
    connection.read_response()


def _url() -> None:
    redlet.from_url("redlet://?db=1&decode_responses=true").set("key", "value")


KINDS: Dict[str, "tuple[Callable[[], None], int]"] = {
    "closed": (_closed, 10_000),
    "dropped": (_dropped, 10_000),
    "deadlines": (_with_deadlines, 1_000),
    "stores": (_store, 10_000),
    "named": (_named, 2_000),
    "connections": (_with_connections, 300),
    "cycles": (_cycles, 300),
    "descriptors": (_descriptors, 300),
    "urls": (_url, 2_000),
}


def _come_and_go(make: Callable[[], None], count: int) -> None:
    for _ in range(max(count // 5, 100)):
        make()
    before = held()
    for _ in range(count):
        make()
    after = held()
    assert (after.threads, after.descriptors) == (before.threads, before.descriptors)
    # Less than a hundred bytes for each, and what an allocator likes to keep.
    assert after.kilobytes - before.kilobytes < count // 10 + 1500, (before, after)


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc here")


@needs_proc
@pytest.mark.parametrize("name", KINDS)
def test_instances_leave_nothing_behind(name: str) -> None:
    make, count = KINDS[name]
    _come_and_go(make, count)


@needs_proc
@pytest.mark.nightly
@pytest.mark.parametrize("name", KINDS)
def test_a_hundred_thousand_instances_leave_nothing_behind(name: str) -> None:
    _come_and_go(KINDS[name][0], 100_000)


@needs_proc
@pytest.mark.parametrize("count", [40, pytest.param(2_000, marks=pytest.mark.nightly)])
def test_stores_on_disk_leave_nothing_behind_in_memory(tmp_path: Path, count: int) -> None:
    def make() -> None:
        with Redis(tmp_path / "store") as client:
            client.incr("key")
            client.socket_file

    _come_and_go(make, count)


@needs_proc
@pytest.mark.parametrize("count", [300, pytest.param(100_000, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("closes", [True, False])
def test_asyncio_instances_leave_nothing_behind(count: int, closes: bool) -> None:
    loop = asyncio.new_event_loop()

    async def use() -> None:
        client = redlet.asyncio.Redis()
        await client.set("key", 1)
        await client.client_id()
        await client.blpop("empty", 0.0001)
        subscription = client.pubsub()
        await subscription.subscribe("channel")
        if closes:
            await subscription.aclose()
            await client.aclose()

    try:
        _come_and_go(lambda: loop.run_until_complete(use()), count)
    finally:
        loop.close()


@needs_proc
def test_connections_of_one_client_come_and_go() -> None:
    with Redis() as client:

        def make() -> None:
            client.client_id()
            subscription = client.pubsub()
            subscription.subscribe("channel")
            subscription.close()
            client.connection_pool.disconnect()

        _come_and_go(make, 500)
        assert client.info("clients")["connected_clients"] <= 2


def test_a_store_lives_as_long_as_something_has_it() -> None:
    for keep in (
        lambda client: client.pipeline(),
        lambda client: client.pubsub(),
        lambda client: client.connection_pool,
        lambda client: client.lock("lock"),
        lambda client: client.register_script("return redis.call('GET', 'key')"),
        lambda client: client.connection_pool.get_connection(),
        lambda client: client._location,
    ):
        client = Redis()
        client.set("key", "value")
        reference = weakref.ref(client)
        kept = keep(client)
        location = kept if isinstance(kept, redlet.location.Location) else client._location
        del client
        gc.collect()
        with Redis(location=location) as other:
            assert other.get("key") == b"value"
        del kept, other, location
        gc.collect()
        assert reference() is None


def test_a_pipeline_outlives_its_client() -> None:
    pipeline = Redis().pipeline()
    gc.collect()
    assert pipeline.set("key", 1).get("key").execute() == [True, b"1"]


def test_a_subscription_outlives_its_client() -> None:
    client = Redis()
    subscription = client.pubsub()
    subscription.subscribe("channel")
    assert subscription.get_message(timeout=5)["type"] == "subscribe"
    other = Redis(location=client._location)
    del client
    gc.collect()
    assert other.publish("channel", "a") == 1
    assert subscription.get_message(timeout=5)["data"] == b"a"


def test_a_subscription_that_is_dropped_unsubscribes() -> None:
    with Redis() as client:
        subscription = client.pubsub()
        subscription.subscribe("channel")
        until(lambda: client.pubsub_numsub("channel")[0][1] == 1)
        del subscription
        gc.collect()
        assert client.pubsub_numsub("channel")[0][1] == 0


def test_private_memory_is_gone_with_its_last_holder() -> None:
    client = Redis()
    store = client._location.store()
    number = store.identity[1]
    client.set("key", 1)
    del client, store
    gc.collect()
    with pytest.raises(ConnectionError):
        Store.numbered(number)


def test_memory_with_a_name_is_there_as_long_as_somebody_has_it() -> None:
    first = Redis.from_url("redlet://as-long")
    first.set("key", 1)
    second = Redis.from_url("redlet://as-long")
    first.close()
    del first
    assert second.get("key") == b"1"
    second.close()
    del second
    gc.collect()
    assert Redis.from_url("redlet://as-long").get("key") is None


def test_dropping_a_client_on_disk_lets_others_open_it(tmp_path: Path) -> None:
    from programs import run

    client: Any = Redis(tmp_path / "store")
    client.set("key", "value")
    client.itself = client
    client.subscription = client.pubsub()
    client.subscription.subscribe("channel")
    del client
    gc.collect()
    program = "import sys, redlet; print(redlet.Redis(sys.argv[1]).get('key'))"
    assert run(program, tmp_path / "store") == "b'value'\n"


def test_garbage_is_collected_in_a_thread_that_has_nothing_to_do_with_it() -> None:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(50):
            _cycles()
        thread = threading.Thread(target=gc.collect)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
    finally:
        if was_enabled:
            gc.enable()


def test_a_client_is_dropped_while_one_of_its_connections_waits() -> None:
    client = Redis()
    location = client._location
    connection = client.connection_pool.get_connection()
    connection.send_command("BLPOP", "list", 0)
    with Redis(location=location) as other:
        assert other.info("clients")["blocked_clients"] == 1
        del client, connection
        gc.collect()
        assert other.info("clients")["blocked_clients"] == 0
        other.rpush("list", "a")
        assert other.llen("list") == 1


def test_finalizers_run_in_any_order() -> None:
    class Holder:
        def __init__(self) -> None:
            self.client = Redis()
            self.client.set("key", 1)
            self.client.client_id()
            self.parts = [self.client.pipeline(), self.client.pubsub(), self.client.connection_pool]
            self.cycle = self

        def __del__(self) -> None:
            ends.append(self.client.get("key"))
            self.client.close()

    ends: "list[Any]" = []
    for _ in range(20):
        Holder()
    gc.collect()
    assert ends == [b"1"] * 20


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts references")
def test_commands_keep_no_references() -> None:
    with Redis() as client:
        values = [b"value" * 10, "text" * 10, 12345678901, 1.5]
        counts = [sys.getrefcount(value) for value in values]
        for _ in range(200):
            for value in values:
                client.set("key", value)
                client.get("key")
                client.hset("hash", str(value), value)
                client.rpush("list", value)
                client.execute_command("ECHO", value)
                client.pipeline().set("key", value).get("key").execute()
        del value
        assert [sys.getrefcount(value) for value in values] == counts
