"""The methods with other versions of redis-py, with hiredis and without it. Each run has a folder with that version before all else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest

pytestmark = pytest.mark.nightly

HERE = Path(__file__).parent

#: The newest of each line.
VERSIONS = ("5.0.8", "5.3.1", "6.4.0", "7.1.0", "8.1.0")

_WITHOUT_HIREDIS = "import sys; sys.modules['hiredis'] = None; import pytest; sys.exit(pytest.main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Installs a version of redis-py into a folder of its own."""
    folder = tmp_path_factory.mktemp("redis-py")

    def install(version: str) -> Path:
        target = folder / version
        if not target.exists():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), f"redis=={version}"]
            subprocess.run(command, check=True, timeout=300)
        return target

    return install


@pytest.mark.parametrize("hiredis", [True, False], ids=["hiredis", "no hiredis"])
@pytest.mark.parametrize("version", VERSIONS)
def test_methods_answer_as_with_a_server_with_every_redis_py(
    version: str, hiredis: bool, installed: Callable[[str], Path], real_server: str
) -> None:
    before = os.environ.get("PYTHONPATH", "")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(installed(version)), before]))}
    environment.pop("REDLET_NIGHTLY", None)
    program = ["-m", "pytest"] if hiredis else ["-c", _WITHOUT_HIREDIS]
    command = [sys.executable, *program, "-q", "-p", "no:cacheprovider", str(HERE / "test_methods.py")]
    run = subprocess.run(command, env=environment, cwd=HERE, capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
