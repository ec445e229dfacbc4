"""Files of recordings: bounded to read, private, and continued wherever they end."""

from __future__ import annotations

import gzip
import os
import stat
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync import RemoteError, UsageError, replay
from bfxsync.paper.markets.captured import load
from bfxsync.recording.files import (
    MAX_BESIDE_TEXTS,
    MAX_LINE_SIZE,
    read_lines,
)
from bfxsync.recording.format import received_lines
from bfxsync.recording.output_file import open_for_recording
from bfxsync.recording.recorder import Recorder
from bfxsync.wire.websocket import MAX_MESSAGE_SIZE

HEADER = b'{"format":"bfxsync recording","version":1,"t":1}\n'
LINES = [HEADER] + [b'{"t":%d,"conn":1,"missing":1}\n' % n for n in range(1, 500)]
WHOLE = b"".join(LINES)

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")


def packed(*members: bytes) -> bytes:
    return b"".join(map(gzip.compress, members))


def read(path: Path) -> list[bytes]:
    return list(read_lines(str(path)))


@pytest.mark.parametrize(
    "content",
    [
        WHOLE,
        packed(WHOLE),
        packed(WHOLE[:50], WHOLE[50:60], b"", WHOLE[60:]),
        packed(WHOLE[:5_000]) + bytes(70_000) + packed(WHOLE[5_000:]),
        packed(WHOLE) + bytes(10),
    ],
    ids=["plain", "gzip", "members", "zeros between", "zeros behind"],
)
def test_a_file_is_read_line_by_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run"
    path.write_bytes(content)
    assert read(path) == LINES


def test_no_file_and_an_empty_one_have_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.touch()
    assert read(path) == []
    path.write_bytes(packed(b""))
    assert read(path) == []
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none")


@given(size=st.integers(2, len(packed(WHOLE)) - 1))
def test_gzip_that_was_cut_off_is_good_up_to_there(size: int) -> None:
    path = Path(os.environ["PYTEST_FOLDER"]) / "run"
    path.write_bytes(packed(WHOLE)[:size])
    found = []
    with pytest.raises(EOFError):
        for line in read_lines(str(path)):
            found.append(line)
    assert found == LINES[: len(found)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell it to tests that hypothesis runs many times."""
    monkeypatch.setenv("PYTEST_FOLDER", str(tmp_path))


def test_damaged_gzip_and_other_files_raise_different_errors(tmp_path: Path) -> None:
    path = tmp_path / "run"
    whole = packed(os.urandom(1_000))
    path.write_bytes(whole[:500] + b"x" * 10 + whole[510:])
    with pytest.raises(zlib.error):
        read(path)
    path.write_bytes(packed(WHOLE) + b"more")
    with pytest.raises(zlib.error):
        read(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match="neither gzipped nor JSON"):
        read(path)


@needs_pipes
@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, kind: str) -> None:
    path = {"pipe": tmp_path / "pipe", "folder": tmp_path, "device": Path("/dev/zero")}
    os.mkfifo(path["pipe"])
    for refuse in (replay, load):
        with pytest.raises(UsageError, match="not a regular file"):
            refuse(path[kind])
    for append in (False, True):
        with pytest.raises(UsageError, match="not a regular file"):
            Recorder(path[kind], append=append)


BOMB = """
import re, sys
from bfxsync import replay
from bfxsync.errors import BfxError
from bfxsync.paper.markets.captured import load

for read in (lambda: replay(sys.argv[1]).close(), lambda: load(sys.argv[1])):
    try:
        read()
    except BfxError as error:
        print(type(error).__name__, "a line has more than" in str(error), flush=True)
# Not that of `resource`, which begins with what the process had that started this one.
with open("/proc/self/status") as file:
    print(int(re.search("VmHWM: *([0-9]+) kB", file.read().replace("\\t", " ")).group(1)) // 1024)
"""


@pytest.mark.once
@pytest.mark.parametrize("piece", [b"0", b"[],"], ids=["text", "objects"])
def test_r09_a_line_without_end_takes_bounded_memory(
    tmp_path: Path, piece: bytes
) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux tells the peak of one process")
    path = tmp_path / "bomb.gz"
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    with open(path, "wb") as file:
        is_text = piece == b"0"
        file.write(packer.compress(HEADER + b'{"t":1,"frame":' + b'"['[not is_text :]))
        # Of objects as many as may stand in a line: each takes twenty times its size.
        for _ in range((2 * MAX_LINE_SIZE if is_text else MAX_LINE_SIZE // 2) // 2**20):
            file.write(packer.compress(piece * (2**20 // len(piece))))
        file.write(packer.compress(b"\n") + packer.flush())
    assert path.stat().st_size < 400_000
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    first, second, peak = done.stdout.splitlines()
    assert (first, second) == ("RemoteError True", "UsageError True")
    assert int(peak) < 300


def test_the_longest_message_can_be_read_again() -> None:
    for byte in (b"\0", b"\xff", b"a"):
        line = received_lines(10**6, 2e9, [byte * 1_000]).encode()
        beside = len(line) - len(line.partition(b'"frame":')[2])
        grown = (len(line) - beside) / 1_000
        assert beside + grown * MAX_MESSAGE_SIZE < MAX_LINE_SIZE


@pytest.mark.parametrize("char", ['"', "\\", '\\"', "x"])
def test_a_long_message_of_any_characters_can_be_read_again(
    tmp_path: Path, char: str
) -> None:
    line = received_lines(1, 1.0, [char.encode() * MAX_BESIDE_TEXTS]).encode()
    path = tmp_path / "run"
    path.write_bytes(line + line[:-1])
    assert read(path) == [line, line[:-1]]


@pytest.mark.once
@pytest.mark.parametrize("char", [b"[],", b'"",', b'"\\"",', b"0,"])
def test_a_long_line_must_be_mostly_text(tmp_path: Path, char: bytes) -> None:
    path = tmp_path / "run"
    for content in (b"[%s", b'{"frame":"x","a":[%s\n'):
        path.write_bytes(b"{}\n" + content % (char * (MAX_BESIDE_TEXTS // 2)))
        with pytest.raises(ValueError, match="outside its strings"):
            read(path)


def test_a_message_longer_than_any_of_the_wire_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run"
    text = "[" + "1," * (MAX_MESSAGE_SIZE // 2)
    path.write_text(
        HEADER.decode() + '{"t":1,"dir":"server->client","frame":"%s"}\n' % text
    )
    with pytest.raises(RemoteError, match="a message has more than"):
        replay(path)


# --- continuing -------------------------------------------------------------------------------


def continued(path: Path, more: bytes) -> list[bytes]:
    """Continue a recording with a line, and return the lines that it then has."""
    opened = open_for_recording(str(path), True)
    with opened.file as file:
        file.write(gzip.compress(more) if opened.is_gzip else more)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"\x1f\x8b") is opened.is_gzip
    assert os.listdir(path.parent) == [path.name]
    return read(path)


MORE = b'{"t":9,"conn":1,"missing":9}\n'


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize(
    "content, kept",
    [
        (b"", 0),
        (WHOLE, 500),
        (WHOLE[:-1], 500),
        (WHOLE[:-2], 499),
        (WHOLE + b'{"t":', 500),
        (HEADER, 1),
        (HEADER[:-1], 1),
    ],
    ids=["empty", "whole", "no-end", "cut", "begun", "header", "header-no-end"],
)
def test_a_recording_is_continued(
    tmp_path: Path, content: bytes, kept: int, is_packed: bool
) -> None:
    path = tmp_path / "run"
    path.write_bytes(packed(content) if is_packed else content)
    path.chmod(0o644)
    found = continued(path, MORE)
    assert found == [*LINES[:kept], MORE]
    assert continued(path, MORE) == [*LINES[:kept], MORE, MORE]


@given(size=st.integers(2, len(packed(WHOLE)) - 1))
def test_a_recording_that_was_cut_off_anywhere_is_continued(size: int) -> None:
    path = Path(os.environ["PYTEST_FOLDER"]) / "run"
    path.write_bytes(packed(WHOLE)[:size])
    found = continued(path, MORE)
    assert found == [*LINES[: len(found) - 1], MORE]
    # All that could be read before can be read still.
    readable = zlib.decompressobj(31).decompress(packed(WHOLE)[:size])
    assert len(found) - 1 == readable.count(b"\n")


@pytest.mark.parametrize(
    "content",
    [
        b"precious\n",
        b'{"a": 1, "precious": true',
        b'{"format":"bfxsync recording","version":2}\n' + MORE,
        b'{"precious": true}\n',
        b'{"precious": true}\n{"precious": false}',
        packed(b'{"precious": true}\n'),
        packed(b"precious\n"),
        packed(WHOLE)[:-8] + b"x" * 8,
        packed(WHOLE) + b"precious",
    ],
    ids=range(9),
)
def test_what_is_no_recording_is_never_changed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="cannot record to"):
        Recorder(path, append=True)
    assert path.read_bytes() == content


def test_two_cannot_record_to_one_file(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    path = tmp_path / "run"
    first: Any = open_for_recording(str(path), False)
    for append in (False, True):
        with pytest.raises(ValueError, match="another recorder is using the file"):
            open_for_recording(str(path), append)
    first.file.close()
    open_for_recording(str(path), False).file.close()


def test_a_link_still_leads_to_what_was_continued(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "run").write_bytes(packed(WHOLE)[:1_000])
    (tmp_path / "link").symlink_to(folder / "run")
    opened = open_for_recording(str(tmp_path / "link"), True)
    opened.file.close()
    assert (tmp_path / "link").is_symlink() and read(folder / "run")
