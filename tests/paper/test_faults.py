from __future__ import annotations

import json
from typing import Any

import pytest
import websocket

from bfxsync.errors import UsageError
from bfxsync.paper import PaperExchange
from bfxsync.paper.faults import Faults, check_fault

from .support import (
    BOOK,
    CHECKSUM,
    SEQ,
    TICKER,
    TRADES,
    ask,
    connected,
    is_event,
    subscribed,
)


def test_a_hole_skips_one_number(quiet: PaperExchange) -> None:
    with connected(quiet) as client:
        ack, first = subscribed(client, **TRADES)
        assert first[-1] == 1
        quiet.inject("sequence_hole")
        beats: list[Any] = []
        while not quiet.fault_counts["sequence_hole"] or len(beats) < 6:
            beats.append(client.receive())
        assert all(beat[:2] == [ack["chanId"], "hb"] for beat in beats)
        numbers = [1, *(beat[2] for beat in beats)]
        steps = sorted(b - a for a, b in zip(numbers, numbers[1:]))
        assert steps == [1] * (len(beats) - 1) + [2]
        assert quiet.fault_counts == {"sequence_hole": 1}


def test_a_hole_waits_for_a_socket_that_has_been_given_numbers(
    quiet: PaperExchange,
) -> None:
    quiet.inject("sequence_hole", times=2)
    with connected(quiet, flags=0) as without, connected(quiet) as client:
        assert subscribed(without, **TRADES)[1][2:] == []
        assert subscribed(client, **TRADES)[1][2] == 1
        assert [client.receive()[2] for _ in range(3)] == [3, 5, 6]
        assert quiet.fault_counts == {"sequence_hole": 2}


def test_a_frame_comes_twice_byte_for_byte(quiet: PaperExchange) -> None:
    quiet.inject("duplicate_frame")
    with connected(quiet) as client:
        client.send(event="subscribe", **TICKER)
        ack = client.receive()
        one, two = client.text(), client.text()
        assert one == two
        assert json.loads(one)[0] == ack["chanId"] and json.loads(one)[2] == 1
        assert client.receive() == [ack["chanId"], "hb", 2]  # no data: once
        assert client.receive() == [ack["chanId"], "hb", 3]
        assert quiet.fault_counts == {"duplicate_frame": 1}


def test_a_frame_of_one_channel_comes_twice(exchange: PaperExchange) -> None:
    with connected(exchange) as client:
        book, _ = subscribed(client, **{**BOOK, "symbol": "tBTCUSD"})
        trades, _ = subscribed(client, **TRADES)
        exchange.inject("duplicate_frame", times=2, channel="trades", symbol="tBTCUSD")
        texts: list[str] = []
        while exchange.fault_counts["duplicate_frame"] < 2:
            texts.append(client.text())
        client.send(event="ping")
        while "pong" not in texts[-1]:
            texts.append(client.text())
        twins = [json.loads(a) for a, b in zip(texts, texts[1:]) if a == b]
        others = {json.loads(text)[0] for text in texts[:-1]}
        assert others == {book["chanId"], trades["chanId"]}
        assert [twin[0] for twin in twins] == [trades["chanId"]] * 2
        assert all(twin[1] in ("te", "tu") for twin in twins)
        assert exchange.fault_counts == {"duplicate_frame": 2}


def test_garbage_comes_between_two_frames(quiet: PaperExchange) -> None:
    texts = {
        '{"event":': b'{"event":',
        "<html>": b"<html>",
        "": b"",
        "caf\xe9": b"caf\xc3\xa9",
        '[1,"\udcff"]': b'[1,"\xff"]',  # no UTF-8
    }
    with connected(quiet, skip_utf8_validation=True) as client:
        ack, _ = subscribed(client, **TRADES)
        quiet.inject("garbage")
        for text in list(texts)[1:]:
            quiet.inject("garbage", text=text)
        got: list[bytes] = []
        while quiet.fault_counts["garbage"] < 5 or got[-2] != texts['[1,"\udcff"]']:
            opcode, data = client.ws.recv_data()
            assert opcode == websocket.ABNF.OPCODE_TEXT
            got.append(data)
        garbage = [data for data in got if data in texts.values()]
        assert garbage == list(texts.values())
        # Each before a frame of its own; none takes a number.
        frames = [data for data in got if data not in garbage]
        assert all(
            after in frames for data, after in zip(got, got[1:]) if data in garbage
        )
        first = json.loads(frames[0])[2]
        assert [json.loads(frame) for frame in frames] == [
            [ack["chanId"], "hb", first + n] for n in range(len(frames))
        ]
        assert quiet.fault_counts == {"garbage": 5}


def test_channels_fall_silent_and_the_sequence_goes_on(exchange: PaperExchange) -> None:
    raw = {**BOOK, "prec": "R0", "len": "250"}
    with connected(exchange, SEQ | CHECKSUM) as client:
        silent = subscribed(client, **raw)[0]["chanId"]
        live = subscribed(client, **{**BOOK, "symbol": "tBTCUSD"})[0]["chanId"]
        exchange.inject("silent_channel", channel="book", symbol="tETHUSD")
        client.send(event="ping")
        before = client.until(is_event("pong"))[:-1]
        after = [client.receive() for _ in range(60)]
        assert {frame[0] for frame in after} == {live}
        numbers = [frame[-1] for frame in before + after]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        # It is silent already, and so this is nothing new.
        exchange.inject("silent_channel", channel="book", symbol="tETHUSD")
        assert exchange.fault_counts == {"silent_channel": 1}
        ask(client, event="unsubscribe", chanId=silent)
        again = subscribed(client, **raw)[0]["chanId"]
        client.until(lambda m: m[0] == again and not isinstance(m[1][0], list))


@pytest.mark.parametrize(
    ("options", "silent"),
    [
        ({"channel": "candles", "key": "trade:1W:tBTCUSD"}, {"candles"}),
        ({"key": "deriv:tBTCF0:USTF0"}, {"status"}),
        ({"symbol": "tBTCUSD"}, {"candles", "ticker"}),
        ({}, {"candles", "status", "ticker"}),
        ({"channel": "trades"}, set()),
    ],
    ids=["one candle key", "one status key", "one symbol", "all", "nothing such"],
)
def test_a_silent_channel_has_no_heartbeats(
    quiet: PaperExchange, options: dict[str, Any], silent: set[str]
) -> None:
    with connected(quiet) as client:
        names: dict[int, str] = {}
        for fields in (
            TICKER,
            {"channel": "candles", "key": "trade:7D:tBTCUSD"},
            {"channel": "status", "key": "deriv:tBTCF0:USTF0"},
        ):
            ack, _ = subscribed(client, **fields)
            names[ack["chanId"]] = fields["channel"]
        quiet.inject("silent_channel", **options)
        # One that is opened later speaks; where it beats twice, all others do between.
        ack = ask(client, event="subscribe", **TRADES)
        names[ack["chanId"]] = "trades"
        heard = [names[client.receive()[0]] for _ in range(2 * len(names) + 1)]
        assert set(heard) == set(names.values()) - silent
        assert quiet.fault_counts["silent_channel"] == len(silent)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nope", {}, "fault must be one of sequence_hole, "),
        ("garbage", {"txt": "x"}, "garbage has no option 'txt'; it has text"),
        ("sequence_hole", {"symbol": "x"}, "no option 'symbol'; it has none"),
        ("garbage", {"text": b"x"}, "text must be text, not b'x'"),
        ("garbage", {"text": "\ud800"}, "text must be text"),
        ("garbage", {"text": None}, "text must be text, not None"),
        ("garbage", {"times": 0}, "times must be a positive number or None, not 0"),
        ("garbage", {"times": 1.0}, "times must be a positive number or None, not 1.0"),
        ("silent_channel", {"times": 2}, "it takes no times and no chance"),
        ("silent_channel", {"channel": "books"}, "channel must be one of ticker, "),
        ("no_answer", {"key": 5}, "key must be the key of candles or of a status"),
        ("wrong_checksum", {"symbol": ["tBTCUSD"]}, "symbol must be a symbol"),
        ("late_ack", {"delay_s": -1}, "delay_s must be seconds, not -1"),
        ("late_ack", {"delay_s": float("nan")}, "delay_s must be seconds"),
        ("late_ack", {"delay_s": "1"}, "delay_s must be seconds"),
        ("refuse_subscribe", {"code": "10300"}, "code must be a number"),
        ("refuse_handshake", {"status": 200}, "status must be a status from 300"),
        ("refuse_handshake", {"status": True}, "status must be a status from 300"),
    ],
    ids=str,
)
def test_impossible_faults_are_refused(
    name: str, options: dict[str, Any], message: str
) -> None:
    times = options.pop("times", 1)
    with pytest.raises(UsageError, match=message):
        check_fault(name, times, options)
    with pytest.raises(UsageError, match=message):
        PaperExchange().inject(name, times=times, **options)


def test_a_fault_of_an_unknown_market_is_refused(quiet: PaperExchange) -> None:
    with pytest.raises(UsageError, match="no market 'tNOPE'; there are fBTC, fUSD, "):
        quiet.inject("wrong_checksum", symbol="tNOPE")


def test_an_option_may_be_left_open(quiet: PaperExchange) -> None:
    quiet.inject("no_answer", channel=None, symbol=None, key=None)
    with connected(quiet) as client:
        client.send(event="subscribe", **TICKER)
        assert subscribed(client, **TRADES)
        assert quiet.fault_counts == {"no_answer": 1}


def test_cleared_faults_do_not_happen(quiet: PaperExchange) -> None:
    # Before there is a connection, whose heartbeats would use up some of them.
    for fault in ("no_answer", "refuse_subscribe", "sequence_hole", "garbage"):
        quiet.inject(fault, times=3)
    quiet.clear_faults()
    with connected(quiet) as client:
        assert subscribed(client, **TICKER) and subscribed(client, **BOOK)
        assert quiet.fault_counts == {}


def test_what_has_begun_goes_on_once_cleared(quiet: PaperExchange) -> None:
    with connected(quiet) as client:
        quiet.inject("reordered_acks")
        client.send(event="subscribe", **TRADES)  # has begun
        client.receive()
        quiet.clear_faults()
        client.send(event="subscribe", **TICKER)
        acks = [client.until(is_event("subscribed"))[-1] for _ in range(2)]
        assert [ack["channel"] for ack in acks] == ["ticker", "trades"]
        assert quiet.fault_counts == {"reordered_acks": 1}


def test_what_had_begun_is_not_armed_again_once_cleared(quiet: PaperExchange) -> None:
    quiet.inject("reordered_acks")
    with connected(quiet) as client:
        client.send(event="subscribe", **TRADES)
        client.receive()
        quiet.clear_faults()
        quiet.drop_connections()
    with connected(quiet) as client:
        assert subscribed(client, **TRADES)


def test_counts_stay_after_a_stop_and_reset_on_start() -> None:
    exchange = PaperExchange(rate=1e-3)
    assert exchange.fault_counts == {}
    with exchange, connected(exchange) as client:
        exchange.inject("no_answer")
        exchange.inject("garbage")
        client.send(event="subscribe", **TICKER)
        ask(client, event="ping")
        counts = exchange.fault_counts
        counts["no_answer"] += 5  # a copy
    assert exchange.fault_counts == {"no_answer": 1}
    assert exchange.fault_counts["garbage"] == 0
    with exchange, connected(exchange) as client:
        assert subscribed(client, **TICKER)[1][2] == 1  # and no garbage
        assert exchange.fault_counts == {}


def test_faults_need_a_running_exchange() -> None:
    exchange = PaperExchange()
    for call in (
        lambda: exchange.inject("garbage"),
        exchange.clear_faults,
        lambda: exchange.book("tBTCUSD"),
        lambda: exchange.checksum("tBTCUSD"),
    ):
        with pytest.raises(UsageError, match="not running"):
            call()


def test_what_came_to_nothing_happens_another_time() -> None:
    counts: dict[str, int] = {}
    faults = Faults(counts)
    faults.arm(check_fault("reordered_acks", 2, {}))
    one, two = faults.claim("reordered_acks"), faults.claim("reordered_acks")
    assert one is two and one is not None and two is not None
    assert faults.claim("reordered_acks") is None and not faults.armed
    faults.complete(one)
    faults.give_back(two)
    assert counts == {"reordered_acks": 1}
    assert faults.claim("reordered_acks") is one
    faults.clear()
    faults.give_back(one)  # too late
    assert not faults.armed
    faults.arm(check_fault("reordered_acks", 2, {}))
    again = faults.claim("reordered_acks")
    assert again is not None
    faults.give_back(again)
    assert again.left == 2 and faults.armed == {"reordered_acks": [again]}
