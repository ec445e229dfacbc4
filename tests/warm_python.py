"""
Programs in forks of a Python that has imported the libraries already.

The imports of aiohttp and requests are two thirds of what a short program computes. Of the package
nothing is imported before the fork, unless that is asked for. A program ends with its interpreter,
as any script does.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
from pathlib import Path
from typing import IO, Mapping, NamedTuple, Sequence

LIBRARIES = (
    "aiohttp.web attr attrs orjson requests ssl urllib3.connectionpool websocket"
)


class Result(NamedTuple):
    """How a program ended, and what it printed after the lines that were read."""

    returncode: int
    stdout: str
    stderr: str


class Program:
    """A running program, of which only one may run at a time."""

    def __init__(
        self, pid: int, stdout: IO[str], stderr: IO[str], ends: IO[str]
    ) -> None:
        self.stdout = stdout
        self._pid = pid
        self._stderr = stderr
        self._ends = ends

    def send_signal(self, number: int) -> None:
        """Send it a signal; its end is not awaited elsewhere, so that the id is its own."""
        os.kill(self._pid, number)

    def finish(self, timeout: float) -> Result:
        """Wait for its end; it is killed after the timeout in seconds."""
        timer = threading.Timer(timeout, self.send_signal, [signal.SIGKILL])
        timer.start()
        with self.stdout, self._stderr:
            rest = self.stdout.read()
            code = int(self._ends.readline())
            timer.cancel()
            self._stderr.seek(0)
            return Result(code, rest, self._stderr.read())


class WarmPython:
    """
    The Python that is forked, for as long as it is used as a context.

    It also imports `modules`, for programs of which it does not matter when they are imported.
    """

    def __init__(self, *modules: str) -> None:
        self._control, theirs = socket.socketpair()
        self._answers = self._control.makefile()
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-u", "-W", "error", __file__),
                    *(str(theirs.fileno()), *modules),
                ],
                pass_fds=[theirs.fileno()],
            )

    def __enter__(self) -> WarmPython:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._control.close()
        self._process.wait()

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> Program:
        """Start a program, ``["-c", code]`` or ``[path]``."""
        reading, writing = os.pipe()
        stderr = tempfile.TemporaryFile("w+")
        wanted = [arguments, dict(environment), str(folder)]
        with tempfile.TemporaryFile() as request:
            request.write(json.dumps(wanted).encode())
            request.flush()
            descriptors = [request.fileno(), writing, stderr.fileno()]
            socket.send_fds(self._control, [b"start"], descriptors)
            pid = int(self._answers.readline())
        os.close(writing)
        return Program(pid, os.fdopen(reading), stderr, self._answers)


def next_program(control: socket.socket) -> list[str]:
    """Fork for each program that is asked for, and return its arguments in the fork."""
    while True:
        message, descriptors, *_ = socket.recv_fds(control, 16, 3)
        if not message:
            os._exit(0)
        request, stdout, stderr = descriptors
        pid = os.fork()
        if not pid:
            os.lseek(request, 0, os.SEEK_SET)
            with open(request) as file:
                arguments, environment, folder = json.load(file)
            os.dup2(stdout, 1)
            os.dup2(stderr, 2)
            os.close(stdout)
            os.close(stderr)
            control.close()
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            return arguments
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(b"%d\n" % pid)
        _, status = os.waitpid(pid, 0)
        control.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    for name in [*LIBRARIES.split(), *sys.argv[2:]]:
        try:
            __import__(name)
        except ImportError:
            pass  # a program that needs it says so
    sys.argv = next_program(socket.socket(fileno=int(sys.argv[1])))
    # This file stays alive as a module of another name.
    sys.modules["warm_python"] = sys.modules["__main__"]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    folder, path = "", sys.argv[0]
    if path == "-c":
        source = sys.argv.pop(1)
    else:
        folder, main.__file__ = os.path.dirname(path), path
        source = Path(path).read_text()
    sys.path[:1] = [folder, *os.environ["PYTHONPATH"].split(os.pathsep)]
    exec(compile(source, path, "exec"), vars(main))
