"""
Every phase of a connection, with everything that may go wrong in it.

Strategy: a user subscribes to trades and to a book, gets updates, unsubscribes from the book and
closes; in each cell of the matrix one thing goes wrong on the way. A recording that is played by
hand makes all data the same in all cells. Each cell asserts that its fault took effect, and all
that the user was told.
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, NamedTuple, Optional

import pytest
from patience import at_most

import bfxsync.wire.handshake
from bfxsync import (
    Backoff,
    ChecksumMismatch,
    Gap,
    RemoteError,
    SubscriptionRejected,
)
from bfxsync.paper import PaperExchange
from bfxsync.paper.fault_options import PUBLIC_FAULTS

from .bare_server import DEADLINE_S, Tls, frame
from .fault_proxy import UP, FaultProxy
from .stepping import Stepping
from .support import rows_of
from .user import BOOK, TRADES, User, wait_until

CAPTURE = "btcusd-20181112"

WHOLE_BOOK = {**BOOK, "len": "100"}

STEPS = 12

# The beginning of a text frame.
FRAME = rb"\x81(?:[^\x7e\x7f]|\x7e..)"

PLACES = {
    "tls": rb"\x16\x03",
    "handshake": rb"HTTP/1\.1 101",
    "info": FRAME + rb'\{"event":"info"',
    "conf": FRAME + rb'\{"event":"conf"',
    "subscribe": FRAME + rb'\{"event":"subscribed"',
    "snapshot": FRAME + rb"\[\d+,\[\[\d{4}(?:\.\d+)?,",
    "live": FRAME + rb"\[\d+,\[\d",
    "unsubscribe": FRAME + rb'\{"event":"unsubscribed"',
}
"""What the server sends in each phase; the snapshot that begins with a price is the book's."""

PATIENT = Backoff(first_s=0.02, refused_s=0.05)
"""Not for a minute, though."""

CLOSE_FRAME = rb"\x88\x82"
"""Of the client, with a code."""


class Told(NamedTuple):
    """
    What a user is told.

    Attributes
    ----------
    trades, book : str
        The events of both subscriptions, see `Seen.story`.
    closes : list of int
        Codes of lost connections; the user's own close follows.
    reconnects : dict
        By cause.
    errors : list of type
        What `on_error` gets.
    connections : int
        Those that are open at the end.
    """

    trades: str = "S"
    book: str = "S"
    closes: tuple[int, ...] = ()
    reconnects: dict[str, int] = {}
    errors: tuple[type, ...] = ()
    connections: int = 1


NOTHING = Told()

Act = Callable[["Scene"], None]


class Scene:
    """An exchange, the proxy before it, and the one who uses both."""

    def __init__(
        self,
        arm: Act,
        *,
        act: Optional[Act] = None,
        before_close: Optional[Act] = None,
        tls: Optional[Tls] = None,
        trades: dict[str, Any] = TRADES,
        book: dict[str, Any] = WHOLE_BOOK,
        **options: Any,
    ) -> None:
        self.exchange = PaperExchange(
            captures=[CAPTURE],
            autoplay=False,
            heartbeat_s=0.1,
            ssl_context=tls.context if tls is not None else None,
        )
        self.options = {
            "ca_bundle": tls.ca_bundle if tls is not None else None,
            **options,
        }
        self.requests = (trades, book)
        self.arm, self.act, self.before_close = arm, act, before_close
        self.proxy: FaultProxy
        self.user: User
        self.steps: Stepping

    def play(
        self, told: Told, fault: Optional[str] = None, *, is_late: bool = False
    ) -> None:
        """
        Go through all phases, and compare what the user is told.

        Parameters
        ----------
        told : Told
        fault : str, optional
            What the proxy must have done by the end.
        is_late : bool
            It goes wrong after the book was unsubscribed.
        """
        with self.exchange as exchange, FaultProxy(exchange.port) as self.proxy:
            self.steps = Stepping(exchange, CAPTURE)
            self.arm(self)
            with User(
                self.proxy.url(exchange.url), *self.requests, **self.options
            ) as self.user:
                self._live(NOTHING if is_late else told)
                self.user.subscriptions[1].unsubscribe()
                self.user.seen[0].until_story(told.trades)
                self._settle()
                if self.before_close is not None:
                    self.before_close(self)
                begin = time.monotonic()
                self.user.client.close()
                assert time.monotonic() - begin < at_most(2.0)
            if fault is not None:
                self.proxy.wait_for(fault)
        self._compare(told)

    def _live(self, told: Told) -> None:
        user, steps = self.user, self.steps
        if self.act is not None:
            self.act(self)
        steps.step(STEPS)
        for seen, story in zip(user.seen, (told.trades, told.book)):
            seen.until_story(story)
        self._settle()
        counts = [len(seen) for seen in user.seen]
        while steps.left and len(user.seen[0]) == counts[0]:
            # Until there was a trade; of the book there are updates all the time.
            steps.step(10 * STEPS)
            user.client.ping(DEADLINE_S)
        self._settle()
        expected = self.exchange.book("tBTCUSD", "P0", 100)
        book = user.subscriptions[1].book
        # The ping says nothing of another connection, if the book has moved to one.
        wait_until(lambda: rows_of(book.levels()) == expected)
        for seen, count in zip(user.seen, counts):
            seen.until(lambda seen: len(seen) > count)

    def _settle(self) -> None:
        """Wait until all that was sent has come."""
        wait_until(lambda: self.user.client.status.value == "open")
        self.user.client.ping(DEADLINE_S)
        wait_until(lambda: not any(s.queued_count for s in self.user.subscriptions))

    def _compare(self, told: Told) -> None:
        user = self.user
        assert user.stories == [told.trades, told.book]
        user.assert_in_order()
        assert tuple(code for code, _ in user.closes.items) == (
            *told.closes,
            *[1000] * told.connections,
        )
        if told.closes:
            reasons = [reason for _, reason in user.closes.items]
            gaps = [
                event
                for seen in user.seen
                for event in seen.events
                if isinstance(event, Gap)
            ]
            assert all(gap.reason in reasons for gap in gaps)
        assert tuple(map(type, user.errors.items)) == told.errors
        assert user.reconnects == told.reconnects
        assert len(user.opens) == 1
        # Every trade once and in order, also those of a gap; and no more.
        begin = {trade.id for trade in user.seen[0].events[0].rows}
        executed = [n for n in self.steps.trade_ids if n not in begin]
        assert [trade.id for trade in user.seen[0].data] == executed != []


def nothing(scene: Scene) -> None:
    pass


def test_a_scene_without_a_fault() -> None:
    Scene(nothing).play(NOTHING)


# --- the connection is lost -------------------------------------------------------------------

LOSSES = {
    "fin": "fin",
    "rst": "reset",
    "silence": "stop",
    "half-open": "half_close",
}

QUICK_TO_CONNECT: dict[str, Any] = {"timeout": 1.0}
QUICK_TO_NOTICE: dict[str, Any] = {"ping_after": 0.1, "stale_after": 3.0}
"""So that silence does not take long; but longer than a busy machine makes a thread wait."""

LOST_AT = {
    "tcp": Told(reconnects={"unreachable": 1}),
    "tls": Told(reconnects={"unreachable": 1}),
    "handshake": Told(reconnects={"unreachable": 1}),
    "info": Told(closes=(1006,)),
    "conf": Told(closes=(1006,)),
    "subscribe": Told(closes=(1006,)),
    "snapshot": Told("SGS", closes=(1006,)),
    "live": Told("SGS", "SGS", (1006,)),
    "unsubscribe": Told("SGS", closes=(1006,)),
    "close": NOTHING,
}


@pytest.mark.parametrize("fault", list(LOSSES))
@pytest.mark.parametrize("phase", list(LOST_AT))
def test_lost_in_every_phase(tls: Tls, phase: str, fault: str) -> None:
    name = LOSSES[fault]

    def arm(scene: Scene) -> None:
        if phase == "tcp":
            scene.proxy.cut_next_after(0, name)
        elif phase != "close":
            # After what was found: in the middle of a frame.
            scene.proxy.at(PLACES[phase], name, is_after=True)

    def before_close(scene: Scene) -> None:
        if phase == "close":
            scene.proxy.at(CLOSE_FRAME, name, direction=UP)

    told = LOST_AT[phase]
    if told.closes:
        cause = "stale" if fault == "silence" else "broken"
        told = told._replace(reconnects={cause: 1})
    options = QUICK_TO_NOTICE if told.closes else QUICK_TO_CONNECT
    scene = Scene(
        arm,
        before_close=before_close,
        tls=tls if phase == "tls" else None,
        **(options if fault == "silence" else {}),
    )
    scene.play(told, name, is_late=phase == "unsubscribe")
    assert scene.proxy.counts["accept"] == 1 + sum(told.reconnects.values())


def test_lost_as_nobody_listens() -> None:
    with PaperExchange() as exchange, FaultProxy(exchange.port) as proxy:
        proxy.refuse("absent")
        with User(proxy.url(exchange.url), TRADES, BOOK, wait=False) as user:
            wait_until(lambda: user.reconnects.get("unreachable", 0) >= 2)
            proxy.accept()
            user.until_stories("S")
        assert user.closes.items == [(1000, "")]
        assert user.errors.items == []
        assert proxy.counts == {"absent": 1, "accept": 1}


# --- the connection is slow -------------------------------------------------------------------

SLOWNESS: dict[str, dict[str, Any]] = {
    "slice": {"size": 1},
    "delay": {"seconds": 0.01, "jitter_s": 0.01},
    "limit": {"bytes_per_s": 100_000},
}

TINY = {"unsubscribe": 2_000, "close": 200}
"""Where there is not much to be slow with: bytes per second."""


@pytest.mark.parametrize("fault", list(SLOWNESS))
@pytest.mark.parametrize("phase", list(LOST_AT))
def test_slow_from_every_phase_on(tls: Tls, phase: str, fault: str) -> None:
    options = SLOWNESS[fault]
    if fault == "limit" and phase in TINY:
        options = {"bytes_per_s": TINY[phase]}

    def arm(scene: Scene) -> None:
        if phase == "tcp":
            getattr(scene.proxy, fault)(**options)
        elif phase != "close":
            scene.proxy.at(PLACES[phase], fault, **options)

    def before_close(scene: Scene) -> None:
        if phase == "close":
            scene.proxy.at(CLOSE_FRAME, fault, direction=UP, **options)

    scene = Scene(arm, before_close=before_close, tls=tls if phase == "tls" else None)
    scene.play(NOTHING, fault)
    assert scene.proxy.counts["accept"] == 1


# --- the exchange says what it should not -----------------------------------------------------

MAINTENANCE = [{"event": "info", "code": code} for code in (20060, 20061)]

SAYINGS: dict[str, bytes] = {
    "garbage": frame('{"event":'),
    "20051": frame(json.dumps({"event": "info", "code": 20051})),
    "20060-20061": b"".join(frame(json.dumps(info)) for info in MAINTENANCE),
}

CLOSE_ANSWER = rb"\x88\x02\x03\xe8"
"""Of the exchange, to the client's close frame."""

MAINTAINED_AT = {
    "snapshot": Told("SsGS"),
    "live": Told("SsGS", "SsGS"),
    "unsubscribe": Told("SsGS"),
}


@pytest.mark.parametrize("saying", list(SAYINGS))
@pytest.mark.parametrize(
    "phase",
    ["info", "conf", "subscribe", "snapshot", "live", "unsubscribe", "close"],
)
def test_said_in_every_phase(phase: str, saying: str) -> None:
    place = PLACES.get(phase, CLOSE_ANSWER)

    def arm(scene: Scene) -> None:
        scene.proxy.at(place, "insert", data=SAYINGS[saying])

    if phase == "close":
        # Who has said goodbye does not listen any more.
        told = NOTHING
    elif saying == "garbage":
        told = Told(errors=(RemoteError,))
    elif saying == "20051":
        told = LOST_AT[phase]._replace(closes=(1012,), reconnects={"restart": 1})
    else:
        told = MAINTAINED_AT.get(phase, NOTHING)
    scene = Scene(arm)
    scene.play(told, "insert", is_late=phase == "unsubscribe")
    assert scene.proxy.counts["insert"] == 1


# --- its messages come twice, or in another order --------------------------------------------

DISORDER = {"duplicate-frame": "repeat", "out-of-order": "overtake"}

DISORDERED_AT: dict[tuple[str, str], Told] = {
    **{
        (phase, fault): NOTHING
        for phase in ("info", "conf", "subscribe", "unsubscribe")
        for fault in DISORDER
    },
    ("close", "duplicate-frame"): NOTHING,
    # Data frames have numbers; `DEEDS` has their duplicates.
    ("live", "out-of-order"): Told(
        "SGS", "SGS", (1006,), {"sequence": 1}, (RemoteError,)
    ),
}


@pytest.mark.parametrize(("phase", "fault"), list(DISORDERED_AT))
def test_out_of_order_in_every_phase(phase: str, fault: str) -> None:
    name = DISORDER[fault]
    scene = Scene(lambda scene: scene.proxy.at(PLACES.get(phase, CLOSE_ANSWER), name))
    scene.play(DISORDERED_AT[phase, fault], name, is_late=phase == "unsubscribe")
    assert scene.proxy.counts[name] == 1


# --- the exchange does what it should not -----------------------------------------------------


class Deed(NamedTuple):
    """
    A fault of the exchange's own.

    Attributes
    ----------
    fault : str
    options : dict
    told : Told
        If it happens at the beginning, and if it happens when all is live; None if it cannot.
    told_late : Told or None
    is_lost_before : bool
        When all is live, a loss of the connection brings the phase back in which it happens.
    """

    fault: str
    options: dict[str, Any]
    told: Optional[Told]
    told_late: Optional[Told]
    is_lost_before: bool = False


ON_BOOK = {"channel": "book"}
BROKEN_SEQUENCE = Told("SGS", "SGS", (1006,), {"sequence": 1}, (RemoteError,))
HEALED = Told(book="SGS", errors=(ChecksumMismatch,))
LOST = Told("SGS", "SGS", (1012,), {"closed": 1})

DEEDS = {
    "duplicate-frame": Deed(
        "duplicate_frame", ON_BOOK, BROKEN_SEQUENCE, BROKEN_SEQUENCE
    ),
    "sequence-hole": Deed(
        "sequence_hole", {}, BROKEN_SEQUENCE._replace(book="S"), BROKEN_SEQUENCE
    ),
    "garbage": Deed(
        "garbage", {}, Told(errors=(RemoteError,)), Told(errors=(RemoteError,))
    ),
    "reordered-acks": Deed("reordered_acks", {}, NOTHING, LOST, True),
    "late-ack": Deed("late_ack", {"delay_s": 0.2}, NOTHING, LOST, True),
    "10301": Deed("duplicate_subscribe", ON_BOOK, NOTHING, LOST, True),
    "10305": Deed(
        "refuse_subscribe",
        {**ON_BOOK, "code": 10305},
        Told(connections=2),
        LOST._replace(connections=2),
        True,
    ),
    "no-answer": Deed("no_answer", ON_BOOK, None, LOST, True),
    "wrong-checksum": Deed("wrong_checksum", {"symbol": "tBTCUSD"}, None, HEALED),
    "lost-update": Deed("lost_book_update", {"symbol": "tBTCUSD"}, None, HEALED),
    **{
        str(status): Deed(
            "refuse_handshake",
            {"status": status},
            Told(reconnects={"refused": 1}),
            LOST._replace(reconnects={"closed": 1, "refused": 1}),
            True,
        )
        for status in (408, 429, 502, 503)
    },
}


@pytest.mark.parametrize(
    "name", [name for name, deed in DEEDS.items() if deed.told is not None]
)
def test_done_at_the_beginning(name: str) -> None:
    deed = DEEDS[name]
    assert deed.told is not None
    play_deed(deed, deed.told, is_early=True)


@pytest.mark.parametrize("name", list(DEEDS))
def test_done_when_all_is_live(name: str) -> None:
    deed = DEEDS[name]
    assert deed.told_late is not None
    play_deed(deed, deed.told_late, is_early=False)


def play_deed(deed: Deed, told: Told, is_early: bool) -> None:
    def inject(scene: Scene) -> None:
        scene.exchange.inject(deed.fault, **deed.options)
        if deed.told_late is HEALED:
            # Until the next checksum.
            scene.steps.play_for(5.0)
        if deed.is_lost_before and not is_early:
            assert scene.exchange.drop_connections(1012) == 1

    scene = Scene(
        inject if is_early else nothing,
        act=None if is_early else inject,
        timeout=1.0 if deed.fault == "no_answer" else DEADLINE_S,
        backoff=PATIENT,
    )
    scene.play(told)
    assert scene.exchange.fault_counts[deed.fault] == 1


# --- and the rest -----------------------------------------------------------------------------


def test_without_room_for_the_first_channel_it_is_refused() -> None:
    with PaperExchange() as exchange:
        exchange.inject("refuse_subscribe", code=10305)
        with pytest.raises(SubscriptionRejected) as caught:
            User(exchange.url, BOOK)
        assert caught.value.code == 10305
        assert exchange.fault_counts["refuse_subscribe"] == 1


def test_maintenance_that_was_there_before() -> None:
    with PaperExchange(rate=100.0) as exchange:
        exchange.send_info(20060)
        with User(exchange.url, TRADES, BOOK, wait=False) as user:
            wait_until(lambda: user.client.status.value == "maintenance")
            assert user.stories == ["", ""]
            assert exchange.send_info(20061) == 1
            user.until_stories("S")
            user.seen[1].until_updated()
        assert user.closes.items == [(1000, "")]
        assert exchange.fault_counts["info_20061"] == 1


@pytest.mark.parametrize("code", [20051, 20060])
def test_announcements_of_the_exchange_itself(code: int) -> None:
    with (
        PaperExchange(rate=100.0) as exchange,
        User(exchange.url, TRADES, BOOK) as user,
    ):
        exchange.send_info(code)
        if code == 20060:
            user.until_stories("Ss")
            assert [s.is_stale for s in user.subscriptions] == [True, True]
            exchange.send_info(20061)
        user.until_stories("SGS" if code == 20051 else "SsGS")
        user.seen[1].until_updated()
        user.assert_in_order()
        assert user.reconnects == ({"restart": 1} if code == 20051 else {})
        assert user.errors.items == []
        assert exchange.fault_counts[f"info_{code}"] == 1


def test_r04_maintenance_that_does_not_end_costs_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bfxsync.wire.handshake, "MAINTENANCE_S", 0.2)
    with (
        PaperExchange(rate=100.0) as exchange,
        User(exchange.url, TRADES, BOOK) as user,
    ):
        assert exchange.send_info(20060) == 1
        # Those who come meanwhile are told of it, and wait as long.
        user.closes.wait_for(3)
        assert user.stories == ["SsG"] * 2
        assert all(subscription.is_stale for subscription in user.subscriptions)
        exchange.send_info(20061)
        user.until_stories("SsGS")
        user.seen[1].until_updated()
        user.assert_in_order()
        reason = "maintenance did not end within 0.2 s"
        lost = len(user.closes)
        assert user.closes.items == [(1006, reason)] * lost
        assert [
            event
            for seen in user.seen
            for event in seen.events
            if isinstance(event, Gap)
        ] == [Gap(reason)] * 2
        assert user.reconnects == {"maintenance": lost}
        assert user.errors.items == []
    assert exchange.fault_counts["info_20060"] == 1


def test_every_fault_of_the_exchanges_connections_is_in_the_matrix() -> None:
    elsewhere = {"silent_channel"}  # see `test_silence`
    assert {deed.fault for deed in DEEDS.values()} == set(PUBLIC_FAULTS) - elsewhere


def test_a_duplicate_frame_without_sequence_numbers_changes_nothing() -> None:
    def inject(scene: Scene) -> None:
        for channel in ("trades", "book"):
            scene.exchange.inject("duplicate_frame", channel=channel)

    scene = Scene(nothing, act=inject, flags=0)
    scene.play(NOTHING)
    assert scene.exchange.fault_counts["duplicate_frame"] == 2
