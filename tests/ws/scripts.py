"""Programs that tests run in a process of their own: signals, forks, and the end of Python."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import NamedTuple

import bfxsync

DEADLINE_S = 30.0

HEAD = """
import faulthandler, os, signal, sys, threading, time, traceback, weakref
from bfxsync import *

def descriptors():
    return sorted(os.listdir("/proc/self/fd"), key=int)

def say(*words):
    # In one call: several processes share the stream.
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def must_end():
    '''Let this process be ended if it hangs, and show where.'''
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.alarm(10)

def in_child(check):
    '''Fork, run a function in the child, and return whether that went well, and in time.'''
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1] == 0
    code = 1
    try:
        must_end()
        check()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)

def ended_well(pid):
    '''Wait for a child, but not for ever.'''
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False

def refused(call):
    '''Tell whether a call says that this is a fork, and what to do.'''
    try:
        call()
    except ClosedError as exc:
        assert "fork" in str(exc) and "start()" in str(exc), exc
        return True
    return False
"""


class Result(NamedTuple):
    """How a program ended; the seconds count from the signal, if it got one."""

    code: int
    output: str
    seconds: float


def run(
    body: str, *, send: int | None = None, timeout: float = DEADLINE_S, **names: object
) -> Result:
    """
    Run a program after `HEAD`, with variables.

    With a signal to send, it is sent when the program has printed "ready".
    """
    variables = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    program = subprocess.Popen(
        [
            sys.executable,
            *("-W", "error", "-W", "ignore:This process:DeprecationWarning"),
            *("-c", HEAD + variables + textwrap.dedent(body)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(bfxsync.__file__).parent.parent)},
        # A group of its own, so that what it has forked can be ended with it.
        start_new_session=True,
    )
    assert program.stdout is not None
    start = time.monotonic()
    try:
        if send is not None:
            line = program.stdout.readline().strip()
            assert line == "ready", (line, program.communicate(timeout=timeout))
            start = time.monotonic()
            program.send_signal(send)
        out, err = program.communicate(timeout=timeout)
    except BaseException:
        os.killpg(program.pid, signal.SIGKILL)
        program.communicate()
        raise
    return Result(program.returncode, out + err, time.monotonic() - start)
