"""R03: wherever a connection is cut, what follows is a gap, a snapshot and updates, and true."""

from __future__ import annotations

import json
import random
from typing import Any, NamedTuple

import pytest

from bfxsync import Backoff, BookUpdate, Snapshot, SubscriptionStatus
from bfxsync.paper import PaperExchange

from .fault_proxy import FaultProxy
from .stepping import Stepping
from .support import DictBook, captured, rows_of
from .user import BOOK, TICKER, TRADES, Seen, User, wait_until

CUTS = 200

BUSY = "btcusd-20181112"
SEVEN_PAIRS = "public-20210417"

BUSY_REQUESTS: list[dict[str, Any]] = [TICKER, TRADES, {**BOOK, "len": "100"}]

HOWS = ("reset", "fin", "half_close")


HANDSHAKE_BYTES, LIVE_BYTES = 400, 2_000
"""Of the exchange, until the first request; and until a cut comes when all is live."""


class Cut(NamedTuple):
    """
    One of many.

    Attributes
    ----------
    phase : str
        ``handshake`` and ``early`` count from the connection's beginning, the latter up to when
        all is live; ``live`` counts from a moment in which all is.
    share : float
        How far in that, from 0 to 1.
    how : str
    """

    phase: str
    share: float
    how: str

    def after(self, whole: int) -> int:
        """Return the number of bytes, for a connection that is all live after so many."""
        # A bit less than all, as snapshots differ in length.
        length = {
            "handshake": HANDSHAKE_BYTES,
            "live": LIVE_BYTES,
            "early": 0.8 * whole,
        }
        return int(self.share * length[self.phase])


def cuts_of(seed: int) -> list[Cut]:
    """Return the cuts of a run; the first is of a connection that lives."""
    numbers = random.Random(seed)
    phases = ["handshake", "early", "live", "live"]
    return [
        Cut(
            numbers.choice(phases) if number else "live",
            numbers.random(),
            numbers.choice(HOWS),
        )
        for number in range(CUTS)
    ]


def seven_pairs() -> list[dict[str, Any]]:
    """Return what was subscribed to when the seven pairs were recorded."""
    requests = [json.loads(text) for text in captured(SEVEN_PAIRS).client]
    return [
        {k: v for k, v in request.items() if k not in ("event", "subId")}
        for request in requests
        if request["event"] == "subscribe"
    ]


def is_live(user: User) -> bool:
    live = SubscriptionStatus.LIVE
    return all(subscription.status is live for subscription in user.subscriptions)


def replayed(seen: Seen) -> DictBook:
    """Return a book made of nothing but what the user was told."""
    book = DictBook()
    for item in list(seen.items):
        if isinstance(item, Snapshot):
            book = DictBook()
        rows = item.rows if isinstance(item, Snapshot) else [item]
        for row in rows:
            if isinstance(row, BookUpdate):
                book.apply([row.price, row.count, row.amount])
    return book


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 12))]
)
@pytest.mark.parametrize("name", [BUSY, SEVEN_PAIRS])
def test_r03_a_recording_survives_two_hundred_cuts(name: str, seed: int) -> None:
    print(f"seed {seed}")
    requests = BUSY_REQUESTS if name == BUSY else seven_pairs()
    cuts = cuts_of(seed)
    options: dict[str, Any] = {
        "backoff": Backoff(first_s=0.0),
        "mailbox_size": 100_000,
    }
    with (
        PaperExchange(captures=[name], autoplay=False, heartbeat_s=0.5) as exchange,
        FaultProxy(exchange.port) as proxy,
        User(exchange.url, *requests, **options) as steady,
        User(proxy.url(exchange.url), *requests, **options) as user,
    ):
        handles = list(user.subscriptions)
        steps = Stepping(exchange, name)
        asked = steps.channels()
        portion = steps.left // CUTS
        whole = proxy.passed()
        for cut in cuts[1:]:
            is_live_first = cut.phase == "live"
            proxy.cut_next_after(None if is_live_first else cut.after(whole), cut.how)
        for number, cut in enumerate(cuts, start=1):
            if cut.phase == "live":
                wait_until(lambda: is_live(user), 10.0)
                assert steps.channels() == asked
                proxy.cut_after(cut.after(whole), cut.how)
            for _ in range(4):
                steps.step(portion // 4)
            if cut.phase == "live":
                proxy.cut_now()
            proxy.wait_for("cut", number)
            # From here on the client knows that it has lost the one before.
            proxy.wait_for("accept", number + 1)
        steps.step(steps.left)
        wait_until(lambda: is_live(user), 10.0)
        for each in (user, steady):
            each.client.ping()

        assert proxy.counts["cut"] == CUTS
        assert sum(user.reconnects.values()) == CUTS
        assert steady.reconnects == {}
        assert user.subscriptions == handles
        assert steps.channels() == asked
        for ours, theirs in zip(user.subscriptions, steady.subscriptions):
            compare(exchange, ours, theirs)
        user.client.close()
        steady.client.close()
    for each in (user, steady):
        assert each.errors.items == []
        each.assert_in_order()
    lived = sum(cut.phase == "live" for cut in cuts)
    assert lived > CUTS / 3
    assert set(user.reconnects) == {"unreachable", "broken"}
    for ours, theirs in zip(user.seen, steady.seen):
        channel = ours.request["channel"]
        if channel == "trades":
            ids = [trade.id for trade in ours.data]
            assert len(set(ids)) == len(ids)
            assert set(ids) == {trade.id for trade in theirs.data}
        elif channel == "ticker":
            assert ours.data[-1] == theirs.data[-1]
        else:
            assert replayed(ours).levels() == replayed(theirs).levels()
        assert theirs.story == "S"
        assert ours.story.count("G") >= lived


def compare(exchange: PaperExchange, ours: Any, theirs: Any) -> None:
    """Compare the books of a user who was cut off, one who was not, and of the exchange."""
    if ours.channel == "book":
        length = ours["len"]
        expected = exchange.book(ours.symbol, ours["prec"], length)
        assert rows_of(ours.book.levels()) == expected
        assert rows_of(theirs.book.levels()) == expected
        assert ours.book.mismatch_count == 0
