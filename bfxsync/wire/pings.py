"""
Pings and pongs, and the reaction to silence.

https://docs.bitfinex.com/docs/ws-general#ping--pong
"""

from __future__ import annotations

from typing import Any

from bfxsync._base.enums import LossCause
from bfxsync.errors import NetworkError, RequestTimeout
from bfxsync.wire.audit import Liveness
from bfxsync.wire.codec import dumps
from bfxsync.wire.commands import Ping
from bfxsync.wire.outputs import Output, Reopen, Resolve, Send


class Pings:
    """The pings of a connection, both automatic ones and those of users."""

    def __init__(self) -> None:
        self.duration_s: float | None = None
        """Duration of the last ping that was answered, in seconds."""
        self._commands: dict[int, Ping] = {}
        self._last_cid = 0
        self._sent_at: float | None = None

    @property
    def is_last_answered(self) -> bool:
        """Whether the last ping has its pong."""
        return self._sent_at is None

    def send(self, now: float, command: Ping | None = None) -> Send:
        """Send a ping; its pong resolves the command."""
        self._last_cid += 1
        self._sent_at = now
        if command is not None:
            self._commands[self._last_cid] = command
        return Send(dumps({"event": "ping", "cid": self._last_cid}))

    def handle_pong(self, body: dict[str, Any], now: float) -> list[Output]:
        """Process a `pong` event."""
        cid = body.get("cid")
        if cid == self._last_cid and self._sent_at is not None:
            self.duration_s = now - self._sent_at
            self._sent_at = None
        ping = self._commands.pop(cid, None) if type(cid) is int else None
        return [Resolve(ping.token)] if ping is not None else []

    def lose(self, reason: str) -> list[Output]:
        """Fail all commands, as the socket was lost."""
        outputs: list[Output] = []
        for command in self._commands.values():
            error = NetworkError(f"no pong: {reason}", phase="receive")
            outputs.append(Resolve(command.token, error))
        self._commands.clear()
        return outputs

    def deadline(self) -> float | None:
        """Return when the first command expires, None without any."""
        if not self._commands:
            return None
        return min(command.expires for command in self._commands.values())

    def tick(self, now: float) -> list[Output]:
        """Fail the commands that have expired."""
        expired = [cid for cid, ping in self._commands.items() if now >= ping.expires]
        outputs: list[Output] = []
        for cid in expired:
            error = RequestTimeout("no pong in time")
            outputs.append(Resolve(self._commands.pop(cid).token, error))
        return outputs


def review_silence(
    liveness: Liveness, pings: Pings, now: float, *, idle: bool
) -> list[Output]:
    """Ping a silent socket, and replace one that was silent for too long."""
    if liveness.is_stale(now):
        return [Reopen("the exchange was silent for too long", LossCause.STALE)]
    if liveness.ping_due(now, idle=idle):
        liveness.pinged()
        return [pings.send(now)]
    return []
