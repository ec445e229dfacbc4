"""
The pool of connections against any interleaving of users, threads, exchange and time.

Strategy: `scripted_pool` runs placement, tables and sessions without threads. What must hold after
every step: the load of each connection is the number of its channels, no channel has two homes, and
each subscriber's items keep their grammar. In the end, with the exchange in its best mood, every
subscriber is live with the latest data, or was refused, and emptied connections are gone; while the
exchange answers nothing, every one that waits can say why.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, Dict, List

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from scripted_pool import LIMIT, Pool, ScriptedConnection, Socket

from bfxsync._base.enums import Policy, SubscriptionStatus
from bfxsync.errors import ApiError, BfxError, ClosedError, NetworkError
from bfxsync.models import Gap, Snapshot, Status, Ticker
from bfxsync.models.raw import RawRow
from bfxsync.wire.channels import channel_for, raw_channel_for
from bfxsync.ws.core.subscriber import Subscriber
from bfxsync.ws.core.subscription_table import SubscriptionTable
from bfxsync.ws.dispatch.dispatcher import CallbackQueue
from bfxsync.ws.io.link import RETIRE_AFTER_S

SYMBOLS = [f"t{letter * 3}USD" for letter in "ABCDEFGH"]

MOODS = st.sampled_from(
    ["fine"] * 6 + ["forget", "forget", "not ready", "refuse", "silent"]
)
PLACES = st.integers(0, 30)
HEARTBEAT_S = 15.0

LAST_PRICE = 6
"""Index of the last price in a ticker."""


@attrs.define(eq=False)
class User:
    """One subscriber, and what its callback was called with."""

    symbol: str
    is_raw: bool
    subscriber: Subscriber
    state: str = "waiting"
    last: float = -1.0
    was_ended: bool = False
    """The user has unsubscribed."""

    def take(self, item: Any) -> None:
        if isinstance(item, Gap):
            # One of a slow consumer replaces the first snapshot, too.
            assert self.state != "waiting" or item.dropped, "a gap before any data"
            # What was dropped may include the snapshot, which only `resync` repeats.
            is_latest = self.subscriber.policy is Policy.LATEST
            self.state = "either" if item.dropped and is_latest else "gap"
        elif isinstance(item, Snapshot):
            assert self.state != "live", "a snapshot without a gap"
            self.state = "live"
            for row in item.rows:
                self.take_price(row)
        elif isinstance(item, Status):
            pass
        else:
            assert self.state in ("live", "either"), f"{item} while {self.state}"
            self.take_price(item)

    def take_price(self, item: Any) -> None:
        price = item[LAST_PRICE] if isinstance(item, RawRow) else item.last_price
        assert price >= self.last, "an older price"
        self.last = price


class PoolMachine(RuleBasedStateMachine):
    """Any interleaving of users, threads, exchange and time."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool()
        self.users: List[User] = []
        self.beat_at = self.pool.now + HEARTBEAT_S

    @property
    def placement(self) -> Any:
        return self.pool.placement

    @property
    def open_ones(self) -> List[ScriptedConnection]:
        return [each for each in self.pool.running if each.socket is not None]

    @property
    def wanted(self) -> List[User]:
        """Users that have not unsubscribed, and were not refused."""
        return [
            user
            for user in self.users
            if not user.was_ended and user.subscriber.error is None
        ]

    # --- users --------------------------------------------------------------------------------

    @rule(
        place=PLACES,
        is_raw=st.sampled_from([False, False, False, True]),
        policy=st.sampled_from([Policy.RESYNC, Policy.RESYNC, Policy.LATEST]),
        size=st.sampled_from([2, 100, 100]),
    )
    def subscribe(self, place: int, is_raw: bool, policy: Policy, size: int) -> None:
        symbol = SYMBOLS[place % len(SYMBOLS)]
        channel = (
            raw_channel_for("ticker", {"symbol": symbol})
            if is_raw
            else channel_for("ticker", symbol=symbol)
        )
        pool = self.pool
        queue = CallbackQueue(symbol, {}, pool.dispatcher, size=size, policy=policy)
        subscriber = Subscriber(
            channel, {"symbol": symbol}, queue, size=size, policy=policy
        )
        user = User(symbol, is_raw, subscriber)
        for kind in (Gap, Snapshot, Status, Ticker, RawRow):
            queue.routes[kind] = user.take
        before = len(pool.connections)
        try:
            self.placement.place(subscriber)
        except NetworkError:
            assert pool.is_poor
            return
        self.users.append(user)
        home = subscriber.home
        assert home is not None
        assert home.load <= home.limit or len(pool.connections) == before
        self.raise_errors()

    @rule(place=PLACES)
    @precondition(lambda self: self.wanted)
    def unsubscribe(self, place: int) -> None:
        self.end(self.wanted[place % len(self.wanted)])

    def end(self, user: User) -> None:
        user.was_ended = True
        self.placement.detach(user.subscriber)

    @rule(place=PLACES, joins=st.booleans(), leaves=st.booleans())
    @precondition(lambda self: self.open_ones)
    def cross_a_move(self, place: int, joins: bool, leaves: bool) -> None:
        """Let users come and go just while their channel moves to another connection."""
        connection = self.open_ones[place % len(self.open_ones)]
        socket, homes = connection.socket, self.placement._directory.homes
        taken = {identity[-1] for identity in homes}
        free = [place for place, each in enumerate(SYMBOLS) if each not in taken]
        if socket is None or not (socket.active and free):
            return
        self.pool.market.room = len(socket.active)
        for _ in range(2):
            self.subscribe(free[0], False, Policy.RESYNC, 100)
        moving = [user for user in self.wanted if user.symbol == SYMBOLS[free[0]]]
        connection.link.execute()
        while socket.requests:
            socket.take("fine")
        if joins:
            self.subscribe(free[0], False, Policy.RESYNC, 100)
        if leaves and moving:
            self.end(moving[0])
        connection.step(50, executes=False)

    @rule(place=PLACES)
    @precondition(lambda self: self.wanted)
    def resubscribe(self, place: int) -> None:
        subscriber = self.wanted[place % len(self.wanted)].subscriber
        if subscriber.home is not None:
            subscriber.home.submit(SubscriptionTable.resubscribe, subscriber)

    @rule()
    @precondition(lambda self: self.wanted)
    def unsubscribe_all_of_a_connection(self) -> None:
        """Empty the last connection, which retires it after a while."""
        last = self.placement.links[-1]
        for user in self.wanted:
            if user.subscriber.home is last:
                self.end(user)

    @rule()
    def consume(self) -> None:
        """Let the dispatch thread work."""
        self.pool.dispatcher.run_ready()
        self.raise_errors()

    # --- threads of connections ---------------------------------------------------------------

    @rule(place=PLACES, count=st.integers(0, 6), executes=st.booleans())
    @precondition(lambda self: self.pool.running)
    def step(self, place: int, count: int, executes: bool) -> None:
        running = self.pool.running
        running[place % len(running)].step(count, executes=executes)

    @rule(place=PLACES)
    @precondition(lambda self: self.pool.running)
    def execute_one(self, place: int) -> None:
        running = self.pool.running
        running[place % len(running)].execute_one()

    @rule(place=PLACES)
    @precondition(lambda self: self.pool.running)
    def retire(self, place: int) -> None:
        """Let a connection find that it is empty, just after a command has come."""
        connection = self.pool.running[place % len(self.pool.running)]
        if connection.link.number > 1:
            after_s = 0.0 if connection.socket is None else RETIRE_AFTER_S
            connection.link.retire_if_empty(after_s)
        if connection.link.is_over:
            connection.finish()

    @rule(place=PLACES)
    @precondition(lambda self: len(self.open_ones) < len(self.pool.running))
    def connect(self, place: int) -> None:
        closed = [each for each in self.pool.running if each.socket is None]
        closed[place % len(closed)].open(self.pool.market)

    @rule(place=PLACES, is_back=st.booleans())
    @precondition(lambda self: self.open_ones)
    def lose(self, place: int, is_back: bool) -> None:
        """Lose one socket; only what was live on it has a gap."""
        connection = self.open_ones[place % len(self.open_ones)]
        connection.link.execute()
        if connection._reopen is None and connection.socket is not None:
            live = {
                id(subscriber)
                for shared in connection.link.table._shared.values()
                for subscriber in shared.subscribers
                if shared.channel.is_live
            }
            counts = self.gap_counts()
            connection.socket.lost = NetworkError("gone", phase="receive")
            connection.step(0, ticks=False)
            for subscriber, count in self.gap_counts().items():
                gained = count - counts[subscriber]
                assert gained == (subscriber in live), "a gap of others, or none"
        if is_back and not connection.link.is_finished and connection.socket is None:
            connection.open(self.pool.market)

    def gap_counts(self) -> Dict[int, int]:
        return {id(user.subscriber): user.subscriber.gap_count for user in self.users}

    # --- the exchange -------------------------------------------------------------------------

    @rule(place=PLACES, mood=MOODS)
    @precondition(lambda self: self.open_ones)
    def take(self, place: int, mood: str) -> None:
        socket = self.open_ones[place % len(self.open_ones)].socket
        if socket is not None and socket.requests:
            socket.take(mood)

    @rule(mood=MOODS)
    def answer_all(self, mood: str) -> None:
        """Let all requests be answered, and the answers arrive before any command."""
        for connection in self.open_ones:
            socket = connection.socket
            while socket is not None and socket.requests:
                socket.take(mood)
            connection.step(50, executes=False)

    @rule(mood=MOODS)
    def catch_up(self, mood: str) -> None:
        """Let everything that is under way arrive, on all connections."""
        for _ in range(4):
            for connection in self.pool.running:
                if connection.socket is None:
                    continue
                while connection.socket is not None and connection.socket.requests:
                    connection.socket.take(mood)
                connection.step(50)
        self.raise_errors()

    @rule(place=PLACES)
    def move(self, place: int) -> None:
        symbol = SYMBOLS[place % len(SYMBOLS)]
        self.pool.market.move(symbol)
        for socket in self.sockets():
            socket.tell(symbol)

    @rule(room=st.sampled_from([1, 2, 3, LIMIT, LIMIT]))
    def change_room(self, room: int) -> None:
        """Let sockets have room for fewer channels than the client expects."""
        self.pool.market.room = room

    @rule(place=PLACES, what=st.sampled_from(["end", "silent", "mute", "hole"]))
    @precondition(lambda self: self.open_ones)
    def go_wrong(self, place: int, what: str) -> None:
        socket = self.open_ones[place % len(self.open_ones)].socket
        assert socket is not None
        identities = sorted(socket.active)
        if what == "mute":
            socket.is_mute = True
        elif what == "hole":
            socket.seq += 1
        elif identities:
            identity = identities[place % len(identities)]
            if what == "silent":
                socket.silent.add(identity)
            else:
                socket._end(socket.active[identity])

    @rule()
    def run_out_of_descriptors(self) -> None:
        self.pool.is_poor = not self.pool.is_poor

    def sockets(self) -> List[Socket]:
        return [each.socket for each in self.open_ones if each.socket is not None]

    # --- time ---------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.1, 1.0, 1.0, 5.0, 11.0, 26.0, RETIRE_AFTER_S]))
    def wait(self, seconds: float) -> None:
        """Let time pass while nothing comes."""
        self.pool.now += seconds
        for connection in self.pool.running:
            connection.step(0)
            deadline = connection.session.next_deadline()
            if connection.socket is not None and deadline is not None:
                connection.step(0)
                connection.step(0)
                deadline = connection.session.next_deadline()
                is_open = connection.socket is not None
                assert not is_open or deadline is None or deadline > self.pool.now

    @rule(seconds=st.sampled_from([16.0, 40.0, 90.0]), mood=MOODS)
    def go_on(self, seconds: float, mood: str) -> None:
        """Let time pass as it does while the exchange is well, but for its mood."""
        end = self.pool.now + seconds
        looks = 0
        while self.pool.now < end:
            self.catch_up(mood)
            times = [end, self.beat_at]
            for connection in self.pool.running:
                if connection.socket is None:
                    connection.open(self.pool.market)
                deadline = connection.session.next_deadline()
                if deadline is not None:
                    times.append(deadline)
            self.pool.now = max(self.pool.now, min(times))
            if self.pool.now >= self.beat_at:
                self.beat_at = self.pool.now + HEARTBEAT_S
                for socket in self.sockets():
                    socket.beat()
            looks += 1
            assert looks < 60 + 12 * seconds, "looked too often"

    @rule()
    def be_forsaken(self) -> None:
        """While no request is answered, everybody who waits can say why."""
        self.go_on(200.0, "forget")
        for user in self.wanted:
            subscriber = user.subscriber
            home = subscriber.home
            is_live = subscriber.status is SubscriptionStatus.LIVE
            assert home is not None
            reasons = subscriber.delay, home.last_error
            assert is_live or any(reasons), "it waits, and nobody says why"

    # --- what always holds --------------------------------------------------------------------

    def raise_errors(self) -> None:
        for error in self.pool.errors:
            if not isinstance(error, BfxError):
                raise error

    @invariant()
    def loads_are_the_placed_channels(self) -> None:
        type(self).steps += 1
        homes = self.placement._directory.homes
        placed = Counter(id(link) for link in homes.values())
        for link in self.placement.links:
            assert link.load == placed.pop(id(link), 0), "a wrong load"
            most = self.pool.learned.get(link.number, LIMIT)
            assert 1 <= link.limit <= most, "placed where there is no room"
        assert not placed, "a home that is none of the connections"

    @invariant()
    def wanted_channels_have_one_home(self) -> None:
        homes = self.placement._directory.homes
        users = self.placement._directory.users
        assert set(homes) == set(users)
        placed = [s for subscribers in users.values() for s in subscribers]
        wanted = [user.subscriber for user in self.wanted]
        assert Counter(map(id, placed)) == Counter(map(id, wanted)), "lost, or twice"
        for subscriber in wanted:
            assert subscriber.home is homes[subscriber.identity]
            assert subscriber.home in self.placement.links

    @invariant()
    def no_channel_is_in_two_tables(self) -> None:
        """Unless it was ended and begun again, of which a connection does not know yet."""
        for user in self.wanted:
            identity = user.subscriber.identity
            found = [
                shared
                for each in self.pool.running
                for shared in each.link.table._shared.values()
                if shared.channel.identity == identity
                and user.subscriber in shared.subscribers
            ]
            assert len(found) <= 1, "a subscriber with two subscriptions"

    @invariant()
    def users_are_ended_by_themselves_or_the_exchange(self) -> None:
        for user in self.users:
            error = user.subscriber.error
            if error is None:
                continue
            if user.was_ended:
                assert isinstance(error, (ClosedError, ApiError, NetworkError))
            else:
                assert isinstance(error, (ApiError, NetworkError)), repr(error)
                assert user.subscriber.status is SubscriptionStatus.REJECTED
                assert user.subscriber.resolved.is_set

    @invariant()
    def retired_connections_have_nothing_left(self) -> None:
        for connection in self.pool.connections:
            if connection.link.is_finished:
                assert connection.link not in self.placement.links
                assert not connection.link._outbox and not len(connection.link.table)

    def teardown(self) -> None:
        pool = self.pool
        pool.is_poor = False
        pool.market.room = LIMIT
        for _ in range(60):
            for socket in self.sockets():
                socket.silent.clear()
                socket.is_mute = False
            self.go_on(20.0, "fine")
            if all(self.is_right(user) for user in self.wanted):
                break
        else:
            raise AssertionError("it never came right")
        for symbol in SYMBOLS:
            pool.market.move(symbol)
            for socket in self.sockets():
                socket.tell(symbol)
        self.catch_up("fine")
        self.consume()
        for user in self.wanted:
            assert user.state in ("live", "either")
            assert user.last == pool.market.values[user.symbol], "not the latest price"
        self.check_wire()
        self.go_on(RETIRE_AFTER_S + 20.0, "fine")
        first, *others = self.placement.links or [None]
        assert all(link.load for link in others), "an empty connection is kept"
        self.check_end()

    def is_right(self, user: User) -> bool:
        subscriber = user.subscriber
        return subscriber.resolved.is_set and (
            subscriber.status is SubscriptionStatus.LIVE
        )

    def check_wire(self) -> None:
        """Each wanted channel is subscribed once, where its home is, and no others are."""
        active = [
            (connection.link, identity)
            for connection in self.open_ones
            if connection.socket is not None
            for identity in connection.socket.active
        ]
        homes = self.placement._directory.homes
        expected = [(link, identity[-2:]) for identity, link in homes.items()]
        numbered = [
            sorted((link.number, *identity) for link, identity in found)
            for found in (active, expected)
        ]
        assert numbered[0] == numbered[1]

    def check_end(self) -> None:
        """After the end everybody knows of it."""
        self.pool.close()
        for user in self.users:
            assert user.subscriber.resolved.is_set, "it waits for ever"
            assert not user.subscriber.is_active
        assert not any(each.link.is_over and each.socket for each in self.pool.running)


def run(examples: int) -> None:
    """
    Run the machine on a thread that signals do not reach.

    There `shielded` calls need no threads of their own.
    """
    failures: List[BaseException] = []

    def work() -> None:
        try:
            run_state_machine_as_test(
                PoolMachine,
                settings=settings(stateful_step_count=50, max_examples=examples),
            )
        except BaseException as exc:
            failures.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def test_pool_keeps_every_subscriber_through_any_interleaving() -> None:
    run(settings().max_examples)


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_pool_keeps_every_subscriber_for_100_000_steps() -> None:
    PoolMachine.steps = 0
    while PoolMachine.steps < 100_000:
        run(200)
    print(f"{PoolMachine.steps:,} steps")
    assert PoolMachine.steps >= 100_000
