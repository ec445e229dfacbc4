"""What the clients of a `FaultProxy` have sent over WebSockets, whatever became of it."""

from __future__ import annotations

import json
from typing import Any, Iterator

from websocket import ABNF
from websocket._abnf import frame_buffer

from .fault_link import Link


class WireTap:
    """The tap of a proxy: keeps all bytes of its clients, connection by connection."""

    def __init__(self) -> None:
        self._streams: dict[Link, bytearray] = {}

    def __call__(self, link: Link, data: bytes) -> None:
        self._streams.setdefault(link, bytearray()).extend(data)

    def messages(self) -> list[Any]:
        """Return the messages that were sent to their end."""
        streams = [bytes(stream) for stream in list(self._streams.values())]
        return [message for stream in streams for message in _messages(stream)]

    def inputs(self) -> list[tuple[str, Any]]:
        """Return names and bodies of the inputs of the account channel, without the batches."""
        found: list[tuple[str, Any]] = []
        for message in self.messages():
            if isinstance(message, list):
                _, name, _, body = message
                found += body if name == "ox_multi" else [(name, body)]
        return [(name, body) for name, body in found]


def _messages(stream: bytes) -> Iterator[Any]:
    head, _, rest = stream.partition(b"\r\n\r\n")
    if b"upgrade: websocket" not in head.lower():
        return
    position = 0

    def receive(size: int) -> bytes:
        nonlocal position
        piece = rest[position : position + size]
        if not piece:
            raise EOFError
        position += len(piece)
        return piece

    frames = frame_buffer(receive, skip_utf8_validation=True)
    while True:
        try:
            frame = frames.recv_frame()
        except EOFError:
            return
        if frame.opcode == ABNF.OPCODE_TEXT:
            yield json.loads(frame.data)
