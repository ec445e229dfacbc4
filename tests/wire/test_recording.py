from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.errors import RemoteError, UsageError
from bfxsync.recording import format
from bfxsync.recording.format import (
    CLIENT,
    SERVER,
    VERSION,
    Lost,
    Missing,
    Opened,
    Received,
    Record,
    Sent,
    header,
    line_of,
    read_line,
    received_lines,
)
from bfxsync.recording.secrets import REDACTED, redact

TIMES = st.floats(0, 4e9).map(lambda at: round(at, 6))
NUMBERS = st.integers(1, 99)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))

RECORDS = st.one_of(
    st.builds(Opened, NUMBERS, TIMES, TEXTS),
    st.builds(Received, NUMBERS, TIMES, st.binary()),
    st.builds(Sent, NUMBERS, TIMES, TEXTS.filter(lambda text: redact(text) == text)),
    st.builds(Lost, NUMBERS, TIMES, st.integers(1000, 4999), TEXTS),
    st.builds(Missing, NUMBERS, TIMES, st.integers(1, 2**53)),
)


@given(RECORDS)
def test_whatever_is_written_is_read_again(record: Record) -> None:
    line = line_of(record)
    assert line.endswith("\n") and "\n" not in line[:-1]
    assert line.isascii()
    assert read_line(line.encode()) == record


@given(NUMBERS, TIMES, st.lists(st.binary()))
def test_a_block_has_one_line_for_each_message(
    number: int, at: float, messages: list[bytes]
) -> None:
    lines = received_lines(number, at, messages).splitlines()
    assert [read_line(line.encode()) for line in lines] == [
        Received(number, at, message) for message in messages
    ]


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (
            Opened(1, 1.5, "wss://host/ws/2"),
            {"t": 1.5, "conn": 1, "open": "wss://host/ws/2"},
        ),
        (
            Received(2, 1.25, b'[1,"hb"]'),
            {"t": 1.25, "conn": 2, "dir": SERVER, "frame": '[1,"hb"]'},
        ),
        (
            Sent(1, 2.5, '{"event":"ping"}'),
            {"t": 2.5, "conn": 1, "dir": CLIENT, "frame": '{"event":"ping"}'},
        ),
        (
            Lost(1, 3.5, 1006, "no more"),
            {"t": 3.5, "conn": 1, "lost": 1006, "reason": "no more"},
        ),
        (
            Lost(1, 3.5, 1000, ""),
            {"t": 3.5, "conn": 1, "lost": 1000, "reason": ""},
        ),
        (
            Lost(1, 3.5, 4000, "bye", True),
            {"t": 3.5, "conn": 1, "lost": 4000, "reason": "bye", "farewell": True},
        ),
        (Missing(3, 4.5, 12), {"t": 4.5, "conn": 3, "missing": 12}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_form_of_each_line(record: Record, line: dict[str, Any]) -> None:
    assert json.loads(line_of(record)) == line


def test_digits_stay_as_they_were_sent() -> None:
    message = b"[1,[0.1,1e-7,10.0,31.415926535897932384626,0.30000000000000004]]"
    record = read_line(received_lines(1, 1.0, [message]).encode())
    assert isinstance(record, Received) and record.message == message


def test_the_header_names_its_program_and_is_no_record() -> None:
    line = header(1.5, "0.1.0")
    assert json.loads(line) == {
        "format": "bfxsync recording",
        "version": 1,
        "bfxsync": "0.1.0",
        "t": 1.5,
    }
    assert read_line(line.encode()) is None


@pytest.mark.parametrize("version", [VERSION + 1, None, "1", True, 1.0])
def test_a_recording_of_a_later_version_is_refused(version: object) -> None:
    line = json.dumps({"format": "bfxsync recording", "version": version})
    with pytest.raises(UsageError, match="has version .*; this bfxsync reads 1"):
        read_line(line.encode())


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ('{"t":1,"frame":"[]"}', Received(1, 1.0, b"[]")),
        ('{"t":1,"frame":"[]","kind":"x","source":"y"}', Received(1, 1.0, b"[]")),
        ('{"t":1,"dir":"client->server","frame":"{}"}', Sent(1, 1.0, "{}")),
        ('{"t":1,"lost":1006}', Lost(1, 1.0, 1006, "")),
        ('{"t":1,"lost":1000}', Lost(1, 1.0, 1000, "", True)),
        ('{"t":1,"lost":4000,"farewell":true}', Lost(1, 1.0, 4000, "", True)),
        ('{"source":"somebody","channels":{}}', None),
        ("{}", None),
    ],
)
def test_lines_of_other_programs_are_read_too(line: str, record: Record | None) -> None:
    assert read_line(line.encode()) == record


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "1",
        '{"t":1,"frame":"[]"',
        '{"frame":"[]"}',
        '{"t":"1","frame":"[]"}',
        '{"t":true,"frame":"[]"}',
        '{"t":NaN,"frame":"[]"}',
        '{"t":1e999,"frame":"[]"}',
        '{"t":' + "9" * 400 + ',"frame":"[]"}',
        '{"t":1700000000000,"frame":"[]"}',
        '{"t":-1,"frame":"[]"}',
        '{"t":1,"frame":[]}',
        '{"t":1,"frame":"\\ud800"}',
        '{"t":1,"dir":"client->server","frame":"\\ud800"}',
        '{"t":1,"dir":"client->server","frame":"\\udc80"}',
        '{"t":1,"conn":"1","frame":"[]"}',
        '{"t":1,"conn":1.0,"frame":"[]"}',
        '{"t":1,"open":1}',
        '{"t":1,"lost":"1006"}',
        '{"t":1,"lost":1006,"reason":1}',
        '{"t":1,"missing":null}',
    ],
)
def test_a_line_that_cannot_be_read_is_a_remote_error(line: str) -> None:
    with pytest.raises(RemoteError):
        read_line(line.encode())


@given(st.binary())
def test_no_line_raises_anything_else(line: bytes) -> None:
    try:
        read_line(line)
    except RemoteError:
        pass


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [(1000, "", True), (1000, "enough", False), (1006, "", False)],
)
def test_a_client_closes_with_1000_and_no_reason(
    code: int, reason: str, expected: bool
) -> None:
    assert Lost(1, 1.0, code, reason).is_farewell is expected


AUTH = {
    "event": "auth",
    "apiKey": "key-sentinel",
    "apiSecret": "secret-sentinel",
    "authSig": "sig-sentinel",
    "authPayload": "AUTH-sentinel",
    "authNonce": "1789-sentinel",
    "token": "token-sentinel",
    "dms": 4,
    "filter": ["trading"],
}


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\n", " :\t")])
def test_r15_what_is_secret_in_an_authentication_is_left_out(
    separators: tuple[str, str],
) -> None:
    text = redact(json.dumps(AUTH, separators=separators))
    assert "sentinel" not in text
    kept = {"event": "auth", "dms": 4, "filter": ["trading"]}
    hidden = dict.fromkeys(AUTH.keys() - kept.keys(), REDACTED)
    assert json.loads(text) == {**hidden, **kept}


@pytest.mark.parametrize("nonce", [1789000000000000, -1, 1.5e300, None, True])
def test_r15_a_secret_need_not_be_text(nonce: object) -> None:
    text = redact(json.dumps({"authNonce": nonce, "dms": 4}))
    assert json.loads(text) == {"authNonce": REDACTED, "dms": 4}


@given(st.text(), st.sampled_from(["apiKey", "authSig", "token"]), st.booleans())
def test_r15_no_secret_breaks_out_of_its_quotes(
    secret: str, name: str, ascii: bool
) -> None:
    text = json.dumps({name: secret, "dms": 4}, ensure_ascii=ascii)
    assert json.loads(redact(text)) == {name: REDACTED, "dms": 4}


@pytest.mark.parametrize(
    "text",
    [
        '{"event":"auth","apiKey":"sentinel',
        '{"event":"auth","apiKey":"sentinel\\',
        '{"apiKey":sentinel',
        'garbage "token" : "sentinel" garbage',
    ],
)
def test_r15_secrets_are_removed_from_invalid_json_too(text: str) -> None:
    assert "sentinel" not in redact(text)


def test_r15_an_answer_that_repeats_a_secret_is_recorded_without_it() -> None:
    answer = json.dumps({**AUTH, "status": "FAILED"}).encode()
    for messages in ([answer], [b"  " + answer], [b"\xff" + answer]):
        assert "sentinel" not in received_lines(1, 1.0, messages)
    assert "sentinel" not in line_of(Received(1, 1.0, answer))
    assert "sentinel" not in line_of(Sent(1, 1.0, json.dumps(AUTH)))


@pytest.mark.parametrize(
    "text",
    [
        '{"event":"subscribe","channel":"ticker","symbol":"tBTCUSD","subId":1}',
        '[0,"on",null,{"type":"EXCHANGE LIMIT","amount":"0.1"}]',
        '{"event":"info","msg":"a token is no secret here"}',
        "",
    ],
)
def test_all_else_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_times_have_microseconds() -> None:
    assert '"t":1.123457,' in line_of(Opened(1, 1.123456789, "wss://host"))
    assert '"t":1.123457,' in received_lines(1, 1.123456789, [b"[]"])


@pytest.mark.parametrize(
    "line", [b"[%s1]" % (b"1," * 1_000), b'{"conn":"%s"}' % (b"x" * 2_000)]
)
def test_errors_hold_the_beginning_of_a_line(line: bytes) -> None:
    with pytest.raises(RemoteError) as caught:
        read_line(line)
    assert caught.value.raw == line[:1_000]


def test_times_end_with_the_year_9999() -> None:
    line = '{"t":%s,"conn":1,"missing":1}'
    assert read_line((line % "253402300799.5").encode()) is not None
    with pytest.raises(RemoteError):
        read_line((line % "253402300800").encode())


def test_a_message_may_have_the_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(format, "MAX_MESSAGE_SIZE", 4)
    line = '{"t":1,"conn":1,"frame":"%s"}'
    assert read_line((line % "1234").encode()) == Received(1, 1.0, b"1234")
    with pytest.raises(RemoteError, match="more than 4 bytes"):
        read_line((line % "12345").encode())
