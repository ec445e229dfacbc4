"""
A small model of the exchange, with moods and faults, and of what a user sees of it.

It takes requests in order, and answers some of them late, some twice, some with "not ready"; it can
forget a change of a book, get a checksum wrong, send nonsense, fall silent on one channel or on all
of them while it still answers, and have room for few channels. Every socket numbers its channels as
the one before did.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Set, Tuple

import attrs

from bfxsync._base.enums import SubscriptionStatus
from bfxsync.book.checksums import checksum
from bfxsync.models import (
    BookUpdate,
    Checksum,
    Degraded,
    Gap,
    Snapshot,
    Status,
    Trade,
    TradeUpdate,
)
from bfxsync.models.stream import ChannelHeartbeat
from bfxsync.wire.channels import BookChannel, Channel, channel_for

SYMBOLS = ("tAAAUSD", "tBBBUSD", "tCCCUSD")
TICKER, TRADES, BOOK = SYMBOLS

# Not the default arguments, so that one that is forgotten is noticed.
ASKED: Dict[str, Dict[str, Any]] = {
    TICKER: {"channel": "ticker", "symbol": TICKER},
    TRADES: {"channel": "trades", "symbol": TRADES},
    BOOK: {"channel": "book", "symbol": BOOK, "prec": "P1", "freq": "F1", "len": 100},
}

LIVE = Status(SubscriptionStatus.LIVE)
REJECTED = Status(SubscriptionStatus.REJECTED)


def channel_of(symbol: str) -> Channel:
    channel = channel_for(**ASKED[symbol])
    channel.extras = True
    return channel


class Exchange:
    """The other end of one socket after another."""

    def __init__(self) -> None:
        self.value = 0  # rises with everything that happens in the market
        self.trades: List[int] = []
        self.levels: Dict[float, float] = {}
        self.room = 30
        # Of every request without room: how many channels there were, known and in all.
        self.taken: Dict[int, Tuple[int, int]] = {}
        self.hang_up()

    def hang_up(self) -> None:
        self.seq = 0
        self.chan_id = 100
        self.active: Dict[str, int] = {}
        self.mute: Set[int] = set()
        self.is_half_dead = False  # it answers, and sends no frame of any channel
        self.requests: List[Dict[str, Any]] = []
        self.outbox: List[bytes] = []
        self.late: List[Dict[str, Any]] = []
        self.again: List[Dict[str, Any]] = []

    def event(self, **body: Any) -> None:
        self.outbox.append(json.dumps(body).encode())

    def frame(self, chan_id: int, *content: Any) -> None:
        if chan_id not in self.mute and not self.is_half_dead:
            self.seq += 1
            self.outbox.append(json.dumps([chan_id, *content, self.seq]).encode())

    def greet(self, status: int) -> None:
        self.event(event="info", version=2, platform={"status": status})

    # --- the market ------------------------------------------------------------------------------

    def trade_row(self, identity: int) -> List[Any]:
        return [identity, 1_567_526_214_876, 0.5, 100.0]

    def ticker_row(self) -> List[float]:
        return [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, float(self.value), 8.0, 9.0, 10.0]

    def snapshot(self, symbol: str) -> None:
        chan_id = self.active[symbol]
        if symbol == TICKER:
            self.frame(chan_id, self.ticker_row())
        elif symbol == TRADES:
            count = self.value % 3 + 2  # not always as many
            rows = [self.trade_row(i) for i in self.trades[: -count - 1 : -1]]
            self.frame(chan_id, rows)
        else:
            self.frame(chan_id, [[p, 1, a] for p, a in self.levels.items()])

    def move(self, symbol: str, price: int, is_gone: bool, is_told: bool) -> None:
        """Let something happen in the market, and tell those who are subscribed."""
        self.value += 1
        contents: List[List[Any]]
        if symbol == TICKER:
            contents = [[self.ticker_row()]]
        elif symbol == TRADES:
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
        if is_told and symbol in self.active:
            for content in contents:
                self.frame(self.active[symbol], *content)

    def beat(self) -> None:
        """Let every channel have its heartbeat."""
        for chan_id in self.active.values():
            self.frame(chan_id, "hb")

    def sum_up(self, error: int) -> None:
        """Send the book's checksum, wrong by this."""
        if BOOK in self.active:
            bids = sorted((i for i in self.levels.items() if i[1] > 0), reverse=True)
            asks = sorted(i for i in self.levels.items() if i[1] < 0)
            self.frame(self.active[BOOK], "cs", checksum(bids, asks) + error)

    # --- requests --------------------------------------------------------------------------------

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
        elif len(self.active) >= self.room:
            active = len(self.active)
            self.taken[sub_id] = active - len(self.late), active
            self.event(event="error", code=10305, msg="limit", subId=sub_id)
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
            if mood == "twice":
                ack = dict(ack)
                del ack["subId"]
                self.again.append(ack)
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

    def answer_again(self) -> None:
        """Repeat answers; a channel that was ended is answered no more."""
        for ack in self.again:
            if ack["chanId"] in self.active.values():
                self.event(**ack)
        self.again.clear()


@attrs.define
class User:
    """What one subscription of the user has seen, and what was asked for it."""

    symbol: str
    channel: Channel
    state: str = "waiting"  # for the first data; then live, or in a gap
    is_degraded: bool = False
    last: int = 0
    seen: Set[int] = attrs.field(factory=set)
    first: Optional[Set[int]] = None
    """The ids of the first snapshot of trades."""
    has_hole: bool = False
    """It was said that trades may have been missed."""
    request: Optional[Dict[str, Any]] = None
    is_unanswered: bool = False
    """It was said that requests stay unanswered."""
    sub_id: int = 0
    socket: int = 0
    """On which it was asked for last; 0 if that does not count."""
    asked_at: List[float] = attrs.field(factory=list)

    def take(self, updates: List[Any], now: float) -> None:
        """Take one delivery; only its first item may be an event."""
        for update in updates:
            if isinstance(update, Gap):
                assert self.state == "live", f"a gap while {self.state}"
                self.state = "gap"
            elif isinstance(update, Snapshot):
                assert self.state != "live", "a snapshot without a gap"
                self.state = "live"
                self.is_degraded = self.is_unanswered = False
                self.has_hole = self.has_hole or update.has_hole
                if self.first is None and self.symbol == TRADES:
                    self.first = {trade.id for trade in update.rows}
            elif update == REJECTED:
                assert self.state != "waiting", "a refusal is the answer of who waits"
            elif isinstance(update, Degraded):
                assert self.state == "live" and not self.is_degraded
                assert self.channel.recovery.is_spent(now), "degraded, and not healed"
                self.is_degraded = True
            elif isinstance(update, Status):
                assert self.state == "live"
                assert update != LIVE or self.is_degraded, "right, and never wrong"
                self.is_degraded = self.is_degraded and update != LIVE
            else:
                assert self.state == "live", f"{update} while {self.state}"
                self.take_data(update)
        events = (Gap, Snapshot, Status, Degraded)
        assert not any(isinstance(update, events) for update in updates[1:])

    def take_data(self, update: Any) -> None:
        if isinstance(update, (TradeUpdate, Checksum, ChannelHeartbeat)):
            return
        if isinstance(update, Trade):
            assert update.id not in self.seen, "a trade twice"
            self.seen.add(update.id)
        elif not isinstance(update, BookUpdate):
            assert update.last_price >= self.last, "a ticker after a later one"
            self.last = update.last_price

    def missed(self, exchange: Exchange) -> Set[int]:
        """Return the trades since the first snapshot that it was not told of."""
        assert self.first is not None
        begin = min(self.first, default=0)
        since = {identity for identity in exchange.trades if identity >= begin}
        assert self.seen <= since - self.first, "a trade from before it began"
        return since - self.first - self.seen

    def is_right(self, exchange: Exchange) -> bool:
        """Tell whether all is well: it is live, and a book is the exchange's."""
        if self.state != "live" or exchange.active[self.symbol] in exchange.mute:
            return False
        if exchange.is_half_dead:
            return False
        if not isinstance(self.channel, BookChannel):
            return True
        book = self.channel.book
        levels = book.bids() + book.asks()
        return {level.price: level.amount for level in levels} == exchange.levels
