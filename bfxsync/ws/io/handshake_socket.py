"""
A socket during the WebSocket handshake.

Strategy: websocket-client limits the time of each receive, of one byte, so a peer that occasionally
sends a byte would block it forever. This wrapper limits the total time of all receives, and the
size of the response. It receives blocks and returns their lines, as a system call for each byte
would take longer than the rest of the handshake; `rest` returns the bytes after the response. It
keeps the response, as its status counts even if the remainder never arrives.
"""

from __future__ import annotations

import time
from typing import Any

from bfxsync._base.headers import retry_after_s

MAX_ANSWER = 64 * 1024
"""Maximum size of the response to a handshake, in bytes."""

SWITCHING_PROTOCOLS = 101

_BLOCK_SIZE = 4096


class HandshakeSocket:
    """
    A connected socket (with TLS, the encrypted one) with a deadline for the handshake.

    The timeout applies to all receives together, from now on.
    """

    def __init__(self, sock: Any, timeout_s: float) -> None:
        self.sock = sock
        self._deadline = time.monotonic() + timeout_s
        self._answer = bytearray()
        # Number of bytes that `recv` has returned.
        self._taken = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def gettimeout(self) -> float | None:
        """Return the timeout of the socket; found faster here than by `__getattr__`."""
        timeout_s: float | None = self.sock.gettimeout()
        return timeout_s

    def recv(self, size: int) -> bytes:
        """Receive; `TimeoutError` after the deadline, `OSError` if the response is too large."""
        if self._taken >= MAX_ANSWER:
            raise OSError(f"the response has more than {MAX_ANSWER} bytes")
        if self._taken == len(self._answer):
            rest_s = self._deadline - time.monotonic()
            if rest_s <= 0:
                raise TimeoutError("timed out")
            self.sock.settimeout(rest_s)
            self._answer += self.sock.recv(_BLOCK_SIZE)
        start = self._taken
        end = start + size
        if size == 1:
            # The rest of a line, then its line feed: websocket-client asks for single bytes, and
            # joins what it gets until that is a line feed. A call for each byte would take most of
            # the handshake's time.
            line_feed = self._answer.find(b"\n", start)
            end = max(line_feed, end) if line_feed >= 0 else len(self._answer)
        data = bytes(self._answer[start:end])
        self._taken += len(data)
        return data

    @property
    def rest(self) -> bytes:
        """Bytes that were received but not returned by `recv`."""
        return bytes(self._answer[self._taken :])

    @property
    def refusal(self) -> int | None:
        """The HTTP status if it is known and not 101; None otherwise."""
        line = bytes(self._answer).partition(b"\n")[0].split(maxsplit=2)
        if len(line) < 2 or not line[0].startswith(b"HTTP/"):
            return None
        # A response truncated within its status has none.
        if len(line[1]) != 3 or not line[1].isdigit():
            return None
        status = int(line[1])
        return None if status == SWITCHING_PROTOCOLS else status

    @property
    def retry_after_s(self) -> float | None:
        """Seconds of the ``Retry-After`` header; None without one."""
        text = self._header(b"retry-after")
        if text is None:
            return None
        return retry_after_s(text, self._header(b"date"), time.time())

    def _header(self, wanted: bytes) -> str | None:
        for line in bytes(self._answer).partition(b"\r\n\r\n")[0].split(b"\n")[1:]:
            name, _, value = line.partition(b":")
            if name.strip().lower() == wanted:
                return value.strip().decode("latin-1")
        return None
