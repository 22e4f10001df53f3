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
NO_ADDRESS = "callers in the process have no address"
NO_PARSER = "puts something in the place of the parser or the streams of a socket, which there are none of"
NO_DRIVER = "connections in the process do not say which library they are, which would take longer than all else that they do"
NO_REPLICATION = "there is no replication"
NO_CLUSTER = "there is no CLUSTER, so it cannot be allowed"
CLASSES = "asks that URLs of localhost make redis-py's own connections"
WAITS = "nothing that happens in the process is late, so `socket_timeout` has no effect"

LEFT_OUT: Dict[str, str] = {}

LEFT_OUT_ASYNC: Dict[str, str] = {}


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
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(needs)])}
    ended = subprocess.run(command, env=environment, cwd=source, capture_output=True, text=True, timeout=1800)
    assert ended.returncode == 0, ended.stdout[-10000:] + ended.stderr[-2000:]
    passed = int(ended.stdout.rsplit(" passed", 1)[0].split()[-1])
    assert passed >= at_least, f"{passed} tests have passed, of {at_least} that there are"


def test_redis_pys_tests_pass(suite: Tuple[Path, Path]) -> None:
    run(suite, [f"tests/test_{name}.py" for name in SYNC], LEFT_OUT, 800)


def test_redis_pys_tests_of_asyncio_pass(suite: Tuple[Path, Path]) -> None:
    run(suite, [f"tests/test_asyncio/test_{name}.py" for name in ASYNC], LEFT_OUT_ASYNC, 1000)
