"""
A server that speaks just enough of the exchange's protocol to flood one client.

It prints one JSON line with its port and the final state of the books, then serves one client
after the other. Once a client has subscribed to everything, a line on the standard input starts
the flood, and a JSON line reports how many frames were sent. The server exits at the end of its
input.

Strategy: all frames are created before the first client connects, in blocks of whole frames, with
and without sequence numbers; each block is sent with one `sendall`, and TCP's back-pressure sets
the pace. There is one thread, because a TLS socket cannot be shared by two.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import selectors
import socket
import ssl
import sys
import time
from typing import Dict, Iterable, Iterator, List, Optional, Set, Union

from traffic import FLOODS, Channel, Traffic, channels, ticker_text

BLOCK_BYTES = 64 * 1024
SEQ_ALL = 65536
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(text: bytes, opcode: int = 1) -> bytes:
    """Return one unmasked, final frame with a payload of less than 64 KiB."""
    size = len(text)
    if size < 126:
        return bytes((0x80 | opcode, size)) + text
    return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + text


def blocks(texts: Iterable[str], seq: Optional[int]) -> Iterator[bytes]:
    """Join frames into blocks, numbered from `seq` on; None for no numbers."""
    block = bytearray()
    for offset, text in enumerate(texts):
        suffix = "]" if seq is None else f",{seq + offset}]"
        block += frame((text + suffix).encode())
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    yield bytes(block)


class Peer:
    """One connection, its subscriptions and its unparsed bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.is_open = False
        self.has_seq = False
        self.chan_ids: Set[int] = set()
        self._buffer = b""

    def read(self) -> bytes:
        """Return the received bytes, including all that TLS has decrypted; empty at the end."""
        data = self.sock.recv(65536)
        if isinstance(self.sock, ssl.SSLSocket):
            while data and self.sock.pending():
                data += self.sock.recv(65536)
        return data

    def handshake(self, data: bytes) -> bool:
        """Answer the HTTP request once it is complete; return whether it was."""
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        self._buffer = rest
        headers = dict(
            (name.strip().lower(), value.strip())
            for name, _, value in (line.partition(b":") for line in head.split(b"\r\n"))
        )
        digest = hashlib.sha1(headers[b"sec-websocket-key"] + _GUID).digest()
        self.sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
            + base64.b64encode(digest)
            + b"\r\n\r\n"
        )
        self.is_open = True
        return True

    def messages(self, data: bytes) -> Iterator[Optional[bytes]]:
        """Yield the text messages in the data, and None for a close; answer pings."""
        self._buffer += data
        while len(self._buffer) >= 6:
            opcode, size, start = self._buffer[0] & 15, self._buffer[1] & 127, 2
            if size == 126:
                size, start = int.from_bytes(self._buffer[2:4], "big"), 4
            end = start + 4 + size
            if len(self._buffer) < end:
                return
            mask = self._buffer[start : start + 4] * (size // 4 + 1)
            payload = bytes(a ^ b for a, b in zip(self._buffer[start + 4 : end], mask))
            self._buffer = self._buffer[end:]
            if opcode == 1:
                yield payload
            elif opcode == 8:
                self.sock.sendall(frame(payload, 8))
                yield None
            elif opcode == 9:
                self.sock.sendall(frame(payload, 10))

    def send(self, *values: Union[Dict[str, object], str]) -> None:
        """Send events (dicts) and array frames (texts) in one block."""
        texts = (v if isinstance(v, str) else json.dumps(v) for v in values)
        self.sock.sendall(b"".join(frame(text.encode()) for text in texts))


class LoadServer:
    """The listening socket, its peers, and the prepared flood."""

    def __init__(self, flood: str, count: int, rate: Optional[float]) -> None:
        self._wanted: Dict[object, Channel] = {
            (each.name, each.symbol): each for each in channels(flood)
        }
        self._traffic = Traffic(flood, count)
        self._rate = rate
        # The first frames of the channels use the first numbers.
        first_seq = len(self._wanted) + 1
        self._blocks: Dict[bool, List[bytes]] = {
            False: list(blocks(self._traffic.texts, None)),
            True: list(blocks(self._traffic.texts, first_seq)),
        }
        self._selector = selectors.DefaultSelector()
        self._peers: List[Peer] = []

    def serve(self, tls: Optional[ssl.SSLContext]) -> None:
        """Serve until the end of the standard input."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._selector.register(listener, selectors.EVENT_READ)
            self._selector.register(sys.stdin, selectors.EVENT_READ)
            port = listener.getsockname()[1]
            report({"port": port, "books": self._traffic.books})
            while True:
                for key, _ in self._selector.select():
                    if key.data is not None:
                        self._hear(key.data)
                    elif key.fileobj is listener:
                        self._accept(listener, tls)
                    else:
                        if not sys.stdin.readline():
                            return
                        report({"sent": self._flood()})

    def _accept(self, listener: socket.socket, tls: Optional[ssl.SSLContext]) -> None:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            sock = tls.wrap_socket(sock, server_side=True)
        peer = Peer(sock)
        self._peers.append(peer)
        self._selector.register(sock, selectors.EVENT_READ, peer)

    def _drop(self, peer: Peer) -> None:
        self._selector.unregister(peer.sock)
        self._peers.remove(peer)
        peer.sock.close()

    def _hear(self, peer: Peer) -> None:
        try:
            data = peer.read()
            if data and not peer.is_open:
                if not peer.handshake(data):
                    return
                status = {"status": 1}
                peer.send({"event": "info", "version": 2, "platform": status})
                data = b""
            elif not data:
                return self._drop(peer)
            for text in peer.messages(data):
                if text is None:
                    return self._drop(peer)
                self._answer(peer, json.loads(text))
        except OSError:
            self._drop(peer)

    def _answer(self, peer: Peer, message: Dict[str, object]) -> None:
        event = message.get("event")
        if event == "conf":
            flags = message["flags"]
            assert isinstance(flags, int)
            peer.has_seq = bool(flags & SEQ_ALL)
            peer.send({"event": "conf", "status": "OK", "flags": flags})
        elif event == "ping":
            peer.send({**message, "event": "pong", "ts": int(time.time() * 1000)})
        elif event == "unsubscribe":
            peer.chan_ids.discard(int(str(message["chanId"])))
            peer.send({**message, "event": "unsubscribed", "status": "OK"})
        elif event == "subscribe":
            channel = self._wanted.get((message["channel"], message["symbol"]))
            if channel is None:
                peer.send({**message, "event": "error", "code": 10300, "msg": "symbol"})
                return
            peer.chan_ids.add(channel.chan_id)
            ack = {**message, "event": "subscribed", "chanId": channel.chan_id}
            if channel.name == "book":
                ack = {"prec": "P0", "freq": "F0", "len": "25", **ack}
            suffix = f",{len(peer.chan_ids)}]" if peer.has_seq else "]"
            first = self._traffic.first[channel.chan_id] + suffix
            peer.send({"pair": channel.symbol[1:], **ack}, first)

    def _flood(self) -> int:
        """Send all frames to the one peer that has subscribed to all channels."""
        ready = [p for p in self._peers if len(p.chan_ids) == len(self._wanted)]
        if len(ready) != 1:
            return 0
        peer = ready[0]
        try:
            if self._rate is not None:
                self._drip(peer, self._rate)
            else:
                for block in self._blocks[peer.has_seq]:
                    peer.sock.sendall(block)
        except OSError:
            return 0
        return len(self._traffic.texts)

    def _drip(self, peer: Peer, rate: float) -> None:
        """Send tickers at a steady rate; VOLUME is the send time in microseconds."""
        (chan_id,) = peer.chan_ids
        start = time.monotonic()
        for index in range(len(self._traffic.texts)):
            time.sleep(max(0.0, start + index / rate - time.monotonic()))
            suffix = f",{index + 2}]" if peer.has_seq else "]"
            sent_us = time.monotonic_ns() / 1000
            text = ticker_text(chan_id, 86000, 14.34954787, 14.75896594, sent_us)
            peer.sock.sendall(frame((text + suffix).encode()))


def report(value: Dict[str, object]) -> None:
    print(json.dumps(value), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--flood", choices=list(FLOODS), required=True)
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--rate", type=float, help="frames a second; only for tickers")
    parser.add_argument(
        "--certificate", help="PEM file with certificate and key; enables TLS"
    )
    options = parser.parse_args()
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate)
    LoadServer(options.flood, options.frames, options.rate).serve(tls)


if __name__ == "__main__":
    main()
