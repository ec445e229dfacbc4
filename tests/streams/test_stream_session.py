"""The session of a consumer: from snapshots and entries to gap → snapshot → updates."""

import json

import pytest
from stream_model import KEYS, Consumer, StreamModel

from bfxsync._base.enums import ConnectionStatus, SubscriptionStatus
from bfxsync.errors import (
    NetworkError,
    NotReady,
    RemoteError,
    RequestTimeout,
    SubscriptionRejected,
)
from bfxsync.models import Liquidation, Trade
from bfxsync.models.stream import Degraded, Gap, Snapshot, Status
from bfxsync.streams.relay_watch import LEASE_CHECK_S, RELAY_AWAY_S
from bfxsync.streams.session import MAX_LOOKUP_S, REGRESSION_S, StreamSession
from bfxsync.wire.channels import channel_for, raw_channel_for
from bfxsync.wire.commands import Ping, Resubscribe, Subscribe, Unsubscribe
from bfxsync.wire.outputs import (
    Acknowledged,
    Change,
    Delayed,
    Deliver,
    Report,
    Requested,
    Resolve,
)

ROW = [100.5, 10.0, 101.0, 12.0, 0.0, 0.0, 100.5, 5.0, 102.0, 99.0]
LIVE = Status(SubscriptionStatus.LIVE)
STALE = Status(SubscriptionStatus.STALE)


def ticker(price):
    return json.dumps([price, *ROW[1:]]).encode()


def tick(price, seq=1):
    return b"[7," + ticker(price) + b",%d]" % seq


def trade_row(number):
    return [number, 1_574_694_475_039 + number, 0.5, 100.0]


def trades(*numbers):
    """Return the rows of a snapshot, newest first."""
    return json.dumps([trade_row(number) for number in reversed(numbers)]).encode()


def execution(number):
    return json.dumps([9, "te", trade_row(number), 1]).encode()


def subscribed(*channels, token="t"):
    """Return a consumer whose relay is live, and the models of its streams."""
    models = [StreamModel(channel) for channel in channels]
    consumer = Consumer(StreamSession(KEYS), *models)
    for number, channel in enumerate(channels):
        consumer.apply(Subscribe(f"{token}{number}" if number else token, channel))
    return (consumer, *models)


def live(channel, rows):
    consumer, model = subscribed(channel)
    model.lead()
    model.snap(rows)
    consumer.open()
    consumer.turn()
    consumer.taken()
    return consumer, model


def delivered(outputs):
    return [item for o in outputs if isinstance(o, Deliver) for item in o.updates]


def last_prices(items):
    return [item.bid for item in items if not isinstance(item, (Snapshot, Gap, Status))]


def a_ticker():
    return channel_for("ticker", symbol="tBTCUSD")


def a_trades():
    return channel_for("trades", symbol="tBTCUSD")


# --- the start ------------------------------------------------------------------------------------


def test_a_subscription_starts_from_the_snapshot():
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.snap(ticker(100.0))
    consumer.open()
    assert consumer.taken() == [Change(ConnectionStatus.OPEN), Requested("t")]
    consumer.turn()
    outputs = consumer.taken()
    assert [type(o) for o in outputs] == [Acknowledged, Deliver, Resolve]
    snapshot, update = delivered(outputs)
    assert isinstance(snapshot, Snapshot) and update.bid == 100.0
    assert outputs[-1] == Resolve("t")


def test_the_tail_of_a_stream_becomes_one_snapshot():
    """Old tickers are no news."""
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.snap(ticker(100.0))
    for price in (101.0, 102.0, 103.0):
        model.frames(tick(price))
    consumer.open()
    consumer.look_up()
    assert delivered(consumer.taken()) == []
    assert consumer.session.is_catching_up
    consumer.read(count=2)
    assert delivered(consumer.taken()) == [] and consumer.session.is_catching_up
    model.frames(tick(104.0))
    consumer.read()
    items = delivered(consumer.taken())
    assert last_prices(items) == [103.0, 104.0]
    assert isinstance(items[0], Snapshot) and items[0].rows[0].bid == 103.0
    assert not consumer.session.is_catching_up


def test_entries_of_one_read_are_one_delivery():
    consumer, model = live(a_ticker(), ticker(100.0))
    model.frames(tick(101.0), tick(102.0))
    model.frames(tick(103.0))
    consumer.turn()
    (output,) = consumer.taken()
    assert last_prices(output.updates) == [101.0, 102.0, 103.0]
    assert consumer.session.frame_count == 4


def test_a_snapshot_renewed_while_live_is_ignored():
    consumer, model = live(a_ticker(), ticker(100.0))
    model.frames(tick(101.0))
    model.snap(ticker(101.0))
    model.frames(tick(102.0))
    consumer.turn()
    assert last_prices(delivered(consumer.taken())) == [101.0, 102.0]


def test_a_subscription_made_while_open_is_requested():
    consumer, model = subscribed()[0], StreamModel(a_ticker())
    consumer.models = (model,)
    model.lead()
    model.snap(ticker(100.0))
    consumer.open()
    assert consumer.taken() == [Change(ConnectionStatus.OPEN)]
    consumer.apply(Subscribe("t", a_ticker()))
    consumer.apply(Subscribe("t", a_ticker()))
    assert consumer.taken() == [Requested("t")]
    assert consumer.session.tokens == ["t"]
    consumer.turn()
    assert Resolve("t") in consumer.taken()


def test_a_subscription_with_data_before_is_not_resolved_again():
    consumer, model = subscribed()[0], StreamModel(a_ticker())
    consumer.models = (model,)
    model.lead()
    model.snap(ticker(100.0))
    consumer.apply(Subscribe("t", a_ticker(), is_resolved=True))
    consumer.open()
    consumer.turn()
    assert Resolve("t") not in consumer.taken()


def test_without_a_relay_an_old_snapshot_is_not_used():
    """It may be of yesterday."""
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.snap(ticker(100.0))
    model.has_relay = False
    consumer.open()
    consumer.turn()
    *_, delay = consumer.taken()
    assert isinstance(delay, Delayed) and isinstance(delay.error, NetworkError)
    assert "no relay writes to shard 'main'" in str(delay.error)
    model.lead()
    model.snap(ticker(101.0))
    consumer.turn()
    consumer.turn()
    assert last_prices(delivered(consumer.taken())) == [101.0]


def test_nothing_in_redis_yet_is_waited_for():
    consumer, model = subscribed(a_ticker())
    consumer.open()
    consumer.turn()
    assert consumer.session.cursors == {model.key: b"0-0"}
    model.lead()
    model.snap(ticker(100.0))
    consumer.turn()
    consumer.turn()
    assert last_prices(delivered(consumer.taken())) == [100.0]


def test_a_snapshot_of_an_earlier_epoch_is_not_used():
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.snap(ticker(100.0))
    model.lead()
    consumer.open()
    consumer.turn()
    *_, delay = consumer.taken()
    assert isinstance(delay.error, RequestTimeout)
    model.snap(ticker(101.0))
    consumer.turn()
    consumer.turn()
    assert last_prices(delivered(consumer.taken())) == [101.0]


def test_lookups_without_success_become_rarer():
    consumer, model = subscribed(a_ticker())
    consumer.open()
    pauses, before = [], consumer.now
    while len(pauses) < 8:
        consumer.now += 0.125
        if consumer.session.lookups(consumer.now):
            consumer.look_up()
            pauses.append(consumer.now - before)
            before = consumer.now
    assert pauses[:4] == [0.125, 0.25, 0.5, 1.0]
    assert pauses[-1] == MAX_LOOKUP_S


def test_a_gap_after_the_snapshot_is_waited_out():
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.snap(ticker(100.0))
    model.frames(tick(101.0))
    model.gap()
    consumer.open()
    consumer.turn()
    assert delivered(consumer.taken()) == []
    model.snap(ticker(102.0))
    consumer.turn()
    consumer.turn()
    assert last_prices(delivered(consumer.taken())) == [102.0]


def test_a_tail_that_was_removed_is_waited_out():
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.snap(ticker(100.0))
    model.frames(tick(101.0))
    model.trim(0)
    consumer.open()
    consumer.turn()
    assert delivered(consumer.taken()) == []
    for _ in range(3):
        consumer.turn(1.0)
    assert delivered(consumer.taken()) == []
    model.snap(ticker(102.0))
    consumer.turn()
    consumer.turn()
    assert last_prices(delivered(consumer.taken())) == [102.0]


def test_raw_rows_since_the_snapshot_are_one_snapshot():
    channel = raw_channel_for("ticker", {"symbol": "tBTCUSD"})
    consumer, model = subscribed(channel)
    model.lead()
    model.snap(ticker(100.0))
    model.frames(tick(101.0))
    consumer.open()
    consumer.turn()
    (snapshot,) = delivered(consumer.taken())
    assert [row[0] for row in snapshot.rows] == [100.0, 101.0]


# --- refusals -------------------------------------------------------------------------------------


def test_a_channel_that_is_not_relayed_is_refused_at_once():
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.relayed = {b"trades|tBTCUSD": b"live", b"ticker|tETHUSD": b"wanted"}
    consumer.open()
    consumer.turn()
    *_, resolve = consumer.taken()
    assert isinstance(resolve.error, SubscriptionRejected)
    assert "ticker|tBTCUSD is not relayed in shard 'main'" in str(resolve.error)
    assert "there is ticker|tETHUSD, trades|tBTCUSD" in str(resolve.error)
    assert consumer.session.tokens == [] and consumer.session.cursors == {}


@pytest.mark.parametrize(
    "value, kind, code",
    [
        (b"refused 10300", SubscriptionRejected, 10300),
        (b"refused", SubscriptionRejected, None),
    ],
    ids=["with code", "without"],
)
def test_a_refusal_by_the_exchange_has_its_code(value, kind, code):
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.relayed = {model.identity.encode(): value}
    consumer.open()
    consumer.turn()
    *_, resolve = consumer.taken()
    assert isinstance(resolve.error, kind) and resolve.error.code == code


@pytest.mark.parametrize("relayed", [{b"x": b"live"}, {b"ticker|tBTCUSD": b"refused"}])
def test_without_a_relay_its_former_channels_refuse_nothing(relayed):
    """The next one may have this channel, and start after the consumers."""
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.has_relay = False
    model.relayed = relayed
    consumer.open()
    consumer.turn()
    delay = consumer.taken()[-1]
    assert isinstance(delay, Delayed) and "no relay writes" in str(delay.error)
    model.lead()
    model.snap(ticker(100.0))
    model.relayed = {model.identity.encode(): b"live"}
    consumer.turn(MAX_LOOKUP_S)
    consumer.turn()
    assert Resolve("t") in consumer.taken()


def test_a_relay_that_has_not_listed_its_channels_refuses_nothing():
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.snap(ticker(100.0))
    model.relayed = {}
    consumer.open()
    consumer.turn()
    assert Resolve("t") in consumer.taken()


def test_a_refusal_that_may_pass_is_waited_for():
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.relayed = {model.identity.encode(): b"refused 20060"}
    consumer.open()
    consumer.turn()
    *_, delay = consumer.taken()
    assert isinstance(delay, Delayed) and isinstance(delay.error, NotReady)


def test_a_later_refusal_ends_a_subscription():
    consumer, model = live(a_ticker(), ticker(100.0))
    model.gap()
    model.relayed = {model.identity.encode(): b"refused 10300"}
    consumer.turn()
    consumer.apply(Resubscribe("t"))
    consumer.turn(MAX_LOOKUP_S)
    model.lead()
    model.relayed = {model.identity.encode(): b"refused 10300"}
    model.snap(ticker(1.0))
    consumer.turn()
    consumer.turn()
    outputs = consumer.taken()
    gap, status = delivered(outputs)
    assert isinstance(gap, Gap)
    assert status == Status(SubscriptionStatus.REJECTED)
    assert [type(o) for o in outputs[-3:]] == [Deliver, Report, Resolve]


# --- gaps -----------------------------------------------------------------------------------------


def test_another_leader_is_one_gap():
    consumer, model = live(a_ticker(), ticker(100.0))
    model.frames(tick(101.0))
    model.lead()
    consumer.turn()
    update, gap = delivered(consumer.taken())
    assert update.bid == 101.0
    assert gap == Gap("a relay has taken over")
    model.lead()
    consumer.turn()
    assert delivered(consumer.taken()) == []
    model.snap(ticker(102.0))
    model.frames(tick(103.0))
    consumer.turn()
    consumer.turn()
    items = delivered(consumer.taken())
    assert isinstance(items[0], Snapshot) and last_prices(items) == [103.0]


def test_a_loss_of_the_relay_is_one_gap_with_its_reason():
    consumer, model = live(a_ticker(), ticker(100.0))
    model.gap("connection reset")
    model.gap("again")
    model.snap(ticker(102.0))
    consumer.turn()
    consumer.turn()
    consumer.turn()
    gap, snapshot, update = delivered(consumer.taken())
    assert gap == Gap("the relay has lost data: connection reset")
    assert update.bid == 102.0


def test_a_hole_is_jumped_over_by_a_newer_snapshot():
    consumer, model = live(a_ticker(), ticker(100.0))
    for price in range(101, 110):
        model.frames(tick(float(price)))
    model.snap(ticker(109.0))
    model.frames(tick(110.0))
    model.trim(1)
    consumer.turn()
    consumer.turn()
    gap, snapshot, update = delivered(consumer.taken())
    assert "entries between 1001-1 and 1001-12 are missing" in gap.reason
    assert update.bid == 110.0


def test_a_hole_after_the_snapshot_waits_for_a_newer_one():
    consumer, model = live(a_ticker(), ticker(100.0))
    model.frames(tick(101.0))
    model.frames(tick(102.0))
    model.trim(1)
    for _ in range(5):
        consumer.turn(1.0)
    (gap,) = delivered(consumer.taken())
    assert isinstance(gap, Gap)
    model.snap(ticker(102.0))
    consumer.turn()
    consumer.turn()
    assert last_prices(delivered(consumer.taken())) == [102.0]


def test_trades_missed_in_a_gap_are_delivered_once():
    consumer, model = live(a_trades(), trades(1, 2))
    model.frames(execution(3))
    model.lead()
    model.snap(trades(1, 2, 3, 4, 5))
    model.frames(execution(6), execution(5))
    for _ in range(3):
        consumer.turn()
    items = delivered(consumer.taken())
    assert [type(item) for item in items] == [Trade, Gap, Snapshot, Trade, Trade, Trade]
    assert [item.id for item in items if isinstance(item, Trade)] == [3, 4, 5, 6]


def test_trades_since_the_snapshot_are_no_news_at_the_start():
    consumer, model = subscribed(a_trades())
    model.lead()
    model.snap(trades(1, 2))
    model.frames(execution(3))
    consumer.open()
    consumer.turn()
    (snapshot,) = delivered(consumer.taken())
    assert [trade.id for trade in snapshot.rows] == [1, 2, 3]
    model.frames(execution(4))
    consumer.turn()
    assert [trade.id for trade in delivered(consumer.taken())] == [4]


def liquidation(number):
    row = ["pos", number, 1_574_694_475_039, None, "tBTCF0:USTF0", 1.0, 100.0, None]
    return json.dumps([3, [[*row, 0, 1, None, 99.0]], 1]).encode()


def test_liquidations_come_once_even_after_a_gap():
    consumer, model = live(channel_for("status", key="liq:global"), b"[]")
    model.frames(liquidation(1))
    model.frames(liquidation(2))
    consumer.turn()
    consumer.apply(Resubscribe("t"))
    model.frames(liquidation(3))
    consumer.turn()
    items = delivered(consumer.taken())
    kinds = [Liquidation, Liquidation, Gap, Snapshot, Liquidation]
    assert [type(item) for item in items] == kinds
    assert [i.pos_id for i in items if isinstance(i, Liquidation)] == [1, 2, 3]


def test_entries_read_before_a_lookup_are_not_read_again():
    consumer, model = live(a_ticker(), ticker(100.0))
    model.frames(tick(101.0))
    entries = model.read(b"0-0")
    consumer.outputs += consumer.session.feed([(model.key, entries)], consumer.now)
    assert last_prices(delivered(consumer.taken())) == [101.0]


# --- wrong data -----------------------------------------------------------------------------------


def a_book():
    return channel_for("book", symbol="tBTCUSD")


BOOK = b"[[100,1,1.0],[101,1,-1.0]]"


def checksum(value):
    return b'[5,"cs",%d,1]' % value


def test_a_wrong_checksum_looks_the_snapshot_up_again():
    consumer, model = live(a_book(), BOOK)
    model.frames(checksum(12345))
    consumer.turn()
    outputs = consumer.taken()
    assert [type(o) for o in outputs] == [Report, Deliver]
    assert delivered(outputs) == [Gap("the checksum of the book did not match")]
    model.snap(BOOK)
    consumer.turn()
    (snapshot,) = delivered(consumer.taken())
    assert len(snapshot.rows) == 2


def test_a_book_that_stays_wrong_is_degraded_within_its_budget():
    channel = a_book()
    consumer, model = live(channel, BOOK)
    model.frames(checksum(12345))
    for _ in range(40):
        consumer.turn(1.0)
    items = delivered(consumer.taken())
    assert [type(item) for item in items] == [Gap, Snapshot, Degraded]
    assert channel.recovery.count == 5
    consumer.apply(Resubscribe("t"))
    consumer.turn(1.0)
    consumer.lose()
    consumer.open()
    consumer.turn(1.0)
    *_, stale, current = delivered(consumer.taken())
    assert stale == STALE and current == Status(SubscriptionStatus.DEGRADED)


def test_a_degraded_book_that_is_right_again_says_so():
    channel = a_book()
    consumer, model = live(channel, BOOK)
    model.frames(checksum(12345))
    for _ in range(40):
        consumer.turn(1.0)
    consumer.taken()
    model.frames(checksum(channel.book.checksum()), b"[5,[100,2,2.0],1]")
    consumer.turn()
    status, update = delivered(consumer.taken())
    assert status == LIVE and update.count == 2


@pytest.mark.parametrize("message", [b"{not json", b"[7]", b'{"event":"info"}', b"7"])
def test_an_unreadable_frame_is_reported_and_healed(message):
    consumer, model = live(a_ticker(), ticker(100.0))
    model.frames(tick(101.0), message)
    model.snap(ticker(102.0))
    consumer.turn()
    consumer.turn()
    outputs = consumer.taken()
    assert isinstance(outputs[0], (Report, Deliver))
    assert [o for o in outputs if isinstance(o, Report)]
    items = delivered(outputs)
    assert last_prices(items) == [101.0, 102.0]
    assert [type(i) for i in items if isinstance(i, (Gap, Snapshot))] == [Gap, Snapshot]


def test_an_unreadable_snapshot_is_looked_up_again_later():
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.snap(b'["no","ticker"]')
    consumer.open()
    consumer.turn()
    outputs = consumer.taken()
    assert delivered(outputs) == [] and [o for o in outputs if isinstance(o, Report)]
    model.snap(ticker(101.0))
    consumer.turn(1.0)
    assert last_prices(delivered(consumer.taken())) == [101.0]


def test_the_stop_of_a_catch_up_by_an_unreadable_frame_is_no_gap():
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.snap(ticker(100.0))
    model.frames(b"[7]")
    model.frames(tick(101.0))
    consumer.open()
    consumer.turn()
    assert delivered(consumer.taken()) == []
    model.snap(ticker(101.0))
    consumer.turn()
    consumer.turn(1.0)
    assert last_prices(delivered(consumer.taken())) == [101.0]


def test_foreign_entries_are_reported_and_healed():
    consumer, model = live(a_ticker(), ticker(100.0))
    foreign = [(b"1001-2", {b"hello": b"world"})]
    consumer.outputs += consumer.session.feed([(model.key, foreign)], consumer.now)
    outputs = consumer.taken()
    assert isinstance(outputs[0].error, RemoteError)
    assert delivered(outputs) == [Gap("unknown kind of entry")]


def test_a_foreign_snapshot_is_reported_and_waited_out():
    consumer, model = subscribed(a_ticker())
    model.lead()
    model.snap(ticker(100.0))
    model.snapshot = {b"id": b"7"}
    consumer.open()
    consumer.turn()
    report, delay = consumer.taken()[-2:]
    assert report.error is delay.error
    model.snap(ticker(101.0))
    consumer.turn(0.25)
    assert last_prices(delivered(consumer.taken())) == [101.0]


# --- Redis away -----------------------------------------------------------------------------------


def test_a_lost_connection_without_lost_entries_is_no_gap():
    consumer, model = live(a_ticker(), ticker(100.0))
    consumer.lose("reset")
    change, stale = consumer.taken()
    assert change == Change(ConnectionStatus.RECONNECTING)
    assert isinstance(change.trouble, NetworkError) and stale.updates == [STALE]
    consumer.lose("reset")
    assert consumer.taken() == []
    model.frames(tick(101.0))
    consumer.open()
    consumer.turn()
    items = delivered(consumer.taken())
    assert items[0] == LIVE and last_prices(items) == [101.0]


def test_a_second_loss_before_the_comparison_keeps_the_position():
    consumer, model = live(a_ticker(), ticker(100.0))
    consumer.lose()
    consumer.open()
    consumer.lose()
    model.frames(tick(101.0))
    consumer.open()
    consumer.turn()
    items = delivered(consumer.taken())
    assert items[:2] == [STALE, LIVE] and last_prices(items) == [101.0]


def test_a_catch_up_is_repeated_after_a_lost_connection():
    consumer, model = subscribed(a_book())
    model.lead()
    model.snap(BOOK)
    model.frames(b"[5,[100,2,2.0],1]")
    consumer.open()
    consumer.look_up()
    consumer.lose()
    consumer.open()
    consumer.turn()
    (snapshot,) = delivered(consumer.taken())
    assert [level.count for level in snapshot.rows] == [2, 1]


def test_after_a_reconnect_without_relay_the_data_stays_stale():
    consumer, model = live(a_ticker(), ticker(100.0))
    consumer.lose()
    model.has_relay = False
    consumer.open()
    consumer.turn()
    assert delivered(consumer.taken()) == [STALE]
    model.has_relay = True
    model.frames(tick(101.0))
    consumer.turn(RELAY_AWAY_S)
    assert delivered(consumer.taken())[0] == LIVE


def test_lost_entries_are_one_gap():
    consumer, model = live(a_ticker(), ticker(100.0))
    consumer.lose()
    model.flush()
    consumer.open()
    consumer.turn()
    stale, gap = delivered(consumer.taken())
    assert gap.reason == "Redis has lost entries: its last one is 0-0, not 1001-1"
    model.lead(2_000)
    model.snap(ticker(101.0))
    consumer.turn()
    consumer.turn()
    assert last_prices(delivered(consumer.taken())) == [101.0]


def test_a_restored_store_does_not_take_the_consumer_back():
    """Its snapshot is older than what was delivered; the next epoch follows."""
    consumer, model = live(a_ticker(), ticker(100.0))
    stored = model.last, list(model.entries), model.snapshot
    model.frames(tick(101.0))
    consumer.turn()
    consumer.lose()
    model.last, model.entries, model.snapshot = stored
    consumer.open()
    consumer.turn()
    consumer.turn(1.0)
    kinds = [type(item).__name__ for item in delivered(consumer.taken())]
    assert kinds == ["Ticker", "Status", "Gap"]
    model.lead()
    model.snap(ticker(102.0))
    consumer.turn()
    consumer.turn()
    assert last_prices(delivered(consumer.taken())) == [102.0]


def test_a_lost_store_with_a_clock_behind_is_trusted_after_a_while():
    consumer, model = live(a_ticker(), ticker(100.0))
    consumer.lose()
    model.flush()
    model.lead(5)
    model.snap(ticker(101.0))
    consumer.open()
    consumer.turn()
    *_, gap = delivered(consumer.taken())
    assert isinstance(gap, Gap)
    consumer.turn(REGRESSION_S - 1.0)
    assert delivered(consumer.taken()) == []
    consumer.turn(MAX_LOOKUP_S)
    assert last_prices(delivered(consumer.taken())) == [101.0]


def test_a_fence_of_a_clock_behind_is_trusted_at_once():
    consumer, model = live(a_ticker(), ticker(100.0))
    consumer.lose()
    model.flush()
    consumer.open()
    consumer.turn()
    model.lead(5)
    model.snap(ticker(101.0))
    consumer.turn()
    consumer.turn()
    assert last_prices(delivered(consumer.taken())) == [101.0]


# --- the relay away -------------------------------------------------------------------------------


def test_a_relay_that_is_away_is_a_status_after_a_while():
    consumer, model = live(a_ticker(), ticker(100.0))
    model.has_relay = False
    assert consumer.session.lookups(consumer.now + LEASE_CHECK_S - 0.5) is None
    assert consumer.session.lookups(consumer.now + LEASE_CHECK_S) == []
    while not consumer.session.relay.is_away:
        consumer.turn(0.5)
    change, deliver = consumer.taken()
    assert change == Change(ConnectionStatus.OPEN) and change.trouble is not None
    assert deliver == Deliver("t", [STALE])
    consumer.turn(10.0)
    assert consumer.taken() == []
    model.has_relay = True
    consumer.turn(LEASE_CHECK_S)
    change, deliver = consumer.taken()
    assert change.trouble is None and deliver == Deliver("t", [LIVE])


def test_a_relay_with_a_lease_is_not_away_without_entries():
    consumer, model = live(a_ticker(), ticker(100.0))
    for _ in range(40):
        consumer.turn(0.5)
    assert consumer.taken() == []


def test_a_standby_that_takes_over_later_ends_the_status_by_a_gap():
    consumer, model = live(a_ticker(), ticker(100.0))
    model.has_relay = False
    for _ in range(20):
        consumer.turn(0.5)
    model.lead()
    model.snap(ticker(101.0))
    for _ in range(3):
        consumer.turn()
    kinds = [type(item).__name__ for item in delivered(consumer.taken())]
    assert kinds == ["Status", "Status", "Gap", "Snapshot", "Ticker"]


def test_nothing_happens_while_redis_is_away():
    consumer, _ = live(a_ticker(), ticker(100.0))
    consumer.lose()
    consumer.taken()
    assert consumer.session.tick(consumer.now + 100.0) == []


# --- commands -------------------------------------------------------------------------------------


def test_a_resubscription_is_a_gap_and_a_snapshot():
    consumer, model = live(a_ticker(), ticker(100.0))
    model.frames(tick(101.0))
    consumer.turn()
    consumer.apply(Resubscribe("t"))
    consumer.apply(Resubscribe("t"))
    consumer.apply(Resubscribe("unknown"))
    consumer.turn()
    update, gap, snapshot, again = delivered(consumer.taken())
    assert gap == Gap("requested by the user") and again.bid == 101.0


def test_an_unsubscribed_stream_is_not_read():
    consumer, model = live(a_ticker(), ticker(100.0))
    consumer.apply(Unsubscribe("t"))
    consumer.apply(Unsubscribe("t"))
    model.frames(tick(101.0))
    assert consumer.session.cursors == {}
    entries = model.read(b"0-0")
    assert consumer.session.feed([(model.key, entries)], consumer.now) == []


def test_entries_of_a_stream_to_look_up_are_ignored():
    consumer, model = live(a_ticker(), ticker(100.0))
    model.frames(tick(101.0))
    entries = model.read(b"1001-1")
    consumer.apply(Resubscribe("t"))
    consumer.taken()
    assert consumer.session.feed([(model.key, entries)], consumer.now) == []


def test_a_lookup_of_one_stream_leaves_the_others():
    other = channel_for("ticker", symbol="tETHUSD")
    consumer, first, second = subscribed(a_ticker(), other)
    for model in (first, second):
        model.lead()
        model.snap(ticker(100.0))
    consumer.open()
    consumer.turn()
    consumer.taken()
    first.lead()
    consumer.turn()
    first.snap(ticker(101.0))
    second.frames(tick(102.0))
    consumer.turn()
    consumer.turn()
    outputs = [o for o in consumer.taken() if isinstance(o, Deliver)]
    tokens = [o.token for o in outputs]
    assert sorted(tokens) == ["t", "t", "t1"]


def test_an_answer_after_the_start_changes_nothing():
    consumer, model = live(a_ticker(), ticker(100.0))
    infos = {model.identity: model.info}
    assert consumer.session.found(True, {}, infos, consumer.now) == []


def test_a_ping_is_answered_by_redis():
    consumer, _ = live(a_ticker(), ticker(100.0))
    ping = Ping("p", 1.0)
    consumer.apply(ping)
    assert consumer.session.pings == [ping] and consumer.taken() == []
    assert consumer.session.ponged(ping, 0.25) == [Resolve("p")]
    assert consumer.session.pings == [] and consumer.session.ping_s == 0.25


def test_a_ping_without_connection_fails():
    consumer, _ = live(a_ticker(), ticker(100.0))
    consumer.apply(Ping("p", 1.0))
    consumer.lose("reset")
    assert [o.error.phase for o in consumer.taken() if isinstance(o, Resolve)] == [
        "receive"
    ]
    consumer.apply(Ping("q", 1.0))
    (resolve,) = consumer.taken()
    assert resolve.error.phase == "send"


def test_a_snapshot_of_a_restored_store_is_too_old():
    consumer, model = live(a_ticker(), ticker(100.0))
    stored = model.last, list(model.entries), model.snapshot
    for price in (101.0, 102.0, 103.0):
        model.frames(tick(price))
    consumer.turn()
    consumer.lose()
    model.last, model.entries, model.snapshot = stored
    consumer.open()
    consumer.look_up()
    consumer.taken()
    model.snap(ticker(100.0))
    consumer.read()
    assert consumer.session.lookups(consumer.now) is None


def test_data_that_cannot_be_read_before_missed_liquidations_is_healed():
    consumer, model = live(channel_for("status", key="liq:global"), b"[]")
    model.frames(b"{not json")
    consumer.turn()
    consumer.apply(Resubscribe("t"))
    model.frames(liquidation(1))
    for _ in range(20):
        consumer.turn(1.0)
    items = delivered(consumer.taken())
    assert [i.pos_id for i in items if isinstance(i, Liquidation)] == [1]


def test_an_unreadable_frame_before_a_loss_is_one_gap():
    consumer, model = live(a_ticker(), ticker(100.0))
    model.frames(b"[7]")
    model.gap()
    consumer.turn()
    (gap,) = delivered(consumer.taken())
    assert gap == Gap("a row could not be read")
