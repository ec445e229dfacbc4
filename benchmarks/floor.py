"""
The floor: what no client can leave out, and nothing else.

A plain socket, reads of 64 KiB, a splitter, a decoder, and the call of the user's callback of the
frame's channel. It requests the same flags as bfxsync, so that both read the same bytes.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import socket
import ssl
import time
from decimal import Decimal
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import urlsplit

from counting import GRACE_S, Run
from traffic import ACCOUNT, values

BLOCK_BYTES = 64 * 1024
SEQ_ALL, OB_CHECKSUM = 65536, 131072

Callbacks = Dict[int, Callable[[Any], None]]


def decoder(name: str) -> Callable[[bytes], Any]:
    """Return a decoder: ``orjson``, ``json``, or ``decimal`` (the standard library's)."""
    if name == "decimal":
        return partial(json.loads, parse_float=Decimal)
    loads: Callable[[bytes], Any] = importlib.import_module(name).loads
    return loads


def run_floor(
    run: Run, url: str, ca_bundle: Optional[str], *, name: str = "orjson"
) -> None:
    """Subscribe, read up to the goal, and check for surplus data."""
    loads = decoder(name)
    callbacks = {
        each.chan_id: run.callback(each.symbol, partial(values, each.name))
        for each in run.wanted
    }
    sock, data = connect(url, ca_bundle)
    with sock:
        send(sock, {"event": "conf", "flags": SEQ_ALL + OB_CHECKSUM})
        # info, the answer to conf, and the acknowledgement and first frame of each channel.
        frame_count = 2 + 2 * len(run.wanted)
        for each in run.wanted:
            request = {"event": "subscribe", "channel": each.name}
            if each == ACCOUNT:
                # The load server checks no signature, and sends six snapshots.
                request, frame_count = {"event": "auth"}, 9
            send(sock, {**request, "symbol": each.symbol})
        frames: List[Any] = []
        while len(frames) < frame_count:
            data += receive(sock)
            texts, data = split(data)
            frames += map(loads, texts)
        for frame in frames:
            if type(frame) is list and type(frame[1]) is list:
                if type(frame[1][0]) is list:
                    continue  # a snapshot
                callbacks[frame[0]](frame[1])
        done = run.done_event()
        run.start()
        if run.mode == "idle":
            return stay(run, sock, loads, callbacks)
        sock.settimeout(run.timeout_s)
        while not done.is_set() and run.mode != "connect":
            data = feed(data + receive(sock), loads, callbacks)
        sock.settimeout(GRACE_S)
        try:
            feed(data + sock.recv(BLOCK_BYTES), loads, callbacks)
        except socket.timeout:
            pass


def feed(data: bytes, loads: Callable[[bytes], Any], callbacks: Callbacks) -> bytes:
    """Call the callback of each row; return the bytes of an incomplete frame."""
    texts, rest = split(data)
    for text in texts:
        value = loads(text)
        if type(value) is dict:
            continue
        row = value[1]
        if type(row) is str:
            if row == "hb" or row == "cs":
                continue
            # A trade, as te or tu.
            row = value[2]
        callbacks[value[0]](row)
    return rest


def stay(run: Run, sock: socket.socket, loads: Any, callbacks: Callbacks) -> None:
    """Read heartbeats."""
    data, end = b"", time.monotonic() + run.timeout_s
    while time.monotonic() < end:
        sock.settimeout(max(0.001, end - time.monotonic()))
        try:
            data = feed(data + receive(sock), loads, callbacks)
        except socket.timeout:
            break
    run.finish()


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


def receive(sock: socket.socket) -> bytes:
    data = sock.recv(BLOCK_BYTES)
    if not data:
        raise ConnectionError("the server has closed the connection")
    return data


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


def send(sock: socket.socket, message: Any) -> None:
    text = json.dumps(message).encode()
    size = bytes((0x80 | len(text),))
    if len(text) >= 126:
        size = b"\xfe" + len(text).to_bytes(2, "big")
    # A mask of zeros leaves the text unchanged.
    sock.sendall(b"\x81" + size + bytes(4) + text)
