"""The bookkeeping alone; what comes of it on a connection is in `test_session`."""

from __future__ import annotations

import json
from typing import Any, List

import pytest

from bfxsync._base.enums import LossCause, SubscriptionStatus
from bfxsync.errors import (
    ApiError,
    RemoteError,
    RequestTimeout,
    SubscriptionRejected,
)
from bfxsync.models import Gap, Status
from bfxsync.wire.channels import channel_for
from bfxsync.wire.commands import Subscribe
from bfxsync.wire.outputs import (
    Acknowledged,
    Delayed,
    Deliver,
    Displaced,
    Output,
    Reopen,
    Report,
    Requested,
    Resolve,
    Send,
)
from bfxsync.wire.recovery import WINDOW_S
from bfxsync.wire.routing import MAX_BYTES, MAX_FRAMES
from bfxsync.wire.subscribe_requests import RETRY_S, UNANSWERED
from bfxsync.wire.subscription_state import SubscriptionState
from bfxsync.wire.subscriptions import (
    FAILURES,
    Acknowledgement,
    Subscriptions,
    error_text,
)

BTC = "tBTCUSD"
ETH = "tETHUSD"


def wanted(
    token: str = "btc",
    symbol: str = BTC,
    *,
    is_resolved: bool = False,
) -> Subscribe:
    return Subscribe(token, channel_for("book", symbol=symbol), is_resolved)


def request(sub_id: int, symbol: str = BTC) -> Send:
    return Send(
        '{"event":"subscribe","channel":"book","symbol":"%s","prec":"P0","freq":"F0",'
        '"len":"25","subId":%d}' % (symbol, sub_id)
    )


def end(chan_id: int) -> Send:
    return Send('{"event":"unsubscribe","chanId":%d}' % chan_id)


def ack(chan_id: Any = 9, **fields: Any) -> dict[str, Any]:
    return {"event": "subscribed", "chanId": chan_id, **fields}


def failure(code: Any, **fields: Any) -> dict[str, Any]:
    return {"event": "error", "code": code, "msg": "any text", **fields}


def asked(*commands: Subscribe) -> Subscriptions:
    subscriptions = Subscriptions()
    for command in commands or [wanted()]:
        subscriptions.add(command, 0.0, ready=True)
    return subscriptions


def live(*commands: Subscribe) -> Subscriptions:
    """Return what was asked for, acknowledged as channels 9, 10, … and has had data."""
    subscriptions = asked(*commands)
    for number, entry in enumerate(subscriptions):
        subscriptions.subscribed(ack(9 + number, subId=1 + number))
        entry.channel.feed_many([[9 + number, []]])
        subscriptions.went_live(entry)
    return subscriptions


def only(subscriptions: Subscriptions) -> SubscriptionState:
    (entry,) = subscriptions
    assert isinstance(entry, SubscriptionState)
    return entry


def errors(outputs: List[Output]) -> List[type]:
    return [
        type(output.error)
        for output in outputs
        if isinstance(output, (Report, Resolve))
    ]


# --- asking -------------------------------------------------------------------------------------


def test_channel_is_requested_at_once_when_ready() -> None:
    subscriptions = Subscriptions()
    assert subscriptions.add(wanted(), 0.0, ready=True) == [
        Requested("btc"),
        request(1),
    ]
    assert len(subscriptions) == 1


def test_channel_is_asked_for_later_when_they_may_not() -> None:
    subscriptions = Subscriptions()
    assert subscriptions.add(wanted(), 0.0, ready=False) == []
    assert subscriptions.request_all(5.0) == [Requested("btc"), request(1)]
    assert subscriptions.request_all(5.0) == []


def test_every_request_has_a_number_of_its_own() -> None:
    subscriptions = asked(wanted(), wanted("eth", ETH))
    subscriptions.lose("gone")
    assert subscriptions.request_all(5.0) == [request(3), request(4, ETH)]


def test_request_asks_for_what_was_given() -> None:
    subscriptions = Subscriptions()
    channel = channel_for("book", symbol="fUSD", prec="R0", freq="F1", len=100)
    _, send = subscriptions.add(Subscribe("usd", channel), 0.0, ready=True)
    assert isinstance(send, Send)
    assert json.loads(send.text) == {
        "event": "subscribe",
        "channel": "book",
        "symbol": "fUSD",
        "prec": "R0",
        "freq": "F1",
        "len": "100",
        "subId": 1,
    }


# --- acknowledgements ---------------------------------------------------------------------------


def test_answer_is_matched_by_its_sub_id() -> None:
    subscriptions = asked(wanted(), wanted("eth", ETH))
    _, entry = subscriptions
    answer = subscriptions.subscribed(ack(9, subId=2))
    assert answer == Acknowledgement([Acknowledged("eth")], entry)
    assert subscriptions.routes == {9: entry}


@pytest.mark.parametrize("length", ["25", 25, None], ids=["text", "number", "none"])
def test_answer_without_sub_id_is_matched_by_its_fields(length: Any) -> None:
    subscriptions = asked(wanted("eth", ETH), wanted())
    body = ack(9, channel="book", symbol=BTC, prec="P0", freq="F0", pair="BTCUSD")
    if length is not None:
        body["len"] = length
    assert subscriptions.subscribed(body).outputs == [Acknowledged("btc")]
    assert subscriptions.routes[9].token == "btc"


@pytest.mark.parametrize(
    "fields",
    [
        {"subId": 7},
        {"subId": "1"},
        {"subId": {"a": 1}},
        {"subId": [1]},
        {"subId": True},
        {},
        {"channel": "book", "symbol": ETH},
        {"channel": "book", "symbol": BTC, "len": "100"},
    ],
    ids=str,
)
def test_channel_of_a_withdrawn_request_is_unsubscribed(fields: dict[str, Any]) -> None:
    subscriptions = asked()
    subscriptions.routing.keep_unrouted(9, [9, "hb"], 8)
    assert subscriptions.subscribed(ack(9, **fields)) == Acknowledgement([end(9)])
    assert not subscriptions.routes
    subscriptions.routing.keep_unrouted(9, [9, []], 8)
    # Its frames were dropped, those before the answer and those after it.
    subscriptions.unsubscribed({"chanId": 9})
    answer = subscriptions.subscribed(ack(9, subId=1))
    assert answer == Acknowledgement([Acknowledged("btc")], only(subscriptions))


@pytest.mark.parametrize("chan_id", [None, "9", 9.0, True, [9], {}], ids=repr)
def test_r14_answer_without_a_channel_number_is_reported(chan_id: Any) -> None:
    subscriptions = asked()
    answer = subscriptions.subscribed(ack(chan_id, subId=1))
    assert errors(answer.outputs) == [RemoteError]
    assert (answer.entry, answer.frames) == (None, [])
    assert not subscriptions.routes


def test_second_answer_with_the_same_channel_changes_nothing() -> None:
    subscriptions = live()
    entry = only(subscriptions)
    body = ack(9, channel="book", symbol=BTC)
    assert subscriptions.subscribed(body) == Acknowledgement([])
    assert subscriptions.routes == {9: entry}


# --- frames before the acknowledgement ----------------------------------------------------------


def test_frames_are_kept_in_order_until_their_channel_is_acknowledged() -> None:
    subscriptions = asked(wanted(), wanted("eth", ETH))
    for frame in ([9, "hb"], [10, "hb"], [9, []], [9, [1, 2, 3]]):
        subscriptions.routing.keep_unrouted(frame[0], frame, 8)  # type: ignore[arg-type]
    answer = subscriptions.subscribed(ack(9, subId=2))
    assert answer.frames == [[9, "hb"], [9, []], [9, [1, 2, 3]]]
    assert subscriptions.subscribed(ack(10, subId=1)).frames == [[10, "hb"]]


def test_channel_with_too_many_early_frames_is_requested_again() -> None:
    subscriptions = asked(wanted(), wanted("eth", ETH))
    for _ in range(MAX_FRAMES - 1):
        subscriptions.routing.keep_unrouted(9, [9, "hb"], 8)
    subscriptions.routing.keep_unrouted(10, [10, "hb"], 8)
    subscriptions.routing.keep_unrouted(9, [9, "hb"], 8)  # one too many
    subscriptions.routing.keep_unrouted(9, [9, "hb"], 8)
    answer = subscriptions.subscribed(ack(9, subId=1))
    assert answer.entry is not None
    assert answer.frames == []
    assert answer.entry.channel.resync_reason == (
        "too many frames arrived before the acknowledgement"
    )
    # The other one has lost nothing, and there is room again.
    subscriptions.routing.keep_unrouted(10, [10, []], 8)
    answer = subscriptions.subscribed(ack(10, subId=2))
    assert answer.entry is not None
    assert answer.frames == [[10, "hb"], [10, []]]
    assert answer.entry.channel.resync_reason is None


def test_r09_frames_that_wait_are_bounded_in_bytes() -> None:
    subscriptions = asked(wanted(), wanted("eth", ETH))
    subscriptions.routing.keep_unrouted(9, [9, []], MAX_BYTES - 10)
    subscriptions.routing.keep_unrouted(10, [10, "hb"], 10)
    subscriptions.routing.keep_unrouted(9, [9, "hb"], 1)  # one too many
    answer = subscriptions.subscribed(ack(9, subId=1))
    assert answer.frames == []
    assert answer.entry is not None and answer.entry.channel.resync_reason is not None
    # There is room again, but never for one that is larger than all.
    subscriptions.routing.keep_unrouted(10, [10, []], MAX_BYTES - 10)
    assert subscriptions.subscribed(ack(10, subId=2)).frames == [[10, "hb"], [10, []]]
    subscriptions.routing.keep_unrouted(11, [11, []], MAX_BYTES + 1)
    subscriptions.routing.keep_unrouted(12, [12, []], MAX_BYTES)
    assert subscriptions.routing.unrouted.claim(11) is None
    assert subscriptions.routing.unrouted.claim(12) == [[12, []]]


def test_room_for_frames_is_given_back() -> None:
    subscriptions = Subscriptions()
    for number in range(3):
        subscriptions.add(wanted(str(number)), 0.0, ready=True)
        for _ in range(MAX_FRAMES):
            subscriptions.routing.keep_unrouted(number, [number, "hb"], 8)
        answer = subscriptions.subscribed(ack(number, subId=number + 1))
        assert len(answer.frames) == MAX_FRAMES
    for _ in range(MAX_FRAMES):
        subscriptions.routing.keep_unrouted(99, [99, "hb"], 8)
    subscriptions.lose("gone")
    subscriptions.request_all(0.0)
    subscriptions.routing.keep_unrouted(9, [9, "hb"], 8)
    assert subscriptions.subscribed(ack(9, subId=4)).frames == [[9, "hb"]]


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code, kind",
    [
        (10300, SubscriptionRejected),
        (10305, SubscriptionRejected),
        (10011, SubscriptionRejected),
        (10000, ApiError),
        (None, ApiError),
        ("10300", SubscriptionRejected),
        ([10300], ApiError),
        (10301, SubscriptionRejected),
    ],
    ids=str,
)
def test_refusal_ends_the_subscription(code: Any, kind: type) -> None:
    subscriptions = asked()
    (resolve,) = subscriptions.refused(failure(code, subId=1), 1.0).outputs
    assert isinstance(resolve, Resolve)
    assert type(resolve.error) is kind
    assert resolve.token == "btc"
    assert str(resolve.error).startswith("book tBTCUSD: any text")
    assert len(subscriptions) == 0
    assert subscriptions.requests.deadline() is None
    assert subscriptions.request_all(2.0) == []


def test_refusal_without_sub_id_is_matched_by_its_fields() -> None:
    subscriptions = asked(wanted("eth", ETH), wanted())
    body = failure(10300, channel="book", symbol=BTC, len=25)
    (resolve,) = subscriptions.refused(body, 1.0).outputs
    assert isinstance(resolve, Resolve) and resolve.token == "btc"


@pytest.mark.parametrize(
    "fields", [{}, {"subId": 7}, {"subId": {}}, {"chanId": {}}], ids=str
)
def test_error_about_nothing_that_was_asked_is_not_ours(fields: dict[str, Any]) -> None:
    subscriptions = asked()
    answer = subscriptions.refused(failure(10000, **fields), 1.0)
    assert answer == Acknowledgement([], is_known=False)
    assert len(subscriptions) == 1


def test_refusal_after_data_is_delivered_too() -> None:
    subscriptions = live()
    subscriptions.lose("gone")
    subscriptions.request_all(5.0)
    outputs = subscriptions.refused(failure(10300, subId=2), 6.0).outputs
    assert outputs[0] == Deliver("btc", [Status(SubscriptionStatus.REJECTED)])
    assert errors(outputs) == [SubscriptionRejected] * 2
    assert isinstance(outputs[-1], Resolve)
    assert len(subscriptions) == 0


@pytest.mark.parametrize("code", [11000, 10008, 11010])
def test_request_that_came_too_early_is_repeated(code: int) -> None:
    subscriptions = asked()
    (delayed,) = subscriptions.refused(failure(code, subId=1), 2.0).outputs
    assert isinstance(delayed, Delayed)
    assert getattr(delayed.error, "code", None) == code
    assert subscriptions.request_all(2.1) == []
    assert subscriptions.requests.deadline() == 2.0 + RETRY_S
    assert subscriptions.tick(2.9) == []
    assert subscriptions.tick(3.0) == [request(2)]
    assert subscriptions.tick(3.5) == []
    # The new request has all its time.
    assert subscriptions.requests.deadline() == 13.0


def test_request_that_always_comes_too_early_is_repeated_ever_later() -> None:
    subscriptions = asked()
    now = 0.0
    reported: List[int] = []
    for number, pause_s in enumerate([1, 2, 4, 8, 16, 32, 60, 60], start=1):
        answer = subscriptions.refused(failure(11000, subId=number), now)
        reported += [number for o in answer.outputs if isinstance(o, Report)]
        assert subscriptions.tick(now + pause_s - 0.1) == []
        now += pause_s
        assert subscriptions.tick(now) == [request(number + 1)]
    assert reported == [UNANSWERED]
    # After another loss it may be ready at once.
    subscriptions.lose("gone")
    subscriptions.request_all(now)
    subscriptions.refused(failure(11000, subId=10), now)
    assert subscriptions.requests.deadline() == now + RETRY_S


def test_repetition_waits_until_requests_may_be_sent() -> None:
    subscriptions = asked()
    subscriptions.refused(failure(11000, subId=1), 2.0)
    assert subscriptions.request_all(4.0) == [request(2)]
    assert subscriptions.tick(5.0) == []


def test_channel_of_an_earlier_request_is_taken_over() -> None:
    subscriptions = asked()
    entry = only(subscriptions)
    subscriptions.routing.keep_unrouted(9, [9, "hb"], 8)
    answer = subscriptions.refused(failure(10301, subId=1, chanId=9), 1.0)
    assert answer == Acknowledgement([Acknowledged("btc")], entry, [[9, "hb"]])
    assert subscriptions.routes == {9: entry}
    assert entry.chan_id == 9


def test_closing_channel_is_requested_again_and_not_adopted() -> None:
    subscriptions = asked()
    subscriptions.subscribed(ack(9, subId=7))  # nobody's, so it is given back
    answer = subscriptions.refused(failure(10301, subId=1, chanId=9), 1.0)
    assert answer == Acknowledgement([])
    assert not subscriptions.routes
    assert subscriptions.tick(1.0 + RETRY_S) == [request(2)]


@pytest.mark.parametrize("chan_id", [None, "9", [9], 10], ids=repr)
def test_duplicate_of_no_channel_or_of_anothers_is_a_refusal(chan_id: Any) -> None:
    subscriptions = live(wanted("eth", ETH), wanted("xrp", "tXRPUSD"))
    subscriptions.add(wanted(), 0.0, ready=True)
    body = failure(10301, subId=3, chanId=chan_id)
    answer = subscriptions.refused(body, 1.0)
    assert answer.is_known
    assert errors(answer.outputs) == [SubscriptionRejected]
    assert [entry.token for entry in subscriptions] == ["eth", "xrp"]


def test_answer_to_an_unsubscribe_is_ours_whatever_it_says() -> None:
    subscriptions = live()
    subscriptions.remove("btc")
    body = failure(10400, chanId=9)
    assert subscriptions.refused(body, 1.0) == Acknowledgement([])
    assert subscriptions.refused(body, 1.0) == Acknowledgement([], is_known=False)


def test_late_duplicate_is_no_answer_to_an_unsubscribe() -> None:
    subscriptions = asked()
    subscriptions.subscribed(ack(9, subId=7))  # nobody's, so it is given back
    subscriptions.refused(failure(10301, subId=8, chanId=9), 1.0)
    subscriptions.routing.keep_unrouted(9, [9, []], 8)
    # The channel is still being closed: it is not taken over, and nothing of it was kept.
    answer = subscriptions.refused(failure(10301, subId=1, chanId=9), 1.0)
    assert answer == Acknowledgement([])
    assert not subscriptions.routes


def test_error_that_names_a_live_channel_does_not_end_it() -> None:
    subscriptions = live()
    entry = only(subscriptions)
    body = failure(10301, subId=77, chanId=9)
    assert subscriptions.refused(body, 1.0) == Acknowledgement([], is_known=False)
    assert subscriptions.routes == {9: entry}
    assert entry.chan_id == 9


def test_channel_whose_end_is_never_confirmed_moves_elsewhere() -> None:
    subscriptions = live(wanted(), wanted("eth", ETH))
    subscriptions.resync(next(iter(subscriptions)), "wrong", 1.0, ready=True)
    outputs: List[Output] = []
    now = 1.0
    for sub_id in range(3, 8):
        body = failure(10301, subId=sub_id, chanId=9)
        answer = subscriptions.refused(body, now)
        assert answer.is_known and answer.entry is None
        outputs += answer.outputs
        now = subscriptions.requests.deadline() or now
        subscriptions.tick(now)
    # From the third refusal on it counts as a failure, and it is reported once.
    assert [type(o) for o in outputs] == [Delayed, Report, Delayed, Delayed, Displaced]
    assert outputs[-1] == Displaced("btc", None, True)
    assert [entry.token for entry in subscriptions] == ["eth"]
    assert subscriptions.requests.deadline() is None


@pytest.mark.parametrize("code", [10300, 10305, 11000, 10301])
def test_refusal_of_a_withdrawn_request_changes_nothing(code: int) -> None:
    subscriptions = live(wanted("eth", ETH))
    subscriptions.add(wanted(), 1.0, ready=True)
    subscriptions.remove("btc")
    body = failure(code, subId=2, channel="book", symbol=BTC)
    assert subscriptions.refused(body, 2.0) == Acknowledgement([])
    assert subscriptions.refused({**body, "subId": 3}, 2.0) == Acknowledgement(
        [], is_known=False
    )
    assert list(subscriptions.routes) == [9]
    assert subscriptions.requests.deadline() is None


# --- no room ------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [10305, "10305"], ids=repr)
def test_r05_channel_without_room_is_displaced(
    code: Any,
) -> None:
    subscriptions = live(wanted("eth", ETH), wanted("xrp", "tXRPUSD"))
    subscriptions.add(wanted(), 1.0, ready=True)
    answer = subscriptions.refused(failure(code, subId=3), 2.0)
    assert answer == Acknowledgement([Displaced("btc", 2, False)])
    # It is not wanted here any more, and those that are here are not touched.
    assert [entry.token for entry in subscriptions] == ["eth", "xrp"]
    assert list(subscriptions.routes) == [9, 10]
    assert subscriptions.requests.deadline() is None
    subscriptions.lose("gone")
    assert subscriptions.request_all(5.0) == [request(4, ETH), request(5, "tXRPUSD")]


def test_r05_channel_that_worked_before_says_so_when_it_goes_elsewhere() -> None:
    subscriptions = live(wanted("eth", ETH), wanted())
    subscriptions.lose("gone")
    subscriptions.request_all(5.0)
    subscriptions.subscribed(ack(9, subId=3))
    answer = subscriptions.refused(failure(10305, subId=4), 6.0)
    assert answer == Acknowledgement([Displaced("btc", 1, True)])


def test_r05_channel_that_is_being_closed_still_took_its_place() -> None:
    subscriptions = live(wanted("eth", ETH), wanted("xrp", "tXRPUSD"))
    subscriptions.add(wanted(), 1.0, ready=True)
    subscriptions.remove("eth")
    answer = subscriptions.refused(failure(10305, subId=3), 2.0)
    assert answer == Acknowledgement([Displaced("btc", 2, False)])
    subscriptions.add(wanted(), 3.0, ready=True)
    subscriptions.remove("xrp")
    answer = subscriptions.refused(failure(10305, subId=4), 4.0)
    assert answer == Acknowledgement([Displaced("btc", 2, False)])
    # Their ends are confirmed before the next answer.
    for chan_id in (9, 10):
        subscriptions.unsubscribed({"chanId": chan_id})
    subscriptions.add(wanted(), 5.0, ready=True)
    (resolve,) = subscriptions.refused(failure(10305, subId=5), 6.0).outputs
    assert isinstance(resolve, Resolve)


def test_r05_without_any_open_channel_there_is_no_room_elsewhere_either() -> None:
    subscriptions = asked(wanted("eth", ETH), wanted())
    (resolve,) = subscriptions.refused(failure(10305, subId=2), 1.0).outputs
    assert isinstance(resolve, Resolve)
    assert type(resolve.error) is SubscriptionRejected
    assert [entry.token for entry in subscriptions] == ["eth"]


def test_r05_displaced_channel_is_asked_for_until_it_works_again() -> None:
    command = wanted(is_resolved=True)
    subscriptions = Subscriptions()
    assert subscriptions.add(command, 0.0, ready=True) == [Requested("btc"), request(1)]
    assert subscriptions.tick(10.0) == [request(2)]
    subscriptions.subscribed(ack(9, subId=2))
    assert subscriptions.went_live(only(subscriptions)) == []
    assert subscriptions.requests.deadline() is None


def test_displaced_channel_waits_for_its_new_connection() -> None:
    subscriptions = Subscriptions()
    assert subscriptions.add(wanted(is_resolved=True), 0.0, ready=False) == []
    assert subscriptions.requests.deadline() is None
    assert subscriptions.request_all(1e6) == [Requested("btc"), request(1)]


def test_error_without_room_that_answers_nothing_is_not_ours() -> None:
    subscriptions = live()
    answer = subscriptions.refused(failure(10305, subId=77), 1.0)
    assert answer == Acknowledgement([], is_known=False)
    assert list(subscriptions.routes) == [9]


# --- the end ------------------------------------------------------------------------------------


def test_unsubscribe_before_the_request_went_out_says_nothing() -> None:
    subscriptions = Subscriptions()
    subscriptions.add(wanted(), 0.0, ready=False)
    assert subscriptions.remove("btc") == []
    assert subscriptions.request_all(1.0) == []
    assert subscriptions.requests.deadline() is None


def test_unsubscribe_before_the_answer_closes_the_late_channel() -> None:
    subscriptions = asked()
    assert subscriptions.remove("btc") == []
    assert subscriptions.subscribed(ack(9, subId=1)) == Acknowledgement([end(9)])


def test_unsubscribe_after_the_answer_is_sent_at_once() -> None:
    subscriptions = live()
    assert subscriptions.remove("btc") == [end(9)]
    assert not subscriptions.routes
    assert subscriptions.remove("btc") == []
    assert subscriptions.unsubscribed({"event": "unsubscribed", "chanId": 9}) is None


def test_unsubscribe_of_a_stranger_says_nothing() -> None:
    assert asked().remove("nobody") == []


def test_number_of_an_ended_channel_may_be_used_again() -> None:
    subscriptions = live()
    subscriptions.remove("btc")
    subscriptions.routing.keep_unrouted(9, [9, "hb"], 8)  # still of the old one
    subscriptions.unsubscribed({"chanId": 9})
    subscriptions.add(wanted(), 0.0, ready=True)
    subscriptions.routing.keep_unrouted(9, [9, []], 8)
    assert subscriptions.subscribed(ack(9, subId=2)).frames == [[9, []]]


def test_closing_channel_acknowledged_again_is_in_use() -> None:
    subscriptions = asked()
    subscriptions.subscribed(ack(9, subId=7))
    subscriptions.subscribed(ack(9, subId=1))
    assert list(subscriptions.routes) == [9]
    answer = subscriptions.refused(failure(10400, chanId=9), 1.0)
    assert answer == Acknowledgement([], is_known=False)


@pytest.mark.parametrize("chan_id", [None, "9", [9], {}, True], ids=repr)
def test_r14_end_of_no_channel_changes_nothing(chan_id: Any) -> None:
    subscriptions = live()
    assert subscriptions.unsubscribed({"chanId": chan_id}) is None
    assert list(subscriptions.routes) == [9]


def test_end_of_a_wanted_channel_is_returned() -> None:
    subscriptions = live()
    entry = only(subscriptions)
    assert subscriptions.unsubscribed({"chanId": 9}) is entry
    assert not subscriptions.routes
    # It has ended, so there is nothing to unsubscribe.
    assert subscriptions.resync(entry, "ended", 1.0, True) == [
        Deliver("btc", [Gap("ended")]),
        request(2),
    ]


# --- the socket ---------------------------------------------------------------------------------


def test_r03_loss_is_one_gap_for_each_live_subscription() -> None:
    subscriptions = live(wanted(), wanted("eth", ETH))
    subscriptions.add(wanted("xrp", "tXRPUSD"), 0.0, ready=True)
    assert subscriptions.lose("gone") == [
        Deliver("btc", [Gap("gone")]),
        Deliver("eth", [Gap("gone")]),
    ]
    assert subscriptions.lose("gone again") == []
    assert not subscriptions.routes


def test_loss_before_the_snapshot_is_no_second_gap() -> None:
    subscriptions = live()
    subscriptions.lose("gone")
    subscriptions.request_all(1.0)
    subscriptions.subscribed(ack(5, subId=2))
    assert subscriptions.lose("gone again") == []


def test_r03_everything_is_requested_again_in_the_users_order() -> None:
    subscriptions = live(wanted(), wanted("eth", ETH))
    subscriptions.add(wanted("xrp", "tXRPUSD"), 0.0, ready=True)
    subscriptions.lose("gone")
    assert subscriptions.request_all(5.0) == [
        request(4),
        request(5, ETH),
        request(6, "tXRPUSD"),
    ]


def test_answers_of_the_lost_socket_are_unknown() -> None:
    subscriptions = asked()
    subscriptions.lose("gone")
    subscriptions.request_all(1.0)
    assert subscriptions.subscribed(ack(9, subId=1)) == Acknowledgement([end(9)])


def test_one_channel_is_resubscribed_on_the_same_socket() -> None:
    subscriptions = live()
    entry = only(subscriptions)
    assert subscriptions.resync(entry, "why", 5.0, True) == [
        Deliver("btc", [Gap("why")]),
        end(9),
        request(2),
    ]
    assert not entry.channel.is_live
    assert subscriptions.requests.deadline() == 15.0
    # Nothing was live since, so there is nothing to tell.
    assert subscriptions.resync(entry, "again", 6.0, True) == [request(3)]


def test_channel_is_resubscribed_only_when_ready() -> None:
    subscriptions = live()
    entry = only(subscriptions)
    assert subscriptions.resync(entry, "why", 5.0, False) == [
        Deliver("btc", [Gap("why")]),
        end(9),
    ]
    assert subscriptions.request_all(9.0) == [request(2)]


def test_r03_request_after_a_recovery_differs_only_in_its_sub_id() -> None:
    channel = channel_for("book", symbol="fUSD", prec="P3", freq="F1", len=250)
    subscriptions = Subscriptions()
    _, first = subscriptions.add(Subscribe("usd", channel), 0.0, ready=True)
    subscriptions.subscribed(ack(9, subId=1))
    outputs = subscriptions.resync(only(subscriptions), "why", 1.0, True)
    outputs += subscriptions.resync(only(subscriptions), "why", 2.0, True, 4.0)
    outputs += subscriptions.tick(6.0)
    subscriptions.lose("gone")
    outputs += subscriptions.request_all(9.0)
    bodies = [json.loads(o.text) for o in [first, *outputs] if isinstance(o, Send)]
    asked_for = [body for body in bodies if body["event"] == "subscribe"]
    assert [body.pop("subId") for body in asked_for] == [1, 2, 3, 4]
    assert asked_for == [asked_for[0]] * 4


def test_r11_channel_with_a_delayed_request_is_unsubscribed_at_once() -> None:
    subscriptions = live()
    entry = only(subscriptions)
    outputs = subscriptions.resync(entry, "why", 5.0, True, 4.0)
    assert outputs == [Deliver("btc", [Gap("why")]), end(9)]
    assert not entry.channel.is_live
    assert subscriptions.routing.is_closing(9)
    assert subscriptions.requests.deadline() == 9.0
    assert subscriptions.tick(8.9) == []
    assert subscriptions.request_all(8.9) == []
    assert subscriptions.tick(9.0) == [request(2)]
    # The time for the answer counts from now.
    assert subscriptions.requests.deadline() == 19.0


def test_retry_that_is_due_while_not_ready_is_kept() -> None:
    subscriptions = live()
    subscriptions.resync(only(subscriptions), "why", 5.0, False, 4.0)
    assert subscriptions.request_all(8.9) == []
    assert subscriptions.request_all(20.0) == [request(2)]


def test_loss_cancels_the_delays_of_requests() -> None:
    subscriptions = live()
    subscriptions.resync(only(subscriptions), "why", 5.0, True, 60.0)
    assert subscriptions.lose("gone") == []
    assert subscriptions.requests.deadline() is None
    assert subscriptions.request_all(6.0) == [request(2)]


def test_r11_delay_is_not_cut_short_by_an_earlier_deadline() -> None:
    subscriptions = live()
    entry = only(subscriptions)
    subscriptions.resync(entry, "why", 0.0, True)
    subscriptions.subscribed(ack(10, subId=2))
    # Acknowledged, but wrong again before its first data: the deadline of 10 s is void.
    subscriptions.resync(entry, "why", 1.0, True, 60.0)
    assert subscriptions.requests.deadline() == 61.0
    assert subscriptions.tick(60.9) == []
    assert subscriptions.tick(61.0) == [request(3)]
    assert subscriptions.requests.deadline() == 71.0


def test_frames_of_a_channel_being_closed_are_known_as_such() -> None:
    subscriptions = live()
    assert not subscriptions.routing.is_closing(9)
    subscriptions.remove("btc")
    assert subscriptions.routing.is_closing(9)
    assert not subscriptions.routing.is_closing(10)
    subscriptions.unsubscribed({"chanId": 9})
    assert not subscriptions.routing.is_closing(9)


# --- time ---------------------------------------------------------------------------------------


def test_first_data_is_the_answer_the_user_waits_for() -> None:
    subscriptions = asked()
    entry = only(subscriptions)
    subscriptions.subscribed(ack(9, subId=1))
    assert subscriptions.requests.deadline() == 10.0
    assert subscriptions.went_live(entry) == [Resolve("btc")]
    assert subscriptions.requests.deadline() is None
    assert subscriptions.went_live(entry) == []


def test_subscription_that_cannot_be_asked_for_waits_for_ever() -> None:
    subscriptions = Subscriptions()
    subscriptions.add(wanted(), 0.0, ready=False)
    assert subscriptions.requests.deadline() is None
    assert subscriptions.tick(1e9) == []
    assert not subscriptions.is_requesting
    assert subscriptions.request_all(1e9) == [Requested("btc"), request(1)]
    assert subscriptions.is_requesting


def test_time_of_a_request_counts_from_when_it_went_out() -> None:
    subscriptions = Subscriptions(answer_s=4.0)
    subscriptions.add(wanted(), 0.0, ready=False)
    subscriptions.request_all(6.0)
    assert subscriptions.tick(9.9) == []
    assert subscriptions.tick(10.0) == [request(2)]


def test_request_after_a_loss_has_all_its_time() -> None:
    subscriptions = asked()
    subscriptions.lose("gone")
    assert subscriptions.requests.deadline() is None
    assert subscriptions.tick(11.0) == []
    subscriptions.request_all(11.0)
    assert subscriptions.requests.deadline() == 21.0
    assert len(subscriptions) == 1


def test_acknowledged_channel_without_data_is_requested_again() -> None:
    subscriptions = asked()
    subscriptions.subscribed(ack(9, subId=1))
    assert subscriptions.tick(10.0) == [end(9), request(2)]
    assert subscriptions.routing.is_closing(9)


@pytest.mark.parametrize("is_resolved", [False, True], ids=["first", "again"])
def test_unanswered_request_is_repeated_with_growing_patience(
    is_resolved: bool,
) -> None:
    subscriptions = asked(wanted(is_resolved=is_resolved))
    now, told = 0.0, []
    for sub_id, patience_s in [(2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (7, 60)]:
        assert subscriptions.requests.deadline() == now + patience_s
        now += patience_s
        assert subscriptions.tick(now - 0.1) == []
        outputs = subscriptions.tick(now)
        told += [(sub_id, output) for output in outputs[:-1]]
        if isinstance(outputs[-1], Reopen):
            subscriptions.lose("gone")
            outputs = subscriptions.request_all(now)
        assert outputs[-1] == request(sub_id)
    # Once, after the third.
    (third, report), (_, delayed) = told
    assert third == 1 + UNANSWERED == 4
    assert isinstance(report, Report) and isinstance(delayed, Delayed)
    assert report.error is delayed.error
    assert type(report.error) is RequestTimeout
    assert "unanswered" in str(report.error)
    subscriptions.subscribed(ack(9, subId=7))
    subscriptions.went_live(only(subscriptions))
    # It works again, and so does its first patience.
    subscriptions.lose("gone")
    subscriptions.request_all(now)
    assert subscriptions.requests.deadline() == now + 10.0


@pytest.mark.parametrize("answer_s", [100.0, 86_400.0])
def test_patience_is_never_less_than_the_first(answer_s: float) -> None:
    subscriptions = Subscriptions(answer_s)
    subscriptions.add(wanted(), 0.0, ready=True)
    subscriptions.tick(answer_s)
    assert subscriptions.requests.deadline() == 2 * answer_s


def test_unanswered_requests_are_counted_on_live_sockets_only() -> None:
    subscriptions = asked()
    for number in range(10):
        now = 100.0 * number
        assert subscriptions.tick(now + 9.9) == []
        assert subscriptions.lose("gone") == []
        subscriptions.request_all(now + 100.0)
    assert only(subscriptions).channel.unanswered == 0


def test_unanswered_error_names_the_data_that_could_not_be_read() -> None:
    subscriptions = asked()
    entry = only(subscriptions)
    error = RemoteError("no book at all")
    entry.unreadable = error
    reports = [o for t in (10.0, 30.0, 70.0) for o in subscriptions.tick(t)]
    (report,) = [o for o in reports if isinstance(o, Report)]
    assert report.error.__cause__ is error


def test_silence_counts_for_requests_sent_before_it() -> None:
    subscriptions = asked(wanted(), wanted("eth", ETH))
    # This one is asked for again later: nothing is out.
    subscriptions.refused(failure(11000, subId=2), 1.0)
    first, second = (entry.channel for entry in subscriptions)
    assert subscriptions.note_silence(-1.0) == subscriptions.note_silence(0.0) == []
    assert (first.unanswered, second.unanswered) == (1, 0)


def test_requests_before_a_maintenance_have_all_their_time_after_it() -> None:
    subscriptions = asked(wanted(), wanted("eth", ETH))
    subscriptions.refused(failure(11000, subId=2), 9.5)
    subscriptions.requests.extend(50.0)
    assert subscriptions.requests.deadline() == 9.5 + RETRY_S
    assert subscriptions.tick(50.0) == [request(3, ETH)]
    assert subscriptions.requests.deadline() == 60.0
    assert subscriptions.tick(60.0) == [request(4), request(5, ETH)]


def test_late_answer_is_unknown_and_its_channel_unsubscribed() -> None:
    subscriptions = asked()
    subscriptions.tick(10.0)
    assert subscriptions.subscribed(ack(9, subId=1)) == Acknowledgement([end(9)])
    subscriptions.routing.keep_unrouted(9, [9, []], 8)
    subscriptions.unsubscribed({"chanId": 9})
    assert subscriptions.subscribed(ack(9, subId=2)).frames == []


def test_request_given_up_while_it_is_repeated_leaves_nothing_behind() -> None:
    subscriptions = asked()
    subscriptions.tick(10.0)
    assert subscriptions.remove("btc") == []
    assert not subscriptions.is_requesting
    assert subscriptions.requests.deadline() is None
    for sub_id in (1, 2):
        answer = subscriptions.subscribed(ack(8 + sub_id, subId=sub_id))
        assert answer == Acknowledgement([end(8 + sub_id)])


def test_one_more_user_changes_nothing() -> None:
    subscriptions = live()
    assert subscriptions.add(wanted(), 2.0, ready=True) == []
    assert subscriptions.requests.deadline() is None
    subscriptions = asked()
    assert subscriptions.add(wanted(), 2.0, ready=True) == []
    assert subscriptions.requests.deadline() == 10.0


# --- another socket -----------------------------------------------------------------------------


def fail(subscriptions: Subscriptions, *times: float) -> List[Output]:
    """Let the first subscription fail at these times."""
    return [
        o
        for t in times
        for o in subscriptions.note_failure(next(iter(subscriptions)), t)
    ]


def test_third_failure_among_live_channels_moves_that_one_alone() -> None:
    subscriptions = live(wanted(), wanted("eth", ETH))
    assert FAILURES == 3
    assert fail(subscriptions, 40.0, 80.0) == []
    outputs = fail(subscriptions, 120.0)
    assert outputs == [
        Deliver("btc", [Gap("the channel stayed silent")]),
        end(9),
        Displaced("btc", None, True),
    ]
    assert [entry.token for entry in subscriptions] == ["eth"]
    assert list(subscriptions.routes) == [10]


def test_third_failure_without_live_channels_leaves_the_socket() -> None:
    subscriptions = live(wanted())
    subscriptions.add(wanted("eth", ETH), 0.0, ready=True)
    (reopen,) = fail(subscriptions, 40.0, 80.0, 120.0)
    assert isinstance(reopen, Reopen)
    assert reopen.cause is LossCause.STALE
    assert len(subscriptions) == 2


def test_third_unanswered_request_leaves_the_socket() -> None:
    subscriptions = live(wanted("eth", ETH))
    subscriptions.add(wanted(), 0.0, ready=True)
    outputs = [o for t in (10.0, 30.0, 70.0) for o in subscriptions.tick(t)]
    assert outputs[-1] == Displaced("btc", None, False)
    assert [type(o) for o in outputs] == [Send, Send, Report, Delayed, Displaced]
    # The other one is not touched; on the next connection the patience goes on.
    assert list(subscriptions.routes) == [9]
    subscriptions = asked(wanted("eth", ETH), wanted())
    outputs = [o for t in (10.0, 30.0, 70.0) for o in subscriptions.tick(t)]
    assert [type(o) for o in outputs].count(Reopen) == 1
    assert isinstance(outputs[-1], Reopen)


def test_failures_long_ago_or_on_another_socket_do_not_count() -> None:
    subscriptions = live()
    assert fail(subscriptions, 0.0, 100.0, WINDOW_S) == []
    assert fail(subscriptions, WINDOW_S + 50.0)
    subscriptions.lose("gone")
    subscriptions.request_all(WINDOW_S + 60.0)
    assert fail(subscriptions, WINDOW_S + 70.0, WINDOW_S + 80.0) == []


@pytest.mark.parametrize(
    "body, text",
    [
        ({"msg": "symbol: invalid"}, "symbol: invalid"),
        ({}, "no reason given"),
        ({"msg": None}, "no reason given"),
        ({"msg": ["x"]}, "no reason given"),
    ],
    ids=str,
)
def test_text_of_an_error_is_for_people(body: dict[str, Any], text: str) -> None:
    assert error_text(body) == text
