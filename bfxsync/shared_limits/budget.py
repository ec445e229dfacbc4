"""
Rate limits shared through a file or through Redis, with a part of them while that is away.

Strategy: each request asks the store for a slot, and asks again when the slot is due. A store that
cannot be used, or has lost data, begins an outage: requests get slots of this process's part of the
limit (`Fraction`). When the store is back, every process adds what it has sent in the last window,
and no slot is given out until all processes had the time to do so.

A watcher thread tells the store every few seconds that the process is alive. So each process knows
how many there are when an outage begins, and notices one without making requests. The thread also
tries to reach a store that is away. It ends with the budget.
The store is called on threads that no signal reaches, and each call has a timeout.
"""

from __future__ import annotations

import os
import time
import weakref
from itertools import count
from typing import Any, Callable, Dict, Iterator, Optional, Sequence, Tuple

import attrs

from bfxsync._base.atomic import AtomicValue
from bfxsync._base.describe import also_half_made, error_text
from bfxsync._base.forks import reset_after_fork
from bfxsync._base.hidden import hide
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync._base.redis_urls import is_redis_url, redis_url
from bfxsync._base.shield import later, shielded
from bfxsync.checks.options import check_bool
from bfxsync.checks.times import check_seconds
from bfxsync.errors import BfxError, NetworkError, UsageError
from bfxsync.shared_limits.file_store import FileStore
from bfxsync.shared_limits.fraction import UNKNOWN_PROCESSES, Fraction
from bfxsync.shared_limits.outage import PROBE_S, SETTLE_S, TIMEOUT_S, Outage
from bfxsync.shared_limits.redis_store import RedisStore
from bfxsync.shared_limits.sent import Sent
from bfxsync.shared_limits.window import LONGEST_WINDOW_S, Answer, Limit

_FIRST_BEAT_S = 1.0
_MANY_KEYS = 256

_log = get_logger(__name__)


class SharedBudget:
    """
    Rate limits that several processes or machines share.

    Pass it as ``shared_budget=`` to clients; a path or a URL instead means one with the defaults.

    Parameters
    ----------
    place : str or os.PathLike
        A file on a local disk, for the processes of one machine (extra ``multiprocess``), or
        ``redis://host:6379/0?address=NAME``, for machines that share a public address (extra
        ``redis``). `NAME` is any name of that address: the exchange counts by address, so machines
        with different addresses need different names. ``rediss://`` and ``unix://`` work too.
    exempt_loopback : bool
        Do not limit requests to loopback hosts, as in tests.
    timeout : float
        Seconds for the lock of the file, or for connecting to the server and for each reply; at
        most 1. The lookup of the server's host name is not limited.

    Raises
    ------
    UsageError
        Invalid argument; the extra is not installed; the file cannot be used, or belongs to another
        program.
    RequestTimeout
        Other processes held the lock of the file for too long.
    """

    # Ends a pause of the watcher.
    _wake: Latch
    _is_watched: bool
    _numbers: Iterator[int]

    def __init__(
        self,
        place: str | os.PathLike[str],
        *,
        exempt_loopback: bool = True,
        timeout: float = TIMEOUT_S,
    ) -> None:
        # First, so that no traceback shows a password in the URL.
        place = hide(place)
        self.exempt_loopback: bool = check_bool("exempt_loopback", exempt_loopback)
        timeout_s = check_seconds("timeout", timeout)
        if timeout_s > TIMEOUT_S:
            raise UsageError(
                f"timeout must be at most {TIMEOUT_S:g} s, not {timeout!r}"
            )
        self._store: FileStore | RedisStore
        if is_redis_url(place):
            url = redis_url(place, name="shared_budget", options=("address",))
            self._store = RedisStore(url, timeout_s=timeout_s)
        else:
            self._store = FileStore(place, timeout_s=timeout_s)
            # An unusable file is a mistake of the caller; a server may be away for a while.
            shielded(self._store.check)
        self._outage: AtomicValue[Optional[Outage]] = AtomicValue(None)
        self._processes = 0
        self._outage_count = 0
        self._last_error: str | None = None
        # By key: the answer to the last request, with its time.
        self._latest: Dict[str, Tuple[Answer, float]] = {}
        self._sent = Sent()
        self._blocked_until: Dict[str, float] = {}
        self._reset_after_fork()
        reset_after_fork(self)

    @also_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._store}>"

    def stats(self) -> dict[str, Any]:
        """
        Return its state as plain data.

        Returns
        -------
        dict
            ``store`` (path, or URL without password), ``is_away``, ``processes`` (that used it in
            the minute before the last request, 0 if unknown), ``outages`` (so far, of this process)
            and ``last_error`` (text of the latest, None without one).
        """
        outage = self._outage.get()
        return {
            "store": str(self._store),
            "is_away": outage is not None and outage.is_away,
            "processes": self._processes,
            "outages": self._outage_count,
            "last_error": self._last_error,
        }

    def turn(self, key: str, limit: Limit) -> Turn:
        """Return a request that has no slot yet."""
        return Turn(self, key, limit, f"{self._process}.{next(self._numbers)}")

    def block(self, key: str, seconds: float) -> None:
        """Block the key for so long, in all processes; waiting requests keep their order."""
        until = time.monotonic() + seconds
        # A later answer of the exchange may have a shorter time.
        self._blocked_until[key] = max(until, self._blocked_until.get(key, until))
        shielded(self._block, key, seconds)

    def latest(self, key: str, window_s: float) -> Answer:
        """Return the state as of the last request of this process; does not use the store."""
        now = time.monotonic()
        blocked_s = max(self._blocked_until.get(key, now) - now, 0.0)
        answer, at = self._latest.get(key, (Answer(0.0), float("-inf")))
        if now - at > window_s:
            return Answer(blocked_s, blocked_s=blocked_s)
        blocked_s = max(answer.blocked_s - (now - at), blocked_s)
        wait_s = max(answer.wait_s - (now - at), blocked_s)
        return answer._replace(wait_s=wait_s, blocked_s=blocked_s)

    def keys(self) -> Sequence[str]:
        """Return the keys that this process has used lately."""
        return list({**self._latest, **self._blocked_until})

    # --- threads that no signal reaches -------------------------------------------------------

    def _request(self, turn: Turn, longest_s: float) -> Answer:
        self._start_watcher()
        while True:
            outage = self._current_outage()
            try:
                answer = self._answer(turn, longest_s, outage)
            except BfxError as exc:
                self._begin_outage(exc)
                continue
            now = time.monotonic()
            if answer.is_booked and answer.wait_s <= 0 and not turn.is_given_up:
                self._sent.add(turn.key, turn.limit, turn.owner, now)
            # Otherwise the store was lost, or has come back, meanwhile. If the requests that were
            # sent have been added to it, this one may be missing.
            if self._outage.get() is outage:
                break
        self._forget(now)
        self._latest[turn.key] = answer, now
        if turn.is_given_up:
            # Its caller was interrupted meanwhile.
            self._give_back(turn)
        return answer

    def _answer(self, turn: Turn, longest_s: float, outage: Outage | None) -> Answer:
        key, owner, limit = turn.key, turn.owner, turn.limit
        if outage is not None:
            return outage.request(key, owner, limit, time.monotonic(), longest_s)
        sent = self._sent.latest(key, time.monotonic())
        answer = self._store.request(self._process, key, owner, limit, longest_s, sent)
        self._processes = answer.processes
        return answer

    def _give_back(self, turn: Turn) -> None:
        self._sent.remove(turn.key, turn.owner)
        outage = self._current_outage()
        if outage is not None:
            outage.fraction.give_back(turn.key, turn.owner)
            return
        try:
            self._store.give_back(turn.key, turn.owner)
        except BfxError as exc:
            self._begin_outage(exc)

    def _block(self, key: str, seconds: float) -> None:
        outage = self._current_outage()
        if outage is None or not outage.is_away:
            try:
                self._store.block(key, seconds)
            except BfxError as exc:
                outage = self._begin_outage(exc)
        if outage is not None:
            now = time.monotonic()
            outage.fraction.block(key, now, now + seconds)

    def _current_outage(self) -> Outage | None:
        outage = self._outage.get()
        if outage is None or not outage.is_over(time.monotonic()):
            return outage
        self._replace(outage, None)
        return self._outage.get()

    def _replace(self, outage: Outage, following: Outage | None) -> bool:
        """Begin the next phase of an outage; return False if another one has begun."""
        return self._outage.update(
            lambda now: (following, True) if now is outage else (now, False)
        )

    def _begin_outage(self, error: Exception) -> Outage:
        now = time.monotonic()
        fraction = Fraction(now, self._processes)
        for key in self.keys():
            blocked_s = self.latest(key, float("inf")).blocked_s
            if blocked_s:
                # The exchange goes on to refuse, and attempts may prolong that.
                fraction.block(key, now, now + blocked_s)
        mine = Outage(now, fraction, _text(error))

        def change(outage: Outage | None) -> Tuple[Outage, Outage]:
            # After the return of the store: it was lost again.
            is_on = outage is not None and outage.is_away
            return (outage, outage) if outage is not None and is_on else (mine, mine)

        outage = self._outage.update(change)
        if outage is not mine:
            return outage
        self._outage_count += 1
        self._last_error = mine.error
        _log.warning(
            "the shared budget is away, so this process keeps to 1/%d of each limit until it is "
            "back: %s",
            mine.fraction.parts,
            mine.error,
        )
        self._wake.set()
        return mine

    def _start_watcher(self) -> None:
        if self._is_watched:
            return
        self._is_watched = True
        wake = self._wake
        try:
            later(_watch, weakref.ref(self, lambda _: wake.set()), wake, self._process)
        except NetworkError as exc:
            # Too many threads, or Python is ending: the next request tries again.
            self._is_watched = False
            _log.debug("the shared budget is not watched: %s", exc)

    def _beat(self) -> bool:
        """Give a sign of life, or try to end an outage; return whether the store is there."""
        outage = self._current_outage()
        if outage is not None and outage.is_away:
            return self._reach(outage)
        try:
            self._processes = self._store.seen(self._process)
        except Exception as exc:
            # Any: it would end the thread, and with it the signs of life.
            self._begin_outage(exc)
            return False
        return True

    def _reach(self, outage: Outage) -> bool:
        """Try to end an outage; return whether the store is back."""
        restoring = attrs.evolve(outage, settled_at=float("inf"))
        try:
            self._store.join(self._process)
            # From here on no request is sent that may be missing from those that are added.
            if not self._replace(outage, restoring):
                return False
            self._restore(time.monotonic())
        except Exception as exc:
            # Any: it would end the thread, and requests would wait for the store forever.
            self._last_error = _text(exc)
            self._replace(restoring, outage)
            return False
        now = time.monotonic()
        self._replace(restoring, attrs.evolve(outage, settled_at=now + SETTLE_S))
        away_s = now - outage.began
        _log.info("the shared budget is back after %.0f s: %s", away_s, self._store)
        return True

    def _restore(self, now: float) -> None:
        """Add to the store what it may have lost."""
        for key, window_s, recent in self._sent.recent(now):
            self._store.restore(self._process, key, window_s, recent)
        for key, until in list(self._blocked_until.items()):
            if until > now:
                self._store.block(key, until - now)

    def _forget(self, now: float) -> None:
        """Drop the state of unused keys, as callers may use any number of paths."""
        if len(self._latest) < _MANY_KEYS:
            return
        for key, (_, at) in list(self._latest.items()):
            if at + LONGEST_WINDOW_S < now and self._blocked_until.get(key, now) <= now:
                self._latest.pop(key, None)
                self._sent.forget(key)
                self._blocked_until.pop(key, None)

    def _reset_after_fork(self) -> None:
        """Reset in a child process, which is another process for the store."""
        self._wake = Latch()
        self._is_watched = False
        self._process: str = os.urandom(6).hex()
        self._numbers = count()
        if self._processes:
            # A server forks several, and none of them has told the store yet.
            self._processes = max(self._processes, UNKNOWN_PROCESSES)
        self._outage = AtomicValue(None)
        self._sent = Sent()
        self._store.reset_after_fork()


class Turn:
    """A request that has, or waits for, a slot of a shared budget."""

    def __init__(self, budget: SharedBudget, key: str, limit: Limit, owner: str):
        self._budget = budget
        self.key = key
        self.limit = limit
        self.owner = owner
        self.is_given_up: bool = False

    def ask(self, longest_s: float = float("inf")) -> Answer:
        """Book a slot, or claim it when it is due; with `longest_s` only one within that time."""
        return shielded(self._budget._request, self, longest_s)

    def give_up(self) -> None:
        """Give the slot back; returns at once."""
        # Before the thread starts, for a request that is still being made.
        self.is_given_up = True
        try:
            later(self._budget._give_back, self)
        except NetworkError:
            # Python is ending, or has too many threads. The slot expires.
            pass


def _text(exc: Exception) -> str:
    return str(exc) if isinstance(exc, BfxError) else error_text(exc)


def _watch(find: Callable[[], SharedBudget | None], wake: Latch, process: str) -> None:
    """Call `_beat` at intervals, while the budget is used."""
    pause_s = _FIRST_BEAT_S
    while True:
        wake.wait(pause_s)
        wake.clear()
        budget = find()
        if budget is None or budget._process != process:
            return
        pause_s = min(2 * pause_s, budget._store.beat_s) if budget._beat() else PROBE_S
        # Not kept while this thread waits.
        del budget
