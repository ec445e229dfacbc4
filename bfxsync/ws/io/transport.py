"""
One WebSocket connection: connect, read blocks of messages, write, close. No thread, no retry.

Strategy: websocket-client does the handshake and the masking. We open the socket ourselves, with or
without proxy and TLS, and make it non-blocking after the handshake. So the total time for the
responses of a proxy and a peer is limited, the environment is read in one place, and no stack frame
of another package holds a proxy's password. One thread both reads and writes: a TLS socket breaks
if two threads use it at the same time. TLS may need to write in order to read and vice versa, and
may buffer bytes that a poll cannot see, so wait according to `events` and `has_pending`.

Exceptions of other packages are translated here and in `bfxsync.rest` only.
"""

from __future__ import annotations

# Python imports it for the first DNS lookup: a third of the time of a connection on loopback, and
# an import that a fork could catch halfway.
import encodings.idna  # noqa: F401
import selectors
import socket
import ssl
from contextlib import contextmanager
from typing import Any, Iterator

import websocket

from bfxsync._base.dialing import dial
from bfxsync._base.hidden import without_frames
from bfxsync._base.hosts import address_of
from bfxsync._base.proxies import Proxy
from bfxsync._base.tls_contexts import tls_context
from bfxsync.errors import NetworkError
from bfxsync.wire.websocket import MAX_MESSAGE_SIZE, CloseCode, Opcode, Splitter
from bfxsync.ws.io.handshake_socket import HandshakeSocket

BLOCK_SIZE = 64 * 1024
"""Approximate maximum number of bytes of one `read`."""

MAX_UNSENT = 1024 * 1024
"""Maximum number of bytes queued for sending; a peer that leaves more unread is disconnected."""

MAX_PONGS = 16
"""Only the last pings of a block, up to this number, are answered (RFC 6455, section 5.5.3)."""

_TLS_RECORD = 16_384

# Raised when no bytes are available: wait until the socket is readable.
_WANT_READ = (BlockingIOError, InterruptedError, ssl.SSLWantReadError)


class Traffic:
    """Bytes of the frames of successive connections, inside TLS."""

    def __init__(self) -> None:
        self.received: int = 0
        self.sent: int = 0


class Transport:
    """
    An open connection; its bytes are added to `traffic`.

    `received` are bytes that were read from the socket already.
    """

    def __init__(
        self,
        sock: Any,
        max_size: int = MAX_MESSAGE_SIZE,
        traffic: Traffic | None = None,
        received: bytes = b"",
    ) -> None:
        sock.setblocking(False)
        self._traffic = Traffic() if traffic is None else traffic
        # Why the connection ended: the peer's close code and reason, or 1006 and the cause.
        # Messages read before that are still returned.
        self.lost: NetworkError | None = None
        # Whether the peer has sent a close frame.
        self.was_closed: bool = False
        self._sock = sock
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        self._splitter = Splitter(max_size)
        # Why the connection ends, between reading the close frame and answering it.
        self._ending: NetworkError | None = None
        self._received = received
        self._unsent = bytearray()
        self._is_batching = False
        # One buffer for all reads, as most return few bytes, and a new buffer would have to be
        # shrunk each time. (The system allocates only the pages that have been used.)
        self._buffer = memoryview(bytearray(BLOCK_SIZE))
        self._read_wants_write = False
        self._write_wants_read = False

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        timeout_s: float,
        proxy: Proxy | None = None,
        ca_bundle: str | None = None,
        traffic: Traffic | None = None,
    ) -> Transport:
        """
        Open a connection; blocks for at most the timeout per step: connecting, TLS, handshake.

        Raises `NetworkError` with phase ``connect``; its `code` is the HTTP status if the handshake
        was refused.
        """
        address = address_of(url)
        assert address is not None, "it was checked when the client was created"
        client = _Client(timeout_s)
        sock: socket.socket | None = None
        try:
            sock = dial(address, proxy, timeout_s)
            for option in websocket._socket.DEFAULT_SOCKET_OPTION:
                sock.setsockopt(*option)
            if address.scheme == "wss":
                sock.settimeout(timeout_s)
                sock = tls_context(ca_bundle).wrap_socket(
                    sock, server_hostname=address.hostname
                )
            sock.settimeout(timeout_s)
            client.connect(url, socket=sock, redirect_limit=0)  # type: ignore[no-untyped-call]
            # Old versions of websocket-client treat a redirect like a success.
            _check_status(client)
            _check_extensions(client)
            client.sock = None
            assert client.handshake is not None
            return cls(sock, traffic=traffic, received=client.handshake.rest)
        except BaseException as exc:
            if sock is not None:
                sock.close()
            if isinstance(exc, NetworkError) or not isinstance(exc, Exception):
                raise
            # Its errors wrap the status in different ways.
            _check_status(client)
            raise NetworkError(
                f"cannot connect: {exc}", phase="connect"
            ) from without_frames(exc)

    def fileno(self) -> int:
        """Return the descriptor, for a poll."""
        descriptor: int = self._sock.fileno()
        return descriptor

    @property
    def events(self) -> int:
        """Event mask for a selector."""
        if self._read_wants_write or (self._unsent and not self._write_wants_read):
            return selectors.EVENT_READ | selectors.EVENT_WRITE
        return selectors.EVENT_READ

    @property
    def has_pending(self) -> bool:
        """Whether `read` returns at once: bytes are buffered, here or by TLS, or it has ended."""
        return self.lost is None and (
            self._ending is not None
            or bool(self._received)
            or (self._is_tls and self._sock.pending() > 0)
        )

    def read(self) -> list[bytes]:
        """
        Return the complete messages of the next block, and answer its control frames.

        Text messages are `bytes`, checked to be UTF-8; binary messages are `Binary`.
        """
        messages: list[bytes] = []
        taken = len(self._received)
        if taken:
            messages += self._splitter.feed(self._received)
            self._received = b""
            self._handle_control_frames()
        while taken < BLOCK_SIZE and self.lost is None and self._ending is None:
            self._read_wants_write = False
            try:
                count = self._sock.recv_into(self._buffer)
            except _WANT_READ:
                break
            except ssl.SSLWantWriteError:
                self._read_wants_write = True
                break
            except OSError as exc:
                self._lose(CloseCode.ABNORMAL, f"the connection broke: {exc}")
                break
            if not count:
                self._lose(
                    CloseCode.ABNORMAL, "the connection ended without a close frame"
                )
                break
            splitter = self._splitter
            messages += splitter.feed(bytes(self._buffer[:count]))
            taken += count
            if splitter.controls or splitter.close or splitter.violation:
                self._handle_control_frames()
            if not self._is_tls or count < _TLS_RECORD:
                break
        self._traffic.received += taken
        if self._write_wants_read:
            self._write_wants_read = False
            self.flush()
        if self._ending is not None and not messages:
            # Not while there are messages: they may still be answered.
            self._end(self._ending)
        return messages

    def send(self, message: str | bytes) -> None:
        """Queue text, or bytes as a binary message, and send as much as the socket accepts."""
        if isinstance(message, str):
            self._queue(message.encode(), Opcode.TEXT)
        else:
            self._queue(message, Opcode.BINARY)
        if not self._is_batching:
            self.flush()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Send all messages queued within the block in one piece, at its end."""
        self._is_batching = True
        try:
            yield
        finally:
            self._is_batching = False
            self.flush()

    def flush(self) -> None:
        """Send as many queued bytes as the socket accepts now."""
        while self._unsent and self.lost is None and not self._write_wants_read:
            try:
                sent = self._sock.send(self._unsent)
            except ssl.SSLWantReadError:
                self._write_wants_read = True
            except (BlockingIOError, InterruptedError, ssl.SSLWantWriteError):
                break
            except OSError as exc:
                self._lose(CloseCode.ABNORMAL, f"the connection broke: {exc}")
            else:
                del self._unsent[:sent]
                self._traffic.sent += sent
        if len(self._unsent) > MAX_UNSENT:
            self._lose(CloseCode.ABNORMAL, "the peer does not read sent data")

    def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Send a close frame if that does not block, and end the connection."""
        if self.lost is None:
            self._queue(code.to_bytes(2, "big") + reason.encode()[:123], Opcode.CLOSE)
            self.flush()
            self._lose(code, reason)
        try:
            # An orderly shutdown, even while the peer is sending.
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._sock.close()

    def detach_after_fork(self) -> None:
        """Close the descriptor without sending: the connection belongs to the parent process."""
        self._sock.close()

    def _handle_control_frames(self) -> None:
        """Answer pings, and record a close frame or a protocol violation."""
        splitter = self._splitter
        pings = [each for each in splitter.controls if each.opcode is Opcode.PING]
        splitter.controls.clear()
        if pings:
            for ping in pings[-MAX_PONGS:]:
                self._queue(ping.payload, Opcode.PONG)
            self.flush()
        if splitter.close is not None:
            self.was_closed = True
            reason = splitter.close.reason or "closed by the exchange"
            self._ending = _lost(splitter.close.code, reason)
        elif splitter.violation is not None:
            reason = f"the peer violated the protocol: {splitter.violation}"
            self._ending = _lost(splitter.violation.code, reason)

    def _end(self, ending: NetworkError) -> None:
        """Send a close frame: the response to the peer's, or the code of its violation."""
        code = ending.code or CloseCode.NO_CODE
        answer = b"" if code == CloseCode.NO_CODE else code.to_bytes(2, "big")
        self._queue(answer, Opcode.CLOSE)
        self.flush()
        self.lost = ending

    def _queue(self, payload: bytes, opcode: Opcode) -> None:
        self._unsent += websocket.ABNF.create_frame(payload, int(opcode)).format()

    def _lose(self, code: int, reason: str) -> None:
        if self.lost is None:
            # The connection may break between the peer's close frame and the response.
            self.lost = self._ending or _lost(code, reason)


def _lost(code: int, reason: str) -> NetworkError:
    return NetworkError(reason, phase="receive", code=int(code))


class _Client(websocket.WebSocket):
    """The handshake of websocket-client."""

    def __init__(self, timeout_s: float) -> None:
        # The socket, once it is connected.
        self.handshake: HandshakeSocket | None = None
        self._timeout_s = timeout_s
        # Only used for the handshake, so it needs neither locks nor its UTF-8 check.
        super().__init__(enable_multithread=False, skip_utf8_validation=True)

    @property
    def sock(self) -> Any:
        """The socket of the handshake."""
        return self._sock

    @sock.setter
    def sock(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, sock: Any
    ) -> None:
        # Set by `connect` before the handshake.
        self._sock = None
        if sock is not None:
            self._sock = self.handshake = HandshakeSocket(sock, self._timeout_s)


def _check_status(client: _Client) -> None:
    """Raise if the response had a status other than 101, even if the rest of it is missing."""
    handshake = client.handshake
    if handshake is not None and handshake.refusal is not None:
        status = handshake.refusal
        # Without the text of the original error: it has headers and body, which must not be logged.
        raise NetworkError(
            f"the handshake was refused with HTTP status {status}",
            phase="connect",
            code=status,
            retry_after_s=handshake.retry_after_s,
        ) from None


def _check_extensions(client: _Client) -> None:
    """Raise if the server uses an extension: none was offered (RFC 6455, 4.1)."""
    response = client.handshake_response
    named = response and response.headers.get("sec-websocket-extensions")
    if named:
        raise NetworkError(
            f"the server uses an extension that was not offered: {named}",
            phase="connect",
        )
