"""The file of a journal: what may be missing, and what is damage."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bfxsync.errors import UsageError
from bfxsync.paper.journal_file import FORMAT, JournalFile

LINES = [{"text": "one"}, {"text": "tw\udc80o\n"}, {"numbers": [2**70, 0.1, None]}]


def write(path: Path, lines: list[Any]) -> None:
    file = JournalFile(str(path))
    assert list(file.read()) == []
    for line in lines:
        file.write(line)
    file.close()


def read(path: Path) -> list[Any]:
    file = JournalFile(str(path))
    try:
        found = list(file.read())
    finally:
        file.close()
    for line in found:
        del line["line"], line["crc32"]
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.jsonl"
    write(path, LINES)
    return path


def test_lines_come_back_as_they_were(path: Path) -> None:
    assert read(path) == read(path) == LINES
    assert [json.loads(text)["line"] for text in path.read_text().splitlines()] == [
        1,
        2,
        3,
        4,
    ]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_last_line_that_was_cut_off_is_removed(path: Path) -> None:
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for size in range(last, len(whole)):
        path.write_bytes(whole[:size])
        assert read(path) == LINES[:-1]
        assert path.read_bytes() == whole[:last]
    file = JournalFile(str(path))
    assert len(list(file.read())) == 2
    file.write({"text": "again"})
    file.close()
    assert read(path) == [*LINES[:-1], {"text": "again"}]


def test_a_first_line_that_was_cut_off_begins_anew(path: Path) -> None:
    first = path.read_bytes().partition(b"\n")[0]
    for size in range(len(first)):
        path.write_bytes(first[:size])
        assert read(path) == []
        assert path.read_bytes() == first + b"\n"


def test_any_changed_byte_is_an_error_and_nothing_is_written(path: Path) -> None:
    whole = path.read_bytes()
    for at in range(len(whole) - 1):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(UsageError, match="journal"):
            read(path)
        assert path.read_bytes() == damaged


@pytest.mark.parametrize("first, second", [(1, 1), (1, 3), (2, 1), (3, 2)])
def test_lines_that_are_missing_or_doubled_are_an_error(
    path: Path, first: int, second: int
) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[first], lines[second], b""]))
    with pytest.raises(UsageError, match="damaged in line"):
        read(path)


@pytest.mark.parametrize(
    "text", ["hello", "\n", '{"line":1}\n', "x" * 10**5, "\0\0\0\n"], ids=repr
)
def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other"
    path.write_text(text)
    with pytest.raises(UsageError, match="not a journal"):
        read(path)
    assert path.read_text() == text


@pytest.mark.parametrize("size", [1, 10, 3_000_000])
def test_the_time_of_the_last_whole_line_is_found(tmp_path: Path, size: int) -> None:
    path = tmp_path / "journal.jsonl"
    text = "x" * size
    write(path, [{"mts": 5, "text": text}, {"mts": 7, "text": text}])
    whole = path.read_bytes()
    for cut, mts in ((0, 7), (1, 5), (size, 5)):
        path.write_bytes(whole[: len(whole) - cut])
        file = JournalFile(str(path))
        assert file.last_mts() == mts
        assert [line["mts"] for line in file.read()] == [5, 7][: 1 + (not cut)]
        file.close()
    for content in (b"", b"hello\n", b"[]\n", b'{"mts":"7"}\n'):
        path.write_bytes(content)
        file = JournalFile(str(path))
        assert file.last_mts() == 0
        file.close()


def test_a_later_version_is_named(path: Path) -> None:
    path.unlink()
    file = JournalFile(str(path))
    file._append({"format": "bfxsync paper journal 9"})
    file.close()
    with pytest.raises(UsageError, match="journal 9"):
        read(path)
    assert FORMAT != "bfxsync paper journal 9"


def test_only_one_exchange_writes(path: Path) -> None:
    pytest.importorskip("fcntl")
    file = JournalFile(str(path))
    with pytest.raises(UsageError, match="in use"):
        JournalFile(str(path))
    file.close()
    assert read(path) == LINES


def test_what_cannot_be_opened_says_so(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "file", Path("a\0b")):
        with pytest.raises(UsageError, match="cannot be opened"):
            JournalFile(str(path))


def test_nothing_follows_a_line_that_was_not_written(path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    file = JournalFile(str(path))
    assert list(file.read())
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, file._file.fileno())
    os.close(full)
    with pytest.raises(OSError):
        file.write({"text": "lost"})
    with pytest.raises(ValueError):
        file.write({"text": "after"})
    assert read(path) == LINES
