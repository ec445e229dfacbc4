from __future__ import annotations

from itertools import accumulate, product
from typing import Any, List, NamedTuple, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import cuts, server_frame

from bfxsync.errors import BfxError
from bfxsync.wire.websocket import (
    MAX_MESSAGE_SIZE,
    Binary,
    Close,
    CloseCode,
    Control,
    Opcode,
    ProtocolViolation,
    Splitter,
)

CONTINUATION, TEXT, BINARY = Opcode.CONTINUATION, Opcode.TEXT, Opcode.BINARY
PING, PONG, CLOSE = Opcode.PING, Opcode.PONG, Opcode.CLOSE

# On both sides of every border in the length field.
SIZES = [0, 1, 2, 124, 125, 126, 127, 128, 255, 256, 65535, 65536, 70_000]


class Seen(NamedTuple):
    """All that came out of a stream."""

    messages: List[bytes]
    controls: List[Control]
    close: Optional[Close]
    violation: Optional[CloseCode]


def see(pieces: List[bytes], max_size: int = MAX_MESSAGE_SIZE) -> Seen:
    splitter = Splitter(max_size)
    messages = [message for piece in pieces for message in splitter.feed(piece)]
    violation = splitter.violation
    return Seen(
        messages,
        splitter.controls,
        splitter.close,
        violation.code if violation is not None else None,
    )


def payload(size: int) -> bytes:
    return (b"[5,0.1]," * (size // 8 + 1))[:size]


def kinds(seen: Seen) -> List[type]:
    return [type(message) for message in seen.messages]


def close(code: int, reason: bytes = b"") -> bytes:
    return server_frame(CLOSE, code.to_bytes(2, "big") + reason)


@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("size", SIZES)
def test_message_of_any_length_is_whole(size: int, opcode: Opcode) -> None:
    data = server_frame(opcode, payload(size))
    assert see([data]) == ([payload(size)], [], None, None)
    assert see([data * 3]) == ([payload(size)] * 3, [], None, None)


@pytest.mark.parametrize("length_bytes", [2, 8])
def test_length_may_be_written_longer_than_it_must(length_bytes: int) -> None:
    data = server_frame(TEXT, b"[5]", length_bytes=length_bytes)
    assert see([data]).messages == [b"[5]"]


@pytest.mark.parametrize("text", ["é", '[5,"ü"]', "€" * 100])
def test_message_may_be_any_utf8_in_a_read_of_its_own(text: str) -> None:
    data = server_frame(TEXT, text.encode())
    assert see([data]) == ([text.encode()], [], None, None)


@pytest.mark.parametrize("size", [0, 2, 125, 126, 127])
def test_masked_frame_is_refused_whatever_its_first_bytes_say(size: int) -> None:
    # Read as a length, the byte with the mask's bit fits the bytes that came.
    data = bytes([0x81, 0x80 | size]) + payload(0x80 | size)
    assert see([data]) == ([], [], None, CloseCode.PROTOCOL_ERROR)


def test_fragments_are_one_message() -> None:
    data = (
        server_frame(TEXT, b"[5,", final=False)
        + server_frame(CONTINUATION, b"", final=False)
        + server_frame(CONTINUATION, b'"hb"]')
        + server_frame(TEXT, b"[6]")
    )
    assert see([data]).messages == [b'[5,"hb"]', b"[6]"]


def test_control_frames_may_stand_between_fragments() -> None:
    data = (
        server_frame(TEXT, b"[5,", final=False)
        + server_frame(PING, b"are you there")
        + server_frame(PONG)
        + server_frame(CONTINUATION, b"6]")
    )
    assert see([data]) == (
        [b"[5,6]"],
        [Control(PING, b"are you there"), Control(PONG, b"")],
        None,
        None,
    )


def test_controls_gather_until_they_are_cleared() -> None:
    splitter = Splitter()
    splitter.feed(server_frame(PING, b"1"))
    splitter.feed(server_frame(PING, b"2"))
    assert splitter.controls == [Control(PING, b"1"), Control(PING, b"2")]
    splitter.controls.clear()
    splitter.feed(server_frame(PING, b"3"))
    assert splitter.controls == [Control(PING, b"3")]


@pytest.mark.parametrize("size", [0, 3, 126, 70_000])
def test_binary_messages_differ_from_text(size: int) -> None:
    seen = see([server_frame(BINARY, payload(size)) + server_frame(TEXT, b"[5]")])
    assert seen.messages == [payload(size), b"[5]"]
    assert kinds(seen) == [Binary, bytes]


def test_binary_message_may_be_any_bytes() -> None:
    data = (
        server_frame(BINARY, b"\xff\xfe")
        + server_frame(BINARY, b"\xff", final=False)
        + server_frame(CONTINUATION, b"\xe2\x82")
    )
    seen = see([bytes([byte]) for byte in data])
    assert seen == ([b"\xff\xfe", b"\xff\xe2\x82"], [], None, None)
    assert kinds(seen) == [Binary, Binary]


# Of each length in UTF-8, and the last ones of their lengths and before the surrogates.
LETTERS = "a\x7f\x80é\u07ff\u0800€\ud7ff\ue000\uffff\U00010000😀\U0010ffff"


@pytest.mark.parametrize("count", [1, 5, 3000])
def test_text_may_be_any_utf8_however_it_is_cut(count: int) -> None:
    text = (LETTERS * count).encode()
    data = server_frame(TEXT, b"[1]") + server_frame(TEXT, text)
    seen = see([data * 2])
    assert seen == ([b"[1]", text] * 2, [], None, None)
    assert kinds(seen) == [bytes] * 4
    places = range(len(data)) if count == 1 else range(0, len(data), 997)
    for place in places:
        assert see([data[:place], data[place:] + data]) == seen


def test_character_may_be_parted_by_fragments() -> None:
    text = LETTERS.encode()
    for place in range(len(text) + 1):
        data = (
            server_frame(TEXT, text[:place], final=False)
            + server_frame(PING, b"\xff")
            + server_frame(CONTINUATION, text[place:])
        )
        expected = Seen([text], [Control(PING, b"\xff")], None, None)
        assert see([data]) == expected
        assert see([bytes([byte]) for byte in data]) == expected


def test_half_a_character_does_not_continue_in_the_next_message() -> None:
    data = server_frame(TEXT, "é".encode(), final=False)[:-1]
    assert see([data]).violation is None
    message = server_frame(TEXT, b"\xc3", final=False) + server_frame(CONTINUATION)
    seen = see([message + server_frame(TEXT, b"\xa9")])
    assert seen == ([], [], None, CloseCode.BAD_DATA)


def test_binary_message_after_fragments_of_text_may_be_any_bytes() -> None:
    text = server_frame(TEXT, b"[", final=False) + server_frame(CONTINUATION, b"]")
    expected = Seen([b"[]", b"\xff\xfe"], [], None, None)
    data = text + server_frame(BINARY, b"\xff\xfe")
    assert see([bytes([byte]) for byte in data]) == expected


def test_what_comes_after_wrong_text_does_not_count() -> None:
    wrong = server_frame(TEXT, b"[1]") + server_frame(TEXT, b"\xff")
    after = (
        server_frame(TEXT, b"[2]")
        + server_frame(PING, b"p")
        + server_frame(BINARY, b"b")
        + close(1000)
    )
    expected = Seen([b"[1]"], [], None, CloseCode.BAD_DATA)
    assert see([wrong + after]) == expected
    assert see([wrong, after]) == expected
    # The first mistake counts.
    assert see([wrong + b"\xff\xff"]) == expected


def test_wrong_text_after_other_frames_leaves_what_came_before() -> None:
    data = (
        server_frame(TEXT, "é".encode())
        + server_frame(PING, b"p")
        + server_frame(BINARY, b"\xff")
        + server_frame(TEXT, "ü".encode())
        + server_frame(TEXT, b"\xfc")
    )
    expected = Seen(
        ["é".encode(), b"\xff", "ü".encode()],
        [Control(PING, b"p")],
        None,
        CloseCode.BAD_DATA,
    )
    assert see([data]) == expected
    assert see([bytes([byte]) for byte in data]) == expected


# Bytes up to the first one with which the text cannot become right any more.
WRONG = {
    "continuation byte": b"a\x80",
    "first byte of nothing": b"a\xff",
    "overlong, two bytes": b"a\xc0",
    "overlong, three bytes": b"a\xe0\x9f",
    "overlong, four bytes": b"a\xf0\x8f",
    "first surrogate": b"a\xed\xa0",
    "last surrogate": b"a\xed\xbf",
    "beyond the last character": b"a\xf4\x90",
    "far beyond": b"a\xf5",
    "letter in a character": b"a\xe2\x82a",
    "character in a character": b"a\xf0\x9f\x98\xc3",
}


@pytest.mark.parametrize("rest", [10, 1000, 100_000])
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_wrong_text_is_refused_with_its_first_wrong_byte(
    wrong: bytes, rest: int
) -> None:
    whole = server_frame(TEXT, wrong + payload(rest))
    here = len(whole) - rest
    assert see([whole[: here - 1]]).violation is None
    assert see([whole[:here]]) == ([], [], None, CloseCode.BAD_DATA)
    assert see([whole[: here - 1], whole[here - 1 : here]]).violation == 1007


@pytest.mark.parametrize("place", [0, 1, -1])
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_invalid_text_in_fragments_is_refused_at_its_first_byte(
    wrong: bytes, place: int
) -> None:
    begin = server_frame(TEXT, wrong[:place], final=False)
    whole = server_frame(CONTINUATION, wrong[place:] + payload(1000), final=False)
    here = len(whole) - 1000
    assert see([begin, whole[: here - 1]]).violation is None
    assert see([begin + whole[:here]]) == ([], [], None, CloseCode.BAD_DATA)
    assert see([begin, whole[: here - 1], whole[here - 1 : here]]).violation == 1007
    # The same in a frame of its own, and the message goes on.
    short = server_frame(CONTINUATION, wrong[place:], final=False)
    assert see([begin + short]).violation is CloseCode.BAD_DATA


@pytest.mark.parametrize("size", [0, 1, 125])
def test_ping_of_up_to_125_bytes_is_taken(size: int) -> None:
    assert see([server_frame(PING, payload(size))]).controls == [
        Control(PING, payload(size))
    ]


@pytest.mark.parametrize(
    "data, code, reason",
    [
        (server_frame(CLOSE), 1005, ""),
        (close(1000), 1000, ""),
        (close(1001, b"going away"), 1001, "going away"),
        (close(1012, "später".encode()), 1012, "später"),
        (close(4000, b"x" * 123), 4000, "x" * 123),
    ],
    ids=["empty", "1000", "reason", "utf-8", "long reason"],
)
def test_close_has_a_code_and_a_reason(data: bytes, code: int, reason: str) -> None:
    assert see([data]).close == Close(code, reason)


@pytest.mark.parametrize(
    "code",
    [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999],
)
def test_r04_code_that_may_be_sent_is_taken(code: int) -> None:
    assert see([close(code)]) == ([], [], Close(code, ""), None)


@pytest.mark.parametrize(
    "code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535]
)
def test_code_that_must_not_be_sent_is_a_violation(code: int) -> None:
    assert see([close(code)]) == ([], [], None, CloseCode.PROTOCOL_ERROR)


def test_what_comes_after_close_is_ignored() -> None:
    late = server_frame(TEXT, b"late") + server_frame(PING)
    expected = Seen([b"before"], [], Close(1000, ""), None)
    data = server_frame(TEXT, b"before") + close(1000)
    assert see([data + late]) == expected
    assert see([data, late]) == expected
    assert see([data, b"\xff" * 100]) == expected


BEFORE = server_frame(TEXT, b"[1]") + server_frame(PING, b"p")

OPENED = server_frame(TEXT, b"[", final=False)

PROTOCOL, TOO_BIG = CloseCode.PROTOCOL_ERROR, CloseCode.TOO_BIG

BAD_DATA = CloseCode.BAD_DATA

VIOLATIONS = {
    "masked": (b"\x81\x83abcd[5]", PROTOCOL),
    "masked, 126": (b"\x81\xfe", PROTOCOL),
    "masked, empty": (b"\x81\x80abcd", PROTOCOL),
    "masked ping": (b"\x89\x80abcd", PROTOCOL),
    "first reserved bit": (b"\xc1\x03[5]", PROTOCOL),
    "second reserved bit": (b"\xa1\x03[5]", PROTOCOL),
    "third reserved bit": (b"\x91\x03[5]", PROTOCOL),
    "reserved bit of a ping": (b"\x99\x00", PROTOCOL),
    **{
        f"opcode {opcode:#x}": (bytes([0x80 | opcode, 0]), PROTOCOL)
        for opcode in [*range(3, 8), *range(0xB, 0x10)]
    },
    "long ping": (server_frame(PING, b"x" * 126), PROTOCOL),
    "very long ping": (server_frame(PING, b"x" * 70_000)[:99], PROTOCOL),
    "long close": (server_frame(CLOSE, b"\x03\xe8" + b"x" * 124), PROTOCOL),
    "fragmented ping": (server_frame(PING, final=False), PROTOCOL),
    "fragmented close": (server_frame(CLOSE, final=False), PROTOCOL),
    "continuation of nothing": (server_frame(CONTINUATION, b"]"), PROTOCOL),
    "open continuation of nothing": (
        server_frame(CONTINUATION, b"]", final=False),
        PROTOCOL,
    ),
    "continuation after the end": (
        OPENED + server_frame(CONTINUATION, b"]") + server_frame(CONTINUATION, b"]"),
        PROTOCOL,
    ),
    "text inside of fragments": (OPENED + server_frame(TEXT, b"[5]"), PROTOCOL),
    "long text inside of fragments": (
        OPENED + server_frame(TEXT, payload(300)),
        PROTOCOL,
    ),
    "binary inside of fragments": (OPENED + server_frame(BINARY, b"[5]"), PROTOCOL),
    "beginning inside of fragments": (OPENED + OPENED, PROTOCOL),
    "length with the highest bit": (b"\x81\x7f\x80" + bytes(7), PROTOCOL),
    "too big": (server_frame(TEXT, payload(1001)), TOO_BIG),
    "too big, binary": (server_frame(BINARY, payload(1001)), TOO_BIG),
    "too big, 64 bits": (b"\x81\x7f\x7f" + b"\xff" * 7, TOO_BIG),
    "too big, in fragments": (
        server_frame(TEXT, payload(600), final=False)
        + server_frame(CONTINUATION, payload(401)),
        TOO_BIG,
    ),
    "close of one byte": (server_frame(CLOSE, b"\x03"), PROTOCOL),
    "close with code 1005": (close(1005), PROTOCOL),
    "close with code 1006": (close(1006), PROTOCOL),
    "reason that is no text": (close(1000, b"\xff"), BAD_DATA),
    "reason that ends in a letter": (close(1000, "ä".encode()[:1]), BAD_DATA),
    "text that is none": (server_frame(TEXT, b"\xff\xfe"), BAD_DATA),
    "text that ends in a letter": (server_frame(TEXT, b"[1,\xc3"), BAD_DATA),
    "long text that is none": (server_frame(TEXT, payload(600) + b"\xff"), BAD_DATA),
    "fragment that is no text": (
        OPENED + server_frame(CONTINUATION, b"\xff"),
        BAD_DATA,
    ),
    "fragments that end in a letter": (
        OPENED + server_frame(CONTINUATION, b"\xc3"),
        BAD_DATA,
    ),
    "letter that is parted by a beginning": (
        server_frame(TEXT, b"\xc3", final=False) + server_frame(TEXT, b"\xa9"),
        PROTOCOL,
    ),
}

ALL_VIOLATIONS = pytest.mark.parametrize(
    "data, code", VIOLATIONS.values(), ids=VIOLATIONS
)


@ALL_VIOLATIONS
def test_violation_is_found_and_messages_before_it_are_returned(
    data: bytes, code: CloseCode
) -> None:
    seen = see([BEFORE + data + server_frame(TEXT, b"after")], max_size=1000)
    assert seen.messages[0] == b"[1]"
    assert b"after" not in seen.messages
    assert seen.controls == [Control(PING, b"p")]
    assert seen.close is None
    assert seen.violation is code


@ALL_VIOLATIONS
def test_violation_is_found_wherever_the_stream_is_cut(
    data: bytes, code: CloseCode
) -> None:
    stream = BEFORE + data + server_frame(TEXT, b"after")
    whole = see([stream], max_size=1000)
    assert whole.violation is code
    for place in range(len(stream) + 1):
        assert see([stream[:place], stream[place:]], max_size=1000) == whole
    assert see([bytes([byte]) for byte in stream], max_size=1000) == whole


@pytest.mark.parametrize(
    "name",
    [
        "masked, 126",
        "first reserved bit",
        "opcode 0x3",
        "long ping",
        "fragmented ping",
        "continuation of nothing",
    ],
)
def test_violation_is_found_before_the_payload_has_come(name: str) -> None:
    data, code = VIOLATIONS[name]
    assert see([data[:2]]).violation is code


def test_message_that_is_too_big_is_refused_by_its_header() -> None:
    header = server_frame(TEXT, payload(70_000))[:10]
    assert see([header], max_size=69_999).violation is TOO_BIG
    assert see([header], max_size=70_000).violation is None


@pytest.mark.parametrize("size", [126, 1000, 65_535, 65_536])
def test_longest_message_is_the_one_that_was_allowed(size: int) -> None:
    fits = server_frame(TEXT, payload(size))
    assert see([fits], max_size=size).messages == [payload(size)]
    assert see([fits], max_size=size - 1).violation is TOO_BIG


def test_size_of_fragments_is_counted_for_each_message() -> None:
    message = server_frame(TEXT, payload(600), final=False) + server_frame(
        CONTINUATION, payload(400)
    )
    assert (
        see([message * 3], max_size=1000).messages == [payload(600) + payload(400)] * 3
    )


@pytest.mark.parametrize("size", [1, 4, 125])
@pytest.mark.parametrize("length_bytes", [0, 2, 8])
def test_even_a_short_message_may_be_too_big(size: int, length_bytes: int) -> None:
    data = server_frame(TEXT, payload(size), length_bytes=length_bytes)
    assert see([data], max_size=size).messages == [payload(size)]
    assert see([data], max_size=size - 1).violation is TOO_BIG


def test_violation_is_a_bfx_error_with_a_close_code() -> None:
    error = ProtocolViolation("unknown opcode 0x3")
    assert isinstance(error, BfxError)
    assert (str(error), error.code) == ("unknown opcode 0x3", CloseCode.PROTOCOL_ERROR)


# Messages, in fragments or whole, with control frames in any place and perhaps a close. A text
# may be wrong; nothing after it counts.
BODIES = st.one_of(
    st.sampled_from(SIZES).map(payload),
    st.integers(0, 70_000).map(payload),
)
TEXTS = st.one_of(
    st.text(max_size=10).map(str.encode),
    st.text(st.sampled_from(LETTERS), max_size=10).map(str.encode),
    BODIES,
)
BYTES = st.one_of(
    st.binary(max_size=20),
    st.lists(st.sampled_from([*WRONG.values(), *map(str.encode, LETTERS)])).map(
        b"".join
    ),
)
CONTROLS = st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125))


def may_become_text(data: bytes) -> bool:
    """Try every end that a character can have."""
    for size in range(4):
        for end in product(b"\x80\x8f\x90\x9f\xa0\xbf", repeat=size):
            try:
                (data + bytes(end)).decode()
            except UnicodeDecodeError as exc:
                if exc.start < len(data) - 3:
                    return False
            else:
                return True
    return False


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@st.composite
def streams(draw: Any) -> "tuple[bytes, Seen]":
    data = bytearray()
    expected = Seen([], [], None, None)

    def maybe_controls() -> None:
        for opcode, body in draw(st.lists(CONTROLS, max_size=2)):
            data.extend(server_frame(opcode, body))
            if expected.violation is None:
                expected.controls.append(Control(opcode, body))

    for _ in range(draw(st.integers(0, 6))):
        maybe_controls()
        opcode = draw(st.sampled_from([TEXT, TEXT, TEXT, BINARY]))
        is_binary = opcode is BINARY
        body = draw(st.one_of(TEXTS, TEXTS, BYTES))
        fragments = draw(cuts(body)) if draw(st.booleans()) else [body]
        taken = b""
        for index, fragment in enumerate(fragments):
            final = index == len(fragments) - 1
            taken += fragment
            if not (is_binary or (is_text if final else may_become_text)(taken)):
                expected = expected._replace(violation=BAD_DATA)
            length_bytes = draw(st.sampled_from([0, 0, 0, 8]))
            data.extend(
                server_frame(opcode, fragment, final=final, length_bytes=length_bytes)
            )
            opcode = CONTINUATION
            if not final:
                maybe_controls()
        if expected.violation is None:
            expected.messages.append(Binary(body) if is_binary else body)
    end = draw(st.none() | st.sampled_from([1000, 1001, 1012, 4000]))
    if end is not None:
        data.extend(close(end, b"reason") + draw(st.binary(max_size=20)))
        if expected.violation is None:
            expected = expected._replace(close=Close(end, "reason"))
    return bytes(data), expected


@given(streams(), st.data())
def test_messages_are_the_same_however_the_stream_is_cut(
    stream: Any, data: st.DataObject
) -> None:
    octets, expected = stream
    for seen in (see([octets]), see(data.draw(cuts(octets)))):
        assert seen == expected
        assert kinds(seen) == kinds(expected)


@given(st.lists(st.text(max_size=150).map(str.encode), max_size=4))
def test_messages_are_the_same_byte_by_byte(bodies: List[bytes]) -> None:
    octets = b"".join(server_frame(TEXT, body) for body in bodies)
    assert see([bytes([byte]) for byte in octets]).messages == bodies


def test_frame_is_complete_with_its_last_byte_wherever_cut() -> None:
    frames = [
        server_frame(PING),
        server_frame(TEXT, b"[5]"),
        server_frame(PONG, b"1"),
        server_frame(TEXT),
        server_frame(BINARY, payload(126)),
        server_frame(PING),
    ]
    octets = b"".join(frames)
    ends = list(accumulate(map(len, frames)))
    for first in range(len(octets)):
        for second in range(first, min(first + 8, len(octets)) + 1):
            seen = see([octets[:first], octets[first:second]])
            count = sum(end <= second for end in ends)
            assert len(seen.messages) + len(seen.controls) == count


@given(st.binary(max_size=60), st.data())
def test_r14_any_bytes_give_the_same_however_they_are_cut(
    octets: bytes, data: st.DataObject
) -> None:
    assert see(data.draw(cuts(octets)), 50) == see([octets], 50)
