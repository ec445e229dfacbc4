"""Objects that do not want to be described."""

from __future__ import annotations

import sys
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync._base.describe import (
    also_half_made,
    elided_repr,
    error_text,
    has_printable_traceback,
    printable,
    raised_at,
    safe_repr,
    traceback_of,
    traceback_text,
    type_name,
    without_our_frames,
)


class Secretive(type):
    """A class that cannot be hashed, compared, printed or named."""

    def __hash__(cls):
        raise RuntimeError("hash")

    def __eq__(cls, other):
        raise RuntimeError("eq")

    def __repr__(cls):
        raise RuntimeError("repr of the class")

    def __getattribute__(cls, name):
        if name in ("__name__", "__qualname__", "__module__"):
            raise RuntimeError(name)
        return super().__getattribute__(name)


class Awkward(Exception, metaclass=Secretive):
    """An exception that answers nothing."""

    def fail(self, *_):
        raise RuntimeError("asked")

    __str__ = __repr__ = __bool__ = __hash__ = __eq__ = __len__ = fail
    __class__ = property(fail)
    __traceback__ = property(fail)


def raised(exc):
    try:
        raise exc
    except BaseException as caught:
        return caught


def test_an_exception_that_answers_nothing_is_described():
    exc = raised(Awkward())
    assert type_name(exc) == "Awkward"
    assert error_text(exc) == "Awkward: <str() raised an exception>"
    assert safe_repr(exc) == "<Awkward object>"
    file, line = raised_at(exc)
    assert file == __file__ and line == traceback_of(exc).tb_lineno
    text = traceback_text(exc)
    assert text.startswith("Traceback (most recent call last):\n")
    assert "raise exc" in text and text.endswith("Awkward: <str() raised an exception>")


@pytest.mark.parametrize("name", ["__bool__", "__len__"])
def test_a_traceback_that_cannot_be_printed_is_noticed(name):
    odd = raised(type("Odd", (Exception,), {name: Awkward.fail})())
    with pytest.raises(RuntimeError):
        traceback.format_exception(type(odd), odd, odd.__traceback__)
    assert not has_printable_traceback(odd)
    cause = ValueError("because of that")
    cause.__cause__ = odd
    assert not has_printable_traceback(cause), "nor those of what it has caused"
    assert has_printable_traceback(raised(ValueError("plain")))


def test_ordinary_exceptions_are_described_as_python_does():
    assert error_text(ValueError("wrong")) == "ValueError: wrong"
    assert error_text(ValueError()) == "ValueError"
    assert raised_at(ValueError()) == ("", 0)
    assert safe_repr("text") == "'text'"
    assert len(safe_repr("x" * 10_000)) == 200


def test_our_frames_are_taken_off_the_head_of_a_traceback():
    def user():
        library["call"](lambda: 1 / 0)

    library = {"__name__": "library.inside"}
    exec("def call(function):\n    function()\n", library)  # noqa: S102

    def frames(package, call):
        try:
            library["call"](call)
        except ArithmeticError as exc:
            without_our_frames(exc, package)
            return [row.name for row in traceback.extract_tb(exc.__traceback__)]

    assert frames("library", user)[0] == "frames", "the head is not the library's"
    try:
        exec("call(user)", {**library, "user": user})  # noqa: S102
    except ArithmeticError as exc:
        exc.with_traceback(exc.__traceback__.tb_next)
        without_our_frames(exc, "library")
        names = [row.name for row in traceback.extract_tb(exc.__traceback__)]
        assert names == ["user", "call", "<lambda>"], "only the head is taken off"


def test_a_traceback_that_is_all_ours_is_kept():
    exc = raised(ValueError())
    before = exc.__traceback__
    without_our_frames(exc, __name__)
    assert exc.__traceback__ is before
    without_our_frames(ValueError())


def test_a_half_made_object_has_a_repr():
    class Thing:
        def __init__(self):
            self.size = 1

        @also_half_made
        def __repr__(self):
            return f"<Thing of size {self.size}>"

    assert repr(Thing()) == "<Thing of size 1>"
    assert repr(Thing.__new__(Thing)) == "<Thing: not initialized>"
    assert sys.modules[Thing.__repr__.__module__] is sys.modules[__name__]


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
def test_what_is_printed_of_a_peers_text(text, told):
    assert printable(text) == told


@given(st.text())
def test_printed_text_is_one_line(text):
    told = printable(text)
    assert len(told.splitlines()) <= 1 and printable(told) == told
    told.encode()


def test_long_lists_are_shown_by_their_ends():
    assert elided_repr([1, 2, 3]) == "[1, 2, 3]"
    assert elided_repr(list(range(10))) == "[0, … 8 more …, 9]"
    assert elided_repr(tuple("abcde")) == "('a', … 3 more …, 'e')"
    assert elided_repr("no list") == "'no list'"
