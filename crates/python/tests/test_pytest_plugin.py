"""The fixtures, each in a pytest of its own, with and without the plugins that run asynchronous tests."""

from __future__ import annotations

import importlib.util
import sys
from importlib.metadata import entry_points
from typing import Iterator, List

import pytest
from test_pages import PAGES, program_of

pytest_plugins = ["pytester"]

PLUGINS = ["no:asyncio", "no:anyio", "no:django", "no:celery", "no:xprocess", "no:cacheprovider"]


@pytest.fixture
def outer(pytester: pytest.Pytester) -> Iterator[pytest.Pytester]:
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    yield pytester


def run(pytester: pytest.Pytester, *arguments: str, allowed: "tuple[str, ...]" = ()) -> pytest.RunResult:
    words: List[str] = []
    for plugin in PLUGINS:
        if plugin[3:] not in allowed:
            words += ["-p", plugin]
    if not is_installed():
        words += ["-p", "redlet.pytest_plugin"]
    return pytester.runpytest_subprocess(*words, *arguments)


def is_installed() -> bool:
    if sys.version_info < (3, 10):
        found = entry_points().get("pytest11", ())
    else:
        found = entry_points(group="pytest11")
    return any(one.value == "redlet.pytest_plugin" for one in found)


def needs(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")


def test_each_test_has_a_store_of_its_own(outer: pytest.Pytester) -> None:
    outer.makepyfile(
        """
        import redis
        import pytest

        @pytest.mark.parametrize("turn", [1, 2])
        def test_a_store(redlet, turn):
            assert isinstance(redlet, redis.Redis)
            assert redlet.dbsize() == 0
            redlet.set("k", turn)
            assert redlet.get("k") == b"%d" % turn

        def test_no_store(request):
            assert "redlet" not in request.fixturenames
        """
    )
    run(outer).assert_outcomes(passed=3)


def test_the_clock_moves_the_time_of_the_store(outer: pytest.Pytester) -> None:
    outer.makepyfile(
        """
        from datetime import timedelta

        def test_expiry(redlet, redlet_clock):
            redlet.set("session", "ada", ex=1800)
            redlet_clock.advance(timedelta(minutes=29))
            assert redlet.ttl("session") == 60
            redlet_clock.advance(61)
            assert redlet.get("session") is None

        def test_the_clock_that_is_asked_for_first(redlet_clock, redlet):
            redlet_clock.set(1_000_000_000)
            assert redlet.time() == (1_000_000_000, 0)

        def test_without_a_clock_time_passes(redlet):
            import time
            assert abs(redlet.time()[0] - time.time()) < 60
        """
    )
    run(outer).assert_outcomes(passed=3)


def test_a_fixture_that_asks_for_the_clock_counts(outer: pytest.Pytester) -> None:
    outer.makepyfile(
        """
        import pytest

        @pytest.fixture
        def tomorrow(redlet_clock):
            return lambda: redlet_clock.advance(86401)

        def test_expiry(redlet, tomorrow):
            redlet.set("k", "v", ex=86400)
            tomorrow()
            assert not redlet.exists("k")
        """
    )
    run(outer).assert_outcomes(passed=1)


def test_the_asyncio_client_needs_no_plugin(outer: pytest.Pytester) -> None:
    outer.makepyfile(
        """
        import asyncio

        def test_both_clients_have_one_store(redlet, redlet_async, redlet_clock):
            async def main():
                await redlet_async.set("k", "v", ex=5)
                async with redlet_async.pubsub() as messages:
                    await messages.subscribe("news")
                return await redlet_async.get("k")

            assert asyncio.run(main()) == b"v" == redlet.get("k")
            redlet_clock.advance(6)
            assert asyncio.run(redlet_async.get("k")) is None
        """
    )
    run(outer).assert_outcomes(passed=1)


def test_the_asyncio_client_works_with_pytest_asyncio(outer: pytest.Pytester) -> None:
    needs("pytest_asyncio")
    outer.makepyfile(
        """
        import asyncio
        import pytest

        @pytest.mark.asyncio
        async def test_a_wait(redlet_async, redlet_clock):
            waiting = asyncio.ensure_future(redlet_async.blpop(["queue"], timeout=60))
            while not (await redlet_async.info("clients"))["blocked_clients"]:
                assert not waiting.done()
                await asyncio.sleep(0)
            redlet_clock.advance(61)
            assert await waiting is None

        @pytest.mark.asyncio
        async def test_another_loop(redlet_async):
            assert await redlet_async.dbsize() == 0
            async with redlet_async.pipeline() as pipe:
                assert await pipe.set("k", 1).incr("k").execute() == [True, 2]
        """
    )
    run(outer, "-o", "asyncio_default_fixture_loop_scope=function", allowed=("asyncio",)).assert_outcomes(passed=2)


def test_the_asyncio_client_works_with_anyio(outer: pytest.Pytester) -> None:
    needs("anyio")
    outer.makepyfile(
        """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        async def test_a_list(redlet_async, redlet):
            redlet.rpush("queue", "job")
            assert await redlet_async.blpop(["queue"]) == (b"queue", b"job")
        """
    )
    run(outer, allowed=("anyio",)).assert_outcomes(passed=1)


def test_code_that_makes_its_clients_itself_gets_stores_of_the_test(outer: pytest.Pytester) -> None:
    outer.makepyfile(
        application="""
        import redis

        cache = redis.Redis(host="cache.example.com")

        def remember(key, value):
            cache.set(key, value, ex=60)
            redis.Redis(host="cache.example.com", db=1).incr("writes")
        """,
        test_application="""
        import pytest
        import redis
        import application

        @pytest.mark.parametrize("turn", [1, 2])
        def test_remember(redlet_replaced, redlet_clock, turn):
            application.remember("k", "v")
            assert redis.Redis(host="cache.example.com", db=1).get("writes") == b"1"
            redlet_clock.advance(61)
            assert application.cache.get("k") is None
        """,
    )
    run(outer).assert_outcomes(passed=2)


def test_a_store_ends_with_its_test(outer: pytest.Pytester) -> None:
    outer.makepyfile(
        """
        import gc
        import redlet as package

        kept = []

        def test_first(redlet):
            redlet.set("k", "v")
            kept.append(redlet)

        def test_second():
            import pytest
            with pytest.raises(package.ConnectionError):
                kept[0].get("k")
        """
    )
    run(outer).assert_outcomes(passed=2)


def test_the_page_about_tests_is_right(outer: pytest.Pytester) -> None:
    outer.makepyfile(test_page=program_of(PAGES / "testing.md"))
    run(outer).assert_outcomes(passed=7)


def test_the_fixtures_say_what_they_are(outer: pytest.Pytester) -> None:
    result = run(outer, "--fixtures")
    result.stdout.fnmatch_lines_random(["redlet_clock -- *", "redlet -- *", "redlet_async -- *", "redlet_replaced -- *"])
