"""The suites of queues, as they are in the archives of their source, with stores in the process in the place of the server that they want.

How many tests pass is what passes with a real server, less those that are named here with the reason.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple

import pytest
from packages import package
from test_upstream_caches import environment, run_suite, source  # noqa: F401

pytestmark = pytest.mark.nightly


class Suite(NamedTuple):
    requirement: str
    #: What of the archive is run.
    tests: "List[str]"
    passed: int
    #: What is left out, and why.
    without: "Dict[str, str]"
    chosen: str = ""
    #: The plugin by which it finds a store in the place of the server.
    plugin: str = "in_place_of_server"


ANOTHER_PROCESS = "starts a process of its own, which looks for a server"
A_SERVERS_SOCKET = "puts something of its own in the place of a server's socket"
ASKS_FOR_A_CLASS = "looks whether connections are of redis-py's own class"
BROKEN = "fails with a real server, now and then or always"

_HEALTH = "t/integration/test_redis.py::test_RedisBrpopHealthCheck::test_"

SUITES = {
    "kombu": Suite(
        "kombu==5.7.0",
        ["t/integration/test_redis.py", "t/integration/test_redis_brpop_qos.py"],
        122,
        {
            "t/integration/test_redis.py::test_RedisConnectTimeout": A_SERVERS_SOCKET,
            f"{_HEALTH}live_connection_with_unread_reply_not_dropped": A_SERVERS_SOCKET,
            f"{_HEALTH}half_open_connection_dropped_and_consumption_resumes": A_SERVERS_SOCKET,
            f"{_HEALTH}half_open_connection_dropped_by_drain_events": A_SERVERS_SOCKET,
        },
        plugin="kombu_in_place_of_server",
    ),
    "rq": Suite(
        "rq==3.0.0",
        ["tests"],
        760,
        {
            "tests/test_worker_pool.py": ANOTHER_PROCESS,
            "tests/test_worker.py::TestWorkerSubprocess::test_run_access_self": ANOTHER_PROCESS,
            "tests/test_worker.py::TestWorkerSubprocess::test_run_empty_queue": ANOTHER_PROCESS,
            "tests/test_worker.py::TestWorkerSubprocess::test_run_scheduled_access_self": ANOTHER_PROCESS,
            "tests/test_spawn_worker.py::TestWorker::test_horse_receives_worker_configuration": ANOTHER_PROCESS,
            "tests/test_spawn_worker.py::TestWorker::test_horse_uses_exception_handlers": ANOTHER_PROCESS,
            "tests/test_spawn_worker.py::TestWorker::test_work_and_quit": ANOTHER_PROCESS,
            "tests/test_spawn_worker.py::TestWorker::test_horse_rebuilds_ssl_connection": ASKS_FOR_A_CLASS,
            "tests/test_spawn_worker.py::TestWorker::test_horse_rebuilds_unix_socket_connection": ASKS_FOR_A_CLASS,
            "tests/test_cli.py::TestRQCli::test_config_file_option": BROKEN,
            "tests/test_retry.py::TestWorkerRetry::test_worker_handles_retry_interval": BROKEN,
            "tests/test_connection.py::TestConnectionInheritance::test_parse_connection": ASKS_FOR_A_CLASS,
            "tests/test_scheduler.py::TestQueue::test_custom_connection_pool": ASKS_FOR_A_CLASS,
            "tests/test_scheduler.py::TestQueue::test_no_custom_connection_pool": ASKS_FOR_A_CLASS,
        },
    ),
    "huey": Suite("huey==3.5.4", ["huey/tests/test_storage.py", "huey/tests/test_priority.py"], 59, {}, "Redis"),
    "channels_redis": Suite("channels_redis==4.3.0", ["tests/test_core.py", "tests/test_pubsub.py", "tests/test_utils.py"], 51, {}),
}


@pytest.mark.parametrize("name", list(SUITES))
def test_a_suite_passes(name: str, source: "Callable[[str], Path]") -> None:  # noqa: F811
    package(name)
    suite = SUITES[name]
    folder = source(suite.requirement)
    command = ["-m", "pytest", "-q", "-p", "no:redlet", "-p", suite.plugin, "-o", "addopts=", "-o", "asyncio_mode=auto", "-W", "ignore"]
    command += [word for test in suite.without for word in ("--deselect", test)]
    output = run_suite([*command, "-k", suite.chosen, *suite.tests], folder, environment())
    counted = re.search(r"^(\d+) passed", output, re.MULTILINE)
    assert counted is not None, output[-2000:]
    assert int(counted[1]) == suite.passed
