"""The public API is that of tests/public_api.txt; after a change of it: --update."""

from __future__ import annotations

from pathlib import Path

import public_api
import pytest

STABILITY = Path(__file__).parent.parent / "docs" / "reference" / "stability.rst"

ADVICE = """
The public API is not that of tests/public_api.txt. If this is intended, run

    python tests/public_api.py --update

and add a line to CHANGELOG.rst. docs/reference/stability.rst says what may change in which release.
"""

BEFORE = """\
class bfxsync.Kept
    def read(size: int) -> str
    size: int
class bfxsync.Removed
    size: int
"""
AFTER = """\
class bfxsync.Added
class bfxsync.Kept
    def read(size: int = 1) -> str
    size: int
"""


@pytest.mark.once
def test_the_public_api_is_that_of_the_file() -> None:
    found = public_api.differences(public_api.FILE.read_text(), public_api.text())
    assert not found, "\n".join(["", ADVICE, *found])


def test_changes_are_shown_below_their_class() -> None:
    assert public_api.differences(BEFORE, AFTER) == [
        "+ class bfxsync.Added",
        "  class bfxsync.Kept",
        "-     def read(size: int) -> str",
        "+     def read(size: int = 1) -> str",
        "- class bfxsync.Removed",
        "-     size: int",
    ]


@pytest.mark.parametrize("module", public_api.MODULES)
def test_every_public_module_is_promised_and_listed(module: str) -> None:
    assert f"``{module}``" in STABILITY.read_text()
    assert f" {module}." in public_api.FILE.read_text().replace("\n", " ")


def test_an_unknown_option_gets_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert public_api.main(["--updaet"]) == 2
    assert "--update" in capsys.readouterr().err
