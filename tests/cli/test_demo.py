from __future__ import annotations

import time
from typing import Any, Callable, TextIO, cast

import pytest
from patience import at_most

from bfxsync import (
    Client,
    NetworkError,
    RemoteError,
    VersionMismatch,
    WebSocketClient,
)
from bfxsync.cli import demo, shared
from bfxsync.cli.summary import View
from bfxsync.paper import PaperExchange

SOURCES = {"tBTCUSD": "a recording", "tETHUSD": "a random market"}


class Views:
    """A show that keeps what it gets, and does something at the first view."""

    interval_s = 0.05

    def __init__(self, at_first: Callable[[], object] = lambda: None) -> None:
        self.views: list[View] = []
        self._at_first = at_first

    def show(self, view: View) -> None:
        self.views.append(view)
        if len(self.views) == 1:
            self._at_first()


def raise_interrupt() -> None:
    raise KeyboardInterrupt


def test_views_show_all_there_is() -> None:
    show = Views()
    with demo.local_exchange(1.0) as exchange:
        summary = demo.watch(exchange.url, SOURCES, 1.0, show)
    assert summary.problems == []
    view = show.views[-1]
    assert view.status == "open"
    assert view.host == exchange.url
    assert 0 < view.left_s <= 0.2
    assert view.frames_per_s > 0
    assert 0 < view.total.update_count <= summary.frame_count * 20
    assert view.round_trip_s is not None and view.lag_s is not None
    assert [market.symbol for market in view.markets] == list(SOURCES)
    for market in view.markets:
        assert market.source == SOURCES[market.symbol]
        assert market.is_live
        assert market.ticker is not None
        assert len(market.bids) == len(market.asks) == 25
        assert market.bids[0].price < market.asks[0].price
        times = [trade.mts for trade in market.trades]
        assert len(times) >= 30 and times == sorted(times, reverse=True)


def test_the_simulated_market_moves() -> None:
    show = Views()
    with demo.local_exchange(2.0) as exchange:
        demo.watch(exchange.url, {"tBTCUSD": "simulated"}, 2.0, show)
    tickers = [view.markets[0].ticker for view in show.views]
    assert len({ticker.last_price for ticker in tickers if ticker}) >= 2


def test_trades_are_there_from_the_start() -> None:
    show = Views()
    with PaperExchange(rate=0.001) as exchange:
        demo.watch(exchange.url, SOURCES, 0.5, show)
    assert all(len(market.trades) >= 30 for market in show.views[-1].markets)


@pytest.mark.parametrize("code", [None, 1001], ids=["cut", "close frame"])
def test_a_lost_link_is_a_gap(code: int | None) -> None:
    with demo.local_exchange(2.0) as exchange:
        show = Views(lambda: exchange.drop_connections(code))
        summary = demo.watch(exchange.url, SOURCES, 2.0, show)
    assert [len(channel.gaps) for channel in summary.channels] == [1] * 6
    (problem,) = summary.problems
    assert problem.startswith("gaps in tBTCUSD ticker, tBTCUSD trades, tBTCUSD book, ")
    assert show.views[-1].status == "open"


def test_the_end_itself_is_no_gap() -> None:
    with demo.local_exchange(1.0) as exchange:
        summary = demo.watch(exchange.url, SOURCES, 0.3, Views())
    assert all(channel.gaps == () for channel in summary.channels)


def test_an_interrupt_closes_everything_and_is_told() -> None:
    with demo.local_exchange(1.0) as exchange:
        started = time.monotonic()
        summary = demo.watch(exchange.url, SOURCES, 60.0, Views(raise_interrupt))
        assert time.monotonic() - started < at_most(10.0)
    assert summary.was_interrupted
    assert summary.frame_count > 0


def test_an_interrupt_before_the_first_data_is_told_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(WebSocketClient, "subscribe_many", interrupt)
    summary = demo.watch("ws://127.0.0.1:1/ws/2", SOURCES, 60.0, Views())
    assert summary.was_interrupted
    assert summary.elapsed_s == 0.0
    assert summary.text().startswith("0 frames in 0.0 s (0/s)")


def test_errors_of_no_channel_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Troubled(Client):
        def __init__(
            self, *, on_error: Callable[[Exception], object], **options: Any
        ) -> None:
            super().__init__(on_error=on_error, **options)
            for _ in range(2):
                on_error(RemoteError("unreadable", raw="?"))
            # The channels tell of this one, as a gap.
            on_error(NetworkError("lost", phase="receive"))

    monkeypatch.setattr("bfxsync.cli.watch.Client", Troubled)
    with demo.local_exchange(1.0) as exchange:
        summary = demo.watch(exchange.url, SOURCES, 1.0, Views())
    assert summary.problems == ["errors: 1, the first: unreadable"]


def test_what_ends_the_client_ends_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = VersionMismatch("version 3 instead of 2")
    show = Views()
    with demo.local_exchange(1.0) as exchange:
        with monkeypatch.context() as patch:
            patch.setattr(WebSocketClient, "exception", failure)
            summary = demo.watch(exchange.url, SOURCES, 60.0, show)
    assert show.views == []
    assert summary.problems[-1] == "errors: 1, the first: version 3 instead of 2"


def test_an_error_of_the_show_closes_everything() -> None:
    def fail() -> None:
        raise BrokenPipeError

    with demo.local_exchange(1.0) as exchange:
        with pytest.raises(BrokenPipeError):
            demo.watch(exchange.url, SOURCES, 60.0, Views(fail))


@pytest.mark.parametrize(
    "seconds, speed", [(1, 20.0), (10, 20.0), (38, 20.0), (60, 13.38), (865, 1.0)]
)
def test_the_recording_never_ends_within_the_time(seconds: float, speed: float) -> None:
    assert demo.capture_speed(seconds) == pytest.approx(speed, abs=0.01)
    assert demo.capture_speed(seconds) * (seconds + 4) < 870


class Stream:
    """As much of a text stream as matters here."""

    def __init__(self, encoding: str | None, is_terminal: bool) -> None:
        self.encoding = encoding
        self.isatty = lambda: is_terminal


@pytest.mark.parametrize(
    "encoding, is_terminal, term, expected",
    [
        ("utf-8", True, "xterm-256color", True),
        ("UTF-8", True, None, True),
        ("utf-8", False, "xterm-256color", False),
        ("utf-8", True, "dumb", False),
        ("ascii", True, "xterm-256color", False),
        (None, True, "xterm-256color", False),
    ],
)
def test_a_screen_needs_a_terminal_that_can(
    encoding: str | None,
    is_terminal: bool,
    term: str | None,
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TERM", raising=False)
    if term is not None:
        monkeypatch.setenv("TERM", term)
    stream = cast(TextIO, Stream(encoding, is_terminal))
    assert shared.is_terminal(stream) is expected
