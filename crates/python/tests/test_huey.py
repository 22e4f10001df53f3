"""huey on redlet; docs/python/huey.md says how."""

from __future__ import annotations

import importlib
import os
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from packages import package
from patience import until, until_waiting
from programs import run, start

import redlet
from redlet import Redis

huey = package("huey")
KINDS = [huey.RedisHuey, huey.PriorityRedisHuey, huey.RedisExpireHuey, huey.PriorityRedisExpireHuey]


class Application:
    """A huey with tasks of its own, and what they have done."""

    def __init__(self, kind: Any, **options: Any) -> None:
        self.huey = kind("application", **options)
        self.tries: "List[float]" = []
        self.done: "List[int]" = []

        @self.huey.task()
        def add(one: int, other: int) -> int:
            return one + other

        @self.huey.task(retries=3)
        def flaky(failures: int) -> int:
            self.tries.append(time.monotonic())
            if len(self.tries) <= failures:
                raise ValueError("not yet")
            return len(self.tries)

        @self.huey.task()
        def fail() -> None:
            raise RuntimeError("broken")

        @self.huey.task()
        def note(number: int) -> None:
            self.done.append(number)

        self.add, self.flaky, self.fail, self.note = add, flaky, fail, note

    def work(self, workers: int = 3) -> Any:
        consumer = self.huey.create_consumer(workers=workers, periodic=False, initial_delay=0.005, max_delay=0.01, check_worker_health=False)
        consumer.start()
        return consumer


@pytest.fixture(params=KINDS, ids=lambda kind: str(kind.__name__))
def application(request: pytest.FixtureRequest) -> Any:
    return Application(request.param, connection_pool=Redis().connection_pool)


@pytest.fixture
def working(application: Any) -> Iterator[Any]:
    consumer = application.work()
    yield application
    consumer.stop(graceful=True)


def test_tasks_are_done_and_have_results(working: Any) -> None:
    results = [working.add(number, 1) for number in range(50)]
    assert [result.get(blocking=True, timeout=20, backoff=1, max_delay=0.01) for result in results] == list(range(1, 51))
    assert working.huey.pending_count() == 0


def test_a_task_that_fails_hands_on_its_exception(working: Any) -> None:
    with pytest.raises(huey.exceptions.TaskException, match="broken"):
        working.fail().get(blocking=True, timeout=20)


def test_a_task_is_tried_again(working: Any) -> None:
    result = working.flaky(2)
    until(lambda: len(working.tries) == 3)
    until(lambda: working.huey.result_count() == 1)

    def succeeded() -> bool:
        result.reset()
        try:
            return bool(result.get() == 3)
        except huey.exceptions.TaskException:
            return False

    until(succeeded)


def test_a_task_waits_until_its_time(application: Any) -> None:
    later = application.add.schedule((1, 2), delay=3600)
    due = application.add.schedule((3, 4), delay=-1)
    consumer = application.work()
    assert due.get(blocking=True, timeout=20) == 7
    until(lambda: application.huey.scheduled_count() == 1)
    later.revoke()
    assert later.is_revoked()
    assert later.get() is None
    consumer.stop(graceful=True)


def test_the_most_important_comes_first() -> None:
    application = Application(huey.PriorityRedisHuey, connection_pool=Redis().connection_pool)
    for number in range(5):
        application.huey.enqueue(application.note.s(number, priority=number))
    consumer = application.work(workers=1)
    until(lambda: len(application.done) == 5)
    consumer.stop(graceful=True)
    assert application.done == [4, 3, 2, 1, 0]


def test_results_of_the_expiring_kind_expire() -> None:
    clock = redlet.Clock()
    application = Application(huey.RedisExpireHuey, connection_pool=Redis(clock=clock).connection_pool, expire_time=60)
    result = application.add(1, 2)
    application.huey.execute(application.huey.dequeue())
    assert result.get(preserve=True) == 3
    clock.advance(61)
    result.reset()
    assert result.get() is None


def test_locks_are_held_by_one(application: Any) -> None:
    with application.huey.lock_task("lock"):
        with pytest.raises(huey.exceptions.TaskLockedException):
            with application.huey.lock_task("lock"):
                raise AssertionError
    with application.huey.lock_task("lock"):
        pass


def test_several_consumers_do_each_task_once(application: Any) -> None:
    for number in range(200):
        application.note(number)
    consumers = [application.work(workers=2) for _ in range(3)]
    until(lambda: len(application.done) >= 200)
    for consumer in consumers:
        consumer.stop(graceful=True)
    assert sorted(application.done) == list(range(200))


def test_a_consumer_that_waits_for_a_task_gets_it_and_is_stopped() -> None:
    client = Redis()
    application = Application(huey.RedisHuey, connection_pool=client.connection_pool)
    consumer = application.work(workers=2)
    until_waiting(client, 2)
    assert application.add(1, 2).get(blocking=True, timeout=20) == 3
    begun = time.monotonic()
    consumer.stop(graceful=True)
    assert time.monotonic() - begun < 10
    until_waiting(client, 0)


@pytest.mark.parametrize("make", [lambda url: {"url": url}, lambda url: {"connection_pool": redlet.from_url(url).connection_pool}])
def test_a_url_names_the_store(make: "Callable[[str], Any]") -> None:
    redlet.install_url_scheme()
    application = Application(huey.RedisHuey, **make("redlet://huey-url"))
    result = application.add(1, 2)
    same = Application(huey.RedisHuey, url="redlet://huey-url")
    assert same.huey.pending_count() == 1
    same.huey.execute(same.huey.dequeue())
    assert result.get() == 3


def test_tasks_are_there_after_a_restart(tmp_path: Path) -> None:
    program = """
        import sys, redlet
        from huey import RedisHuey
        redlet.install_url_scheme()
        huey = RedisHuey("application", url="redlet://" + sys.argv[1])

        @huey.task()
        def add(one, other):
            return one + other

        if sys.argv[2] == "put":
            print(add(1, 2).id)
        else:
            huey.execute(huey.dequeue())
            print(huey.result(sys.argv[3]))
    """
    task = run(program, tmp_path / "store", "put").strip()
    assert run(program, tmp_path / "store", "do", task) == "3\n"


TASKS = """
import os, redlet
from huey import RedisHuey

redlet.install_url_scheme()
huey = RedisHuey("application", url="redlet://{store}")


@huey.task()
def process():
    return os.getpid()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the worker forks")
def test_worker_processes_share_the_store_that_this_process_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tasks_of_huey.py").write_text(TASKS.format(store=tmp_path / "store"))
    monkeypatch.syspath_prepend(str(tmp_path))
    client = Redis(tmp_path / "store")
    assert Path(client.socket_file).exists()
    tasks = importlib.import_module("tasks_of_huey")
    consumer = start(
        """
        import sys
        from tasks_of_huey import huey

        consumer = huey.create_consumer(workers=2, worker_type="process", periodic=False, check_worker_health=False)
        consumer.start()
        sys.stdin.readline()
        consumer.stop(graceful=True)
        """,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
    )
    try:
        results = [tasks.process() for _ in range(10)]
        done = [result.get(blocking=True, timeout=30) for result in results]
    finally:
        consumer.communicate("\n", timeout=30)
    assert len(done) == 10
    assert {os.getpid(), consumer.pid}.isdisjoint(done)
