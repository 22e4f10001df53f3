"""arq on redlet; docs/python/arq.md says how. It runs where tests/requirements-arq.txt is installed."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any, AsyncIterator, Dict, List

import pytest
from programs import end, run, start

import redlet
import redlet.asyncio

arq = pytest.importorskip("arq", reason="arq needs redis-py 5: tests/requirements-arq.txt says how")
from arq.connections import ArqRedis  # noqa: E402
from arq.jobs import JobStatus  # noqa: E402
from arq.worker import Worker, func  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def add(context: "Dict[str, Any]", one: int, other: int) -> int:
    return one + other


async def fail(context: "Dict[str, Any]") -> None:
    raise RuntimeError("broken")


async def flaky(context: "Dict[str, Any]", failures: int) -> int:
    if context["job_try"] <= failures:
        raise arq.Retry(defer=0)
    return int(context["job_try"])


async def note(context: "Dict[str, Any]", number: int) -> None:
    await context["redis"].rpush("done", number)


FUNCTIONS: "List[Any]" = [add, fail, func(flaky, max_tries=5), note]


def pool_of(client: Any) -> ArqRedis:
    return ArqRedis(client.connection_pool)


@pytest.fixture
async def pool() -> "AsyncIterator[ArqRedis]":
    client = redlet.asyncio.Redis()
    yield pool_of(client)
    await client.aclose()


def worker_on(pool: ArqRedis, **options: Any) -> Worker:
    return Worker(FUNCTIONS, redis_pool=pool, burst=True, poll_delay=0.01, handle_signals=False, **options)


async def test_jobs_are_done_and_have_results(pool: ArqRedis) -> None:
    jobs = [await pool.enqueue_job("add", number, 1) for number in range(20)]
    assert await worker_on(pool).run_check() == 20
    assert [await job.result(timeout=10) for job in jobs] == list(range(1, 21))
    assert [await job.status() for job in jobs] == [JobStatus.complete] * 20


async def test_a_job_that_fails_hands_on_its_exception(pool: ArqRedis) -> None:
    job = await pool.enqueue_job("fail")
    await worker_on(pool).main()
    with pytest.raises(RuntimeError, match="broken"):
        await job.result(timeout=10)


async def test_a_job_is_tried_again(pool: ArqRedis) -> None:
    job = await pool.enqueue_job("flaky", 2)
    worker = worker_on(pool)
    await worker.main()
    assert await job.result(timeout=10) == 3
    assert worker.jobs_retried == 2


async def test_a_job_waits_until_its_time(pool: ArqRedis) -> None:
    later = await pool.enqueue_job("add", 1, 2, _defer_by=timedelta(hours=1))
    soon = await pool.enqueue_job("add", 3, 4, _defer_by=timedelta(milliseconds=100))
    assert await later.status() == await soon.status() == JobStatus.deferred
    worker = Worker(FUNCTIONS, redis_pool=pool, poll_delay=0.01, handle_signals=False)
    working = asyncio.create_task(worker.main())
    assert await soon.result(timeout=10, poll_delay=0.01) == 7
    assert await later.status() == JobStatus.deferred
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    await worker.close()


async def test_a_job_of_the_same_name_is_enqueued_once(pool: ArqRedis) -> None:
    assert await pool.enqueue_job("add", 1, 2, _job_id="only") is not None
    assert await pool.enqueue_job("add", 1, 2, _job_id="only") is None


async def test_a_job_is_aborted(pool: ArqRedis) -> None:
    job = await pool.enqueue_job("add", 1, 2, _defer_by=timedelta(hours=1))
    worker = Worker(FUNCTIONS, redis_pool=pool, poll_delay=0.01, handle_signals=False, allow_abort_jobs=True)
    working = asyncio.create_task(worker.main())
    assert await job.abort(timeout=10, poll_delay=0.01)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    await worker.close()


async def test_several_workers_do_each_job_once(pool: ArqRedis) -> None:
    for number in range(200):
        await pool.enqueue_job("note", number)
    workers = [worker_on(pool, max_jobs=5) for _ in range(3)]
    await asyncio.gather(*(worker.main() for worker in workers))
    assert sorted(int(number) for number in await pool.lrange("done", 0, -1)) == list(range(200))


async def test_a_store_on_disk_keeps_jobs(tmp_path: Path) -> None:
    run(
        """
        import asyncio, sys, redlet.asyncio
        from arq.connections import ArqRedis

        async def main():
            pool = ArqRedis(redlet.asyncio.Redis(sys.argv[1]).connection_pool)
            for number in range(5):
                await pool.enqueue_job("note", number)

        asyncio.run(main())
        """,
        tmp_path / "store",
    )
    pool = pool_of(redlet.asyncio.Redis(tmp_path / "store"))
    assert await worker_on(pool).run_check() == 5


async def test_a_worker_process_shares_the_store_that_this_one_has(tmp_path: Path) -> None:
    client = redlet.asyncio.Redis(tmp_path / "store")
    assert Path(client.socket_file).exists()
    pool = pool_of(client)
    worker = start(
        """
        import asyncio, os, sys, redlet.asyncio
        from arq.connections import ArqRedis
        from arq.worker import Worker

        async def process(context):
            return os.getpid()

        async def main():
            pool = ArqRedis(redlet.asyncio.Redis(sys.argv[1]).connection_pool)
            await Worker([process], redis_pool=pool, poll_delay=0.01, max_burst_jobs=5, burst=False, handle_signals=False).main()

        asyncio.run(asyncio.wait_for(main(), 30))
        """,
        tmp_path / "store",
    )
    try:
        jobs = [await pool.enqueue_job("process") for _ in range(5)]
        done = {await job.result(timeout=20, poll_delay=0.01) for job in jobs}
    finally:
        worker.kill()
        end(worker)
    assert done == {worker.pid} and worker.pid != os.getpid()
