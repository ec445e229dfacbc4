"""
A budget that the processes of one machine share through a file; needs the extra ``multiprocess``.

Strategy: the file is read and replaced by a new one under a lock of threads and processes, so that
a process that dies leaves either the state before or the one after. A file that was deleted or
replaced, and so has another id, has lost data: the process gets no slot until it joins again. All
calls belong on threads that no signal reaches.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from io import FileIO
from typing import Callable, Sequence, Tuple, TypeVar

from bfxsync._base.process_lock import ProcessLock, path_of
from bfxsync._base.regular_files import open_regular
from bfxsync.errors import NetworkError, UsageError
from bfxsync.shared_limits.outage import BEAT_S
from bfxsync.shared_limits.state import Now, State, decode
from bfxsync.shared_limits.window import Answer, Limit, Slot, Window

R = TypeVar("R")

# The slots of 256 groups of 90 requests are a tenth of that.
_LONGEST = 16 * 1024 * 1024


def now() -> Now:
    """Return the time on both clocks; that which runs is the same for all processes."""
    # It counts suspends; monotonic, where there is no other, does not everywhere.
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    running = time.monotonic() if clock is None else time.clock_gettime(clock)
    return Now(time.time(), running)


def real_path(path: object) -> str:
    """Return the path of a file without links, as a rename would replace a link."""
    if isinstance(path, str) and "://" in path:
        # A misspelled URL; it may have a password.
        raise UsageError(
            "shared_budget must be a path, or a URL that begins with redis://, rediss:// or unix://"
        )
    text = path_of(path, "shared_budget")
    try:
        return os.path.realpath(text)
    except (OSError, ValueError) as exc:
        raise UsageError(f"the shared budget {text!r} cannot be used: {exc}") from exc


class FileStore:
    """
    Windows in a file.

    Parameters
    ----------
    path : str or os.PathLike
        The file, created if missing, as is a lock file with the suffix ``.lock``. On a local disk,
        in a folder that all processes may write to.
    timeout_s : float
        Seconds to wait for other processes.
    clock : callable
        Returns a `Now`.

    Raises
    ------
    UsageError
        The extra is not installed, or the file is unusable or has other contents.
    """

    beat_s = BEAT_S
    """Time between two signs of life of a process; shorter at first."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        timeout_s: float,
        clock: Callable[[], Now] = now,
    ) -> None:
        self._path = real_path(path)
        self._timeout_s = timeout_s
        self._clock = clock
        # That of the file which has what this process has sent.
        self._id: str | None = None
        self._lock = ProcessLock(
            self._path, what="shared budget", failure="no shared budget"
        )
        if not os.path.isdir(os.path.dirname(self._path)):
            # The library of the lock would create it.
            raise self._lock.unusable(FileNotFoundError("its folder does not exist"))
        self._lock.check()

    def __str__(self) -> str:
        return self._path

    def reset_after_fork(self) -> None:
        """Use locks of its own in a child process, which has to join."""
        self._id = None
        self._lock.reset_after_fork()

    def close(self) -> None:
        """Do nothing: no file is kept open."""

    def check(self) -> None:
        """Read and write the file; raises as a request does."""
        self._change(lambda state, now: (state, None))

    def join(self, process: str) -> int:
        """Note that a process begins to use the store, also after a loss; return how many do."""
        self._id = None
        return self.seen(process)

    def seen(self, process: str) -> int:
        """Note that a process is alive; return how many are."""

        def change(state: State, now: float) -> Tuple[State, int]:
            state = state.seen(process, now)
            return state, len(state.processes)

        return self._change(change)

    def request(
        self,
        process: str,
        key: str,
        owner: str,
        limit: Limit,
        longest_s: float,
        sent: str = "",
    ) -> Answer:
        """
        Claim or book a slot; see `Window.request`.

        `sent` is the owner of a request that this process has sent within the window: without its
        slot the store has lost data, and `NetworkError` is raised.
        """

        def change(state: State, now: float) -> Tuple[State, Answer]:
            state = state.seen(process, now)
            window = state.windows.get(key, Window())
            if sent and not any(slot.owner == sent for slot in window.slots):
                raise self._lost()
            window, answer = window.request(owner, limit, now, longest_s)
            answer = answer._replace(processes=len(state.processes))
            return state.with_window(key, window, now), answer

        return self._change(change)

    def give_back(self, key: str, owner: str) -> None:
        """Cancel a slot that was not used."""
        self._change_window(key, lambda window, now: window.without(owner))

    def block(self, key: str, seconds: float) -> None:
        """Block the key for so long; waiting requests keep their order."""
        self._change_window(key, lambda window, now: window.blocked(now, now + seconds))

    def restore(
        self, process: str, key: str, window_s: float, sent: Sequence[Tuple[str, float]]
    ) -> None:
        """Add the requests that this process has sent: their owners, and how long ago."""

        def change(state: State, now: float) -> Tuple[State, None]:
            slots = [Slot(now - age_s, owner) for owner, age_s in sent]
            window = state.windows.get(key, Window()).with_slots(*slots)
            window = window.current(now, window_s)
            return state.seen(process, now).with_window(key, window, now), None

        self._change(change)

    def _change_window(
        self, key: str, change: Callable[[Window, float], Window]
    ) -> None:
        def change_state(state: State, now: float) -> Tuple[State, None]:
            window = change(state.windows.get(key, Window()), now)
            return state.with_window(key, window, now), None

        self._change(change_state)

    def _change(self, change: Callable[[State, float], Tuple[State, R]]) -> R:
        with self._lock.held(self._timeout_s):
            # Under the lock, so that the times of all processes follow it.
            now = self._clock()
            try:
                state, mode = self._read(now)
                if self._id not in (None, state.id):
                    raise self._lost()
                state, result = change(state, now.wall)
                self._write(state.encode(now), mode)
                self._id = state.id
            except OSError as exc:
                raise self._lock.unusable(exc) from exc
        return result

    def _lost(self) -> NetworkError:
        return NetworkError(
            f"{self._path} was deleted, replaced or changed, and has lost data",
            phase="receive",
        )

    def _read(self, now: Now) -> Tuple[State, int | None]:
        try:
            with open_regular(self._path, os.O_RDONLY) as file:
                data = file.read(_LONGEST)
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        except FileNotFoundError:
            return _new_state(), None
        if not data:
            return _new_state(), mode
        try:
            return decode(data, now), mode
        except ValueError as exc:
            # It may belong to another program.
            raise UsageError(
                f"{self._path} does not contain a shared budget of this library; it was not changed"
            ) from exc

    def _write(self, data: bytes, mode: int | None) -> None:
        """Replace the file; a process that dies meanwhile leaves the one before."""
        new = f"{self._path}.new"
        # Left by a process that has died, or by another program: never followed, never truncated.
        with suppress(FileNotFoundError):
            os.unlink(new)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with FileIO(
            new, "x", opener=lambda path, _: os.open(path, flags, 0o666)
        ) as file:
            if mode is not None and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
            if file.write(data) != len(data):
                raise OSError("the state was written only in part")
        os.replace(new, self._path)


def _new_state() -> State:
    return State(id=os.urandom(6).hex())
