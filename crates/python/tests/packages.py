"""Packages of others that tests run redlet with."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest


def package(name: str) -> Any:
    """A package. Where not all are installed, the tests of those that are missing are skipped; with REDLET_ALL_PACKAGES they fail."""
    if os.environ.get("REDLET_ALL_PACKAGES"):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"{name} is not installed; tests/requirements.txt has it")
