"""
The floors: lower bounds for the cost of any client.

A plain socket, reads of 64 KiB, a splitter and a decoder; then either a counter, or
what no client can leave out: each update goes by its channel to a callback of the user. They
request the same flags as bfxsync, so that all read the same bytes.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import socket
import ssl
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import urlsplit

from counting import GRACE_S, Callback, Run

BLOCK_BYTES = 64 * 1024
SEQ_ALL, OB_CHECKSUM = 65536, 131072


def run_floor(
    run: Run,
    url: str,
    ca_bundle: Optional[str],
    *,
    decoder: str = "orjson",
    calls_back: bool = False,
) -> None:
    """Subscribe, read up to the goal, and check for surplus data."""
    loads = importlib.import_module(decoder).loads
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
        _, rest = read_frames(sock, rest, loads, 2 + 2 * len(run.wanted))
        callbacks = None
        if calls_back or run.timed:
            on_row, _ = run.callbacks(as_rows=True)
            callbacks = {each.chan_id: on_row for each in run.wanted}
        run.start()
        sock.settimeout(run.timeout_s)
        count, rest = read_frames(sock, rest, loads, run.goal, callbacks)
        if callbacks is None:
            run.count = lambda: count
            if count >= run.goal:
                run.finish()
        sock.settimeout(GRACE_S)
        try:
            rest += sock.recv(BLOCK_BYTES)
        except socket.timeout:
            pass
        # Surplus data makes the count wrong, and so the run fail.
        counted = run.count
        run.count = lambda: counted() + len(rest)


def read_frames(
    sock: socket.socket,
    data: bytes,
    loads: Callable[[bytes], Any],
    goal: int,
    callbacks: Optional[Dict[int, Callback]] = None,
) -> Tuple[int, bytes]:
    """
    Decode frames up to the goal; return their number and the remaining bytes.

    Each row goes to the callback of its channel.
    """
    count = 0
    while True:
        texts, data = split(data)
        for text in texts:
            value = loads(text)
            count += 1
            if callbacks is None or type(value) is dict:
                continue
            row = value[1]
            if type(row) is str:
                # A trade comes as te or tu.
                if row == "hb":
                    continue
                row = value[2]
            callbacks[value[0]](row)
        if count >= goal:
            return count, data
        try:
            block = sock.recv(BLOCK_BYTES)
        except socket.timeout:
            return count, data
        if not block:
            raise ConnectionError("the server has closed the connection")
        data += block


def split(data: bytes) -> Tuple[List[bytes], bytes]:
    """Split off the frames that are complete; return their texts and the rest."""
    texts, start, size = [], 0, len(data)
    while size - start > 3:
        if data[start] != 0x81:
            raise ValueError("not a text in one frame")
        length, begin = data[start + 1], start + 2
        if length == 126:
            length, begin = data[start + 2] << 8 | data[start + 3], start + 4
        elif length > 126:
            raise ValueError("a masked or a very long frame")
        end = begin + length
        if end > size:
            break
        texts.append(data[begin:end])
        start = end
    return texts, data[start:]


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
