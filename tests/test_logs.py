"""Logging whose handlers, filters and arguments raise."""

from __future__ import annotations

import ast
import contextvars
import io
import logging
import sys
import threading
from pathlib import Path

import pytest

import bfxsync
from bfxsync._base import logs
from bfxsync._base.logs import GuardedLogger, get_logger

NAME = "bfxsync.test"


class Angry(logging.Handler):
    """A handler that lets its own errors out, as many do that people write."""

    def __init__(self, error):
        super().__init__()
        self.error = error
        self.count = 0

    def emit(self, record):
        self.count += 1
        raise self.error


class Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture
def attach():
    """Add handlers to the logger of the test, and take them off again."""
    logger = logging.getLogger(NAME)
    before = logger.propagate, logger.level
    logger.propagate = False
    logger.setLevel(logging.DEBUG)

    def add(handler):
        logger.addHandler(handler)
        return handler

    yield add
    logger.handlers.clear()
    logger.filters.clear()
    logger.propagate, logger.level = before


@pytest.fixture
def stderr(monkeypatch, capsys):
    """Return what was written to stderr since the last time."""
    monkeypatch.setattr(GuardedLogger, "has_complained", False)
    return lambda: capsys.readouterr().err


def on_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join(10.0)


def test_records_name_the_line_that_logged(attach):
    kept = attach(Kept())
    log = get_logger(NAME)
    for write in (log.debug, log.info, log.warning, log.error):
        write("%s and %d", "text", 5)
    assert [record.levelname for record in kept.records] == [
        *("DEBUG", "INFO", "WARNING", "ERROR")
    ]
    for record in kept.records:
        assert record.getMessage() == "text and 5" and record.exc_info is None
        assert (record.name, record.pathname) == (NAME, __file__)
        assert record.funcName == "test_records_name_the_line_that_logged"


def test_a_handler_that_raises_harms_nobody_and_is_shown_once(attach, stderr):
    angry = attach(Angry(ConnectionError("the chat is down")))
    log = get_logger(NAME)
    for number in range(3):
        log.warning("message %d", number)
    get_logger(f"{NAME}.other").error("another")
    assert angry.count == 4
    lines = stderr().splitlines()
    assert [line for line in lines if line.startswith("bfxsync: ")] == [
        "bfxsync: not logged: WARNING: message 0",
        "bfxsync: not logged: WARNING: message 1",
        "bfxsync: not logged: WARNING: message 2",
        "bfxsync: not logged: ERROR: another",
    ]
    assert lines.count("ConnectionError: the chat is down") == 1


def test_a_traceback_that_was_lost_to_a_handler_is_printed(attach, stderr):
    attach(Angry(ConnectionError("the chat is down")))
    try:
        raise LookupError("in a callback")
    except LookupError as exc:
        get_logger(NAME).error("a callback raised", exc_info=exc)
    text = stderr()
    assert text.startswith("bfxsync: not logged: ERROR: a callback raised\nTraceback")
    assert "LookupError: in a callback" in text


def test_a_program_that_wants_no_complaints_gets_none(attach, stderr, monkeypatch):
    attach(Angry(ValueError()))
    monkeypatch.setattr(logging, "raiseExceptions", False)
    get_logger(NAME).warning("lost")
    assert stderr() == ""


@pytest.mark.parametrize("broken", [None, "closed"])
def test_stderr_may_be_broken_too(attach, monkeypatch, broken):
    attach(Angry(ValueError()))
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream if broken else None)
    get_logger(NAME).warning("lost")


def test_a_filter_or_a_level_that_raises_harms_nobody(attach, stderr, monkeypatch):
    def fail(*_):
        raise OSError("in a filter")

    logging.getLogger(NAME).addFilter(fail)
    log = get_logger(NAME)
    log.warning("lost")
    monkeypatch.setattr(logging.getLogger(NAME), "isEnabledFor", fail)
    assert log.isEnabledFor(logging.DEBUG) is False
    log.warning("lost too")
    assert stderr().count("not logged: WARNING: lost") == 2


def test_whatever_a_handler_raises_ends_no_other_thread(attach, stderr):
    for error in (SystemExit(3), KeyboardInterrupt(), GeneratorExit()):
        attach(Angry(error))
        passed = []
        on_thread(
            lambda: (get_logger(NAME).warning("lost"), passed.append(1))  # noqa: B023
        )
        assert passed, error
        logging.getLogger(NAME).handlers.clear()


def test_an_interrupt_of_the_main_thread_passes_through(attach):
    attach(Angry(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        get_logger(NAME).warning("interrupted")
    logging.getLogger(NAME).handlers.clear()
    kept = attach(Kept())
    get_logger(NAME).warning("the next one")
    assert [record.getMessage() for record in kept.records] == ["the next one"]


def test_what_a_handler_logs_itself_makes_no_loop(attach, stderr):
    log = get_logger(NAME)
    seen = []

    class Loop(logging.Handler):
        def emit(self, record):
            seen.append(record.getMessage())
            log.warning("about %s", record.getMessage())
            get_logger(f"{NAME}.other").warning("so too")

    attach(Loop())
    log.warning("first")
    log.warning("second")
    assert seen == ["first", "second"] and stderr() == ""


def test_tracebacks_come_with_the_exception(attach):
    kept = attach(Kept())
    try:
        raise ValueError("plain")
    except ValueError as exc:
        get_logger(NAME).error("failed", exc_info=exc)
        assert kept.records[0].exc_info == (ValueError, exc, exc.__traceback__)


@pytest.mark.parametrize("name", ["__bool__", "__str__", "__repr__", "__hash__"])
def test_exceptions_that_raise_when_looked_at_are_logged(attach, stderr, name):
    def fail(*_):
        raise RuntimeError("looked at")

    stream = io.StringIO()
    attach(logging.StreamHandler(stream))
    try:
        raise type("Odd", (Exception,), {name: fail})
    except Exception as exc:
        get_logger(NAME).error("a callback raised", exc_info=exc)
    text = stream.getvalue()
    assert text.startswith("a callback raised\nTraceback (most recent call last):\n")
    assert "test_exceptions_that_raise_when_looked_at_are_logged" in text
    assert "Odd" in text and stderr() == ""


@pytest.mark.once
def test_every_module_logs_through_the_guard():
    package = Path(bfxsync.__file__).parent
    apart = ("_base/logs.py", "paper/", "cli/")
    for path in package.rglob("*.py"):
        name = path.relative_to(package).as_posix()
        if name.startswith(apart):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("getLogger", "LoggerAdapter"), name


class Threads(Kept):
    def __init__(self):
        super().__init__()
        self.threads = []

    def emit(self, record):
        super().emit(record)
        self.threads.append(threading.get_ident())


def test_main_thread_holds_no_lock_of_a_handler(attach):
    handler = attach(Threads())
    variable = contextvars.ContextVar("request")
    variable.set("r-1")
    seen = []
    handler.addFilter(lambda record: seen.append(variable.get()) or True)
    get_logger(NAME).warning("here")
    assert handler.threads != [threading.main_thread().ident]
    assert handler.records[0].threadName == "MainThread" and seen == ["r-1"]
    assert handler.records[0].funcName == "test_main_thread_holds_no_lock_of_a_handler"


def test_lock_of_a_handler_that_was_lost_holds_up_nobody(attach, stderr, monkeypatch):
    monkeypatch.setattr(logs, "HANDLER_WAIT_S", 0.05)
    handler, logger = attach(Kept()), get_logger(NAME)
    is_held, may_end = threading.Event(), threading.Event()

    def lose():
        handler.acquire()
        is_held.set()
        may_end.wait(10.0)
        handler.release()

    holder = threading.Thread(target=lose)
    holder.start()
    assert is_held.wait(10.0)
    thread = threading.Thread(target=logger.warning, args=("lost",))
    thread.start()
    thread.join(10.0)
    assert not thread.is_alive()
    logger.warning("lost too")
    assert handler.records == [] and handler in logs._stuck
    said = stderr()
    assert "not logged: WARNING: lost\n" in said
    assert "not logged: WARNING: lost too\n" in said
    may_end.set()
    holder.join(10.0)
    logger.warning("there")
    assert [record.getMessage() for record in handler.records] == ["there"]
    assert handler not in logs._stuck


def test_what_a_peer_says_is_logged_on_one_line(attach):
    handler = Kept()
    attach(handler)
    get_logger(NAME).error("%s: %d, %r", "two\nlines \x1b[31m", 5, None)
    assert handler.records[0].getMessage() == r"two\nlines \x1b[31m: 5, None"
