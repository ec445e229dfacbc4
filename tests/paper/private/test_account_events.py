"""The events of the account channel and their numbers, without sockets."""

from __future__ import annotations

from typing import Any

import pytest

from bfxsync.paper.server.calculations import RECALCULATE_S

from ..support import SEQ
from .channel import ChannelSession, auth_message, codes_of, rows_of
from .support import EngineHarness

TIMESTAMP = 32768


@pytest.fixture
def channel(harness: EngineHarness) -> ChannelSession:
    channel = ChannelSession(harness)
    channel.log_in()
    return channel


def test_a_resting_order_is_new_then_closed(channel: ChannelSession) -> None:
    harness = channel.harness
    order = harness.submit("EXCHANGE LIMIT", "0.5", 100, cid=7)
    frames = channel.take()
    # The hold changes the wallet, too.
    assert codes_of(frames) == ["wu", "on"]
    assert rows_of("on", frames) == [order.row()]
    (wallet,) = rows_of("wu", frames)
    assert wallet[:3] == ["exchange", "USD", 100_000] and wallet[4] == 99_950
    harness.engine.update(harness.account, order, {"price": "200"})
    frames = channel.take()
    assert rows_of("ou", frames) == [order.row()]
    harness.engine.cancel(harness.account, [order])
    frames = channel.take()
    assert rows_of("oc", frames) == [order.row()]
    assert rows_of("oc", frames)[0][13] == "CANCELED"


def test_an_order_that_fills_at_once_is_only_closed(channel: ChannelSession) -> None:
    channel.harness.submit("EXCHANGE MARKET", "0.1", cid=7)
    frames = channel.take()
    assert [code for code in codes_of(frames) if code[0] == "o"] == ["oc"]
    (executed,), (confirmed,) = rows_of("te", frames), rows_of("tu", frames)
    assert executed[9:] == [None, None, 7] and len(executed) == 12
    assert confirmed[:9] == executed[:9] and confirmed[10:] == ["BTC", 7]
    assert rows_of("oc", frames)[0][6] == 0


def test_a_sale_has_a_negative_amount_in_the_meta(channel: ChannelSession) -> None:
    channel.harness.submit("EXCHANGE MARKET", "-0.001")
    channel.harness.submit("MARKET", "-0.001")
    frames = channel.take()
    sold, *_ = [row for row in rows_of("wu", frames) if row[2] == 9.999]
    assert sold[5].startswith("Exchange 0.001 BTC for USD @ ")
    metas = [sold[6], *(row[19] for row in rows_of("pn", frames))]
    for meta, executed in zip(metas, rows_of("te", frames)):
        assert float(meta["trade_amount"]) == executed[4] < 0


def test_a_deposit_is_notified_and_changes_a_wallet(channel: ChannelSession) -> None:
    channel.harness.account.deposit("exchange", "BTC", "1.5")
    (_, _, note), (_, code, wallet) = channel.take()
    text = "Deposit of 1.5 BTC to wallet exchange"
    assert note[1:] == ["deposit_new", None, None, None, None, "SUCCESS", text]
    assert (code, wallet[:3]) == ("wu", ["exchange", "BTC", 11.5])


def test_all_sockets_of_an_account_get_its_events(harness: EngineHarness) -> None:
    first, second, other = (ChannelSession(harness) for _ in range(3))
    first.log_in()
    second.log_in()
    other.log_in("other-key", "other-secret")
    harness.submit("EXCHANGE LIMIT", "0.1", 100)
    frames = first.take()
    assert codes_of(frames) == ["wu", "on"]
    assert second.take() == frames and other.take() == []
    second.session.close()
    harness.submit("EXCHANGE LIMIT", "0.1", 100)
    assert codes_of(first.take()) == ["wu", "on"] and second.take() == []


def test_events_come_even_before_the_snapshots(harness: EngineHarness) -> None:
    channel = ChannelSession(harness)
    channel.send(auth_message())
    order = harness.submit("EXCHANGE LIMIT", "0.1", 100)
    assert codes_of(channel.take()) == ["wu", "on"]
    assert rows_of("os", channel.pass_time()) == [[order.row()]]


def test_uncalculated_values_are_null(channel: ChannelSession) -> None:
    channel.harness.submit("MARKET", "0.1")
    channel.harness.submit("MARKET", "0.1", symbol="tBTCF0:USTF0")
    frames = channel.take()
    assert len(rows_of("pn", frames)) == 2
    later = ChannelSession(channel.harness)
    snapshots = later.log_in()
    (positions,), (wallets,) = rows_of("ps", snapshots), rows_of("ws", snapshots)
    for row in [*rows_of("pn", frames), *positions]:
        assert row[6:10] == [None] * 4 and len(row) == 20
    assert {row[4] for row in wallets} == {None}
    # The state has its numbers.
    account = channel.harness.account
    assert all(wallet.row()[4] is not None for wallet in account.wallets)


@pytest.mark.parametrize(
    ("flags", "tails"),
    [
        (0, [[], [], [], []]),
        (SEQ, [[6, 0], [7], [8, 1], [9, 2]]),
        (TIMESTAMP, [["ts"], ["ts"], ["ts"], ["ts"]]),
        (SEQ | TIMESTAMP, [[6, 0, "ts"], [7, "ts"], [8, 1, "ts"], [9, 2, "ts"]]),
    ],
)
def test_frames_have_two_numbers_and_heartbeats_one(
    harness: EngineHarness, flags: int, tails: list[Any]
) -> None:
    channel = ChannelSession(harness)
    channel.send({"event": "conf", "flags": flags})
    snapshots = channel.log_in()
    channel.session.heartbeat()
    harness.submit("EXCHANGE LIMIT", "0.1", 100)
    heartbeat, *events = channel.take()
    assert heartbeat[:2] == [0, "hb"]
    found = [snapshots[-1][3:], heartbeat[2:], *(frame[3:] for frame in events)]
    assert found == [
        [harness.now if part == "ts" else part for part in tail] for tail in tails
    ]


def test_the_second_number_is_zero_until_all_snapshots_came(
    harness: EngineHarness,
) -> None:
    channel = ChannelSession(harness)
    channel.send({"event": "conf", "flags": SEQ})
    channel.send(auth_message())
    harness.submit("EXCHANGE LIMIT", "0.1", 100)
    frames = [*channel.take(), *channel.pass_time()]
    assert [frame[3:] for frame in frames] == [[n, 0] for n in range(1, 9)]


def test_all_channels_of_a_socket_share_one_sequence(
    channel: ChannelSession,
) -> None:
    channel.send({"event": "conf", "flags": SEQ})
    request = {"event": "subscribe", "channel": "trades", "symbol": "tBTCUSD"}
    _, snapshot = channel.send(request)
    channel.harness.submit("EXCHANGE MARKET", "0.1")
    frames = channel.take()
    assert {frame[0] for frame in frames} == {0, snapshot[0]}
    numbers = [frame[-2] if frame[0] == 0 else frame[-1] for frame in frames]
    begin = snapshot[-1]
    assert numbers == list(range(begin + 1, begin + 1 + len(frames)))


def test_calculated_events_follow_changes(channel: ChannelSession) -> None:
    harness = channel.harness
    for _ in range(3):
        harness.submit("EXCHANGE LIMIT", "0.1", 100)
    channel.take()
    assert [frame[1] for frame in channel.pass_time(RECALCULATE_S)] == ["bu"]
    harness.submit("MARKET", "0.1")
    channel.take()
    frames = channel.pass_time(RECALCULATE_S)
    assert sorted(codes_of(frames)) == ["bu", "fiu", "miu", "miu"]
    assert [row[:2] for row in rows_of("fiu", frames)] == [["sym", "fUSD"]]
    base, pair = rows_of("miu", frames)
    assert base[0] == "base" and pair[:2] == ["sym", "tBTCUSD"]
    assert channel.pass_time(RECALCULATE_S) == []


def test_no_calculated_event_follows_the_end(channel: ChannelSession) -> None:
    channel.harness.submit("EXCHANGE LIMIT", "0.1", 100)
    channel.take()
    channel.session.close()
    assert channel.pass_time(RECALCULATE_S) == []
