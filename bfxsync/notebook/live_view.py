"""
A picture in a cell that follows its data.

Strategy: a thread of its own draws, never that of callbacks or of I/O. It looks a few times a
second, and sends a picture only if that has changed, so a quiet market costs nothing. The time
below the picture is that of the last look at current data. It is renewed now and then without a
change: if the kernel ends, only an old time tells.
"""

from __future__ import annotations

import time
from datetime import datetime
from itertools import count
from threading import Thread, current_thread
from typing import Any, Protocol

from bfxsync._base.cells import shell
from bfxsync._base.describe import also_half_made
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import shielded, start_thread
from bfxsync.errors import BfxError, NetworkError
from bfxsync.notebook.picture import Picture
from bfxsync.notebook.sources import CLIENT_CLOSED, Source

_log = get_logger(__name__)

_RENEW_S = 10.0
"""After this long without a change the time below the picture is renewed."""

_STOP_TIMEOUT_S = 2.0

_numbers = count(1)

_EMPTY = Picture("<div>no data yet</div>", "no data yet")


class Handle(Protocol):
    """A display handle of IPython."""

    def update(self, item: object) -> object:
        """Replace what is shown, in whatever cell it is."""


class LiveView:
    """
    A picture that is drawn again in its cell as its data changes.

    Made by `BookSubscription.show`, `CandleSubscription.show`, `bfxsync.notebook.board` and
    `bfxsync.notebook.orders`. It keeps its client alive. It ends with `stop`, with its subscription
    or client, and when its cell is run again. Clearing the output of the cell or closing the page
    does not end it, as the kernel is not told.
    """

    def __init__(self, worker: ViewWorker, run: int) -> None:
        self._worker = worker
        self._run = run

    @also_half_made
    def __repr__(self) -> str:
        state = "stopped" if self.is_stopped else "running"
        return f"<LiveView {self._worker.source.name}: {state}>"

    def _ipython_display_(self) -> None:
        """Show the present picture; nothing at the end of the cell that has shown the view."""
        from IPython.display import display

        if shell().execution_count != self._run:
            show: Any = display
            show(self.picture)

    @property
    def is_stopped(self) -> bool:
        """Whether the picture does not change any more."""
        return self._worker.is_stopped

    @property
    def picture(self) -> Picture:
        """The present picture, as it is shown; a copy that stays the same."""
        return self._worker.sent

    def stop(self) -> None:
        """Draw a last time, and end; ends what the view has subscribed to. Idempotent."""
        self._worker.end("stopped")
        self._worker.join(_STOP_TIMEOUT_S)


class ViewWorker:
    """The thread of one view, and what it has sent."""

    def __init__(self, source: Source, rate: float) -> None:
        self.source = source
        self._interval_s = 1 / rate
        self._stopping = Latch()
        self._number = next(_numbers)
        # Histories have the positive numbers.
        self._key = -self._number
        self._clock = source.core.settings.clock
        self._current_at = self._utc_now()
        self._reason = ""
        self._picture = _EMPTY
        self._draw()
        self.sent: Picture = self._captioned()
        self._sent_at = time.monotonic()
        self._handle: Handle | None = None
        self._thread: Thread | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether it draws no more, except for a last time."""
        return self._stopping.is_set

    def start(self, handle: Handle) -> None:
        """Start the thread, which updates the handle; raises `NetworkError` if that fails."""
        self._handle = handle
        shielded(self._start)

    def stop(self, error: BfxError | None = None) -> None:
        """End without waiting, from any thread, as the client ends; see `Worker`."""
        self.end(f"stopped: {CLIENT_CLOSED}" + (f": {error}" if error else ""))

    def end(self, reason: str) -> None:
        """End without waiting; the reason comes below the picture."""
        self._reason = self._reason or reason
        self._stopping.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the thread; return whether it has ended."""
        thread = self._thread
        if thread is None or thread is current_thread():
            return True
        shielded(thread.join, timeout_s)
        return not thread.is_alive()

    def _start(self) -> None:
        name = f"bfxsync-view-{self._number}"
        thread = Thread(target=self._run, name=name, daemon=True)
        lifetime = self.source.core.lifetime
        lifetime.workers[self._key] = self
        try:
            start_thread(thread)
        except NetworkError:
            lifetime.workers.pop(self._key, None)
            self.end("stopped")
            raise
        self._thread = thread
        if lifetime.is_closing:
            # Closed concurrently: this one may have been missed.
            self.stop()

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._interval_s):
                ending = self.source.ending()
                if ending:
                    self.end(f"stopped: {ending}")
                else:
                    self._refresh()
            # A client that has ended has no data any more; a recording still has all of it.
            if self.source.core.is_replay or not self.source.ending():
                self._draw()
        except Exception as exc:
            _log.error("the view of %s failed", self.source.name, exc_info=exc)
            self.end(f"stopped: {type(exc).__name__}: {exc}")
        finally:
            self.end("stopped")
            self._finish()

    def _finish(self) -> None:
        try:
            self._send(self._captioned(self._reason))
            self.source.close()
        except Exception as exc:
            # The kernel may be about to end.
            _log.info("the view of %s ended: %s", self.source.name, exc)
        finally:
            self.source.core.lifetime.workers.pop(self._key, None)

    def _refresh(self) -> None:
        """Send the picture if it has changed, or the time below it is old."""
        before, state_before = self._picture, self._state
        self._draw()
        is_old = time.monotonic() - self._sent_at >= _RENEW_S
        if self._picture != before or self._state != state_before or is_old:
            self._send(self._captioned())

    def _draw(self) -> None:
        self._state = self.source.state()
        # The clock of a recording only goes on with its data.
        if not self._state or self.source.core.is_replay:
            self._current_at = self._utc_now()
        self._picture = self.source.draw() or self._picture

    def _captioned(self, state: str = "") -> Picture:
        """Return the picture with the time of its data, and what is wrong with it."""
        caption = f"as of {self._current_at:%Y-%m-%d %H:%M:%S} UTC"
        state = state or self._state
        if state:
            caption += f" \N{MIDDLE DOT} {state}"
        return self._picture.with_caption(caption)

    def _utc_now(self) -> datetime:
        """Return the time; of a replay, that of the recording."""
        return self._clock.utc(self._clock.now())

    def _send(self, picture: Picture) -> None:
        self._sent_at = time.monotonic()
        if picture != self.sent and self._handle is not None:
            self.sent = picture
            self._handle.update(picture)
