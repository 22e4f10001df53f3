"""dramatiq on redlet; docs/python/dramatiq.md says how."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from packages import package
from patience import in_threads, until
from programs import run, start

import redlet
from redlet import Redis

dramatiq = package("dramatiq")
RedisBroker = package("dramatiq.brokers.redis").RedisBroker
Results = package("dramatiq.results").Results
ResultBackend = package("dramatiq.results.backends").RedisBackend
rate_limits = package("dramatiq.rate_limits")
RateLimiterBackend = package("dramatiq.rate_limits.backends").RedisBackend

WAIT = {"block": True, "timeout": 20_000}


class Application:
    """A broker with actors of its own, and what they have done."""

    def __init__(self, client: Redis) -> None:
        self.client = client
        self.broker = RedisBroker(client=client)
        self.broker.add_middleware(Results(backend=ResultBackend(client=client)))
        dramatiq.set_broker(self.broker)
        self.tries = 0
        self.done: "List[int]" = []

        @dramatiq.actor(broker=self.broker, store_results=True)
        def add(one: int, other: int) -> int:
            return one + other

        @dramatiq.actor(broker=self.broker, store_results=True, max_retries=5, min_backoff=1, max_backoff=2)
        def flaky(failures: int) -> int:
            self.tries += 1
            if self.tries <= failures:
                raise ValueError("not yet")
            return self.tries

        @dramatiq.actor(broker=self.broker, store_results=True, max_retries=0)
        def fail() -> None:
            raise RuntimeError("broken")

        @dramatiq.actor(broker=self.broker)
        def note(number: int) -> None:
            self.done.append(number)

        self.add, self.flaky, self.fail, self.note = add, flaky, fail, note

    def work(self, threads: int = 4) -> Any:
        worker = dramatiq.Worker(self.broker, worker_timeout=20, worker_threads=threads)
        worker.start()
        return worker


@pytest.fixture
def application() -> Application:
    return Application(Redis())


@pytest.fixture
def working(application: Application) -> Iterator[Application]:
    worker = application.work()
    yield application
    worker.stop()


def test_messages_are_done_and_have_results(working: Application) -> None:
    messages = [working.add.send(number, 1) for number in range(50)]
    assert [message.get_result(**WAIT) for message in messages] == list(range(1, 51))


def test_an_actor_that_fails_hands_on_what_it_raised_and_its_message_is_kept_as_dead(working: Application) -> None:
    with pytest.raises(package("dramatiq.results").ResultFailure, match="broken"):
        working.fail.send().get_result(**WAIT)
    until(lambda: working.client.zcard("dramatiq:default.XQ") == 1)


def test_an_actor_is_tried_again(working: Application) -> None:
    assert working.flaky.send(2).get_result(**WAIT) == 3


def test_a_message_waits_until_its_time(working: Application) -> None:
    message = working.add.send_with_options(args=(1, 2), delay=200)
    with pytest.raises(package("dramatiq.results").ResultMissing):
        message.get_result()
    assert message.get_result(**WAIT) == 3


def test_groups_and_pipelines(working: Application) -> None:
    group = dramatiq.group([working.add.message(number, 0) for number in range(50)], broker=working.broker).run()
    assert sum(group.get_results(**WAIT)) == sum(range(50))
    pipeline = working.add.message(1, 2) | working.add.message(3)
    assert pipeline.run().get_result(**WAIT) == 6


def test_several_workers_do_each_message_once(application: Application) -> None:
    workers = [application.work(threads=2) for _ in range(3)]
    for number in range(300):
        application.note.send(number)
    application.broker.join("default", timeout=30_000)
    for worker in workers:
        worker.join()
        worker.stop()
    assert sorted(application.done) == list(range(300))


def test_what_a_worker_did_not_come_to_another_does(application: Application) -> None:
    worker = application.work(threads=1)
    for number in range(200):
        application.note.send(number)
    until(lambda: len(application.done) > 5)
    worker.stop()
    other = application.work()
    application.broker.join("default", timeout=30_000)
    other.join()
    other.stop()
    assert sorted(application.done) == list(range(200))


def test_rate_limiters_are_shared_by_threads() -> None:
    backend = RateLimiterBackend(client=Redis())
    mutex = rate_limits.ConcurrentRateLimiter(backend, "mutex", limit=1)
    inside: "List[int]" = []
    most: "List[int]" = []
    barrier = threading.Barrier(4)

    def enter() -> None:
        barrier.wait()
        for _ in range(50):
            with mutex.acquire(raise_on_failure=False) as acquired:
                if acquired:
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()

    in_threads(lambda _: enter(), 4)
    assert max(most) == 1
    window = rate_limits.WindowRateLimiter(backend, "window", limit=3, window=60)
    passed = []
    for _ in range(5):
        with window.acquire(raise_on_failure=False) as acquired:
            passed.append(acquired)
    assert passed == [True, True, True, False, False]


def test_a_url_names_the_store() -> None:
    redlet.install_url_scheme()
    broker = RedisBroker(url="redlet://dramatiq-url")
    broker.declare_queue("default")
    message = dramatiq.Message(queue_name="default", actor_name="add", args=(1, 2), kwargs={}, options={})
    broker.enqueue(message)
    assert redlet.from_url("redlet://dramatiq-url").llen("dramatiq:default") == 1


def test_messages_are_there_after_a_restart(tmp_path: Path) -> None:
    run(
        """
        import sys, dramatiq
        from dramatiq.brokers.redis import RedisBroker
        from redlet import Redis
        broker = RedisBroker(client=Redis(sys.argv[1]))
        broker.declare_queue("default")
        for number in range(10):
            broker.enqueue(dramatiq.Message(queue_name="default", actor_name="note", args=(number,), kwargs={}, options={}))
        """,
        tmp_path / "store",
    )
    application = Application(Redis(tmp_path / "store"))
    worker = application.work()
    until(lambda: len(application.done) == 10)
    worker.stop()
    assert sorted(application.done) == list(range(10))


def test_a_worker_process_shares_the_store_that_this_one_has(tmp_path: Path) -> None:
    client = Redis(tmp_path / "store")
    assert Path(client.socket_file).exists()
    application = Application(client)
    worker = start(
        """
        import os, sys, dramatiq
        from dramatiq.brokers.redis import RedisBroker
        from dramatiq.results import Results
        from dramatiq.results.backends import RedisBackend
        from redlet import Redis
        client = Redis(sys.argv[1])
        broker = RedisBroker(client=client)
        broker.add_middleware(Results(backend=RedisBackend(client=client)))

        @dramatiq.actor(broker=broker, store_results=True)
        def add(one, other):
            return one + other + 1000

        worker = dramatiq.Worker(broker, worker_timeout=20, worker_threads=2)
        worker.start()
        sys.stdin.readline()
        worker.stop()
        """,
        tmp_path / "store",
    )
    try:
        messages = [application.add.send(number, 0) for number in range(10)]
        assert [message.get_result(**WAIT) for message in messages] == [1000 + number for number in range(10)]
    finally:
        worker.communicate("\n", timeout=30)
    assert worker.returncode == 0
