"""What is written to the log, and how often."""

from __future__ import annotations

import logging
import time

import pytest
from scripts import run

from bfxsync import Backoff, Degraded, Gap, RemoteError, Snapshot, WebSocketClient
from bfxsync.ws.dispatch.event_log import QUIET_S, ErrorLog, EventLog


def wait_until(condition, timeout=30.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def logged(caplog):
    """Return (level, text) of what was logged since the last time."""
    caplog.set_level(logging.DEBUG, "bfxsync")

    def take():
        found = [(r.levelname, r.getMessage()) for r in caplog.records]
        caplog.clear()
        return found

    return take


def test_a_slow_consumers_drops_are_logged_once_a_minute(clock, logged):
    log = EventLog("trades tBTCUSD", clock)
    for _ in range(3):
        log(Gap("the consumer was too slow", 10))
    first = "trades tBTCUSD: 10 updates dropped: the consumer was too slow"
    assert logged() == [("WARNING", first)]
    clock.now = QUIET_S - 0.1
    log(Gap("the consumer was too slow", 10))
    assert logged() == []
    clock.now = QUIET_S
    log(Gap("the consumer was too slow", 10))
    assert logged() == [("WARNING", first.replace("10", "40"))]


def test_a_gap_of_the_link_is_no_warning_of_its_own(clock, logged):
    log = EventLog("trades tBTCUSD", clock)
    log(Gap("the link was lost"))
    log(Snapshot([]))
    assert logged() == [("INFO", "trades tBTCUSD: gap: the link was lost")]
    log(Degraded("a checksum differs"))
    assert logged() == [("WARNING", "trades tBTCUSD: degraded: a checksum differs")]


def test_many_errors_in_a_minute_are_no_flood_of_warnings(clock, logged):
    log = ErrorLog(clock)
    for number in range(30):
        log(RemoteError(f"frame {number}"))
    lines = logged()
    levels = [level for level, _ in lines]
    assert levels == ["WARNING"] * 11 + ["INFO"] * 20
    assert lines[0] == ("WARNING", "RemoteError: frame 0")
    assert "more such errors" in lines[10][1]
    assert lines[-1] == ("INFO", "RemoteError: frame 29")
    clock.now = QUIET_S
    log(RemoteError("another minute"))
    assert logged() == [("WARNING", "RemoteError: another minute")]


@pytest.fixture
def quick_client(exchange):
    with WebSocketClient(
        exchange.url, backoff=Backoff(first_s=0.01, cap_s=0.02)
    ) as client:
        yield client


def test_an_outage_is_one_warning_however_long_it_lasts(
    exchange, quick_client, record, logged
):
    events = record()
    for symbol in ("tBTCUSD", "tETHUSD"):
        quick_client.subscribe_trades(symbol, lambda trade: None)
        quick_client.subscribe_book(symbol)
    quick_client.subscribe_ticker("tBTCUSD", on_event=events)
    logged()
    exchange.stop()
    wait_until(lambda: quick_client.stats()["reconnects"].get("unreachable", 0) >= 3)
    exchange.start()
    events.wait(lambda items: isinstance(items[-1], Snapshot) and len(items) > 2)
    lines = logged()
    warnings = [text for level, text in lines if level != "INFO" and level != "DEBUG"]
    assert len(warnings) == 1 and warnings[0].startswith("disconnected from ws://")
    texts = [text for _, text in lines]
    assert sum("trying again" in text for text in texts) >= 3
    assert any(text.startswith("connected to ws://") for text in texts)


def test_a_first_connection_that_fails_is_one_warning(logged):
    backoff = Backoff(first_s=0.01, cap_s=0.02)
    with WebSocketClient("ws://127.0.0.1:1/ws/2", backoff=backoff) as client:
        client.start()
        wait_until(lambda: client.stats()["reconnects"].get("unreachable", 0) >= 3)
    lines = [text for level, text in logged() if level == "WARNING"]
    assert len(lines) == 1 and "trying again" in lines[0]


# --- a program that has configured nothing ----------------------------------------------------

PROGRAM = """
handle = None
with WebSocketClient(url, backoff=Backoff(first_s=0.01)) as client:
    handle = client.subscribe_book("tBTCUSD", lambda level: print(level.prize))
    done = threading.Event()
    look = lambda trade: handle and handle.error_count > 2 and done.set()
    client.subscribe_trades("tBTCUSD", look)
    while not done.wait(0.01):
        pass
    client.close()
"""


def test_a_mistake_in_a_callback_is_shown_where_nothing_is_configured(exchange):
    result = run(PROGRAM, url=exchange.url)
    assert result.code == 0
    assert result.output.count("Traceback (most recent call last):") == 1
    assert result.output.count("has no attribute 'prize'") == 1
    assert result.output.startswith("a callback of book tBTCUSD P0 F0 25 raised\n")
    assert "dispatch.py" not in result.output, "the traceback is the user's alone"


@pytest.mark.parametrize(
    "off",
    [
        'logging.getLogger("bfxsync").addHandler(logging.NullHandler())',
        'logging.getLogger("bfxsync").setLevel(logging.CRITICAL + 1)',
    ],
)
def test_what_is_shown_can_be_turned_off(exchange, off):
    result = run(f"import logging\n{off}\n{PROGRAM}", url=exchange.url)
    assert (result.code, result.output) == (0, "")


def test_a_quiet_run_shows_nothing(exchange):
    body = """
        with WebSocketClient(url) as client:
            client.subscribe_book("tBTCUSD").get(10)
            client.subscribe_trades("tBTCUSD", lambda trade: None)
        """
    assert run(body, url=exchange.url)[:2] == (0, "")
