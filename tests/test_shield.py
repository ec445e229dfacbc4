from __future__ import annotations

import ast
import logging
import signal
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

import bfxsync
from bfxsync import NetworkError
from bfxsync._base import shield
from bfxsync._base.shield import shielded
from bfxsync.paper import PaperExchange
from bfxsync.recording.recorder import Recorder
from bfxsync.relay import GroupWorker, Relay

PACKAGE = Path(bfxsync.__file__).parent


def test_what_is_returned_and_raised_comes_back():
    assert shielded(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        shielded(divmod, 7, 0)


def test_the_main_thread_has_it_done_by_another():
    assert shielded(threading.get_ident) != threading.get_ident()


def test_any_other_thread_does_it_itself():
    same = []
    thread = threading.Thread(
        target=lambda: same.append(
            shielded(threading.get_ident) == threading.get_ident()
        )
    )
    thread.start()
    thread.join(5.0)
    assert same == [True]


def test_it_is_done_to_its_end_although_the_main_thread_is_interrupted():
    begun, go_on, done = (threading.Event() for _ in range(3))

    def work():
        begun.set()
        go_on.wait(5.0)
        done.set()

    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
            shielded(work)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert begun.wait(5.0) and not done.is_set()
    go_on.set()
    assert done.wait(5.0)


def test_a_signal_handler_gets_the_lock_that_the_interrupted_call_wants():
    lock, seen = threading.Lock(), []
    begun = threading.Event()

    def work(name):
        with lock:
            if name == "main":
                begun.set()
                signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)
            seen.append(name)

    before = signal.signal(signal.SIGALRM, lambda *_: shielded(work, "handler"))
    try:
        shielded(work, "main")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert seen == ["main", "handler"]


def test_without_another_thread_it_is_done_here(monkeypatch):
    def fail(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(shield, "start_new_thread", fail)
    assert shielded(threading.get_ident) == threading.get_ident()


def test_no_entry_of_a_thread_is_left(caplog):
    before = threading.enumerate()
    with caplog.at_level(logging.INFO):
        # Asks for the current thread.
        shielded(logging.getLogger("bfxsync").info, "text")
    assert caplog.messages == ["text"]
    assert threading.enumerate() == before


def start_relay(_: Path) -> None:
    pytest.importorskip("redis")
    Relay(["tBTCUSD"], redis="redis://127.0.0.1:1/0").start()


def start_worker(_: Path) -> None:
    pytest.importorskip("redis")
    options: Dict[str, Any] = {"group": "a", "callback": lambda item: None}
    GroupWorker(["tBTCUSD"], redis="redis://127.0.0.1:1/0", **options).start()


@pytest.mark.parametrize(
    "start",
    [
        lambda folder: Recorder(folder / "recording"),
        lambda folder: PaperExchange().start(),
        start_relay,
        start_worker,
    ],
    ids=["recorder", "exchange", "relay", "worker"],
)
def test_a_thread_that_cannot_start_is_a_network_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Callable[[Path], Any]
) -> None:
    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(NetworkError, match="cannot start a thread: can't") as caught:
        start(tmp_path)
    assert caught.value.phase == "connect"


def bare_starts(module: ast.Module) -> List[int]:
    """Return the lines that start a thread, but not by `start_thread`."""
    names = {"start_new_thread"}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith(
            ("Thread(", "threading.Thread(")
        ):
            names |= {f"{ast.unparse(target)}.start" for target in node.targets}
    return [
        node.lineno
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in names
    ]


def test_every_thread_is_started_with_a_typed_error() -> None:
    assert bare_starts(ast.parse("a.b = Thread()\na.b.start()")) == [2]
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if bare_starts(ast.parse(path.read_text()))
    }
    assert found == set()
