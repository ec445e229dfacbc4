"""Channels alone, from frames as the JSON readers return them."""

from __future__ import annotations

import gc
import weakref
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FUNDING_LEVELS, JSON_VALUES, LEVELS, OFFERS, ORDERS

from bfxsync._base.enums import SubscriptionStatus
from bfxsync.book.checksums import checksum
from bfxsync.errors import RemoteError, UsageError
from bfxsync.models import (
    BookUpdate,
    Checksum,
    Degraded,
    FundingBookUpdate,
    FundingRawBookUpdate,
    FundingTicker,
    FundingTrade,
    FundingTradeUpdate,
    RawBookUpdate,
    Snapshot,
    Status,
    Ticker,
    Trade,
    TradeUpdate,
)
from bfxsync.models.stream import ChannelHeartbeat
from bfxsync.wire.channels import (
    BookChannel,
    Channel,
    TickerChannel,
    TradesChannel,
    channel_for,
)
from bfxsync.wire.recovery import BUDGET, WINDOW_S

CHAN = 5


def ticker() -> Channel:
    return channel_for("ticker", symbol="tBTCUSD")


def trades(symbol: str = "tBTCUSD") -> Channel:
    return channel_for("trades", symbol=symbol)


def book(symbol: str = "tBTCUSD", **arguments: Any) -> BookChannel:
    channel = channel_for("book", symbol=symbol, **arguments)
    assert isinstance(channel, BookChannel)
    return channel


def ticker_row(last: float = 7.0) -> list[float]:
    return [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, last, 8.0, 9.0, 10.0]


def trade_row(identity: int) -> list[float]:
    return [identity, 1_567_526_214_876, 0.5, 100.0]


def trade(identity: int) -> Trade:
    return Trade.from_row(trade_row(identity))


def feed(channel: Channel, *contents: Any) -> list[Any]:
    """Feed frames, given as what follows the channel's number."""
    return channel.feed_many([[CHAN, *content] for content in contents])


# --- what is asked for --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, arguments, request_",
    [
        ("ticker", {"symbol": "tBTCUSD"}, {"symbol": "tBTCUSD"}),
        ("trades", {"symbol": "fUSD"}, {"symbol": "fUSD"}),
        (
            "book",
            {"symbol": "tBTCUSD"},
            {"symbol": "tBTCUSD", "prec": "P0", "freq": "F0", "len": "25"},
        ),
        (
            "book",
            {"symbol": "tDOGE:USD", "prec": "R0", "freq": "F1", "len": 100},
            {"symbol": "tDOGE:USD", "prec": "R0", "freq": "F1", "len": "100"},
        ),
        (
            "book",
            {"symbol": "fUSD", "prec": "P4", "len": "250"},
            {"symbol": "fUSD", "prec": "P4", "freq": "F0", "len": "250"},
        ),
    ],
)
def test_arguments_are_asked_for_as_text(
    name: str, arguments: Any, request_: dict[str, str]
) -> None:
    channel = channel_for(name, **arguments)
    assert channel.name == name
    assert channel.symbol == arguments["symbol"]
    assert channel.request() == {"channel": name, **request_}
    assert channel.identity == (name, *request_.values())
    assert not channel.is_live


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("ticks", {}, "channel must be one of ticker, trades, book, candles"),
        ("ticker", {}, "symbol must be text such as 'tBTCUSD' or 'fUSD', not None"),
        ("ticker", {"symbol": 7}, "symbol must be text such as"),
        (
            "ticker",
            {"symbol": "tBTCUSD", "prec": "P0"},
            "channel 'ticker' takes no 'prec'",
        ),
        (
            "trades",
            {"symbol": "tBTCUSD", "len": 1, "freq": "F0"},
            "channel 'trades' takes no 'len', 'freq'",
        ),
        ("book", {"symbol": "tBTCUSD", "depth": 5}, "channel 'book' takes no 'depth'"),
        (
            "book",
            {"symbol": "tBTCUSD", "prec": "P5"},
            "prec must be one of P0, P1, P2, P3, P4, R0, not 'P5'",
        ),
        ("book", {"symbol": "tBTCUSD", "prec": 0}, "prec must be one of"),
        (
            "book",
            {"symbol": "tBTCUSD", "freq": "F2"},
            "freq must be one of F0, F1, not",
        ),
        (
            "book",
            {"symbol": "tBTCUSD", "len": 50},
            "len must be one of 1, 25, 100, 250, not 50",
        ),
        ("book", {"symbol": "tBTCUSD", "len": True}, "len must be one of"),
        ("book", {"symbol": "tBTCUSD", "len": 25.0}, "len must be one of"),
        ("book", {"symbol": "tBTCUSD", "len": ["25"]}, "len must be one of"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_impossible_argument_is_refused(
    name: str, arguments: Any, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        channel_for(name, **arguments)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("symbol", ["BTC/USD", "btcusd", "BTCUSD"])
def test_other_spellings_are_the_same_channel(symbol: str) -> None:
    for channel, arguments in (
        ("trades", {"symbol": symbol}),
        ("book", {"symbol": symbol, "prec": "R0"}),
        ("candles", {"key": f"trade:1m:{symbol}"}),
        ("status", {"key": f"deriv:{symbol}"}),
    ):
        made = channel_for(channel, **arguments)
        usual = {n: v.replace(symbol, "tBTCUSD") for n, v in arguments.items()}
        assert made.identity == channel_for(channel, **usual).identity
        assert made.symbol == "tBTCUSD"
        assert usual.items() <= made.request().items()


# --- which answer belongs to it -----------------------------------------------------------------


@pytest.mark.parametrize(
    "body, is_ours",
    [
        ({"channel": "book", "symbol": "tBTCUSD"}, True),
        ({"channel": "book", "symbol": "tBTCUSD", "pair": "BTCUSD", "len": "25"}, True),
        ({"channel": "book", "symbol": "tBTCUSD", "len": 25}, True),
        ({"channel": "book", "symbol": "tBTCUSD", "prec": "P0", "freq": "F0"}, True),
        ({"channel": "book", "symbol": "tBTCUSD", "len": "100"}, False),
        ({"channel": "book", "symbol": "tBTCUSD", "len": 100}, False),
        ({"channel": "book", "symbol": "tBTCUSD", "prec": "R0"}, False),
        ({"channel": "book", "symbol": "tBTCUSD", "freq": "F1"}, False),
        ({"channel": "book", "symbol": "tETHUSD"}, False),
        ({"channel": "trades", "symbol": "tBTCUSD"}, False),
        ({"channel": "book"}, False),
        ({"symbol": "tBTCUSD"}, False),
        ({}, False),
        ({"channel": ["book"], "symbol": {"a": 1}}, False),
    ],
    ids=str,
)
def test_answer_is_matched_by_its_fields(body: dict[str, Any], is_ours: bool) -> None:
    assert book().matches(body) is is_ours


# --- ticker -------------------------------------------------------------------------------------


def test_first_ticker_is_a_snapshot_and_an_update() -> None:
    channel = ticker()
    first, second = (Ticker.from_row(ticker_row(last)) for last in (1.0, 2.0))
    updates = feed(channel, [ticker_row(1.0)], ["hb"], [ticker_row(2.0)])
    assert updates == [Snapshot([first]), first, second]
    assert channel.is_live
    assert feed(channel, [ticker_row(1.0)]) == [first]


def test_funding_ticker_has_its_own_model() -> None:
    channel = channel_for("ticker", symbol="fUSD")
    row = [
        0.1,
        0.2,
        30,
        4.0,
        0.5,
        2,
        7.0,
        8.0,
        9.0,
        1.0,
        11.0,
        12.0,
        13.0,
        None,
        None,
        5.0,
    ]
    snapshot, update = feed(channel, [row])
    assert update == FundingTicker.from_row(row)
    assert snapshot == Snapshot([update])


def test_late_consumer_starts_from_the_last_ticker() -> None:
    channel = ticker()
    assert channel.restart() == []
    feed(channel, [ticker_row(1.0)], [ticker_row(2.0)])
    last = Ticker.from_row(ticker_row(2.0))
    assert channel.restart() == [Snapshot([last]), last]
    channel.lose()
    assert channel.restart() == []


def test_ticker_starts_with_a_snapshot_after_a_loss() -> None:
    channel = ticker()
    feed(channel, [ticker_row(1.0)])
    channel.lose()
    again = Ticker.from_row(ticker_row(1.0))
    assert feed(channel, [ticker_row(1.0)]) == [Snapshot([again]), again]


def spent(channel: Any) -> Any:
    """Return a channel that was subscribed anew so often lately that it does not help."""
    for _ in range(BUDGET):
        channel.recovery.spend(0.0)
    return channel


def test_unreadable_ticker_gives_the_channel_up() -> None:
    channel = ticker()
    feed(channel, [ticker_row(1.0)])
    assert feed(channel, [[1, 2]], [ticker_row(2.0)]) == []
    assert channel.resync_reason == "a row could not be read"
    assert [type(error) for error in channel.errors] == [RemoteError]


def test_degraded_ticker_is_right_again_with_the_next_row() -> None:
    channel = spent(ticker())
    feed(channel, [ticker_row(1.0)])
    updates = feed(channel, [[1, 2]], [None], [ticker_row(2.0)], [ticker_row(3.0)])
    degraded, status, *data = updates
    assert isinstance(degraded, Degraded)
    assert status == Status(SubscriptionStatus.LIVE)
    assert data == [Ticker.from_row(ticker_row(bid)) for bid in (2.0, 3.0)]
    assert channel.resync_reason is None


def test_end_of_a_degradation_is_an_event() -> None:
    channel = spent(ticker())
    feed(channel, [ticker_row(1.0)], [[1, 2]])
    channel.has_event = False
    status, _ = feed(channel, [ticker_row(2.0)])
    assert status == Status(SubscriptionStatus.LIVE)
    assert channel.has_event


def test_first_row_after_a_loss_ends_a_degradation_silently() -> None:
    channel = spent(ticker())
    feed(channel, [ticker_row(1.0)], [[1, 2]])
    channel.lose()
    snapshot, row, again = feed(channel, [ticker_row(2.0)], [ticker_row(2.0)])
    assert isinstance(snapshot, Snapshot)
    assert row == again == Ticker.from_row(ticker_row(2.0))
    assert not channel.is_degraded


def test_degraded_ticker_that_is_quiet_is_tried_again() -> None:
    channel = spent(ticker())
    feed(channel, [ticker_row()])
    channel.seen_at = 0.0
    (degraded,) = feed(channel, [[1, 2]], ["hb"])
    assert isinstance(degraded, Degraded) and channel.resync_reason is None
    channel.seen_at = WINDOW_S
    # What follows in the block belongs to the channel that is given up.
    assert feed(channel, ["hb"], [ticker_row(8.0)]) == []
    assert channel.resync_reason == "the data has been wrong for some time"


def test_unreadable_ticker_costs_no_other_when_nothing_helps() -> None:
    channel = spent(ticker())
    updates = feed(
        channel, [[1, 2]], [None], [], [ticker_row(1.0)], ["te", ticker_row()]
    )
    snapshot, first, degraded = updates
    assert isinstance(snapshot, Snapshot) and isinstance(degraded, Degraded)
    assert first == Ticker.from_row(ticker_row(1.0))
    assert [type(error) for error in channel.errors] == [RemoteError] * 4
    assert "ticker tBTCUSD: unreadable frame" in str(channel.errors[2])
    assert isinstance(channel.errors[2], RemoteError)
    assert channel.errors[2].raw == [CHAN]


def test_channel_is_not_live_while_nothing_could_be_read() -> None:
    channel = ticker()
    assert feed(channel, [[1, 2]], ["hb"]) == []
    assert not channel.is_live


# --- trades -------------------------------------------------------------------------------------

SNAPSHOT = [[trade_row(3), trade_row(2), trade_row(1)]]  # newest first, as on the wire


def test_trades_snapshot_is_handed_out_oldest_first() -> None:
    channel = trades()
    assert feed(channel, SNAPSHOT) == [Snapshot([trade(1), trade(2), trade(3)])]
    assert channel.is_live


def test_empty_snapshot_of_trades_is_one() -> None:
    channel = trades()
    assert feed(channel, [[]]) == [Snapshot([])]
    assert channel.is_live


def test_trade_comes_once_although_it_is_sent_twice() -> None:
    channel = trades()
    feed(channel, SNAPSHOT)
    assert feed(channel, ["te", trade_row(4)], ["tu", trade_row(4)]) == [trade(4)]
    assert feed(channel, ["te", trade_row(4)], ["te", trade_row(3)]) == []


def test_confirmation_that_overtakes_its_trade_is_the_trade() -> None:
    channel = trades()
    feed(channel, SNAPSHOT)
    assert feed(channel, ["tu", trade_row(4)], ["te", trade_row(4)]) == [trade(4)]


def test_trades_may_arrive_out_of_order() -> None:
    channel = trades()
    feed(channel, SNAPSHOT)
    contents = [["te", trade_row(i)] for i in (9, 7, 8)]
    assert feed(channel, *contents) == [trade(9), trade(7), trade(8)]


def test_confirmations_are_extras() -> None:
    channel = trades()
    channel.extras = True
    feed(channel, SNAPSHOT)
    update = TradeUpdate.from_row(trade_row(4))
    assert feed(channel, ["te", trade_row(4)], ["tu", trade_row(4)]) == [
        trade(4),
        update,
    ]
    assert feed(channel, ["tu", trade_row(5)]) == [
        trade(5),
        TradeUpdate.from_row(trade_row(5)),
    ]


def test_funding_trades_have_their_own_tags_and_models() -> None:
    channel = trades("fUSD")
    channel.extras = True
    row = [7, 1_574_694_605_000, -59.84, 0.00023647, 2]
    feed(channel, [[]])
    assert feed(channel, ["fte", row], ["ftu", row]) == [
        FundingTrade.from_row(row),
        FundingTradeUpdate.from_row(row),
    ]
    assert feed(channel, ["te", row]) == []
    assert len(channel.errors) == 1


def test_trades_in_bulk_after_the_snapshot_are_trades() -> None:
    channel = trades()
    feed(channel, SNAPSHOT)
    assert feed(channel, [[trade_row(5), trade_row(4), trade_row(3)]]) == [
        trade(4),
        trade(5),
    ]
    assert feed(channel, [trade_row(6)]) == [trade(6)]
    assert feed(channel, [[]]) == []


def test_missed_trades_come_once_by_id_after_the_snapshot() -> None:
    channel = trades()
    feed(channel, SNAPSHOT, ["te", trade_row(4)])
    channel.lose()
    rows = [trade_row(i) for i in (6, 7, 5, 4, 3)]
    snapshot = Snapshot([trade(i) for i in (3, 4, 5, 7, 6)])
    assert feed(channel, [rows]) == [snapshot, trade(5), trade(6), trade(7)]
    assert feed(channel, ["tu", trade_row(6)], ["te", trade_row(5)]) == []


@pytest.mark.parametrize(
    "before, first, later, missed, has_hole",
    [
        ([], [2, 1], [3, 2], [3], False),
        ([3, 4], [2, 1], [5, 4], [5], False),
        ([3, 4], [2, 1], [4, 3], [], False),
        ([3, 4], [2, 1], [7, 6], [6, 7], True),
        ([], [2, 1], [4, 3], [3, 4], True),
        ([], [], [4, 3], [3, 4], True),
        ([3], [], [4, 3], [4], False),
        ([], [2, 1], [], [], False),
        ([3], [2, 1], [], [], False),
        # An id may be lower than one that came before it.
        ([5], [2, 1], [5, 4], [4], False),
        # The same row twice, and rows from before the first snapshot.
        ([], [2, 1], [4, 4, 2], [4], False),
        ([5], [4, 3], [6, 5, 4, 3, 2, 1], [6], False),
        ([], [4, 3], [4, 3, 2, 1], [], False),
    ],
    ids=str,
)
def test_r03_snapshot_says_whether_more_trades_may_be_missing(
    before: list[int],
    first: list[int],
    later: list[int],
    missed: list[int],
    has_hole: bool,
) -> None:
    channel = trades()
    rows = [trade_row(identity) for identity in first]
    assert feed(channel, [rows])[0].has_hole is False
    feed(channel, *[["te", trade_row(identity)] for identity in before])
    channel.lose()
    rows = [trade_row(identity) for identity in later]
    snapshot, *others = feed(channel, [rows], ["tu", rows[0]] if rows else ["hb"])
    assert snapshot.rows == [trade(identity) for identity in reversed(later)]
    assert snapshot.has_hole is has_hole
    assert others == [trade(identity) for identity in missed]


def test_first_snapshot_is_no_list_of_missed_trades() -> None:
    channel = trades()
    channel.lose()
    assert feed(channel, SNAPSHOT) == [Snapshot([trade(1), trade(2), trade(3)])]


@pytest.mark.parametrize("tag", ["te", "tu", None], ids=str)
@pytest.mark.parametrize("extras", [True, False], ids=["extras", "no extras"])
def test_trade_before_the_snapshot_asks_for_another_subscription(
    tag: str | None, extras: bool
) -> None:
    channel = trades()
    channel.extras = extras
    content = [trade_row(4)] if tag is None else [tag, trade_row(4)]
    assert feed(channel, ["hb"], content) == []
    assert channel.resync_reason == "a trade came before the snapshot"
    channel.lose()
    assert channel.resync_reason is None
    assert feed(channel, [[trade_row(4)]]) == [Snapshot([trade(4)])]


def test_late_consumer_starts_from_the_latest_30_trades() -> None:
    channel = trades()
    assert channel.restart() == []
    feed(channel, SNAPSHOT)
    assert channel.restart() == [Snapshot([trade(1), trade(2), trade(3)])]
    feed(channel, *[["te", trade_row(i)] for i in range(4, 41)])
    assert channel.restart() == [Snapshot([trade(i) for i in range(11, 41)])]
    channel.lose()
    assert channel.restart() == []
    feed(channel, [[trade_row(41)]])
    assert channel.restart() == [Snapshot([trade(41)])]


def test_ids_are_remembered_for_at_least_10_000_trades(monkeypatch: Any) -> None:
    assert TradesChannel._REMEMBERED == 10_000
    monkeypatch.setattr(TradesChannel, "_REMEMBERED", 5)
    channel = trades()
    feed(channel, [[]])
    for last in range(1, 40):
        assert feed(channel, ["te", trade_row(last)]) == [trade(last)]
        for known in range(max(1, last - 4), last + 1):
            assert feed(channel, ["te", trade_row(known)]) == []
            assert feed(channel, ["tu", trade_row(known)]) == []
    # Memory does not grow: the first ones were forgotten long ago.
    assert feed(channel, ["te", trade_row(1)]) == [trade(1)]


@pytest.mark.parametrize(
    "content",
    [["te", None], ["te"], ["tu", [[]]], ["xx", trade_row(5)], [None], [7], []]
    + [[[["x"], None]]],
    ids=str,
)
def test_unreadable_trade_gives_the_channel_up(content: Any) -> None:
    channel = trades()
    feed(channel, SNAPSHOT)
    assert feed(channel, ["te", trade_row(4)], content, ["te", trade_row(5)]) == [
        trade(4)
    ]
    assert channel.resync_reason == "trades could not be read"
    assert {type(error) for error in channel.errors} == {RemoteError}
    channel.lose()
    # What was missed comes with the next snapshot.
    updates = feed(channel, [[trade_row(5), trade_row(4)]])
    assert updates[1:] == [trade(5)]


def test_degraded_trades_are_tried_again_when_the_budget_is_back() -> None:
    channel = spent(trades())
    feed(channel, SNAPSHOT)
    (degraded,) = feed(channel, ["te", None], ["te", None], ["hb"])
    assert isinstance(degraded, Degraded)
    channel.seen_at = WINDOW_S
    assert feed(channel, ["hb"]) == []
    assert channel.resync_reason == "the data has been wrong for some time"
    channel.lose()
    assert feed(channel, SNAPSHOT)
    assert not channel.is_degraded


def test_unreadable_trade_costs_no_other_when_nothing_helps() -> None:
    channel = spent(trades())
    updates = feed(
        channel,
        [[trade_row(2), ["x"], None, trade_row(1)]],
        ["te", None],
        ["te"],
        ["tu", [[]]],
        ["xx", trade_row(5)],
        [None],
        [7],
        [],
        ["te", trade_row(3)],
    )
    snapshot, degraded, data = updates
    assert snapshot == Snapshot([trade(1), trade(2)])
    assert isinstance(degraded, Degraded)
    assert data == trade(3)
    assert [type(error) for error in channel.errors] == [RemoteError] * 9
    assert "unknown kind of trade 'xx'" in map(str, channel.errors)


def test_r14_kind_of_trade_that_is_nested_deeply_is_an_error() -> None:
    channel = trades()
    tag: dict[str, Any] = {}
    inner = tag
    for _ in range(100_000):
        inner["a"] = {}
        inner = inner["a"]
    assert feed(channel, [tag]) == []
    assert len(channel.errors) == 1
    assert len(str(channel.errors[0])) < 200
    while tag:
        tag = tag.pop("a")


# --- books --------------------------------------------------------------------------------------


LEVELS_ON_THE_WIRE = [
    [100.0, 1, 1.0],
    [99.0, 2, 2.0],
    [101.0, 1, -1.0],
    [102.0, 1, -3.0],
]
SAME = [BookUpdate.from_row(row) for row in LEVELS_ON_THE_WIRE]


def test_book_snapshot_is_in_order_of_the_best() -> None:
    channel = book()
    assert feed(channel, [LEVELS_ON_THE_WIRE[::-1]]) == [Snapshot(SAME)]
    assert channel.is_live
    assert channel.book.bids() + channel.book.asks() == SAME


def test_empty_snapshot_of_a_book_is_one() -> None:
    channel = book()
    assert feed(channel, [[]]) == [Snapshot([])]
    assert channel.is_live
    assert feed(channel, [[]]) == []


def test_update_is_applied_and_handed_out() -> None:
    channel = book()
    feed(channel, [LEVELS_ON_THE_WIRE])
    rows = [[100.0, 0, 1], [98.0, 3, 2.5]]
    updates = feed(channel, *[[row] for row in rows])
    assert updates == [BookUpdate.from_row(row) for row in rows]
    assert channel.book.best_bid == SAME[1]


def test_later_list_is_a_bulk_update_with_the_flag() -> None:
    channel = book()
    channel.is_bulk = True
    feed(channel, [LEVELS_ON_THE_WIRE])
    rows = [[100.0, 0, 1], [98.0, 3, 2.5]]
    assert feed(channel, [rows]) == [BookUpdate.from_row(row) for row in rows]
    assert len(channel.book) == 4
    assert channel.book.best_bid == SAME[1]


@pytest.mark.parametrize(
    "symbol, prec, model, row",
    [
        ("tBTCUSD", "P4", BookUpdate, [100.0, 1, 1.0]),
        ("tBTCUSD", "R0", RawBookUpdate, [7, 100.0, 1.0]),
        ("fUSD", "P0", FundingBookUpdate, [0.001, 30, 1, -1.0]),
        ("fUSD", "R0", FundingRawBookUpdate, [7, 30, 0.001, -1.0]),
    ],
    ids=["pair", "raw", "funding", "funding raw"],
)
def test_each_kind_of_book_has_its_model(
    symbol: str, prec: str, model: Any, row: list[float]
) -> None:
    channel = book(symbol, prec=prec)
    assert feed(channel, [[row]]) == [Snapshot([model.from_row(row)])]
    assert channel.book.best_bid == model.from_row(row)
    assert feed(channel, [row]) == [model.from_row(row)]


def test_decimals_reach_the_book() -> None:
    channel = book(number=Decimal)
    feed(channel, [[[100, 1, Decimal("1.50")]]])
    (best,) = channel.book.bids()
    assert str(best.amount) == "1.50"
    assert type(best.price) is Decimal


def test_update_before_the_snapshot_asks_for_another_subscription() -> None:
    channel = book()
    assert feed(channel, ["hb"], [[100.0, 1, 1.0]]) == []
    assert channel.resync_reason == "a book's update came before its snapshot"
    assert len(channel.book) == 0
    channel.lose()
    assert channel.resync_reason is None


def test_loss_empties_the_book() -> None:
    channel = book()
    feed(channel, [LEVELS_ON_THE_WIRE])
    channel.lose()
    assert len(channel.book) == 0
    assert not channel.is_live
    assert feed(channel, [LEVELS_ON_THE_WIRE[:1]]) == [Snapshot(SAME[:1])]
    assert len(channel.book) == 1


def test_late_consumer_starts_from_the_whole_book() -> None:
    channel = book()
    assert channel.restart() == []
    feed(channel, [LEVELS_ON_THE_WIRE], [[100.0, 0, 1]])
    assert channel.restart() == [Snapshot(SAME[1:])]
    channel.lose()
    assert channel.restart() == []


def test_version_is_odd_while_the_book_changes() -> None:
    channel = book()
    seen: list[int] = []
    apply, reset = channel.book.apply, channel.book.reset

    def note_apply(level: Any) -> None:
        seen.append(channel.version)
        apply(level)

    def note_reset(levels: Any = ()) -> None:
        seen.append(channel.version)
        reset(levels)

    channel.book.apply = note_apply  # type: ignore[method-assign]
    channel.book.reset = note_reset  # type: ignore[method-assign]
    feed(channel, [LEVELS_ON_THE_WIRE], *[[row] for row in LEVELS_ON_THE_WIRE], [None])
    assert set(seen) == {1} and channel.version == 2
    channel.restart()
    assert channel.version == 2
    channel.lose()
    assert seen[-1] == 3 and channel.version == 4


def test_version_is_even_again_after_a_mistake_of_our_own() -> None:
    channel = book()

    def fail(row: Any, frame: Any) -> None:
        raise MemoryError

    channel._make = fail
    with pytest.raises(MemoryError):
        feed(channel, [LEVELS_ON_THE_WIRE])
    assert channel.version == 2


def good() -> int:
    return checksum([(100.0, 1.0), (99.0, 2.0)], [(101.0, -1.0), (102.0, -3.0)])


def test_equal_checksum_is_counted() -> None:
    channel = book()
    assert feed(channel, [LEVELS_ON_THE_WIRE], ["cs", good()]) == [Snapshot(SAME)]
    assert (channel.verified_count, channel.mismatch_count) == (1, 0)
    assert channel.errors == []


def test_r11_checksum_is_compared_with_the_book_at_that_frame() -> None:
    channel = book()
    removed = checksum([(99.0, 2.0)], [(101.0, -1.0), (102.0, -3.0)])
    gone, back = [100.0, 0, 1], LEVELS_ON_THE_WIRE[0]
    feed(
        channel,
        [LEVELS_ON_THE_WIRE],
        ["cs", good()],
        [gone],
        ["cs", removed],
        [back],
        ["cs", good()],
    )
    assert (channel.verified_count, channel.mismatch_count) == (3, 0)


@pytest.mark.parametrize(
    "symbol, is_live", [("tBTCUSD", False), ("fUSD", True)], ids=["early", "funding"]
)
def test_checksum_is_not_compared(symbol: str, is_live: bool) -> None:
    channel = book(symbol)
    if is_live:
        feed(channel, [[[0.001, 30, 1, -1.0]]])
    assert feed(channel, ["cs", 7]) == []
    assert (channel.verified_count, channel.mismatch_count) == (0, 0)
    assert channel.errors == []


def test_checksums_are_extras_of_a_book_that_is_there() -> None:
    channel = book()
    channel.extras = True
    # Before the snapshot it speaks of no book.
    assert feed(channel, ["cs", 7]) == []
    updates = feed(channel, [LEVELS_ON_THE_WIRE], ["cs", good()])
    assert updates == [Snapshot(SAME), Checksum(good())]


# --- anything -----------------------------------------------------------------------------------

CHANNELS = st.sampled_from(
    [
        ("ticker", {"symbol": "tBTCUSD"}),
        ("ticker", {"symbol": "fUSD"}),
        ("trades", {"symbol": "tBTCUSD"}),
        ("trades", {"symbol": "fUSD"}),
        *[
            ("book", {"symbol": symbol, "prec": prec})
            for symbol in ("tBTCUSD", "fUSD")
            for prec in ("P0", "R0")
        ],
        ("candles", {"key": "trade:1m:tBTCUSD"}),
        ("status", {"key": "deriv:tBTCF0:USTF0"}),
        ("status", {"key": "liq:global"}),
    ]
)
ROWS = st.one_of(LEVELS, FUNDING_LEVELS, ORDERS, OFFERS).map(list)
CONTENTS = st.lists(
    st.sampled_from(["hb", "cs", "te", "tu", "fte", "ftu", [], -7])
    | ROWS
    | st.lists(ROWS, max_size=3)
    | JSON_VALUES,
    max_size=4,
)


@pytest.mark.parametrize("extras", [False, True])
@pytest.mark.parametrize("made", [ticker, trades])
def test_heartbeats_are_items_for_handlers_only(made: Any, extras: bool) -> None:
    channel = made()
    channel.extras = extras
    assert feed(channel, ["hb"]) == []
    feed(channel, [[]] if made is trades else [ticker_row()])
    assert feed(channel, ["hb"]) == [ChannelHeartbeat()] * extras


@given(CHANNELS, st.booleans(), st.lists(CONTENTS, max_size=6))
def test_r14_no_frame_makes_a_channel_raise(
    asked: Any, extras: bool, contents: list[Any]
) -> None:
    name, arguments = asked
    channel = channel_for(name, **arguments)
    channel.extras = extras
    updates = feed(channel, *contents)
    assert all(isinstance(error, RemoteError) for error in channel.errors)
    assert channel.is_live or updates == []
    assert not channel.is_live or isinstance(updates[0], Snapshot)
    restarted = channel.restart()
    assert bool(restarted) is channel.is_live


@given(CHANNELS, st.lists(CONTENTS, max_size=8), st.data())
def test_frames_give_the_same_in_any_blocks(
    asked: Any, contents: list[Any], data: st.DataObject
) -> None:
    name, arguments = asked
    whole, parted = (channel_for(name, **arguments) for _ in range(2))
    cut = data.draw(st.integers(0, len(contents)))
    expected = feed(whole, *contents)
    updates = feed(parted, *contents[:cut])
    if parted.resync_reason is None:
        # Of a channel that is given up nothing is taken until it is subscribed anew.
        updates += feed(parted, *contents[cut:])
    assert updates == expected
    assert list(map(str, parted.errors)) == list(map(str, whole.errors))
    assert parted.resync_reason == whole.resync_reason


def test_channels_are_of_their_kind() -> None:
    assert isinstance(ticker(), TickerChannel)
    assert isinstance(trades(), TradesChannel)


@pytest.mark.parametrize(
    "channel, arguments",
    [
        ("ticker", {"symbol": "tBTCUSD"}),
        ("trades", {"symbol": "fUSD"}),
        ("book", {"symbol": "tBTCUSD", "prec": "P0"}),
        ("book", {"symbol": "fUSD", "prec": "R0"}),
        ("candles", {"key": "trade:1m:tBTCUSD"}),
        ("status", {"key": "deriv:tBTCF0:USTF0"}),
        ("status", {"key": "liq:global"}),
    ],
)
def test_a_channel_needs_no_garbage_collector(
    channel: str, arguments: dict[str, str]
) -> None:
    # Its candles or levels would be kept for a long time.
    made = channel_for(channel, **arguments)
    is_gone = weakref.ref(made)
    gc.disable()
    try:
        del made
        assert is_gone() is None
    finally:
        gc.enable()
