"""
Bytes of a server into WebSocket messages and control frames (RFC 6455).

Strategy: nearly every frame of the exchange is one whole, unmasked text message of less than
64 KiB, so `Splitter.feed` walks those in one loop without any object per frame. Whatever else
comes (fragments, control frames, long or broken ones) leaves the loop for `_other`, one frame
at a time. Text is not checked for UTF-8 here: the JSON reader that gets it does that anyway.
"""

from __future__ import annotations

from enum import IntEnum

import attrs

from bfxsync.errors import BfxError

MAX_MESSAGE_SIZE = 16 * 2**20

_FINAL_TEXT = 0x81


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class CloseCode(IntEnum):
    """Codes of close frames that are used or made here."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    NO_CODE = 1005
    """Never sent: the close frame had no code."""
    ABNORMAL = 1006
    """Never sent: there was no close frame."""
    BAD_DATA = 1007
    TOO_BIG = 1009


@attrs.frozen
class Control:
    """A ping or pong frame."""

    opcode: Opcode
    payload: bytes


@attrs.frozen
class Close:
    """The peer's close frame."""

    code: int
    reason: str


class ProtocolViolation(BfxError):
    """The peer broke the rules of the WebSocket protocol; `code` is what to close with."""

    def __init__(
        self, message: str, code: CloseCode = CloseCode.PROTOCOL_ERROR
    ) -> None:
        super().__init__(message)
        self.code = code


class Splitter:
    """
    Cut the bytes of a connection into messages.

    Parameters
    ----------
    max_size : int
        Longest message that is accepted, in bytes.

    Attributes
    ----------
    controls : list of Control
        Pings and pongs since it was last cleared.
    close : Close or None
        The peer's close frame; what comes after it is ignored.
    violation : ProtocolViolation or None
        Why nothing more can be read. Messages before it are still returned.
    """

    def __init__(self, max_size: int = MAX_MESSAGE_SIZE) -> None:
        self.controls: list[Control] = []
        self.close: Close | None = None
        self.violation: ProtocolViolation | None = None
        self._max_size = max_size
        # Bytes of a frame that is not complete, as they came, so that a long one is joined once.
        self._parts: list[bytes] = []
        self._held = 0
        self._needed = 0
        # Payloads of a fragmented message; None between messages.
        self._fragments: list[bytes] | None = None
        self._fragments_size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete now, in order."""
        if self.close is not None or self.violation is not None:
            return []
        if self._parts:
            self._parts.append(data)
            self._held += len(data)
            if self._held < self._needed:
                return []
            data = b"".join(self._parts)
            self._parts = []
        messages: list[bytes] = []
        append = messages.append
        # Inside a fragmented message a plain text frame is an error, found by `_other`.
        plain = _FINAL_TEXT if self._fragments is None else -1
        max_size = self._max_size
        position = 0
        end = len(data)
        needed = 2
        while end - position >= 2:
            if data[position] == plain:
                size = data[position + 1]
                start = position + 2
                if size > 125:
                    # -1: longer than 64 KiB, or its length is not all here: `_other` knows.
                    if size == 126 and end - start >= 2:
                        size = data[start] << 8 | data[start + 1]
                        start += 2
                    else:
                        size = -1
                if 0 <= size <= max_size:
                    stop = start + size
                    if stop > end:
                        needed = stop - position
                        break
                    append(data[start:stop])
                    position = stop
                    continue
            try:
                taken, needed = self._other(data, position, end, messages)
            except ProtocolViolation as violation:
                self.violation = violation
                return messages
            if not taken:
                break
            position += taken
            plain = _FINAL_TEXT if self._fragments is None else -1
            if self.close is not None:
                return messages
        if position < end:
            self._parts = [data[position:]]
            self._held = end - position
            self._needed = needed
        return messages

    def _other(
        self, data: bytes, position: int, end: int, messages: list[bytes]
    ) -> tuple[int, int]:
        """Take one frame of any kind; return (bytes taken, bytes needed if none were)."""
        first, second = data[position], data[position + 1]
        if first & 0x70:
            raise ProtocolViolation(
                "reserved bits are set, but no extension was agreed"
            )
        if second & 0x80:
            raise ProtocolViolation("a server must not mask its frames")
        final = bool(first & 0x80)
        try:
            opcode = Opcode(first & 0x0F)
        except ValueError:
            raise ProtocolViolation(f"unknown opcode {first & 0x0F:#x}") from None
        size = second
        header = 2
        if size >= 126:
            if opcode >= Opcode.CLOSE:
                raise ProtocolViolation("control frame longer than 125 bytes")
            header = 4 if size == 126 else 10
            if end - position < header:
                return 0, header
            size = int.from_bytes(data[position + 2 : position + header], "big")
            if size >= 2**63:
                raise ProtocolViolation("frame length with the highest bit set")
        if opcode >= Opcode.CLOSE:
            if not final:
                raise ProtocolViolation("fragmented control frame")
        else:
            self._check_order(opcode, size)
        if end - position < header + size:
            return 0, header + size
        payload = data[position + header : position + header + size]
        if opcode >= Opcode.CLOSE:
            self._take_control(opcode, payload)
        else:
            self._take_data(final, payload, messages)
        return header + size, 2

    def _check_order(self, opcode: Opcode, size: int) -> None:
        if opcode is Opcode.CONTINUATION:
            if self._fragments is None:
                raise ProtocolViolation("continuation frame without a beginning")
        elif self._fragments is not None:
            raise ProtocolViolation("new message inside a fragmented one")
        if self._fragments_size + size > self._max_size:
            raise ProtocolViolation(
                f"message of more than {self._max_size} bytes", CloseCode.TOO_BIG
            )

    def _take_data(self, final: bool, payload: bytes, messages: list[bytes]) -> None:
        if self._fragments is None:
            self._fragments = []
        self._fragments.append(payload)
        self._fragments_size += len(payload)
        if final:
            messages.append(b"".join(self._fragments))
            self._fragments = None
            self._fragments_size = 0

    def _take_control(self, opcode: Opcode, payload: bytes) -> None:
        if opcode is not Opcode.CLOSE:
            self.controls.append(Control(opcode, payload))
            return
        if not payload:
            self.close = Close(CloseCode.NO_CODE, "")
            return
        code = int.from_bytes(payload[:2], "big")
        if len(payload) == 1 or not _may_be_sent(code):
            raise ProtocolViolation(f"close frame with the impossible code {code}")
        try:
            reason = payload[2:].decode()
        except UnicodeDecodeError:
            raise ProtocolViolation(
                "close frame whose reason is not UTF-8", CloseCode.BAD_DATA
            ) from None
        self.close = Close(code, reason)


def _may_be_sent(code: int) -> bool:
    """Tell whether a close code may stand in a frame; 1004 to 1006 and 1015 may not."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
