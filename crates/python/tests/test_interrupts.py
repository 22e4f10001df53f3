"""What ends a wait from outside: Ctrl-C, other signals, another thread, CLIENT KILL and CLIENT UNBLOCK. Nothing is lost by it, and the client
goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from typing import Any, Callable, Dict, Iterator, List

import pytest
from patience import until, until_in_loop, until_waiting
from redis.exceptions import ConnectionError, LockError, ResponseError

import redlet.asyncio
from redlet import Redis

signals = pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process on Windows")


@pytest.fixture
def client() -> Iterator[Redis]:
    with Redis(decode_responses=True) as client:
        yield client


def _subscription(client: Any) -> Any:
    subscription = client.pubsub()
    subscription.subscribe("channel")
    assert subscription.get_message(timeout=5)["type"] == "subscribe"
    return subscription


#: Ways to wait for ever.
WAITS: Dict[str, Callable[[Redis], Any]] = {
    "blpop": lambda r: r.blpop(["list", "other"], 0),
    "brpop": lambda r: r.brpop("list", 0),
    "blmove": lambda r: r.blmove("list", "other", 0),
    "blmpop": lambda r: r.blmpop(0, 1, "list", direction="LEFT"),
    "bzpopmin": lambda r: r.bzpopmin("sorted", 0),
    "xread": lambda r: r.xread({"stream": "$"}, block=0),
    "xreadgroup": lambda r: r.xreadgroup("group", "ann", {"stream": ">"}, block=0),
    "pipeline": lambda r: r.pipeline(transaction=False).set("before", 1).blpop("list", 0).execute(),
    "execute_command": lambda r: r.execute_command("BLPOP", "list", 0),
}


@contextlib.contextmanager
def interrupted(after: Callable[[], Any], then: Callable[[], Any] = lambda: None) -> Iterator[None]:
    """Presses Ctrl-C in the block as soon as `after` has returned, and goes on with `then`. The block must end by it."""
    is_over = threading.Event()

    def run() -> None:
        after()
        if not is_over.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            then()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        is_over.set()
        thread.join()


@signals
@pytest.mark.parametrize("name", WAITS)
def test_ctrl_c_ends_a_wait_at_once_and_the_client_goes_on(client: Redis, name: str) -> None:
    client.xgroup_create("stream", "group", mkstream=True)
    begun = time.monotonic()
    with interrupted(lambda: until_waiting(client)):
        WAITS[name](client)
    assert time.monotonic() - begun < 5
    assert client.info("clients")["blocked_clients"] == 0
    client.rpush("list", "a", "b")
    assert client.llen("list") == 2, "nobody waits any more for what comes now"
    assert client.blpop("list", 1) == ("list", "a")
    assert client.ping() is True


@signals
def test_an_element_that_comes_after_ctrl_c_is_not_lost(client: Redis) -> None:
    other = Redis(location=client._location)
    for number in range(30):
        taken: List[Any] = []
        with interrupted(lambda: until_waiting(other), lambda: other.rpush("list", number)):
            taken.append(client.blpop("list", 0))
            # The element may have been quicker than the signal.
            time.sleep(1)
        left = [int(element) for element in client.lrange("list", 0, -1)]
        assert [int(element) for _, element in taken] + left == [number]
        client.delete("list")


@signals
def test_ctrl_c_ends_a_wait_for_a_lock_which_stays_with_its_owner(client: Redis) -> None:
    owner = client.lock("lock")
    assert owner.acquire()
    begun = threading.Event()
    waiting = client.lock("lock", sleep=0.01)
    with interrupted(begun.wait):
        begun.set()
        waiting.acquire()
    assert owner.owned() and not waiting.owned()
    owner.release()
    with waiting:
        assert waiting.owned()


@signals
def test_ctrl_c_ends_a_wait_for_messages_and_the_subscription_goes_on(client: Redis) -> None:
    for wait in (lambda s: s.get_message(timeout=None), lambda s: s.get_message(timeout=60), lambda s: next(s.listen())):
        subscription = _subscription(client)
        parked = threading.Event()
        session = subscription.connection._session

        class Told:
            """The session, which tells when it is read."""

            def __getattr__(self, name: str) -> Any:
                if name in ("read", "can_read"):
                    parked.set()
                return getattr(session, name)

        subscription.connection._session = Told()
        with interrupted(parked.wait):
            wait(subscription)
        subscription.connection._session = session
        assert client.publish("channel", "after") == 1
        assert subscription.get_message(timeout=5)["data"] == "after"
        subscription.close()


@signals
def test_a_signal_whose_handler_returns_does_not_end_a_wait(client: Redis) -> None:
    heard: List[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
    try:

        def run() -> None:
            until_waiting(client)
            os.kill(os.getpid(), signal.SIGUSR1)
            until(lambda: heard)
            client.rpush("list", "a")

        thread = threading.Thread(target=run)
        thread.start()
        assert client.blpop("list", 0) == ("list", "a")
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard == [signal.SIGUSR1]


@signals
def test_an_alarm_ends_a_wait_as_workers_do_with_jobs_that_take_too_long(client: Redis) -> None:
    class TooLong(Exception):
        pass

    def handle(number: int, frame: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, handle)
    try:
        with pytest.raises(TooLong):
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            client.blpop("list", 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    client.rpush("list", "a")
    assert client.blpop("list", 0) == ("list", "a")


@signals
def test_ctrl_c_ends_an_event_loop_whose_tasks_wait() -> None:
    client = redlet.asyncio.Redis(decode_responses=True)

    async def main() -> None:
        other = asyncio.ensure_future(client.blpop("other", 0))
        await asyncio.sleep(0)
        begun.set()
        try:
            await client.blpop("list", 0)
        finally:
            other.cancel()

    begun = threading.Event()
    with interrupted(begun.wait):
        asyncio.run(main())

    async def after() -> None:
        assert (await client.info("clients"))["blocked_clients"] == 0
        await client.rpush("list", "a")
        assert list(await client.blpop("list", 0)) == ["list", "a"]
        await client.aclose()

    asyncio.run(after())


@signals
def test_ctrl_c_in_the_main_thread_leaves_waits_in_other_threads_alone(client: Redis) -> None:
    taken: List[Any] = []
    thread = threading.Thread(target=lambda: taken.append(client.blpop("list", 0)))
    thread.start()
    with interrupted(lambda: until_waiting(client, 2)):
        client.blpop("other", 0)
    assert not taken and thread.is_alive()
    client.rpush("list", "a")
    thread.join(10)
    assert taken == [("list", "a")]


# Another thread.


class Parked:
    """A thread in a wait, and what became of it."""

    def __init__(self, client: Redis, wait: Callable[[Redis], Any]) -> None:
        self.answers: List[Any] = []
        self._thread = threading.Thread(target=self._run, args=(client, wait))
        self._thread.start()
        until_waiting(client)

    def _run(self, client: Redis, wait: Callable[[Redis], Any]) -> None:
        try:
            self.answers.append(wait(client))
        except Exception as error:
            self.answers.append(error)

    def answer(self) -> Any:
        self._thread.join(10)
        assert not self._thread.is_alive(), "it still waits"
        return self.answers[0]


@pytest.mark.parametrize("name", ["blpop", "blmove", "bzpopmin", "xread", "pipeline"])
def test_a_parked_connection_is_disconnected_by_another_thread(client: Redis, name: str) -> None:
    parked = Parked(client, WAITS[name])
    (connection,) = client.connection_pool._in_use_connections
    connection.disconnect()
    assert isinstance(parked.answer(), ConnectionError)
    client.rpush("list", "a")
    client.zadd("sorted", {"a": 1})
    assert (client.llen("list"), client.zcard("sorted"), client.llen("other")) == (1, 1, 0)


def test_a_pool_that_is_disconnected_ends_all_its_waits(client: Redis) -> None:
    parked = []
    for count in range(1, 9):
        thread = Parked.__new__(Parked)
        thread.answers = []
        thread._thread = threading.Thread(target=thread._run, args=(client, WAITS["blpop"]))
        thread._thread.start()
        until_waiting(client, count)
        parked.append(thread)
    client.connection_pool.disconnect()
    assert [type(one.answer()) for one in parked] == [ConnectionError] * 8
    client.rpush("list", "a")
    assert client.lrange("list", 0, -1) == ["a"]


def test_disconnecting_never_loses_what_comes_at_the_same_time(client: Redis) -> None:
    other = Redis(location=client._location)
    for number in range(200):
        parked = Parked(client, WAITS["blpop"])
        (connection,) = client.connection_pool._in_use_connections
        pusher = threading.Thread(target=other.rpush, args=("list", number))
        pusher.start()
        connection.disconnect()
        pusher.join()
        answer = parked.answer()
        left = client.lrange("list", 0, -1)
        if isinstance(answer, Exception):
            assert left == [str(number)]
        else:
            assert (list(answer), left) == (["list", str(number)], [])
        client.delete("list")


def _blocked_client(client: Any) -> int:
    (number,) = [int(one["id"]) for one in client.client_list() if "b" in one["flags"]]
    return number


def test_client_kill_ends_a_wait(client: Redis) -> None:
    parked = Parked(client, WAITS["blpop"])
    assert client.client_kill_filter(_id=str(_blocked_client(client))) == 1
    assert isinstance(parked.answer(), ConnectionError)
    client.rpush("list", "a")
    assert client.lrange("list", 0, -1) == ["a"]


def test_client_unblock_ends_a_wait_as_its_time_would_or_with_an_error(client: Redis) -> None:
    parked = Parked(client, WAITS["blpop"])
    assert client.client_unblock(_blocked_client(client)) is True
    assert parked.answer() is None
    parked = Parked(client, WAITS["xread"])
    assert client.client_unblock(_blocked_client(client), error=True) is True
    answer = parked.answer()
    assert isinstance(answer, ResponseError) and "UNBLOCKED" in str(answer)
    assert client.client_unblock(12345) is False


def test_an_idle_connection_that_was_killed_is_made_anew(client: Redis) -> None:
    number = client.client_id()
    (idle,) = client.connection_pool._available_connections
    other = Redis(location=client._location)
    assert other.client_kill_filter(_id=str(number)) == 1
    assert client.client_id() != number
    assert client.connection_pool._available_connections == [idle]


async def test_kill_unblock_and_disconnect_end_the_waits_of_tasks() -> None:
    async with redlet.asyncio.Redis(decode_responses=True) as client:
        with Redis(location=client._location) as other:

            async def park() -> "asyncio.Task[Any]":
                task = asyncio.ensure_future(client.blpop("list", 0))
                await until_in_loop(lambda: other.info("clients")["blocked_clients"] == 1)
                return task

            task = await park()
            other.client_kill_filter(_id=str(_blocked_client(other)))
            with pytest.raises(ConnectionError):
                await task
            task = await park()
            other.client_unblock(_blocked_client(other))
            assert await task is None
            task = await park()
            other.client_unblock(_blocked_client(other), error=True)
            with pytest.raises(ResponseError, match="UNBLOCKED"):
                await task
            task = await park()
            await client.connection_pool.disconnect()
            with pytest.raises(ConnectionError):
                await task
            await client.rpush("list", "a")
            assert list(await client.blpop("list")) == ["list", "a"]


def test_a_wait_outlives_socket_timeout() -> None:
    with Redis(socket_timeout=0.01, socket_connect_timeout=0.01) as client:
        pusher = threading.Timer(0.1, client.rpush, ("list", "a"))
        pusher.start()
        assert client.blpop("list", 10) == (b"list", b"a")
        pusher.join()


def test_a_lock_that_is_not_got_in_time_says_so(client: Redis) -> None:
    with client.lock("lock"):
        assert client.lock("lock", blocking_timeout=0.01, sleep=0.001).acquire() is False
        assert client.lock("lock").acquire(blocking=False) is False
        with pytest.raises(LockError):
            with client.lock("lock", blocking_timeout=0.01, sleep=0.001):
                pass
