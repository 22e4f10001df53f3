"""FastAPI with redlet's asyncio client, and fastapi-cache2; docs/python/fastapi.md says how."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import urllib.request
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, AsyncIterator, Dict, Iterator

import pytest
from packages import package
from patience import until

import redlet
import redlet.asyncio

fastapi = package("fastapi")
httpx = package("httpx")
package("fastapi_cache")
from fastapi_cache import FastAPICache  # noqa: E402
from fastapi_cache.backends.redis import RedisBackend  # noqa: E402
from fastapi_cache.decorator import cache  # noqa: E402


@asynccontextmanager
async def visiting(app: Any) -> AsyncIterator[Any]:
    """A web client of an application, in the same loop."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://application") as client:
        yield client


async def test_a_client_serves_many_requests_at_once() -> None:
    client = redlet.asyncio.Redis(decode_responses=True)

    async def store() -> redlet.asyncio.Redis:
        return client

    app = fastapi.FastAPI()

    @app.post("/items/{name}")
    async def put(name: str, redis: Any = fastapi.Depends(store)) -> "Dict[str, Any]":
        async with redis.pipeline() as pipe:
            pipe.incr("count").rpush("names", name).expire("names", 60)
            count, length, _ = await pipe.execute()
        return {"count": count, "length": length}

    @app.get("/items")
    async def items(redis: Any = fastapi.Depends(store)) -> Any:
        return await redis.lrange("names", 0, -1)

    async with visiting(app) as web:
        answers = await asyncio.gather(*(web.post(f"/items/{number}") for number in range(50)))
        assert sorted(answer.json()["count"] for answer in answers) == list(range(1, 51))
        names = (await web.get("/items")).json()
        assert sorted(names, key=int) == [str(number) for number in range(50)]
    await client.aclose()


async def test_a_request_waits_for_what_another_brings() -> None:
    client = redlet.asyncio.Redis(decode_responses=True)
    app = fastapi.FastAPI()

    @app.get("/next")
    async def take() -> Any:
        return await client.blpop("jobs", timeout=30)

    @app.post("/jobs/{job}")
    async def put(job: str) -> Any:
        return await client.rpush("jobs", job)

    async def until_polled(count: int) -> None:
        while (await client.info("clients"))["blocked_clients"] != count:
            await asyncio.sleep(0)

    async with visiting(app) as web:
        polls = [asyncio.ensure_future(web.get("/next")) for _ in range(2)]
        await until_polled(2)
        polls[0].cancel()
        await until_polled(1)
        await web.post("/jobs/one")
        assert (await polls[1]).json() == ["jobs", "one"]
        await web.post("/jobs/two")
        # Nothing was lost to the request that was given up.
        assert (await web.get("/next")).json() == ["jobs", "two"]
    await client.aclose()


async def test_messages_are_streamed() -> None:
    client = redlet.asyncio.Redis(decode_responses=True)
    app = fastapi.FastAPI()

    @app.get("/news")
    async def news() -> Any:
        async def lines() -> AsyncIterator[str]:
            async with client.pubsub() as pubsub:
                await pubsub.subscribe("news")
                async for message in pubsub.listen():
                    if message["type"] == "message":
                        if message["data"] == "end":
                            return
                        yield message["data"] + "\n"

        return fastapi.responses.StreamingResponse(lines())

    async with visiting(app) as web:
        reader = asyncio.ensure_future(web.get("/news"))
        while (await client.pubsub_numsub("news"))[0][1] == 0:
            await asyncio.sleep(0)
        for text in ("one", "two", "end"):
            await client.publish("news", text)
        assert (await reader).text == "one\ntwo\n"
    await client.aclose()


async def test_threads_and_tasks_share_memory_by_name() -> None:
    in_tasks = redlet.asyncio.Redis.from_url("redlet://fastapi")
    in_threads = redlet.Redis.from_url("redlet://fastapi")
    app = fastapi.FastAPI()

    # FastAPI runs a function that is no coroutine in a thread.
    @app.get("/thread")
    def thread() -> int:
        return in_threads.incr("count")

    @app.get("/task")
    async def task() -> int:
        return await in_tasks.incr("count")

    async with visiting(app) as web:
        answers = await asyncio.gather(*(web.get(path) for path in ["/thread", "/task"] * 20))
    assert sorted(answer.json() for answer in answers) == list(range(1, 41))
    await in_tasks.aclose()


class Cached:
    """An application with fastapi-cache2 on a clock."""

    def __init__(self) -> None:
        self.clock = redlet.Clock()
        self.redis = redlet.asyncio.Redis(clock=self.clock)
        self.calls: "list[str]" = []
        FastAPICache.reset()
        FastAPICache.init(RedisBackend(self.redis), prefix="cache")
        self.app = fastapi.FastAPI()

        @self.app.get("/item/{name}")
        @cache(expire=60, namespace="items")
        async def item(name: str) -> "Dict[str, Any]":
            self.calls.append(name)
            return {"name": name, "call": len(self.calls)}

        @self.app.get("/thread")
        @cache(expire=60, namespace="threads")
        def thread() -> "Dict[str, int]":
            self.calls.append("thread")
            return {"call": len(self.calls)}


@pytest.fixture
def cached() -> Iterator[Cached]:
    yield Cached()
    FastAPICache.reset()


async def test_a_response_is_made_once(cached: Cached) -> None:
    async with visiting(cached.app) as web:
        first, second = await web.get("/item/a"), await web.get("/item/a")
        assert first.json() == second.json() == {"name": "a", "call": 1}
        assert [one.headers["x-fastapi-cache"] for one in (first, second)] == ["MISS", "HIT"]
        assert (await web.get("/item/b")).json() == {"name": "b", "call": 2}
        assert cached.calls == ["a", "b"]
        assert [(await web.get("/thread")).json() for _ in range(2)] == [{"call": 3}] * 2
        unstored = await web.get("/item/a", headers={"Cache-Control": "no-store"})
        assert unstored.json() == {"name": "a", "call": 4}


async def test_a_response_expires(cached: Cached) -> None:
    async with visiting(cached.app) as web:
        await web.get("/item/a")
        cached.clock.advance(20)
        assert (await web.get("/item/a")).headers["cache-control"] == "max-age=40"
        cached.clock.advance(timedelta(seconds=41))
        again = await web.get("/item/a")
        assert (again.json()["call"], again.headers["x-fastapi-cache"]) == (2, "MISS")


async def test_a_visitor_who_has_it_gets_nothing_again(cached: Cached) -> None:
    async with visiting(cached.app) as web:
        await web.get("/item/a")
        kept = await web.get("/item/a")
        again = await web.get("/item/a", headers={"If-None-Match": kept.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_a_namespace_is_cleared(cached: Cached) -> None:
    async with visiting(cached.app) as web:
        for path in ("/item/a", "/item/b", "/thread"):
            await web.get(path)
        assert await cached.redis.dbsize() == 3
        await FastAPICache.clear(namespace="items")
        (left,) = await cached.redis.keys()
        assert left.startswith(b"cache:threads:")
        await FastAPICache.get_backend().clear(key=left.decode())
        assert await cached.redis.dbsize() == 0


async def test_many_visitors_at_once(cached: Cached) -> None:
    async with visiting(cached.app) as web:
        for number in range(5):
            await web.get(f"/item/{number}")
        answers = await asyncio.gather(*(web.get(f"/item/{number % 5}") for number in range(100)))
        assert all(answer.headers["x-fastapi-cache"] == "HIT" for answer in answers)
        assert len(cached.calls) == 5


async def test_a_cache_on_disk_is_there_after_a_restart(tmp_path: Path) -> None:
    for restart in range(2):
        async with redlet.asyncio.Redis(tmp_path / "cache") as client:
            backend = RedisBackend(client)
            if restart == 0:
                await backend.set("key", b"value", expire=3600)
            seconds, value = await backend.get_with_ttl("key")
            assert value == b"value" and 3590 < seconds <= 3600


APPLICATION = """
    import os
    from pathlib import Path

    import redlet.asyncio
    from fastapi import FastAPI

    app = FastAPI()
    path = Path(__file__).parent / "store"
    redis = redlet.asyncio.Redis(path)
    blocking = redlet.Redis(path)

    @app.post("/meet")
    async def meet():
        if await redis.incr("arrived") == 1:
            # This worker's loop stands still: only the other one can answer the next visitor.
            blocking.blpop("second", timeout=30)
        else:
            await redis.rpush("second", "here")
        return os.getpid()
"""
LAUNCHER = """
    import sys
    from pathlib import Path

    import redlet
    import uvicorn

    if __name__ == "__main__":
        store = redlet.Redis(Path(__file__).parent / "store")
        store.socket_file
        uvicorn.run("application:app", port=int(sys.argv[1]), workers=2, log_level="warning")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes share stores over Unix sockets")
def test_workers_of_uvicorn_share_the_store_of_their_launcher(tmp_path: Path) -> None:
    package("uvicorn")
    (tmp_path / "application.py").write_text(textwrap.dedent(APPLICATION))
    (tmp_path / "launch.py").write_text(textwrap.dedent(LAUNCHER))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = subprocess.Popen([sys.executable, "launch.py", str(port)], cwd=tmp_path)
    try:
        workers: "list[bytes]" = []

        def is_up() -> bool:
            assert launcher.poll() is None
            with socket.socket() as visitor:
                return visitor.connect_ex(("127.0.0.1", port)) == 0

        def meet() -> None:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/meet", data=b"", timeout=60) as answer:
                workers.append(answer.read())

        until(is_up)
        first = threading.Thread(target=meet)
        first.start()
        with redlet.Redis(tmp_path / "store") as other:
            until(lambda: other.get("arrived") == b"1")
        meet()
        first.join()
        assert len(set(workers)) == 2
    finally:
        launcher.send_signal(signal.SIGTERM)
        try:
            launcher.wait(timeout=20)
        except subprocess.TimeoutExpired:
            launcher.kill()
            raise
    with redlet.Redis(tmp_path / "store") as again:
        assert again.get("arrived") == b"2"
