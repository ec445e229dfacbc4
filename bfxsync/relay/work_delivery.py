"""
Passes the entries of a group to the callbacks of a worker, and counts what becomes of them.

Strategy: an entry is acknowledged after its callbacks have returned. What is no entry (gaps, and
the trades of a snapshot after a hole) cannot be delivered again, so an exception of its callback is
reported, and the next one is passed.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List

from bfxsync._base.describe import error_text
from bfxsync._base.logs import get_logger
from bfxsync.errors import BfxError, RemoteError
from bfxsync.models.stream import Gap
from bfxsync.relay.group_store import GroupStore, Pace
from bfxsync.streams.entries import StoredSnapshot
from bfxsync.streams.keys import ShardKeys
from bfxsync.streams.work import NO_WORK, SharedWork

_log = get_logger(__name__)

_COUNTS = (
    "entries",
    "updates",
    "gaps",
    "unreadable",
    "claimed",
    "failed",
    "given_up",
)


class WorkDelivery:
    """The callbacks of one worker; used by its thread."""

    def __init__(
        self,
        name: str,
        store: GroupStore,
        keys: ShardKeys,
        pace: Pace,
        callback: Callable[[Any], object],
        on_event: Callable[[Gap], object] | None,
        on_error: Callable[[BaseException], object] | None,
    ) -> None:
        self.counts: Dict[str, int] = dict.fromkeys(_COUNTS, 0)
        self.last_error: BaseException | None = None
        self._name = name
        self._store, self._keys, self._pace = store, keys, pace
        self._callback, self._on_event = callback, on_event
        self._on_error = on_error

    def handle(
        self,
        key: str,
        work: SharedWork,
        raw_id: bytes,
        fields: Dict[bytes, bytes],
        *,
        is_repeated: bool,
    ) -> None:
        """Pass an entry, and acknowledge it unless a callback raised."""
        start = time.monotonic()
        found = NO_WORK
        stored: Dict[bytes, bytes] = {}
        if fields.get(b"k") == b"snap":
            stored = self._store.snapshot(self._keys.snapshot(work.identity))
        try:
            snapshot = StoredSnapshot.read(stored)
            found = work.read(fields, snapshot, is_repeated)
            for item in found.updates:
                self._pass(item)
        except Exception as exc:
            # Not acknowledged: it will be claimed again.
            work.forget()
            self.counts["failed"] += 1
            self.report(exc)
            return
        finally:
            # Others say nothing about how long callbacks take.
            if found.updates and not isinstance(found.updates[0], Gap):
                self._pace.note(time.monotonic() - start)
        self._report_unreadable(found.errors)
        self._store.acknowledge(key, raw_id)
        self.counts["entries"] += 1

    def pass_stored(self, work: SharedWork, is_over: Callable[[], bool]) -> bool:
        """
        Pass the trades of the stored snapshot, as missing ones may be among them.

        Return False if the worker was closed before the last one.
        """
        stored = self._store.snapshot(self._keys.snapshot(work.identity))
        try:
            snapshot = StoredSnapshot.read(stored)
        except RemoteError as exc:
            self.report(exc)
            return True
        found = work.read_snapshot(snapshot) if snapshot is not None else NO_WORK
        for item in found.updates:
            if is_over():
                return False
            try:
                self._pass(item)
            except Exception as exc:
                # Not an entry that can be delivered again.
                self.report(exc)
        self._report_unreadable(found.errors)
        return True

    def _report_unreadable(self, errors: List[BfxError]) -> None:
        self.counts["unreadable"] += len(errors)
        for error in errors:
            self.report(error)

    def report_gap(self, reason: str) -> None:
        """Pass a gap that is no entry, and so cannot be delivered again."""
        try:
            self._pass(Gap(reason))
        except Exception as exc:
            self.report(exc)

    def _pass(self, item: Any) -> None:
        if not isinstance(item, Gap):
            self._callback(item)
            self.counts["updates"] += 1
            return
        self.counts["gaps"] += 1
        if self._on_event is not None:
            self._on_event(item)
        else:
            _log.info("gap: %s", item.reason)

    def report(self, exc: BaseException) -> None:
        """Record and log an exception, and pass it to `on_error`."""
        self.last_error = exc
        _log.error("%s: %s", self._name, error_text(exc))
        if self._on_error is not None:
            try:
                self._on_error(exc)
            except Exception as other:
                _log.error("on_error raised", exc_info=other)
