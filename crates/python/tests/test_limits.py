"""limits, and what is built on it, with their counts in a store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from packages import package
from patience import in_threads
from programs import run

import redlet.asyncio

limits = package("limits")
package("limits.aio.strategies")

from limits import parse  # noqa: E402
from limits.aio.strategies import STRATEGIES as ASYNC_STRATEGIES  # noqa: E402
from limits.errors import StorageError  # noqa: E402
from limits.storage import storage_from_string  # noqa: E402
from limits.strategies import STRATEGIES  # noqa: E402

import redlet.limits  # noqa: E402


@pytest.fixture
def name() -> Iterator[str]:
    """The URL of memory that lasts as long as the test."""
    with redlet.Redis.from_url("redlet://limits"):
        yield "redlet://limits"


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_every_strategy_lets_through_as_many_as_it_should(strategy: str) -> None:
    storage: Any = storage_from_string("redlet://")
    limiter = STRATEGIES[strategy](storage)
    limit = parse("3/hour")
    assert [limiter.test(limit, "ann"), limiter.hit(limit, "ann", cost=2)] == [True, True]
    assert limiter.get_window_stats(limit, "ann").remaining == 1
    assert [limiter.hit(limit, "ann") for _ in range(2)] == [True, False]
    assert limiter.hit(limit, "bob") is True
    limiter.clear(limit, "ann")
    assert limiter.hit(limit, "ann") is True
    assert storage.check() is True and storage.reset() > 0
    assert limiter.get_window_stats(limit, "bob").remaining == 3


@pytest.mark.parametrize("strategy", sorted(ASYNC_STRATEGIES))
async def test_every_strategy_of_asyncio_lets_through_as_many_as_it_should(strategy: str) -> None:
    storage: Any = storage_from_string("async+redlet://")
    limiter = ASYNC_STRATEGIES[strategy](storage)
    limit = parse("3/hour")
    assert await limiter.hit(limit, "ann", cost=2) is True
    assert (await limiter.get_window_stats(limit, "ann")).remaining == 1
    assert [await limiter.hit(limit, "ann") for _ in range(2)] == [True, False]
    await limiter.clear(limit, "ann")
    assert await limiter.hit(limit, "ann") is True
    assert await storage.check() is True and await storage.reset() > 0


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_threads_together_are_let_through_as_often_as_one(strategy: str) -> None:
    limiter = STRATEGIES[strategy](storage_from_string("redlet://"))
    limit = parse("50/hour")
    hits: List[bool] = []
    in_threads(lambda _: hits.extend(limiter.hit(limit, "all") for _ in range(20)), 8)
    assert (len(hits), sum(hits)) == (160, 50)


async def test_tasks_together_are_let_through_as_often_as_one() -> None:
    limiter = ASYNC_STRATEGIES["moving-window"](storage_from_string("async+redlet://"))
    limit = parse("50/hour")
    hits = await asyncio.gather(*(limiter.hit(limit, "all") for _ in range(160)))
    assert sum(hits) == 50


def test_storages_share_what_their_url_names(name: str) -> None:
    one, two, private = (storage_from_string(url) for url in (name, name, "redlet://"))
    assert [one.incr("key", 60), two.incr("key", 60), private.incr("key", 60)] == [1, 2, 1]  # type: ignore[union-attr]
    async_one: Any = storage_from_string(f"async+{name}")
    assert asyncio.run(async_one.incr("key", 60)) == 3


def test_options_and_pools_are_taken(name: str) -> None:
    client = redlet.Redis.from_url(f"{name}?db=3")
    storage: Any = storage_from_string(f"{name}?db=3", key_prefix="mine", client_name="limiter")
    assert storage.incr("key", 60) == 1 and client.keys() == [b"mine:key"]
    assert isinstance(storage.storage, redlet.Redis)
    pooled: Any = storage_from_string("redlet://", connection_pool=client.connection_pool, key_prefix="mine")
    assert pooled.incr("key", 60) == 2 and 0 < pooled.get_expiry("key")
    async_client: Any = redlet.asyncio.Redis.from_url(f"{name}?db=3")
    async_pooled: Any = storage_from_string("async+redlet://", connection_pool=async_client.connection_pool, key_prefix="mine")
    assert asyncio.run(async_pooled.incr("key", 60)) == 3
    with pytest.raises(ValueError, match="redispy"):
        storage_from_string("async+redlet://", implementation="coredis")
    with pytest.raises(ValueError, match="no parameter"):
        storage_from_string("redlet://?colour=red")


def test_counts_on_disk_are_there_after_a_restart_and_for_other_processes(tmp_path: Path) -> None:
    url = f"redlet://{tmp_path / 'counts'}"
    program = "import sys, redlet.limits; from limits.storage import storage_from_string; print(storage_from_string(sys.argv[1]).incr('key', 60))"
    assert run(program, url) == "1\n"
    storage: Any = storage_from_string(url)
    assert storage.incr("key", 60) == 2
    assert storage.storage.socket_file
    assert run(program, url) == "3\n"
    storage.storage.close()


def test_errors_are_wrapped_if_that_is_wanted() -> None:
    storage: Any = storage_from_string("redlet://", wrap_exceptions=True)
    storage.storage.close()
    with pytest.raises(StorageError):
        storage.incr("key", 60)
    assert storage.check() is False


def test_flask_limiter_counts_in_a_store(name: str) -> None:
    flask, flask_limiter = package("flask"), package("flask_limiter")
    app = flask.Flask(__name__)
    limiter = flask_limiter.Limiter(
        lambda: flask.request.args["who"], app=app, storage_uri=name, strategy="moving-window", headers_enabled=True
    )

    @app.get("/")
    @limiter.limit("2/hour")
    def index() -> str:
        return "hello"

    @app.get("/free")
    def free() -> str:
        return "hello"

    browser = app.test_client()
    replies = [browser.get("/?who=ann") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert [reply.headers["X-RateLimit-Remaining"] for reply in replies] == ["1", "0", "0"]
    assert browser.get("/?who=bob").status_code == browser.get("/free?who=ann").status_code == 200
    limiter.reset()
    assert browser.get("/?who=ann").status_code == 200


async def test_slowapi_counts_in_a_store(name: str) -> None:
    slowapi, fastapi, httpx = package("slowapi"), package("fastapi"), package("httpx")
    limiter = slowapi.Limiter(key_func=lambda request: request.query_params["who"], storage_uri=name)
    app = fastapi.FastAPI()
    app.state.limiter = limiter
    app.add_exception_handler(package("slowapi.errors").RateLimitExceeded, slowapi._rate_limit_exceeded_handler)

    async def index(request: Any) -> str:
        return "hello"

    # FastAPI looks at annotations, which are text in this module.
    index.__annotations__ = {"request": fastapi.Request, "return": str}
    app.get("/")(limiter.limit("2/hour")(index))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as browser:
        assert [(await browser.get("/?who=ann")).status_code for _ in range(3)] == [200, 200, 429]
        assert (await browser.get("/?who=bob")).status_code == 200
    assert {key.split(b"/")[1] for key in redlet.Redis.from_url(name).keys()} == {b"ann", b"bob"}
