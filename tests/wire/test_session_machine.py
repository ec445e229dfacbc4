"""
A session against an exchange that is slow, forgetful and moody, in any order of events.

Strategy: `Exchange` is a small model of the other end: it takes requests in order, and answers
some of them late, some twice too early, some with "not ready". What must hold whatever happens:
nothing raises, each subscription's updates keep their grammar, nothing is asked for that may not
be, and once the exchange has caught up it has exactly the channels that are wanted, each once, and
the books here are its books.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Set

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from bfxsync.errors import ApiError, RequestTimeout
from bfxsync.models import BookUpdate, Gap, Snapshot, Status, Trade
from bfxsync.types import Flag, SubscriptionStatus
from bfxsync.wire.channels import BookChannel, Channel, channel_for
from bfxsync.wire.commands import Ping, Subscribe, Unsubscribe
from bfxsync.wire.outputs import Deliver, Output, Reopen, Report, Resolve, Send
from bfxsync.wire.session import Session

FLAGS = int(Flag.SEQ_ALL)

CHANNELS = {"tAAAUSD": "ticker", "tBBBUSD": "trades", "tCCCUSD": "book"}
SYMBOLS = st.sampled_from(sorted(CHANNELS))

# How the exchange answers a request for a channel.
MOODS = st.sampled_from(
    ["fine", "fine", "late", "late", "anonymous", "not ready", "refuse", "forget"]
)

PAUSE, RESUME = 20060, 20061


class Exchange:
    """The other end of one socket after another."""

    def __init__(self) -> None:
        self.value = 0  # rises with everything that happens in the market
        self.trades: List[int] = []
        self.levels: Dict[float, float] = {}
        self.chan_id = 100
        self.hang_up()

    def hang_up(self) -> None:
        self.seq = 0
        self.active: Dict[str, int] = {}
        self.requests: List[Dict[str, Any]] = []
        self.outbox: List[bytes] = []
        self.late: List[Dict[str, Any]] = []

    def event(self, **body: Any) -> None:
        self.outbox.append(json.dumps(body).encode())

    def frame(self, chan_id: int, *content: Any) -> None:
        self.seq += 1
        self.outbox.append(json.dumps([chan_id, *content, self.seq]).encode())

    def greet(self) -> None:
        self.event(event="info", version=2, platform={"status": 1})

    def trade_row(self, identity: int) -> List[Any]:
        return [identity, 1_567_526_214_876, 0.5, 100.0]

    def ticker_row(self) -> List[float]:
        return [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, float(self.value), 8.0, 9.0, 10.0]

    def snapshot(self, symbol: str) -> None:
        chan_id = self.active[symbol]
        kind = CHANNELS[symbol]
        if kind == "ticker":
            self.frame(chan_id, self.ticker_row())
        elif kind == "trades":
            rows = [self.trade_row(identity) for identity in self.trades[:-4:-1]]
            self.frame(chan_id, rows)
        else:
            self.frame(chan_id, [[p, 1, a] for p, a in self.levels.items()])

    def move(self, symbol: str, price: int, is_gone: bool) -> None:
        """Let something happen in the market, and tell those who are subscribed."""
        self.value += 1
        chan_id = self.active.get(symbol)
        kind = CHANNELS[symbol]
        contents: List[List[Any]]
        if kind == "ticker":
            contents = [[self.ticker_row()]]
        elif kind == "trades":
            self.trades.append(self.value)
            contents = [[tag, self.trade_row(self.value)] for tag in ("te", "tu")]
        else:
            level = float(price)
            # Half of the prices are bids, so that no level is on both sides.
            sign = 1 if price < 105 else -1
            if self.levels.pop(level, None) is None or not is_gone:
                self.levels[level] = sign * float(self.value)
                contents = [[[level, 1, self.levels[level]]]]
            else:
                contents = [[[level, 0, sign]]]
        if chan_id is not None:
            for content in contents:
                self.frame(chan_id, *content)

    def take(self, mood: str) -> None:
        """Take one request."""
        body = self.requests.pop(0)
        kind = body["event"]
        if kind == "conf":
            self.event(event="conf", status="OK", flags=body["flags"])
        elif kind == "ping":
            self.event(event="pong", ts=1, cid=body["cid"])
        elif kind == "unsubscribe":
            self.end(body["chanId"])
        else:
            self.begin(body, mood)

    def begin(self, body: Dict[str, Any], mood: str) -> None:
        symbol, sub_id = body["symbol"], body["subId"]
        if symbol in self.active:
            chan_id = self.active[symbol]
            echo = {"channel": body["channel"], "symbol": symbol, "subId": sub_id}
            self.event(event="error", code=10301, msg="dup", chanId=chan_id, **echo)
        elif mood == "not ready":
            self.event(event="error", code=11000, msg="later", subId=sub_id)
        elif mood == "refuse":
            self.event(event="error", code=10300, msg="no", subId=sub_id)
        elif mood != "forget":
            self.chan_id += 1
            self.active[symbol] = self.chan_id
            ack = {**body, "event": "subscribed", "chanId": self.chan_id}
            if mood == "anonymous":
                del ack["subId"]
            if mood == "late":
                self.late.append(ack)
            else:
                self.event(**ack)
            self.snapshot(symbol)

    def end(self, chan_id: int) -> None:
        for symbol, active in list(self.active.items()):
            if active == chan_id:
                # An answer that is late is not so late.
                self.answer_late(chan_id)
                del self.active[symbol]
                self.event(event="unsubscribed", status="OK", chanId=chan_id)
                return
        self.event(
            event="error", code=10400, msg="unsubscribe: invalid", chanId=chan_id
        )

    def answer_late(self, chan_id: Optional[int] = None) -> None:
        for ack in list(self.late):
            if chan_id is None or ack["chanId"] == chan_id:
                self.late.remove(ack)
                self.event(**ack)


@attrs.define
class User:
    """What one subscription of the user has seen."""

    symbol: str
    channel: Channel
    state: str = "waiting"  # for the first data; then live, or in a gap
    last: int = 0
    seen: Set[int] = attrs.field(factory=set)

    def take(self, update: Any) -> None:
        if isinstance(update, Gap):
            assert self.state == "live", f"a gap while {self.state}"
            self.state = "gap"
        elif isinstance(update, Snapshot):
            assert self.state != "live", "a snapshot without a gap"
            self.state = "live"
        elif update == Status(SubscriptionStatus.REJECTED):
            assert self.state != "waiting", "a refusal is the answer of who waits"
        elif isinstance(update, Status):
            assert self.state == "live"
        else:
            assert self.state == "live", f"{update} while {self.state}"
            self.take_data(update)

    def take_data(self, update: Any) -> None:
        if isinstance(update, Trade):
            assert update.id not in self.seen, "a trade twice"
            self.seen.add(update.id)
        elif not isinstance(update, BookUpdate):
            assert update.last_price >= self.last, "a ticker after a later one"
            self.last = update.last_price


class SessionMachine(RuleBasedStateMachine):
    """Any interleaving of user, exchange, link and time."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(flags=FLAGS)
        self.exchange = Exchange()
        self.users: Dict[str, User] = {}
        self.now = 0.0
        self.is_open = False
        self.is_ready = False  # as the client must know it by now
        self.is_paused = False
        self.tokens = 0
        self.ended = 0  # channels that the exchange ended by itself

    @initialize(symbols=st.lists(SYMBOLS, unique=True), is_open=st.booleans())
    def begin(self, symbols: List[str], is_open: bool) -> None:
        """Begin in the middle: what is interesting comes after the first steps."""
        for symbol in symbols:
            self.subscribe(symbol, 10.0)
        if is_open:
            self.open()
            self.catch_up("fine")

    # --- what the outputs mean -------------------------------------------------------------------

    def perform(self, outputs: List[Output]) -> List[Output]:
        is_over = False
        for output in outputs:
            if isinstance(output, Send):
                assert self.is_open
                body = json.loads(output.text)
                if body["event"] == "subscribe":
                    assert self.is_ready and not self.is_paused
                self.exchange.requests.append(body)
            elif isinstance(output, Deliver):
                for update in output.updates:
                    self.users[str(output.token)].take(update)
                    if update == Gap("the exchange ended the channel"):
                        self.ended -= 1
                        assert self.ended >= 0, "we ended our own channel"
            elif isinstance(output, Resolve) and output.error is not None:
                self.users.pop(str(output.token), None)
            elif isinstance(output, Report):
                # A refusal of what was given up, or of what is asked for again.
                assert isinstance(output.error, (ApiError, RequestTimeout))
            elif isinstance(output, Reopen):
                is_over = True
        if is_over:
            self.lose()
        return outputs

    def symbols(self) -> List[str]:
        return [user.symbol for user in self.users.values()]

    # --- the user --------------------------------------------------------------------------------

    @rule(symbol=SYMBOLS, patience_s=st.sampled_from([1.0, 10.0]))
    def subscribe(self, symbol: str, patience_s: float) -> None:
        if symbol in self.symbols():
            return
        self.tokens += 1
        token = f"{symbol}#{self.tokens}"
        channel = channel_for(CHANNELS[symbol], symbol=symbol)
        self.users[token] = User(symbol, channel)
        command = Subscribe(token, channel, patience_s, self.now + patience_s)
        self.perform(self.session.apply(command, self.now))

    @rule(data=st.data())
    @precondition(lambda self: self.users)
    def unsubscribe(self, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(sorted(self.users)))
        del self.users[token]
        self.perform(self.session.apply(Unsubscribe(token), self.now))

    @rule(symbol=SYMBOLS, mood=MOODS)
    def change_the_mind(self, symbol: str, mood: str) -> None:
        """Subscribe, and while that is under way unsubscribe and subscribe again."""
        for token, user in list(self.users.items()):
            if user.symbol == symbol:
                del self.users[token]
                self.perform(self.session.apply(Unsubscribe(token), self.now))
        self.subscribe(symbol, 10.0)
        while self.exchange.requests:
            self.exchange.take(mood)
        token = list(self.users)[-1]
        del self.users[token]
        self.perform(self.session.apply(Unsubscribe(token), self.now))
        self.subscribe(symbol, 10.0)

    @rule()
    def ping(self) -> None:
        self.perform(self.session.apply(Ping("ping", self.now + 5.0), self.now))

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

    @rule(symbol=SYMBOLS, price=st.integers(100, 109), is_gone=st.booleans())
    def move(self, symbol: str, price: int, is_gone: bool) -> None:
        self.exchange.move(symbol, price, is_gone)

    @rule()
    @precondition(lambda self: self.exchange.late)
    def answer_late(self) -> None:
        self.exchange.answer_late()

    @rule()
    @precondition(lambda self: self.exchange.active)
    def end_a_channel(self) -> None:
        chan_id = next(iter(self.exchange.active.values()))
        self.exchange.end(chan_id)
        self.ended += 1

    @rule()
    @precondition(lambda self: self.is_open)
    def maintain(self) -> None:
        self.exchange.event(event="info", code=RESUME if self.is_paused else PAUSE)

    @rule()
    @precondition(lambda self: self.is_open)
    def say_something_new(self) -> None:
        self.exchange.event(event="info", code=1)

    # --- the link --------------------------------------------------------------------------------

    @rule()
    @precondition(lambda self: not self.is_open)
    def open(self) -> None:
        self.is_open = True
        self.perform(self.session.open(self.now))
        self.exchange.greet()

    @rule()
    @precondition(lambda self: self.is_open)
    def lose(self) -> None:
        self.is_open = self.is_ready = self.is_paused = False
        self.exchange.hang_up()
        live = {token for token, user in self.users.items() if user.state == "live"}
        outputs = self.session.lose("gone")
        gaps = [output.token for output in outputs if isinstance(output, Deliver)]
        assert sorted(gaps, key=str) == sorted(live)
        self.perform(outputs)

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
        was_ready, was_paused = self.is_ready, self.is_paused
        if name == "conf":
            self.is_ready = True
        elif code in (PAUSE, RESUME):
            self.is_paused = code == PAUSE
        outputs = self.perform(self.session.feed(block, self.now))
        if code == RESUME and was_paused:
            assert not any(user.state == "live" for user in self.users.values())
        if self.is_ready and not was_ready and not self.is_paused:
            asked = [
                json.loads(o.text)["symbol"] for o in outputs if isinstance(o, Send)
            ]
            assert asked == self.symbols(), "not exactly what is wanted is asked for"

    @rule(seconds=st.sampled_from([0.1, 1.0, 1.0, 5.0, 11.0, 26.0, 40.0, 130.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.perform(self.session.tick(self.now))
        # A second look may be due at once, but never for ever: that would be a busy loop.
        for _ in range(2):
            deadline = self.session.next_deadline()
            if deadline is not None and deadline <= self.now:
                self.perform(self.session.tick(self.now))
        deadline = self.session.next_deadline()
        assert deadline is None or deadline > self.now

    # --- what always holds -----------------------------------------------------------------------

    @invariant()
    def tokens_are_what_is_wanted(self) -> None:
        assert self.session.tokens == list(self.users)

    @invariant()
    def r03_each_acknowledged_channel_has_one_subscription(self) -> None:
        subscriptions = self.session._subscriptions
        routes = subscriptions.routes
        bound = {e.chan_id: e for e in subscriptions if e.chan_id is not None}
        assert bound == routes
        assert len({id(entry) for entry in routes.values()}) == len(routes)

    def teardown(self) -> None:
        """Let the exchange catch up in its best mood, and look whether all is well."""
        if not self.is_open:
            self.open()
        if self.is_paused:
            self.exchange.event(event="info", code=RESUME)
        for _ in range(600):
            while self.exchange.requests or self.exchange.late or self.exchange.outbox:
                while self.exchange.requests:
                    self.exchange.take("fine")
                self.exchange.answer_late()
                while self.exchange.outbox:
                    self.deliver(8)
                if not self.is_open:
                    self.open()
                if self.is_paused and not self.exchange.outbox:
                    self.exchange.event(event="info", code=RESUME)
            if all(user.state == "live" for user in self.users.values()):
                break
            self.wait(0.5)
        assert sorted(self.exchange.active) == sorted(self.symbols())
        for symbol in CHANNELS:
            self.exchange.move(symbol, 100, False)
        while self.exchange.outbox:
            self.deliver(8)
        for user in self.users.values():
            assert user.state == "live"
            if isinstance(user.channel, BookChannel):
                book = user.channel.book
                found = {
                    level.price: level.amount for level in book.bids() + book.asks()
                }
                assert found == self.exchange.levels
            elif user.symbol == "tBBBUSD":
                assert self.exchange.value - 1 in user.seen
            else:
                assert user.last > 0


TestSessionMachine = SessionMachine.TestCase
TestSessionMachine.settings = settings(stateful_step_count=40)
