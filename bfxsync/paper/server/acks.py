"""Acknowledgements of subscriptions: immediate, unless a fault delays or reorders them."""

from __future__ import annotations

from typing import Any, Callable, Container, Dict, Mapping, NamedTuple

from bfxsync.paper.faults import Fault, Faults

Event = Dict[str, Any]
CallLater = Callable[[float, Callable[[], None]], object]


class _Held(NamedTuple):
    """An acknowledgement held back until the next one has been sent."""

    fault: Fault
    ack: Event


class Acks:
    """
    The acknowledgements of one socket.

    Parameters
    ----------
    send : callable
        Sends an event to the client.
    call_later : callable
        Calls a function after so many seconds.
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
        self._held: _Held | None = None

    def send(
        self,
        ack: Event,
        duplicate: Callable[[], Event],
        facts: Mapping[str, str],
    ) -> None:
        """
        Acknowledge a new channel.

        Parameters
        ----------
        duplicate : callable
            Returns the error for a duplicate subscription.
        facts : mapping
            Facts of the channel, to match faults with.
        """
        if self._sent_before_held(ack):
            return
        if self._faults.fire("duplicate_subscribe", **facts):
            self._send(duplicate())
            return
        late = self._faults.fire("late_ack", **facts)
        if late is not None:
            self._call_later(late.options["delay_s"], lambda: self._send_late(ack))
            return
        reordered = self._faults.claim("reordered_acks")
        if reordered is not None:
            self._held = _Held(reordered, ack)
        else:
            self._send(ack)

    def release_held(self) -> None:
        """Give a fault that waits for a second acknowledgement back, for another socket."""
        held, self._held = self._held, None
        if held is not None:
            self._faults.give_back(held.fault)

    def _sent_before_held(self, ack: Event) -> bool:
        held = self._held
        if held is None:
            return False
        if held.ack["chanId"] not in self._open_ids:
            self.release_held()
            return False
        self._held = None
        self._send(ack)
        self._send(held.ack)
        self._faults.complete(held.fault)
        return True

    def _send_late(self, ack: Event) -> None:
        # The id of a closed channel is never reused.
        if ack["chanId"] in self._open_ids:
            self._send(ack)
