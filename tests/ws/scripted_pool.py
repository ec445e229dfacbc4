"""
A pool of connections without threads and sockets, and an exchange at the other ends.

Strategy: placement, tables, sessions and connections are the real ones. Only the loop of a
connection's thread is run step by step by the test, and its transport is a list of messages, so
that any interleaving of the threads can be had, and the clock is the test's. What the threads do
between two steps is atomic for each other anyway: they share nothing but the directory, replaced
under a lock, and the outboxes.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Set, Tuple

from bfxsync._base.enums import ConnectionStatus, Flag
from bfxsync.errors import BfxError, NetworkError
from bfxsync.ws.core.lifetime import Lifetime
from bfxsync.ws.core.placement import Placement
from bfxsync.ws.dispatch.dispatcher import Dispatcher
from bfxsync.ws.dispatch.event_publisher import EventPublisher
from bfxsync.ws.io.connection import Connection
from bfxsync.ws.io.link import RETIRE_AFTER_S, Link
from bfxsync.ws.settings import ConnectionSettings

Identity = Tuple[str, str]
"""Channel and symbol, as the exchange sees them: raw or not."""

LIMIT = 4
"""Channels per connection, as the client expects at first."""

SETTINGS = ConnectionSettings(
    url="ws://127.0.0.1:1",
    channels_per_connection=LIMIT,
    flags=Flag.SEQ_ALL,
    mailbox_size=100,
)


class Market:
    """What all sockets of the exchange have in common."""

    def __init__(self) -> None:
        self.room = LIMIT
        """Channels that a socket may have."""
        self.values: Dict[str, int] = {}
        """The last price of each symbol, which only rises."""
        self.value = 0

    def move(self, symbol: str) -> None:
        self.value += 1
        self.values[symbol] = self.value

    def row(self, symbol: str) -> List[float]:
        price = float(self.values.setdefault(symbol, 0))
        return [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, price, 8.0, 9.0, 10.0]


class Socket:
    """The exchange's end of one socket, and the transport of the client's end."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.requests: List[Dict[str, Any]] = []
        self.outbox: List[bytes] = []
        self.active: Dict[Identity, int] = {}
        self.named: Dict[int, Identity] = {}
        """The channels of all numbers so far."""
        self.known: Set[Identity] = set()
        """Acknowledged, and not unsubscribed: channels that the client knows that it has."""
        self.silent: Set[Identity] = set()
        self.is_mute = False
        self.seq = 0
        self.chan_id = 100
        # As `Transport`:
        self.lost: NetworkError | None = None
        self.was_closed = False
        self.is_shut = False
        self.event(event="info", version=2, platform={"status": 1})

    # --- the transport ------------------------------------------------------------------------

    def send(self, text: str) -> None:
        assert not self.is_shut, "sent on a closed socket"
        body = json.loads(text)
        if body["event"] == "subscribe":
            identity = body["channel"], body["symbol"]
            assert identity not in self.known, "subscribed twice on one connection"
        elif body["event"] == "unsubscribe":
            self.known.discard(self.named[body["chanId"]])
        self.requests.append(body)

    def read(self, count: int) -> List[bytes]:
        block, self.outbox = self.outbox[:count], self.outbox[count:]
        for message in block:
            body = json.loads(message)
            if isinstance(body, dict) and body["event"] == "subscribed":
                self.known.add((body["channel"], body["symbol"]))
            elif isinstance(body, dict) and body["event"] == "unsubscribed":
                self.known.discard(self.named[body["chanId"]])
        return block

    def close(self, code: int, reason: str) -> None:
        self.is_shut = True

    def detach_after_fork(self) -> None:
        self.is_shut = True

    def fileno(self) -> int:
        return -1

    # --- the exchange -------------------------------------------------------------------------

    def event(self, **body: Any) -> None:
        self.outbox.append(json.dumps(body).encode())

    def frame(self, identity: Identity, content: Any) -> None:
        if identity in self.silent or self.is_mute:
            return
        self.seq += 1
        chan_id = self.active[identity]
        self.outbox.append(json.dumps([chan_id, content, self.seq]).encode())

    def tell(self, symbol: str) -> None:
        """Send the present price to those who are subscribed."""
        for identity in self.active:
            if identity[1] == symbol:
                self.frame(identity, self.market.row(symbol))

    def beat(self) -> None:
        for identity in self.active:
            self.frame(identity, "hb")

    def take(self, mood: str) -> None:
        """Process the next request."""
        body = self.requests.pop(0)
        event = body["event"]
        if event == "conf":
            self.event(event="conf", status="OK", flags=body["flags"])
        elif event == "ping":
            self.event(event="pong", ts=1, cid=body["cid"])
        elif event == "unsubscribe":
            self._end(body["chanId"])
        else:
            self._begin(body, mood)

    def _begin(self, body: Dict[str, Any], mood: str) -> None:
        identity = body["channel"], body["symbol"]
        sub_id = body["subId"]
        if identity in self.active:
            fields = {"channel": identity[0], "symbol": identity[1], "subId": sub_id}
            chan_id = self.active[identity]
            self.event(event="error", code=10301, msg="dup", chanId=chan_id, **fields)
        elif len(self.active) >= self.market.room:
            self.event(event="error", code=10305, msg="limit", subId=sub_id)
        elif mood == "not ready":
            self.event(event="error", code=11000, msg="later", subId=sub_id)
        elif mood == "refuse":
            self.event(event="error", code=10300, msg="no", subId=sub_id)
        elif mood != "forget":
            self.chan_id += 1
            self.active[identity] = self.chan_id
            self.named[self.chan_id] = identity
            self.event(**{**body, "event": "subscribed", "chanId": self.chan_id})
            if mood == "silent":
                self.silent.add(identity)
            self.frame(identity, self.market.row(identity[1]))

    def _end(self, chan_id: int) -> None:
        for identity, active in list(self.active.items()):
            if active == chan_id:
                del self.active[identity]
                self.silent.discard(identity)
                self.event(event="unsubscribed", status="OK", chanId=chan_id)
                return
        self.event(event="error", code=10400, msg="invalid", chanId=chan_id)


class _NoPoller:
    """The poller of a connection that never waits."""

    def register(self, descriptor: int, mask: int) -> None: ...

    def unregister(self, descriptor: int) -> None: ...


class ScriptedConnection(Connection):
    """A connection whose loop is run step by step."""

    def __init__(self, number: int, pool: Pool) -> None:
        super().__init__(number, SETTINGS, pool, clock=pool.clock)
        # What waits for the operating system is never used.
        self._wake_in.close()
        self._wake_out.close()
        self._poller: Any = _NoPoller()
        self.socket: Socket | None = None
        self.due: float | None = None
        self.connect_at = 0.0

    def wake(self) -> None:
        """Do nothing, as there is no thread."""

    def detach_after_fork(self) -> None:
        """Do nothing, as there are no descriptors."""

    @property
    def session(self) -> Any:
        return self.link.session

    def open(self, market: Market) -> None:
        """Connect, as `_connect` and the beginning of `_serve` do."""
        self.link.status = ConnectionStatus.CONNECTING
        self.socket = Socket(market)
        self._transport: Any = self.socket
        self.link.perform(self.session.open(self._clock()))
        self.link.execute()

    def step(self, count: int, *, ticks: bool = True, executes: bool = True) -> None:
        """
        Do what the loop of `_serve` does between two waits, with so many messages.

        Without `executes` the commands in the outbox have come too late for this time.
        """
        link, session, socket = self.link, self.session, self.socket
        if session.is_rescheduled:
            session.is_rescheduled = False
            self.due = session.next_deadline()
        if executes:
            link.execute()
        now = self._clock()
        if socket is None:
            # As in `_rest`.
            link.perform(session.tick(now))
            if link.number > 1:
                link.retire_if_empty()
        else:
            messages = socket.read(count)
            if messages:
                link.perform(session.feed(messages, now), now)
            if ticks and (self.due is None or now >= self.due):
                link.perform(session.tick(now))
                self.due = session.next_deadline()
            if self._reopen is not None or socket.lost is not None:
                self.disconnect()
            elif link.number > 1:
                link.retire_if_empty(RETIRE_AFTER_S)
        if link.is_over:
            self.finish()

    def execute_one(self) -> None:
        """Execute one command, so that other threads can act before the next one."""
        if self.link._outbox:
            self.link.perform(self.link._outbox.popleft()())

    def disconnect(self) -> None:
        if self.socket is not None:
            self._disconnect()
            self.socket = None

    def finish(self) -> None:
        self.disconnect()
        self.link.finish()


class Pool:
    """The connections of a client, their placement, and the exchange."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.market = Market()
        self.lifetime = Lifetime()
        self.errors: List[BaseException] = []
        self.dispatcher = Dispatcher("scripted", self.errors.append, thread_count=0)
        self.publisher = EventPublisher(self.dispatcher, 100)
        self.placement = Placement(self.lifetime, self)
        self.connections: List[ScriptedConnection] = []
        """All connections that were ever opened."""
        self.learned: Dict[int, int] = {}
        """By connection: the fewest channels that the exchange had room for."""
        self._displace = self.placement.displace
        vars(self.placement)["displace"] = self.displace
        self.is_poor = False
        """Whether the operating system has no descriptors left."""

    # --- for the placement --------------------------------------------------------------------

    @property
    def has_account(self) -> bool:
        return False

    def make_link(self, number: int, is_account: bool = False) -> Link:
        if self.is_poor:
            raise NetworkError("no descriptor is left", phase="connect")
        connection = ScriptedConnection(number, self)
        self.connections.append(connection)
        return connection.link

    def start_link(self, link: Link) -> None:
        """Start no thread; the steps of the test are its work."""

    # --- for the connections ------------------------------------------------------------------

    def displace(self, link: Any, shared: Any, limit: int | None) -> None:
        if limit is not None:
            known = self.learned.get(link.number, limit)
            self.learned[link.number] = min(known, limit)
        self._displace(link, shared, limit)

    def clock(self) -> float:
        return self.now

    def failed(self, error: BfxError) -> None:
        raise AssertionError(f"the client has failed: {error}") from error

    def run_ready(self) -> None:
        """Leave the callbacks to the test, which is the dispatch thread as well."""

    # --- for the test -------------------------------------------------------------------------

    @property
    def running(self) -> List[ScriptedConnection]:
        """The connections whose threads have not ended."""
        return [each for each in self.connections if not each.link.is_finished]

    def close(self) -> None:
        self.lifetime.is_closing = True
        for connection in self.running:
            connection.link.close()
            connection.step(0)
        self.dispatcher.run_ready()
