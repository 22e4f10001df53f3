"""Waiting for what another thread, task or process does."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, List

_LONGEST = 30.0

THREADS = 32


def until(condition: Callable[[], Any], what: str = "it") -> None:
    """Returns as soon as a condition holds."""
    ends = time.monotonic() + _LONGEST
    while not condition():
        assert time.monotonic() < ends, f"{what} did not happen in {_LONGEST} seconds"
        time.sleep(0.001)


async def until_in_loop(condition: Callable[[], Any], what: str = "it") -> None:
    """The same for tasks."""
    ends = time.monotonic() + _LONGEST
    while not condition():
        assert time.monotonic() < ends, f"{what} did not happen in {_LONGEST} seconds"
        await asyncio.sleep(0)


def waiting(client: Any) -> int:
    """How many clients of a store wait in a blocking command."""
    return int(client.info("clients")["blocked_clients"])


def until_waiting(client: Any, count: int = 1) -> None:
    """Returns when so many clients wait in a blocking command."""
    until(lambda: waiting(client) == count, f"{count} waiting clients")


def in_threads(act: Callable[[int], Any], count: int = THREADS) -> List[Any]:
    """What an act returns in each of many threads, which begin together."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait(30)
        return act(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))
