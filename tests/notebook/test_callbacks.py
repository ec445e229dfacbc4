"""Callbacks belong to the cell that registered them, and so do their errors."""

from __future__ import annotations

import decimal
import logging
import threading
from contextvars import ContextVar

import pytest

from bfxsync import Client, UsageError
from bfxsync._base import cells as base
from bfxsync.notebook.cells import CELLS

CELL: ContextVar[str] = ContextVar("CELL", default="none")
"""Stands for the cell that output is sent to, as in IPython's kernel."""


@pytest.fixture
def bfx(interactive_shell, exchange):
    CELLS.watch(interactive_shell)
    CELL.set("first")
    with Client(
        exchange.account.api_key,
        exchange.account.api_secret,
        wss_host=exchange.url,
        rest_host=exchange.rest_url,
        on_error=lambda error: seen.append(("on_error", CELL.get())),
    ) as client:
        seen = client.seen = []
        yield client
    CELLS.unwatch()


def wait(bfx, condition):
    bfx.wss.wait_for(lambda: condition(), 10)


def test_every_callback_belongs_to_its_cell(bfx):
    done = threading.Event()
    seen = bfx.seen

    def note(name):
        return lambda *items: seen.append((name, CELL.get()))

    CELL.set("second")
    bfx.wss.on("t_trade_execution", note("handler"))
    CELL.set("third")
    bfx.wss.subscribe_trades("tBTCUSD", note("callback"), on_event=note("event"))
    bfx.wss.subscribe_many(
        [{"channel": "book", "symbol": "tBTCUSD", "callback": note("many")}]
    )
    bfx.candles("tBTCUSD", since=1, until=2, callback=note("no"), on_event=note("no"))
    past = bfx.trades("tBTCUSD", since=1, callback=note("history"))
    CELL.set("fourth")
    bfx.wss.send_ping(note("ping"))
    bfx.wss.inputs.calc("balance").add_done_callback(note("reply"))
    CELL.set("fifth")
    names = {"handler", "callback", "event", "many", "history", "ping", "reply"}
    wait(bfx, lambda: names <= {name for name, _ in seen})
    past.close()
    done.set()
    assert {name: cell for name, cell in seen if name in names} == {
        "handler": "second",
        "callback": "third",
        "event": "third",
        "many": "third",
        "history": "third",
        "ping": "fourth",
        "reply": "fourth",
    }


def test_callbacks_of_an_order_belong_to_its_cell(bfx):
    seen = bfx.seen
    CELL.set("second")
    bfx.wss.inputs.submit_order(
        type="EXCHANGE MARKET",
        symbol="tBTCUSD",
        amount="0.01",
        on_fill=lambda trade: seen.append(("fill", CELL.get())),
        on_done=lambda reply: seen.append(("done", CELL.get())),
    )
    CELL.set("third")
    wait(bfx, lambda: ("done", "second") in seen and ("fill", "second") in seen)


class CellLog(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append((record.getMessage(), CELL.get()))


def test_errors_are_logged_in_the_cell_of_the_callback(bfx):
    log = CellLog()
    logging.getLogger("bfxsync").addHandler(log)
    try:
        CELL.set("second")
        bfx.wss.subscribe_trades("tBTCUSD", lambda trade: 1 / 0)
        CELL.set("third")
        bfx.wss.on("t_trade_execution", lambda sub, trade: [][0])
        bfx.wss.inputs.calc("balance").add_done_callback(lambda reply: {}["x"])
        CELL.set("fourth")
        wait(bfx, lambda: len(log.lines) >= 3)
        assert sorted(log.lines) == [
            ("a callback of an event of trades tBTCUSD raised", "third"),
            ("a callback of calc raised", "third"),
            ("a callback of trades tBTCUSD raised", "second"),
        ]
        # It belongs to the cell of the client.
        wait(bfx, lambda: len(bfx.seen) >= 3)
        assert set(bfx.seen) == {("on_error", "first")}
    finally:
        logging.getLogger("bfxsync").removeHandler(log)


def test_a_line_after_the_next_cell_counts_errors(notebook, caplog):
    notebook.run("%load_ext bfxsync\nbfx = bfxsync.Client(wss_host=url)")
    assert notebook.run("1") == ""
    notebook.run("sub = bfx.wss.subscribe_trades('tBTCUSD', lambda trade: trade.nope)")
    notebook["bfx"].wss.wait_for(lambda: notebook["sub"].error_count, 10)
    line = notebook.run("sub.unsubscribe()")
    assert line.startswith("bfxsync: ") and line.count("\n") == 1
    assert (
        "trades tBTCUSD: AttributeError: 'Trade' object has no attribute 'nope'" in line
    )
    notebook["bfx"].close()
    notebook.run("2")
    assert notebook.run("3") == ""


def test_the_end_of_a_client_is_told_after_the_next_cell(notebook, caplog):
    ended = threading.Event()
    notebook.shell.user_ns["end"] = lambda error: ended.set()
    notebook.run(
        "bfx = bfxsync.notebook.client(api_key='paper-a', api_secret='paper-b', wss_host=url)\n"
        "bfx.wss.on('fatal', end)\nbfx.wss.authenticate()"
    )
    assert ended.wait(10)
    assert "the client has ended: AuthError" in notebook.run("1")


def test_a_callback_has_a_decimal_context_of_its_own(bfx):
    before = decimal.getcontext().prec
    changed = threading.Event()

    def change(trade):
        decimal.getcontext().prec = 3
        changed.set()

    bfx.wss.subscribe_trades("tBTCUSD", change)
    assert changed.wait(10)
    assert decimal.getcontext().prec == before


def test_a_handler_can_still_be_removed_by_its_function(bfx):
    def handler(*items):
        pass

    bfx.wss.on("disconnected", handler)
    bfx.wss.off("disconnected", handler)
    with pytest.raises(UsageError, match="is not registered"):
        bfx.wss.off("disconnected", handler)
    assert repr(base.in_cell(handler)) == repr(handler)


def test_an_extra_argument_reaches_a_handler_in_a_cell(bfx):
    got = []
    bfx.wss.on(
        "disconnected", lambda code, reason, will_reconnect: got.append(will_reconnect)
    )
    bfx.wss.on("disconnected", lambda code, reason: got.append(code))
    bfx.wss.wait_ready()
    bfx.wss.close()
    assert set(got) == {False, 1000}


def test_calls_may_be_nested_and_concurrent(bfx):
    depth = []

    def function(level):
        depth.append(level)
        if level:
            wrapped(level - 1)

    wrapped = base.in_cell(function)
    wrapped(3)
    assert depth == [3, 2, 1, 0]


def test_an_interrupted_run_keeps_the_client(bfx, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("bfxsync.ws.waiting.wait_stopped", interrupt)
    sub = bfx.wss.subscribe_ticker("tBTCUSD")
    with pytest.raises(KeyboardInterrupt):
        bfx.wss.run()
    assert sub.is_active
    CELLS.unwatch()
    monkeypatch.setattr(base, "shell", lambda: None)
    with pytest.raises(KeyboardInterrupt):
        bfx.wss.run()
    assert not sub.is_active
