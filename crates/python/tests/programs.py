"""Programs of their own, for what happens to a whole process."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from typing import Any, NamedTuple


class Ended(NamedTuple):
    """How a program has ended."""

    code: int
    output: str
    errors: str
    seconds: float


def start(program: str, *arguments: Any, **options: Any) -> "subprocess.Popen[str]":
    """Starts a program, whose text may be indented as a whole."""
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def end(process: "subprocess.Popen[str]", seconds: float = 60) -> Ended:
    """Waits for its end."""
    begun = time.monotonic()
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        raise AssertionError(f"the program hangs; it wrote {output!r} and {errors!r}") from None
    return Ended(process.returncode, output, errors, time.monotonic() - begun)


def run(program: str, *arguments: Any, seconds: float = 60) -> str:
    """The output of a program that must end well and say nothing of errors."""
    ended = end(start(program, *arguments), seconds)
    assert (ended.code, ended.errors) == (0, ""), ended
    return ended.output
