"""
A WebSocket server that does what a test tells it, byte for byte, and nothing else.

Strategy: the server's thread accepts connections and runs the handshake of each; then the test
takes the `Peer` and drives it step by step, while a second thread reads what the client sends.
TLS goes through memory, so that the two threads never meet inside it, and so that a test can cut
the encrypted bytes wherever it likes. Every wait has a deadline.
"""

from __future__ import annotations

import base64
import hashlib
import json
import queue
import socket
import ssl
import struct
import threading
import time
from types import TracebackType
from typing import Any, Callable, NamedTuple, Optional

DEADLINE_S = 30.0
"""For what comes sooner or later: on a busy machine, later."""

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

_BLOCK = 65_536
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Tls(NamedTuple):
    """What a server needs to be `wss`, and a client to trust it."""

    context: ssl.SSLContext
    ca_bundle: str


class Frame(NamedTuple):
    """What a client sent, without its mask."""

    opcode: int
    payload: bytes


def frame(
    payload: str | bytes, opcode: int = TEXT, *, final: bool = True, mask: bytes = b""
) -> bytes:
    """Return the bytes of a frame; a server's has no mask."""
    data = payload.encode() if isinstance(payload, str) else payload
    size = len(data)
    masked = 0x80 if mask else 0
    head = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        head += bytes([masked | size])
    elif size < 2**16:
        head += struct.pack("!BH", masked | 126, size)
    else:
        head += struct.pack("!BQ", masked | 127, size)
    return head + mask + (_mask(data, mask) if mask else data)


def close_frame(code: int, reason: str = "") -> bytes:
    """Return the bytes of a close frame."""
    return frame(code.to_bytes(2, "big") + reason.encode(), CLOSE)


def _mask(data: bytes, key: bytes) -> bytes:
    """Mask, or unmask."""
    size = len(data)
    keys = (key * (size // 4 + 1))[:size]
    number = int.from_bytes(data, "big") ^ int.from_bytes(keys, "big")
    return number.to_bytes(size, "big")


class Peer:
    """
    The server's end of one connection.

    Attributes
    ----------
    request : str
        The head of the client's HTTP request.
    slice_size : int or None
        Longest piece that is written to the socket at once, under TLS too.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(DEADLINE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = ""
        self.slice_size: Optional[int] = None
        self._sock = sock
        self._received = bytearray()
        self._frames: queue.Queue[Optional[Frame]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="test-server-reader")
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: Optional[ssl.SSLObject] = None
        # Protects the TLS object.
        self._tls_lock = threading.Lock()
        # Keeps what is written in order; taken before the other one.
        self._write_lock = threading.Lock()

    # --- the handshake ------------------------------------------------------------------------

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the server's part of the TLS handshake."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self.send_wire(self._outgoing.read())
                self._take_wire()
            else:
                break
        self.send_wire(self._outgoing.read())
        self._tls = tls

    def read_request(self) -> None:
        """Read the head of the HTTP request."""
        while b"\r\n\r\n" not in self._received:
            data = self._receive()
            if not data:
                raise EOFError("the client ended the connection")
            self._received += data
        head, _, rest = bytes(self._received).partition(b"\r\n\r\n")
        self.request = head.decode()
        self._received = bytearray(rest)

    def accept(self, extra: bytes = b"", headers: str = "") -> None:
        """Upgrade to a WebSocket, with more bytes in the same write (under TLS: record)."""
        self.read_request()
        lines = (line.partition(": ") for line in self.request.split("\r\n"))
        key = {name.lower(): value for name, _, value in lines}["sec-websocket-key"]
        digest = hashlib.sha1((key + _GUID).encode()).digest()
        answer = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n{headers}\r\n"
        )
        self.send_bytes(answer.encode() + extra)

    def refuse(self, status: int, *headers: str) -> None:
        """Answer with another HTTP status."""
        self.read_request()
        lines = [f"HTTP/1.1 {status} No", *headers, "Content-Length: 4", "", "nope"]
        self.send_bytes("\r\n".join(lines).encode())

    # --- out ----------------------------------------------------------------------------------

    def send_text(self, *texts: str) -> None:
        """Send one text frame for each, in a single write."""
        self.send_bytes(b"".join(map(frame, texts)))

    def send_json(self, *values: Any) -> None:
        """Send values as text frames, in a single write."""
        self.send_text(*(json.dumps(value) for value in values))

    def send_bytes(self, data: bytes) -> None:
        """Send these bytes, encrypted where TLS is on."""
        with self._write_lock:
            self._write(self._encrypt(data))

    def encrypt(self, data: bytes) -> bytes:
        """Return what would go over the wire, to be sent with `send_wire`, in order."""
        with self._write_lock:
            return self._encrypt(data)

    def send_wire(self, data: bytes) -> None:
        """Send these bytes as they are."""
        with self._write_lock:
            self._write(data)

    def half_close(self) -> None:
        """Say that nothing more comes, and go on reading."""
        if self._tls is not None:
            with self._tls_lock:
                try:
                    self._tls.unwrap()
                except ssl.SSLWantReadError:
                    pass  # the client's own goodbye is not waited for
            self.send_wire(self._outgoing.read())
        self._sock.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """End the connection with FIN, and the reader; twice is fine."""
        if self._sock.fileno() < 0:
            return
        self._stop_reading()
        self._sock.close()

    def reset(self) -> None:
        """End the connection with RST."""
        self._stop_reading()
        linger = struct.pack("ii", 1, 0)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._sock.close()

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        deadline = time.monotonic() + DEADLINE_S
        while rest:
            try:
                sent = self._sock.send(rest[: self.slice_size])
            except socket.timeout:
                # On a busy machine a client is slow to read, which is no fault.
                if time.monotonic() > deadline:
                    raise
                continue
            rest = rest[sent:]

    def _encrypt(self, data: bytes) -> bytes:
        if self._tls is None:
            return data
        with self._tls_lock:
            self._tls.write(data)
            return self._outgoing.read()

    # --- in -----------------------------------------------------------------------------------

    def start_reading(self) -> None:
        """Read, from now on, what the client sends."""
        self._reader.start()

    def receive(self, timeout_s: float = DEADLINE_S) -> Frame:
        """
        Return the client's next frame.

        Raises
        ------
        EOFError
            The client has ended the connection.
        """
        received = self.poll(timeout_s)
        assert received is not None, f"no frame within {timeout_s} s"
        return received

    def poll(self, timeout_s: float) -> Optional[Frame]:
        """Return the client's next frame like `receive`, or None if none comes in time."""
        try:
            received = self._frames.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if received is None:
            self._frames.put(None)
            raise EOFError("the client ended the connection")
        return received

    def receive_json(self, timeout_s: float = DEADLINE_S) -> Any:
        """Return the client's next message, which must be text."""
        received = self.receive(timeout_s)
        assert received.opcode == TEXT, received
        return json.loads(received.payload)

    def _read(self) -> None:
        try:
            while True:
                while True:
                    received = self._take_frame()
                    if received is None:
                        break
                    self._frames.put(received)
                try:
                    data = self._receive()
                except socket.timeout:
                    continue  # a quiet client is no fault
                if not data:
                    break
                self._received += data
        except OSError:
            pass  # reset by the client
        finally:
            self._frames.put(None)

    def _take_frame(self) -> Optional[Frame]:
        data = self._received
        if len(data) < 2:
            return None
        assert data[0] & 0xF0 == 0x80, "neither fragments nor extensions were agreed"
        assert data[1] & 0x80, "a client must mask its frames"
        size, start = data[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(data) < start:
                return None
            size = int.from_bytes(data[2:start], "big")
        end = start + 4 + size
        if len(data) < end:
            return None
        key, payload = bytes(data[start : start + 4]), bytes(data[start + 4 : end])
        opcode = data[0] & 0x0F
        del data[:end]
        return Frame(opcode, _mask(payload, key))

    def _receive(self) -> bytes:
        """Return the next bytes of the client, decrypted; nothing at the end."""
        if self._tls is None:
            return self._sock.recv(_BLOCK)
        while True:
            with self._tls_lock:
                try:
                    return self._tls.read(_BLOCK)
                except ssl.SSLWantReadError:
                    pass
            try:
                self._take_wire()
            except EOFError:
                return b""

    def _take_wire(self) -> None:
        data = self._sock.recv(_BLOCK)
        if not data:
            raise EOFError("the client ended the connection")
        with self._tls_lock:
            self._incoming.write(data)

    def _stop_reading(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_RD)  # wakes the reader, sends nothing
        except OSError:
            pass  # the client was faster
        if self._reader.ident is not None:
            self._reader.join(DEADLINE_S)


class BareServer:
    """
    A listening socket on loopback.

    Parameters
    ----------
    handshake : callable
        What to do with a new connection; `Peer.accept` without it.
    tls : Tls, optional
        Be `wss`.
    reads : bool
        False leaves everything unread that comes after the handshake.

    Attributes
    ----------
    accepted : int
        Connections so far.
    """

    def __init__(
        self,
        handshake: Callable[[Peer], object] = Peer.accept,
        *,
        tls: Optional[Tls] = None,
        reads: bool = True,
    ) -> None:
        self.accepted = 0
        self.ca_bundle = tls.ca_bundle if tls is not None else None
        self._handshake = handshake
        self._tls = tls
        self._reads = reads
        self._peers: queue.Queue[Peer] = queue.Queue()
        self._all: list[Peer] = []
        self._is_stopping = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        if not reads:
            # Inherited by its connections: little fits into the kernel.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="test-server")
        self._thread.start()

    def __enter__(self) -> BareServer:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'ws' if self._tls is None else 'wss'}://localhost:{self.port}/ws/2"

    def next_peer(self, timeout_s: float = DEADLINE_S) -> Peer:
        """Return the next connection whose handshake is done."""
        try:
            return self._peers.get(timeout=timeout_s)
        except queue.Empty:
            raise AssertionError(f"no connection within {timeout_s} s") from None

    def stop(self) -> None:
        """End everything."""
        self._is_stopping = True
        # Closing a socket does not wake a thread that accepts on it; this does.
        socket.create_connection(("127.0.0.1", self.port), DEADLINE_S).close()
        self._thread.join(DEADLINE_S)
        self._listener.close()
        for peer in self._all:
            peer.end()

    def _run(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._is_stopping:
                sock.close()
                return
            self.accepted += 1
            peer = Peer(sock)
            self._all.append(peer)
            try:
                if self._tls is not None:
                    peer.start_tls(self._tls.context)
                self._handshake(peer)
            except (OSError, EOFError):
                peer.end()  # the client has given up
                continue
            if self._reads:
                peer.start_reading()
            self._peers.put(peer)
