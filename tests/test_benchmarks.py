"""The benchmarks run, notice what a client loses, and find what they time."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="the benchmarks are for Unix")

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
try:
    import micro
    from processes import Arena, Job, check
    from traffic import Traffic
finally:
    sys.path.remove(str(ROOT / "benchmarks"))

JOB = Job("mixed", 300, mode="check", timeout_s=30)


class ThisPython:
    """Stands for the environments: everything runs with this Python."""

    def __init__(self, folder):
        self.folder = folder

    def python(self, name):
        return Path(sys.executable)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmarks")
    arena = Arena(ThisPython(folder), folder / "unused.pem", {"": ROOT})
    try:
        yield arena.run("bfxsync", JOB)
    finally:
        arena.close()


@pytest.fixture(scope="module")
def sent():
    traffic = Traffic(JOB.flood, JOB.frames)
    books = {
        symbol: [[*level] for level in levels]
        for symbol, levels in traffic.books.items()
    }
    return {"sent": JOB.frames, "books": books, "expected": traffic.expected()}


def test_a_contestant_receives_what_was_sent(result, sent):
    assert result["count"] == JOB.frames
    assert check("bfxsync", JOB, sent, result) is None


def without_one(kept):
    key = next(iter(kept))
    return {**kept, key: kept[key][1:]}


def with_another(books):
    symbol = next(iter(books))
    return {**books, symbol: [*books[symbol][1:], [1.0, 1.0]]}


@pytest.mark.parametrize(
    "spoil, complaint",
    [
        (lambda it: {"count": it["count"] - 1}, "299 of 300 updates"),
        (lambda it: {"gaps": 1}, "1 gaps"),
        (lambda it: {"kept": without_one(it["kept"])}, "differ"),
        (lambda it: {"kept": {}}, "no updates of"),
        (lambda it: {"books": with_another(it["books"])}, "a book differs"),
    ],
    ids=["count", "gap", "update", "nothing", "book"],
)
def test_what_a_contestant_loses_is_noticed(result, sent, spoil, complaint):
    found = check("bfxsync", JOB, sent, {**result, **spoil(result)})
    assert found is not None and complaint in found


@pytest.mark.parametrize("name, module, owner, method", micro.STAGES)
def test_the_timed_stages_exist(name, module, owner, method):
    assert callable(getattr(getattr(importlib.import_module(module), owner), method))
