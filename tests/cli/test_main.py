from __future__ import annotations

import os
import re
import sys
from typing import Any, Callable

import pytest

from bfxsync import NetworkError, NotExecuted, __version__
from bfxsync.cli import demo, shared
from bfxsync.cli.main import main
from bfxsync.paper import PaperExchange

Output = pytest.CaptureFixture[str]


def table(text: str) -> dict[str, list[str]]:
    """The lines of a summary, by channel or kind of latency."""
    pattern = r"(tBTCUSD \w+|tETHUSD \w+|all|ping and pong|I/O to callback) +(.*)"
    rows = (re.fullmatch(pattern, line) for line in text.splitlines())
    return {row[1]: row[2].split() for row in rows if row is not None}


def test_without_a_command_there_is_help(capsys: Output) -> None:
    assert main([]) == 0
    assert "demo" in capsys.readouterr().out


def test_the_version(capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"bfxsync {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["dem"],
        ["demo", "--fast"],
        ["demo", "--recorded", "--live"],
        ["demo", "--seconds", "soon"],
        ["demo", "--seconds", "0.9"],
        ["demo", "--seconds", "nan"],
        ["demo", "--seconds", "inf"],
        ["demo", "--seconds", "86401"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_code_2(arguments: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert arguments[-1] in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, line",
    [
        ("order", "bfxsync order: Missing command (see bfxsync order --help)"),
        ("history", "bfxsync history: Missing command (see bfxsync history --help)"),
        ("rest", "bfxsync rest: Missing command (see bfxsync rest --help)"),
        (
            "order submit",
            "bfxsync order submit: Missing argument 'buy|sell'. Choose from: buy, sell"
            " (see bfxsync order submit --help)",
        ),
    ],
)
def test_missing_words_are_one_line(arguments: str, line: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments.split())
    assert caught.value.code == 2
    assert capsys.readouterr() == ("", f"{line}\n")


@pytest.mark.parametrize(
    "name, rest",
    [
        ("order submit", "buy 1 fUSD --market --dry-run"),
        ("rest get_t_ticker", "--symbol USD"),
        ("history trades", "USD --since 1d --out x.csv"),
    ],
)
def test_errors_name_the_whole_command(name: str, rest: str, capsys: Output) -> None:
    assert main([*name.split(), *rest.split()]) == 2
    assert capsys.readouterr().err.startswith(f"bfxsync {name}: symbol must be ")


def test_the_demo_ends_well(capsys: Output) -> None:
    assert main(["demo", "--seconds", "2", "--plain"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.isascii() and "\x1b" not in out and "\r" not in out
    rows = table(out)
    for name in (f"tBTCUSD {channel}" for channel in demo_channels()):
        updates, gaps, *checksums = rows[name]
        assert int(updates.replace(",", "")) > 0
        # The forced disconnect.
        assert gaps == "1"
        if name.endswith("book"):
            verified, _, wrong, _ = checksums
            assert int(verified) > 0 and wrong == "0"
    for name in ("ping and pong", "I/O to callback"):
        percentiles = [float(text) for text in rows[name][-3:]]
        assert percentiles == sorted(percentiles)
    assert len(re.findall(r"^ +\d\.\d s +[\d,]+ frames", out, re.MULTILINE)) >= 4
    assert "All good: " in out
    assert out.endswith("demo --live (the real exchange; no key needed)\n")


def test_the_demo_trades_and_survives_a_disconnect(capsys: Output) -> None:
    assert main(["demo", "--seconds", "1", "--plain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith("before "))
    end = next(at for at, line in enumerate(lines) if line.startswith("after "))
    steps = [line.split() for line in lines[begin : end + 1]]
    assert steps[0] == "before 100,000.00 USD 10.0000 BTC".split()
    assert [step[0] for step in steps if step[0] not in ("filled", "moved")] == (
        "before limit market cut data after".split()
    )
    bought, sold = (step for step in steps if step[0] == "filled")
    assert bought[-1] == "BTC" and sold[-1] == "USD"
    _, usd, _, btc, _ = steps[-1]
    assert float(btc) == pytest.approx(10 + 0.1 * 0.9985 - 0.05, abs=1e-4)
    paid, earned = (0.1 * price(bought[1]), 0.05 * price(sold[1]) * 0.998)
    assert price(usd) == pytest.approx(100_000 - paid + earned, abs=1)


def price(text: str) -> float:
    return float(text.replace(",", ""))


def test_an_order_that_nobody_fills_is_moved(capsys: Output) -> None:
    # Nobody else trades: only a better price fills the order.
    exchange = PaperExchange(rate=1e-3, ticker_s=0.05, checksum_s=0.05)
    with exchange:
        summary = demo.watch(
            exchange.url, {"tBTCUSD": "still"}, 1.0, demo.Lines(1.0), exchange=exchange
        )
        first, second = exchange.account.closed_orders
    texts = [step.text for step in summary.steps]
    assert sum(text.startswith("moved to 64,") for text in texts) == 1
    assert summary.trading_problem is None
    # Also while it waits for the order after that.
    assert len(capsys.readouterr().out.splitlines()) <= 6
    assert (first["amount_orig"], second["amount_orig"]) == (0.1, -0.05)


def test_the_recording_is_played_on_demand(capsys: Output) -> None:
    assert main(["demo", "--seconds", "2", "--plain", "--recorded"]) == 0
    out = capsys.readouterr().out
    assert "tBTCUSD: recorded 2018-11-12, 20x\n" in out
    assert "All good: " in out


def demo_channels() -> tuple[str, ...]:
    return ("ticker", "trades", "book")


@pytest.mark.parametrize(
    "arguments, lacking, said",
    [
        (["--plain"], ["aiohttp"], "aiohttp"),
        ([], ["rich", "aiohttp"], "rich and aiohttp"),
        (["--live"], ["rich", "aiohttp"], "rich"),
    ],
    ids=["plain", "screen", "live"],
)
def test_missing_packages_are_named(
    arguments: list[str],
    lacking: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
) -> None:
    monkeypatch.setattr(shared, "is_terminal", lambda stream: True)
    for name in lacking:
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["demo", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (f'bfxsync demo: {said} missing: pip install "bfxsync[cli,paper]"\n')


def test_without_click_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.delitem(sys.modules, "bfxsync.cli.invoke", raising=False)
    monkeypatch.setitem(sys.modules, "click", None)
    assert main(["demo"]) == 2
    expected = 'bfxsync: click missing: pip install "bfxsync[cli]"\n'
    assert capsys.readouterr() == ("", expected)


def test_live_is_the_host_of_the_library(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    with demo.local_exchange(1.0) as exchange:
        monkeypatch.setattr(demo, "PUB_WSS_HOST", exchange.url)
        monkeypatch.setattr(demo, "PaperExchange", None)
        assert main(["demo", "--seconds", "1", "--plain", "--live"]) == 0
    out = capsys.readouterr().out
    assert f"connecting to {exchange.url}\n" in out
    assert "tBTCUSD: live\n" in out
    program = out.partition("a program of your own:\n\n")[2]
    compile(program, "the next step", "exec")
    assert "with Client() as bfx:" in program


def test_a_refusal_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    with PaperExchange(max_channels=5) as exchange:
        monkeypatch.setattr(demo, "PUB_WSS_HOST", exchange.url)
        assert main(["demo", "--seconds", "1", "--plain", "--live"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("bfxsync demo: ") and err.count("\n") == 1


def raising(
    error: BaseException, cause: BaseException | None = None
) -> Callable[..., Any]:
    def run(*_: object, **__: object) -> None:
        raise error from cause

    return run


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("not connected within 10 s", "not connected within 10 s (no route to host)"),
        ("not connected: no route to host", "not connected: no route to host"),
    ],
)
def test_an_error_is_told_with_its_cause_once(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, text: str, line: str
) -> None:
    error = NetworkError(text, phase="connect")
    monkeypatch.setattr(demo, "run", raising(error, OSError("no route to host")))
    assert main(["demo", "--plain"]) == 1
    assert capsys.readouterr().err == f"bfxsync demo: {line}\n"


def test_an_error_of_requests_is_told_once(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setenv("BFX_REST_HOST", "http://127.0.0.1:1")
    assert main(["rest", "get_platform_status"]) == 4
    err = capsys.readouterr().err
    assert err.count("refused") == 1 and err.count("\n") == 1
    assert err.endswith("; bfxsync doctor checks the connection; --paper needs none\n")


def test_a_write_without_trace_is_no_matter_of_the_network(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    error = NotExecuted("no trace", phase="receive", proof="absent")
    monkeypatch.setattr(demo, "run", raising(error))
    assert main(["demo", "--plain"]) == 1
    assert "doctor" not in capsys.readouterr().err


needs_full_disk = pytest.mark.skipif(
    not os.path.exists("/dev/full"), reason="a device that is always full"
)


@needs_full_disk
@pytest.mark.parametrize("arguments", ["--help", "rest --help", "doctor --paper"])
def test_a_full_disk_is_one_line(
    arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert main(arguments.split()) == 1
    err = capsys.readouterr().err
    assert err.endswith(": cannot write the output: No space left on device\n")
    assert err.count("\n") == 1


def test_an_early_interrupt_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setattr(demo, "run", raising(KeyboardInterrupt()))
    assert main(["demo", "--plain"]) == 130
    assert capsys.readouterr() == ("", "")


def test_problems_are_one_line_and_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    # Nothing ever happens there, so nothing can be verified either.
    with PaperExchange(rate=0.001, checksum_s=1000.0) as exchange:
        monkeypatch.setattr(demo, "PUB_WSS_HOST", exchange.url)
        assert main(["demo", "--seconds", "1", "--plain", "--live"]) == 1
    out, err = capsys.readouterr()
    assert "Problems: 2." in out
    assert re.fullmatch(
        r"bfxsync demo: no update of tBTCUSD trades, tBTCUSD book, tETHUSD trades,"
        r" tETHUSD book in 1\.\d s \(a quiet market may need more --seconds\);"
        r" no verified checksum of tBTCUSD book, tETHUSD book\n",
        err,
    )
