"""Candles, the state of derivatives, liquidations."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from bfxsync.errors import RemoteError, UsageError
from bfxsync.models import Degraded, Snapshot
from bfxsync.models.status import Candle, DerivativesStatus, Liquidation
from bfxsync.wire.channels import channel_for
from bfxsync.wire.commands import Resubscribe, Subscribe
from bfxsync.wire.outputs import Delayed, Deliver, Resolve, Send
from bfxsync.wire.recovery import BUDGET
from bfxsync.wire.session import Session

# From docs.bitfinex.com/reference/ws-public-status, ws-public-candles
DERIV = (
    "[335856,[1596124822000,null,0.896,0.771995,null,1396531.67460709,null,1596153600000,"
    "0.0001056,6,null,-0.01381344,null,null,0.7664,null,null,246502.09001551,null,null,null,"
    "null,0.3]]"
)
LIQ = (
    '[91684,[["pos",142397657,1574697680828.2002,null,"tBSVUSD",-2.62932,91.583875238719,'
    "null,1,1,null,112.27]]]"
)


BEGIN = 1_574_694_000_000


def row(seconds, close=1.0):
    mts = BEGIN + 1000 * seconds
    return [mts, 1.0, close, 2.0, 0.5, 10.0]


def candle(seconds, close=1.0):
    return Candle.from_row(row(seconds, close))


def candles():
    return channel_for("candles", key="trade:1m:tBTCUSD")


# --- keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key, sent, symbol",
    [
        ("trade:1m:tBTCUSD", "trade:1m:tBTCUSD", "tBTCUSD"),
        ("trade:1W:tBTCUSD", "trade:7D:tBTCUSD", "tBTCUSD"),
        ("trade:1M:tBTCF0:USTF0", "trade:1M:tBTCF0:USTF0", "tBTCF0:USTF0"),
        ("trade:1h:fUSD:p30", "trade:1h:fUSD:p30", "fUSD:p30"),
        ("trade:1h:fUSD:a30:p2:p30", "trade:1h:fUSD:a30:p2:p30", "fUSD:a30:p2:p30"),
    ],
)
def test_a_candle_key_is_checked_and_sent(key, sent, symbol):
    channel = channel_for("candles", key=key)
    assert channel.request() == {"channel": "candles", "key": sent}
    assert channel.symbol == symbol
    assert channel.identity == ("candles", sent)


@pytest.mark.parametrize(
    "key",
    [
        None,
        5,
        "",
        "trade:1m",
        "trade:4h:tBTCUSD",
        "trades:1m:tBTCUSD",
        "trade:1m:BTC-USD",
        "trade:1m:fUSD",
        "trade:1m:fUSD:30",
        "trade:1m:fUSD:p",
        "trade:1m:tBTCUSD:p30:p30",
        "trade:1m:fUSD:p500",
        "trade:1m:fUSD:p030",
        "trade:1m:fUSD:p2:p30",
        "trade:1m:fUSD:a30:p30",
        "trade:1m:fUSD:a30:p30:p2",
    ],
)
def test_an_impossible_candle_key_is_a_usage_error(key):
    with pytest.raises(UsageError):
        channel_for("candles", key=key)


@pytest.mark.parametrize(
    "key", [None, "deriv", "deriv:", "deriv:BTC", "liq:tBTCUSD", 5]
)
def test_an_impossible_status_key_is_a_usage_error(key):
    with pytest.raises(UsageError):
        channel_for("status", key=key)


def test_a_key_channel_takes_no_symbol():
    with pytest.raises(UsageError, match="takes no 'symbol'"):
        channel_for("candles", key="trade:1m:tBTCUSD", symbol="tBTCUSD")


def test_an_answer_is_matched_by_key():
    channel = candles()
    assert channel.matches({"channel": "candles", "key": "trade:1m:tBTCUSD"})
    assert not channel.matches({"channel": "candles", "key": "trade:5m:tBTCUSD"})
    assert not channel.matches({"channel": "candles"})
    assert not channel.matches({"channel": "status", "key": "trade:1m:tBTCUSD"})


# --- candles ----------------------------------------------------------------------------------


def test_candles_begin_with_a_snapshot_oldest_first():
    channel = candles()
    assert channel.restart() == []
    assert channel.feed_many([[1, [row(120), row(60)]]]) == [
        Snapshot([candle(60), candle(120)])
    ]
    assert channel.feed_many([[1, row(120, 1.5)], [1, "hb"]]) == [candle(120, 1.5)]
    assert channel.restart() == [Snapshot([candle(60), candle(120, 1.5)])]
    channel.lose()
    assert channel.restart() == []
    # The last known ones, as a list of their own.
    latest = channel.latest()
    assert latest == [candle(60), candle(120, 1.5)]
    latest.clear()
    assert channel.latest()


def test_a_late_correction_takes_its_place():
    channel = candles()
    channel.feed_many([[1, [row(180), row(60)]]])
    channel.feed_many([[1, row(60, 3.0)], [1, row(120)], [1, row(240)]])
    assert channel.restart() == [
        Snapshot([candle(60, 3.0), candle(120), candle(180), candle(240)])
    ]


def test_candles_in_bulk_are_updates():
    channel = candles()
    channel.feed_many([[1, []]])
    assert channel.feed_many([[1, [row(120), row(60)]]]) == [candle(60), candle(120)]


def test_only_the_latest_candles_are_kept():
    channel = candles()
    channel.feed_many([[1, []]])
    channel.feed_many([[1, row(60 * number)] for number in range(1000)])
    (snapshot,) = channel.restart()
    assert (
        len(snapshot.rows) == 240 and snapshot.rows[-1].mts == BEGIN + 1000 * 60 * 999
    )


def test_a_candle_before_the_snapshot_asks_for_a_resync():
    channel = candles()
    assert channel.feed_many([[1, row(60)]]) == []
    assert channel.resync_reason
    channel.lose()
    assert channel.resync_reason is None


@pytest.mark.parametrize("frame", [[1, "cs", 5], [1, None], [1], [1, ["x"]]], ids=repr)
def test_r14_unreadable_candles_resubscribe_within_the_budget(frame):
    channel = candles()
    channel.feed_many([[1, []]])
    assert channel.feed_many([frame, [1, row(60)]]) == []
    (error,) = channel.errors
    assert isinstance(error, RemoteError)
    assert channel.resync_reason == "candles could not be read"
    channel = spent(candles())
    channel.feed_many([[1, []]])
    degraded, *others = channel.feed_many([frame, [1, "hb"], [1, row(60)]])
    assert isinstance(degraded, Degraded)
    assert others == [candle(60)]
    assert channel.resync_reason is None
    channel.lose()
    channel.feed_many([[1, []]])
    assert not channel.is_degraded


def test_a_snapshot_without_a_readable_candle_is_none():
    channel = candles()
    assert channel.feed_many([[1, [["x"], None]]]) == []
    assert not channel.is_live
    assert channel.resync_reason == "candles could not be read"


def spent(channel):
    for _ in range(BUDGET):
        channel.recovery.spend(0.0)
    return channel


# --- status -----------------------------------------------------------------------------------


def test_derivatives_status_has_the_key_that_was_asked_for():
    channel = channel_for("status", key="deriv:tBTCF0:USTF0")
    frame = json.loads(DERIV)
    snapshot, status = channel.feed_many([frame])
    assert isinstance(status, DerivativesStatus) and snapshot == Snapshot([status])
    assert (status.key, status.clamp_max) == ("tBTCF0:USTF0", 0.3)
    assert channel.feed_many([frame, [335856, "hb"]]) == [status]


def test_derivatives_status_in_decimals():
    channel = channel_for("status", key="deriv:tBTCF0:USTF0", number=Decimal)
    status = channel.feed_many([json.loads(DERIV, parse_float=Decimal)])[1]
    assert status.deriv_price == Decimal("0.896")


def test_liquidations_are_updates_though_their_frames_look_like_snapshots():
    channel = channel_for("status", key="liq:global")
    assert channel.restart() == []
    assert channel.feed_many([]) == [Snapshot([])]
    (liquidation,) = channel.feed_many([json.loads(LIQ), [91684, "hb"]])
    assert isinstance(liquidation, Liquidation) and liquidation.symbol == "tBSVUSD"
    assert channel.restart() == [Snapshot([])]


def test_r14_unreadable_liquidations_are_reported():
    channel = channel_for("status", key="liq:global")
    channel.feed_many([])
    assert channel.feed_many([[1, "x"], [1]]) == []
    assert len(channel.errors) == 1
    assert channel.resync_reason == "liquidations could not be read"
    channel = spent(channel_for("status", key="liq:global"))
    channel.feed_many([])
    frames = [[1, "x"], [1], [1, [["pos"]]], [1, "hb"]]
    (degraded,) = channel.feed_many(frames)
    assert isinstance(degraded, Degraded)
    assert len(channel.errors) == 3
    channel.lose()
    channel.feed_many([])
    assert not channel.is_degraded


# --- in a session -----------------------------------------------------------------------------


def ready_session():
    session = Session(flags=0)
    session.open(0.0)
    session.feed([b'{"event":"info","version":2}'], 0.0)
    return session


def test_liquidations_are_ready_with_the_acknowledgement():
    session = ready_session()
    session.apply(Subscribe("t", channel_for("status", key="liq:global")), 0.0)
    ack = b'{"event":"subscribed","channel":"status","chanId":7,"key":"liq:global"}'
    outputs = session.feed([ack], 0.1)
    assert Resolve("t") in outputs
    assert Deliver("t", [Snapshot([])]) in outputs


def test_resubscribe_sends_the_same_request_again_after_a_gap():
    session = ready_session()
    session.apply(Subscribe("t", candles()), 0.0)
    ack = b'{"event":"subscribed","channel":"candles","chanId":7,"key":"trade:1m:tBTCUSD"}'
    session.feed([ack, b"[7,[]]"], 0.1)
    gap, unsubscribe, subscribe = session.apply(Resubscribe("t"), 0.2)
    assert gap.updates[0].reason
    assert isinstance(unsubscribe, Send) and '"chanId":7' in unsubscribe.text
    assert '"key":"trade:1m:tBTCUSD"' in subscribe.text


def test_resubscribe_of_what_is_not_there_does_nothing():
    session = ready_session()
    assert session.apply(Resubscribe("t"), 0.0) == []
    session.apply(Subscribe("t", candles()), 0.0)
    assert session.apply(Resubscribe("t"), 0.0) == [], "not acknowledged yet"


# --- bounds -----------------------------------------------------------------------------------


def test_frames_of_too_many_unknown_channels_cause_a_resubscription():
    session = ready_session()
    session.apply(Subscribe("t", candles()), 0.0)
    session.feed([f'[{number},"hb"]'.encode() for number in range(100, 400)], 0.0)
    session.feed([b"[9,[]]"], 0.0)
    ack = b'{"event":"subscribed","channel":"candles","chanId":9,"key":"trade:1m:tBTCUSD"}'
    outputs = session.feed([ack], 0.1)
    texts = [output.text for output in outputs if isinstance(output, Send)]
    assert '"unsubscribe"' in texts[0] and '"subscribe"' in texts[1], "asked once more"


def test_the_accounts_heartbeat_is_not_kept():
    session = ready_session()
    assert session.feed([b'[0,"hb"]'] * 2000, 0.0) == []


def test_a_code_may_come_as_text():
    session = ready_session()
    session.apply(Subscribe("t", candles()), 0.0)
    refusal = (
        b'{"event":"error","channel":"candles","key":"trade:1m:tBTCUSD","code":"11000"}'
    )
    (delayed,) = session.feed([refusal], 0.1)
    assert isinstance(delayed, Delayed) and delayed.error.retryable
    assert session.tick(1.2), "asked again a second later"
