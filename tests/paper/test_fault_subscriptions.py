from __future__ import annotations

import time

import pytest
from patience import at_most

from bfxsync.paper import PaperExchange

from .support import (
    BOOK,
    TICKER,
    TRADES,
    ask,
    connected,
    is_event,
    is_heartbeat,
    subscribed,
)


def test_an_ack_comes_late_and_data_does_not_wait(quiet: PaperExchange) -> None:
    quiet.inject("late_ack", delay_s=0.2)
    with connected(quiet) as client:
        begin = time.monotonic()
        client.send(event="subscribe", **TICKER, subId=7)
        *frames, ack = client.until(is_event("subscribed"))
        assert 0.19 < time.monotonic() - begin < at_most(5)
        assert ack == {
            "event": "subscribed",
            "channel": "ticker",
            "chanId": frames[0][0],
            "symbol": "tBTCUSD",
            "subId": 7,
            "pair": "BTCUSD",
        }
        assert len(frames[0][1]) == 11 and len(frames) > 1
        assert all(map(is_heartbeat, frames[1:]))
        assert [frame[2] for frame in frames] == list(range(1, len(frames) + 1))
        client.send(event="subscribe", **TRADES)
        assert client.until(lambda m: not is_heartbeat(m))[-1]["channel"] == "trades"
        assert quiet.fault_counts == {"late_ack": 1}


def test_no_late_ack_follows_a_close(quiet: PaperExchange) -> None:
    quiet.inject("late_ack", delay_s=0.5, channel="ticker")
    with connected(quiet) as client:
        trades, _ = subscribed(client, **TRADES)
        end = time.monotonic() + 0.6
        client.send(event="subscribe", **TICKER)
        chan_id, *_ = client.until(lambda m: m[0] != trades["chanId"])[-1]
        answer = ask(client, event="unsubscribe", chanId=chan_id)
        assert answer == {"event": "unsubscribed", "status": "OK", "chanId": chan_id}
        while time.monotonic() < end:
            assert client.receive()[:2] == [trades["chanId"], "hb"]
        assert quiet.fault_counts == {"late_ack": 1}


def test_two_acks_come_in_reverse_order(quiet: PaperExchange) -> None:
    quiet.inject("reordered_acks")
    with connected(quiet) as client:
        client.send(event="subscribe", **TICKER)
        first = client.receive()
        assert quiet.fault_counts == {}  # not yet
        client.send(event="subscribe", **TRADES)
        second_ack = client.until(is_event("subscribed"))[-1]
        first_ack = client.receive()
        second = client.receive()
        assert (first_ack["event"], second_ack["event"]) == ("subscribed",) * 2
        assert (first_ack["channel"], second_ack["channel"]) == ("ticker", "trades")
        assert (first_ack["chanId"], second_ack["chanId"]) == (first[0], second[0])
        assert len(first[1]) == 11 and len(second[1]) == 30
        assert quiet.fault_counts == {"reordered_acks": 1}
        assert subscribed(client, **BOOK)[0]["channel"] == "book"


def test_acks_that_never_were_two_leave_the_fault_to_the_next(
    quiet: PaperExchange,
) -> None:
    quiet.inject("reordered_acks")
    with connected(quiet) as client:
        client.send(event="subscribe", **TICKER)
        chan_id = client.receive()[0]
        ask(client, event="unsubscribe", chanId=chan_id)
        # The first is closed: this one is the first of two again.
        client.send(event="subscribe", **TRADES)
        assert is_heartbeat(client.until(is_heartbeat)[-1])
        quiet.drop_connections()
    with connected(quiet) as client:
        client.send(event="subscribe", **TICKER)
        client.send(event="subscribe", **TRADES)
        acks = [client.until(is_event("subscribed"))[-1] for _ in range(2)]
        assert [ack["channel"] for ack in acks] == ["trades", "ticker"]
        assert quiet.fault_counts == {"drop": 1, "reordered_acks": 1}


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({}, 10300, "symbol: invalid"),
        ({"code": 10305}, 10305, "subscribe: limit"),
        ({"code": 11000}, 11000, "subscribe: failed"),
    ],
)
def test_a_subscription_is_refused(
    quiet: PaperExchange, options: dict[str, int], code: int, message: str
) -> None:
    quiet.inject("refuse_subscribe", **options)
    with connected(quiet) as client:
        client.send(event="subscribe", **BOOK, subId="a")
        assert client.receive() == {
            **BOOK,
            "subId": "a",
            "event": "error",
            "msg": message,
            "code": code,
            "pair": "ETHUSD",
        }
        assert quiet.fault_counts == {"refuse_subscribe": 1}
        assert subscribed(client, **BOOK)[1][2] == 1


def test_a_wrong_request_does_not_use_a_fault_up(quiet: PaperExchange) -> None:
    quiet.inject("refuse_subscribe", code=10001)
    with connected(quiet) as client:
        wrong = ask(client, event="subscribe", channel="ticker", symbol="tNOPE")
        assert (wrong["code"], quiet.fault_counts) == (10300, {})
        assert ask(client, event="subscribe", **TICKER)["code"] == 10001


def test_faults_with_one_name_happen_in_turn_where_they_match(
    quiet: PaperExchange,
) -> None:
    quiet.inject("refuse_subscribe", code=10001, channel="candles")
    quiet.inject("refuse_subscribe", code=10002, symbol="tBTCUSD", times=2)
    quiet.inject("refuse_subscribe", code=10003, key="trade:1W:tETHUSD")
    with connected(quiet) as client:
        ethusd = ask(client, event="subscribe", channel="ticker", symbol="tETHUSD")
        assert ethusd["event"] == "subscribed"
        codes = [
            ask(client, event="subscribe", channel=channel, **field).get("code")
            for channel, field in [
                ("ticker", {"symbol": "BTCUSD"}),
                ("candles", {"key": "trade:1m:tBTCUSD"}),
                ("candles", {"key": "trade:1m:tBTCUSD"}),
                ("candles", {"key": "trade:1m:tETHUSD"}),
                ("candles", {"key": "trade:7D:tETHUSD"}),
                ("ticker", {"symbol": "tBTCUSD"}),
            ]
        ]
        assert codes == [10002, 10001, 10002, None, 10003, None]
        assert quiet.fault_counts == {"refuse_subscribe": 4}


def test_a_first_subscription_is_called_a_second(quiet: PaperExchange) -> None:
    quiet.inject("duplicate_subscribe", channel="book")
    with connected(quiet) as client:
        client.send(event="subscribe", **BOOK, subId=1)
        error, first = client.receive(), client.receive()
        assert error == {
            **BOOK,
            "subId": 1,
            "event": "error",
            "msg": "subscribe: dup",
            "code": 10301,
            "chanId": first[0],
            "pair": "ETHUSD",
        }
        assert len(first[1]) == 50 and first[2] == 1
        assert ask(client, event="unsubscribe", chanId=first[0])["status"] == "OK"
        assert quiet.fault_counts == {"duplicate_subscribe": 1}


def test_a_subscription_is_not_answered(quiet: PaperExchange) -> None:
    quiet.inject("no_answer", times=2)
    with connected(quiet) as client:
        client.send(event="subscribe", **TICKER)
        client.send(event="subscribe", **TRADES)
        client.send(event="ping", cid=1)
        assert client.receive()["event"] == "pong"
        assert quiet.fault_counts == {"no_answer": 2}
        assert subscribed(client, **TICKER)[1][2] == 1
