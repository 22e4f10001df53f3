"""Types: the package has them, they are right, and the stub of the native half says what is there."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import create_autospec

import pytest

import redlet
from redlet._native import method_names

PROJECT = Path(__file__).resolve().parent.parent
SOURCES = PROJECT / "python"
EXAMPLES = PROJECT / "tests" / "typed_examples.py"

ALLOWED = [
    # What a cache around a function hides from a type checker.
    r"redlet\.direct\.(_keeps|default_callbacks|shared_handlers)",
    # Native methods in the place of redis-py's, which have the types.
    rf"redlet\.client\.Redis\.({'|'.join(method_names())})",
    # What other packages have is not looked at, nor whether they are there.
    r"redlet\.(celery|kombu|limits)(\..*)?",
]


def run(*command: str, **variables: str) -> None:
    result = subprocess.run(
        command,
        cwd=PROJECT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout


def needs(module: str) -> None:
    if importlib.util.find_spec(module) is None and not os.environ.get("REDLET_ALL_PACKAGES"):
        pytest.skip(f"{module} is not installed")


def test_ruff_has_nothing_to_say_about_the_package_and_its_tests() -> None:
    needs("ruff")
    run(sys.executable, "-m", "ruff", "check", "--no-cache", "python", "tests", "benches")


def test_mypy_has_nothing_to_say_about_the_package_and_understands_the_examples(tmp_path: Path) -> None:
    needs("mypy")
    run(sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "python/redlet", str(EXAMPLES))


def test_pyright_has_nothing_to_say_about_the_package_and_understands_the_examples() -> None:
    needs("pyright")
    run(sys.executable, "-m", "pyright", "--pythonpath", sys.executable)


def test_the_stub_and_the_module_agree(tmp_path: Path) -> None:
    needs("mypy")
    allowed = tmp_path / "allowed"
    allowed.write_text("\n".join(ALLOWED))
    run(
        *(sys.executable, "-m", "mypy.stubtest", "redlet", "--mypy-config-file", "pyproject.toml"),
        *("--allowlist", str(allowed), "--ignore-unused-allowlist"),
        MYPYPATH=str(SOURCES),
    )


def test_the_examples_that_are_typed_work() -> None:
    run(sys.executable, str(EXAMPLES))


def test_mocks_of_a_client_take_what_redis_py_takes() -> None:
    client = create_autospec(redlet.Redis, instance=True)
    client.set("k", "v", exat=2_000_000_000)
    client.zadd("z", {"a": 1}, nx=True)
    client.zrange("z", 0, -1, withscores=True)
    client.lpop("l", 2)
    client.incr("n")


def test_everything_of_the_native_half_is_documented_in_its_stub() -> None:
    tree = ast.parse((SOURCES / "redlet" / "_native.pyi").read_text(encoding="utf-8"))
    bare = []
    for parent in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]:
        documented = set()
        functions = [node for node in parent.body if isinstance(node, ast.FunctionDef)]
        for node in functions:
            if ast.get_docstring(node):
                documented.add(node.name)
        bare += [node.name for node in functions if node.name not in documented and not node.name.startswith("__")]
    assert bare == []


def test_python_3_9_understands_every_file() -> None:
    for path in SOURCES.rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))


def test_the_installed_package_says_that_it_is_typed() -> None:
    folder = Path(redlet.__file__).parent
    assert (folder / "py.typed").is_file()
    assert (folder / "_native.pyi").is_file()
