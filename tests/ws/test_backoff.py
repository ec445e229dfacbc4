from __future__ import annotations

import pytest

from bfxsync import Gap, Snapshot, UsageError, WebSocketClient
from bfxsync.ws.io.backoff import Backoff


def test_r04_the_first_delay_has_full_jitter_to_a_second():
    delays = [Backoff().delay_s() for _ in range(1000)]
    assert 0 <= min(delays) < 0.1
    assert 0.9 < max(delays) <= 1.0


@pytest.mark.parametrize(
    "failures, bound", [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (7, 60), (5000, 60)]
)
def test_r04_the_bound_doubles_up_to_a_minute(failures, bound):
    backoff = Backoff(failures=failures)
    assert backoff.delay_s(jitter=1.0) == bound
    assert backoff.delay_s(jitter=0.0) == 0


def test_r04_a_refusal_for_too_many_requests_waits_at_least_a_minute():
    assert Backoff().delay_s(429, jitter=0.0) == 60
    assert Backoff().delay_s(503, jitter=0.0) == 0


@pytest.mark.parametrize(
    "asked, waits", [(None, 60), (1, 60), (90, 90), (3600, 3600), (1e9, 3600)]
)
def test_r04_a_refusal_that_asks_for_more_time_gets_it_within_reason(asked, waits):
    assert Backoff().delay_s(429, jitter=0.0, retry_after_s=asked) == waits
    # Only where an attempt would prolong the block.
    assert Backoff().delay_s(503, jitter=0.0, retry_after_s=asked) == 0


def test_a_failure_counts_and_a_connection_that_held_resets():
    backoff = Backoff(first_s=0.5).failed().failed()
    assert backoff.failures == 2
    assert backoff.delay_s(jitter=1.0) == 2.0
    assert backoff.reset() == Backoff(first_s=0.5)


@pytest.mark.parametrize("name", ["first_s", "cap_s", "refused_s", "stable_s"])
@pytest.mark.parametrize(
    "value", [-1, -0.001, float("nan"), float("inf"), "1", None, True], ids=repr
)
def test_a_time_that_is_none_is_a_usage_error(name, value):
    with pytest.raises(UsageError, match=name):
        Backoff(**{name: value})
    Backoff(**{name: 0})


class Noted(Backoff):
    """Without delays; notes the number of failures at each."""

    noted: list[int] = []

    def delay_s(self, *_, **__):
        self.noted.append(self.failures)
        return 0.0


@pytest.mark.parametrize(
    "stable_s, failures",
    [(0.0, [0, 1, 0, 0]), (3600.0, [0, 1, 2, 3])],
    ids=["stable", "not for long enough"],
)
def test_r04_the_backoff_resets_after_a_stable_connection(
    exchange, monkeypatch, stable_s, failures
):
    monkeypatch.setattr(Noted, "noted", [])
    exchange.inject("refuse_handshake", status=503, times=2)
    with WebSocketClient(exchange.url, backoff=Noted(stable_s=stable_s)) as client:
        events = client.subscribe_trades("tBTCUSD").events()
        for _ in range(2):
            while not isinstance(next(events), Snapshot):
                pass
            exchange.drop_connections()
            while not isinstance(next(events), Gap):
                pass
        while not isinstance(next(events), Snapshot):
            pass
    assert Noted.noted == failures
