"""The command as a process of its own, as a person or a script starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from patience import at_most

import bfxsync

ROOT = Path(bfxsync.__file__).parent.parent
DEMO = [sys.executable, "-W", "error", "-m", "bfxsync", "demo"]

needs_posix = pytest.mark.skipif(os.name != "posix", reason="signals and terminals")


def start(command: list[str], **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, **options
    )


def test_it_ends_by_itself_and_well() -> None:
    began = time.monotonic()
    process = start([*DEMO, "--seconds", "2"], stdout=subprocess.PIPE)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert "\x1b" not in out
    assert "\nAll good: orders filled, disconnect healed, checksums match.\n" in out
    assert out.endswith(
        "\nNext: bfxsync demo --live (the real exchange; no key needed)\n"
    )
    # Two more are the promise; a busy machine gets some patience.
    assert time.monotonic() - began < at_most(2 + 2 + 16)


def test_plain_does_not_import_rich() -> None:
    code = (
        "import sys; from bfxsync.cli.main import main;"
        "main(['demo', '--seconds', '1', '--plain']); sys.exit('rich' in sys.modules)"
    )
    process = start([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_reader_that_leaves_is_no_traceback() -> None:
    process = start([*DEMO, "--seconds", "1"], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=30) == 1


@needs_posix
def test_ctrl_c_ends_with_the_summary() -> None:
    process = start([*DEMO, "--seconds", "10"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for line in process.stdout:
        if " frames " in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    assert "\nEnded with Ctrl-C.\n" in out


@needs_posix
def test_a_terminal_gets_the_screen_and_has_it_back() -> None:
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {
            **os.environ,
            "TERM": "xterm-256color",
            "PYTHONIOENCODING": "utf-8",
        }
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            environment.pop(name, None)
        process = start([*DEMO, "--seconds", "1"], stdout=theirs, env=environment)
        os.close(theirs)
        text = read_all(ours)
        _, err = process.communicate(timeout=30)
    finally:
        os.close(ours)
    assert (process.returncode, err) == (0, "")
    enter, leave = text.index("\x1b[?1049h"), text.index("\x1b[?1049l")
    screen = text[enter:leave]
    for part in (
        "tBTCUSD",
        "account",
        "before 100,000",
        "frames/s",
        "spread",
        "simulated",
    ):
        assert part in screen
    assert "All good" in text[leave:]


def read_all(descriptor: int) -> str:
    """What a terminal gets, until nobody has its other end open."""
    blocks: list[bytes] = []
    while True:
        try:
            block = os.read(descriptor, 65536)
        except OSError:  # Linux says it this way
            block = b""
        if not block:
            return b"".join(blocks).decode("utf-8")
        blocks.append(block)
