from __future__ import annotations

import json
from decimal import Decimal
from email.utils import formatdate
from typing import Any, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync._base.headers import retry_after_s
from bfxsync.errors import (
    ApiError,
    AuthError,
    BfxError,
    NetworkError,
    NonceTooSmall,
    NotReady,
    RateLimited,
    RemoteError,
    SubscriptionRejected,
)
from bfxsync.rest.http.response import HttpResponse, read_answer
from bfxsync.wire.codec import loads_for

NOW = 1_700_000_000.0

HTML = b"<html><head><title>502 Bad Gateway</title></head></html>"


def read(status: int, body: bytes, retry_after: Optional[str] = None) -> Any:
    return read_answer(HttpResponse(status, body, retry_after), loads_for(float), NOW)


def error_of(status: int, body: object, retry_after: Optional[str] = None) -> BfxError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(BfxError) as info:
        read(status, data, retry_after)
    assert info.value.http_status == status
    return info.value


@pytest.mark.parametrize(
    "value",
    [
        [86000, 12.5, None],
        [],
        {},
        [[]],
        ["errors", 1],
        [["error", 10020, "symbol: invalid"]],
        0,
        None,
        "error",
        {"error": None, "rows": []},
        {"message": "hello", "rows": []},
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("status", [200, 201])
def test_value_of_a_success_is_returned(status: int, value: Any) -> None:
    assert read(status, json.dumps(value).encode()) == value


def test_numbers_are_the_clients() -> None:
    value = read_answer(HttpResponse(200, b"[1.10, 2]"), loads_for(Decimal), NOW)
    assert value == [Decimal("1.10"), 2]
    assert [type(item) for item in value] == [Decimal, int]


CODES = [
    (10000, ApiError),
    (10001, ApiError),
    (10008, NotReady),
    (10020, ApiError),
    (10050, ApiError),
    (10100, AuthError),
    (10111, AuthError),
    (10112, AuthError),
    (10113, AuthError),
    (10114, NonceTooSmall),
    (10200, AuthError),
    (10300, SubscriptionRejected),
    (11000, NotReady),
    (11010, RateLimited),
    (20060, NotReady),
    (110202, ApiError),
]


@pytest.mark.parametrize("status", [200, 400, 500, 503])
@pytest.mark.parametrize("code, kind", CODES, ids=[str(code) for code, _ in CODES])
def test_r13_code_decides_whatever_the_status(
    status: int, code: int, kind: type[ApiError]
) -> None:
    raw = ["error", code, "any text"]
    error = error_of(status, raw)
    assert type(error) is kind
    assert isinstance(error, ApiError)
    assert (error.code, error.message, error.raw) == (code, "any text", raw)


@pytest.mark.parametrize(
    "raw, code, message",
    [
        (["error", None, "text"], None, "text"),
        (["error", "10020", "text"], 10020, "text"),
        (["error", "ERR_UNK", "text"], None, "text"),
        (["error", "ERR_UNK", None], None, "ERR_UNK"),
        (["error", "9" * 5000, "text"], None, "text"),
        (["error", True, "text"], None, "text"),
        (["error", 10.5, "text"], None, "text"),
        (["error", [], {}], None, "HTTP status 500"),
        (["error", 10020, {"a": 1}], 10020, "HTTP status 500"),
        (["error", 10020, ""], 10020, "HTTP status 500"),
        (["error", "", None], None, "HTTP status 500"),
        (["error", "1" * 19, "text"], int("1" * 19), "text"),
        (["error", "1" * 20, "text"], None, "text"),
        (["error", 10020], 10020, "HTTP status 500"),
        (["error"], None, "HTTP status 500"),
        (["error", 10020, "text", "more", "and more"], 10020, "text"),
        ({"message": "Unknown symbol"}, None, "Unknown symbol"),
        ({"error": "whatever"}, None, "whatever"),
        ({"error": 10020, "message": "text"}, 10020, "text"),
        ({"code": 10020, "error": "name"}, 10020, "name"),
        ({"error_description": "one", "message": "two", "error": "name"}, None, "one"),
        ({"message": "two", "error": "name"}, None, "two"),
        ({"error": {"code": 1}}, None, "HTTP status 500"),
        ({"status": "down"}, None, "HTTP status 500"),
        ({}, None, "HTTP status 500"),
        ([], None, "HTTP status 500"),
        (None, None, "HTTP status 500"),
        ("down", None, "HTTP status 500"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_r13_every_other_form_is_an_api_error(
    raw: Any, code: Optional[int], message: str
) -> None:
    error = error_of(500, raw)
    assert type(error) is ApiError
    assert (error.code, error.message, error.raw) == (code, message, raw)


@pytest.mark.parametrize(
    "raw",
    [
        ["error", None, "text"],
        {"error": "whatever"},
        {"message": "Unknown symbol"},
        {"code": 10020, "message": "Unknown symbol"},
        {"error": "whatever", "rows": []},
        {"error_description": "Unknown symbol"},
        {"code": 10020},
    ],
    ids=json.dumps,
)
def test_error_with_a_status_of_success_is_one_too(raw: Any) -> None:
    assert type(error_of(200, raw)) is ApiError


@pytest.mark.parametrize("status", [199, 300, 399, 400, 499, 501, 519, 528, 529, 531])
def test_value_of_another_status_is_an_error(status: int) -> None:
    error = error_of(status, [1, 2, 3])
    assert type(error) is ApiError
    assert (error.code, error.message) == (None, f"HTTP status {status}")


@pytest.mark.parametrize("status", [200, 299])
def test_value_of_every_success_is_returned(status: int) -> None:
    assert read(status, b"[1]") == [1]


@pytest.mark.parametrize(
    "status, body, code",
    [
        (429, ["error", 11010, "ratelimit: error"], 11010),
        (500, ["error", 11010, "ratelimit: error"], 11010),
        (200, ["error", "11010", "ratelimit: error"], 11010),
        (200, {"error": "ERR_RATE_LIMIT"}, 11010),
        (429, {"error": "ERR_RATE_LIMIT"}, 11010),
        (500, ["error", "ERR_RATE_LIMIT", "slow down"], 11010),
        (429, ["error", 10020, "text"], 10020),
        (429, {"message": "slow down"}, None),
        (429, [1, 2, 3], None),
        (429, HTML, None),
        (429, b"", None),
    ],
    ids=str,
)
def test_r13_rate_limit_in_any_form(
    status: int, body: Any, code: Optional[int]
) -> None:
    error = error_of(status, body)
    assert isinstance(error, RateLimited)
    assert error.code == code
    assert error.retry_after_s == 60.0


@pytest.mark.parametrize(
    "header, expected",
    [
        (None, 60.0),
        ("7", 7.0),
        ("1.5", 1.5),
        ("0", 1.0),
        ("-5", 1.0),
        ("1e12", 86_400.0),
        ("nan", 60.0),
        ("inf", 60.0),
        ("soon", 60.0),
        ("", 60.0),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        (formatdate(NOW + 30), 30.0),
        (formatdate(NOW - 30, usegmt=True), 1.0),
        ("Wed, 99 Abc 99999 99:99:99 GMT", 60.0),
    ],
)
def test_retry_after(header: Optional[str], expected: float) -> None:
    assert retry_after_s(header, None, NOW) == expected
    error = error_of(429, b"", header)
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == expected


@given(st.text())
def test_retry_after_is_always_a_sensible_wait(header: str) -> None:
    assert 1.0 <= retry_after_s(header, None, NOW) <= 86_400.0


@pytest.mark.parametrize("skew_s", [-7200, 0, 7200, 10**8])
def test_retry_after_counts_by_the_clock_of_its_answer(skew_s: int) -> None:
    theirs = formatdate(NOW + skew_s, usegmt=True)
    until = formatdate(NOW + skew_s + 30, usegmt=True)
    assert retry_after_s(until, theirs, NOW) == 30.0
    assert retry_after_s("7", theirs, NOW) == 7.0
    with pytest.raises(RateLimited) as caught:
        read_answer(HttpResponse(429, b"", until, theirs), loads_for(float), NOW)
    assert caught.value.retry_after_s == 30.0


def test_retry_after_counts_by_ours_without_a_good_date() -> None:
    until = formatdate(NOW + 30, usegmt=True)
    assert retry_after_s(until, "yesterday", NOW) == 30.0


UNAVAILABLE = {
    "code": 503,
    "error": "temporarily_unavailable",
    "error_description": "Sorry, the service is temporarily unavailable.",
}


@pytest.mark.parametrize("status", [200, 500, 503])
def test_temporarily_unavailable(status: int) -> None:
    error = error_of(status, UNAVAILABLE)
    assert isinstance(error, NotReady)
    assert error.code == 503
    assert error.message == UNAVAILABLE["error_description"]
    assert error.raw == UNAVAILABLE


@pytest.mark.parametrize(
    "status", [408, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530]
)
@pytest.mark.parametrize(
    "body", [HTML, b"", b'["error",', b"[]", b'["error",null,"text"]', b'{"a":1}']
)
def test_gateway_that_does_not_reach_the_exchange(status: int, body: bytes) -> None:
    error = error_of(status, body)
    assert isinstance(error, NotReady)
    assert error.retryable
    assert error.code is None


UNREADABLE = [HTML, b"", b"   ", b'["error",10020', b"[1,2", b"\xff\xfe", b"NaN"]


@pytest.mark.parametrize("body", UNREADABLE, ids=repr)
@pytest.mark.parametrize("status", [200, 204, 302, 500, 501])
def test_r13_unreadable_answer(status: int, body: bytes) -> None:
    error = error_of(status, body)
    assert type(error) is RemoteError
    assert error.raw == body
    assert str(status) in str(error)
    assert error.__cause__ is not None


@pytest.mark.parametrize("body", UNREADABLE, ids=repr)
@pytest.mark.parametrize("status", [400, 403, 404, 451, 499])
def test_r13_unreadable_refusal(status: int, body: bytes) -> None:
    error = error_of(status, body)
    assert type(error) is ApiError
    assert (error.code, error.raw) == (None, body)
    assert error.message == f"HTTP status {status}"


@pytest.mark.parametrize(
    "body, kind",
    [(b"", NetworkError), (b"[1,2", NetworkError), (b'{"a"', NetworkError)]
    + [(b"<html></html>", RemoteError), (b"\xff", RemoteError)],
)
def test_body_without_a_length_may_have_been_cut(
    body: bytes, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as info:
        read_answer(HttpResponse(200, body, has_length=False), loads_for(float), 0.0)
    assert getattr(info.value, "http_status") == 200


@pytest.mark.parametrize(
    "body, what", [(b"", "empty"), (HTML, "not JSON"), (b"[1", "not JSON")], ids=repr
)
def test_unreadable_answer_says_what_it_is(body: bytes, what: str) -> None:
    assert str(error_of(200, body)) == f"the response is {what} (HTTP status 200)"


@pytest.mark.parametrize(
    "status, is_redirect", [(299, False), (300, True), (399, True), (500, False)]
)
def test_location_counts_only_with_the_status_of_a_redirect(
    status: int, is_redirect: bool
) -> None:
    answer = HttpResponse(status, b"", location="/login")
    with pytest.raises(RemoteError) as info:
        read_answer(answer, loads_for(float), 0.0)
    shown = "a redirect to '/login', which is not followed"
    assert str(info.value).startswith(shown if is_redirect else "the response is empty")


def test_raw_of_an_unreadable_answer_is_its_beginning() -> None:
    error = error_of(200, b"<" + b"x" * 5000)
    assert isinstance(error, RemoteError)
    assert error.raw == b"<" + b"x" * 999


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just("error"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.integers(100, 599), JSON.map(json.dumps).map(str.encode) | st.binary())
def test_anything_is_a_value_or_one_of_our_errors(status: int, body: bytes) -> None:
    try:
        read(status, body)
    except (ApiError, RemoteError) as error:
        assert error.http_status == status
    else:
        assert 200 <= status < 300


@pytest.mark.parametrize(
    "location, shown",
    [
        ("https://elsewhere.example/v2/x", "'https://elsewhere.example/v2/x'"),
        ("/login?token=s3cret#s3cret", "'/login'"),
        ("https://me:s3cret@elsewhere.example/?s3cret", "'https://elsewhere.example/'"),
        ("https://[s3cret", "an invalid URL"),
        ("/a\x1b[31m", "'/a\\x1b[31m'"),
        ("/" + "a" * 300, f"'/{'a' * 199}'"),
    ],
)
def test_redirect_names_its_target_without_secrets(location: str, shown: str) -> None:
    with pytest.raises(RemoteError) as info:
        read_answer(HttpResponse(302, b"", location=location), loads_for(float), 0.0)
    assert f"a redirect to {shown}, which" in str(info.value)
    assert "s3cret" not in str(info.value)
    assert info.value.http_status == 302
