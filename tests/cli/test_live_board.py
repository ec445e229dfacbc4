"""``bfxsync board``: what is drawn at each size, the keys, and plain lines."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from decimal import Decimal
from typing import Any, Callable, Iterator

import attrs
import pytest
from command_line import run
from patience import at_most

from bfxsync import BookUpdate, Candle, Ticker, Trade
from bfxsync.cli.live.board_data import BoardData, BoardView
from bfxsync.cli.live.board_screen import draw
from bfxsync.cli.live.keys import NEXT, PREVIOUS, QUIT, names_of
from bfxsync.paper import PaperExchange

D = Decimal
MTS = 1542045996000
NUMBER = re.compile(r"(?<![\w.,:])[\d,]+(?:\.\d+)?(?![\w:.,]|-\d)")


def level(price: int, amount: str) -> BookUpdate:
    return BookUpdate(D(price), 1, D(amount), symbol="tBTCUSD", server_mts=MTS)


TICKER = Ticker(
    *map(D, "64261 9 64262 8 -120 -0.0123 64262 1234.5 65000 63000".split())
)

VIEW = BoardView(
    mts=MTS,
    host="local exchange",
    status="open",
    symbols=["tBTCUSD", "tETHUSD"],
    selected="tBTCUSD",
    tickers={"tBTCUSD": TICKER},
    timeframe="1h",
    is_live=True,
    bids=[level(64261 - n, f"{n}.0342") for n in range(25)],
    asks=[level(64262 + n, f"-{n}.7232") for n in range(25)],
    trades=[Trade(n, MTS, D("-0.51"), D(64262)) for n in range(60)],
    candles=[
        Candle(MTS + n * 3_600_000, *map(D, (64200 + n, 64201 + n, 64262, 64100, 5)))
        for n in range(100)
    ],
)


def texts(view: BoardView, width: int, height: int) -> list[str]:
    return [row.plain for row in draw(view, width, height)]


def order(**fields: Any) -> Any:
    class Row:
        id = 1
        symbol = "tBTCUSD"
        amount = amount_orig = D("0.01")
        price = D(30000)
        order_type = "EXCHANGE LIMIT"

    row = Row()
    for name, value in fields.items():
        setattr(row, name, value)
    return row


@pytest.mark.parametrize("width", [1, 8, 20, 30, 52, 66, 67, 80, 120, 200])
def test_the_board_fits_every_size_without_cutting_numbers(width: int) -> None:
    known = {
        *(f"{64262 + n:,}" for n in range(-170, 60)),
        *"65,000 63,000 1,234.5 0.51 0.01 30,000 1.23 24 1 2".split(),
        *map(str, range(12, 17)),  # of November
    }
    amounts = re.compile(r"\d+\.\d{4}")
    for height in (1, 2, 3, 6, 8, 12, 15, 24, 40, 60):
        for orders in (None, [order()]):
            rows = texts(attrs.evolve(VIEW, orders=orders), width, height)
            assert [len(row) for row in rows] == [width] * height
            for number in NUMBER.findall("\n".join(rows[1:-1])):
                assert number in known or amounts.fullmatch(number), (
                    width,
                    height,
                    number,
                )


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
def test_a_usual_terminal_has_every_part(size: tuple[int, int]) -> None:
    text = "\n".join(texts(attrs.evolve(VIEW, orders=[order(), order(id=2)]), *size))
    for part in (
        "bfxsync board  as of 18:06:36 UTC",
        "local exchange",
        "1 tBTCUSD  64,262  -1.23%",
        "2 tETHUSD       -",
        "╭─ tBTCUSD 1h ─",
        "╭─ book ─",
        "spread 1",
        "╭─ trades ─",
        "64,262  0.51  sell  18:06:36",
        "╭─ my orders ─",
        "buy   0.01  tBTCUSD  30,000",
        " q quit   tab next symbol   1-2 symbol",
    ):
        assert part in text


def test_what_may_be_outdated_says_so() -> None:
    late = attrs.evolve(
        VIEW, status="reconnecting", is_live=False, orders=[], are_orders_live=False
    )
    rows = texts(late, 80, 24)
    assert "RECONNECTING" in rows[0]
    text = "\n".join(rows)
    assert "book STALE " in text and "my orders STALE " in text
    assert "STALE" in "\n".join(texts(late, 40, 12))


def test_without_a_key_trades_have_the_whole_width() -> None:
    rows = texts(VIEW, 80, 24)
    assert not [row for row in rows if "my orders" in row]
    assert [len(row) for row in rows if "trades" in row] == [80]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("q", [QUIT]),
        ("\t\t", [NEXT, NEXT]),
        ("\x1b[Z\x1b[C\x1b[D", [PREVIOUS, NEXT, PREVIOUS]),
        ("12x\x1b[15~3", ["1", "2", "3"]),
        ("\x1b", []),
        ("\x1b[", []),
        ("é²", []),
    ],
    ids=repr,
)
def test_keys_have_names(text: str, names: list[str]) -> None:
    assert names_of(text) == names


# --- with the local exchange ------------------------------------------------------------------


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(rate=200, ticker_s=0.05) as exchange:
        with exchange.client() as bfx:
            bfx.rest.auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.01", "30000")
        yield exchange


def until(condition: Callable[[], Any]) -> None:
    changed = threading.Event()
    for _ in range(500):
        if condition():
            return
        changed.wait(at_most(0.02))
    raise AssertionError("it did not happen")


def test_data_of_the_selected_symbol_arrives(exchange: PaperExchange) -> None:
    with exchange.client(numbers=Decimal) as bfx:
        data = BoardData(bfx, ["BTC/USD", "fUSD", "tBTCUSD"], "1m", "", has_key=True)
        assert data.symbols == ["tBTCUSD", "fUSD"]
        until(lambda: data.view().candles and data.view().trades and data.view().orders)
        until(lambda: data.view().is_live and data.view().are_orders_live)
        view = data.view()
        assert len(view.bids) == len(view.asks) == 25 and len(view.candles) > 30
        times = [trade.mts for trade in view.trades]
        assert times == sorted(times, reverse=True)
        assert [own.price for own in view.orders or ()] == [30000]
        first = view.trades[0]
        until(lambda: data.view().trades[0] is not first)
        data.move(-1)
        assert data.selected == "fUSD"
        until(lambda: data.view().bids and data.view().candles)
        data.move(1)
        # At once, as it stays subscribed.
        assert data.selected == "tBTCUSD" and data.view().candles


@pytest.fixture
def here(exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in exchange.environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("here")
def test_a_pipe_gets_tickers_trades_and_orders() -> None:
    ended = run("board BTC/USD --seconds 0.5")
    assert (ended.code, ended.err) == (0, "")
    assert re.search(r"^[\d:]+  tBTCUSD  \d+  [+-].*  bid \d+", ended.out, re.MULTILINE)
    assert re.search(
        r"^[\d:]+  tBTCUSD  order \d+: EXCHANGE LIMIT buy 0.01 at 30000, ACTIVE$",
        ended.out,
        re.MULTILINE,
    )
    assert ended.out.isascii()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("board tBTCUSX", "did you mean 'tBTCUST' or 'tBTCUSD'?"),
        (f"board{' tBTCUSD' * 10}", "9 symbols at most, not 10"),
    ],
)
@pytest.mark.usefixtures("here")
def test_wrong_symbols_are_one_line(line: str, said: str) -> None:
    ended = run(line)
    assert ended.code == 2 and said in ended.err and ended.err.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="terminals")
def test_keys_a_resize_and_the_end_in_a_terminal(exchange: PaperExchange) -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    resize(theirs, 24, 80)
    before = termios.tcgetattr(theirs)
    environment = {**os.environ, **exchange.environment, "TERM": "xterm-256color"}
    environment["PYTHONIOENCODING"] = "utf-8"
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        environment.pop(name, None)
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "bfxsync",
        "board",
        "BTC/USD",
        "tETHUSD",
    ]
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )
    try:
        screen = Screen(ours)
        screen.wait_for("tBTCUSD 1m", "my orders", "spread")
        os.write(ours, b"\t")
        screen.wait_for("tETHUSD 1m", "╮\x1b")
        resize(theirs, 10, 40)
        process.send_signal(signal.SIGWINCH)
        screen.wait_for("╭─\x1b[0m\x1b[1m tETHUSD \x1b[0m")
        os.write(ours, b"q")
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, "")
        screen.wait_for("\x1b[?1049l")
        assert termios.tcgetattr(theirs) == before
    finally:
        process.kill()
        process.wait()
        os.close(theirs)
        os.close(ours)


def resize(descriptor: int, lines: int, columns: int) -> None:
    import fcntl
    import struct
    import termios

    fcntl.ioctl(
        descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0)
    )


class Screen:
    """What a terminal gets, since the last time that something was waited for."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def wait_for(self, *parts: str) -> None:
        text = ""
        while not all(part in text for part in parts):
            text += os.read(self._descriptor, 65536).decode("utf-8", "replace")
