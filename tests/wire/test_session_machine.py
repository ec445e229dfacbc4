"""
A session against an exchange that is slow, forgetful, moody and wrong, in any order of events.

Strategy: `moody_exchange` is a small model of the other end. What must hold whatever happens:
nothing raises, each subscription's updates keep their grammar, nothing is asked for that may not
be, nor otherwise than at first, nor in a storm, nor twice on one socket; all that waits has a
deadline, and who is not answered is told so; and once the exchange is in its best mood it has
exactly the channels that are wanted, each once, and the books here are its books.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Set, Tuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from moody_exchange import BOOK, SYMBOLS, TICKER, TRADES, Exchange, User, channel_of

from bfxsync._base.enums import Flag
from bfxsync.errors import ApiError, NetworkError, RemoteError, RequestTimeout
from bfxsync.models import Gap
from bfxsync.wire.commands import Ping, Resubscribe, Subscribe, Unsubscribe
from bfxsync.wire.outputs import (
    Delayed,
    Deliver,
    Displaced,
    Output,
    Reopen,
    Report,
    Resolve,
    Send,
)
from bfxsync.wire.recovery import BUDGET
from bfxsync.wire.session import Session
from bfxsync.wire.subscribe_requests import UNANSWERED

pytestmark = pytest.mark.once

FLAGS = int(Flag.SEQ_ALL | Flag.OB_CHECKSUM)

ONE_OF_THEM = st.sampled_from(SYMBOLS)

# How the exchange answers a request for a channel.
MOODS = st.sampled_from(
    ["fine", "late", "late", "twice", "anonymous", "not ready", "refuse", "forget"]
)

FOREIGN = [305, 1_574_694_475_039, 0.5, 100.0]

NONSENSE = st.sampled_from(
    [[None], [{}], ["cs", "x"], ["te"], [["x"]], [[None, 1, 1.0]], [[[1.0]]], [7]]
    # Rows of another channel.
    + [[FOREIGN], [[[1_574_694_475_039, 1, 1.0, 1.0, 1.0, 1.0]]]]
)

FAULTS = st.sampled_from(
    ["wrong sum", "wrong sum", "wrong sum", "right sum", "nonsense", "silence", "end"]
    + ["half dead", "new snapshot"]
)
CHANGES = st.sampled_from(["anew", "end", "again", "hesitate"])

HAPPENINGS = st.sampled_from(
    [
        *[("room", 0), ("room", 1), ("room", 2), ("room", 30)],
        *[("sleep", 5.0), ("sleep", 3600.0)],
        *[("info", 1), ("info", None), ("info", None), ("ping", None)],
    ]
)

# Nothing is more boring than a socket that is closed.
MOSTLY = st.sampled_from([True, True, True, False])

TIMES = st.sampled_from([1, 1, 7, 9])

PAUSE, RESUME = 20060, 20061
HEARTBEAT_S, STALE_AFTER_S = 15.0, 35.0

STORMS = {3.0: 3, 60.0: 7}
"""How often a channel may be asked for within so many seconds without any other reason: at first,
then at once, and then after 1, 2, 4, 8, … s."""


LONGEST_S = 120.0
"""The longest that a session waits without looking: a maintenance."""

PATIENCE_S = 400.0
"""After so long without an answer everybody was told: delays of 60 s, and requests of 10, 20 and
40 s."""


class SessionMachine(RuleBasedStateMachine):
    """Any interleaving of user, exchange, link and time."""

    steps = 0
    """Steps of all machines so far."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(flags=FLAGS)
        self.exchange = Exchange()
        self.users: Dict[str, User] = {}
        self.displaced: Dict[str, Tuple[User, Displaced]] = {}
        self.now = 0.0
        self.beat_at = HEARTBEAT_S
        self.is_open = False
        self.socket = 0
        self.is_greeted = False  # as the client must know it by now
        self.is_paused = False
        self.was_paused_early = False  # before the greeting
        self.due: Optional[float] = None
        self.tokens = 0
        self.ended = 0  # channels that the exchange ended by itself
        self.reasons: List[float] = []  # when there was one to ask for channels anew
        self.alive_at = 0.0  # when nothing was expected, or something of that came
        # Channels that the client knows that it has.
        self.bound: Dict[int, str] = {}
        self.pings: Dict[str, float] = {}  # when those without pong expire

    @initialize(missing=st.sets(ONE_OF_THEM), is_closed=st.booleans())
    def begin(self, missing: Set[str], is_closed: bool) -> None:
        """Begin in the middle, mostly: what is interesting comes after the first steps."""
        for symbol in sorted(set(SYMBOLS) - missing):
            self.subscribe(symbol)
        if not is_closed:
            self.open(is_quick=True)

    # --- what the outputs mean -------------------------------------------------------------------

    def check_deadline(self) -> None:
        """The deadline that was asked for last is never too late."""
        due = self.session.next_deadline()
        if self.session.is_rescheduled:
            self.session.is_rescheduled = False
            self.due = due
        elif due is not None:
            assert self.due is not None and self.due <= due

    def perform(self, outputs: List[Output]) -> List[Output]:
        self.check_deadline()
        is_over = False
        for output in outputs:
            if isinstance(output, Send):
                assert self.is_open
                body = json.loads(output.text)
                if body["event"] == "subscribe":
                    self.check_request(body)
                elif body["event"] == "unsubscribe":
                    self.bound.pop(body["chanId"], None)
                self.exchange.requests.append(body)
            elif isinstance(output, Deliver):
                self.users[str(output.token)].take(output.updates, self.now)
                if output.updates[0] == Gap("the exchange ended the channel"):
                    self.ended -= 1
                    assert self.ended >= 0, "we ended our own channel"
            elif isinstance(output, Resolve) and output.token in self.pings:
                expires = self.pings.pop(str(output.token))
                if isinstance(output.error, RequestTimeout):
                    assert self.now >= expires, "too early"
                else:
                    assert output.error is None or type(output.error) is NetworkError
            elif isinstance(output, Resolve) and output.error is not None:
                # Only the exchange's own refusal ends a subscription.
                assert isinstance(output.error, ApiError)
                user = self.users.pop(str(output.token), None)
                if getattr(output.error, "code", None) == 10305:
                    assert user is not None
                    known, _ = self.exchange.taken[user.sub_id]
                    assert known == 0, "refused, though there is room elsewhere"
            elif isinstance(output, Displaced):
                self.displace(output)
            elif isinstance(output, Report):
                # A refusal of what was given up, or of what is asked for again; nonsense.
                known = (ApiError, RequestTimeout, RemoteError)
                assert isinstance(output.error, known)
            elif isinstance(output, Delayed):
                user = self.users[str(output.token)]
                assert user.state != "live", "late, and there is data"
                if isinstance(output.error, RequestTimeout):
                    assert not user.is_unanswered, "said twice"
                    assert user.channel.unanswered == UNANSWERED
                    user.is_unanswered = True
            elif isinstance(output, Reopen):
                is_over = True
        if is_over:
            self.lose()
        return outputs

    def check_request(self, body: Dict[str, Any]) -> None:
        assert not self.is_paused
        # Before the greeting, but not after a maintenance that is over before it, either.
        assert self.is_greeted or not self.was_paused_early
        (user,) = [u for u in self.users.values() if u.symbol == body["symbol"]]
        request = {key: value for key, value in body.items() if key != "subId"}
        assert request == {"event": "subscribe", **user.channel.request()}
        user.request = user.request or request
        assert request == user.request, "asked for otherwise than at first"
        chan_ids = self.bound.values()
        assert user.symbol not in chan_ids, "subscribed twice on one socket"
        user.sub_id, user.socket = body["subId"], self.socket
        user.asked_at.append(self.now)
        for seconds, limit in STORMS.items():
            lately = [time for time in user.asked_at if time > self.now - seconds]
            reasons = [time for time in self.reasons if time > self.now - seconds]
            assert len(lately) <= limit + len(reasons), "a storm of requests"

    def displace(self, output: Displaced) -> None:
        user = self.users.pop(str(output.token))
        if output.limit is None:
            others = [other for other in self.users.values() if other.state == "live"]
            assert others, "nobody would be disturbed by another socket"
        else:
            known, active = self.exchange.taken[user.sub_id]
            assert max(1, known) <= output.limit <= active, "a limit that is none"
        assert output.is_resolved == (user.state == "gap")
        self.displaced[str(output.token)] = user, output

    def symbols(self) -> List[str]:
        return [user.symbol for user in self.users.values()]

    # --- the user --------------------------------------------------------------------------------

    @rule(symbol=ONE_OF_THEM)
    def subscribe(self, symbol: str) -> None:
        if symbol in self.symbols():
            return
        self.tokens += 1
        token = f"{symbol}#{self.tokens}"
        channel = channel_of(symbol)
        self.users[token] = User(symbol, channel)
        self.perform(self.session.apply(Subscribe(token, channel), self.now))

    @rule(data=st.data(), mood=MOODS, kind=CHANGES)
    @precondition(lambda self: self.users)
    def change_the_mind(self, data: st.DataObject, mood: str, kind: str) -> None:
        """Unsubscribe, subscribe again, or both while the other is under way."""
        token = data.draw(st.sampled_from(sorted(self.users)))
        symbol = self.users[token].symbol
        if kind == "anew":
            self.reasons.append(self.now)
            self.perform(self.session.apply(Resubscribe(token), self.now))
            return
        self.unsubscribe(token)
        if kind == "end":
            return
        self.subscribe(symbol)
        if kind == "hesitate":
            while self.exchange.requests:
                self.exchange.take(mood)
            self.unsubscribe(list(self.users)[-1])
            self.subscribe(symbol)

    def unsubscribe(self, token: str) -> None:
        del self.users[token]
        self.perform(self.session.apply(Unsubscribe(token), self.now))

    @rule()
    @precondition(lambda self: self.displaced)
    def go_elsewhere(self) -> None:
        """Want a displaced channel on another connection, which is this one a bit later."""
        token, (user, output) = self.displaced.popitem()
        if user.symbol in self.symbols():
            return
        self.users[token] = user
        self.reasons.append(self.now)
        command = Subscribe(token, user.channel, output.is_resolved)
        self.perform(self.session.apply(command, self.now))

    # --- the exchange ----------------------------------------------------------------------------

    @rule(mood=MOODS)
    @precondition(lambda self: self.exchange.requests)
    def take(self, mood: str) -> None:
        self.exchange.take(mood)

    @rule(mood=MOODS)
    @precondition(lambda self: self.is_open)
    def catch_up(self, mood: str) -> None:
        """Let everything that is under way arrive, in both directions."""
        for _ in range(3):
            while self.exchange.requests:
                self.exchange.take(mood)
            while self.exchange.outbox:
                self.deliver(8)

    @rule(
        symbol=ONE_OF_THEM,
        price=st.integers(100, 109),
        is_gone=st.booleans(),
        is_told=st.sampled_from([True, True, True, False]),
    )
    def move(self, symbol: str, price: int, is_gone: bool, is_told: bool) -> None:
        self.exchange.move(symbol, price, is_gone, is_told or symbol != BOOK)

    @rule(
        fault=FAULTS, data=st.data(), times=TIMES, pause_s=st.sampled_from([0, 1, 45])
    )
    @precondition(lambda self: self.exchange.active)
    def go_wrong(
        self, fault: str, data: st.DataObject, times: int, pause_s: float
    ) -> None:
        """Let something be wrong with a channel, some times over, or all right for once."""
        for _ in range(times):
            chan_ids = sorted(self.exchange.active.values())
            if not chan_ids:
                break
            chan_id = data.draw(st.sampled_from(chan_ids))
            if fault == "nonsense":
                content = data.draw(NONSENSE)
                # A trade is none under the number of trades.
                if content != [FOREIGN] or chan_id != self.exchange.active.get(TRADES):
                    self.exchange.frame(chan_id, *content)
            elif fault == "silence":
                self.exchange.mute.add(chan_id)
            elif fault == "new snapshot":
                if BOOK in self.exchange.active:
                    self.exchange.snapshot(BOOK)
            elif fault == "half dead":
                self.exchange.is_half_dead = True
            elif fault == "end":
                self.exchange.end(chan_id)
                self.ended += 1
            else:
                self.exchange.sum_up(error=1 if fault == "wrong sum" else 0)
            if pause_s and self.is_open:
                self.go_on(pause_s)

    @rule(errors=st.lists(st.sampled_from([0, 0, 1]), max_size=4))
    @precondition(lambda self: self.is_open and BOOK in self.exchange.active)
    def wear_out(self, errors: List[int]) -> None:
        """Let the book's checksum be wrong until it is no longer healed, and then on and off."""
        for _ in range(BUDGET + 1):
            self.exchange.sum_up(error=1)
            self.go_on(16.0)
        for error in errors:
            self.exchange.move(BOOK, 100, False, True)
            self.exchange.sum_up(error)

    @rule()
    @precondition(lambda self: self.exchange.late)
    def answer_late(self) -> None:
        self.exchange.answer_late()

    @rule()
    @precondition(lambda self: self.exchange.again)
    def answer_again(self) -> None:
        self.exchange.answer_again()

    # --- the link --------------------------------------------------------------------------------

    @rule(is_quick=MOSTLY, status=st.sampled_from([1, 1, 1, 0]))
    @precondition(lambda self: not self.is_open)
    def open(self, is_quick: bool, status: int = 1) -> None:
        """Open a socket, mostly up to the first data of all channels."""
        self.is_open = True
        self.socket += 1
        self.perform(self.session.open(self.now))
        self.check_all_are_asked_for()
        self.exchange.greet(status)
        if is_quick:
            self.catch_up("fine")

    @rule(is_back=MOSTLY)
    @precondition(lambda self: self.is_open)
    def fail(self, is_back: bool) -> None:
        """Lose the link; mostly it is soon there again."""
        self.lose()
        if is_back:
            self.open(is_quick=True)

    def lose(self) -> None:
        self.is_open = self.is_greeted = self.is_paused = False
        self.was_paused_early = False
        self.exchange.hang_up()
        self.bound.clear()
        live = {token for token, user in self.users.items() if user.state == "live"}
        outputs = self.session.lose("gone")
        gaps = [output.token for output in outputs if isinstance(output, Deliver)]
        assert sorted(gaps, key=str) == sorted(live)
        self.perform(outputs)
        assert not self.pings, "a ping waits for a socket that is gone"

    @rule(number=st.integers(1, 8))
    @precondition(lambda self: self.exchange.outbox)
    def deliver(self, number: int) -> None:
        """Feed a block; what changes the rules for requests comes alone."""
        block = self.exchange.outbox[:number]
        for index, message in enumerate(block):
            if b'"conf"' in message or b'"info"' in message:
                block = block[: max(index, 1)]
                break
        del self.exchange.outbox[: len(block)]
        first = json.loads(block[0])
        name, code = (
            (first["event"], first.get("code"))
            if isinstance(first, dict)
            else ("", None)
        )
        was_paused = self.is_paused
        if name == "info" and code is None:
            self.is_greeted = True
            self.is_paused = self.is_paused or first["platform"]["status"] == 0
            self.reasons.append(self.now)
        elif code in (PAUSE, RESUME):
            self.is_paused = code == PAUSE
            self.reasons.append(self.now)
        if self.is_paused and (name == "info" and code is None or not self.is_greeted):
            # What was asked for before the greeting does not count.
            self.was_paused_early = True
            for user in self.users.values():
                user.socket = 0
        # Not ready, or subscribed already: the request is repeated a second later.
        for message in block:
            if b" 11000," in message or b" 10301," in message:
                self.reasons.append(self.now + 1.0)
        # Those before it, and those that are acknowledged in it, with what came before that.
        subscriptions = self.session._subscriptions
        routes, kept = (
            set(subscriptions.routes),
            set(subscriptions.routing.unrouted._frames),
        )
        self.life_is_counted_from_the_first_acknowledgement()
        is_probing = self.session._liveness._probe_until is not None
        fed = self.session.feed(block, self.now)
        self.note_bound(block)
        new = set(subscriptions.routes) - routes
        came = {self.chan_id_of(message) for message in block}
        # After a suspend any answer ends the silence.
        if came & (routes | new) or kept & new or (is_probing and block):
            self.alive_at = self.now
        self.perform(fed)
        if code == RESUME and was_paused:
            assert not any(user.state == "live" for user in self.users.values())
        if name == "info" and self.is_greeted and not self.is_paused:
            self.check_all_are_asked_for()

    def note_bound(self, block: List[bytes]) -> None:
        """Note the channels that were acknowledged in time, and those that have ended."""
        for message in block:
            body = json.loads(message)
            if not isinstance(body, dict):
                continue
            chan_id = body.get("chanId")
            if body["event"] == "unsubscribed":
                self.bound.pop(chan_id, None)
            elif body["event"] == "subscribed" and chan_id in (
                self.session._subscriptions.routes
            ):
                self.bound[chan_id] = body["symbol"]

    def check_all_are_asked_for(self) -> None:
        missing = [u.symbol for u in self.users.values() if u.socket != self.socket]
        assert missing == [], "what is wanted is not asked for"

    @staticmethod
    def chan_id_of(message: bytes) -> Any:
        value = json.loads(message)
        return value[0] if isinstance(value, list) else None

    # --- time ------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.1, 1.0, 1.0, 1.0, 5.0, 5.0, 11.0, 26.0, 130.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass while nothing comes, and nobody looks."""
        self.now += seconds
        self.look()

    def look(self) -> None:
        self.perform(self.session.tick(self.now))
        # A second look may be due at once, but never for ever: that would be a busy loop.
        for _ in range(2):
            deadline = self.session.next_deadline()
            if deadline is not None and deadline <= self.now:
                self.perform(self.session.tick(self.now))
        deadline = self.session.next_deadline()
        assert deadline is None or deadline > self.now
        assert all(expires > self.now for expires in self.pings.values()), "no end"
        if self.is_open and self.session._liveness.is_expecting:
            assert self.now - self.alive_at < STALE_AFTER_S, "a silent socket is kept"

    @rule(seconds=st.sampled_from([1.0, 10.0, 45.0, 45.0, 400.0]))
    @precondition(lambda self: self.is_open)
    def go_on(self, seconds: float, mood: str = "fine") -> None:
        """Let time pass as it does on a connection that is well, but for the exchange's mood."""
        end = self.now + seconds
        looks = 0
        while self.is_open and self.now < end:
            for _ in range(2):
                while self.exchange.requests:
                    self.exchange.take(mood)
                while self.exchange.outbox:
                    self.deliver(8)
            self.look()
            deadline = self.session.next_deadline() or end
            self.now = max(self.now, min(end, self.beat_at, deadline))
            if self.now >= self.beat_at:
                self.exchange.beat()
                self.beat_at = self.now + HEARTBEAT_S
            looks += 1
            assert looks < 20 + 2 * seconds, "looked too often"

    @rule()
    def be_forsaken(self) -> None:
        """While no request is answered, everybody who waits is told so."""
        end = self.now + PATIENCE_S
        while self.now < end:
            while self.displaced:
                self.go_elsewhere()
                if self.displaced and not self.is_open:
                    break
            if not self.is_open:
                self.open(is_quick=False)
            if self.is_paused:
                self.exchange.event(event="info", code=RESUME)
            self.go_on(min(20.0, end - self.now), "forget")
        for user in self.users.values():
            assert user.state == "live" or user.is_unanswered, "it waits, untold"

    @rule()
    @precondition(lambda self: self.is_open)
    def stay_in_maintenance(self) -> None:
        """Let a maintenance not end, which ends the socket after its longest time."""
        self.catch_up("fine")
        socket = self.socket
        if not self.is_paused:
            self.exchange.event(event="info", code=PAUSE)
        self.go_on(LONGEST_S + 40.0)
        assert not self.is_open or self.socket != socket, "paused for ever"

    @rule()
    @precondition(lambda self: not self.is_open)
    def greet_and_say_no_more(self) -> None:
        """Let the flags stay unanswered, which ends the socket."""
        self.open(is_quick=False)
        end = self.now + 30.0
        while self.is_open and self.now < end:
            requests = self.exchange.requests
            requests[:] = [body for body in requests if body["event"] != "conf"]
            while self.exchange.requests:
                self.exchange.take("forget")
            while self.exchange.outbox:
                self.deliver(8)
            self.now += 1.0
            self.look()
        assert not self.is_open, "a socket without flags is kept"

    def sleep(self, jump_s: float) -> None:
        """Let the machine be suspended."""
        self.alive_at = max(self.alive_at, self.now)
        outputs = self.perform(self.session.suspended(jump_s, self.now))
        if self.is_open:
            sent = [json.loads(o.text) for o in outputs if isinstance(o, Send)]
            assert [body["event"] for body in sent].count("ping") == 1

    @rule(what=HAPPENINGS)
    def happen(self, what: Tuple[str, Any]) -> None:
        """Let something happen that comes from neither side's channels."""
        kind, argument = what
        if kind == "room":
            self.exchange.room = argument
        elif kind == "sleep":
            self.sleep(argument)
        elif kind == "ping":
            self.tokens += 1
            token, expires = f"ping#{self.tokens}", self.now + 5.0
            self.pings[token] = expires
            self.perform(self.session.apply(Ping(token, expires), self.now))
        elif self.is_open:
            code = argument or (RESUME if self.is_paused else PAUSE)
            self.exchange.event(event="info", code=code)

    # --- what always holds -----------------------------------------------------------------------

    @invariant()
    def life_is_counted_from_the_first_acknowledgement(self) -> None:
        if not self.is_open or not self.session._liveness.is_expecting:
            self.alive_at = self.now

    @invariant()
    def all_that_waits_has_a_deadline(self) -> None:
        if not self.is_open:
            return
        deadline = self.session.next_deadline()
        assert deadline is not None and deadline <= self.now + LONGEST_S
        if not self.session._handshake.is_ready:
            return
        for entry in self.session._subscriptions:
            times = [time for time in (entry.deadline, entry.retry_at) if time]
            assert entry.channel.is_live or times, "it waits for ever"
            assert not times or deadline <= min(times), "it is looked at too late"

    @invariant()
    def tokens_are_what_is_wanted(self) -> None:
        type(self).steps += 1
        assert self.session.tokens == list(self.users)

    @invariant()
    def r03_each_acknowledged_channel_has_one_subscription(self) -> None:
        subscriptions = self.session._subscriptions
        routes = subscriptions.routes
        bound = {e.chan_id: e for e in subscriptions if e.chan_id is not None}
        assert bound == routes
        assert len({id(entry) for entry in routes.values()}) == len(routes)

    def teardown(self) -> None:
        """Let the exchange be in its best mood, and look whether all is well in the end."""
        self.exchange.room = 30
        for _ in range(60):
            while self.displaced:
                self.go_elsewhere()
            if not self.is_open:
                self.open(is_quick=True)
            if self.is_paused:
                self.exchange.event(event="info", code=RESUME)
            self.exchange.answer_late()
            self.exchange.sum_up(0)
            self.go_on(20.0)
            active = sorted(self.exchange.active)
            if self.is_open and active == sorted(self.symbols()):
                if all(user.is_right(self.exchange) for user in self.users.values()):
                    break
        else:
            raise AssertionError("it never came right")
        for symbol in SYMBOLS:
            self.exchange.move(symbol, 100, False, True)
        while self.exchange.outbox:
            self.deliver(8)
        for user in self.users.values():
            assert user.is_right(self.exchange)
            if user.symbol == TRADES:
                assert self.exchange.value - 1 in user.seen
                assert user.has_hole or not user.missed(self.exchange)
            elif user.symbol == TICKER:
                assert user.last == self.exchange.value - 2


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_session_keeps_its_word_for_100_000_steps() -> None:
    SessionMachine.steps = 0
    limits = settings(stateful_step_count=50, max_examples=200)
    while SessionMachine.steps < 100_000:
        run_state_machine_as_test(SessionMachine, settings=limits)
    print(f"{SessionMachine.steps:,} steps")


TestSessionMachine = SessionMachine.TestCase
TestSessionMachine.settings = settings(
    stateful_step_count=50, max_examples=2 * settings().max_examples
)
