"""Django's own Redis cache and django-redis on redlet; docs/python/django.md says how."""

from __future__ import annotations

import gc
import os
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest
import redis
from packages import package
from patience import in_threads
from programs import end, run, start

import redlet
import redlet.url
from redlet.location import Location

package("django")
package("django_redis")
import django  # noqa: E402
from django.conf import settings  # noqa: E402

OWN = "django.core.cache.backends.redis.RedisCache"
DJANGO_REDIS = "django_redis.cache.RedisCache"

if not settings.configured:
    settings.configure(SECRET_KEY="secret", SESSION_ENGINE="django.contrib.sessions.backends.cache", USE_TZ=True)
    django.setup()

from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402
from django.core.cache import cache, caches  # noqa: E402
from django.test import RequestFactory, override_settings  # noqa: E402
from django_redis import get_redis_connection  # noqa: E402
from django_redis.pool import ConnectionFactory  # noqa: E402

Configure = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("url_scheme")


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Sets CACHES for a test; returns the default cache."""
    overrides = []

    def configure(default: "Dict[str, Any]", **others: "Dict[str, Any]") -> Any:
        override = override_settings(CACHES={"default": default, **others})
        override.enable()
        overrides.append(override)
        return caches["default"]

    yield configure
    for override in reversed(overrides):
        override.disable()
    ConnectionFactory._pools.clear()


def pool_options(backend: str, **keywords: Any) -> "Dict[str, Any]":
    """Settings of a cache that say in OPTIONS where the store is."""
    pool = {"connection_class": redlet.Connection, **keywords}
    options = pool if backend == OWN else {"CONNECTION_POOL_KWARGS": pool}
    return {"BACKEND": backend, "LOCATION": "redis://", "OPTIONS": options}


def ways(folder: Path) -> "Dict[str, Dict[str, Any]]":
    """The ways to set a cache up that the page shows."""
    return {
        "own by name": {"BACKEND": OWN, "LOCATION": "redlet://own"},
        "own by path": {"BACKEND": OWN, "LOCATION": f"redlet://{folder}/store"},
        "own by options": pool_options(OWN, path=f"{folder}/store"),
        "django-redis private": {"BACKEND": DJANGO_REDIS, "LOCATION": "redlet://"},
        "django-redis by name": {"BACKEND": DJANGO_REDIS, "LOCATION": "redlet://django-redis?db=3"},
        "django-redis by path": {"BACKEND": DJANGO_REDIS, "LOCATION": f"redlet://{folder}/store"},
        "django-redis by options": pool_options(DJANGO_REDIS, path=f"{folder}/store"),
        "django-redis with redlet's client": {
            "BACKEND": DJANGO_REDIS,
            "LOCATION": f"redlet://{folder}/store",
            "OPTIONS": {"REDIS_CLIENT_CLASS": "redlet.Redis"},
        },
    }


@pytest.mark.parametrize("way", list(ways(Path())))
def test_a_cache_does_what_django_says(configure: Configure, tmp_path: Path, way: str) -> None:
    cache = configure(ways(tmp_path)[way])
    cache.set("key", {"a": [1, "text", None]}, 60)
    assert cache.get("key") == {"a": [1, "text", None]}
    assert cache.get("missing", "default") == "default"
    assert cache.has_key("key") and "missing" not in cache
    assert not cache.add("key", 1) and cache.add("added", 1)
    assert cache.get_or_set("made", lambda: "made now", 60) == "made now"
    assert cache.get_or_set("made", lambda: "again") == "made now"
    cache.set("count", 10)
    assert (cache.incr("count"), cache.incr("count", 5), cache.decr("count", 2)) == (11, 16, 14)
    with pytest.raises(ValueError):
        cache.incr("missing")
    cache.set_many({"one": 1, "two": [2]}, 60)
    assert cache.get_many(["one", "two", "three"]) == {"one": 1, "two": [2]}
    cache.delete_many(["one"])
    assert cache.get_many(["one", "two"]) == {"two": [2]}
    assert cache.delete("two") and not cache.delete("two")
    assert cache.touch("key", 100) and not cache.touch("missing")
    cache.set("never", 1, None)
    cache.set("at-once", 1, 0)
    assert cache.get("never") == 1 and cache.get("at-once") is None
    cache.set("versioned", "second", version=2)
    assert cache.get("versioned") is None and cache.get("versioned", version=2) == "second"
    cache.clear()
    assert cache.get("key") is None


@pytest.mark.parametrize("backend", [OWN, DJANGO_REDIS])
def test_values_expire(configure: Configure, backend: str) -> None:
    clock = redlet.Clock()
    cache = configure(pool_options(backend, location=Location.private(clock=clock)))
    cache.set("default", 1)
    cache.set("short", 1, 10)
    cache.set("touched", 1, 10)
    cache.touch("touched", 100)
    cache.set("never", 1, None)
    clock.advance(11)
    assert cache.get_many(["default", "short", "touched", "never"]) == {"default": 1, "touched": 1, "never": 1}
    clock.advance(300)
    assert cache.get_many(["default", "short", "touched", "never"]) == {"never": 1}


@pytest.mark.parametrize("backend", [OWN, DJANGO_REDIS])
def test_sessions_are_kept_and_expire(configure: Configure, backend: str) -> None:
    clock = redlet.Clock()
    configure(pool_options(backend, location=Location.private(clock=clock)))
    session = SessionStore()
    session["user"] = 7
    session.set_expiry(3600)
    session.save()
    assert SessionStore(session.session_key)["user"] == 7
    assert session.exists(session.session_key)
    old = session.session_key
    session.cycle_key()
    assert not session.exists(old) and SessionStore(session.session_key)["user"] == 7
    clock.advance(3601)
    assert SessionStore(session.session_key).get("user") is None
    session.flush()
    assert session.session_key is None


@pytest.mark.parametrize("backend", [OWN, DJANGO_REDIS])
def test_a_page_is_made_once(configure: Configure, backend: str) -> None:
    from django.http import HttpResponse
    from django.views.decorators.cache import cache_page

    clock = redlet.Clock()
    configure(pool_options(backend, location=Location.private(clock=clock)))
    made = []

    @cache_page(60)
    def view(request: Any) -> HttpResponse:
        made.append(request.path)
        return HttpResponse(f"{len(made)}")

    with override_settings(ALLOWED_HOSTS=["*"]):
        pages = [view(RequestFactory().get(path)).content for path in ("/a", "/a", "/b", "/a")]
        assert pages == [b"1", b"1", b"2", b"1"]
        clock.advance(61)
        assert view(RequestFactory().get("/a")).content == b"3"


@pytest.mark.parametrize("backend", [OWN, DJANGO_REDIS])
async def test_the_methods_for_tasks(configure: Configure, backend: str) -> None:
    kept = redlet.Redis.from_url("redlet://tasks")
    cache = configure({"BACKEND": backend, "LOCATION": "redlet://tasks"})
    await cache.aset("key", 1)
    assert await cache.aincr("key") == 2
    assert await cache.aget_many(["key", "none"]) == {"key": 2}
    assert kept.dbsize() == 1


@pytest.mark.parametrize("way", ["own by name", "own by path", "django-redis private", "django-redis by path"])
def test_threads_share_a_cache(configure: Configure, tmp_path: Path, way: str) -> None:
    default = configure(ways(tmp_path)[way])
    default.set("count", 0)

    def work(number: int) -> None:
        # Each thread has a cache of its own: Django's `caches` makes them.
        for turn in range(50):
            cache.incr("count")
            cache.set(f"{number}:{turn}", turn, 60)
            assert cache.get(f"{number}:{turn}") == turn

    in_threads(work, 6)
    assert default.get("count") == 300
    assert default.get("5:49") == 49


def test_memory_of_djangos_own_cache_lives_as_long_as_somebody_has_its_name(configure: Configure) -> None:
    configure({"BACKEND": OWN, "LOCATION": "redlet://kept"})

    def in_thread(work: Callable[[], Any]) -> Any:
        results = []
        thread = threading.Thread(target=lambda: results.append(work()))
        thread.start()
        thread.join()
        gc.collect()
        return results[0]

    # A server that has a thread for each request, such as `runserver`, has a cache for each too.
    in_thread(lambda: cache.set("key", 1))
    assert in_thread(lambda: cache.get("key")) is None
    kept = redlet.Redis.from_url("redlet://kept")
    in_thread(lambda: cache.set("key", 1))
    assert in_thread(lambda: cache.get("key")) == 1
    assert kept.dbsize() == 1


@pytest.fixture
def extended(configure: Configure) -> Any:
    """django-redis, on a clock."""
    clock = redlet.Clock()
    cache = configure(pool_options(DJANGO_REDIS, location=Location.private(clock=clock)))
    cache.clock = clock
    return cache


def test_patterns(extended: Any) -> None:
    extended.set_many({"foo-1": 1, "foo-2": 2, "bar-1": 3, "a*b": 4})
    assert sorted(extended.keys("foo-*")) == ["foo-1", "foo-2"]
    assert sorted(extended.iter_keys("*-1", itersize=1)) == ["bar-1", "foo-1"]
    assert extended.delete_pattern("foo-*") == 2
    assert extended.delete_pattern("none*") == 0
    assert sorted(extended.keys("*")) == ["a*b", "bar-1"]
    extended.set_many({f"many-{number}": number for number in range(2500)})
    assert extended.delete_pattern("many-*", itersize=100) == 2500
    assert sorted(extended.keys("*")) == ["a*b", "bar-1"]


def test_times_to_live(extended: Any) -> None:
    extended.set("key", 1, timeout=10)
    assert (extended.ttl("key"), extended.pttl("key"), extended.ttl("missing")) == (10, 10_000, 0)
    assert extended.expire("key", timeout=100) and extended.ttl("key") == 100
    assert extended.pexpire("key", timeout=1500) and extended.pttl("key") == 1500
    assert extended.persist("key") and extended.ttl("key") is None
    assert extended.expire_at("key", int(extended.clock.now()) + 50)
    assert 48 <= extended.ttl("key") <= 50
    extended.clock.advance(51)
    assert extended.get("key") is None
    extended.set("key", 1, timeout=0.25)
    assert extended.pttl("key") == 250
    assert extended.set("key", 2, nx=True) is False


def test_incr_is_one_script(extended: Any) -> None:
    extended.set("key", 1, timeout=10)
    assert extended.incr("key", 41) == 42
    assert extended.ttl("key") == 10
    assert extended.incr("new", ignore_key_check=True) == 1
    # Beyond 64 bits django-redis counts by itself.
    extended.set("large", 2**64)
    assert extended.incr("large", 10) == 2**64 + 10


def test_other_types(extended: Any) -> None:
    assert extended.sadd("set", "a", "b", "c") == 3
    assert extended.smembers("set") == {"a", "b", "c"} and extended.sismember("set", "a")
    assert extended.hset("hash", "field", 1) == 1
    assert extended.hexists("hash", "field") and extended.hkeys("hash") == ["field"]
    assert extended.zadd("sorted", {"a": 1, "b": 2}) == 2
    assert extended.zrange("sorted", 0, -1, withscores=True) == [("a", 1.0), ("b", 2.0)]


def test_the_raw_client(extended: Any) -> None:
    client = get_redis_connection("default")
    assert isinstance(client, redis.Redis)
    with client.pipeline() as pipe:
        pipe.set("raw", 1).incr("raw").expire("raw", 10)
        assert pipe.execute() == [True, 2, True]
    extended.set("key", 1)
    assert sorted(client.keys()) == [b":1:key", b"raw"]


def test_a_lock_is_held_by_one(extended: Any) -> None:
    lock = extended.lock("door", timeout=10)
    assert lock.acquire(blocking=False)
    other = extended.lock("door", timeout=10)
    assert not other.acquire(blocking=False)
    lock.extend(10)
    assert extended.ttl("door") == 20
    lock.release()
    assert other.acquire(blocking=False)
    extended.clock.advance(11)
    assert extended.lock("door", timeout=10).acquire(blocking=False)
    with pytest.raises(redis.exceptions.LockNotOwnedError):
        other.release()


def test_threads_wait_for_a_lock(extended: Any) -> None:
    inside = []
    most = []

    def work() -> None:
        with cache.lock("door", timeout=60, sleep=0.001):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.001)
            inside.pop()

    in_threads(lambda _: work(), 8)
    assert most == [1] * 8


def test_locations_of_django_redis_share_what_their_url_names(configure: Configure) -> None:
    one = {"BACKEND": DJANGO_REDIS, "LOCATION": "redlet://one"}
    first = configure(one, same=one, other={"BACKEND": DJANGO_REDIS, "LOCATION": "redlet://other"})
    first.set("key", 1)
    assert caches["same"].get("key") == 1
    assert caches["other"].get("key") is None


# django-redis warns of what it does itself.
@pytest.mark.filterwarnings("ignore:\\w+ on sharded client:UserWarning")
@pytest.mark.parametrize(
    ("client", "location"),
    [
        ("django_redis.client.HerdClient", "redlet://herd"),
        ("django_redis.client.ShardClient", ["redlet://shard-one", "redlet://shard-two"]),
    ],
)
def test_other_clients_of_django_redis(configure: Configure, client: str, location: Any) -> None:
    cache = configure({"BACKEND": DJANGO_REDIS, "LOCATION": location, "OPTIONS": {"CLIENT_CLASS": client}})
    numbers = {f"key-{number}": number for number in range(20)}
    cache.set_many(numbers, 60)
    assert cache.get_many(numbers) == numbers
    assert cache.get("key-7") == 7 and cache.delete("key-7") and cache.get("key-7") is None
    if isinstance(location, list):
        sizes = [redlet.Redis.from_url(one).dbsize() for one in location]
        assert sum(sizes) == 19 and min(sizes) > 0


PROGRAM = """
    import os
    import sys
    import django
    import redlet
    from django.conf import settings

    redlet.install_url_scheme()
    backends = ["django.core.cache.backends.redis.RedisCache", "django_redis.cache.RedisCache"]
    location = "redlet://" + sys.argv[1]
    settings.configure(
        CACHES={
            name: {"BACKEND": backend, "LOCATION": location, "KEY_PREFIX": name}
            for name, backend in zip(["default", "other"], backends)
        }
    )
    django.setup()
    from django.core.cache import caches
    both = [caches["default"], caches["other"]]
"""


def test_a_cache_on_disk_is_there_after_a_restart(tmp_path: Path) -> None:
    write = """
    for cache in both:
        cache.set("key", [1, 2], 3600)
        cache.set("stays", 1, None)
    """
    read = """
    for cache in both:
        print(cache.get("key"), cache.get("stays"))
    """
    run(PROGRAM + write, tmp_path / "cache")
    assert run(PROGRAM + read, tmp_path / "cache") == "[1, 2] 1\n" * 2


def test_processes_share_a_cache_through_its_owner(tmp_path: Path) -> None:
    work = """
    for cache in both:
        cache.add("count", 0)
        for _ in range(100):
            cache.incr("count")
    """
    with redlet.Redis(tmp_path / "cache") as owner:
        assert owner.socket_file
        others = [start(PROGRAM + work, tmp_path / "cache") for _ in range(2)]
        for other in others:
            ended = end(other)
            assert (ended.code, ended.errors) == (0, "")
        assert owner.mget("default:1:count", "other:1:count") == [b"200", b"200"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_workers_forked_from_a_master_share_its_cache(tmp_path: Path) -> None:
    work = """
    for cache in both:
        cache.set("count", 0)
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            for _ in range(50):
                for cache in both:
                    cache.incr("count")
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    print([cache.get("count") for cache in both])
    """
    assert run(PROGRAM + work, tmp_path / "cache") == "[150, 150]\n"
