"""
The floor: a lower bound for the cost of any client.

A plain socket, reads of 64 KiB, frames split in place, orjson, a counter. It requests the same
flags as bfxsync, so that both read the same bytes.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import time
from typing import Any, Dict, Optional, Tuple
from urllib.parse import urlsplit

from counting import GRACE_S, Callback, Run

BLOCK_BYTES = 64 * 1024
SEQ_ALL, OB_CHECKSUM = 65536, 131072


def run_floor(run: Run, url: str, ca_bundle: Optional[str]) -> None:
    """Subscribe, read up to the goal, and check for surplus data."""
    run.goal -= run.first_count
    run.first_count = 0
    sock, rest = connect(url, ca_bundle)
    with sock:
        send(sock, {"event": "conf", "flags": SEQ_ALL + OB_CHECKSUM})
        for each in run.wanted:
            send(
                sock,
                {"event": "subscribe", "channel": each.name, "symbol": each.symbol},
            )
        # info, the answer to conf, and the acknowledgement and first frame of each channel.
        _, rest = read_frames(sock, rest, 2 + 2 * len(run.wanted))
        delays_us, now_ns = run.delays_us, time.monotonic_ns

        def note_delay(value: Any) -> None:
            delays_us.append(now_ns() / 1000 - value[1][7])

        run.start()
        sock.settimeout(run.timeout_s)
        count, rest = read_frames(
            sock, rest, run.goal, note_delay if run.timed else None
        )
        if count >= run.goal:
            run.finish()
        sock.settimeout(GRACE_S)
        try:
            rest += sock.recv(BLOCK_BYTES)
        except socket.timeout:
            pass
        # Surplus data makes the count wrong, and so the run fail.
        run.count = lambda: count + len(rest)


def read_frames(
    sock: socket.socket,
    data: bytes,
    goal: int,
    on_value: Optional[Callback] = None,
) -> Tuple[int, bytes]:
    """Decode frames up to the goal; return their number and the remaining bytes."""
    from orjson import loads

    count, start = 0, 0
    while True:
        end_of_data = len(data)
        while end_of_data - start > 3:
            length = data[start + 1]
            begin = start + 2
            if length == 126:
                length = data[start + 2] << 8 | data[start + 3]
                begin = start + 4
            end = begin + length
            if end > end_of_data:
                break
            value = loads(data[begin:end])
            count += 1
            start = end
            if on_value is not None:
                on_value(value)
        data = data[start:]
        start = 0
        if count >= goal:
            return count, data
        try:
            block = sock.recv(BLOCK_BYTES)
        except socket.timeout:
            return count, data
        if not block:
            raise ConnectionError("the server has closed the connection")
        data += block


def connect(url: str, ca_bundle: Optional[str]) -> Tuple[socket.socket, bytes]:
    """Open a WebSocket; return the socket and the bytes after the response."""
    parts = urlsplit(url)
    assert parts.hostname is not None and parts.port is not None
    sock = socket.create_connection((parts.hostname, parts.port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if parts.scheme == "wss":
        context = ssl.create_default_context(cafile=ca_bundle)
        sock = context.wrap_socket(sock, server_hostname=parts.hostname)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(BLOCK_BYTES)
    return sock, data.partition(b"\r\n\r\n")[2]


def send(sock: socket.socket, message: Dict[str, object]) -> None:
    text = json.dumps(message).encode()
    assert len(text) < 126
    # A mask of zeros leaves the text unchanged.
    sock.sendall(bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text)
