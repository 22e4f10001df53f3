"""RQ on redlet; docs/python/rq.md says how."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, Iterator

import pytest
from packages import package
from patience import in_threads, until, until_waiting
from programs import end, start

import redlet
from redlet import Redis

rq = package("rq")
package("rq.command"), package("rq.scheduler"), package("rq.timeouts")
Queue, Retry, SimpleWorker, Worker = rq.Queue, rq.Retry, rq.SimpleWorker, rq.Worker
Callback = rq.Callback
JobStatus = package("rq.job").JobStatus

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="RQ needs fork"),
]


# Jobs: functions that workers find by name.


def add(one: int, other: int) -> int:
    return one + other


def fail() -> None:
    raise RuntimeError("broken")


def flaky() -> int:
    left = rq.get_current_job().retries_left
    if left > 1:
        raise ValueError("not yet")
    return int(left)


def process() -> int:
    return os.getpid()


def note(name: str, value: str) -> None:
    rq.get_current_job().connection.rpush(name, value)


def note_success(job: Any, connection: Any, result: Any, *_: Any) -> None:
    connection.rpush("succeeded", str(result))


class ThreadWorker(SimpleWorker):  # type: ignore[misc,valid-type]
    """A worker for threads other than the first one, which alone has signals."""

    death_penalty_class = rq.timeouts.TimerDeathPenalty

    def _install_signal_handlers(self) -> None:
        pass


@pytest.fixture
def client() -> Iterator[Redis]:
    with Redis() as client:
        yield client


@pytest.fixture(params=["simple", "forked"])
def worker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A worker: in this process, on memory; or one that forks for each job, on a store on disk."""
    if request.param == "simple":
        with Redis() as client:
            yield SimpleWorker([Queue("queue", connection=client)], connection=client)
    else:
        with Redis(tmp_path / "store") as client:
            yield Worker([Queue("queue", connection=client)], connection=client)


def work(worker: Any, **options: Any) -> None:
    assert worker.work(burst=True, logging_level="CRITICAL", **options)


def test_jobs_are_done_and_have_results(worker: Any) -> None:
    (queue,) = worker.queues
    jobs = [queue.enqueue(add, number, 1) for number in range(5)]
    own = queue.enqueue(process)
    work(worker)
    assert [job.return_value() for job in jobs] == [1, 2, 3, 4, 5]
    assert {job.get_status() for job in jobs} == {JobStatus.FINISHED}
    assert (own.return_value() == os.getpid()) == isinstance(worker, SimpleWorker)
    assert queue.count == 0


def test_a_job_that_fails_says_why(worker: Any) -> None:
    (queue,) = worker.queues
    job = queue.enqueue(fail)
    work(worker)
    assert job.get_status() == JobStatus.FAILED
    assert "RuntimeError: broken" in job.latest_result().exc_string
    assert job.id in queue.failed_job_registry
    queue.failed_job_registry.requeue(job)
    assert queue.job_ids == [job.id]


def test_a_job_is_tried_again(worker: Any) -> None:
    (queue,) = worker.queues
    job = queue.enqueue(flaky, retry=Retry(max=3))
    work(worker)
    assert (job.get_status(), job.return_value()) == (JobStatus.FINISHED, 1)


def test_jobs_wait_for_those_they_depend_on(worker: Any) -> None:
    (queue,) = worker.queues
    first = queue.enqueue(add, 1, 2)
    second = queue.enqueue(note, "noted", "second", depends_on=first, on_success=Callback(note_success))
    assert second.get_status() == JobStatus.DEFERRED
    work(worker)
    assert second.get_status() == JobStatus.FINISHED
    assert worker.connection.lrange("noted", 0, -1) == [b"second"]
    assert worker.connection.lrange("succeeded", 0, -1) == [b"None"]


def test_scheduled_jobs_are_enqueued_when_it_is_time(client: Redis) -> None:
    queue = Queue("queue", connection=client)
    job = queue.enqueue_in(timedelta(seconds=-1), add, 1, 2)
    later = queue.enqueue_in(timedelta(hours=1), add, 1, 2)
    assert job.get_status() == later.get_status() == JobStatus.SCHEDULED
    scheduler = rq.scheduler.RQScheduler([queue], connection=client)
    assert scheduler.acquire_locks() == {"queue"}
    scheduler.enqueue_scheduled_jobs()
    scheduler.release_locks()
    work(SimpleWorker([queue], connection=client))
    assert job.return_value() == 3
    assert later.id in queue.scheduled_job_registry


def test_results_and_jobs_expire() -> None:
    clock = redlet.Clock()
    client = Redis(clock=clock)
    queue = Queue("queue", connection=client)
    job = queue.enqueue(add, 1, 2, result_ttl=60)
    work(SimpleWorker([queue], connection=client))
    assert job.return_value(refresh=True) == 3
    clock.advance(timedelta(seconds=61))
    assert not client.exists(job.key)


def test_a_worker_waits_for_jobs_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    """The command comes by a message on a channel, which the worker hears in a thread of its own while it works and waits."""
    client = Redis(tmp_path / "store")
    assert Path(client.socket_file).exists()
    queue = Queue("queue", connection=client)
    worker = start(
        """
        import sys
        from redlet import Redis
        from rq import Queue, SimpleWorker
        client = Redis(sys.argv[1])
        SimpleWorker([Queue("queue", connection=client)], connection=client, name="worker").work(logging_level="CRITICAL")
        """,
        tmp_path / "store",
    )
    for number in range(20):
        job = queue.enqueue("operator.add", number, number)
        until(lambda: job.get_status() == JobStatus.FINISHED)
        assert job.return_value() == 2 * number
    rq.command.send_shutdown_command(client, "worker")
    assert end(worker).code == 0
    assert rq.Worker.all(connection=client) == []


def test_a_worker_in_a_thread_waits_for_jobs(client: Redis) -> None:
    queue = Queue("queue", connection=client)
    thread = threading.Thread(target=lambda: ThreadWorker([queue], connection=client).work(max_jobs=20, logging_level="CRITICAL"))
    thread.start()
    for number in range(20):
        until_waiting(client)
        job = queue.enqueue(add, number, number)
        until(lambda: job.get_status() == JobStatus.FINISHED)
        assert job.return_value() == 2 * number
    thread.join(timeout=30)
    assert not thread.is_alive()


def test_several_workers_do_each_job_once(client: Redis) -> None:
    queue = Queue("queue", connection=client)
    for number in range(100):
        queue.enqueue(note, "done", str(number))

    def run_worker() -> None:
        ThreadWorker([queue], connection=client).work(burst=True, logging_level="CRITICAL")

    in_threads(lambda _: run_worker(), 4)
    assert sorted(int(number) for number in client.lrange("done", 0, -1)) == list(range(100))


def test_processes_work_on_the_store_that_this_one_has(tmp_path: Path) -> None:
    client = Redis(tmp_path / "store")
    assert Path(client.socket_file).exists()
    queue = Queue("queue", connection=client)
    jobs = [queue.enqueue("os.getpid") for _ in range(10)]
    workers = [
        start(
            """
            import sys
            from redlet import Redis
            from rq import Queue, Worker
            client = Redis(sys.argv[1])
            Worker([Queue("queue", connection=client)], connection=client).work(burst=True, logging_level="CRITICAL")
            """,
            tmp_path / "store",
        )
        for _ in range(2)
    ]
    codes = [end(worker).code for worker in workers]
    assert codes == [0, 0]
    answers = [job.return_value() for job in jobs]
    assert None not in answers
    assert os.getpid() not in answers


def test_a_forked_worker_on_memory_says_what_to_do(client: Redis) -> None:
    queue = Queue("queue", connection=client)
    job = queue.enqueue(add, 1, 2)
    worker = Worker([queue], connection=client)
    work(worker)
    assert job.get_status() == JobStatus.FAILED


def test_a_forked_worker_on_memory_works_once_its_socket_was_asked_for(client: Redis) -> None:
    assert client.socket_file
    queue = Queue("queue", connection=client)
    job = queue.enqueue(process)
    work(Worker([queue], connection=client))
    assert job.return_value() not in (None, os.getpid())
