"""What all tests share: a real server to compare with, and which tests are for the night."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Iterator, Optional

import pytest

import redlet


def pytest_configure(config: pytest.Config) -> None:
    # Whoever starts tests in the background has Ctrl-C ignored for them and for all that they start; some of them are about it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "nightly: takes long; runs with REDLET_NIGHTLY=1")


@pytest.fixture(autouse=True)
def handlers_of_signals() -> Iterator[None]:
    """Whatever a test runs, Ctrl-C is Python's again afterwards: a consumer of huey's keeps it for itself."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@pytest.fixture
def url_scheme() -> Iterator[None]:
    """redlet's URLs where redis-py reads its own."""
    import redis.asyncio.connection
    import redis.connection

    before = redis.connection.parse_url, redis.asyncio.connection.parse_url
    redlet.install_url_scheme()
    yield
    redis.connection.parse_url, redis.asyncio.connection.parse_url = before


def pytest_collection_modifyitems(config: pytest.Config, items: "list[pytest.Item]") -> None:
    if os.environ.get("REDLET_NIGHTLY"):
        return
    skip = pytest.mark.skip(reason="takes long; set REDLET_NIGHTLY=1")
    for item in items:
        if item.get_closest_marker("nightly"):
            item.add_marker(skip)


def server_program() -> Optional[str]:
    """The real server: REDLET_ORACLE, or what is in the path."""
    return os.environ.get("REDLET_ORACLE") or shutil.which("redis-server")


def listens(path: Path) -> bool:
    """Whether somebody takes connections at a Unix socket. It is there a moment before that."""
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(path)) == 0


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The path of a Unix socket at which a real Redis listens."""
    program = server_program()
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI compares with a real server: set REDLET_ORACLE or put redis-server into PATH")
        pytest.skip("no Redis server here: set REDLET_ORACLE or put redis-server into PATH")
    folder = tmp_path_factory.mktemp("server")
    address = Path(folder) / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(address), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(1000):
            if listens(address):
                break
            time.sleep(0.01)
        yield str(address)
    finally:
        process.kill()
        process.wait()
