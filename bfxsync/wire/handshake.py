"""
The handshake of a socket (info, conf), and the exchange's info codes.

Strategy: the flags are requested as soon as a public socket is open, and the first subscribe
requests leave with them: that saves a round trip for `info` and another one for the response to
`conf`. The exchange speaks first, but does not wait for anybody to listen; it handles the messages
of a socket in order, so the flags apply to what is subscribed after them, and frames before its
response to `conf` have no suffixes. The official client subscribes without waiting, too. What
leaves before `info` is provisional: if that reports a maintenance, or another version, it counts as
not sent. An authentication would have to wait for `info` with version 2, as it must not reach a
protocol that is not known.

https://docs.bitfinex.com/docs/ws-general
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from bfxsync._base.enums import ConnectionStatus, InfoCode, LossCause
from bfxsync._base.error_codes import error_from_code
from bfxsync.errors import BfxError, VersionMismatch
from bfxsync.wire.codec import dumps
from bfxsync.wire.frames import read_code
from bfxsync.wire.outputs import Change, Fail, Output, Reopen, Report, Send

VERSION = 2

MAINTENANCE_S = 120.0
"""Maximum length of a maintenance by the documentation; after that the socket is replaced."""

CONF_FAILED = 10_050
"""Error code of refused flags."""

SERVICE_RESTART = 1012
"""Close code of a server restart (registry of RFC 6455)."""


class Action(Enum):
    """Reaction to an info code."""

    REOPEN = "reopen"
    PAUSE = "pause"
    RESUME = "resume"


# The reaction to each info code; others are ignored. Their texts may change.
ACTIONS: dict[int, Action] = {
    InfoCode.STOP: Action.REOPEN,
    InfoCode.MAINTENANCE_START: Action.PAUSE,
    InfoCode.MAINTENANCE_END: Action.RESUME,
}


class HandshakeStep(Enum):
    """The next message to expect; its name is part of error messages."""

    NOTHING = "nothing"
    INFO = "info"
    CONF = "conf"
    READY = "ready"


class Handshake:
    """The steps before the first request, each with a timeout, and maintenances after it."""

    def __init__(self, flags: int, timeout_s: float) -> None:
        self.flags: int = 0
        """The acknowledged flags; 0 until then."""
        self.is_paused: bool = False
        """Whether the exchange is in maintenance and takes no requests."""
        self._wanted_flags = flags
        self._timeout_s = timeout_s
        self._step = HandshakeStep.NOTHING
        # The flags were requested, and there is no response yet.
        self._is_conf_pending = False
        self._deadline: float | None = None
        self._refusal: BfxError | None = None

    @property
    def is_greeted(self) -> bool:
        """Whether the exchange has sent `info` with the right version."""
        return self._step in (HandshakeStep.CONF, HandshakeStep.READY)

    @property
    def accepts_requests(self) -> bool:
        """Whether the exchange has said that it takes requests."""
        return self.is_greeted and not self.is_paused

    @property
    def is_ready(self) -> bool:
        """Whether the handshake is complete, and there is no maintenance."""
        return self._step is HandshakeStep.READY and not self.is_paused

    def open(self, now: float) -> list[Output]:
        """Start with a new socket, and request the flags."""
        self._step = HandshakeStep.INFO
        self._deadline = now + self._timeout_s
        self._is_conf_pending = bool(self._wanted_flags)
        if not self._is_conf_pending:
            return []
        return [Send(dumps({"event": "conf", "flags": int(self._wanted_flags)}))]

    def lose(self) -> None:
        """Reset the state after the loss of the socket."""
        self._step = HandshakeStep.NOTHING
        self._is_conf_pending = False
        self._deadline = None
        self.flags = 0
        self.is_paused = False
        self._refusal = None

    def deadline(self) -> float | None:
        """Return when to call `tick`, or None."""
        return self._deadline

    def tick(self, now: float) -> list[Output]:
        """Replace a socket whose next step has timed out."""
        if self._deadline is None or now < self._deadline:
            return []
        self._deadline = None
        if self._step is HandshakeStep.READY:
            reason = f"maintenance did not end within {MAINTENANCE_S:g} s"
            return [Reopen(reason, LossCause.MAINTENANCE)]
        reason = f"no {self._step.value} within {self._timeout_s:g} s"
        return [Reopen(reason, LossCause.HANDSHAKE)]

    def info(
        self, body: dict[str, Any], now: float
    ) -> tuple[Action | None, list[Output]]:
        """Process an `info` event; return the action for subscriptions, and the outputs."""
        if "version" in body:
            return None, self._handle_greeting(body, now)
        code = read_code(body.get("code"))
        action = ACTIONS.get(code) if code is not None else None
        if action is Action.REOPEN:
            reason = "the server stops or restarts (20051)"
            return action, [Reopen(reason, LossCause.RESTART, SERVICE_RESTART)]
        if action is Action.PAUSE and not self.is_paused:
            return action, [self._pause(now)]
        if action is Action.RESUME and self.is_paused:
            self.is_paused = False
            self._deadline = (
                None if self._step is HandshakeStep.READY else now + self._timeout_s
            )
            return action, [self._opened()] if self.is_ready else []
        return None, []

    def is_about_conf(self, body: dict[str, Any]) -> bool:
        """Return whether an `error` event refuses the flags."""
        return self._is_conf_pending and read_code(body.get("code")) == CONF_FAILED

    def conf(self, body: dict[str, Any], now: float) -> list[Output]:
        """Process the response to `conf`; if the flags are refused, continue without them."""
        if not self._is_conf_pending:
            return []
        self._is_conf_pending = False
        outputs: list[Output] = []
        if body.get("status") == "OK":
            flags = read_code(body.get("flags"))
            self.flags = int(self._wanted_flags if flags is None else flags)
        else:
            error = error_from_code(
                read_code(body.get("code")),
                "the flags were refused; continuing without them",
                body,
            )
            self._refusal = error
            outputs.append(Report(error))
        return outputs + self._finish(now) if self.is_greeted else outputs

    def _handle_greeting(self, body: dict[str, Any], now: float) -> list[Output]:
        if self._step is not HandshakeStep.INFO:
            return []
        if body["version"] != VERSION:
            message = (
                f"the exchange uses protocol version {body['version']!r}, not {VERSION}"
            )
            return [Fail(VersionMismatch(message, raw=body))]
        platform = body.get("platform")
        if isinstance(platform, dict) and platform.get("status") == 0:
            self.is_paused = True
        if not self._is_conf_pending:
            return self._finish(now)
        self._step = HandshakeStep.CONF
        self._deadline = now + self._timeout_s
        return []

    def _finish(self, now: float) -> list[Output]:
        self._step = HandshakeStep.READY
        self._deadline = None
        return [self._pause(now) if self.is_paused else self._opened()]

    def _opened(self) -> Change:
        return Change(ConnectionStatus.OPEN, self._refusal)

    def _pause(self, now: float) -> Change:
        self.is_paused = True
        self._deadline = now + MAINTENANCE_S
        code = int(InfoCode.MAINTENANCE_START)
        error = error_from_code(code, "the exchange is in maintenance")
        return Change(ConnectionStatus.MAINTENANCE, error)
