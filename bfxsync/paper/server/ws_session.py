"""
The WebSocket protocol of one socket, without I/O: text in, text out.

Requests are answered as observed on the real exchange; errors have its codes and echo the fields
of the request.
"""

from __future__ import annotations

import random
import re
from typing import Callable, Sequence

from bfxsync._base.enums import Flag
from bfxsync.paper.faults import Fault
from bfxsync.paper.server.account_session import AccountSession
from bfxsync.paper.server.acks import Acks, CallLater, Event
from bfxsync.paper.server.feeds import Identity
from bfxsync.paper.server.frames import FrameWriter
from bfxsync.paper.server.market_data import MarketData
from bfxsync.paper.server.registry import AccountRegistry
from bfxsync.paper.server.subscriptions import (
    InvalidSubscription,
    Request,
    RequestedChannel,
    names,
    read,
)
from bfxsync.paper.server.wire_json import decode, encode

# Old programs still set two flags without effect: decimals (8) and times (32) as text.
_KNOWN_FLAGS = 8 | 32 | sum(Flag)
_ID_TEXT = re.compile(r"[1-9]\d{0,15}", re.ASCII)
_ECHOED = ("channel", "symbol", "key", "prec", "freq", "len", "subId")
_INFO_TEXTS = {
    20051: "Stopping. Please try to reconnect",
    20060: "Entering in Maintenance mode. Please pause any activity.",
    20061: "Maintenance ended. You can resume normal activity.",
}
_DUPLICATE = (10301, "subscribe: dup")
_LIMIT = (10305, "subscribe: limit")
# The texts of the real exchange, where known.
_REFUSALS = dict([(10300, "symbol: invalid"), _DUPLICATE, _LIMIT])


class SubscribedChannel:
    """
    One subscription of one socket, which gets the frames of a feed.

    Attributes
    ----------
    is_silent : bool
        True: nothing more is sent, not even heartbeats.
    """

    def __init__(self, session: WsSession, chan_id: int, identity: Identity) -> None:
        self.identity = identity
        self.chan_id = chan_id
        self.is_silent = False
        self._session = session

    def frame(self, body: str) -> None:
        """Send one frame."""
        if not self.is_silent:
            self._session.send_data(self, body)

    def rows(self, rows: Sequence[str]) -> None:
        """Send the rows of one iteration: with BULK_UPDATES as a list, otherwise one by one."""
        if self._session.frames.flags & Flag.BULK_UPDATES:
            self.frame(f"[{','.join(rows)}]")
        else:
            for row in rows:
                self.frame(row)

    def checksum(self, value: int) -> None:
        """Send a checksum if OB_CHECKSUM is set."""
        if self._session.frames.flags & Flag.OB_CHECKSUM and not self.is_silent:
            self._session.send_checksum(self, value)


class WsSession:
    """
    The session of one socket.

    Parameters
    ----------
    on_subscribed : callable
        Called with the symbol of a new channel.
    notification_seq : bool
        See `AccountSession`.
    cut : callable
        Cuts the connection after what was sent so far.

    Attributes
    ----------
    account : AccountSession
        The account side.
    """

    def __init__(
        self,
        market_data: MarketData,
        registry: AccountRegistry,
        send: Callable[[str], None],
        now_mts: Callable[[], int],
        call_later: CallLater,
        *,
        max_channels: int = 25,
        server_id: str = "",
        dice: random.Random | None = None,
        on_subscribed: Callable[[str], None] = lambda symbol: None,
        notification_seq: bool = False,
        cut: Callable[[], None] = lambda: None,
    ) -> None:
        self.frames: FrameWriter = FrameWriter(send, market_data.faults, now_mts)
        self._dice = random.Random() if dice is None else dice
        self.account: AccountSession = AccountSession(
            self.frames,
            market_data,
            registry,
            self._event,
            call_later,
            self._cut,
            self._dice,
            notification_seq=notification_seq,
        )
        self.channels: dict[int, SubscribedChannel] = {}
        self._market_data = market_data
        self._send = send
        self._cut_connection = cut
        self._faults = market_data.faults
        self._now_mts = now_mts
        self._acks = Acks(self._faults, self._event, call_later, self.channels)
        self._max_channels = max_channels
        self._server_id = server_id
        self._on_subscribed = on_subscribed
        self._used_ids = {0}
        self._is_closed = False
        self._handlers: dict[str, Callable[[Event], None]] = {
            "conf": self._conf,
            "ping": self._ping,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "auth": self.account.log_in,
            "unauth": self.account.log_out,
        }

    @property
    def is_in_use(self) -> bool:
        """Whether the socket has a channel, the account channel included."""
        return bool(self.channels) or self.account.is_open

    def open(self, is_operative: bool = True) -> None:
        """Send the greeting, with the platform status: operative or in maintenance."""
        platform = {"status": int(is_operative)}
        info = {"version": 2, "serverId": self._server_id, "platform": platform}
        self._event({"event": "info", **info})

    def receive(self, text: str) -> None:
        """Handle an event, or an input of the account channel; anything else is ignored."""
        try:
            request = decode(text)
        except ValueError:
            return
        if self._is_closed:
            return
        if isinstance(request, list):
            self.account.receive(request)
        elif isinstance(request, dict):
            self._handle(request)

    def _handle(self, request: Event) -> None:
        event = request.get("event")
        handler = self._handlers.get(event) if isinstance(event, str) else None
        if handler is None:
            text = f"event: invalid ({event})"
            self._event({"event": "error", "msg": text, "code": 10000})
        else:
            handler(request)

    def info(self, code: int) -> None:
        """Send an info event."""
        self._event({"event": "info", "code": code, "msg": _INFO_TEXTS.get(code, "")})

    def heartbeat(self) -> None:
        """Send a heartbeat on every channel."""
        self.account.heartbeat()
        for channel in self.channels.values():
            if not channel.is_silent:
                self.frames.write(channel.chan_id, '"hb"')

    def close(self) -> None:
        """Unsubscribe everything, and ignore further messages."""
        self._is_closed = True
        self.account.close()
        for channel in self.channels.values():
            self._market_data.unsubscribe(channel.identity, channel)
        self.channels.clear()
        self._acks.release_held()

    def silence(self, fault: Fault) -> int:
        """Silence the channels that a fault matches, and return how many."""
        count = 0
        for channel in self.channels.values():
            if not channel.is_silent and fault.matches(**channel.identity.facts()):
                channel.is_silent = True
                count += 1
        return count

    def send_data(self, channel: SubscribedChannel, body: str) -> None:
        """Send a data frame of a channel."""
        text = self.frames.write(channel.chan_id, body)
        if self._faults.armed and self._fires("duplicate_frame", channel):
            self._send(text)

    def send_checksum(self, channel: SubscribedChannel, value: int) -> None:
        """Send the checksum of a channel's book."""
        value ^= self._fires("wrong_checksum", channel)
        self.frames.write(channel.chan_id, f'"cs",{value}')

    def _fires(self, fault: str, channel: SubscribedChannel) -> bool:
        return self._faults.fire(fault, **channel.identity.facts()) is not None

    def _cut(self) -> None:
        # What has already come from the client is not read any more.
        self._is_closed = True
        self._cut_connection()

    def _event(self, event: Event) -> None:
        self._send(encode(event))

    def _conf(self, request: Event) -> None:
        flags = request.get("flags")
        if type(flags) is not int or flags & ~_KNOWN_FLAGS:
            failed = {"status": "FAILED", "code": 10050, "msg": "conf: invalid"}
            self._event({"event": "conf", **failed, "flags": flags})
        else:
            self.frames.flags = flags
            self._event({"event": "conf", "status": "OK", "flags": flags})

    def _ping(self, request: Event) -> None:
        pong: Event = {"event": "pong", "ts": self._now_mts()}
        if "cid" in request:
            pong["cid"] = request["cid"]
        self._event(pong)

    def _subscribe(self, request: Event) -> None:
        try:
            wanted = read(request, self._market_data)
        except InvalidSubscription as invalid:
            self._event(_error(invalid.request, 10300, invalid.message))
            return
        if wanted is None or self._faults.fire("no_answer", **wanted.identity.facts()):
            return
        # Echo the symbol in its normal form.
        request = {name: wanted.fields.get(name, request[name]) for name in request}
        refusal = self._refusal(request, wanted.identity)
        if refusal is not None:
            self._event(refusal)
        else:
            self._open_channel(wanted, request)

    def _refusal(self, request: Request, identity: Identity) -> Event | None:
        fault = self._faults.fire("refuse_subscribe", **identity.facts())
        if fault is not None:
            code = fault.options["code"]
            return _error(request, code, _REFUSALS.get(code, "subscribe: failed"))
        for channel in self.channels.values():
            if channel.identity == identity:
                return _error(request, *_DUPLICATE, chanId=channel.chan_id)
        # The account channel counts as one.
        if len(self.channels) + self.account.is_open >= self._max_channels:
            return _error(request, *_LIMIT)
        return None

    def _open_channel(self, wanted: RequestedChannel, request: Request) -> None:
        identity, fields = wanted
        chan_id = self._new_chan_id()
        channel = self.channels[chan_id] = SubscribedChannel(self, chan_id, identity)
        ack = {"event": "subscribed", "channel": identity.channel, "chanId": chan_id}
        duplicate = _error(request, *_DUPLICATE, chanId=chan_id)
        self._acks.send({**ack, **fields}, duplicate, identity.facts())
        first = self._market_data.subscribe(identity, channel)
        if first is not None:
            channel.frame(first)
        self._on_subscribed(identity.symbol)

    def _unsubscribe(self, request: Event) -> None:
        chan_id = request.get("chanId")
        channel = self._channel_of(chan_id)
        if channel is None:
            error = {"event": "error", "msg": "unsubscribe: invalid", "code": 10400}
            self._event({**error, "chanId": chan_id})
            return
        del self.channels[channel.chan_id]
        self._market_data.unsubscribe(channel.identity, channel)
        # A number, as in the acknowledgement, even if the request had text.
        answer = {"event": "unsubscribed", "status": "OK", "chanId": channel.chan_id}
        self._event(answer)

    def _channel_of(self, chan_id: object) -> SubscribedChannel | None:
        """Return the open channel with an id, which some clients send as text."""
        if isinstance(chan_id, str) and _ID_TEXT.fullmatch(chan_id):
            chan_id = int(chan_id)
        return self.channels.get(chan_id) if type(chan_id) is int else None

    def _new_chan_id(self) -> int:
        while True:
            chan_id = self._dice.randrange(1, 1_000_000)
            if chan_id not in self._used_ids:
                self._used_ids.add(chan_id)
                return chan_id


def _error(request: Request, code: int, message: str, **more: int) -> Event:
    error: Event = {field: request[field] for field in _ECHOED if field in request}
    error.update(event="error", msg=message, code=code, **more)
    symbol = request.get("symbol")
    if isinstance(symbol, str):
        error.update(names(symbol))
    return error
