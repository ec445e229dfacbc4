"""How new channels of one socket are acknowledged: at once, unless a fault says otherwise."""

from __future__ import annotations

from typing import Any, Callable, Container, Dict, Mapping, NamedTuple

from bfxsync.paper.faults import Fault, Faults

Event = Dict[str, Any]
CallLater = Callable[[float, Callable[[], None]], object]


class _Held(NamedTuple):
    """An acknowledgement that waits for the next one to overtake it."""

    fault: Fault
    ack: Event


class Acks:
    """
    The acknowledgements of one socket.

    Parameters
    ----------
    faults : Faults
    send : callable
        Takes each event to the client.
    call_later : callable
        Calls a function after so many seconds.
    open_ids : container
        The channels that are open; what is late concerns no others.
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
        about: Mapping[str, str],
    ) -> None:
        """
        Acknowledge a channel that has been opened.

        Parameters
        ----------
        ack : dict
        duplicate : callable
            Returns the error of those who ask for an open channel again.
        about : mapping
            What a fault may be limited to.
        """
        if self._has_overtaken(ack):
            return
        if self._faults.take("duplicate_subscribe", **about):
            self._send(duplicate())
            return
        late = self._faults.take("late_ack", **about)
        if late is not None:
            self._call_later(late.options["delay_s"], lambda: self._send_late(ack))
            return
        reordered = self._faults.claim("reordered_acks")
        if reordered is not None:
            self._held = _Held(reordered, ack)
        else:
            self._send(ack)

    def leave(self) -> None:
        """Let the fault that waits for another acknowledgement happen to another socket."""
        held, self._held = self._held, None
        if held is not None:
            self._faults.give_back(held.fault)

    def _has_overtaken(self, ack: Event) -> bool:
        held = self._held
        if held is None:
            return False
        if held.ack["chanId"] not in self._open_ids:
            self.leave()
            return False
        self._held = None
        self._send(ack)
        self._send(held.ack)
        self._faults.complete(held.fault)
        return True

    def _send_late(self, ack: Event) -> None:
        # A closed channel's id is never given to another one.
        if ack["chanId"] in self._open_ids:
            self._send(ack)
