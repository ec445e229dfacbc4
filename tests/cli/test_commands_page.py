"""The page of commands is their help."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from bfxsync.cli.group import SECTIONS

GENERATOR = Path(__file__).parents[2] / "docs" / "commands.py"


def load_generator() -> Any:
    spec = importlib.util.spec_from_file_location("commands_page", GENERATOR)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


page = load_generator()


# Versions of click break lines at different places.
@pytest.mark.once
def test_committed_page_is_the_generated_one() -> None:
    wanted = page.page_text()
    assert page.PAGE.read_text("utf-8") == wanted, "run python docs/commands.py"


@pytest.mark.parametrize("name", [name for part in SECTIONS.values() for name in part])
def test_page_has_every_command(name: str) -> None:
    assert f"\nbfxsync {name}\n~~~" in page.PAGE.read_text("utf-8")
