"""Acknowledgements of subscriptions: immediate, unless a fault delays or reorders them."""

from __future__ import annotations

from typing import Any, Callable, Container, Dict, Mapping

from bfxsync.paper.faults import Fault, Faults

Event = Dict[str, Any]
CallLater = Callable[[float, Callable[[], None]], object]


class Acks:
    """
    The acknowledgements of one socket.

    Parameters
    ----------
    open_ids : container
        Ids of the open channels; late acknowledgements of others are dropped.
    """

    def __init__(
        self,
        faults: Faults,
        send: Callable[[Event], None],
        call_later: CallLater,
        open_ids: Container[int],
    ) -> None:
        self._faults = faults
        self._send = send
        self._call_later = call_later
        self._open_ids = open_ids
        # Held back until the next one has been sent.
        self._held: tuple[Event, Fault] | None = None

    def send(self, ack: Event, duplicate: Event, facts: Mapping[str, str]) -> None:
        """Acknowledge a new channel with these facts, or report it as a duplicate."""
        if self._sent_before_held(ack):
            return
        if self._faults.fire("duplicate_subscribe", **facts):
            self._send(duplicate)
            return
        late = self._faults.fire("late_ack", **facts)
        reordered = None if late else self._faults.claim("reordered_acks")
        if late is not None:
            self._call_later(late.options["delay_s"], lambda: self._send_late(ack))
        elif reordered is not None:
            self._held = ack, reordered
        else:
            self._send(ack)

    def release_held(self) -> None:
        """Re-arm a fault that is waiting for a second acknowledgement, for another socket."""
        held, self._held = self._held, None
        if held is not None:
            self._faults.give_back(held[1])

    def _sent_before_held(self, ack: Event) -> bool:
        if self._held is None:
            return False
        first, fault = self._held
        if first["chanId"] not in self._open_ids:
            self.release_held()
            return False
        self._held = None
        self._send(ack)
        self._send(first)
        self._faults.complete(fault)
        return True

    def _send_late(self, ack: Event) -> None:
        # The id of a closed channel is never reused.
        if ack["chanId"] in self._open_ids:
            self._send(ack)
