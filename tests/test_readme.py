"""The README has measured figures, and examples/README.rst all examples with what runs them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import test_documents
import test_moving_examples

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.rst").read_text()
PERFORMANCE = (ROOT / "docs" / "explanation" / "performance.rst").read_text()
EXAMPLES = ROOT / "examples"
INDEX = (EXAMPLES / "README.rst").read_text()

# A contestant of the table of benchmarks for each column of the README's.
CONTESTANTS = ("bfxsync", "bitfinex-api-py", "ccxt")
# Rows that are named otherwise in the README, with what stands for bfxsync there.
IMPORT = "import; of bfxsync with Client()"


def cells(line: str) -> list[str]:
    return re.split(r" {2,}", line.strip())


def measured() -> dict[tuple[str, str, str], str]:
    """Return the medians of docs/explanation/performance.rst by row, contestant and unit."""
    rows = [cells(line) for line in PERFORMANCE.splitlines()]
    return {(row[0], row[1], row[2]): row[3] for row in rows if len(row) == 6}


def compared() -> list[list[str]]:
    """Return the rows of the README's comparison."""
    _, _, table = README.partition("bfxsync  bitfinex-api-py  ccxt\n")
    _, body, *_ = re.split(r"^=[= ]+=$", "\n" + table, flags=re.MULTILINE)
    return [cells(line) for line in body.strip().splitlines()]


def test_the_comparison_has_rows() -> None:
    assert len(compared()) >= 10 and all(len(row) == 5 for row in compared())


@pytest.mark.parametrize("row", compared(), ids=lambda row: f"{row[0]}-{row[1]}")
def test_figures_are_the_measured_ones(row: list[str]) -> None:
    name, unit, *figures = row
    of_bfxsync = "bfxsync.Client()" if name == IMPORT else "bfxsync"
    name = "import" if name == IMPORT else name
    contestants = (of_bfxsync, *CONTESTANTS[1:])
    assert figures == [measured().get((name, each, unit), "–") for each in contestants]


def test_the_round_trips_of_orders_are_the_measured_ones() -> None:
    orders = {
        row[0]: row[1]
        for row in map(cells, PERFORMANCE.splitlines())
        if len(row) == 5 and row[0] in ("bfxsync, WebSocket", "bitfinex-api-py")
    }
    ours, official = re.findall(
        r"takes ([\d.]+) ms with bfxsync and\s+([\d.]+) ms", README
    )[0]
    assert orders == {"bfxsync, WebSocket": ours, "bitfinex-api-py": official}


@pytest.mark.parametrize("target", re.findall(r"<((?!http)\S+)>`_", README))
def test_links_of_the_readme_lead_to_files(target: str) -> None:
    assert (ROOT / target).is_file()


def test_pictures_of_the_readme_load_nothing() -> None:
    pictures = re.findall(
        r"^\.\. image:: (\S+)\n.*?:alt: \S", README, re.MULTILINE | re.DOTALL
    )
    assert pictures == ["docs/board.svg", "docs/chart.png"]
    board = (ROOT / pictures[0]).read_text("utf-8")
    assert ElementTree.fromstring(board).tag.endswith("svg")
    assert not re.search(r"(href|src|url\()\W*https?:", board)
    assert (ROOT / pictures[1]).read_bytes().startswith(b"\x89PNG")


def listed() -> dict[str, list[str]]:
    """Return the examples of the index by what runs them."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^-{3,}$", INDEX, flags=re.MULTILINE):
        for place in re.findall(r"[Rr]un\s+by\s+``(\S+)``:", section):
            names = re.findall(r"^- ``(\S+)``: [a-zA-Z]", section, re.MULTILINE)
            found.setdefault(place, []).extend(names)
    return found


def test_every_example_is_in_the_index_once() -> None:
    files = [path for path in EXAMPLES.iterdir() if path.suffix in (".py", ".sh")]
    folders = [EXAMPLES / "strategy"]
    for group in ("embedding", "moving", "notebooks"):
        folders += [
            path for path in (EXAMPLES / group).iterdir() if path.suffix != ".txt"
        ]
    expected = [path.relative_to(EXAMPLES).as_posix() for path in (*files, *folders)]
    names = [name for names in listed().values() for name in names]
    assert sorted(names) == sorted(
        each for each in expected if "__pycache__" not in each
    )


def test_what_runs_programs_runs_all_of_them() -> None:
    run = {path.name for path in test_documents.EXAMPLES}
    assert run == set(listed()["tests/test_documents.py"])
    folders = {
        f"moving/{path.partition('/')[0]}" for path in test_moving_examples.PROGRAMS
    }
    assert folders == set(listed()["tests/test_moving_examples.py"])


@pytest.mark.parametrize("name", listed()["tests/embedding"])
def test_each_server_has_its_check(name: str) -> None:
    checks = (ROOT / "tests" / "embedding").glob("check_*.py")
    folder = name.rpartition("/")[2]
    assert any(f'"{folder}' in path.read_text() for path in checks), name


@pytest.mark.parametrize("place", sorted(listed()))
def test_what_runs_examples_exists_and_names_them(place: str) -> None:
    if place.startswith(".ci") and not (ROOT / place).exists():
        pytest.skip("an sdist has no .ci")
    assert (ROOT / place).exists()
    if place == ".ci/run":
        assert all(
            f"examples/{name}" in (ROOT / place).read_text() for name in listed()[place]
        )
    if place == "tests/cli/test_live_recordings.py":
        assert all(name in (ROOT / place).read_text() for name in listed()[place])


def test_all_notebooks_are_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "jupyter"))
    stored = pytest.importorskip("stored")
    names = {f"notebooks/{path.name}" for path in stored.NOTEBOOKS}
    assert names == set(listed()["tests/jupyter/test_example_notebooks.py"])
