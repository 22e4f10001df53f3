"""redis-py's own tests, as they are in the archive of its source, with a store in the process in the place of the server.

With a real Redis 8.0.2 all of them pass but `test_psync`. What is left out here is named with the reason; nothing else may fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Dict, Sequence, Tuple

import pytest

pytestmark = pytest.mark.nightly

HERE = Path(__file__).parent
VERSION = "8.1.0"
#: What its tests import beside what is here.
NEEDS = ("PyJWT", "cryptography", "pytest-timeout", "packaging", "numpy", "pybreaker", "xxhash", "aiohttp", "opentelemetry-api", "opentelemetry-sdk")

SYNC = "commands pipeline pubsub lock scripting encoding hash function monitor connection_pool connection multiprocessing".split()
ASYNC = "commands pipeline pubsub lock scripting encoding hash monitor connection_pool connection".split()

# The reasons.
NO_ADDRESS = "callers in the process have no address, which is what this goes by"
NO_PARSER = "puts something in the place of the parser or the streams of a socket, of which there are none"
NO_DRIVER = "connections in the process do not say which library they are, which would take longer than all else that they do"
NO_SERVER = "there is no replication; it wants a second server, and fails with a real one too"
NO_CLUSTER = "there is no CLUSTER, so it cannot be allowed"
CLASSES = "asks that URLs of localhost make redis-py's own connections"
NO_ANSWER = "wants a server that does not answer; what runs in the process is never late, and `socket_timeout` has no effect"
STAYS = "a connection that was killed is in CLIENT LIST until whoever has it uses it again"

LEFT_OUT: Dict[str, str] = {
    "tests/test_commands.py::TestRedisCommands::test_acl_log": NO_DRIVER,
    "tests/test_commands.py::TestRedisCommands::test_client_setinfo": NO_DRIVER,
    "tests/test_commands.py::TestRedisCommands::test_client_setinfo_with_driver_info": NO_DRIVER,
    "tests/test_commands.py::TestRedisCommands::test_client_kill": NO_ADDRESS,
    "tests/test_commands.py::TestRedisCommands::test_client_kill_filter_by_addr": NO_ADDRESS,
    "tests/test_commands.py::TestRedisCommands::test_client_kill_filter_by_id": STAYS,
    "tests/test_commands.py::TestRedisCommands::test_client_kill_filter_by_maxage": STAYS,
    "tests/test_commands.py::TestRedisCommands::test_client_kill_filter_by_user": NO_CLUSTER,
    "tests/test_commands.py::TestRedisCommands::test_client_reply": NO_ANSWER,
    "tests/test_commands.py::TestRedisCommands::test_psync": NO_SERVER,
    "tests/test_commands.py::TestRedisCommands::test_interrupted_command": NO_PARSER,
    "tests/test_pubsub.py::TestPubSubAutoReconnect::test_reconnect_socket_error": NO_PARSER,
    "tests/test_connection.py::test_connection_parse_response_resume": NO_PARSER,
    "tests/test_connection_pool.py::TestConnectionPoolURLParsing": CLASSES,
    "tests/test_connection_pool.py::TestBlockingConnectionPoolURLParsing": CLASSES,
}

LEFT_OUT_ASYNC: Dict[str, str] = {
    "tests/test_asyncio/test_commands.py::TestRedisCommands::test_acl_log": NO_DRIVER,
    "tests/test_asyncio/test_commands.py::TestRedisCommands::test_client_setinfo": NO_DRIVER,
    "tests/test_asyncio/test_commands.py::TestRedisCommands::test_client_setinfo_with_driver_info": NO_DRIVER,
    "tests/test_asyncio/test_commands.py::TestRedisCommands::test_client_kill": NO_ADDRESS,
    "tests/test_asyncio/test_commands.py::TestRedisCommands::test_client_kill_filter_by_addr": NO_ADDRESS,
    "tests/test_asyncio/test_commands.py::TestRedisCommands::test_client_kill_filter_by_id": STAYS,
    "tests/test_asyncio/test_connection.py::test_invalid_response": NO_PARSER,
    "tests/test_asyncio/test_connection.py::test_connection_parse_response_resume": NO_PARSER,
    "tests/test_asyncio/test_connection.py::test_connection_garbage_collection": NO_PARSER,
    "tests/test_asyncio/test_encoding.py::TestMemoryviewsAreNotPacked": NO_PARSER,
    "tests/test_asyncio/test_pubsub.py::TestBaseException::test_base_exception": NO_PARSER,
    "tests/test_asyncio/test_pubsub.py::TestPubSubAutoReconnect::test_reconnect_socket_error": NO_PARSER,
    "tests/test_asyncio/test_connection_pool.py::TestConnectionPoolURLParsing": CLASSES,
    "tests/test_asyncio/test_connection_pool.py::TestBlockingConnectionPoolURLParsing": CLASSES,
}


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Tuple[Path, Path]:
    """The folder of the suite, and one with what it needs."""
    folder = tmp_path_factory.mktemp("redis-py-suite")
    pip = [sys.executable, "-m", "pip", "--quiet"]
    get = ["download", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), f"redis=={VERSION}"]
    subprocess.run([*pip, *get], check=True, timeout=600)
    with tarfile.open(next(folder.glob("redis-*.tar.gz"))) as archive:
        archive.extractall(folder)
    # Without its package, in the place of which the installed one is used.
    source = folder / f"redis-{VERSION}"
    shutil.rmtree(source / "redis")
    needs = folder / "needs"
    subprocess.run([*pip, "install", "--target", str(needs), *NEEDS], check=True, timeout=900)
    return source, needs


def run(suite: Tuple[Path, Path], files: Sequence[str], left_out: Dict[str, str], at_least: int) -> None:
    import redis

    if redis.__version__ != VERSION:
        pytest.skip(f"these are the tests of redis-py {VERSION}, and {redis.__version__} is installed")
    source, needs = suite
    deselected = [word for name in left_out for word in ("--deselect", name)]
    command = [
        sys.executable, "-m", "pytest", "-p", "redis_py_in_place", "-p", "no:cacheprovider", "-o", "addopts=", "-q", "--tb=short", "-W", "ignore",
        "-m", "not redismod and not onlycluster and not ssl", "--timeout", "120", *deselected, *files,
    ]  # fmt: skip
    before = os.environ.get("PYTHONPATH", "")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [before, str(HERE), str(needs)]))}
    ended = subprocess.run(command, env=environment, cwd=source, capture_output=True, text=True, timeout=1800)
    assert ended.returncode == 0, ended.stdout[-10000:] + ended.stderr[-2000:]
    passed = int(ended.stdout.rsplit(" passed", 1)[0].split()[-1])
    assert passed >= at_least, f"{passed} tests have passed, of {at_least} that there are"


def test_redis_pys_tests_pass(suite: Tuple[Path, Path]) -> None:
    run(suite, [f"tests/test_{name}.py" for name in SYNC], LEFT_OUT, 800)


def test_redis_pys_tests_of_asyncio_pass(suite: Tuple[Path, Path]) -> None:
    run(suite, [f"tests/test_asyncio/test_{name}.py" for name in ASYNC], LEFT_OUT_ASYNC, 1000)
