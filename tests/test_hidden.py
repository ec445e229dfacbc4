"""Text that hides itself, and what a peer says on one harmless line."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.hidden import Hidden, HiddenBytes, hide, printable, without_frames

SECRET = "sentinel-4d1b"


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        SECRET.encode(),
        {"method": "otp", "token": SECRET},
        [SECRET, {"a": (SECRET, 5)}],
        None,
        5,
    ],
    ids=repr,
)
def test_hidden_is_equal_and_not_shown(value: Any) -> None:
    assert hide(value) == value
    assert SECRET not in repr(hide(value)) + f"{hide(value)!r}"


def test_hidden_text_is_still_text() -> None:
    assert Hidden("a") + "b" == "ab" and {Hidden("a"): 1}["a"] == 1
    assert HiddenBytes(b"a").decode() == "a" and isinstance(hide("a"), str)


@pytest.mark.parametrize(
    "text, told",
    [
        ("plain ünï → text", "plain ünï → text"),
        ("two\r\nlines", r"two\r\nlines"),
        ("\x1b[31mred\x1b[0m\x9b1m", r"\x1b[31mred\x1b[0m\x9b1m"),
        ("bell\x07 nul\x00 del\x7f", r"bell\x07 nul\x00 del\x7f"),
        ("\u2028\u202eevil\u2066", r"\u2028\u202eevil\u2066"),
        ("\udc80", r"\udc80"),
    ],
)
def test_what_is_printed_of_a_peers_text(text: str, told: str) -> None:
    assert printable(text) == told


@given(st.text())
def test_printed_text_is_one_line(text: str) -> None:
    told = printable(text)
    assert len(told.splitlines()) <= 1 and printable(told) == told
    told.encode()


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
