"""The account's channel in replays: what is played, on which connection, and what is not."""

from __future__ import annotations

import json
from typing import Any, List

import pytest
from account_peer import INFO, OK, SNAPSHOTS, TOKEN, order_row, trade_row

from bfxsync._base.enums import ConnectionStatus
from bfxsync.models import Gap, Snapshot, Ticker
from bfxsync.models.account_update import AccountUpdate
from bfxsync.recording import contents as contents_module
from bfxsync.recording.contents import Contents
from bfxsync.recording.format import (
    Lost,
    Missing,
    Opened,
    Received,
    Record,
    Sent,
    line_of,
    received_lines,
)
from bfxsync.recording.session import RecordedSession
from bfxsync.wire.channels import channel_for
from bfxsync.wire.channels.account import AccountChannel
from bfxsync.wire.commands import Subscribe, Unsubscribe
from bfxsync.wire.outputs import Change, Deliver, Reopen, Report, Requested, Resolve

SEQ = 65536
CONF = {"event": "conf", "status": "OK", "flags": SEQ}

TICKER_ROW = [9.5, 1, 10, 2, 0, 0, 9.75, 100, 11, 9, None]


def got(value: Any, conn: int = 1, at: float = 0.0) -> Received:
    return Received(conn, at, json.dumps(value).encode())


def opened(conn: int = 1, at: float = 0.0) -> List[Record]:
    return [
        Opened(conn, at, "wss://host/ws/2"),
        got(INFO, conn, at),
        Sent(conn, at, json.dumps({"event": "conf", "flags": SEQ})),
        got(CONF, conn, at),
        Sent(conn, at, json.dumps({"event": "auth", "apiKey": "fake"})),
        got(OK, conn, at),
    ]


def live(conn: int = 1, at: float = 0.0, rows: Any = ()) -> List[Record]:
    snapshots: List[Record] = [
        got([0, code, list(rows) if code == "os" else [], number, 0], conn, at)
        for number, code in enumerate(SNAPSHOTS, 1)
    ]
    return opened(conn, at) + snapshots


def play(
    records: List[Record], *, is_subscribed: bool = True, channel: Any = None
) -> List[Any]:
    """Return what a replay is told, in short."""
    lines = [line_of(record).encode() for record in records]
    session = RecordedSession(Contents.of(lines))
    if is_subscribed:
        channel = channel or AccountChannel()
        assert session.apply(Subscribe(TOKEN, channel), 0.0) == []
        assert session.tokens == [TOKEN]
    outputs = [
        output for record in records for output in session.play(record, record.at)
    ]
    return told(outputs)


def told(outputs: List[Any]) -> List[Any]:
    found: List[Any] = []
    for output in outputs:
        if isinstance(output, Deliver):
            found += [
                update.code if isinstance(update, AccountUpdate) else type(update)
                for update in output.updates
            ]
        else:
            found.append(type(output))
    return found


def test_what_was_recorded_of_an_account_is_played():
    records = live(rows=[order_row(1)])
    records += [got([0, "te", trade_row(9, 1), 7, 1]), got([0, "hb", 8])]
    assert play(records) == [Change, Requested, Snapshot, Resolve, "te"]


def test_without_a_subscription_an_account_is_not_played():
    assert play(live(), is_subscribed=False) == [Change]


def test_a_connection_without_authentication_is_not_an_account():
    records: List[Record] = opened()[:-1]
    assert play(records) == [Change]
    assert not Contents.of([line_of(each).encode() for each in records]).has(
        AccountChannel()
    )


@pytest.mark.parametrize("status", ["FAILED", None])
def test_a_refused_authentication_is_not_an_account(status):
    refused = {**OK, "status": status}
    contents = Contents.of([line_of(each).encode() for each in [got(refused)]])
    assert contents.accounts == set()


def test_a_loss_is_a_gap_and_the_next_socket_a_snapshot():
    lost = Lost(1, 1.0, 1006, "cut")
    updates = [update for update in play([*live(), lost, *live(at=2.0)])]
    kinds = [kind for kind in updates if kind in (Snapshot, Gap, Reopen)]
    assert kinds == [Snapshot, Gap, Reopen, Snapshot]


def test_a_missing_number_is_a_gap_until_the_next_socket():
    hole = got([0, "wu", ["exchange", "BTC", 1, 0, None, None, None], 9, 1])
    late = got([0, "hb", 10])
    kinds = play([*live(), hole, late, *live(at=2.0)])
    assert kinds.count(Gap) == 1 and kinds.count(Snapshot) == 2
    assert Report in kinds and Reopen in kinds


def test_messages_that_were_not_recorded_are_a_gap():
    kinds = play([*live(), Missing(1, 1.0, 3), got([0, "hb", 7], at=1.5)])
    assert kinds[-2:] == [Gap, Report]


def test_the_end_of_a_recording_is_no_gap():
    kinds = play([*live(), Lost(1, 1.0, 1000, "")])
    assert Gap not in kinds


def test_snapshots_that_did_not_come_are_not_waited_for():
    records = [*opened(), got([0, "os", [], 1, 0]), got([0, "hb", 2], at=0.5)]
    assert Snapshot not in play(records)
    assert Snapshot in play([*records, got([0, "hb", 3], at=2.0)])


def test_one_of_two_accounts_is_played_at_a_time():
    records = [*live(1), *live(2, rows=[order_row(1)]), Lost(1, 1.0, 1006, "cut")]
    records += live(2, at=2.0)
    channel = AccountChannel()
    kinds = play(records, channel=channel)
    assert [kind for kind in kinds if kind in (Snapshot, Gap)] == [
        Snapshot,
        Gap,
        Snapshot,
    ]


def test_an_account_is_played_until_it_is_unsubscribed():
    lines = [line_of(record).encode() for record in live()]
    session = RecordedSession(Contents.of(lines))
    session.apply(Subscribe(TOKEN, AccountChannel()), 0.0)
    session.apply(Subscribe("another", AccountChannel()), 0.0)
    assert session.tokens == [TOKEN]
    session.apply(Unsubscribe(TOKEN), 0.0)
    outputs = [out for record in live() for out in session.play(record, 0.0)]
    assert session.tokens == [] and told(outputs) == [Change]


def test_public_channels_of_the_same_connection_are_played_too():
    ack = {"event": "subscribed", "channel": "ticker", "chanId": 5}
    records = [*live(), got({**ack, "symbol": "tBTCUSD", "pair": "BTCUSD"})]
    records += [got([5, TICKER_ROW, 7]), got([0, "te", trade_row(9, 1), 8, 1])]
    lines = [line_of(record).encode() for record in records]
    session = RecordedSession(Contents.of(lines))
    session.apply(Subscribe(TOKEN, AccountChannel()), 0.0)
    session.apply(Subscribe("ticker", channel_for("ticker", symbol="tBTCUSD")), 0.0)
    outputs = [out for record in records for out in session.play(record, 0.0)]
    assert Ticker in told(outputs) and "te" in told(outputs)


def test_the_status_is_that_of_the_connection():
    lines = [line_of(record).encode() for record in live()]
    session = RecordedSession(Contents.of(lines))
    session.apply(Subscribe(TOKEN, AccountChannel()), 0.0)
    outputs = [out for record in live() for out in session.play(record, 0.0)]
    changes = [each for each in outputs if isinstance(each, Change)]
    assert [each.status for each in changes] == [ConnectionStatus.OPEN]


def test_the_number_of_accounts_is_bounded(monkeypatch):
    monkeypatch.setattr(contents_module, "MAX_CONNECTIONS", 1)
    records = [got(OK, 1), got(OK, 2)]
    with pytest.raises(Exception, match="more than 1 connections"):
        Contents.of([line_of(record).encode() for record in records])


def test_r15_secrets_in_notifications_are_not_recorded():
    info = {"token": "sentinel", "apiSecret": "sentinel"}
    row = [1, "ucm-x", None, None, info, None, "SUCCESS", ""]
    frame = json.dumps([0, "n", row, 1, 0], separators=(",", ":")).encode()
    assert "sentinel" not in received_lines(1, 1.0, [frame])
    sent = json.dumps([0, "n", None, {"type": "ucm-x", "info": info}])
    assert "sentinel" not in line_of(Sent(1, 1.0, sent))
