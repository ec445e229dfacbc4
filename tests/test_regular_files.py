"""Opening files of users: who owns the descriptor, and what is refused."""

from __future__ import annotations

import gc
import os
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from bfxsync._base import regular_files
from bfxsync._base.regular_files import open_regular

CREATE = os.O_RDWR | os.O_CREAT


class Interrupted(FileIO):
    """Ctrl-C comes when the file is open, and nobody has it yet."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        raise KeyboardInterrupt


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupted_opening_closes_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "file")
    monkeypatch.setattr(regular_files, "FileIO", Interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        open_regular(path, CREATE)
    monkeypatch.undo()
    # It may have the number that the interrupted file had.
    with open_regular(path, CREATE) as other:
        del caught
        gc.collect()
        assert other.write(b"x") == 1


def test_what_turns_out_not_to_be_a_file_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "file")
    with open_regular(path, CREATE):
        pass
    monkeypatch.setattr(regular_files.os, "stat", lambda path: os.lstat(tmp_path / "x"))
    monkeypatch.setattr(regular_files.stat, "S_ISREG", lambda mode: False)
    before = os.dup(0)
    os.close(before)
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(path, CREATE)
    after = os.dup(0)
    os.close(after)
    assert after == before


@pytest.mark.parametrize("flags", [os.O_RDONLY, CREATE])
def test_nothing_of_an_existing_file_is_truncated(tmp_path: Path, flags: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    with open_regular(str(path), flags) as file:
        assert file.read() == b"content"
        assert file.writable() is (flags == CREATE)
    assert path.read_bytes() == b"content"
