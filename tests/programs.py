"""Runs programs to the point where they have printed enough."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import bfxsync


def run_program(
    python, arguments, *, endless, enough, shown=(), timeout=50.0, folder, variables={}
):
    """
    Run a program and return what it printed.

    An endless one gets Ctrl-C as soon as it has printed enough, and must end by that. How fast is
    measured elsewhere (R10). On stderr nothing is shown but lines that begin with these words.
    `variables` are added to the environment.
    """
    # Without what this run of pytest was told, which is not meant for one in a snippet.
    environment = {k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"}
    environment.update(variables)
    environment["PYTHONPATH"] = str(Path(bfxsync.__file__).parent.parent)
    program = python.start(arguments, environment, folder)
    lines = []
    try:
        deadline = time.monotonic() + timeout
        while endless and not enough(lines) and time.monotonic() < deadline:
            line = program.stdout.readline()
            if not line:
                break
            lines.append(line)
        if endless:
            program.send_signal(signal.SIGINT)
    finally:
        code, out, err = program.finish(timeout)
    output = "".join(lines) + out
    if code != 0:
        assert endless and err.rstrip().endswith("KeyboardInterrupt"), err
    else:
        assert [line.partition(" ")[0] for line in err.splitlines()] == [*shown], err
    assert enough(output.splitlines()), (output, err)
    return output
