"""The time of an exchange: its speed, pauses and steps, and what follows it."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Iterator

import pytest

from bfxsync.errors import OutcomeUnknown, SubscriptionRejected, UsageError
from bfxsync.paper import PaperExchange

from .rest.support import Rest
from .support import Client, is_event

MTS = 1_700_000_000_000


@pytest.fixture
def paused() -> Iterator[PaperExchange]:
    with PaperExchange(paused=True, begin_mts=MTS, rate=20, ticker_s=0.1) as exchange:
        yield exchange


def texts_until_pong(client: Client) -> list[str]:
    """All messages up to now."""
    client.send(event="ping")
    texts = []
    while not texts or '"pong"' not in texts[-1]:
        texts.append(client.text())
    return texts


def test_the_same_seed_and_steps_give_the_same_bytes() -> None:
    runs = []
    for seed in (1, 1, 2):
        with (
            PaperExchange(
                seed=seed, paused=True, begin_mts=MTS, checksum_s=0.5, liquidation_s=1
            ) as exchange,
            exchange.client() as bfx,
            Client(exchange.url) as client,
        ):
            texts = []
            client.send(event="conf", flags=65536 | 131072 | 32768)
            for channel in ("ticker", "trades", "book"):
                for symbol in ("tBTCUSD", "fUSD", "tLTCBTC"):
                    client.send(event="subscribe", channel=channel, symbol=symbol)
            client.send(event="subscribe", channel="book", symbol="tETHUSD", prec="R0")
            for key in ("liq:global", "deriv:tBTCF0:USTF0"):
                client.send(event="subscribe", channel="status", key=key)
            client.send(event="subscribe", channel="candles", key="trade:1m:tBTCUSD")
            texts += texts_until_pong(client)
            for seconds in (0.5, 3, 6.25):
                exchange.step(seconds)
                order = bfx.rest.auth.submit_order(
                    "EXCHANGE LIMIT", "tBTCUSD", "0.5", "64240", cid=int(seconds)
                )
                assert order.is_success
                texts += texts_until_pong(client)
            texts += map(json.dumps, exchange.account.orders + exchange.account.trades)
            runs.append(texts)
    assert len(runs[0]) > 500
    assert runs[0] == runs[1] != runs[2]


def test_nothing_happens_in_a_pause(paused: PaperExchange) -> None:
    with Client(paused.url) as client:
        client.subscribe("book", "tBTCUSD", prec="R0")
        client.subscribe("ticker", "tBTCUSD")
        client.receive()
        assert len(texts_until_pong(client)) == 1
        book = paused.book("tETHUSD")
        paused.step(5)
        updates = texts_until_pong(client)
        assert len(updates) > 50
        assert paused.now_mts == MTS + 5_000
        # Also what nobody watches.
        assert paused.book("tETHUSD") != book == book
        paused.resume()
        client.until(lambda m: isinstance(m, list))
        paused.pause()
        now = paused.now_mts
        texts_until_pong(client)
        assert paused.now_mts == now > MTS + 5_000


def test_an_exchange_is_paused_from_outside(exchange: PaperExchange) -> None:
    before = time.time() * 1000
    with pytest.raises(UsageError, match="pause"):
        exchange.step(1)
    exchange.pause()
    now = exchange.now_mts
    assert before - 1 <= now <= time.time() * 1000
    exchange.step(3600)
    assert exchange.now_mts == now + 3_600_000


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "1", True])
def test_a_step_has_a_positive_length(paused: PaperExchange, seconds: Any) -> None:
    with pytest.raises(UsageError, match="seconds must be a positive number, not"):
        paused.step(seconds)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"begin_mts": 1.7e12}, "begin_mts must be a time in ms from 2020 to 2099"),
        ({"begin_mts": 1_500_000_000_000}, "begin_mts must be a time in ms"),
        ({"begin_mts": 1_700_000_000}, "begin_mts must be a time in ms"),
        ({"begin_mts": True}, "begin_mts must be a time in ms"),
        ({"paused": 1}, "paused must be True or False, not 1"),
        ({"simulate": 0}, "simulate must be True or False, not 0"),
        ({"begin_mts": 1, "simulate": False}, "a time in ms from 2010 to 2099"),
        ({"speed": 0}, "speed must be a positive number, not 0"),
        ({"rate": 0}, "rate must be a positive number, not 0"),
    ],
)
def test_impossible_times_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PaperExchange(**options)


def test_recordings_may_be_the_only_markets() -> None:
    recorded = PaperExchange(
        captures=["btcusd-20181112"],
        simulate=False,
        begin_mts=1_542_045_960_386,
        autoplay=False,
    )
    with recorded as exchange, exchange.client() as bfx:
        assert bfx.wss.subscribe_book("tBTCUSD").book.best_bid is not None
        with pytest.raises(SubscriptionRejected):
            bfx.wss.subscribe_ticker("tETHUSD")


def test_time_needs_a_running_exchange() -> None:
    exchange = PaperExchange()
    for use in (exchange.pause, exchange.resume, lambda: exchange.step(1)):
        with pytest.raises(UsageError, match="is not running"):
            use()
    with pytest.raises(UsageError, match="is not running"):
        exchange.now_mts


def test_each_start_begins_anew() -> None:
    exchange = PaperExchange(paused=True, begin_mts=MTS)
    for _ in range(2):
        with exchange:
            assert exchange.now_mts == MTS
            exchange.step(7.5)
            assert exchange.now_mts == MTS + 7_500


def test_a_speed_is_that_of_markets_and_time() -> None:
    with PaperExchange(speed=100, rate=1) as exchange, Client(exchange.url) as client:
        client.subscribe("ticker", "tBTCUSD")
        client.receive()
        began, mts = time.monotonic(), exchange.now_mts
        for _ in range(5):  # one in a second of the exchange's time
            client.receive()
        passed_s = (exchange.now_mts - mts) / 1000
        assert passed_s > 3.9
        assert passed_s > 20 * (time.monotonic() - began)


def test_orders_expire_by_the_time_of_the_exchange(paused: PaperExchange) -> None:
    with paused.client() as bfx:
        tif = datetime.fromtimestamp(MTS / 1000 + 60, timezone.utc)
        order = bfx.rest.auth.submit_order(
            "EXCHANGE LIMIT", "tBTCUSD", "0.1", "30000", tif=f"{tif:%Y-%m-%d %H:%M:%S}"
        ).data
        assert order.mts_create == MTS
        paused.step(59)
        assert len(paused.account.orders) == 1
        paused.step(1)
        assert paused.account.orders == []
        (closed,) = paused.account.closed_orders
        assert closed["mts_update"] == MTS + 60_000


def test_dates_of_answers_are_those_of_the_exchange(paused: PaperExchange) -> None:
    with Rest(paused) as rest:
        paused.step(90)
        answer = rest.session.get(f"{paused.rest_url}/platform/status", timeout=10)
        date = parsedate_to_datetime(answer.headers["Date"])
        assert date.timestamp() * 1000 == MTS + 90_000


def test_a_lost_answer_is_resolved_in_another_time() -> None:
    with PaperExchange(begin_mts=MTS) as exchange:
        with exchange.client(absence_s=0.2) as bfx:
            bfx.rest.auth.get_orders()  # of which the client knows the time
            for fault in ("lost_answer", "lost_request"):
                exchange.inject(fault, path="auth/w/order/submit")
                with pytest.raises(OutcomeUnknown) as caught:
                    bfx.rest.auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.1")
                if fault == "lost_answer":
                    assert caught.value.resolve().status.word == "EXECUTED"
                else:
                    # With clocks that differ by years, absence is not proven.
                    with pytest.raises(OutcomeUnknown, match="clock was set"):
                        caught.value.resolve()


def test_heartbeats_come_in_real_time() -> None:
    with PaperExchange(paused=True, heartbeat_s=0.02) as exchange:
        with Client(exchange.url) as client:
            chan_id = client.subscribe("trades", "tBTCUSD")
            beats = [client.receive() for _ in range(4)][1:]
            assert beats == [[chan_id, "hb"]] * 3


def test_a_recording_is_played_in_steps() -> None:
    with PaperExchange(
        captures=["public-20210417"], paused=True, farewell_s=0.01
    ) as exchange:
        with Client(exchange.url) as client:
            client.subscribe("book", "tIOTETH", len="100")
            client.receive()
            for _ in range(2):
                exchange.step(10)
                assert len(texts_until_pong(client)) > 100
            assert not exchange.finished.is_set()
            exchange.step(20)
            client.until(is_event("info"))
            assert exchange.finished.wait(10)
