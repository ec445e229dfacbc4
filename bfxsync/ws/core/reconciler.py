"""
The worker that asks REST what became of operations, and what was missed in an outage.

Strategy: any thread adds jobs; one thread, started with the first job and ended after the last one,
does the steps that are due. All that a round of steps reads is shared. The results go to the I/O
thread as commands. An error of the connection holds up all jobs, a rate limit the job that met it;
neither says anything about an order. No lock is involved that an interrupted thread could keep.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from itertools import chain
from threading import Thread, current_thread
from typing import Any, Callable, Deque, Dict, Hashable, List, Protocol

from bfxsync._base.aliases import Mts
from bfxsync._base.describe import error_text
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import shielded, start_thread
from bfxsync.checks.times import check_seconds_or_zero
from bfxsync.errors import (
    BfxError,
    ClosedError,
    NetworkError,
    OutcomeUnknown,
    RateLimited,
)
from bfxsync.outcome.find_offers import OfferFinder
from bfxsync.outcome.find_orders import OrderFinder
from bfxsync.outcome.operations import OperationFinder
from bfxsync.outcome.reader import OpenReader
from bfxsync.outcome.resolve import QUERY_S, WriteTransport
from bfxsync.outcome.shared_reads import SharedReads
from bfxsync.outcome.writes import WriteRecord
from bfxsync.wire.commands import AccountCommand
from bfxsync.wire.operations import Operation
from bfxsync.ws.core.reconcile_jobs import Job, MissedJob, OperationJob, Report, Tools
from bfxsync.ws.io.backoff import Backoff

THREAD_NAME = "bfxsync-reconcile"

_LONGEST_NAP_S = 1.0
_GATHER_S = 0.1

_log = get_logger(__name__)


class RestAccess(Protocol):
    """The REST calls of the worker; they are not those of the user's threads."""

    @property
    def transport(self) -> WriteTransport:
        """The signed transport. At a rate limit it raises instead of waiting."""
        ...

    @property
    def open_reader(self) -> OpenReader:
        """Opens readers of the account."""
        ...

    def close(self) -> None:
        """Abort the request in flight; safe in a signal handler."""


class Reply(Protocol):
    """The reply of the user's call."""

    def done(self) -> bool:
        """Return whether the fate of the operation is known."""
        ...

    def result(self, timeout: float | None = None) -> Any:
        """Return the outcome, or raise its error."""


class Reconciler:
    """
    Searches for operations with an unknown fate, and fetches what was missed in an outage.

    Parameters
    ----------
    open_access : callable
        Returns the `RestAccess`; called when it is first needed.
    deliver : callable
        Takes a command for the session of the account; called on the worker's thread.
    report : callable
        Takes an error that belongs to no operation; called on the worker's thread.
    """

    def __init__(
        self,
        open_access: Callable[[], RestAccess],
        deliver: Callable[[AccountCommand], object],
        report: Report,
    ) -> None:
        self._open_access = open_access
        # Created on first use, like `Client.rest`.
        self._opened: Dict[str, RestAccess] = {}
        self._deliver = deliver
        self._report = report
        # Any thread appends, the worker pops.
        self._incoming: Deque[Job] = deque()
        # By the token of the operation. Like those below, accessed by atomic calls only.
        self._searches: Dict[Hashable, OperationJob] = {}
        # The thread that accepts jobs, and those that may not have ended yet.
        self._worker: Dict[str, Thread] = {}
        self._threads: Deque[Thread] = deque(maxlen=16)
        self._wake = Latch()
        self._is_closing = False
        # Written by the worker, and reset by `fetch_missed`, where a race is harmless.
        self._backoff = Backoff(first_s=1.0, cap_s=30.0)
        self._paused_until = 0.0
        self._tools: Tools | None = None

    # --- any thread ---------------------------------------------------------------------------

    def reconcile(
        self,
        operation: Operation,
        record: WriteRecord,
        identity: str | None = None,
        is_settled: Callable[[], bool] = lambda: False,
    ) -> OperationJob:
        """
        Search for the fate of an operation, once however often it is called meanwhile.

        Parameters
        ----------
        record : WriteRecord
            When it was sent. Its call counts as failed now, unless it has ended before.
        identity : str, optional
            The key with which the connection was authenticated.
        is_settled : callable
            Whether its fate has become known otherwise: then the search ends.
        """
        if record.ended_at == float("inf"):
            # After a loss this is the reconnect: what the operating system still held of the old
            # connection may have arrived until now.
            record.mark_ended()
        # A moment later, as many may fail at the same time.
        begin_at = time.monotonic() + _GATHER_S / 2
        mine = OperationJob(operation, record, identity, is_settled, begin_at)
        job = self._searches.setdefault(operation.token, mine)
        if job is mine:
            self._add(job)
        if self._is_closing:
            job.over.set()
        return job

    def settled(self, token: Hashable) -> None:
        """End the search for an operation, if there is one: its fate has become known."""
        job = self._searches.pop(token, None)
        if job is not None:
            job.over.set()
            self._wake.set()

    def fetch_missed(self, since_mts: Mts, order_ids: tuple[int, ...]) -> None:
        """Fetch the trades since a time, and orders that are no longer open."""
        # There is a connection again, so jobs need not wait any longer for one.
        self._backoff = self._backoff.reset()
        self._paused_until = 0.0
        self._add(MissedJob(since_mts, order_ids))

    def resolve(
        self,
        operation: Operation,
        record: WriteRecord,
        identity: str | None,
        reply: Reply,
        error: OutcomeUnknown,
        timeout: float | None,
    ) -> Any:
        """Wait until the fate of an operation is known; see `OutcomeUnknown.resolve`."""
        if timeout is None:
            timeout = self._access().transport.absence_s + QUERY_S
        deadline = time.monotonic() + check_seconds_or_zero("timeout", timeout)
        if reply.done():
            return reply.result(0)
        job = self.reconcile(operation, record, identity, reply.done)
        while not job.over.is_set:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                break
            # In naps, as Ctrl-C just before a wait does not end it.
            job.over.wait(min(left_s, _LONGEST_NAP_S))
        if reply.done():
            return reply.result(0)
        if self._is_closing:
            raise ClosedError("the client is closed")
        found = job.error
        if isinstance(found, OutcomeUnknown):
            error.reason, error.candidates = found.reason, list(found.candidates)
            raise error
        if not job.over.is_set:
            raise error
        with suppress(OutcomeUnknown):
            # The I/O thread completes it at about this time.
            return reply.result(_LONGEST_NAP_S)
        if reply.done():
            # It remains unknown.
            return reply.result(0)
        if found is not None:
            raise found.with_traceback(None)
        return job.value

    def close(self) -> None:
        """End the worker without waiting. Acquires no lock: a signal handler may call it."""
        self._is_closing = True
        for access in list(self._opened.values()):
            access.close()
        for job in list(self._searches.values()):
            job.over.set()
        self._wake.set()

    def join(self, deadline: float) -> bool:
        """Wait for the worker to end; False if the deadline passes first."""
        threads = [each for each in list(self._threads) if each.ident is not None]
        for thread in threads:
            if thread is not current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def detach_after_fork(self) -> None:
        """Forget all jobs in a forked child: they belong to the parent, as does the thread."""
        self._is_closing = True
        self._incoming.clear()
        self._searches.clear()
        self._worker.clear()
        self._threads.clear()

    def _access(self) -> RestAccess:
        access = self._opened.get("access")
        if access is None:
            mine = self._open_access()
            access = self._opened.setdefault("access", mine)
            if access is not mine:
                mine.close()
            if self._is_closing:
                # Opened while `close` looked for it.
                access.close()
                raise ClosedError("the client is closed")
        return access

    def _add(self, job: Job) -> None:
        self._incoming.append(job)
        shielded(self._start)
        self._wake.set()

    def _start(self) -> None:
        """Start the worker, unless there is one; on a thread that no signal reaches."""
        if self._is_closing:
            return
        thread = Thread(target=self._run, name=THREAD_NAME, daemon=True)
        if self._worker.setdefault("thread", thread) is not thread:
            return
        self._threads.append(thread)
        try:
            start_thread(thread)
        except NetworkError as exc:
            # The next job tries again.
            self._worker.pop("thread", None)
            _log.error("operations cannot be reconciled: %s", exc)

    # --- the worker ---------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._work()
        except Exception as exc:
            _log.error("the reconciler failed; this is a bug in bfxsync", exc_info=exc)
            for job in list(self._searches.values()):
                self.settled(job.operation.token)
        finally:
            self._worker.pop("thread", None)
        # Added by a thread that did not see that this one ends.
        if self._incoming:
            self._start()

    def _work(self) -> None:
        jobs: List[Job] = []
        while not self._is_closing:
            # Before the jobs are received, so that it ends the wait for one that comes later.
            self._wake.clear()
            while self._incoming:
                jobs.append(self._incoming.popleft())
            jobs = [job for job in jobs if not self._has_ended(job)]
            if not jobs:
                break
            now = time.monotonic()
            first_at = max(min(job.due_at for job in jobs), self._paused_until)
            # Those that failed at almost the same time share a round.
            soon = [job for job in jobs if job.due_at <= first_at + _GATHER_S]
            due_at = max(first_at, *(job.due_at for job in soon))
            if due_at > now:
                self._wake.wait(due_at - now)
            else:
                self._do([job for job in jobs if job.due_at <= now])

    def _has_ended(self, job: Job) -> bool:
        if job.is_over and isinstance(job, OperationJob):
            token = job.operation.token
            if self._searches.get(token) is job:
                self._searches.pop(token, None)
        return job.is_over

    def _do(self, jobs: List[Job]) -> None:
        """Do the next step of each job."""
        is_new = True
        for job in jobs:
            if self._is_closing:
                return
            try:
                tools = self._tools = self._tools or self._make_tools()
                if is_new:
                    tools.reads.begin(chain.from_iterable(job.ids for job in jobs))
                    is_new = False
                commands = job.step(tools)
                self._backoff = self._backoff.reset()
            except ClosedError:
                self._is_closing = True
                return
            except RateLimited as error:
                _log.info("reconciliation: %s", error)
                job.due_at = time.monotonic() + error.retry_after_s
                continue
            except BfxError as error:
                if error.retryable or isinstance(error, NetworkError):
                    # It would hold up each of the other jobs in turn.
                    self._pause(error)
                    return
                _log.warning("reconciliation: %s", error)
                commands = job.fail(error, self._report)
            except Exception as exc:
                _log.error(
                    "reconciliation failed; this is a bug in bfxsync", exc_info=exc
                )
                commands = job.fail(BfxError(error_text(exc)), self._report)
            self._has_ended(job)
            for command in commands:
                self._deliver(command)

    def _pause(self, error: BfxError) -> None:
        if self._is_closing:
            return
        delay_s = self._backoff.delay_s()
        self._paused_until = time.monotonic() + delay_s
        log = _log.info if self._backoff.failures else _log.warning
        self._backoff = self._backoff.failed()
        log("reconciliation: trying again in %.1f s after: %s", delay_s, error)

    def _make_tools(self) -> Tools:
        access = self._access()
        reads = SharedReads(access.open_reader)
        offers = OfferFinder(access.open_reader)
        finder = OperationFinder(OrderFinder(reads.open), offers)
        return Tools(access.transport, access.open_reader, reads, finder, self._report)
