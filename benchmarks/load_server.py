"""
A server that speaks just enough of the exchange's protocol to flood one client at a time.

It prints one JSON line with its port, then serves one client after the other. Once a client has
subscribed to everything, a line with a number of updates on the standard input starts the flood; a
JSON line says how many were sent, and, if the line ends in ``?``, what they were. Connections stay
open until the client closes them. The server exits at the end of its input.

Strategy: all frames are created before they are sent, in blocks of whole frames, and kept for the
next client that has requested the same; each block is sent with one `sendall`, and TCP's
back-pressure sets the pace. There is one thread, because a TLS socket cannot be shared by two.
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
from itertools import zip_longest
from typing import Dict, Iterable, Iterator, List, Optional, Tuple, Union

from traffic import (
    ACCOUNT,
    FLOODS,
    Channel,
    Traffic,
    channels,
    is_checksum,
    ticker_text,
)

BLOCK_BYTES = 64 * 1024
SEQ_ALL, OB_CHECKSUM = 65536, 131072
HEARTBEAT_S = 5.0

#: What the account channel begins with.
SNAPSHOTS = ("ps", "ws", "os", "fos", "fcs", "fls")

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(text: bytes, opcode: int = 1) -> bytes:
    """Return one unmasked, final frame with a payload of less than 64 KiB."""
    size = len(text)
    if size < 126:
        return bytes((0x80 | opcode, size)) + text
    return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + text


#: A number of frames, and their bytes.
Block = Tuple[int, bytes]


def blocks(
    texts: Iterable[str], seq: Optional[int], size: int = BLOCK_BYTES
) -> Iterator[Block]:
    """
    Join frames into blocks of a size, numbered from `seq` on; None for no numbers.

    Frames of the account have a second number, which begins with this flood.
    """
    block, count = bytearray(), 0
    for offset, text in enumerate(texts):
        suffix = "]" if seq is None else f",{seq + offset}]"
        if seq is not None and text.startswith("[0,"):
            suffix = f",{seq + offset},{offset + 1}]"
        block += frame((text + suffix).encode())
        count += 1
        if len(block) >= size:
            yield count, bytes(block)
            block.clear()
            count = 0
    yield count, bytes(block)


class Peer:
    """One connection, its subscriptions and its unparsed bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.is_open = False
        self.flags = 0
        #: Frames with a sequence number.
        self.frame_count = 0
        #: In the order of subscription.
        self.chan_ids: List[int] = []
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
    """The listening socket, its peers, and the prepared floods."""

    def __init__(self, flood: str, rate: Optional[float]) -> None:
        self._flood = flood
        self._wanted: Dict[object, Channel] = {
            (each.name, each.symbol): each for each in channels(flood)
        }
        self._rate = rate
        self._first = Traffic(flood, 0).first
        self._traffic: Dict[int, Traffic] = {}
        self._blocks: Dict[Tuple[object, ...], List[Block]] = {}
        self._selector = selectors.DefaultSelector()
        self._peers: List[Peer] = []

    def serve(self, tls: Optional[ssl.SSLContext]) -> None:
        """Serve until the end of the standard input."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._selector.register(listener, selectors.EVENT_READ)
            self._selector.register(sys.stdin, selectors.EVENT_READ)
            report({"port": listener.getsockname()[1]})
            beat_at = time.monotonic() + HEARTBEAT_S
            while True:
                if time.monotonic() >= beat_at:
                    beat_at += HEARTBEAT_S
                    self._beat()
                left_s = max(0.0, beat_at - time.monotonic())
                is_ordered = False
                for key, _ in self._selector.select(left_s):
                    if key.data is not None:
                        self._hear(key.data)
                    elif key.fileobj is listener:
                        self._accept(listener, tls)
                    else:
                        is_ordered = True
                # Last, as a client may have sent something before it was ready.
                if is_ordered and not self._obey(sys.stdin.readline()):
                    return

    def _obey(self, line: str) -> bool:
        """Send a flood; return False at the end of the input."""
        if not line:
            return False
        count = int(line.strip().rstrip("?"))
        answer: Dict[str, object] = {"sent": self._send(count)}
        answer["books"] = self._prepared(count).books
        if "?" in line:
            answer["expected"] = self._prepared(count).expected()
        report(answer)
        return True

    def _beat(self) -> None:
        """Send heartbeats of all channels."""
        for peer in [*self._peers]:
            try:
                for chan_id in peer.chan_ids:
                    peer.frame_count += 1
                    suffix = f",{peer.frame_count}]" if peer.flags & SEQ_ALL else "]"
                    peer.send(f'[{chan_id},"hb"{suffix}')
            except OSError:
                # The client has gone; the next one must still be served.
                self._drop(peer)

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
            peer.flags = flags
            peer.send({"event": "conf", "status": "OK", "flags": flags})
        elif event == "ping":
            peer.send({**message, "event": "pong", "ts": int(time.time() * 1000)})
        elif event == "unsubscribe":
            peer.chan_ids.remove(int(str(message["chanId"])))
            peer.send({**message, "event": "unsubscribed", "status": "OK"})
        elif event == "auth":
            peer.chan_ids.append(ACCOUNT.chan_id)
            caps = {"orders": {"read": 1, "write": 1}, "wallets": {"read": 1}}
            peer.send({"event": "auth", "status": "OK", "chanId": 0, "caps": caps})
            # In other writes, as some clients drop what comes in that of the answer.
            time.sleep(0.002)
            for code in SNAPSHOTS:
                peer.frame_count += 1
                suffix = f",{peer.frame_count},0]" if peer.flags & SEQ_ALL else "]"
                peer.send(f'[0,"{code}",[]{suffix}')
        elif event == "subscribe":
            channel = self._wanted.get((message["channel"], message["symbol"]))
            if channel is None:
                peer.send({**message, "event": "error", "code": 10300, "msg": "symbol"})
                return
            peer.chan_ids.append(channel.chan_id)
            peer.frame_count += 1
            # In the order of the exchange, which one client relies on.
            ack: Dict[str, object] = {"event": "subscribed", "channel": channel.name}
            ack.update(chanId=channel.chan_id, symbol=channel.symbol)
            if channel.name == "book":
                ack.update(prec="P0", freq="F0", len="25")
            if "subId" in message:
                ack["subId"] = message["subId"]
            ack["pair"] = channel.symbol[1:]
            suffix = f",{peer.frame_count}]" if peer.flags & SEQ_ALL else "]"
            first = self._first[channel.chan_id] + suffix
            peer.send(ack, first)

    def _prepared(self, count: int) -> Traffic:
        if count not in self._traffic:
            self._traffic[count] = Traffic(self._flood, count)
        return self._traffic[count]

    def _send(self, count: int) -> int:
        """Send all updates to the one client that has subscribed to all channels."""
        peers = [peer for peer in self._peers if peer.chan_ids]
        if sum(len(peer.chan_ids) for peer in peers) != len(self._wanted):
            return 0
        try:
            if self._rate is not None:
                self._drip(peers[0], count, self._rate)
            else:
                floods = [self._blocks_for(peer, count) for peer in peers]
                for row in zip_longest(*floods, fillvalue=(0, b"")):
                    for peer, (frame_count, block) in zip(peers, row):
                        peer.sock.sendall(block)
                        peer.frame_count += frame_count
        except OSError:
            return 0
        return count

    def _blocks_for(self, peer: Peer, count: int) -> List[Block]:
        """Return the peer's part of the flood, as it has requested it."""
        key = (peer.flags, peer.frame_count, count, *peer.chan_ids)
        if key not in self._blocks:
            mine = tuple(f"[{chan_id}," for chan_id in peer.chan_ids)
            texts = [
                text
                for text in self._prepared(count).texts
                if text.startswith(mine)
                and (peer.flags & OB_CHECKSUM or not is_checksum(text))
            ]
            seq = peer.frame_count + 1 if peer.flags & SEQ_ALL else None
            self._blocks[key] = list(blocks(texts, seq))
        return self._blocks[key]

    def _drip(self, peer: Peer, count: int, rate: float) -> None:
        """Send tickers at a steady rate; VOLUME is the send time in microseconds."""
        (chan_id,) = peer.chan_ids
        start = time.monotonic()
        for index in range(count):
            time.sleep(max(0.0, start + index / rate - time.monotonic()))
            peer.frame_count += 1
            suffix = f",{peer.frame_count}]" if peer.flags & SEQ_ALL else "]"
            sent_us = time.monotonic_ns() / 1000
            text = ticker_text(chan_id, 86000, 14.34954787, 14.75896594, sent_us)
            peer.sock.sendall(frame((text + suffix).encode()))


def report(value: Dict[str, object]) -> None:
    print(json.dumps(value), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--flood", choices=list(FLOODS), required=True)
    parser.add_argument("--rate", type=float, help="frames a second; only for tickers")
    parser.add_argument(
        "--certificate", help="PEM file with certificate and key; enables TLS"
    )
    options = parser.parse_args()
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate)
    LoadServer(options.flood, options.rate).serve(tls)


if __name__ == "__main__":
    main()
