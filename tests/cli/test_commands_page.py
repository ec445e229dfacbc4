"""The page of commands is their help."""

from __future__ import annotations

import pytest
from generators import load_generator

from bfxsync.cli.group import SECTIONS

page = load_generator("commands")


# Versions of click break lines at different places.
@pytest.mark.once
def test_committed_page_is_the_generated_one() -> None:
    wanted = page.page_text()
    assert page.PAGE.read_text("utf-8") == wanted, "run python docs/commands.py"


@pytest.mark.parametrize("name", [name for part in SECTIONS.values() for name in part])
def test_page_has_every_command(name: str) -> None:
    assert f"\nbfxsync {name}\n~~~" in page.PAGE.read_text("utf-8")
