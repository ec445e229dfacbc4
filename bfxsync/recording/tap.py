"""The interface of what reads along with the connections of a client."""

from __future__ import annotations

from typing import Callable, List, Protocol

from bfxsync.errors import BfxError


class Tap(Protocol):
    """
    Gets everything that connections receive and send, in order for each connection.

    All methods but `join` are called by the threads of the connections, and must not wait.
    `recording.recorder.Recorder` writes it to a file, `relay.frame_tap.FrameTap` publishes it.
    """

    report: Callable[[BfxError], object]
    """Set by the client: called with the error that ended the tap."""

    def opened(self, connection: int, url: str) -> None:
        """Handle a new connection."""

    def received(self, connection: int, messages: List[bytes]) -> None:
        """Handle a block of received messages; the list is not changed afterwards."""

    def sent(self, connection: int, text: str) -> None:
        """Handle a message that is being sent."""

    def lost(
        self, connection: int, code: int, reason: str, is_farewell: bool = False
    ) -> None:
        """Handle the end of a connection."""

    def stop(self) -> None:
        """Expect nothing more; lock-free, safe in a signal handler."""

    def join(self, deadline: float) -> bool:
        """Wait for the end until the deadline (monotonic time); False if it was not reached."""
        ...
