"""The text of .env files: what a shell or an editor may leave there."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.auth.env_file import variables_in
from bfxsync.errors import UsageError

NAMES = ("KEY", "SECRET")


@pytest.mark.parametrize(
    "text, found",
    [
        ("", {}),
        ("KEY=a", {"KEY": "a"}),
        ("KEY=a\nSECRET=b\n", {"KEY": "a", "SECRET": "b"}),
        ("KEY=a\r\nSECRET=b\r\n", {"KEY": "a", "SECRET": "b"}),
        ("KEY=a\rSECRET=b", {"KEY": "a", "SECRET": "b"}),
        ("export KEY=a\n\texport  SECRET = b", {"KEY": "a", "SECRET": "b"}),
        ("# KEY=x\n  # SECRET=y\nKEY=a # of 'me'", {"KEY": "a"}),
        ("KEY=a#b", {"KEY": "a#b"}),
        ("KEY='a b#$c\\' # text", {"KEY": "a b#$c\\"}),
        ('KEY="a\\"b\\\\c" # "text"', {"KEY": 'a"b\\c'}),
        ("KEY='a'\nSECRET=\"b\"", {"KEY": "a", "SECRET": "b"}),
        ("KEY=\nSECRET=''", {}),
        ("KEY= # nothing", {}),
        ("NOKEY=x\nKEY_=y\nKEY.X=z\nkey=w", {}),
        ("KEY\nSECRET b\n=c\nif KEY", {}),
        # Other variables with values of several lines, good ones and not.
        ("PEM='-----\nKEY=x\n-----'\nKEY=a", {"KEY": "a"}),
        ('PEM="\nKEY=x\n"\nKEY=a', {"KEY": "a"}),
        ("OTHER='open\nKEY=a", {"KEY": "a"}),
        ("OTHER=$HOME\nOTHER=twice\nKEY=a", {"KEY": "a"}),
    ],
)
def test_values_are_read_as_a_shell_reads_them(text: str, found: object) -> None:
    assert variables_in(text, NAMES) == found


@pytest.mark.parametrize(
    "text, problem",
    [
        ("KEY=a\n\nKEY=a", "KEY is set twice, in lines 1 and 3"),
        ("PEM='a\nb'\nKEY=sentinel\nKEY=", "KEY is set twice, in lines 3 and 4"),
        ("KEY=$sentinel", "KEY in line 1 has a . or ` that a shell"),
        ("KEY=`sentinel`", "KEY in line 1 has a . or ` that a shell"),
        ('\nKEY="${sentinel}"', "KEY in line 2 has a . or ` that a shell"),
        ("KEY='sentinel", "KEY in line 1 has no closing quote"),
        ('KEY="sentinel" more', "KEY in line 1 has no closing quote, or text after"),
        ("KEY='sentinel'more", "KEY in line 1 has no closing quote, or text after"),
    ],
)
def test_a_doubtful_line_is_named_without_its_value(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        variables_in(text, NAMES)
    report = traceback.TracebackException.from_exception(
        caught.value, capture_locals=True
    )
    # The frame of this test has it.
    frames = [frame for frame in report.stack if "bfxsync/" in frame.filename]
    assert frames and "sentinel" not in repr([frame.locals for frame in frames])
    assert "sentinel" not in str(caught.value)


def test_values_are_masked() -> None:
    assert repr(variables_in("KEY='a'\nSECRET=b", NAMES)) == (
        "{'KEY': '***', 'SECRET': '***'}"
    )


PLAIN = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


@given(PLAIN, PLAIN)
def test_quoted_values_survive_a_round_trip(key: str, secret: str) -> None:
    single = key.replace("'", "")
    double = secret.replace("$", "").replace("`", "")
    escaped = double.replace("\\", "\\\\").replace('"', '\\"')
    text = f"export KEY='{single}'\nSECRET=\"{escaped}\""
    expected = {"KEY": single, "SECRET": double}
    assert variables_in(text, NAMES) == {n: v for n, v in expected.items() if v}


@given(st.text(st.sampled_from("KEY=SRT\n\r '\"\\#$x\t"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = variables_in(text, NAMES)
    except UsageError:
        return
    assert set(found) <= set(NAMES) and all(found.values())
