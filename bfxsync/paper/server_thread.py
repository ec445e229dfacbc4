"""Runs the server in its own thread; any thread may start, stop and call it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import socket
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Coroutine, Generic, NamedTuple, TypeVar

from bfxsync._base.shield import start_thread
from bfxsync.errors import NetworkError, RequestTimeout, UsageError
from bfxsync.paper.journal import Journal
from bfxsync.paper.journal_file import JournalFile
from bfxsync.paper.markets.captured import load
from bfxsync.paper.settings import Counters, ExchangeSettings

if TYPE_CHECKING:
    from bfxsync.paper.server.app import Server

    _Ready = concurrent.futures.Future[tuple[asyncio.AbstractEventLoop, Server]]

T = TypeVar("T")

# Long enough for slow machines: these timeouts only end waits that would never end.
_START_S = 30.0
_STOP_S = 10.0
_CALL_S = 30.0
# Of the exchange's time.
_STEP_S = 10.0


class _Call(Generic[T]):
    """
    A coroutine function that runs in the thread of the server while another thread waits.

    A signal handler of the waiting thread may stop the server, and waits for its thread: that
    needs nothing that the interrupted wait may hold, such as the lock of a `Future`. So the wait is
    for a lock of its own, which is locked until the call has ended.
    """

    def __init__(self, function: Callable[[Server], Coroutine[Any, Any, T]]) -> None:
        self._function = function
        self._done = threading.Lock()
        self._done.acquire()
        self._task: asyncio.Task[T] | None = None
        self._is_over = False

    def start(self, server: Server) -> None:
        """Start it; in the thread of the server."""
        self._task = asyncio.get_running_loop().create_task(self._function(server))
        self._task.add_done_callback(lambda task: self.end())

    def end(self) -> None:
        """End the wait, as the function has ended, or the server."""
        self._is_over = True
        with suppress(RuntimeError):  # this was done before
            self._done.release()

    def wait(self) -> T:
        """Wait, and return the result or raise the error of the function."""
        self._done.acquire(True, _CALL_S)
        if not self._is_over:
            raise RequestTimeout(f"no answer of the paper exchange in {_CALL_S} s")
        task = self._task
        if task is None or not task.done() or task.cancelled():
            raise UsageError("the paper exchange was stopped")
        return task.result()


class _Running(NamedTuple):
    thread: threading.Thread
    loop: asyncio.AbstractEventLoop
    server: Server
    calls: list[_Call[Any]]


class ServerThread:
    """
    The thread of an exchange, and its listening socket.

    Attributes
    ----------
    port : int
        Port of the last start, initially that of the settings.
    counters : Counters
        Reset by each start.
    journal : Journal
        Emptied by each start, or continued from a file.
    """

    def __init__(self, settings: ExchangeSettings, finished: threading.Event) -> None:
        self.port: int = settings.port
        self.counters: Counters = Counters()
        self.journal: Journal = Journal()
        self._settings = settings
        self._finished = finished
        # Protects `_running`, so that starts, stops and calls happen one after the other.
        # Reentrant, as a signal handler may stop the exchange during a call.
        self._lock = threading.RLock()
        self._running: _Running | None = None
        # It may still use the port.
        self._abandoned: threading.Thread | None = None
        self._process = os.getpid()

    @property
    def server(self) -> Server | None:
        """The running server, if any."""
        running = self._running
        return None if running is None else running.server

    def start(self) -> None:
        """Start listening, unless running."""
        self._check_process()
        with self._lock:
            if self._running is None:
                self._running = self._start()

    def stop(self) -> None:
        """Close all connections and wait until the thread has ended."""
        if self._process != os.getpid():
            return  # the server runs in the parent; this may be the end of its `with` in the child
        with self._lock:
            running, self._running = self._running, None
            if running is not None:
                running.loop.call_soon_threadsafe(running.server.stop)
                running.thread.join(_STOP_S)

    def abandoner(self) -> Callable[[], None]:
        """
        Return a function that stops this run soon, and no later one.

        It acquires no lock and needs no thread: a finalizer may call it.
        """
        return partial(self._abandon, self._running)

    def _abandon(self, running: _Running | None) -> None:
        if running is None or self._running is not running:
            return
        if self._process != os.getpid():
            return
        self._running, self._abandoned = None, running.thread
        with suppress(RuntimeError):  # it has just ended
            running.loop.call_soon_threadsafe(running.server.stop)

    def call(self, function: Callable[[Server], T]) -> T:
        """Call a function with the server in its thread, and return the result."""

        async def call(server: Server) -> T:
            result = function(server)
            server.registry.recorder.commit()
            return result

        return self._await(call)

    def post(self, function: Callable[[Server], object]) -> None:
        """Call a function with the server in its thread, without waiting for that."""
        running = self._running
        if running is not None:
            running.loop.call_soon_threadsafe(function, running.server)

    def step(self, seconds: float) -> None:
        """Advance the paused clock; in parts, so that a long step does not exceed the deadline."""
        while seconds > 0:
            part = min(seconds, _STEP_S)
            seconds -= part
            self._await(partial(_step, seconds=part))

    def advance(
        self, until_s: float, look: Callable[[Server], T], *, is_whole: bool = False
    ) -> T:
        """
        Advance the paused clock, by default until something is sent.

        Calls `look` before and after that, and returns its result.
        Stops at the end of the recordings, at a time in seconds since the start, or in between,
        after many timers.
        """
        advance = partial(_advance, until_s=until_s, look=look, is_whole=is_whole)
        return self._await(advance)

    def _await(self, function: Callable[[Server], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine function with the server in its thread, and return the result."""
        self._check_process()
        with self._lock:  # no stop meanwhile
            running = self._running
            if running is None:
                raise UsageError("the paper exchange is not running")
            call = _Call(function)
            running.calls.append(call)
            try:
                try:
                    running.loop.call_soon_threadsafe(call.start, running.server)
                except RuntimeError:  # stopped by a signal handler, just now
                    call.end()
                return call.wait()
            finally:
                running.calls.remove(call)

    def _start(self) -> _Running:
        try:
            import aiohttp  # noqa: F401
        except ImportError as exc:
            raise UsageError(
                'the paper exchange needs the extra "paper": pip install "bfxsync[paper]"'
            ) from exc
        for name in self._settings.captures:
            load(name)  # raises its errors here, and caches it before clients wait
        if self._abandoned is not None:
            self._abandoned.join(_STOP_S)
            self._abandoned = None
        listener = self._listen()
        self.port = listener.getsockname()[1]
        self._finished.clear()
        self.counters = Counters()
        ready: _Ready = concurrent.futures.Future()
        calls: list[_Call[Any]] = []
        thread = threading.Thread(
            target=self._run,
            args=(listener, ready, calls),
            name="bfxsync-paper",
            daemon=True,
        )
        try:
            start_thread(thread)
        except NetworkError:
            listener.close()
            raise
        try:
            # No timeout, as reading a journal may take long.
            has_journal = self._settings.journal_path is not None
            loop, server = ready.result(None if has_journal else _START_S)
            return _Running(thread, loop, server, calls)
        except BaseException:
            thread.join(_STOP_S)
            raise

    def _listen(self) -> socket.socket:
        host = self._settings.host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            # Sets SO_REUSEADDR on the platforms where it is safe.
            return socket.create_server((host, self.port), family=family)
        except OSError as exc:
            raise NetworkError(
                f"cannot listen on {host} port {self.port}: {exc}", phase="connect"
            ) from exc

    def _run(
        self, listener: socket.socket, ready: _Ready, calls: list[_Call[Any]]
    ) -> None:
        try:
            asyncio.run(self._main(listener, ready))
        except BaseException as exc:
            if ready.done():
                raise
            ready.set_exception(exc)
        finally:
            listener.close()
            for call in calls.copy():
                call.end()

    async def _main(self, listener: socket.socket, ready: _Ready) -> None:
        from bfxsync.paper.server.app import Server  # needs aiohttp

        loop = asyncio.get_running_loop()
        path = self._settings.journal_path
        file = None if path is None else JournalFile(os.fspath(path))
        try:
            server = Server(
                self._settings, self.counters, self._finished.set, self.journal, file
            )
            await server.run(listener, lambda: ready.set_result((loop, server)))
        finally:
            if file is not None:
                file.close()

    def _check_process(self) -> None:
        # Before the lock is acquired: a thread of the parent may have held it.
        if self._process != os.getpid():
            raise UsageError(
                f"this paper exchange belongs to the process {self._process}, of which this one is"
                " a fork: make another one here"
            )


async def _step(server: Server, seconds: float) -> None:
    await server.clock.step(seconds, server.drain)


async def _advance(
    server: Server, until_s: float, look: Callable[[Server], T], is_whole: bool
) -> T:
    sent, was_finished = server.counters.frames_sent, server.is_finished

    def is_over() -> bool:
        server.registry.recorder.commit()
        has_sent = server.counters.frames_sent > sent and not is_whole
        return has_sent or server.is_finished != was_finished

    look(server)
    await server.clock.advance(until_s, is_over, server.drain)
    return look(server)
