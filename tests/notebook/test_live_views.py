"""Live views on the local exchange, in a shell of IPython that passes for a kernel."""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from functools import partial

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from patience import at_most

import bfxsync
from bfxsync import (
    Backoff,
    Candle,
    CandleSubscription,
    ClosedError,
    SubscriptionRejected,
    UsageError,
)
from bfxsync.notebook import Picture, live_view, views


class Screen(CapturingDisplayPublisher):
    """What a front end shows: the latest picture of each display, by its id."""

    def shown(self):
        latest = {}
        for item in self.outputs:
            assert set(item["data"]) <= {"text/html", "text/plain"}
            if not item["transient"]:
                continue
            latest[item["transient"]["display_id"]] = item["data"]
        return [data["text/plain"] for data in latest.values()]

    @property
    def counts(self):
        found = {}
        for item in self.outputs:
            name = item["transient"]["display_id"]
            assert item["update"] is (name in found)
            found[name] = found.get(name, 0) + 1
        return list(found.values())

    def wait(self, condition):
        deadline = time.monotonic() + at_most(10)
        while not condition(self.shown()):
            assert time.monotonic() < deadline, self.shown()
            threading.Event().wait(0.01)


@pytest.fixture
def screen(notebook):
    shell = notebook.shell
    before, shell.display_pub = shell.display_pub, Screen()
    # What distinguishes a kernel.
    shell.kernel = object()
    yield shell.display_pub
    del shell.kernel
    shell.display_pub = before
    assert not [
        each.name
        for each in threading.enumerate()
        if each.name.startswith("bfxsync-view") and not ended(each)
    ]


def ended(thread):
    thread.join(at_most(2))
    return not thread.is_alive()


@pytest.fixture
def bfx(screen, notebook, exchange):
    with exchange.client() as bfx:
        notebook.shell.user_ns["bfx"] = bfx
        yield bfx


def test_a_book_is_drawn_again_as_it_changes(notebook, screen, bfx):
    notebook.run("view = bfx.wss.subscribe_book('tBTCUSD').show()")
    view = notebook["view"]
    screen.wait(lambda shown: screen.counts[0] > 3)
    (text,) = screen.shown()
    assert text.startswith("tBTCUSD P0: bid 6") and "as of 20" in text
    assert screen.outputs[0]["data"]["text/html"].count("<img") == 1
    assert repr(view) == "<LiveView book tBTCUSD P0 F0 25: running>"
    view.stop()
    assert view.is_stopped and "stopped" in repr(view)
    (text,) = screen.shown()
    assert text.endswith("UTC · stopped") and repr(view.picture) == text
    count = screen.counts
    view.stop()
    assert screen.counts == count
    assert notebook["view"].picture._repr_html_().startswith("<div><img")


def test_a_view_takes_nothing_from_callback_and_iteration(notebook, screen, bfx):
    notebook.run(
        "got = []\n"
        "one = bfx.wss.subscribe_book('tBTCUSD', got.append)\n"
        "two = bfx.wss.subscribe_book('tBTCUSD')\n"
        "views = one.show(), two.show()\n"
        "first = two.get(10), two.get(10)"
    )
    screen.wait(lambda shown: screen.counts[0] > 1 and screen.counts[1] > 1)
    assert notebook["got"]
    notebook["views"][0].stop()
    assert [view.is_stopped for view in notebook["views"]] == [True, False]
    assert notebook["one"].is_active and notebook["two"].is_active


def test_candles_are_shown_and_readable(notebook, screen, bfx):
    notebook.run(
        "sub = bfx.wss.subscribe_candles('tBTCUSD', '1m')\nview = sub.show(count=5)"
    )
    sub = notebook["sub"]
    assert isinstance(sub, CandleSubscription)
    assert isinstance(
        bfx.wss.subscribe("candles", key="trade:1m:tBTCUSD"), CandleSubscription
    )
    candles = sub.candles
    assert 1 < len(candles) <= 240 and isinstance(candles[0], Candle)
    assert [each.mts for each in candles] == sorted(each.mts for each in candles)
    candles.clear()
    assert sub.candles
    screen.wait(lambda shown: screen.counts[0] > 1)
    assert screen.shown()[0].startswith("tBTCUSD 1m: O 6")
    assert notebook["view"].picture.html.count("<img") == 1


def test_a_board_has_a_row_for_each_symbol(notebook, screen, bfx):
    notebook.run(
        "board = bfxsync.notebook.board(bfx, 'tBTCUSD', 'tETHUSD', 'fUSD', 'BTC/USD', rate=5)"
    )
    (text,) = screen.shown()
    assert [line.split()[0] for line in text.splitlines()] == [
        "symbol",
        "tBTCUSD",
        "tETHUSD",
        "fUSD",
        "as",
    ]
    # With their sparklines.
    assert notebook["board"].picture.html.count("<img") == 3
    subscribers = bfx.wss._core.placement.subscribers
    assert len(subscribers()) == 6
    notebook["board"].stop()
    assert subscribers() == []


def test_orders_and_fills_are_shown(notebook, screen, bfx, exchange):
    order = dict(symbol="tBTCUSD", amount="0.01")
    with exchange.client() as earlier:
        submit = earlier.wss.inputs.submit_order
        submit(type="EXCHANGE MARKET", **order).result(at_most(10))
    notebook.run("view = bfxsync.notebook.orders(bfx, rate=5)")
    # Of before this client.
    (text,) = screen.shown()
    assert "Open orders: none" in text and "Fills: " in text and "taker" in text
    submit = bfx.wss.inputs.submit_order
    placed = submit(type="EXCHANGE LIMIT", price="30000", **order).result(at_most(10))
    screen.wait(
        lambda shown: "Open orders: 1" in shown[0] and str(placed.id) in shown[0]
    )
    filled = submit(type="EXCHANGE MARKET", **order).result(at_most(10))
    screen.wait(lambda shown: str(filled.id) in shown[0])
    bfx.rest.auth.cancel_all_orders()
    screen.wait(lambda shown: "Open orders: none" in shown[0])


def test_fills_that_cannot_be_read_are_named(notebook, screen, exchange):
    lost = exchange.inject("lost_request", path="auth/r/trades/hist", times=None)
    with exchange.client(rest_timeout=0.3) as bfx:
        notebook.shell.user_ns["bfx"] = bfx
        notebook.run("view = bfxsync.notebook.orders(bfx)")
        exchange.clear_faults()
        assert lost.count and "Fills: none" in screen.shown()[0]
        assert "fills from before the connection are unknown: " in screen.shown()[0]


def test_the_same_subscription_is_shown_once_in_a_cell(notebook, screen, bfx):
    notebook.run(
        "sub = bfx.wss.subscribe_book('tBTCUSD')\nviews = [sub.show(), sub.show(levels=5)]"
    )
    notebook.run("views.append(sub.show())")
    assert [view.is_stopped for view in notebook["views"]] == [True, False, False]
    # The client goes on.
    screen.wait(lambda shown: shown[0].endswith("UTC · stopped"))


def test_a_cell_that_is_run_again_stops_its_views(notebook, screen, bfx):
    notebook.run("%load_ext bfxsync")
    notebook.run("sub = bfx.wss.subscribe_book('tBTCUSD')\nviews = []")
    notebook.run("views.append(sub.show())", "a")
    notebook.run("views.append(sub.show())", "b")
    notebook.run("views.append(sub.show())", "a")
    assert [view.is_stopped for view in notebook["views"]] == [True, False, False]
    assert [text.endswith("stopped") for text in screen.shown()] == [True, False, False]


@pytest.mark.parametrize(
    "ending, reason",
    [
        ("bfx.close()", "the client is closed"),
        ("sub.unsubscribe()", "unsubscribed"),
    ],
)
def test_a_view_ends_with_its_data(notebook, screen, bfx, ending, reason):
    notebook.run("sub = bfx.wss.subscribe_book('tBTCUSD')\nview = sub.show()")
    notebook.run(ending)
    screen.wait(lambda shown: shown[0].endswith(f" · stopped: {reason}"))
    # The last picture stays.
    assert screen.shown()[0].startswith("tBTCUSD P0: bid 6")
    with pytest.raises(ClosedError, match=reason):
        notebook["sub"].show()


def test_a_closed_client_ends_its_views_before_it_returns(notebook, screen, bfx):
    notebook.run(
        "views = [bfx.wss.subscribe_candles('tBTCUSD', '1m').show(rate=0.1), "
        "bfxsync.notebook.board(bfx, 'tBTCUSD', rate=0.1)]"
    )
    bfx.close()
    assert all(
        text.endswith("stopped: the client is closed") for text in screen.shown()
    )


def test_an_outage_is_named_beside_the_last_data(notebook, screen, exchange):
    with exchange.client(backoff=Backoff(first_s=0.05, cap_s=0.05)) as bfx:
        notebook.shell.user_ns["bfx"] = bfx
        notebook.run(
            "bfx.wss.subscribe_book('tBTCUSD').show()\n"
            "bfxsync.notebook.board(bfx, 'tBTCUSD', rate=5)\n"
            "bfxsync.notebook.orders(bfx, rate=5)"
        )
        exchange.inject("refuse_handshake", times=None)
        exchange.drop_connections()
        screen.wait(lambda shown: all("reconnecting" in each for each in shown))
        book, board, orders = screen.shown()
        assert book.startswith("tBTCUSD P0: bid 6")
        assert "64," in board.splitlines()[1]
        assert orders.startswith("Open orders: ")
        exchange.clear_faults()
        screen.wait(lambda shown: not any("reconnecting" in each for each in shown))


class Still:
    """A source of a view, whose picture changes as the test says."""

    name = "still"

    def __init__(self, core):
        self.core = core
        self.text = "one"
        self.error = None
        self.draws = self.closed = 0

    def draw(self):
        self.draws += 1
        if self.error is not None:
            raise self.error
        return Picture(self.text, self.text) if self.text else None

    def state(self):
        return ""

    def ending(self):
        return ""

    def close(self):
        self.closed += 1


@pytest.fixture
def still(bfx):
    return Still(bfx.wss._core)


def test_only_what_has_changed_is_sent(still, screen, monkeypatch):
    view = views._show(still, 100.0)
    screen.wait(lambda _: still.draws > 5)
    assert screen.counts == [1]
    still.text = "two"
    screen.wait(lambda shown: shown[0].startswith("two"))
    # Without a picture the last one stays.
    still.text, still.draws = "", 0
    screen.wait(lambda _: still.draws > 5)
    assert screen.counts == [2]
    # After long without a change, the time is renewed.
    monkeypatch.setattr(live_view, "_RENEW_S", 0.1)
    first = screen.shown()[0]
    screen.wait(lambda shown: shown[0] != first)
    assert screen.shown()[0].startswith("two")
    view.stop()
    assert still.closed == 1


def test_a_view_that_fails_says_so(still, screen, caplog):
    view = views._show(still, 100.0)
    still.error = ValueError("broken")
    screen.wait(lambda shown: "stopped: ValueError: broken" in shown[0])
    assert "the view of still failed" in caplog.text
    view.stop()
    assert view.is_stopped and still.closed == 1


def test_a_kernel_that_is_gone_is_no_error(still, screen, monkeypatch, caplog):
    view = views._show(still, 100.0)
    monkeypatch.setattr(Screen, "publish", _raise)
    view.stop()
    assert view.is_stopped and "ERROR" not in caplog.text


def _raise(*arguments, **named):
    raise OSError("no kernel")


def test_views_need_a_notebook(notebook, exchange):
    with exchange.client() as bfx:
        book = bfx.wss.subscribe_book("tBTCUSD")
        for show in (
            book.show,
            bfx.wss.subscribe_candles("tBTCUSD", "1m").show,
            lambda: bfxsync.notebook.board(bfx, "tBTCUSD"),
            lambda: bfxsync.notebook.orders(bfx),
        ):
            with pytest.raises(UsageError, match="needs a notebook"):
                show()
        # Nothing was subscribed to.
        assert len(bfx.wss._core.placement.subscribers()) == 2


def test_an_impossible_rate_is_refused(bfx):
    book = bfx.wss.subscribe_book("tBTCUSD")
    candles = bfx.wss.subscribe_candles("tBTCUSD", "1m")
    for show in (
        book.show,
        candles.show,
        partial(bfxsync.notebook.board, bfx, "tBTCUSD"),
        partial(bfxsync.notebook.orders, bfx),
    ):
        for rate in (0, -1, 5.01, "2", None, True, float("nan")):
            with pytest.raises(UsageError, match="rate must be a number from 0.1 to 5"):
                show(rate=rate)


def test_impossible_arguments_are_refused(bfx):
    book = bfx.wss.subscribe_book("tBTCUSD")
    candles = bfx.wss.subscribe_candles("tBTCUSD", "1m")
    notebook = bfxsync.notebook
    for message, call in {
        "levels must be": lambda: book.show(levels=0),
        "count must be": lambda: candles.show(count=241),
        "board needs at least one symbol": lambda: notebook.board(bfx),
        "symbol must be": lambda: notebook.board(bfx, ["tBTCUSD"]),
        "client must be a Client or": lambda: notebook.board("tBTCUSD"),
        "client must be a Client, not": lambda: notebook.orders(bfx.wss),
    }.items():
        with pytest.raises(UsageError, match=message):
            call()


def test_a_refused_symbol_leaves_nothing_behind(notebook, screen, bfx):
    with pytest.raises(SubscriptionRejected):
        bfxsync.notebook.board(bfx, "tBTCUSD", "tNOTHERE:USD")
    assert bfx.wss._core.placement.subscribers() == []
    assert screen.outputs == []


def test_a_board_that_cannot_be_shown_leaves_nothing_behind(bfx, screen, monkeypatch):
    monkeypatch.setattr(Screen, "publish", _raise)
    with pytest.raises(OSError, match="no kernel"):
        bfxsync.notebook.board(bfx, "tBTCUSD")
    assert bfx.wss._core.placement.subscribers() == []


def test_a_view_is_shown_once_in_its_cell(notebook, screen, bfx):
    notebook.run("view = bfx.wss.subscribe_book('tBTCUSD').show()\nview")
    assert len(screen.counts) == 1
    # In another cell its picture stands still.
    notebook.run("bfx.close()\nview")
    view = notebook["view"]
    assert screen.outputs[-1]["data"]["text/plain"] == repr(view.picture)
    assert not screen.outputs[-1].get("update")


def test_a_recording_is_shown_with_its_own_time(notebook, screen, exchange, tmp_path):
    path = tmp_path / "recording.jsonl"
    with exchange.client(record=path) as bfx:
        bfx.wss.subscribe_book("tBTCUSD")
        bfx.wss.subscribe_ticker("tBTCUSD")
    notebook.shell.user_ns["path"] = path
    notebook.run(
        "import bfxsync\n"
        "wss = bfxsync.replay(path)\n"
        "view = wss.subscribe_book('tBTCUSD').show()\n"
        "board = bfxsync.notebook.board(wss, 'tBTCUSD', rate=5)"
    )
    assert all("waiting for data" in text for text in screen.shown())
    wss = notebook["wss"]
    assert all(
        f"as of {wss.begin:%Y-%m-%d %H:%M:%S}" in each for each in screen.shown()
    )
    notebook.run("wss.run()")
    screen.wait(lambda shown: all("stopped" in each for each in shown))
    # Even if all of it was played between two looks.
    book, board = screen.shown()
    assert book.startswith("tBTCUSD P0: bid 6")
    assert board.splitlines()[1].startswith("tBTCUSD  6")
    assert all(f"as of {wss.end:%Y-%m-%d %H:%M:%S}" in each for each in screen.shown())


def test_decimals_are_shown(notebook, screen, exchange):
    with exchange.client(numbers=Decimal) as bfx:
        notebook.shell.user_ns["bfx"] = bfx
        notebook.run(
            "a = bfx.wss.subscribe_book('tBTCUSD').show()\n"
            "b = bfx.wss.subscribe_candles('tBTCUSD', '1m').show()\n"
            "c = bfxsync.notebook.board(bfx.wss, 'tBTCUSD', 'fUSD')\n"
            "d = bfxsync.notebook.orders(bfx)\n"
            "e = bfx.wss.subscribe_book('fUSD', prec='R0').show(levels=3)"
        )
        assert len(screen.shown()) == 5
        assert all("stopped" not in each for each in screen.shown())
