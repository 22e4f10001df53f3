"""requests-cache on redlet; docs/python/requests-cache.md says how."""

from __future__ import annotations

import http.server
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, Iterator

import pytest
from packages import package
from patience import in_threads
from programs import end, run, start

import redlet
from redlet import Redis

requests_cache = package("requests_cache")
RedisCache, CachedSession = requests_cache.RedisCache, requests_cache.CachedSession

# redis-py warns of a method that requests-cache uses.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")


class Origin:
    """A web server that counts what it is asked."""

    def __init__(self) -> None:
        self.asked: "Counter[str]" = Counter()
        self.is_down = False
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                origin.asked[self.path] += 1
                body = f"{self.path} for the {origin.asked[self.path]}. time".encode()
                if origin.is_down:
                    self.send_response(503)
                elif self.path == "/elsewhere":
                    self.send_response(302)
                    self.send_header("Location", "/here")
                elif self.path == "/tagged" and self.headers.get("If-None-Match") == '"tag"':
                    self.send_response(304)
                    body = b""
                else:
                    self.send_response(200)
                if self.path == "/tagged":
                    self.send_header("ETag", '"tag"')
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def origin() -> Iterator[Origin]:
    origin = Origin()
    yield origin
    origin.stop()


def test_a_response_is_fetched_once(origin: Origin) -> None:
    with CachedSession(backend=RedisCache(connection=Redis())) as session:
        first, second = session.get(origin.url("/page")), session.get(origin.url("/page"))
        assert (first.from_cache, second.from_cache) == (False, True)
        assert first.text == second.text == "/page for the 1. time"
        assert session.get(origin.url("/page"), params={"other": 1}).from_cache is False
        assert session.cache.contains(url=origin.url("/page"))
        session.cache.delete(urls=[origin.url("/page")])
        assert not session.get(origin.url("/page")).from_cache


def test_redirects_are_kept_in_a_hash(origin: Origin) -> None:
    client = Redis()
    with CachedSession(backend=RedisCache(connection=client)) as session:
        session.get(origin.url("/elsewhere"))
        again = session.get(origin.url("/elsewhere"))
        assert again.from_cache
        assert [response.status_code for response in again.history] == [302]
        assert client.hlen("http_cache-redirects") == len(session.cache.redirects) == 1
        assert sorted(session.cache.urls()) == [origin.url("/here")]


@pytest.mark.parametrize(("given", "offset"), [({}, 3600), ({"ttl_offset": 500}, 500)])
def test_the_store_removes_a_response_ttl_offset_after_it_is_too_old(
    origin: Origin, given: "dict[str, int]", offset: int
) -> None:
    clock = redlet.Clock()
    client = Redis(clock=clock)
    with CachedSession(backend=RedisCache(connection=client, **given), expire_after=60) as session:
        session.get(origin.url("/page"))
        (key,) = client.keys("http_cache:*")
        assert client.ttl(key) == 60 + offset
        clock.advance(60 + offset - 1)
        assert len(session.cache.responses) == 1
        clock.advance(2)
        assert len(session.cache.responses) == 0
        assert client.dbsize() == 0


def test_without_ttl_the_store_removes_nothing(origin: Origin) -> None:
    clock = redlet.Clock()
    client = Redis(clock=clock)
    with CachedSession(backend=RedisCache(connection=client, ttl=False), expire_after=60) as session:
        session.get(origin.url("/page"))
        (key,) = client.keys("http_cache:*")
        assert client.ttl(key) == -1
        clock.advance(timedelta(days=1000))
        assert len(session.cache.responses) == 1


def test_what_is_too_old_is_asked_for_again_and_may_be_used_when_the_origin_is_down(origin: Origin) -> None:
    backend = RedisCache(connection=Redis())
    with CachedSession(backend=backend, expire_after=-1, stale_if_error=True) as session:
        session.get(origin.url("/page"), expire_after=3600)
        (key,) = session.cache.responses
        stored = session.cache.responses[key]
        stored.expires = requests_cache.utcnow() - timedelta(seconds=1)
        session.cache.responses[key] = stored
        origin.is_down = True
        stale = session.get(origin.url("/page"))
        assert (stale.status_code, stale.from_cache, stale.is_expired) == (200, True, True)
        origin.is_down = False
        assert session.get(origin.url("/page")).text == "/page for the 3. time"


def test_a_response_is_revalidated(origin: Origin) -> None:
    with CachedSession(backend=RedisCache(connection=Redis()), always_revalidate=True) as session:
        first = session.get(origin.url("/tagged"))
        second = session.get(origin.url("/tagged"))
        assert (second.from_cache, second.text, second.revalidated) == (True, first.text, True)
        assert origin.asked["/tagged"] == 2


@pytest.mark.parametrize("serializer", ["pickle", "json"])
def test_responses_come_back_as_they_were(origin: Origin, serializer: str) -> None:
    with CachedSession(backend=RedisCache(connection=Redis(), serializer=serializer)) as session:
        fetched, kept = session.get(origin.url("/page")), session.get(origin.url("/page"))
        assert kept.from_cache
        assert (kept.content, dict(kept.headers), kept.url) == (fetched.content, dict(fetched.headers), fetched.url)


def test_namespaces_keep_apart(origin: Origin) -> None:
    client = Redis()
    with CachedSession(backend=RedisCache("one", connection=client)) as one, CachedSession(
        backend=RedisCache("two", connection=client)
    ) as two:
        one.get(origin.url("/page"))
        assert not two.get(origin.url("/page")).from_cache
        one.cache.clear()
        assert len(one.cache.responses) == 0
        assert two.get(origin.url("/page")).from_cache


def test_threads_share_a_session(origin: Origin) -> None:
    client = Redis()
    with CachedSession(backend=RedisCache(connection=client)) as session:
        # Fetched once before: requests-cache lets several threads fetch what none has yet.
        pages = [origin.url(f"/{number}") for number in range(5)]
        texts = {page: session.get(page).text for page in pages}

        def read(offset: int) -> None:
            for turn in range(40):
                page = pages[(offset + turn) % 5]
                response = session.get(page)
                assert response.from_cache
                assert response.text == texts[page]
                session.get(origin.url(f"/{offset}/{turn % 4}"))

        in_threads(read, 8)
        assert len(session.cache.responses) == 5 + 8 * 4
        assert sum(origin.asked.values()) == 5 + 8 * 4


def test_the_cache_is_there_after_a_restart(origin: Origin, tmp_path: Path) -> None:
    with CachedSession(backend=RedisCache(connection=Redis(tmp_path / "cache")), expire_after=3600) as session:
        session.get(origin.url("/page"))
    output = run(
        """
        import sys
        from requests_cache import CachedSession, RedisCache
        from redlet import Redis

        with CachedSession(backend=RedisCache(connection=Redis(sys.argv[1])), expire_after=3600) as session:
            response = session.get(sys.argv[2])
            print(response.from_cache, response.text)
        """,
        tmp_path / "cache",
        origin.url("/page"),
    )
    assert output == "True /page for the 1. time\n"


def test_processes_share_a_cache_through_its_owner(origin: Origin, tmp_path: Path) -> None:
    client = Redis(tmp_path / "cache")
    assert Path(client.socket_file).exists()
    with CachedSession(backend=RedisCache(connection=client), expire_after=3600) as session:
        session.get(origin.url("/mine"))
        others = [
            start(
                """
                import sys
                from requests_cache import CachedSession, RedisCache
                from redlet import Redis

                with CachedSession(backend=RedisCache(connection=Redis(sys.argv[1])), expire_after=3600) as session:
                    assert session.get(sys.argv[2] + "/mine").from_cache
                    session.get(sys.argv[2] + "/theirs" + sys.argv[3])
                """,
                tmp_path / "cache",
                origin.url(""),
                number,
            )
            for number in range(2)
        ]
        for other in others:
            ended = end(other)
            assert (ended.code, ended.errors) == (0, "")
        for number in range(2):
            assert session.get(origin.url(f"/theirs{number}")).from_cache
        assert set(origin.asked.values()) == {1}


def test_closing_a_session_closes_its_client(origin: Origin) -> None:
    client = Redis()
    with CachedSession(backend=RedisCache(connection=client)) as session:
        session.get(origin.url("/page"))
    with pytest.raises(redlet.ConnectionError):
        client.dbsize()
