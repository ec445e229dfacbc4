"""A nonce that processes share through a file."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from io import FileIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from interrupts import interrupted

from bfxsync import Client
from bfxsync._base import shield
from bfxsync.auth import nonce_file
from bfxsync.auth.nonce import MAX_NONCE
from bfxsync.auth.nonce_file import FileNonce
from bfxsync.errors import NetworkError, RequestTimeout, UsageError

pytest.importorskip("filelock")

DEADLINE_S = 30.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nonce"


def test_nonce_is_microseconds_of_the_wall_clock(path: Path) -> None:
    nonce = FileNonce(path, lambda: 1_700_000_000.25)
    assert nonce.next() == 1_700_000_000_250_000
    assert path.read_text() == "1700000000250000\n"


@pytest.mark.parametrize("path", [5, None, True, []], ids=repr)
def test_what_is_no_path_is_a_usage_error(path: Any) -> None:
    with pytest.raises(UsageError, match="nonce_file must be the path of a file"):
        FileNonce(path)
    if path is not None:
        with pytest.raises(UsageError, match="nonce_file must be"):
            Client(api_key="paper-a", api_secret="paper-b", nonce_file=path)


def test_r06_two_sources_with_one_file_take_turns(path: Path) -> None:
    first, second = FileNonce(path, lambda: 1.0), FileNonce(path, lambda: 1.0)
    drawn = [source.next() for source in (first, second, second, first)]
    assert drawn == [1_000_000, 1_000_001, 1_000_002, 1_000_003]


def test_r06_clock_set_back_an_hour_changes_nothing(path: Path) -> None:
    now = [1_700_000_000.0]
    before = FileNonce(path, lambda: now[0]).next()
    now[0] -= 3600
    # In a new process, too: the file remembers.
    assert FileNonce(path, lambda: now[0]).next() == before + 1


def test_r06_nonce_is_at_most_what_a_double_holds(path: Path) -> None:
    path.write_text(f"{MAX_NONCE - 1}\n")
    nonce = FileNonce(path, lambda: 1.0)
    assert nonce.next() == MAX_NONCE
    with pytest.raises(UsageError, match="no nonce is left"):
        nonce.next()
    assert path.read_text().strip() == str(MAX_NONCE)


@pytest.mark.parametrize("text", ["", "0000000000000000\n"])
def test_file_may_be_new(path: Path, text: str) -> None:
    path.write_text(text)
    assert FileNonce(path, lambda: 1.0).next() == 1_000_000


FOREIGN = {
    "pid": "4711\n",
    "digits": "1700000000250000",
    "more digits": "17000000002500001\n",
    "two lines": "1700000000250000\n\n",
    "a table": "1\n" + " " * 20 + "\nprecious\n",
    "digits first": "1700000000250000\nprecious\n",
    "too large": "9007199254740992\n",
    "negative": "-700000000250000\n",
    "other digits": "١" * 16 + "\n",
    "blank": "\n",
    "binary": "\0" * 17,
}


@pytest.mark.parametrize("name", list(FOREIGN))
def test_other_file_is_left_as_it_is(path: Path, name: str) -> None:
    path.write_text(FOREIGN[name], "utf-8")
    with pytest.raises(UsageError, match="nonce"):
        FileNonce(path)
    assert path.read_text("utf-8") == FOREIGN[name]
    # Not even a lock is left beside it.
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("name", list(FOREIGN))
def test_file_that_became_anothers_is_left_as_it_is(path: Path, name: str) -> None:
    nonce = FileNonce(path)
    path.write_text(FOREIGN[name], "utf-8")
    with pytest.raises(UsageError, match="does not contain a nonce"):
        nonce.next()
    assert path.read_text("utf-8") == FOREIGN[name]


def test_lock_of_somebody_else_is_left_as_it_is(path: Path) -> None:
    lock = path.with_name("nonce.lock")
    lock.write_text("4711\n")
    with pytest.raises(UsageError, match="not a lock file of this library"):
        FileNonce(path)
    assert lock.read_text() == "4711\n"
    lock.unlink()
    precious = path.with_name("precious")
    precious.write_text("precious")
    lock.symlink_to(precious)
    with pytest.raises(UsageError, match="not a lock file of this library"):
        FileNonce(path)
    assert precious.read_text() == "precious"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
@pytest.mark.parametrize("name", ["nonce", "nonce.lock"])
def test_named_pipe_is_refused_at_once(path: Path, name: str) -> None:
    os.mkfifo(path.with_name(name))
    with pytest.raises(UsageError):
        FileNonce(path)


@pytest.mark.parametrize("is_in_part", [False, True])
def test_full_disk_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch, is_in_part: bool
) -> None:
    class Full(FileIO):
        def write(self, data: Any) -> int:
            if is_in_part:
                return super().write(data[:5])
            raise OSError(28, "No space left on device")

    nonce = FileNonce(path)
    last = nonce.next()
    monkeypatch.setattr(nonce_file, "open_regular", lambda path, *_: Full(path, "r+"))
    with pytest.raises(UsageError, match="only in part|No space left"):
        nonce.next()
    monkeypatch.undo()
    assert nonce.next() > last


def test_file_that_cannot_be_used_is_told_when_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        FileNonce(tmp_path)  # a folder
    with pytest.raises(UsageError, match="cannot be used"):
        (tmp_path / "file").write_text("")
        FileNonce(tmp_path / "file" / "nonce")


def test_file_that_is_gone_is_told(path: Path) -> None:
    nonce = FileNonce(path, lambda: 1.0)
    nonce.next()
    path.unlink()
    # Made anew: the numbers of this process go on.
    assert nonce.next() == 1_000_001
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match="cannot be used"):
        nonce.next()


def test_without_the_extra_it_says_what_to_install(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "filelock", None)
    with pytest.raises(UsageError, match=r"bfxsync\[multiprocess\]"):
        FileNonce(path)


def test_older_versions_of_the_lock_know_no_thread_local(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import filelock

    class OldLock:
        """The lock as it was before version 3.11."""

        def __init__(self, lock_file: str) -> None:
            self._lock = filelock.FileLock(lock_file)

        def acquire(self, timeout: float, poll_intervall: float) -> None:
            self._lock.acquire(timeout, poll_intervall)

        def release(self) -> None:
            self._lock.release()

    old = ModuleType("filelock")
    setattr(old, "FileLock", OldLock)
    setattr(old, "Timeout", filelock.Timeout)
    monkeypatch.setitem(sys.modules, "filelock", old)
    assert FileNonce(path, lambda: 1.0).next() == 1_000_000


def test_others_that_keep_the_file_are_waited_for_and_no_longer(path: Path) -> None:
    nonce = FileNonce(path, timeout=0.05)
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        def wait() -> None:
            holding.set()
            assert release.wait(DEADLINE_S)

        FileNonce(path).exclusive(DEADLINE_S, wait)

    holder = threading.Thread(target=hold, name="test-holder")
    holder.start()
    assert holding.wait(DEADLINE_S)
    with pytest.raises(RequestTimeout, match="was locked by others") as caught:
        nonce.next()
    assert caught.value.phase == "connect"
    with pytest.raises(RequestTimeout, match="was locked by others"):
        nonce.exclusive(0.05, nonce.next)
    release.set()
    holder.join(DEADLINE_S)
    assert nonce.next() > 0


def test_thread_that_keeps_it_is_waited_for_and_no_longer(path: Path) -> None:
    nonce = FileNonce(path, timeout=0.05)
    raised: list[Any] = []

    def draw() -> None:
        with pytest.raises(RequestTimeout) as caught:
            nonce.next()
        raised.append(caught.value)

    def keep() -> int:
        before = nonce.next()  # the one that keeps it may draw
        thread = threading.Thread(target=draw, name="test-draws")
        thread.start()
        thread.join(DEADLINE_S)
        return before

    before = nonce.exclusive(1.0, keep)
    assert len(raised) == 1
    assert nonce.next() > before


def test_without_another_thread_nothing_is_drawn_and_it_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nonce = FileNonce(path, lambda: 1.0)

    def fail(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without:
        without.setattr(shield, "start_new_thread", fail)
        for call in (nonce.next, lambda: nonce.exclusive(1.0, nonce.next)):
            with pytest.raises(
                NetworkError, match="cannot start a thread: can't"
            ) as caught:
                call()
            assert caught.value.phase == "connect"
    assert nonce.next() == 1_000_000


def test_none_is_waited_for_while_python_ends(path: Path) -> None:
    """In a `__del__`; no other thread runs then."""
    script = """
import faulthandler, os, sys
from bfxsync import NetworkError
from bfxsync.auth.nonce_file import FileNonce

faulthandler.dump_traceback_later(20.0, exit=True)
nonce = FileNonce(sys.argv[1])

class Bot:
    def __del__(self, calls=[nonce.next, lambda: nonce.exclusive(1.0, nonce.next)]):
        for call in calls:
            try:
                call()
            except NetworkError:
                os.write(1, b"none ")

bot = Bot()
"""
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "none none "), done


def test_r06_nonces_of_8_threads_are_unique(path: Path) -> None:
    nonce = FileNonce(path, lambda: 1.0)
    drawn: list[int] = []

    def draw() -> None:
        for _ in range(50):
            drawn.append(nonce.next())

    threads = [threading.Thread(target=draw, name=f"test-{i}") for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert sorted(drawn) == list(range(1_000_000, 1_000_400))


DRAW = """
import sys
from bfxsync.auth.nonce_file import FileNonce
# A clock that stands: the file alone keeps them apart.
nonce = FileNonce(sys.argv[1], lambda: 1.0)
print("ready", flush=True)
sys.stdin.readline()
print(*(nonce.next() for _ in range(int(sys.argv[2]))))
"""


def draw_in_processes(path: Path, processes: int, count: int) -> list[list[int]]:
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", DRAW, str(path), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    outputs: dict[int, str] = {}

    def finish(index: int) -> None:
        outputs[index] = running[index].communicate("\n", DEADLINE_S)[0]

    threads = [threading.Thread(target=finish, args=(i,)) for i in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    return [list(map(int, outputs[i].split())) for i in range(processes)]


def test_r06_nonces_of_two_processes_rise_and_are_unique(path: Path) -> None:
    count = 300
    drawn = draw_in_processes(path, 2, count)
    assert all(numbers == sorted(numbers) for numbers in drawn)
    # Every number once, so none was drawn by both.
    together = sorted(number for numbers in drawn for number in numbers)
    assert together == list(range(1_000_000, 1_000_000 + 2 * count))


def test_r10_child_process_is_not_kept_waiting(path: Path) -> None:
    nonce = FileNonce(path, lambda: 1.0, timeout=0.5)
    held = threading.Event()

    def hold() -> None:
        nonce._process_lock._thread_lock.acquire()
        held.set()

    # Another thread of the parent was drawing at the moment of the fork.
    thread = threading.Thread(target=hold)
    thread.start()
    thread.join(DEADLINE_S)
    assert held.is_set()
    nonce._reset_after_fork()
    assert nonce.next() == 1_000_000


FORK = """
import fcntl, os, sys, threading, time, types
import filelock

class OldLock:
    # As it was before it knew of forks: whoever drops it lets it go.

    def __init__(self, lock_file):
        self.path, self.number = lock_file, None

    def acquire(self, timeout, poll_intervall):
        number = os.open(self.path, os.O_RDWR | os.O_CREAT)
        end = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= end:
                    os.close(number)
                    raise filelock.Timeout(self.path)
                time.sleep(poll_intervall)
            else:
                self.number = number
                return

    def release(self, force=False):
        if self.number is not None:
            fcntl.flock(self.number, fcntl.LOCK_UN)
            os.close(self.number)
            self.number = None

    def __del__(self):
        self.release(force=True)

if sys.argv[2] == "old":
    module = types.ModuleType("filelock")
    module.FileLock, module.Timeout = OldLock, filelock.Timeout
    sys.modules["filelock"] = module

from bfxsync.errors import RequestTimeout
from bfxsync._base.forks import reset_after_fork
from bfxsync.auth.nonce_file import FileNonce

nonce = FileNonce(sys.argv[1], timeout=0.2)
reset_after_fork(nonce)
held, over = threading.Event(), threading.Event()

def hold():
    def wait():
        held.set()
        over.wait(30)

    nonce.exclusive(30, wait)

def is_held(nonce):
    try:
        nonce.next()
    except RequestTimeout:
        return True
    return False

thread = threading.Thread(target=hold)
thread.start()
held.wait(30)
child = os.fork()
if child == 0:
    os._exit(7 if is_held(nonce) else 1)
seen = [os.WEXITSTATUS(os.waitpid(child, 0)[1])]
# Also for one who was not there before, when the child is gone.
lock = OldLock(sys.argv[1] + ".lock")
try:
    lock.acquire(0.2, 0.01)
    seen.append(False)
except filelock.Timeout:
    seen.append(True)
over.set()
thread.join()
seen.append(nonce.next() > 0)
print(seen)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("version", ["old", "installed"])
def test_r06_child_process_does_not_end_the_hold_of_its_parent(
    path: Path, version: str
) -> None:
    FileNonce(path)
    done = subprocess.run(
        [sys.executable, "-c", FORK, str(path), version],
        stdout=subprocess.PIPE,
        timeout=DEADLINE_S,
        check=True,
    )
    assert done.stdout == b"[7, True, True]\n"


def test_it_is_read_for_every_number(path: Path) -> None:
    nonce = FileNonce(path, lambda: 1.0)
    nonce.next()
    path.write_text("0000000002000000\n")
    assert nonce.next() == 2_000_001


def test_default_clock_is_the_wall_clock(path: Path) -> None:
    before = int(time.time() * 1_000_000)
    assert before <= FileNonce(path).next() <= int(time.time() * 1_000_000) + 1
    assert nonce_file.DEFAULT_TIMEOUT_S == 10.0


def test_number_is_brought_to_who_must_not_wait(path: Path) -> None:
    """A socket's thread goes on though another process keeps the file."""
    nonce = FileNonce(path, lambda: 1.0)
    delivered: "queue.SimpleQueue[Any]" = queue.SimpleQueue()

    def keep() -> None:
        nonce.draw(delivered.put)
        assert delivered.empty()

    FileNonce(path).exclusive(DEADLINE_S, keep)
    assert delivered.get(timeout=DEADLINE_S) == 1_000_000
    path.write_text("no number")
    nonce.draw(delivered.put)
    assert isinstance(delivered.get(timeout=DEADLINE_S), UsageError)


def test_number_that_others_keep_back_is_delivered_as_an_error(path: Path) -> None:
    nonce = FileNonce(path, timeout=0.05)
    delivered: "queue.SimpleQueue[Any]" = queue.SimpleQueue()

    def keep() -> None:
        nonce.draw(delivered.put)
        assert isinstance(delivered.get(timeout=DEADLINE_S), RequestTimeout)

    FileNonce(path).exclusive(DEADLINE_S, keep)


# Ctrl-C may come before a file is in anybody's hands.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "times",
    [pytest.param(300, id="short"), pytest.param(20_000, marks=pytest.mark.long)],
)
def test_r06_interrupts_keep_the_file_from_nobody(path: Path, times: int) -> None:
    nonce, other = FileNonce(path), FileNonce(path, timeout=DEADLINE_S)
    over = threading.Event()
    seen: list[int] = []
    mine: list[int] = []

    def work() -> None:
        while not over.is_set():
            seen.append(other.next())

    def draw() -> None:
        mine.append(nonce.next())
        mine.append(nonce.exclusive(DEADLINE_S, nonce.next))

    thread = threading.Thread(target=work, name="test-other")
    thread.start()
    try:
        interrupted(draw, times, longest_s=0.002)
        # Who comes next may have the file, of this process or of another one.
        done = len(seen)
        while len(seen) <= done + 1 and thread.is_alive():
            time.sleep(0.001)
        last = nonce.next()
    finally:
        over.set()
        thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert seen == sorted(set(seen)) and mine == sorted(set(mine))
    assert not set(seen) & set(mine)
    assert last > mine[-1]
