"""The examples of the package's README, of the Python in that of the project, and of the documentation in the code."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any, Dict, List

import pytest
from test_pages import program_of

import redlet
import redlet.asyncio
import redlet.testing

PROJECT = Path(__file__).resolve().parents[3]
READMES = [PROJECT / "crates" / "python" / "README.md", PROJECT / "README.md"]
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def check(text: str, name: str, path: str, names: Dict[str, Any]) -> "doctest.TestResults":
    test = doctest.DocTestParser().get_doctest(text, names, name, path, 0)
    report: List[str] = []
    result = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=report.append, clear_globs=False)
    assert result.failed == 0, "".join(report)
    return result


@pytest.mark.parametrize("page", READMES, ids=["package", "project"])
def test_the_examples_of_a_readme_are_right(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = program_of(page)
    if not program.strip():
        pytest.skip("it has no Python")
    names: Dict[str, Any] = {"__name__": page.name}
    if ">>> " in program:
        assert check(program, page.name, str(page), names).attempted
    else:
        exec(compile(program, str(page), "exec"), names)


@pytest.mark.parametrize("module", [redlet, redlet.asyncio, redlet.testing], ids=lambda module: str(module.__name__))
def test_the_examples_of_a_module_are_right(module: Any) -> None:
    assert check(module.__doc__, module.__name__, module.__file__, {}).attempted


def test_the_readme_links_to_pages_that_are_there() -> None:
    text = READMES[0].read_text(encoding="utf-8")
    for path in re.findall(r"https://github.com/redlet/redlet/(?:blob|tree)/main/([\w/.-]+)", text):
        assert (PROJECT / path).exists(), path


def test_the_index_of_the_pages_has_them_all_and_no_others() -> None:
    folder = PROJECT / "docs" / "python"
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8")))
    there = {page.name for page in folder.glob("*.md")} - {"README.md"}
    assert linked == there


def test_the_licences_are_those_of_the_project() -> None:
    for name in ("LICENSE-MIT", "LICENSE-APACHE"):
        assert (PROJECT / "crates" / "python" / name).read_bytes() == (PROJECT / name).read_bytes()
