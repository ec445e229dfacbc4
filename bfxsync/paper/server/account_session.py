"""The account side of one socket: authentication, then the account channel and its inputs."""

from __future__ import annotations

import random
import uuid
from typing import Any, Callable, NamedTuple

from bfxsync.paper.engine.errors import Invalid
from bfxsync.paper.server.account_channel import CHAN_ID, SNAPSHOT_S, AccountChannel
from bfxsync.paper.server.account_inputs import AccountInputs
from bfxsync.paper.server.acks import CallLater, Event
from bfxsync.paper.server.authentication import log_in
from bfxsync.paper.server.calculations import CalculatedEvents
from bfxsync.paper.server.channel_faults import ChannelFaults
from bfxsync.paper.server.frames import FrameWriter
from bfxsync.paper.server.keys import AUTH_FAILED, NONCE
from bfxsync.paper.server.market_data import MarketData
from bfxsync.paper.server.registry import AccountRegistry
from bfxsync.paper.server.rest.query import SignedCall

_NOT_AUTHENTICATED = 10201


class _Open(NamedTuple):
    channel: AccountChannel
    inputs: AccountInputs
    calculated: CalculatedEvents


class AccountSession:
    """
    The account side of one socket.

    Parameters
    ----------
    cut, notification_seq
        See `AccountChannel`.
    """

    def __init__(
        self,
        frames: FrameWriter,
        market_data: MarketData,
        registry: AccountRegistry,
        send_event: Callable[[Event], None],
        call_later: CallLater,
        cut: Callable[[], None],
        dice: random.Random,
        *,
        notification_seq: bool,
    ) -> None:
        self._frames = frames
        self._market_data = market_data
        self._registry = registry
        self._send_event = send_event
        self._call_later = call_later
        self._cut = cut
        self._dice = dice
        self._notification_seq = notification_seq
        self._open: _Open | None = None

    @property
    def is_open(self) -> bool:
        """Whether the socket is authenticated."""
        return self._open is not None

    def log_in(self, request: Event) -> None:
        """Respond to an auth event, without echoing any of it: some clients send their secret."""
        if self.is_open:
            self._refuse("auth: dup")
            return
        answer: Event = {"event": "auth", "status": "OK", "chanId": CHAN_ID}
        keys, recorder = self._registry.keys, self._registry.recorder
        try:
            if self._market_data.faults.fire("small_nonce", path="auth"):
                raise Invalid("nonce: small", NONCE)
            login = log_in(request, keys)
        except Invalid as invalid:
            answer.update(status="FAILED", code=invalid.code, msg=invalid.message)
            recorder.refused(keys.owner(request.get("apiKey")), "ws", "auth", answer)
            self._send_event(answer)
            return
        account = login.credential.account
        answer.update(userId=account.user_id, auth_id=str(new_uuid(self._dice)))
        answer["caps"] = login.caps()
        with recorder.request(account, "ws", "auth", None) as record:
            record(answer)
        self._send_event(answer)
        call = SignedCall(self._market_data, {}, self._registry, login.credential)
        channel = AccountChannel(
            login,
            self._registry,
            self._frames,
            ChannelFaults(self._market_data.faults, self._registry.names[account]),
            self._call_later,
            self._cut,
            notification_seq=self._notification_seq,
        )
        self._open = _Open(
            channel,
            AccountInputs(channel, call, self._send_event, self._call_later),
            CalculatedEvents(channel, call, self._call_later),
        )
        self._call_later(SNAPSHOT_S, channel.send_snapshots)

    def log_out(self, request: Event) -> None:
        """Respond to an unauth event."""
        answer: Event = {"event": "unauth", "status": "OK", "chanId": CHAN_ID}
        if not self.is_open:
            code, text = _NOT_AUTHENTICATED, "unauth: invalid"
            answer.update(status="FAILED", code=code, msg=text)
        self._leave()
        self._send_event(answer)

    def receive(self, message: list[Any]) -> None:
        """Execute an input, ``[0, type, message id, data]``; other arrays are ignored."""
        if message[:1] != [CHAN_ID]:
            return
        if self._open is None:
            self._refuse("auth: invalid")
            return
        kind, message_id, data = [*message[1:4], None, None, None][:3]
        self._open.inputs.receive(kind, message_id, data)

    def heartbeat(self) -> None:
        """Send a heartbeat if the socket is authenticated."""
        if self._open is not None:
            self._open.channel.heartbeat()

    def close(self) -> None:
        """End the channel with the socket; cancel all orders if the client requested that."""
        login = None if self._open is None else self._open.channel.login
        self._leave()
        if login is not None and login.cancels_orders:
            account = login.credential.account
            self._registry.engine.cancel(account, list(account.orders.values()))

    def _leave(self) -> None:
        if self._open is not None:
            self._open.calculated.close()
            self._open.channel.close()
            self._open = None

    def _refuse(self, text: str) -> None:
        self._send_event({"event": "error", "msg": text, "code": AUTH_FAILED})


def new_uuid(dice: random.Random) -> uuid.UUID:
    """Return a random UUID."""
    return uuid.UUID(int=dice.getrandbits(128), version=4)
