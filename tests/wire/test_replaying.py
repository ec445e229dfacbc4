"""
A recorded session, driven with records: a tuple is what an exchange sent, a dict is an event.

Tokens are texts; what comes out is compared in a short form, see `told`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from bfxsync._base.enums import ConnectionStatus, LossCause
from bfxsync.errors import NetworkError, RemoteError, UsageError
from bfxsync.models import Gap, Snapshot, Status
from bfxsync.recording import contents as contents_module
from bfxsync.recording.contents import MAX_CHANNELS_SIZE, MAX_CONNECTIONS, Contents
from bfxsync.recording.format import (
    Lost,
    Missing,
    Opened,
    Received,
    Record,
    Sent,
    header,
    line_of,
)
from bfxsync.recording.session import RecordedSession
from bfxsync.wire.channels import channel_for
from bfxsync.wire.codec import loads_for
from bfxsync.wire.commands import Ping, Resubscribe, Subscribe, Unsubscribe
from bfxsync.wire.outputs import (
    Change,
    Deliver,
    Fail,
    Output,
    Reopen,
    Report,
    Requested,
    Resolve,
)

SEQ = 65536

INFO = {"event": "info", "version": 2, "platform": {"status": 1}}
CONF = {"event": "conf", "status": "OK", "flags": SEQ}

TICKER_ROW = [9.5, 1, 10, 2, 0, 0, 9.75, 100, 11, 9, None]


MTS = 1_574_694_000_000


def opened(conn: int = 1) -> Opened:
    return Opened(conn, 0.0, "wss://host/ws/2")


def got(value: Any, conn: int = 1) -> Received:
    return Received(conn, 0.0, json.dumps(value).encode())


def went(value: Any, conn: int = 1) -> Sent:
    return Sent(conn, 0.0, json.dumps(value))


def lost(code: int = 1006, reason: str = "gone", conn: int = 1) -> Lost:
    return Lost(conn, 0.0, code, reason)


def ack(channel: str, chan_id: int, sub_id: int | None = 77, **fields: Any) -> Any:
    body = {"event": "subscribed", "channel": channel, "chanId": chan_id}
    body.update({"symbol": "tBTCUSD", **fields})
    return body if sub_id is None else {**body, "subId": sub_id}


BOOK = {"prec": "P0", "freq": "F0", "len": "25"}


def handshake(conn: int = 1) -> list[Record]:
    conf = {"event": "conf", "flags": SEQ}
    return [opened(conn), got(INFO, conn), went(conf, conn), got(CONF, conn)]


def contents_of(records: list[Any]) -> Contents:
    return Contents.of([line_of(record).encode() for record in records])


def told(output: Output) -> Any:
    """An output in short."""
    if isinstance(output, Deliver):
        items = [
            (
                f"gap: {item.reason}"
                if isinstance(item, Gap)
                else (
                    item.status.value
                    if isinstance(item, Status)
                    else (
                        f"snapshot {len(item.rows)}"
                        if isinstance(item, Snapshot)
                        else type(item).__name__
                    )
                )
            )
            for item in output.updates
        ]
        return (output.token, *items)
    if isinstance(output, Change):
        return output.status.value
    if isinstance(output, Reopen):
        return (output.cause.value, output.code, output.reason)
    if isinstance(output, Resolve):
        return (output.token, "resolved" if output.error is None else "refused")
    if isinstance(output, Report):
        return ("report", str(output.error))
    return type(output).__name__


class Played:
    """A recording that is played for some subscriptions."""

    def __init__(self, records: list[Record], **wanted: str) -> None:
        self.records = records
        self.session = RecordedSession(contents_of(records))
        for token, arguments in wanted.items():
            self.subscribe(token, arguments)

    def subscribe(self, token: str, arguments: str) -> None:
        channel, *rest = arguments.split()
        name = "key" if channel in ("candles", "status") else "symbol"
        fields = dict(zip([name, "prec", "freq", "len"], rest))
        made = channel_for(channel, **fields)
        assert self.session.apply(Subscribe(token, made), 0.0) == []

    def outputs(self) -> list[Any]:
        """All that comes of it, in short."""
        found: list[Any] = []
        for now, record in enumerate(self.records):
            outputs = self.session.play(record, float(now))
            found += [told(output) for output in outputs]
        return [what for what in found if what not in ("Requested", "Acknowledged")]

    def of(self, token: str) -> list[Any]:
        """What a token was told."""
        return [what[1:] for what in self.outputs() if what[0] == token]


def trade(chan_id: int, number: int, seq: int) -> Any:
    return [chan_id, "te", [number, MTS + number, 0.5, 100.0], seq]


# --- what there is -------------------------------------------------------------------------------


def test_the_contents_are_what_was_subscribed_and_agreed() -> None:
    contents = Contents.of(
        line.encode()
        for line in (
            header(5.0, "0.1.0"),
            line_of(Opened(1, 10.0, "wss://host")),
            line_of(Sent(1, 11.0, '{"event":"conf","flags":65536}')),
            line_of(Received(1, 12.0, json.dumps(CONF).encode())),
            line_of(Received(1, 13.0, json.dumps(ack("ticker", 7)).encode())),
            line_of(Received(1, 14.0, json.dumps(ack("book", 8, **BOOK)).encode())),
            line_of(Received(1, 15.0, json.dumps(ack("ticker", 9, 78)).encode())),
            line_of(Missing(1, 16.0, 12)),
            line_of(Missing(1, 17.0, 3)),
            line_of(Received(1, 18.0, b'[7,"hb"]')),
            line_of(Received(1, 19.5, b'[7,"hb"]')),
        )
    )
    assert (contents.begin, contents.end, contents.missing_count) == (10.0, 19.5, 15)
    assert contents.channels == [
        {"channel": "ticker", "symbol": "tBTCUSD"},
        {"channel": "book", "symbol": "tBTCUSD", **BOOK},
    ]
    assert contents.flags == {1: SEQ}
    assert contents.has(channel_for("ticker", symbol="tBTCUSD"))
    assert contents.has(channel_for("book", symbol="tBTCUSD"))
    assert not contents.has(channel_for("book", symbol="tBTCUSD", len="100"))
    assert not contents.has(channel_for("trades", symbol="tBTCUSD"))


def test_the_period_begins_and_ends_with_any_record() -> None:
    data = [Received(1, at, b'[7,"hb"]') for at in (10.0, 20.0)]
    contents = contents_of([*data, Lost(1, 30.0, 1006, "gone")])
    assert (contents.begin, contents.end) == (10.0, 30.0)


def test_fields_of_channels_may_have_the_largest_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = [got(ack("ticker", 7))]
    size = len(repr({"channel": "ticker", "symbol": "tBTCUSD"}))
    monkeypatch.setattr(contents_module, "MAX_CHANNELS_SIZE", size)
    assert len(contents_of(records).channels) == 1
    monkeypatch.setattr(contents_module, "MAX_CHANNELS_SIZE", size - 1)
    with pytest.raises(RemoteError, match="too many channels"):
        contents_of(records)


@pytest.mark.parametrize("lines", [[], [header(1.0, "0.1.0").encode()]])
def test_there_may_be_nothing(lines: list[bytes]) -> None:
    contents = Contents.of(lines)
    assert (contents.begin, contents.end, contents.channels) == (None, None, [])


@pytest.mark.parametrize(
    ("events", "flags"),
    [
        ([], {}),
        ([went({"event": "conf", "flags": 5})], {}),
        ([got({"event": "conf", "status": "OK", "flags": 7})], {1: 7}),
        ([went({"event": "conf", "flags": 5}), got({"event": "conf"})], {1: 5}),
        ([got({"event": "conf"})], {1: 0}),
        ([got(CONF, 2), got(INFO), got("conf"), went("conf")], {2: SEQ}),
        ([Received(1, 0.0, b'{"event":"conf"'), Sent(1, 0.0, "")], {}),
    ],
)
def test_flags_count_where_the_exchange_answered(
    events: list[Record], flags: dict[int, int]
) -> None:
    assert contents_of(events).flags == flags


def test_a_broken_recording_is_found_at_once() -> None:
    with pytest.raises(RemoteError):
        Contents.of([b'{"t":1,"conn":1,'])
    with pytest.raises(UsageError):
        Contents.of([b'{"format":"bfxsync recording","version":99}'])


# --- what is told --------------------------------------------------------------------------------


def test_a_channel_gets_what_the_recorded_client_got() -> None:
    played = Played(
        [
            *handshake(),
            went({"event": "subscribe", "channel": "trades", "symbol": "tBTCUSD"}),
            got(ack("trades", 5, 1)),
            got([5, [[2, MTS + 2, 1, 9.5], [1, MTS, 1, 9.5]], 1]),
            got([5, "hb", 2]),
            got(trade(5, 3, 3)),
            lost(1000, ""),
        ],
        a="trades tBTCUSD",
    )
    assert played.outputs() == [
        "open",
        ("a", "snapshot 2"),
        ("a", "resolved"),
        ("a", "Trade"),
        "closed",
        ("closed", 1000, ""),
    ]
    assert played.session.frame_count == 6
    assert played.session.tokens == ["a"]


def test_the_numbers_of_requests_do_not_matter() -> None:
    """The recorded client asked for others before, and in another order."""
    played = Played(
        [
            *handshake(),
            got(ack("ticker", 5, 1, symbol="tETHUSD")),
            got(ack("book", 6, 2, **BOOK)),
            got(ack("ticker", 7, 3)),
            got([5, TICKER_ROW, 1]),
            got([6, [[9.5, 1, 1]], 2]),
            got([7, TICKER_ROW, 3]),
        ],
        a="ticker tBTCUSD",
        b="book tBTCUSD P0 F0 25",
    )
    assert played.outputs() == [
        "open",
        ("b", "snapshot 1"),
        ("b", "resolved"),
        ("a", "snapshot 1", "Ticker"),
        ("a", "resolved"),
    ]


def test_unsubscribed_channels_have_no_outputs() -> None:
    played = Played(
        [
            *handshake(),
            got(ack("ticker", 5)),
            *[got([5, TICKER_ROW, n]) for n in range(1, 2_000)],
            got(ack("trades", 6)),
            got([6, [], 2_000]),
        ],
        a="trades tBTCUSD",
    )
    assert played.of("a") == [("snapshot 0",), ("resolved",)]


def test_a_loss_is_a_gap_until_the_next_snapshot() -> None:
    again = [*handshake(), got(ack("ticker", 9)), got([9, TICKER_ROW, 1])]
    played = Played(
        [
            *handshake(),
            got(ack("ticker", 5)),
            got([5, TICKER_ROW, 1]),
            lost(1006, "the link broke"),
            *again,
            lost(1012, "a restart"),
            *again,
        ],
        a="ticker tBTCUSD",
    )
    data = ("a", "snapshot 1", "Ticker")
    assert played.outputs() == [
        *("open", data, ("a", "resolved"), "reconnecting"),
        ("a", "gap: the link broke"),
        ("broken", 1006, "the link broke"),
        *("open", data, "reconnecting"),
        ("a", "gap: a restart"),
        ("closed", 1012, "a restart"),
        *("open", data),
    ]


def test_r03_any_cut_gives_a_gap_a_snapshot_and_updates() -> None:
    run: list[Record] = [
        *handshake(),
        got(ack("ticker", 5)),
        got([5, TICKER_ROW, 1]),
        got(ack("trades", 6)),
        got([6, [[1, MTS, 1, 9.5]], 2]),
        got(ack("book", 7, **BOOK)),
        got(trade(6, 2, 3)),
        got([7, [[9.5, 1, 1], [9.6, 1, -1]], 4]),
        got([7, [9.4, 1, 1], 5]),
        got([5, TICKER_ROW, 6]),
        got(trade(6, 3, 7)),
        got([7, [9.4, 0, 1], 8]),
    ]
    wanted = {
        "a": "ticker tBTCUSD",
        "b": "trades tBTCUSD",
        "c": "book tBTCUSD P0 F0 25",
    }
    for cut in range(1, len(run) + 1):
        played = Played([*run[:cut], lost(), *run], **wanted)
        told_before, told_all = Played(run[:cut], **wanted), played.outputs()
        before = told_before.outputs()
        for token in wanted:
            items = [what[1:] for what in told_all if what[0] == token]
            earlier = [what[1:] for what in before if what[0] == token]
            assert items[: len(earlier)] == earlier
            kinds = [kind for what in items[len(earlier) :] for kind in what]
            if earlier:
                assert kinds[0] == "gap: gone"
                kinds = kinds[1:]
            assert kinds[0].startswith("snapshot") and "gap" not in str(kinds)
            # A trade that came before the cut does not come again.
            assert len(kinds) > 1 or token == "b"


def test_a_sequence_hole_is_reported_once() -> None:
    """A hole in the sequence; the recorded client closed, and its loss was recorded too."""
    reason = "a frame was lost: sequence number 3 after 1"
    played = Played(
        [
            *handshake(),
            got(ack("ticker", 5)),
            got([5, TICKER_ROW, 1]),
            got([5, TICKER_ROW, 3]),
            got([5, TICKER_ROW, 4]),
            lost(1006, reason),
            *handshake(),
            got(ack("ticker", 9)),
            got([9, TICKER_ROW, 1]),
        ],
        a="ticker tBTCUSD",
    )
    data = ("a", "snapshot 1", "Ticker")
    outputs = played.outputs()
    assert outputs[0:3] == ["open", data, ("a", "resolved")]
    assert outputs[3] == ("report", "sequence number 3 after 1")
    assert outputs[4:] == [
        "reconnecting",
        ("a", f"gap: {reason}"),
        ("sequence", 1006, reason),
        "open",
        data,
    ]


def test_a_book_that_was_healed_is_healed_again() -> None:
    played = Played(
        [
            *handshake(),
            got(ack("book", 5, **BOOK)),
            got([5, [[9.5, 1, 1]], 1]),
            got([5, "cs", 12345, 2]),
            went({"event": "unsubscribe", "chanId": 5}),
            went({"event": "subscribe", "channel": "book", "symbol": "tBTCUSD"}),
            got([5, [9.6, 1, 1], 3]),
            got({"event": "unsubscribed", "status": "OK", "chanId": 5}),
            got(ack("book", 6, **BOOK)),
            got([6, [[9.5, 1, 1], [9.6, 1, 1]], 4]),
            got([6, [9.6, 0, 1], 5]),
        ],
        a="book tBTCUSD P0 F0 25",
    )
    assert played.of("a") == [
        ("snapshot 1",),
        ("resolved",),
        ("gap: the checksum of the book did not match",),
        ("snapshot 2",),
        ("BookUpdate",),
    ]


def test_a_crossed_book_is_given_up_where_the_client_did() -> None:
    """Not for the times of the messages: the recording machine may have slept meanwhile."""
    records = [
        *handshake(),
        got(ack("book", 5, **BOOK)),
        got([5, [[9.5, 1, 1], [9.6, 1, -1]], 1]),
        got([5, [9.7, 1, 1], 2]),
        *(got([5, "hb", number]) for number in range(3, 13)),
    ]
    healed = [
        went({"event": "unsubscribe", "chanId": 5}),
        went({"event": "subscribe", "channel": "book", "symbol": "tBTCUSD"}),
        got(ack("book", 6, **BOOK)),
        got([6, [[9.5, 1, 1], [9.6, 1, -1]], 14]),
    ]
    unhealed = [got([5, [9.7, 0, 1], 13])]
    start: list[Any] = [("snapshot 2",), ("resolved",), ("BookUpdate",)]
    played = Played([*records, *unhealed], a="book tBTCUSD P0 F0 25")
    assert played.of("a") == [*start, ("BookUpdate",)]
    played = Played([*records, got([5, "hb", 13]), *healed], a="book tBTCUSD P0 F0 25")
    gap = "gap: the recorded client subscribed again"
    assert played.of("a") == [*start, (gap,), ("snapshot 2",)]


def test_a_pause_of_the_recorded_clients_subscription_is_a_gap() -> None:
    for farewell in (
        [got({"event": "unsubscribed", "status": "OK", "chanId": 5})],
        # Its answer came after the next request, or never.
        [went({"event": "subscribe", "channel": "ticker", "symbol": "tBTCUSD"})],
        [],
    ):
        played = Played(
            [
                *handshake(),
                got(ack("ticker", 5)),
                got([5, TICKER_ROW, 1]),
                went({"event": "unsubscribe", "chanId": 5}),
                *farewell,
                got(ack("ticker", 6)),
                got([6, TICKER_ROW, 2]),
            ],
            a="ticker tBTCUSD",
        )
        kinds = [what[0].partition(":")[0] for what in played.of("a")]
        assert kinds == ["snapshot 1", "resolved", "gap", "snapshot 1"]


def test_connections_have_numbers_and_losses_of_their_own() -> None:
    played = Played(
        [
            *handshake(1),
            *handshake(2),
            got(ack("ticker", 5), 1),
            got(ack("ticker", 5, symbol="tETHUSD"), 2),
            got([5, TICKER_ROW, 1], 2),
            got([5, TICKER_ROW, 1], 1),
            lost(conn=2),
            got([5, TICKER_ROW, 2], 2),
            got([5, TICKER_ROW, 2], 1),
            lost(1000, "", 2),
        ],
        a="ticker tBTCUSD",
        b="ticker tETHUSD",
    )
    # The state shown is that of the first.
    assert played.outputs() == [
        "open",
        ("b", "snapshot 1", "Ticker"),
        ("b", "resolved"),
        ("a", "snapshot 1", "Ticker"),
        ("a", "resolved"),
        ("b", "gap: gone"),
        ("broken", 1006, "gone"),
        ("a", "Ticker"),
    ]


def test_a_channel_may_move_to_another_connection() -> None:
    full = {"event": "error", "code": 10305, "msg": "full", "channel": "ticker"}
    played = Played(
        [
            *handshake(1),
            *handshake(2),
            got(ack("trades", 4), 1),
            went({"event": "subscribe", "channel": "ticker", "symbol": "tBTCUSD"}),
            got({**full, "symbol": "tBTCUSD", "subId": 1}),
            got(ack("ticker", 5), 2),
            got([5, TICKER_ROW, 1], 2),
            got({"event": "unsubscribed", "status": "OK", "chanId": 5}, 2),
            got(ack("ticker", 8), 1),
            got([8, TICKER_ROW, 1], 1),
            got([5, TICKER_ROW, 2], 2),
        ],
        a="ticker tBTCUSD",
        b="trades tBTCUSD",
    )
    assert played.of("a") == [
        ("snapshot 1", "Ticker"),
        ("resolved",),
        ("gap: the exchange ended the channel",),
        ("snapshot 1", "Ticker"),
    ]


def test_r09_connections_of_a_recording_are_bounded() -> None:
    records = [opened(number) for number in range(1, MAX_CONNECTIONS + 2)]
    session = RecordedSession(Contents())
    for record in records[:-1]:
        session.play(record, 0.0)
    with pytest.raises(RemoteError, match="more than 10000 connections"):
        session.play(records[-1], 0.0)
    with pytest.raises(RemoteError, match="more than 10000 connections"):
        contents_of([got(CONF, record.connection) for record in records])
    asked = {"event": "conf", "flags": SEQ}
    with pytest.raises(RemoteError, match="more than 10000 connections"):
        contents_of([went(asked, record.connection) for record in records])


def test_r09_channels_of_a_recording_are_bounded() -> None:
    def acks(size: int) -> list[Any]:
        fields = {"event": "subscribed", "channel": "ticker"}
        return [got({**fields, "symbol": f"{n:0{size}}"}) for n in range(200)]

    size = MAX_CHANNELS_SIZE // 200
    again = acks(size - 50) + acks(size - 50)
    assert len(contents_of(again).channels) == 200
    with pytest.raises(RemoteError, match="too many channels"):
        contents_of(acks(size))


def test_a_refusal_before_a_success_is_ignored() -> None:
    refusal = {"event": "error", "code": 10300, "msg": "no", "channel": "ticker"}
    request = {"event": "subscribe", "channel": "ticker", "symbol": "tBTCUSD"}
    played = Played(
        [
            *handshake(),
            went({**request, "subId": 1}),
            got({**refusal, "symbol": "tBTCUSD", "subId": 1}),
            got(ack("ticker", 5, 2)),
            got([5, TICKER_ROW, 1]),
            lost(),
            *handshake(),
            went({**request, "subId": 3}),
            got({**refusal, "symbol": "tBTCUSD", "subId": 3}),
            got(ack("ticker", 6, 4)),
            got([6, TICKER_ROW, 1]),
        ],
        a="ticker tBTCUSD",
    )
    assert played.of("a") == [
        ("snapshot 1", "Ticker"),
        ("resolved",),
        ("gap: gone",),
        # As it was for the recorded client: the end.
        ("rejected",),
        ("refused",),
    ]
    assert played.session.tokens == []


def went_subscribe(symbol: str = "tBTCUSD") -> Sent:
    return went({"event": "subscribe", "channel": "ticker", "symbol": symbol})


def test_a_refusal_answers_the_recorded_request() -> None:
    refusal = {"event": "error", "code": 10300, "msg": "no", "channel": "ticker"}
    played = Played(
        [
            *handshake(),
            went_subscribe(),
            got({**refusal, "symbol": "tBTCUSD"}),
        ],
        a="ticker tBTCUSD",
    )
    # Not an error of unknown origin.
    assert played.outputs() == ["open"]


def test_a_channel_is_requested_once_when_its_request_was_recorded() -> None:
    records = [*handshake(), went_subscribe(), got(ack("ticker", 5))]
    played = Played(records, a="ticker tBTCUSD")
    outputs = [out for record in records for out in played.session.play(record, 0.0)]
    assert outputs.count(Requested("a")) == 1


@pytest.mark.parametrize("sub_id", [77, None], ids=["with", "without"])
@pytest.mark.parametrize("chan_id", [5, 6], ids=["the same id", "another id"])
def test_an_acknowledgement_without_request_subscribes_again(
    chan_id: int, sub_id: int | None
) -> None:
    played = Played(
        [
            *handshake(),
            went_subscribe(),
            got(ack("ticker", 5, sub_id)),
            got([5, TICKER_ROW, 1]),
            got(ack("ticker", chan_id, sub_id)),
            got([chan_id, TICKER_ROW, 2]),
        ],
        a="ticker tBTCUSD",
    )
    assert played.of("a") == [
        ("snapshot 1", "Ticker"),
        ("resolved",),
        ("gap: the recorded client subscribed again",),
        ("snapshot 1", "Ticker"),
    ]


def test_a_channel_without_room_may_be_subscribed_there_later() -> None:
    full = {"event": "error", "code": 10305, "msg": "full", "channel": "ticker"}
    played = Played(
        [
            *handshake(),
            got(ack("ticker", 5)),
            went_subscribe("tETHUSD"),
            got({**full, "symbol": "tETHUSD"}),
            got(ack("ticker", 6, symbol="tETHUSD")),
            got([6, TICKER_ROW, 1]),
        ],
        a="ticker tBTCUSD",
        b="ticker tETHUSD",
    )
    assert played.of("b") == [("snapshot 1", "Ticker"), ("resolved",)]


def test_a_request_before_the_flags_is_answered_on_the_next_socket() -> None:
    conf = [went({"event": "conf", "flags": SEQ}), got(CONF)]
    played = Played(
        [
            *handshake(),
            went_subscribe(),
            got(ack("ticker", 5)),
            got([5, TICKER_ROW, 1]),
            *[lost(), opened(), got(INFO), went_subscribe(), *conf],
            got(ack("ticker", 6)),
            got([6, TICKER_ROW, 1]),
        ],
        a="ticker tBTCUSD",
    )
    assert played.of("a")[-2:] == [("gap: gone",), ("snapshot 1", "Ticker")]


def test_an_info_code_opens_no_lost_connection() -> None:
    records = [*handshake(), lost(), got({"event": "info", "code": 20060})]
    played = Played(records, a="ticker tBTCUSD")
    assert played.outputs() == ["open", "reconnecting", ("broken", 1006, "gone")]


def test_maintenance_is_replayed() -> None:
    played = Played(
        [
            *handshake(),
            got(ack("ticker", 5)),
            got([5, TICKER_ROW, 1]),
            got({"event": "info", "code": 20060, "msg": ""}),
            got({"event": "info", "code": 20061, "msg": ""}),
            got(ack("ticker", 6)),
            got([6, TICKER_ROW, 2]),
            got({"event": "info", "code": 20051, "msg": ""}),
            got([6, TICKER_ROW, 3]),
        ],
        a="ticker tBTCUSD",
    )
    reason = "the server stops or restarts (20051)"
    assert played.outputs()[3:] == [
        "maintenance",
        ("a", "maintenance"),
        "open",
        ("a", "gap: maintenance ended"),
        ("a", "snapshot 1", "Ticker"),
        "reconnecting",
        ("a", f"gap: {reason}"),
        ("restart", 1012, reason),
    ]


def test_missing_messages_silence_a_connection_until_its_next_opening() -> None:
    played = Played(
        [
            *handshake(),
            got(ack("ticker", 5)),
            got([5, TICKER_ROW, 1]),
            Missing(1, 0.0, 12),
            got([5, TICKER_ROW, 14]),
            got(ack("ticker", 6)),
            lost(),
            *handshake(),
            got(ack("ticker", 6)),
            got([6, TICKER_ROW, 1]),
        ],
        a="ticker tBTCUSD",
    )
    assert played.outputs()[3:] == [
        ("a", "gap: 12 messages were not recorded"),
        ("report", "12 messages were not recorded"),
        "open",
        ("a", "snapshot 1", "Ticker"),
    ]


def test_data_may_come_before_the_acknowledgement() -> None:
    played = Played(
        [*handshake(), got([5, TICKER_ROW, 1]), got(ack("ticker", 5))],
        a="ticker tBTCUSD",
    )
    assert played.of("a") == [("snapshot 1", "Ticker"), ("resolved",)]


def test_recordings_of_other_programs_have_neither_openings_nor_request_numbers() -> (
    None
):
    records = [
        went({"event": "conf", "flags": SEQ}),
        went({"event": "subscribe", "channel": "ticker", "symbol": "tBTCUSD"}),
        got(INFO),
        got(CONF),
        got(ack("ticker", 5, None)),
        got([5, TICKER_ROW, 1]),
        # Another connection, as the greeting says.
        got(INFO),
        got(CONF),
        got(ack("ticker", 6, None)),
        got([6, TICKER_ROW, 1]),
    ]
    data = ("a", "snapshot 1", "Ticker")
    played = Played(records, a="ticker tBTCUSD")
    assert played.outputs()[:3] == ["open", data, ("a", "resolved")]
    lost_between = Played([*records[:6], lost(), *records[6:]], a="ticker tBTCUSD")
    assert lost_between.outputs()[3:] == [
        "reconnecting",
        ("a", "gap: gone"),
        ("broken", 1006, "gone"),
        "open",
        data,
    ]


def test_without_an_answer_about_flags_there_are_none() -> None:
    played = Played(
        [opened(), got(INFO), got(ack("ticker", 5)), got([5, TICKER_ROW])],
        a="ticker tBTCUSD",
    )
    assert played.outputs()[:2] == ["open", ("a", "snapshot 1", "Ticker")]


def test_a_connection_that_is_opened_twice_was_lost_between() -> None:
    played = Played(
        [
            *handshake(),
            got(ack("ticker", 5)),
            got([5, TICKER_ROW, 1]),
            *handshake(),
        ],
        a="ticker tBTCUSD",
    )
    assert played.of("a")[2:] == [("gap: the connection was replaced",)]


def test_messages_after_a_loss_are_ignored() -> None:
    played = Played(
        [
            *handshake(),
            got(ack("ticker", 5)),
            lost(),
            lost(),
            got([5, TICKER_ROW, 1]),
            got(ack("ticker", 5)),
        ],
        a="ticker tBTCUSD",
    )
    assert played.of("a") == []


def test_a_version_that_is_not_ours_ends_it() -> None:
    played = Played([opened(), got({**INFO, "version": 3})])
    assert played.outputs() == ["Fail"]


def test_garbage_is_reported_as_it_was() -> None:
    for garbage in (b"[1,", b'{"event":', b"1", b"\xff"):
        records = [*handshake(), Received(1, 0.0, garbage)]
        outputs = Played(list(records)).outputs()
        assert [what[0] for what in outputs if what != "open"] == ["report"]


def test_the_recorded_account_is_ignored() -> None:
    played = Played(
        [
            *handshake(),
            went({"event": "auth", "apiKey": "***"}),
            got({"event": "auth", "status": "OK", "chanId": 0}),
            got([0, "ws", [], 1, 0]),
        ]
    )
    assert played.outputs() == ["open"]


# --- what a user asks ----------------------------------------------------------------------------


def test_an_unsubscribed_channel_gets_nothing_more() -> None:
    records = [
        *handshake(),
        got(ack("ticker", 5)),
        got([5, TICKER_ROW, 1]),
        got([5, TICKER_ROW, 2]),
        got(ack("ticker", 6)),
        got([6, TICKER_ROW, 3]),
    ]
    session = RecordedSession(contents_of(list(records)))
    channel = channel_for("ticker", symbol="tBTCUSD")
    session.apply(Subscribe("a", channel), 0.0)
    for record in records[:-3]:
        session.play(record, 0.0)
    assert channel.is_live
    assert session.apply(Unsubscribe("a"), 0.0) == []
    assert [out for r in records[-3:] for out in session.play(r, 0.0)] == []
    assert session.tokens == []
    assert session.apply(Unsubscribe("a"), 0.0) == []


def test_a_late_subscription_starts_with_the_next_snapshot() -> None:
    played = Played(
        [
            *handshake(),
            got(ack("ticker", 5)),
            got([5, TICKER_ROW, 1]),
            got(ack("ticker", 6)),
            got([6, TICKER_ROW, 2]),
        ]
    )
    session, records = played.session, played.records
    for record in records[:-2]:
        session.play(record, 0.0)
    played.subscribe("a", "ticker tBTCUSD")
    outputs = [out for record in records[-2:] for out in session.play(record, 0.0)]
    assert ("a", "snapshot 1", "Ticker") in [told(output) for output in outputs]


def test_a_recording_answers_nothing_and_has_no_deadlines() -> None:
    session = RecordedSession(Contents(), loads_for(float))
    (output,) = session.apply(Ping("p", 5.0), 0.0)
    assert isinstance(output, Resolve) and isinstance(output.error, NetworkError)
    assert session.apply(Resubscribe("a"), 0.0) == []
    assert session.lose("the end") == []


def test_the_outputs_are_the_sessions_own() -> None:
    """Of what `told` leaves out."""
    session = RecordedSession(contents_of([]))
    (output,) = session.play(got({**INFO, "version": 3}), 0.0)
    assert isinstance(output, Fail)
    session = RecordedSession(contents_of([]))
    outputs = [o for r in (opened(), got(INFO)) for o in session.play(r, 0.0)]
    assert outputs == [Change(ConnectionStatus.OPEN)]
    outputs = session.play(lost(4000, "x"), 0.0)
    assert outputs == [
        Change(ConnectionStatus.RECONNECTING),
        Reopen("x", LossCause.CLOSED, 4000),
    ]
