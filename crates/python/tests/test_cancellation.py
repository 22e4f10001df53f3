"""Tasks that are cancelled while they wait: no element is lost, none comes twice, and the client goes on."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from typing import Any, Awaitable, Callable, Dict, List

import pytest
from patience import until_in_loop

from redlet.asyncio import Redis

#: Of each kind here, and of each kind at night.
ROUNDS, ROUNDS_AT_NIGHT = 1_500, 10_000


class Kind:
    """A command that waits for an element, how elements come, and where they can be."""

    def __init__(
        self,
        put: Callable[[Any, str], Awaitable[Any]],
        take: Callable[[Any], Awaitable[Any]],
        left: Callable[[Any], Awaitable[List[str]]],
    ) -> None:
        self.put, self.take, self.left = put, take, left


async def _second(method: Any, *args: Any, **options: Any) -> Any:
    """What a pop answers after the key."""
    element = (await method(*args, **options))[1]
    return element[0] if isinstance(element, list) else element


async def _entry(r: Any) -> str:
    found = await r.xreadgroup("group", "ann", {"from": ">"}, count=1, block=0)
    return str(found[0][1][0][1]["element"])


async def _left_in_stream(r: Any) -> List[str]:
    """What no consumer was given."""
    group = (await r.xinfo_groups("from"))[0]
    entries = await r.xrange("from", "(" + group["last-delivered-id"])
    return [fields["element"] for _, fields in entries]


KINDS: Dict[str, Kind] = {
    "blpop": Kind(
        lambda r, element: r.rpush("from", element),
        lambda r: _second(r.blpop, ["empty", "from"], 0),
        lambda r: r.lrange("from", 0, -1),
    ),
    "brpop": Kind(
        lambda r, element: r.lpush("from", element),
        lambda r: _second(r.brpop, "from", 0),
        lambda r: r.lrange("from", 0, -1),
    ),
    "blmpop": Kind(
        lambda r, element: r.rpush("from", element),
        lambda r: _second(r.blmpop, 0, 2, "empty", "from", direction="LEFT"),
        lambda r: r.lrange("from", 0, -1),
    ),
    "bzpopmin": Kind(
        lambda r, element: r.zadd("from", {element: int(element)}),
        lambda r: _second(r.bzpopmin, "from", 0),
        lambda r: r.zrange("from", 0, -1),
    ),
}


async def _cancelled_at_random(kind: Kind, rounds: int, chance: random.Random, how: str) -> None:
    """Producers in this loop and in another thread, consumers that are cancelled at random points."""
    async with Redis.from_url(f"redlet://cancellation-{id(kind)}", decode_responses=True) as r:
        await r.flushall()
        taken: List[str] = []
        put = cancelled = 0

        async def consume() -> None:
            element = await kind.take(r)
            # From here on it is the caller's.
            taken.append(element)

        async def cancel_or_time_out(task: "asyncio.Task[None]") -> None:
            if how == "cancel":
                task.cancel()
                await asyncio.wait([task])
            elif how == "wait_for":
                try:
                    await asyncio.wait_for(task, 0)
                except asyncio.TimeoutError:
                    pass
            else:
                try:
                    async with asyncio.timeout(0):  # type: ignore[attr-defined,unused-ignore]
                        await task
                except TimeoutError:
                    pass

        for _ in range(rounds):
            consumers = [asyncio.ensure_future(consume()) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
            producers = []
            for _ in range(chance.choice((0, 1, 1, 2))):
                producers.append(asyncio.ensure_future(_put_after(chance.randrange(4), kind, r, str(put))))
                put += 1
            for _ in range(chance.randrange(5)):
                await asyncio.sleep(0)
            if chance.random() < 0.5:
                await asyncio.gather(*producers)
            for consumer in consumers:
                await cancel_or_time_out(consumer)
                if consumer.cancelled():
                    cancelled += 1
                else:
                    consumer.result()
            await asyncio.gather(*producers)
        left = await kind.left(r)
        assert sorted(taken + left, key=int) == [str(number) for number in range(put)]
        assert (await r.info("clients"))["blocked_clients"] == 0
        # None was lost, and the client goes on.
        await r.flushall()
        await kind.put(r, "1")
        assert await kind.take(r) == "1"
        # Both happened often.
        assert taken and cancelled if how == "cancel" else taken


async def _put_after(turns: int, kind: Kind, r: Any, element: str) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    await kind.put(r, element)


WAYS = ["cancel", "wait_for"] + (["timeout"] if sys.version_info >= (3, 11) else [])


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("name", KINDS)
async def test_a_cancelled_pop_loses_nothing(name: str, how: str) -> None:
    await _cancelled_at_random(KINDS[name], ROUNDS if how == "cancel" else ROUNDS // 5, random.Random(name + how), how)


@pytest.mark.nightly
@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("name", KINDS)
async def test_ten_thousand_cancelled_pops_lose_nothing(name: str, how: str) -> None:
    await _cancelled_at_random(KINDS[name], ROUNDS_AT_NIGHT, random.Random(how + name), how)


async def _pops_beside_a_producing_thread(rounds: int) -> None:
    chance = random.Random(rounds)
    async with Redis(decode_responses=True) as r:
        import redlet

        taken: List[str] = []
        go, is_over = threading.Semaphore(0), threading.Event()
        put = 0

        def produce() -> None:
            nonlocal put
            mine = redlet.Redis(location=r._location)
            while go.acquire() and not is_over.is_set():
                mine.rpush("from", put)
                put += 1

        thread = threading.Thread(target=produce)
        thread.start()
        try:
            for _ in range(rounds):
                task = asyncio.ensure_future(_second(r.blpop, "from", 0))
                await asyncio.sleep(0)
                go.release()
                # The element comes somewhere between here and the cancellation, or after it.
                for _ in range(chance.randrange(60)):
                    await asyncio.sleep(0)
                task.cancel()
                try:
                    taken.append(await task)
                except asyncio.CancelledError:
                    pass
        finally:
            is_over.set()
            go.release()
            thread.join()
        left = await r.lrange("from", 0, -1)
        assert sorted(taken + left, key=int) == [str(number) for number in range(put)]


async def test_a_pop_that_is_cancelled_while_another_thread_pushes_loses_nothing() -> None:
    await _pops_beside_a_producing_thread(ROUNDS)


@pytest.mark.nightly
async def test_ten_thousand_pops_that_are_cancelled_while_another_thread_pushes_lose_nothing() -> None:
    await _pops_beside_a_producing_thread(ROUNDS_AT_NIGHT)


async def _moves(rounds: int) -> None:
    chance = random.Random(rounds)
    async with Redis(decode_responses=True) as r:
        put = answered = 0
        for _ in range(rounds):
            task = asyncio.ensure_future(r.blmove("from", "to", 0, "LEFT", "RIGHT"))
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            if chance.random() < 0.7:
                await r.rpush("from", put)
                put += 1
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            task.cancel()
            try:
                await task
                answered += 1
            except asyncio.CancelledError:
                pass
        left, moved = await r.lrange("from", 0, -1), await r.lrange("to", 0, -1)
        assert sorted(left + moved, key=int) == [str(number) for number in range(put)]
        # A move is done when it is done, as with Redis: its caller may not hear of it.
        assert len(moved) >= answered > 0


async def test_a_cancelled_move_is_whole_or_did_not_happen() -> None:
    await _moves(ROUNDS)


@pytest.mark.nightly
async def test_ten_thousand_cancelled_moves_are_whole_or_did_not_happen() -> None:
    await _moves(ROUNDS_AT_NIGHT)


async def _group_reads(rounds: int) -> None:
    chance = random.Random(rounds)
    async with Redis(decode_responses=True) as r:
        await r.xgroup_create("from", "group", "$", mkstream=True)
        taken: List[str] = []
        put = 0
        for _ in range(rounds):
            task = asyncio.ensure_future(_entry(r))
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            if chance.random() < 0.7:
                await r.xadd("from", {"element": put})
                put += 1
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            task.cancel()
            try:
                taken.append(await task)
            except asyncio.CancelledError:
                pass
        pending = await r.xpending_range("from", "group", "-", "+", put + 1)
        named = [(await r.xrange("from", one["message_id"], one["message_id"]))[0][1]["element"] for one in pending]
        left = await _left_in_stream(r)
        # What a consumer was given and did not hear of is pending: it can claim it.
        assert len(set(taken)) == len(taken) and set(taken) <= set(named)
        assert sorted(named + left, key=int) == [str(number) for number in range(put)]
        assert taken


async def test_a_cancelled_read_of_a_group_leaves_every_entry_pending_or_new() -> None:
    await _group_reads(ROUNDS)


@pytest.mark.nightly
async def test_ten_thousand_cancelled_reads_of_a_group_leave_every_entry_pending_or_new() -> None:
    await _group_reads(ROUNDS_AT_NIGHT)


async def _locks(rounds: int) -> None:
    chance = random.Random(rounds)
    async with Redis() as r:
        inside = 0
        entered = 0

        async def work() -> None:
            nonlocal inside, entered
            lock = r.lock("lock", sleep=0, timeout=None)
            await lock.acquire()
            try:
                inside += 1
                entered += 1
                assert inside == 1
                await asyncio.sleep(0)
            finally:
                inside -= 1
                await lock.release()

        for _ in range(rounds // 3):
            tasks = [asyncio.ensure_future(work()) for _ in range(3)]
            for _ in range(chance.randrange(6)):
                await asyncio.sleep(0)
            chance.choice(tasks).cancel()
            # A lock that its owner never heard of would let nobody in any more.
            done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
            assert all(one is None or isinstance(one, asyncio.CancelledError) for one in done)
        assert not await r.exists("lock")
        assert entered >= rounds // 3


async def test_a_lock_whose_acquisition_is_cancelled_is_free() -> None:
    await _locks(ROUNDS)


@pytest.mark.nightly
async def test_ten_thousand_locks_whose_acquisition_is_cancelled_are_free() -> None:
    await _locks(ROUNDS_AT_NIGHT)


async def _messages(rounds: int) -> None:
    chance = random.Random(rounds)
    async with Redis(decode_responses=True) as r, r.pubsub(ignore_subscribe_messages=True) as subscription:
        await subscription.subscribe("channel")
        await until_in_loop(lambda: subscription.subscribed)
        while await subscription.get_message(timeout=0):
            pass
        taken: List[int] = []
        put = 0
        for _ in range(rounds):
            task = asyncio.ensure_future(subscription.get_message(timeout=None))
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            if chance.random() < 0.7:
                await r.publish("channel", put)
                put += 1
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            task.cancel()
            try:
                message = await task
                if message:
                    taken.append(int(message["data"]))
            except asyncio.CancelledError:
                pass
        while True:
            message = await subscription.get_message(timeout=0)
            if message is None:
                break
            taken.append(int(message["data"]))
        assert taken == list(range(put))


async def test_a_subscriber_whose_wait_is_cancelled_misses_no_message() -> None:
    await _messages(ROUNDS)


@pytest.mark.nightly
async def test_a_subscriber_whose_wait_is_cancelled_ten_thousand_times_misses_no_message() -> None:
    await _messages(ROUNDS_AT_NIGHT)


async def test_an_element_that_comes_while_a_wait_begins_is_not_lost_by_its_cancellation() -> None:
    async with Redis(decode_responses=True) as r:
        connection = await r.connection_pool.get_connection()
        session = connection._session

        class Between:
            """The session, with a push just before its descriptor is asked for."""

            def __getattr__(self, name: str) -> Any:
                return getattr(session, name)

            def descriptor(self) -> int:
                r._direct.execute("RPUSH", "list", "element")
                return int(session.descriptor())

        connection._session = Between()
        await connection.send_command("BLPOP", "list", 0)
        task = asyncio.ensure_future(connection.read_response())
        await asyncio.sleep(0)
        task.cancel()
        taken = []
        try:
            taken.append((await task)[1])
        except asyncio.CancelledError:
            pass
        assert taken + await r.lrange("list", 0, -1) == ["element"]


async def test_a_cancelled_task_goes_back_to_its_pool() -> None:
    async with Redis(max_connections=2) as r:
        for _ in range(50):
            task = asyncio.ensure_future(r.blpop("list", 0))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await r.rpush("list", 1)
        assert await r.blpop("list") == (b"list", b"1")
        pool = r.connection_pool
        assert len(pool._in_use_connections) == 0


async def test_a_loop_of_hot_commands_lets_others_have_their_turn_and_can_be_cancelled() -> None:
    async with Redis() as r:

        async def spin() -> None:
            while True:
                await r.incr("count")

        task = asyncio.ensure_future(spin())
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert int(await r.get("count") or 0) > 0
