"""
Parses the bytes of a server into WebSocket messages and control frames (RFC 6455).

Strategy: nearly every frame of the exchange is a complete, unmasked text message of less than
64 KiB, so `Splitter.feed` cuts those in one loop without any object per frame. All other frames
(fragments, control frames; long, invalid or incomplete ones) are parsed one by one in `_other`.

Text must be UTF-8, and nearly all of it is ASCII. So the messages of the loop are checked together:
joining them costs less than a call for each. Fragments and the received part of an incomplete frame
go through an incremental decoder, so that invalid text is refused at once.

https://www.rfc-editor.org/rfc/rfc6455#section-5
"""

from __future__ import annotations

import codecs
from enum import IntEnum

import attrs

from bfxsync.errors import BfxError

MAX_MESSAGE_SIZE = 16 * 2**20

_FINAL_TEXT = 0x81

# The longest payload that the loop handles: its length fits two bytes.
_PLAIN_SIZE = 2**16 - 1

_Decoder = codecs.getincrementaldecoder("utf-8")


class Opcode(IntEnum):
    """Kinds of frames."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class CloseCode(IntEnum):
    """Close codes used here."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    NO_CODE = 1005
    """Never sent: stands for a close frame without code."""
    ABNORMAL = 1006
    """Never sent: stands for a missing close frame."""
    BAD_DATA = 1007
    TOO_BIG = 1009


class Binary(bytes):
    """A binary message, which the exchange never sends; text messages are plain `bytes`."""

    __slots__ = ()


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
    """The peer violated the WebSocket protocol; `code` is the code to close with."""

    def __init__(
        self, message: str, code: CloseCode = CloseCode.PROTOCOL_ERROR
    ) -> None:
        super().__init__(message)
        self.code = code


class Splitter:
    """Cuts the bytes of a connection into messages of at most `max_size` bytes."""

    def __init__(self, max_size: int = MAX_MESSAGE_SIZE) -> None:
        self.controls: list[Control] = []
        """Pings and pongs since this was last cleared."""
        self.close: Close | None = None
        """The peer's close frame; later bytes are ignored."""
        self.violation: ProtocolViolation | None = None
        """The error after which no more can be read. Messages before it are still returned."""
        self._max_size = max_size
        # First byte of the frames that the loop handles; -1 to handle none, if any frame may be too
        # big.
        self._plain = _FINAL_TEXT if max_size >= _PLAIN_SIZE else -1
        # Chunks of an incomplete frame, joined once when it is complete.
        self._parts: list[bytes] = []
        self._held = 0
        self._needed = 0
        # Payloads of a fragmented message; None between messages.
        self._fragments: list[bytes] | None = None
        self._fragments_size = 0
        # State after these payloads; None for a binary message.
        self._decoder: codecs.IncrementalDecoder | None = None
        # State after the received part of the incomplete frame as well.
        self._ahead: codecs.IncrementalDecoder | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages completed by these bytes, in order; binary ones as `Binary`."""
        if (
            self._parts
            or self._fragments is not None
            or len(data) < 4
            or data[0] != self._plain
            or self.close is not None
            or self.violation is not None
        ):
            return self._split(data)
        # At most times a read brings one frame.
        size, start = data[1], 2
        if size == 126:
            size, start = data[2] << 8 | data[3], 4
        if size + start == len(data) and data[1] <= 126:
            message = data[start:]
            if message.isascii():
                return [message]
        return self._split(data)

    def _split(self, data: bytes) -> list[bytes]:
        if self.close is not None or self.violation is not None:
            return []
        messages: list[bytes] = []
        try:
            if self._parts:
                data = self._join(data)
            # Within a fragmented message a text frame is an error, found by `_other`.
            plain = self._plain if self._fragments is None else -1
            position = checked = 0
            needed = 2
            end = len(data)
            # Beyond this, the length of a frame may be missing.
            last = end - 4
            while True:
                while position <= last and data[position] == plain:
                    size = data[position + 1]
                    start = position + 2
                    if size > 125:
                        if size > 126:
                            break
                        size = data[start] << 8 | data[start + 1]
                        start += 2
                    stop = start + size
                    if stop > end:
                        break
                    messages.append(data[start:stop])
                    position = stop
                # Before any other frame: nothing after invalid text counts.
                texts = messages[checked:] if checked else messages
                if not b"".join(texts).isascii():
                    _check_texts(messages, checked)
                if end - position < 2:
                    break
                taken, needed = self._other(data, position, end, messages)
                if not taken:
                    break
                if self.close is not None:
                    return messages
                position += taken
                checked = len(messages)
                plain = self._plain if self._fragments is None else -1
            if position < end:
                self._parts = [data[position:]]
                self._held = end - position
                self._needed = needed
        except ProtocolViolation as violation:
            self.violation = violation
        return messages

    def _join(self, data: bytes) -> bytes:
        """Return all bytes from the incomplete frame on, or nothing while it is incomplete."""
        self._parts.append(data)
        self._held += len(data)
        if self._held < self._needed:
            if self._ahead is not None:
                _read(self._ahead, data)
            return b""
        data = b"".join(self._parts)
        self._parts = []
        self._ahead = None
        return data

    def _other(
        self, data: bytes, position: int, end: int, messages: list[bytes]
    ) -> tuple[int, int]:
        """Parse one frame of any kind; return its size, or 0 and the size needed to go on."""
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
            if opcode < Opcode.CLOSE:
                self._look_ahead(opcode, data[position + header : end])
            return 0, header + size
        payload = data[position + header : position + header + size]
        if opcode >= Opcode.CLOSE:
            self._handle_control(opcode, payload)
        else:
            self._handle_data(opcode, final, payload, messages)
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

    def _look_ahead(self, opcode: Opcode, payload: bytes) -> None:
        """Check the received part of an incomplete frame; all of it is checked again later."""
        if opcode is Opcode.TEXT:
            self._ahead = _Decoder()
        elif self._decoder is not None:
            self._ahead = _Decoder()
            self._ahead.setstate(self._decoder.getstate())
        else:
            return
        _read(self._ahead, payload)

    def _handle_data(
        self, opcode: Opcode, final: bool, payload: bytes, messages: list[bytes]
    ) -> None:
        if self._fragments is None:
            self._fragments = []
            self._decoder = _Decoder() if opcode is Opcode.TEXT else None
        if self._decoder is not None:
            _read(self._decoder, payload, final)
        self._fragments.append(payload)
        self._fragments_size += len(payload)
        if final:
            message = b"".join(self._fragments)
            messages.append(message if self._decoder is not None else Binary(message))
            self._fragments = None
            self._fragments_size = 0
            self._decoder = None

    def _handle_control(self, opcode: Opcode, payload: bytes) -> None:
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


def _check_texts(messages: list[bytes], start: int) -> None:
    """Raise if a message from `start` on is not UTF-8; remove it and all later ones."""
    for index in range(start, len(messages)):
        try:
            messages[index].decode()
        except UnicodeDecodeError:
            del messages[index:]
            raise _not_utf8() from None


def _read(
    decoder: codecs.IncrementalDecoder, payload: bytes, final: bool = False
) -> None:
    try:
        decoder.decode(payload, final)
    except UnicodeDecodeError:
        raise _not_utf8() from None
    # The first two bytes of a surrogate, which the decoder refuses only at the third.
    if b"\xed\xa0" <= decoder.getstate()[0] < b"\xee":
        raise _not_utf8()


def _not_utf8() -> ProtocolViolation:
    return ProtocolViolation("text that is not UTF-8", CloseCode.BAD_DATA)


def _may_be_sent(code: int) -> bool:
    """Return whether a close frame may have this code; 1004 to 1006 and 1015 are reserved."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
