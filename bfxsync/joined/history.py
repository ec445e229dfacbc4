"""The handle of a history that is joined with the stream."""

from __future__ import annotations

import time
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Generic, Iterator

import attrs

from bfxsync._base.cells import in_cell, made_in_cell
from bfxsync._base.describe import also_half_made
from bfxsync._base.greenlets import check_threads
from bfxsync._base.html import html_of
from bfxsync._base.logs import get_logger
from bfxsync.checks.containers import optional
from bfxsync.checks.times import check_seconds_or_zero
from bfxsync.dataframes import TableSource, Tabular
from bfxsync.errors import BfxError, ClosedError, RequestTimeout, UsageError
from bfxsync.joined.closing import ClosedCandle
from bfxsync.joined.outlet import SIZE, Failure, Marker, Outlet
from bfxsync.joined.plans import Plan
from bfxsync.joined.registry import Histories
from bfxsync.joined.worker import HistoryWorker, past_items
from bfxsync.models.market import FundingTrade, Trade
from bfxsync.models.model_list import ModelList
from bfxsync.models.status import Candle
from bfxsync.models.stream import CandleCorrected, Degraded, Gap, LateTrade, Status
from bfxsync.ws.dispatch.claims import Claim, handed_over
from bfxsync.ws.dispatch.dispatcher import CallbackQueue, Routes
from bfxsync.ws.dispatch.event_log import EventLog
from bfxsync.ws.dispatch.mailbox import Mailbox

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T_co = TypeVar("T_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    T_co = TypeVar("T_co", covariant=True)

_log = get_logger(__name__)

EVENTS = (Gap, Status, Degraded, CandleCorrected, LateTrade)


@attrs.frozen(kw_only=True)
class Consumer:
    """
    What a history is for: callbacks, or an iteration if there is no callback.

    Attributes
    ----------
    past_plan : callable
        Returns the plan of everything up to a time, one row per candle, for `collect`.
    """

    callback: Callable[[Any], object] | None = None
    on_close: Callable[[Any], object] | None = None
    on_event: Callable[[Any], object] | None = None
    mailbox_size: int | None = None
    timeout: float | None = None
    past_plan: Callable[[], Plan]

    @property
    def has_callback(self) -> bool:
        return self.callback is not None or self.on_close is not None

    def routes(self, name: str) -> Routes:
        """Return the handlers of the items."""
        on_close, callback = in_cell(self.on_close), in_cell(self.callback)
        data = callback if callback is not None else on_close
        routes: Routes = {Marker: lambda marker: marker.done()}
        if data is not None:
            routes.update(dict.fromkeys((Candle, Trade, FundingTrade), data))
        if on_close is not None:
            routes[ClosedCandle] = lambda closed: on_close(closed.candle)
        on_event = self.on_event if self.on_event is not None else HistoryLog(name)
        routes.update(dict.fromkeys(EVENTS, in_cell(on_event)))
        return routes


class JoinedHistory(Tabular, Generic[T_co]):
    """
    Candles or trades from a time in the past on, first from REST, then live, without hole.

    Returned by `Client.candles` and `Client.trades`. Without a callback it can be iterated over;
    the first use starts it. Pages are read as they are consumed. As a context manager it closes
    itself at the end.

    ``df()`` and ``arrow()`` have what `collect` returns, read in parts into columns.

    Attributes
    ----------
    symbol : str
    timeframe : str or None
        Of candles.
    """

    def __init__(
        self, client: object, histories: Histories, plan: Plan, consumer: Consumer
    ) -> None:
        # A handle keeps its client alive.
        self._client = client
        self._histories = histories
        self._plan = plan
        self._consumer = consumer
        self._core = histories.wss._core
        self._log_event = HistoryLog(plan.title)
        self._made: Dict[str, HistoryWorker] = {}
        self._is_closed = False
        self.symbol: str = plan.symbol
        self.timeframe: str | None = plan.timeframe
        if consumer.has_callback:
            try:
                worker = self._begin()
                made_in_cell(worker.stop, lambda: worker.outlet.ended.is_set)
            except BaseException:
                # Also after Ctrl-C: a call that raises leaves nothing behind.
                self.close()
                raise

    @also_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._plan.title}: {self._state}>"

    _repr_html_ = html_of

    def __enter__(self) -> JoinedHistory[T_co]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_live(self) -> bool:
        """Whether the past was joined with the stream, and nothing is missing now."""
        worker = self._made.get("worker")
        return worker is not None and worker.is_live

    @property
    def exception(self) -> BfxError | None:
        """The error that ended it, or None."""
        worker = self._made.get("worker")
        return None if worker is None else worker.exception

    def __iter__(self) -> Iterator[T_co]:
        """
        Yield candles or trades in order, until the end of the range or until it is closed.

        An error that may pass, such as `NetworkError` or `RateLimited`, is raised once: iterating
        again continues after the last item. Others end it.
        """
        return handed_over(partial(self._claim_data, self._mailbox()))

    def events(self) -> Iterator[Any]:
        """
        Yield data and events in order.

        `Gap` (updates were lost, what is missing is being read), `Status` (``LIVE``: from here on
        it is live), `CandleCorrected`, `LateTrade`, `Degraded`.
        """
        return handed_over(partial(self._claim_item, self._mailbox()))

    def get(self, timeout: float | None = None) -> T_co:
        """
        Return the next candle or trade.

        Parameters
        ----------
        timeout : float, optional
            Seconds; by default the call waits indefinitely.

        Raises
        ------
        RequestTimeout
            None in time.
        ClosedError
            The range has ended, or the history or its client was closed.
        """
        timeout_s = optional(check_seconds_or_zero, "timeout", timeout)
        try:
            # A loop instead of next(): an interrupt after the call would lose its result.
            for item in handed_over(
                partial(self._claim_data, self._mailbox(), timeout_s)
            ):
                return item  # type: ignore[no-any-return]
        except RequestTimeout:
            raise
        except TimeoutError:
            raise RequestTimeout(
                f"{self._plan.title}: nothing within {timeout_s:g} s"
            ) from None
        raise ClosedError(f"{self._plan.title} has ended")

    def collect(self) -> ModelList[T_co]:
        """
        Return everything from `since` to `until` as a list; without `until`, up to now.

        Each candle is there once, the current one as of now. If `until` is in the future, this
        waits for it. An iteration is not affected. Errors as for ``iter_candles``.
        """
        return ModelList(self._past_rows(), self._plan.model, self._plan.numbers)

    def wait(self, timeout: float | None = None) -> bool:
        """
        Wait until the callbacks have had everything, as the range has ended; False after `timeout`.

        Raises the error that ended it, or `UsageError` without a callback.
        """
        timeout_s = optional(check_seconds_or_zero, "timeout", timeout)
        worker = self._made.get("worker")
        if not self._consumer.has_callback or worker is None:
            raise UsageError(
                "wait() needs a history with a callback; iterate over this one"
            )
        if self._core.dispatcher.is_current:
            raise UsageError(
                "wait() cannot be called by a callback: it would wait for itself"
            )
        if not worker.outlet.ended.wait(timeout_s):
            return False
        if worker.exception is not None:
            raise worker.exception.with_traceback(None)
        return True

    def close(self) -> None:
        """End it; items that are queued for a callback are still delivered. Idempotent."""
        self._is_closed = True
        worker = self._made.get("worker")
        if worker is not None:
            worker.stop()

    def _past_rows(self) -> Iterator[T_co]:
        plan, access = self._consumer.past_plan(), self._histories.access
        if plan.is_over(access.clock):
            yield from past_items(plan, access)
            return
        consumer = attrs.evolve(
            self._consumer, callback=None, on_close=None, on_event=None
        )
        with JoinedHistory[T_co](self._client, self._histories, plan, consumer) as past:
            yield from past

    def _table_source(self) -> TableSource:
        return TableSource(self._plan.model, self._past_rows(), self._plan.numbers)

    @property
    def _state(self) -> str:
        worker = self._made.get("worker")
        if self._is_closed:
            return "closed"
        if worker is None:
            return "new"
        if worker.exception is not None:
            return "failed"
        if worker.outlet.ended.is_set:
            return "closed"
        return "live" if worker.is_live else "loading"

    def _begin(self) -> HistoryWorker:
        """Return the worker; create and start it if there is none."""
        worker = self._made.get("worker")
        if worker is None:
            mine = self._new_worker()
            worker = self._made.setdefault("worker", mine)
            if worker is not mine:
                mine.stop()
            elif not self._consumer.has_callback:
                finalizer = weakref.finalize(self, worker.stop)
                finalizer.atexit = False  # type: ignore[misc]  # a property without a slot
        # Each time, as an interrupt may have come before it.
        worker.start()
        if self._is_closed:
            worker.stop()
        return worker

    def _new_worker(self) -> HistoryWorker:
        check_threads()
        core, plan, consumer = self._core, self._plan, self._consumer
        core.lifetime.check_open()
        access = self._histories.access
        if consumer.has_callback:
            core.start_dispatch()
            name = plan.title
            queue = CallbackQueue(
                name, consumer.routes(name), core.dispatcher, size=SIZE
            )
            mailbox, report = queue.mailbox, core.publisher.report_now
        else:
            mailbox, report = Mailbox(SIZE), None
        subscription = None
        if not plan.is_over(access.clock):
            registry = self._histories.wss._subscriptions
            # Without the client, which the worker must not keep alive.
            subscription = registry.open(
                None,
                plan.channel,
                dict(plan.arguments),
                timeout=consumer.timeout,
                mailbox_size=consumer.mailbox_size,
            )
        return HistoryWorker(
            plan,
            access,
            Outlet(mailbox, consumer.has_callback),
            subscription,
            report,
            core.lifetime,
        )

    def _mailbox(self) -> Mailbox:
        if self._consumer.has_callback:
            raise UsageError("a history with a callback cannot be read from as well")
        if self._core.lifetime.is_forked:
            raise self._core.lifetime.forked_error()
        self._core.check_may_wait()
        return self._begin().outlet.mailbox

    def _claim_item(self, mailbox: Mailbox, timeout_s: float | None = None) -> Claim:
        if self._core.lifetime.is_forked:
            raise self._core.lifetime.forked_error()
        try:
            claim = mailbox.claim(timeout_s)
        except StopIteration:
            self._core.lifetime.check_exit()
            raise
        claimed, number, _ = claim
        item: Any = claimed.get(number)
        if item.__class__ is Failure:
            claimed.pop(number, None)
            raise item.error.with_traceback(None)
        return claim

    def _claim_data(self, mailbox: Mailbox, timeout_s: float | None = None) -> Claim:
        """Claim the next candle or trade; log events before it."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        remaining_s = timeout_s
        while True:
            claimed, number, _ = claim = self._claim_item(mailbox, remaining_s)
            item: Any = claimed.get(number)
            if item.__class__ not in EVENTS:
                return claim
            claimed.pop(number, None)
            self._log_event(item)
            if deadline is not None:
                remaining_s = max(0.0, deadline - time.monotonic())


class HistoryLog:
    """Logs the events of a history without `on_event`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._log = EventLog(name)

    def __call__(self, event: object) -> None:
        if isinstance(event, Gap):
            # Nothing is missing in the end, whatever was dropped.
            _log.info("%s: gap, read again: %s", self._name, event.reason)
        elif isinstance(event, LateTrade):
            _log.warning("%s: left out, as it came late: %r", self._name, event.trade)
        elif isinstance(event, CandleCorrected):
            _log.info("%s: corrected: %r", self._name, event.candle)
        else:
            self._log(event)
