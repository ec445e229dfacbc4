"""Text that hides itself, and errors without frames."""

from __future__ import annotations

import enum
import json
import traceback
from types import MappingProxyType
from typing import Any

import numpy
import pytest

from bfxsync._base.hidden import (
    Hidden,
    HiddenBytes,
    hidden_in,
    hide,
    hide_private,
    without_frames,
)

SECRET = "sentinel-4d1b"


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        SECRET.encode(),
        {"method": "otp", "token": SECRET},
        [SECRET, {"a": (SECRET, 5)}],
        5,
        MappingProxyType({"code": 123456}),
        None,
        2.5,
    ],
    ids=repr,
)
def test_hidden_is_equal_and_not_shown(value: Any) -> None:
    assert hide(value) == value
    told = repr(hide(value)) + f"{hide(value)!r}"
    assert SECRET not in told and "123456" not in told


def test_hidden_text_is_still_text() -> None:
    assert Hidden("a") + "b" == "ab" and {Hidden("a"): 1}["a"] == 1
    assert HiddenBytes(b"a").decode() == "a" and isinstance(hide("a"), str)


class Code(str, enum.Enum):
    OTP = SECRET


class Pin(int):
    def __repr__(self) -> str:
        return "123456"


@pytest.mark.parametrize(
    "value, sent",
    [
        (Code.OTP, SECRET),
        (numpy.str_(SECRET), SECRET),
        (Pin(123456), "123456"),
        (numpy.int64(123456), "123456"),
    ],
    ids=["enum", "str", "Pin", "int64"],
)
def test_values_of_other_classes_are_hidden_too(value: Any, sent: str) -> None:
    hidden = hide({"token": value})
    assert SECRET not in repr(hidden) and "123456" not in repr(hidden)
    assert list(hidden_in(hidden)) == [sent]


def test_private_fields_of_a_body_are_hidden_and_sent_as_they_are() -> None:
    body = {"amount": "1", "tfaToken": {"method": "otp", "token": 123456}, "token": "t"}
    hidden = hide_private(body)
    assert hidden == body and json.loads(json.dumps(hidden)) == body
    assert repr(hidden["amount"]) == "'1'"
    for secret in ("123456", "otp", "'t'"):
        assert secret not in repr(hidden)
    assert list(hidden_in(hidden)) == ["otp", "123456", "t"]
    assert list(hidden_in([(hidden,), 5, "plain"])) == ["otp", "123456", "t"]
    assert hide_private(None) is None and hide_private("text") == "text"


def failing(password: str) -> None:
    try:
        raise OSError(password and "inner\x1b")
    except OSError as exc:
        raise ValueError("outer\n") from exc


def test_error_without_frames_keeps_its_causes() -> None:
    with pytest.raises(ValueError) as caught:
        failing(SECRET)
    exc = caught.value
    exc.__cause__.__cause__ = exc  # type: ignore[union-attr]
    assert without_frames(exc) is exc and exc.__traceback__ is None
    told = traceback.TracebackException(
        type(exc), exc, exc.__traceback__, capture_locals=True
    )
    text = "".join(told.format())
    assert r"inner\x1b" in text and r"outer\n" in text and SECRET not in text
