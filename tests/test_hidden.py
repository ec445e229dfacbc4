"""Text that hides itself, and errors without frames."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from bfxsync.hidden import Hidden, HiddenBytes, hide, without_frames

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
