"""The process of the client, as that of the exchange sees it."""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
import time
from typing import Any, Dict, List, NamedTuple

import soak_user

#: For an answer of the client: on a busy machine, and with all callbacks at work.
ANSWER_S = 300.0

#: The C library keeps freed memory for each thread: in an hour the process would grow by tens of
#: megabytes that nothing uses. With these it has two arenas, and gives freed memory back.
ALLOCATOR = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}


class Failure(NamedTuple):
    """What went wrong, and when, in seconds since the start."""

    at_s: float
    text: str


class Gone(Exception):
    """The client's process has ended, or does not answer."""


class UserProcess:
    """
    Starts the client, collects what it sends, and asks it questions.

    Attributes
    ----------
    samples : list of dict
        With their time, ``at_s``.
    failures : list of Failure
        All of the soak: the client's complaints, and others that are added.
    """

    def __init__(self, settings: soak_user.Settings) -> None:
        self.samples: List[Dict[str, Any]] = []
        self.failures: List[Failure] = []
        self._begin = time.monotonic()
        self._answers: queue.Queue[Any] = queue.Queue()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=soak_user.main, args=(theirs, settings), daemon=True
        )
        # The C library reads them when the process starts.
        os.environ.update(ALLOCATOR)
        self._process.start()
        theirs.close()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def elapsed_s(self) -> float:
        """Return the time since the start."""
        return time.monotonic() - self._begin

    def fail(self, text: str) -> None:
        """Note what went wrong."""
        failure = Failure(self.elapsed_s(), text)
        self.failures.append(failure)
        print(f"{failure.at_s:8.0f} s  FAILED: {text}", flush=True)

    def ask(self, name: str, *arguments: Any) -> Any:
        """Send a command, and return its answer."""
        try:
            self._pipe.send((name, *arguments))
            answer = self._answers.get(timeout=ANSWER_S)
        except (OSError, queue.Empty) as exc:
            raise Gone(f"no answer to {name!r}") from exc
        if answer is Gone:
            raise Gone(f"the process has ended before its answer to {name!r}")
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.join(10.0)
        if self._process.exitcode is None:
            self.fail("the client's process does not end")
            self._process.kill()
            self._process.join()
        elif self._process.exitcode:
            self.fail(f"the client's process has exited: {self._process.exitcode}")
        self._reader.join(10.0)
        self._pipe.close()

    def _read(self) -> None:
        while True:
            try:
                kind, content = self._pipe.recv()
            except (EOFError, OSError):
                self._answers.put(Gone)
                return
            if kind == "sample":
                self.samples.append({"at_s": self.elapsed_s(), **content})
            elif kind == "failure":
                self.fail(content)
            else:
                self._answers.put(content)
