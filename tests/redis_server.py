"""A real redis-server on a free port of this machine, for one test or a few."""

from __future__ import annotations

import importlib
import os
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from types import TracebackType
from typing import Any, List, Optional, Type

import pytest
from patience import at_most

STARTED_S = 10.0
ATTEMPTS = 5


class RedisServer:
    """
    A redis-server that keeps nothing on disk unless an option says so.

    Parameters
    ----------
    **options
        Directives of redis.conf: ``maxmemory="2mb"``, ``appendonly="yes"``. A dash is written as an
        underscore.

    Attributes
    ----------
    port : int
        Free when it was chosen, and kept over restarts.
    process : subprocess.Popen
        Of the server that runs, or ran last.
    """

    def __init__(self, **options: str) -> None:
        self._program = shutil.which("redis-server")
        if self._program is None:
            pytest.skip(
                "there is no redis-server (Debian: apt-get install redis-server)"
            )
        self._options = {"save": "", "appendonly": "no", **options}
        self._clients: List[Any] = []
        self._folder = ""
        self.port = 0
        self.process: Any = None

    @property
    def url(self) -> str:
        """Its URL, of database 0, without the password."""
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> RedisServer:
        self._folder = tempfile.mkdtemp(prefix="bfxsync-redis-")
        try:
            self._start_somewhere()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        for client in self._clients:
            client.close()
        if self.process is not None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def client(self, **options: Any) -> Any:
        """Return a redis-py client, which is closed with the server."""
        redis = importlib.import_module("redis")
        options.setdefault("password", self._options.get("requirepass"))
        options.setdefault("socket_timeout", at_most(10.0))
        client = redis.Redis(host="127.0.0.1", port=self.port, **options)
        self._clients.append(client)
        return client

    def start(self) -> None:
        """Start it, again on its port, and return when it accepts connections."""
        assert self._started(), f"redis-server did not start on port {self.port}"

    def kill(self) -> None:
        """Kill it, as a crash would."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Stop it without closing its connections: it hangs."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        os.kill(self.process.pid, signal.SIGCONT)

    def _start_somewhere(self) -> None:
        # Another process may have got the port meanwhile.
        for _ in range(ATTEMPTS):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            if self._started():
                return
        raise AssertionError(f"redis-server did not start on {ATTEMPTS} ports")

    def _started(self) -> bool:
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": self._folder,
            **self._options,
        }
        arguments = [
            part
            for name, value in settings.items()
            for part in (f"--{name.replace('_', '-')}", *(value.split() or [""]))
        ]
        self.process = subprocess.Popen(
            [str(self._program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        found: queue.SimpleQueue[bool] = queue.SimpleQueue()
        threading.Thread(
            target=_read_log, args=(self.process.stdout, found), daemon=True
        ).start()
        is_ready = found.get(timeout=at_most(STARTED_S))
        if not is_ready:
            self.process.wait()
        return is_ready


def _read_log(stdout: Any, found: queue.SimpleQueue[bool]) -> None:
    """Read until the server ends; put True when it is ready, False at its end."""
    with stdout:
        for line in stdout:
            if b"Ready to accept connections" in line:
                found.put(True)
    found.put(False)
