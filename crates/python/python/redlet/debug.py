"""What is installed here, for a report of a bug: ``python -m redlet.debug``."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from typing import List

import redis

import redlet
from redlet import _native

__all__ = ["debug_info", "debug_info_list", "print_debug_info"]


def debug_info_list() -> List[str]:
    """The lines."""
    try:
        import hiredis

        parser = f"hiredis {hiredis.__version__}"
    except ImportError:
        parser = "redis-py's own"
    info = [
        "redlet debug information:",
        f"\tVersion: {redlet.__version__}",
        f"\tModule Path: {os.path.dirname(redlet.__file__)}",
        f"\tNative Module: {_native.__file__}",
        f"\tPython: {platform.python_implementation()} {sys.version.split()[0]} on {platform.platform()}",
        f"\tredis-py: {redis.__version__} with {parser}",
        "",
        "\tEngine (no server is started):",
        *(f"\t\t{name} = {value}" for name, value in redlet.__redis_server_info__.items()),
        "",
        f"\tFound redis-server: {shutil.which('redis-server')}",
        *(f"\t\t{pair}" for pair in _version_of_server()),
        "",
        "\tSource Code Information",
        f"\t\tGit Source URL: {redlet.__source_url__}",
    ]
    return info


def _version_of_server() -> List[str]:
    program = shutil.which("redis-server")
    if program is None:
        return []
    try:
        said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [word.replace("=", " = ", 1) for word in said.decode(errors="replace").split() if "=" in word]


def debug_info() -> str:
    """The lines as one text."""
    return os.linesep.join(debug_info_list())


def print_debug_info() -> None:
    """Prints them."""
    print(debug_info())


if __name__ == "__main__":
    print_debug_info()
