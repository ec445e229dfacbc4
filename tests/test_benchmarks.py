"""The benchmarks run, notice what a client loses, and find what they time."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="the benchmarks are for Unix")

pytestmark = pytest.mark.once
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
try:
    import account_frames
    import dataframe_columns
    import exchange
    import micro
    import notebook_views
    import order_stages
    import orders
    import run
    from entries import PEERS
    from processes import Arena, Failure, Job, check
    from report import MARK
    from rows import Rows
    from tables import ratio
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


def test_the_account_is_compared_update_by_update(tmp_path):
    arena = Arena(ThisPython(tmp_path), tmp_path / "unused.pem", {"": ROOT})
    try:
        result = arena.run("bfxsync", JOB._replace(flood="account"))
    finally:
        arena.close()
    assert result["count"] == JOB.frames and [*result["kept"]] == ["account"]


def test_every_measured_order_is_one_of_the_exchange(tmp_path):
    arena = Arena(ThisPython(tmp_path), tmp_path / "unused.pem", {"": ROOT})
    exchange = orders.start_exchange(arena)
    try:
        for name in ("floor-orders", "bfxsync"):
            found = orders.run(arena, exchange, name, 5)
            assert found["p99_us"] >= found["p50_us"] > 0 and found["cpu_us"] > 0
        exchange.counts = lambda: {"orders": 34, "open": 1}
        with pytest.raises(Failure, match="not every one of 35 orders"):
            orders.run(arena, exchange, "floor-orders", 5)
    finally:
        exchange.close()


@pytest.mark.parametrize("name, module, owner, method", micro.STAGES)
def test_the_timed_stages_exist(name, module, owner, method):
    assert callable(getattr(getattr(importlib.import_module(module), owner), method))


def test_every_frame_of_the_account_is_delivered():
    for _, decode, whole in account_frames.table(1_000):
        assert 0 < float(decode) < float(whole)


def test_an_order_passes_every_stage():
    *stages, (_, together) = order_stages.table(5)
    assert len(stages) == 8 and float(together) > max(float(cost) for _, cost in stages)


class Quiet:
    """Stands for the exchange's process."""

    address = {"ws": "", "rest": ""}

    def __init__(self, *_):
        pass

    close = __init__


@pytest.mark.parametrize("ratio, status", [(0.049, 0), (0.051, 1)])
def test_a_board_that_costs_too_much_fails(monkeypatch, capsys, ratio, status):
    monkeypatch.setattr(notebook_views, "ServerProcess", Quiet)
    found = {notebook_views.VIEWS[notebook_views.BOARD]: (ratio, 2.0)}
    measure = lambda address, code, seconds: found.get(code, (0.5, 5.0))  # noqa: E731
    monkeypatch.setattr(notebook_views, "measure", measure)
    assert notebook_views.main([]) == status
    assert f"{notebook_views.BOARD:40} {ratio:6.1%}" in capsys.readouterr().out


ROWS = Rows(None, run.FULL, has_base=False, is_quick=False).all()


def figures_of(rounds):
    """Return figures of all rows in which the second entry costs twice as much as the first."""
    return {
        row.name: {
            entry.label: [
                dict.fromkeys(UNITS, float(place)) for _ in range(min(rounds, 9))
            ]
            for place, entry in enumerate(row.entries, 1)
        }
        for row in ROWS
    }


UNITS = [
    *("CPU µs", "p50 µs", "CPU ms", "MB", "CPU %", "first ms", "round trips"),
    *("CPU µs, ticker", "CPU µs, 25 mixed"),
]


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "performance.rst"
    path.write_text(f"Text of a person.\n\n{MARK}\nold tables\n", encoding="utf-8")
    return path


def kept(path, results):
    run.save(path, ["CPython", f"command: {path.name}"], results)
    return str(path)


def test_several_complete_runs_are_written_together(page, tmp_path, capsys):
    files = [kept(tmp_path / f"{n}.json", figures_of(9)) for n in "ab"]
    assert run.main(["--from", *files, "--write", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"Text of a person.\n\n{MARK}\n- 2 runs\n- CPython\n")
    assert "old tables" not in text and text.count("- CPython\n") == 1
    (line,) = [each for each in text.split("\n") if each.startswith("ticker, × floor")]
    assert line.split()[3:] == ["2.00", "2.00", "2.00", "2.00", "≤", "1.5"]


@pytest.mark.parametrize("label", ["floor-callback", "bfxsync", "bitfinex-api-py"])
def test_an_incomplete_run_leaves_the_page_unchanged(page, tmp_path, capsys, label):
    results = figures_of(9)
    results["book"][label].pop()
    before, file = page.read_bytes(), kept(tmp_path / "a.json", results)
    assert run.main(["--from", file, "--write", str(page)]) == 1
    assert page.read_bytes() == before
    assert f"book: 8 of 9 rounds of {label}" in capsys.readouterr().err


def test_other_clients_may_be_missing(page, tmp_path, capsys):
    results = figures_of(9)
    for entries in results.values():
        for peer in PEERS:
            entries.pop(peer, None)
    file = kept(tmp_path / "a.json", results)
    assert run.main(["--from", file, "--write", str(page)]) == 0
    assert "ccxt" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["--write", "--quick"], "a complete run, without --quick"),
        (["--write", "--rows", "book"], "a complete run, without --rows"),
        (["--write", "--rounds", "3"], "a complete run, without --rounds"),
        (["--write", "--frames", "10"], "a complete run, without --frames"),
        (["--write", "setup.cfg"], "has no line"),
        (["--write", "missing.rst"], "No such file"),
        (["--from", "a.json", "--quick"], "--quick has no meaning"),
        (["--resume"], "--resume needs --json FILE"),
    ],
    ids=" ".join,
)
def test_a_page_is_refused_before_anything_is_measured(
    monkeypatch, capsys, arguments, complaint
):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit):
        run.parse(arguments)
    assert complaint in capsys.readouterr().err


def test_ratios_compare_figures_of_the_same_round():
    one = {
        "book": {"a": [{"CPU": 2.0}, {"CPU": 9.0}], "b": [{"CPU": 1.0}, {"CPU": 3.0}]}
    }
    two = {"book": {"a": [{"CPU": 8.0}], "b": [{"CPU": 2.0}, {"CPU": 1.0}]}}
    assert ratio([one, two], "book", "a", "b", "CPU") == (3.0, [2.5, 4.0], 2.0)
    assert ratio([one], "book", "a", "c", "CPU") is None


class Failing:
    """Stands for an entry's measurement."""

    def __init__(self, *rounds):
        self.rounds = list(rounds)

    def __call__(self, contestant):
        found = self.rounds.pop(0)
        if found is None:
            raise run.Failure("it has lost updates")
        return {"CPU": found}


def test_a_failing_client_leaves_only_its_entry_out(capsys):
    entries = [
        run.Entry("floor-callback", "floor-callback", Failing(1.0, 1.0)),
        run.Entry("ccxt", "ccxt", Failing(1.0, None)),
    ]
    table = run.Table(2)
    table.measure(run.Row("book", "a book", entries))
    assert list(table.good()["book"]) == ["floor-callback"]
    assert "ccxt in row book: it has lost updates" in capsys.readouterr().err


def test_a_loss_of_bfxsync_spoils_the_row(capsys):
    entries = [
        run.Entry("floor-callback", "floor-callback", Failing(1.0, 1.0)),
        run.Entry("bfxsync", "bfxsync", Failing(1.0, None)),
    ]
    table = run.Table(2)
    table.measure(run.Row("book", "a book", entries))
    assert table.good() == {}


def test_other_clients_take_part_in_fewer_rounds():
    floor, other = Failing(*[1.0] * 9), Failing(*[1.0] * 3)
    entries = [
        run.Entry("floor-callback", "floor-callback", floor),
        run.Entry("ccxt", "ccxt", other),
    ]
    run.Table(9).measure(run.Row("book", "a book", entries))
    assert not floor.rounds and not other.rounds


def test_the_local_exchange_is_measured():
    measured = exchange.match_orders(20)
    assert measured.number == 20 and measured.cpu_s > 0
    measured = exchange.send_updates(200)
    assert measured.number >= 200 and measured.wall_s > 0


def test_columns_of_a_frame_are_measured():
    found = dataframe_columns.measure(100, rounds=1)
    assert set(found) >= {"DataFrame", "Arrow", "sink .csv"}
