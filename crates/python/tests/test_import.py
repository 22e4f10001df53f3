"""What ``import redlet`` does and costs."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Dict, Set

#: Milliseconds beside redis-py's own import.
MOST = 30


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True, timeout=60)


def times(program: str) -> Dict[str, int]:
    """Microseconds of each module that a program imports, without those that it imports in turn."""
    found = re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", run("-X", "importtime", "-c", program).stderr, re.MULTILINE)
    return {module: int(time) for time, module in found}


def test_it_gives_no_warnings() -> None:
    result = run("-W", "error", "-c", "import redlet, redlet.asyncio, redlet.testing, redlet.patch, redlet.debug")
    assert (result.stdout, result.stderr) == ("", "")


def test_what_nobody_asked_for_is_not_imported() -> None:
    modules = set(run("-c", "import sys, redlet; print(*sys.modules)").stdout.split())
    ours = {module for module in modules if module.startswith("redlet")}
    assert not ours & {"redlet.asyncio", "redlet.testing", "redlet.pytest_plugin", "redlet.patch", "redlet.debug", "redlet.keywords"}
    assert not modules & {"pytest", "kombu", "celery", "limits", "django"}


def test_it_takes_little_beside_redis_pys_own() -> None:
    of_redis_py: Set[str] = set(times("import redis"))
    # The machine has other things to do: the best of a few, for each module.
    taken: Dict[str, int] = {}
    for _ in range(5):
        for module, time in times("import redlet").items():
            taken[module] = min(time, taken.get(module, time))
    beside = {module: time for module, time in taken.items() if module not in of_redis_py}
    assert sum(beside.values()) < MOST * 1000, beside


def test_the_client_in_the_engine_starts_no_thread() -> None:
    program = "import threading, redlet; r = redlet.Redis(); r.set('k', 'v'); r.ping(); print(threading.active_count())"
    assert run("-c", program).stdout.split() == ["1"]
