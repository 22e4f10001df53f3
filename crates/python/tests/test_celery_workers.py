"""Workers of Celery that begin and end, and those that are processes. Here no other worker is in the process, because Celery's have variables in common."""

from __future__ import annotations

from pathlib import Path

import pytest
from celery_application import application
from packages import package
from patience import until
from programs import end, run, start

import redlet

celery = package("celery")
pytest.importorskip("redlet.kombu", reason="kombu's transport for Redis needs redis-py 6.1 or later", exc_type=ImportError)
start_worker = package("celery.contrib.testing.worker").start_worker

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")


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
