"""
One connection through the `FaultProxy`: two flows of bytes, and what may be done to them.

Everything here runs on the proxy's thread.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
import time
from typing import Any, Callable, Optional, Sequence

import attrs

from .fault_flow import BOTH, DOWN, UP, Conditions, Flow, Watch

_DELIVERY_S = 0.2

Count = Callable[[str], None]
Tap = Callable[["Link", bytes], None]


class Link:
    """
    A client's connection and the one to the server that belongs to it.

    Attributes
    ----------
    flows : dict
        By direction.
    count : callable
        Counts a fault that takes effect.
    is_closed : bool
    round_trips : int
        To connect, and for each time that the client has sent after the server.
    """

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        conditions: dict[str, Conditions],
        watches: list[Watch],
        count: Count,
        tap: Optional[Tap] = None,
    ) -> None:
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.count = count
        self._tap = tap
        self.is_closed = False
        self.round_trips = 1
        self._last_sender = DOWN
        self._client, self._server = client, server
        ends = {UP: (client, server), DOWN: (server, client)}
        self.flows = {
            direction: Flow(
                self,
                direction,
                ends[direction],
                attrs.evolve(conditions[direction]),
                watches,
            )
            for direction in BOTH
        }

    # --- faults ---------------------------------------------------------------------------------

    def delay(
        self, seconds: float, jitter_s: float = 0.0, directions: Sequence[str] = BOTH
    ) -> None:
        """Hold every block back for a while."""
        self.change(directions, delay_s=seconds, jitter_s=jitter_s)

    def slice(
        self, size: int, pause_s: float = 0.0, directions: Sequence[str] = BOTH
    ) -> None:
        """Send pieces of this size at the most, each in a packet of its own."""
        self.change(directions, slice_size=size, pause_s=pause_s)

    def limit(self, bytes_per_s: float, directions: Sequence[str] = BOTH) -> None:
        """Limit the bandwidth."""
        self.change(directions, bytes_per_s=bytes_per_s)

    def stop(self, directions: Sequence[str] = BOTH) -> None:
        """Let nothing through, and say nothing; what comes is kept."""
        for direction in directions:
            if self.flows[direction].is_holding:
                self.count("stop")
        self.change(directions, is_stopped=True)

    def reset(self) -> None:
        """End both sides with RST."""
        if not self.is_closed:
            self.count("reset")
            self.break_off()

    def fin(self) -> None:
        """End both sides with FIN."""
        if not self.is_closed:
            self.count("fin")
            for flow in self.flows.values():
                flow.mute()
                flow.shut()

    def half_close(self, direction: str = DOWN) -> None:
        """End one direction with FIN; the other goes on."""
        if not self.is_closed:
            self.count("half_close")
            self.flows[direction].mute()
            self.flows[direction].shut()

    def insert(self, data: bytes, direction: str = DOWN) -> None:
        """Send something of our own."""
        self.count("insert")
        sent = self.flows[direction].sink.send(data)
        assert sent == len(data), "more than the kernel takes at once"

    def repeat(self, direction: str = DOWN) -> None:
        """Send the frame that begins here twice."""
        if self.flows[direction].repeat():
            self.count("repeat")

    def overtake(self, direction: str = DOWN) -> None:
        """Let the next frame go before the one that begins here."""
        if self.flows[direction].overtake():
            self.count("overtake")

    def cut(self, how: str) -> None:
        """End it in one of the ways above."""
        if not self.is_closed:
            self.count("cut")
            getattr(self, how)()

    # --- what the proxy needs -------------------------------------------------------------------

    def change(self, directions: Sequence[str], **values: Any) -> None:
        """Change the conditions of flows."""
        for direction in directions:
            flow = self.flows[direction]
            flow.conditions = attrs.evolve(flow.conditions, **values)

    def note(self, direction: str, data: bytes) -> None:
        """Count the round trips: the client's answers to the server, however many packets."""
        if direction == UP and self._tap is not None:
            self._tap(self, data)
        if direction == UP and self._last_sender == DOWN:
            self.round_trips += 1
        self._last_sender = direction

    def push(self) -> None:
        """Let go on what is due, and see whether all has ended."""
        for flow in self.flows.values():
            if not self.is_closed:
                flow.push()
        if all(flow.is_over and flow.has_ended for flow in self.flows.values()):
            self.close()

    def break_off(self) -> None:
        """Close both sides with RST."""
        for sock in (self._client, self._server):
            _await_delivery(sock)
            linger = struct.pack("ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close()

    def close(self) -> None:
        """Close both sides."""
        self.is_closed = True
        self._client.close()
        self._server.close()


def _await_delivery(sock: socket.socket) -> None:
    """Wait a moment until the peer's kernel has all that was sent: a reset throws it away."""
    deadline = time.monotonic() + _DELIVERY_S
    while time.monotonic() < deadline:
        unsent = struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]
        if not unsent:
            return
        time.sleep(0.0005)
