"""Flask-Caching and Flask-Session on redlet; docs/python/flask.md says how."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Iterator, NamedTuple

import pytest
from packages import package
from patience import in_threads
from programs import end, run, start

import redlet
import redlet.url

flask = package("flask")
package("flask_caching")
package("flask_session")
from flask_caching import Cache  # noqa: E402
from flask_session import Session  # noqa: E402


class Cached(NamedTuple):
    app: Any
    cache: Any
    redis: redlet.Redis
    clock: redlet.Clock
    calls: "list[Any]"


@pytest.fixture
def cached() -> Iterator[Cached]:
    """An application with a cache, on a clock."""
    clock = redlet.Clock()
    client = redlet.Redis(clock=clock)
    app = flask.Flask(__name__)
    app.config.update(CACHE_TYPE="RedisCache", CACHE_REDIS_HOST=client, CACHE_KEY_PREFIX="cache:", CACHE_DEFAULT_TIMEOUT=300)
    with app.app_context():
        yield Cached(app, Cache(app), client, clock, [])


def test_values_come_back(cached: Cached) -> None:
    cache = cached.cache
    assert cache.set("key", {"a": [1, None]})
    assert cache.get("key") == {"a": [1, None]} and cache.has("key")
    assert cache.get("missing") is None and not cache.has("missing")
    assert not cache.add("key", 1) and cache.add("added", 1)
    assert sorted(cache.set_many({"one": 1, "two": 2})) == ["one", "two"]
    assert cache.get_many("one", "none", "two") == [1, None, 2]
    assert cache.get_dict("one", "none") == {"one": 1, "none": None}
    assert cache.delete("one") and not cache.delete("one")
    cache.delete_many("two", "added")
    assert cache.get_many("two", "added") == [None, None]
    assert cache.unlink("key") == 1
    assert cached.redis.dbsize() == 0


def test_clear_leaves_what_has_another_prefix(cached: Cached) -> None:
    cached.cache.set_many({"one": 1, "two": 2})
    cached.redis.set("unrelated", 1)
    cached.cache.clear()
    assert cached.redis.keys() == [b"unrelated"]


def test_values_expire(cached: Cached) -> None:
    cached.cache.set("default", 1)
    cached.cache.set("short", 1, timeout=10)
    cached.cache.set("never", 1, timeout=0)
    assert cached.redis.ttl("cache:short") == 10
    cached.clock.advance(11)
    assert cached.cache.get_many("default", "short", "never") == [1, None, 1]
    cached.clock.advance(300)
    assert cached.cache.get_many("default", "short", "never") == [None, None, 1]


def test_a_view_is_made_once(cached: Cached) -> None:
    @cached.app.route("/page/<name>")
    @cached.cache.cached(timeout=60, query_string=True)
    def page(name: str) -> str:
        cached.calls.append(name)
        return f"{name} {len(cached.calls)}"

    web = cached.app.test_client()
    assert [web.get("/page/a").text for _ in range(3)] == ["a 1"] * 3
    assert web.get("/page/a?x=1").text == "a 2"
    cached.clock.advance(timedelta(seconds=61))
    assert web.get("/page/a").text == "a 3"


def test_a_function_is_called_once(cached: Cached) -> None:
    @cached.cache.memoize(60)
    def add(a: int, b: int = 0) -> int:
        cached.calls.append((a, b))
        return a + b

    assert [add(1, 2), add(1, b=2), add(2, 2)] == [3, 3, 4]
    assert cached.calls == [(1, 2), (2, 2)]
    cached.cache.delete_memoized(add, 1, 2)
    assert (add(1, 2), add(2, 2), len(cached.calls)) == (3, 4, 3)
    cached.cache.delete_memoized(add)
    assert (add(1, 2), add(2, 2), len(cached.calls)) == (3, 4, 5)


def test_threads_share_a_cache(cached: Cached) -> None:
    def work(number: int) -> None:
        with cached.app.app_context():
            for turn in range(50):
                cached.cache.set(f"{number}:{turn}", turn)
                assert cached.cache.get(f"{number}:{turn}") == turn
                cached.cache.cache.inc("count")

    in_threads(work, 8)
    assert cached.cache.get("count") == 400


@pytest.mark.usefixtures("url_scheme")
def test_a_cache_by_url() -> None:
    kept = redlet.Redis.from_url("redlet://flask")
    app = flask.Flask(__name__)
    cache = Cache(app, config={"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": "redlet://flask", "CACHE_KEY_PREFIX": "c:"})
    with app.app_context():
        cache.set("key", 1)
        assert cache.get("key") == 1
    assert kept.keys() == [b"c:key"]


def visits(client: redlet.Redis, **config: Any) -> Any:
    """An application that counts the visits of a session."""
    app = flask.Flask(__name__)
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=client, **config)
    Session(app)

    @app.route("/")
    def visit() -> str:
        flask.session["visits"] = flask.session.get("visits", 0) + 1
        return str(flask.session["visits"])

    @app.route("/leave")
    def leave() -> str:
        flask.session.clear()
        return "left"

    return app


def test_a_visitor_has_a_session() -> None:
    client = redlet.Redis()
    app = visits(client)
    one, other = app.test_client(), app.test_client()
    assert [one.get("/").text for _ in range(3)] == ["1", "2", "3"]
    assert other.get("/").text == "1"
    assert len(client.keys("session:*")) == 2
    one.get("/leave")
    assert len(client.keys("session:*")) == 1
    assert one.get("/").text == "1"


def test_sessions_expire() -> None:
    clock = redlet.Clock()
    client = redlet.Redis(clock=clock)
    app = visits(client, PERMANENT_SESSION_LIFETIME=timedelta(hours=1), SESSION_KEY_PREFIX="s:")
    web = app.test_client()
    web.get("/")
    clock.advance(timedelta(minutes=50))
    assert web.get("/").text == "2"
    (key,) = client.keys("s:*")
    assert client.ttl(key) == 3600
    clock.advance(timedelta(minutes=61))
    assert client.dbsize() == 0
    assert web.get("/").text == "1"


def test_many_visitors_at_once() -> None:
    app = visits(redlet.Redis())
    last: "list[str]" = []

    def come() -> None:
        web = app.test_client()
        for _ in range(20):
            text = web.get("/").text
        last.append(text)

    in_threads(lambda _: come(), 8)
    assert last == ["20"] * 8


PROGRAM = """
    import sys
    import flask
    import redlet
    from flask_caching import Cache
    from flask_session import Session

    client = redlet.Redis(sys.argv[1])
    app = flask.Flask(__name__)
    app.config.update(CACHE_TYPE="RedisCache", CACHE_REDIS_HOST=client, SESSION_TYPE="redis", SESSION_REDIS=client)
    cache = Cache(app)
    Session(app)

    @app.route("/")
    def visit():
        flask.session["visits"] = flask.session.get("visits", 0) + 1
        return str(flask.session["visits"])

    web = app.test_client()
    # A session that is not known is given another number, so the visitor's is one that was given.
    for number in sys.argv[2:]:
        web.set_cookie("session", number)
    with app.app_context():
        print(web.get("/").text, cache.get("key"), web.get_cookie("session").value)
        cache.set("key", "value", timeout=3600)
        cache.cache.inc("count")
"""


def test_caches_and_sessions_on_disk_are_there_after_a_restart(tmp_path: Path) -> None:
    visits, value, number = run(PROGRAM, tmp_path / "store").split()
    assert (visits, value) == ("1", "None")
    assert run(PROGRAM, tmp_path / "store", number).split() == ["2", "value", number]


def test_processes_share_caches_and_sessions_through_their_owner(tmp_path: Path) -> None:
    with redlet.Redis(tmp_path / "store") as owner:
        assert owner.socket_file
        _, _, number = run(PROGRAM, tmp_path / "store").split()
        others = [start(PROGRAM, tmp_path / "store", number) for _ in range(2)]
        for other in others:
            ended = end(other)
            assert (ended.code, ended.errors) == (0, "")
            assert ended.output.split()[1:] == ["value", number]
        assert owner.get("flask_cache_count") == b"3"
        assert len(owner.keys("session:*")) == 1
