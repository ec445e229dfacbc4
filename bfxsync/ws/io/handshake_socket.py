"""
A socket while the handshake is done with it.

Strategy: websocket-client bounds each receive, of one byte, so a peer that sends a byte now and
then would keep it for ever. It gets this in the place of the socket: here the time for all
receives together is bounded, and how much may come. What came is kept, as the status of an answer
counts even if the rest of it never comes.
"""

from __future__ import annotations

import time
from typing import Any

from bfxsync._base.headers import retry_after_s

MAX_ANSWER = 64 * 1024
"""Bytes that the answer to a handshake may have."""

SWITCHING_PROTOCOLS = 101


class HandshakeSocket:
    """
    A socket whose handshake is under way.

    Parameters
    ----------
    sock : socket
        Connected; under TLS the encrypted one.
    timeout_s : float
        For everything that is received from now on.
    """

    def __init__(self, sock: Any, timeout_s: float) -> None:
        self.sock = sock
        self._deadline = time.monotonic() + timeout_s
        self._answer = bytearray()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def recv(self, size: int) -> bytes:
        """
        Receive within what is left of the time.

        Raises
        ------
        OSError
            There is none left (`TimeoutError`), or too much has come.
        """
        rest_s = self._deadline - time.monotonic()
        if rest_s <= 0:
            raise TimeoutError("timed out")
        if len(self._answer) >= MAX_ANSWER:
            raise OSError(f"the answer has more than {MAX_ANSWER} bytes")
        self.sock.settimeout(rest_s)
        data: bytes = self.sock.recv(size)
        self._answer += data
        return data

    @property
    def refusal(self) -> int | None:
        """The HTTP status, if there is one that is not the agreement to a WebSocket."""
        line = bytes(self._answer).partition(b"\n")[0].split(maxsplit=2)
        if len(line) < 2 or not line[0].startswith(b"HTTP/"):
            return None
        # Of an answer that was cut within its status nobody knows which one it is.
        if len(line[1]) != 3 or not line[1].isdigit():
            return None
        status = int(line[1])
        return None if status == SWITCHING_PROTOCOLS else status

    @property
    def retry_after_s(self) -> float | None:
        """How long the answer asks to wait before the next attempt."""
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
