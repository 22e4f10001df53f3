"""The suites of caches, as they are in the archives of their source, with stores in the process in the place of the server that they want.

How many tests pass is what passes with a real server, less those that are named here with the reason.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Callable, Dict, Iterator, NamedTuple

import pytest
from packages import package
from upstream import environment, run_suite, source  # noqa: F401

pytestmark = pytest.mark.nightly


class Suite(NamedTuple):
    requirement: str
    #: Where its tests are in the archive.
    tests: str
    #: How many pass of those that pytest's `-k` chooses. Each choice is a process of its own.
    passed: "Dict[str, int]"
    #: What is left out, and why.
    without: "Dict[str, str]"


NOBODY_ANSWERS = "wants an address at which nobody answers; here each has a store"
SENTINEL = "makes a Sentinel"
BROKEN = "fails with a real server and these versions, too"

SUITES = {
    "requests-cache": Suite("requests-cache==1.3.3", "tests/integration/test_redis.py", {"": 155}, {}),
    "django-redis": Suite(
        "django-redis==7.0.0",
        "tests",
        # One for each of its settings: Django takes those of a process once.
        {
            "not sqlite_": 191,
            "sqlite_gzip": 163,
            "sqlite_herd": 160,
            "sqlite_json": 165,
            "sqlite_lz4": 163,
            "sqlite_msgpack": 164,
            # Sorted sets, and two tests of sessions, fail with a real server, too.
            "sqlite_sharding and not SortedSet and not test_save and not test_cycle_with_no_session_cache": 103,
            "sqlite_usock": 165,
            "sqlite_zlib": 163,
            "sqlite_zstd": 163,
        },
        {
            "tests/test_cache_options.py::test_get_django_omit_exceptions": NOBODY_ANSWERS,
            "tests/test_cache_options.py::test_get_django_omit_exceptions_priority_2": NOBODY_ANSWERS,
            "tests/test_connection_factory.py::test_connection_factory_redefine_from_opts": SENTINEL,
            "tests/test_connection_factory.py::test_connection_factory_opts[django_redis.pool.SentinelConnectionFactory-"
            "SentinelConnectionFactory]": SENTINEL,
            "tests/test_backend.py::TestDjangoRedisCache::test_intenum[sqlite_msgpack]": BROKEN,
        },
    ),
    "Flask-Caching": Suite(
        "Flask-Caching==2.5.1",
        "tests",
        {"": 270},
        {
            "tests/test_init.py::test_init_nullcache[MemcachedCache]": BROKEN,
            "tests/test_init.py::test_init_nullcache[RedisSentinelCache]": SENTINEL,
            "tests/test_backend_cache.py::TestRedisCacheClientsOverride": SENTINEL,
        },
    ),
    "cachelib": Suite(
        "cachelib==0.17.0",
        "tests/test_redis_cache.py",
        {"": 96},
        {"tests/test_redis_cache.py::TestRedisCacheCheckConnection::test_unreachable_server_raises_when_enabled": NOBODY_ANSWERS},
    ),
}


@pytest.fixture(scope="module")
def httpbin() -> Iterator[str]:
    """What requests-cache's suite visits."""
    import werkzeug.serving

    server = werkzeug.serving.make_server("127.0.0.1", 0, package("httpbin").app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.mark.parametrize("name", list(SUITES))
def test_a_suite_passes(name: str, source: Callable[[str], Path], httpbin: str) -> None:  # noqa: F811
    for needed in ("xdist", "xprocess", "pytest_mock", "requests_mock", "rich", "time_machine", "pyzstd", "django_redis", "flask_caching"):
        package(needed)
    suite = SUITES[name]
    folder = source(suite.requirement)
    command = ["-m", "pytest", "-q", "-p", "in_place_of_server", "-o", "addopts=", "-o", "asyncio_mode=auto", "-W", "ignore"]
    command += [word for test in suite.without for word in ("--deselect", test)]
    passed = {}
    for chosen in suite.passed:
        output = run_suite([*command, "-k", chosen, suite.tests], folder, environment(HTTPBIN_URL=httpbin))
        (count,) = re.findall(r"^(\d+) passed", output, re.MULTILINE)
        passed[chosen] = int(count)
    assert passed == suite.passed


DJANGO_SETTINGS = """
import os

from test_sqlite import *

import redlet

redlet.install_url_scheme()
KEPT = redlet.Redis.from_url("redlet://django")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": os.environ.get("REDLET_UPSTREAM_LOCATION", "redlet://django"),
    }
}
"""


def test_djangos_suite_passes(source: Callable[[str], Path]) -> None:  # noqa: F811
    django = package("django")
    tests = source(f"Django=={django.get_version()}") / "tests"
    (tests / "redlet_settings.py").write_text(DJANGO_SETTINGS)
    command = ["runtests.py", "--settings=redlet_settings", "--parallel=1"]
    output = run_suite([*command, "cache.tests.RedisCacheTests", "cache.tests_async", "sessions_tests"], tests, environment())
    (ran,) = re.findall(r"^Ran (\d+) tests", output, re.MULTILINE)
    assert int(ran) > 400, output[-2000:]
    assert "\nOK" in output
