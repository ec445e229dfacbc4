"""Messages to the exchange that it does not answer: calculations and notifications."""

from __future__ import annotations

from typing import Any, Hashable, Union

from bfxsync.errors import NetworkError
from bfxsync.wire.calculations import Calculations
from bfxsync.wire.codec import dumps
from bfxsync.wire.commands import SendCalc, SendMessage
from bfxsync.wire.outputs import AnyOutput, Report, Send, Settle


class AccountMessages:
    """
    Sends messages, and settles their tokens once they were sent, or if they cannot be.

    `trouble` is why nothing can be sent at the moment; None if something can.
    """

    def __init__(self) -> None:
        self._calculations = Calculations()

    def apply(
        self, command: Union[SendCalc, SendMessage], now: float, trouble: str | None
    ) -> list[AnyOutput]:
        """Execute a command."""
        if isinstance(command, SendCalc):
            self._calculations.add(command.names, command.token)
            return self.tick(now, trouble)
        if trouble is not None:
            return [_not_sent("n", command.token, trouble)]
        body = {"type": command.type, "info": command.info}
        message = [0, "n", command.message_id, body]
        return [Send(dumps(message)), *_sent(command.token)]

    def deadline(self) -> float | None:
        """Return when to call `tick`, or None."""
        return self._calculations.deadline()

    def tick(self, now: float, trouble: str | None) -> list[AnyOutput]:
        """Send what the limits allow."""
        if trouble is not None:
            return self.drop(trouble)
        outputs: list[AnyOutput] = []
        for names, tokens in self._calculations.due(now):
            message: list[Any] = [0, "calc", None, [[name] for name in names]]
            outputs.append(Send(dumps(message)))
            for token in tokens:
                outputs += _sent(token)
        return outputs

    def drop(self, reason: str) -> list[AnyOutput]:
        """Refuse what was not sent."""
        tokens = self._calculations.clear()
        return [_not_sent("calc", token, reason) for token in tokens]


def _sent(token: Hashable) -> list[AnyOutput]:
    return [] if token is None else [Settle(token)]


def _not_sent(name: str, token: Hashable, reason: str) -> AnyOutput:
    error = NetworkError(f"{name} was not sent: {reason}", phase="send")
    return Report(error) if token is None else Settle(token, error=error)
