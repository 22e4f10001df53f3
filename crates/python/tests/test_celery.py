"""Celery on redlet, broker and results; docs/python/celery.md says how."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Iterator

import pytest
from packages import package
from patience import until
from programs import end, run, start

import redlet
from redlet import Redis

celery = package("celery")
pytest.importorskip("redlet.kombu", reason="kombu's transport for Redis needs redis-py 6.1 or later", exc_type=ImportError)
start_worker = package("celery.contrib.testing.worker").start_worker

import redlet.celery  # noqa: E402


def application(url: str, **settings: Any) -> Any:
    """An application with the tasks of these tests. ``sums`` counts what was done, under the store's own name."""
    app = celery.Celery("application", broker=url, backend=url, set_as_current=False)
    app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False, **settings)

    @app.task(name="add", shared=False)
    def add(one: int, other: int) -> int:
        return one + other

    @app.task(name="total", shared=False)
    def total(numbers: "list[int]") -> int:
        return sum(numbers)

    @app.task(name="flaky", shared=False, bind=True, max_retries=5)
    def flaky(self: Any, failures: int) -> int:
        if self.request.retries < failures:
            raise self.retry(countdown=0, exc=ValueError("not yet"))
        return int(self.request.retries)

    @app.task(name="bad", shared=False)
    def bad() -> None:
        raise RuntimeError("broken")

    @app.task(name="count", shared=False, acks_late=True)
    def count(number: int) -> None:
        redlet.from_url(url).rpush("counted", number)

    return app


@pytest.fixture(scope="module")
def url() -> str:
    return "redlet://celery-tests"


@pytest.fixture(scope="module")
def app(url: str) -> Iterator[Any]:
    app = application(url)
    with start_worker(app, pool="threads", concurrency=4, perform_ping_check=False, shutdown_timeout=30, loglevel="ERROR"):
        yield app
    app.close()


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")


def test_celery_finds_the_backend_and_the_transport(app: Any) -> None:
    assert type(app.backend) is redlet.celery.Backend
    assert type(app.connection().transport) is redlet.kombu.Transport
    assert type(app.backend.client) is Redis


def test_tasks_have_results(app: Any) -> None:
    assert app.tasks["add"].delay(1, 2).get(timeout=20) == 3
    results = [app.tasks["add"].delay(number, number) for number in range(100)]
    assert [result.get(timeout=20) for result in results] == [2 * number for number in range(100)]


def test_a_task_that_fails_hands_on_its_exception(app: Any) -> None:
    result = app.tasks["bad"].delay()
    with pytest.raises(RuntimeError, match="broken"):
        result.get(timeout=20)
    assert result.state == "FAILURE"
    assert "RuntimeError: broken" in result.traceback


def test_a_task_is_tried_again(app: Any) -> None:
    assert app.tasks["flaky"].delay(3).get(timeout=20) == 3


def test_a_task_waits_until_its_time(app: Any, url: str) -> None:
    result = app.tasks["add"].apply_async((1, 2), countdown=0.3)
    assert not result.ready()
    assert result.get(timeout=20) == 3
    assert redlet.from_url(url).hlen("unacked") == 0


def test_chains_groups_and_chords(app: Any) -> None:
    add, total = app.tasks["add"], app.tasks["total"]
    assert celery.chain(add.s(1, 2), add.s(3), app=app)().get(timeout=20) == 6
    assert celery.group([add.s(number, 1) for number in range(20)], app=app)().get(timeout=20) == list(range(1, 21))
    assert celery.chord([add.s(number, 0) for number in range(20)], total.s(), app=app)().get(timeout=20) == sum(range(20))


def test_a_chord_of_which_one_task_fails_fails(app: Any) -> None:
    header = [app.tasks["add"].s(1, 1), app.tasks["bad"].s()]
    with pytest.raises(RuntimeError, match="broken"):
        celery.chord(header, app.tasks["total"].s(), app=app)().get(timeout=20)


def test_workers_are_asked_and_told_by_broadcast(app: Any) -> None:
    assert len(app.control.inspect(timeout=1).ping()) == 1
    result = app.tasks["add"].apply_async((1, 2), countdown=600)
    app.control.revoke(result.id, reply=True, timeout=1)
    (worker,) = app.control.inspect(timeout=1).revoked().values()
    assert result.id in worker


def test_results_are_forgotten_and_expire(app: Any, url: str) -> None:
    client = redlet.from_url(url)
    result = app.tasks["add"].delay(1, 2)
    assert result.get(timeout=20) == 3
    key = app.backend.get_key_for_task(result.id)
    assert 86000 < client.ttl(key) <= 86400
    result.forget()
    assert client.exists(key) == 0


def test_threads_wait_for_results_of_their_own(app: Any) -> None:
    failures: "list[BaseException]" = []

    def ask(offset: int) -> None:
        try:
            for number in range(20):
                assert app.tasks["add"].delay(offset, number).get(timeout=30) == offset + number
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(1000 * offset,)) for offset in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_what_a_worker_leaves_undone_another_does() -> None:
    url = "redlet://celery-handover"
    app = application(url)
    for number in range(50):
        app.tasks["count"].delay(number)
    client = redlet.from_url(url)
    for _ in range(2):
        with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False, shutdown_timeout=30, loglevel="ERROR"):
            app.tasks["count"].delay(50)
            until(lambda: client.llen("counted") >= 20)
    with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False, shutdown_timeout=30, loglevel="ERROR"):
        until(lambda: client.llen("celery") == client.hlen("unacked") == 0)
    assert {int(number) for number in client.lrange("counted", 0, -1)} == set(range(51))
    app.close()


WORKER = """
    import os, sys, redlet.kombu
    from celery import Celery

    url, pool = sys.argv[1:]
    app = Celery("application", broker=url, backend=url)
    app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)

    @app.task(name="process")
    def process(number):
        return os.getpid(), number

    if __name__ == "__main__":
        app.worker_main(["worker", "--pool", pool, "--concurrency", "2", "--without-mingle", "--without-gossip", "--loglevel", "ERROR"])
"""


def test_worker_processes_are_served_by_the_process_that_has_the_store(tmp_path: Path) -> None:
    """The application has the store; the worker and the processes of its pool are served by it."""
    url = f"redlet://{tmp_path}/store"
    app = celery.Celery("application", broker=url, backend=url, set_as_current=False)
    results = [app.send_task("process", (number,)) for number in range(20)]
    worker = start(WORKER, url, "prefork")
    try:
        answers = [result.get(timeout=40) for result in results]
    finally:
        worker.terminate()
        ended = end(worker)
    assert [number for _, number in answers] == list(range(20))
    processes = {process for process, _ in answers}
    assert worker.pid not in processes, ended
    app.close()


def test_worker_processes_are_served_by_their_parent(tmp_path: Path) -> None:
    """The worker has the store, and the application is served by it."""
    url = f"redlet://{tmp_path}/store"
    worker = start(WORKER, url, "prefork")
    try:
        until(lambda: (tmp_path / "store" / "listener").exists(), "the worker's socket")
        app = celery.Celery("application", broker=url, backend=url, set_as_current=False)
        answers = [app.send_task("process", (number,)).get(timeout=40) for number in range(5)]
        app.close()
    finally:
        worker.terminate()
        end(worker)
    assert [number for _, number in answers] == list(range(5))


def test_tasks_are_there_after_a_restart(tmp_path: Path) -> None:
    url = f"redlet://{tmp_path}/store"
    run(
        """
        import sys, redlet.kombu
        from celery import Celery
        app = Celery("application", broker=sys.argv[1], backend=sys.argv[1])
        for number in range(10):
            app.send_task("count", (number,))
        """,
        url,
    )
    app = application(url)
    client = redlet.from_url(url)
    with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False, shutdown_timeout=30, loglevel="ERROR"):
        until(lambda: client.llen("counted") == 10)
    app.close()


def test_a_private_url_is_refused() -> None:
    app = celery.Celery("application", backend="redlet://", set_as_current=False)
    with pytest.raises(ValueError, match="give it a name"):
        app.backend


def test_a_backend_shows_its_url_without_a_password() -> None:
    app = celery.Celery("application", backend="redlet://name?db=1&password=secret", set_as_current=False)
    assert app.backend.as_uri() == "redlet://name?db=1&password=**"
    assert app.backend.as_uri(include_password=True) == "redlet://name?db=1&password=secret"
    assert app.backend.client.connection_pool.connection_kwargs["db"] == 1
