"""A relay as a process of its own, as a person or systemd starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import bfxsync

ROOT = Path(bfxsync.__file__).parent.parent


class RelayProcess:
    """The command ``bfxsync relay``, which leads when it has been entered."""

    def __init__(self, url: str, wss_host: str, shard: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "bfxsync", "relay", "--shard", shard]
        self._process: Any = subprocess.Popen(
            [*command, *(arguments or ["tBTCUSD"])],
            cwd=ROOT,
            env={**os.environ, "BFX_REDIS_URL": url, "BFX_WSS_HOST": wss_host},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self.lines: list[str] = []

    def __enter__(self) -> RelayProcess:
        self.wait_line("leading shard")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGKILL)
        self._process.wait()
        self._process.stderr.close()

    def wait_line(self, start: str) -> str:
        """Return the present line of the status if it begins like this, or read until one does."""
        wanted = f"bfxsync relay: {start}"
        if self.lines and self.lines[-1].startswith(wanted):
            return self.lines[-1]
        for line in self._process.stderr:
            self.lines.append(line.rstrip())
            if line.startswith(wanted):
                return self.lines[-1]
        raise AssertionError(self.lines)

    def send(self, number: int) -> None:
        """Send a signal."""
        os.kill(self._process.pid, number)

    def wait(self) -> int:
        """Wait for the end, and return the exit code."""
        self.lines += self._process.stderr.read().splitlines()
        return int(self._process.wait())
