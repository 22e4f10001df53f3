"""The suites of others: how they are got, and how they are run with stores in the place of a server."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Callable, Dict, List

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gets the archive of a release; returns the folder that was in it."""

    def unpacked(requirement: str) -> Path:
        folder = tmp_path_factory.mktemp("source")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder)]
        subprocess.run([*command, requirement], check=True, timeout=600)
        (archive,) = folder.glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            if hasattr(tarfile, "data_filter"):
                tar.extractall(folder, filter="data")
            else:
                tar.extractall(folder)
        return folder / archive.name[: -len(".tar.gz")]

    return unpacked


def environment(**more: str) -> "Dict[str, str]":
    """The variables of a suite's process, which finds the plugin `in_place_of_server` beside this file."""
    paths = [str(HERE), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **more}


def run_suite(command: "List[str]", folder: Path, variables: "Dict[str, str]") -> str:
    """What a suite prints that passes."""
    ran = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
    )
    assert ran.returncode == 0, ran.stdout[-20_000:]
    return ran.stdout
