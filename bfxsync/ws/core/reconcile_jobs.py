"""
The jobs of the reconciler: one operation with an unknown fate, or what was missed in an outage.

Strategy: a job is a value with the time of its next step. A step sends requests and never waits
otherwise, so that the minute after which an order counts as absent holds up no other order.
"""

from __future__ import annotations

import time
from typing import Any, Callable, List, Protocol, Sequence, Set, Tuple

import attrs

from bfxsync._base.aliases import Mts
from bfxsync._base.describe import error_text
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.errors import BfxError, NotExecuted, OutcomeUnknown, RemoteError
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.orders import Order
from bfxsync.outcome.operations import OperationFinder, not_executed, outcome_unknown
from bfxsync.outcome.reader import OpenReader
from bfxsync.outcome.resolve import Attempt, Resolution, Verdict, WriteTransport
from bfxsync.outcome.shared_reads import MOST_IDS, SharedReads
from bfxsync.outcome.unread import UnreadRows
from bfxsync.outcome.writes import WriteRecord
from bfxsync.wire.commands import (
    AccountCommand,
    Reconciled,
    RestoreOrders,
    RestoreTrades,
)
from bfxsync.wire.operations import Operation

MOST_MISSED = 20_000
"""Maximum number of trades that are fetched after an outage."""

MOST_FAILURES = 3
"""After so many refusals in a row a job is given up."""

_PAUSE_S = 5.0
# Between the first two requests for orders that are not yet in the history; doubled after each.
_FIRST_PAUSE_S = 1.0

Report = Callable[[BfxError], object]
"""Reports an error that belongs to no operation."""

_log = get_logger(__name__)


@attrs.frozen
class Tools:
    """What jobs work with, on the reconciler's thread."""

    transport: WriteTransport
    open_reader: OpenReader
    reads: SharedReads
    """The reads that all jobs of a round share."""
    finder: OperationFinder
    report: Report


class Job(Protocol):
    """Work that is done in steps, each at its time."""

    due_at: float
    """Time of the next step, by `time.monotonic`."""

    @property
    def is_over(self) -> bool:
        """Whether there are no further steps."""
        ...

    @property
    def ids(self) -> Sequence[int]:
        """Ids of the orders that the next step may request."""
        ...

    def step(self, tools: Tools) -> List[AccountCommand]:
        """Send requests; return what they show."""
        ...

    def fail(self, error: BfxError, report: Report) -> List[AccountCommand]:
        """Handle the refusal of a request, which would occur again if it were repeated at once."""
        ...


@attrs.define(eq=False)
class OperationJob:
    """
    The search for the fate of one operation.

    Attributes
    ----------
    operation : Operation
    record : WriteRecord
        When it was sent.
    identity : str or None
        The key with which the connection was authenticated.
    is_settled : callable
        Whether its fate has become known otherwise.
    over : Latch
        Set when there are no further steps.
    error : BfxError or None
        `NotExecuted`, or the `OutcomeUnknown` of the search so far; None if `value` is the outcome.
    """

    operation: Operation
    record: WriteRecord
    identity: str | None
    is_settled: Callable[[], bool]
    due_at: float = 0.0
    over: Latch = attrs.field(factory=Latch, init=False)
    value: Any = attrs.field(default=None, init=False)
    error: BfxError | None = attrs.field(default=None, init=False)
    _resolution: Resolution | None = attrs.field(default=None, init=False)
    _failures: int = attrs.field(default=0, init=False)

    @property
    def is_over(self) -> bool:
        if not self.over.is_set and self.is_settled():
            self.over.set()
        return self.over.is_set

    @property
    def ids(self) -> Sequence[int]:
        id = self.operation.body.get("id")
        return [id] if self.operation.name in ("ou", "oc") and id is not None else ()

    def step(self, tools: Tools) -> List[AccountCommand]:
        operation, resolution = self.operation, self._resolution
        if resolution is None:
            resolution = self._resolution = Resolution(
                Attempt(self.record, tools.transport, identity=self.identity),
                tools.finder.search_for(operation),
                not_executed(operation),
                outcome_unknown(operation, self.record.sent_s),
            )
        verdict = resolution.step(tools.reads.began_at)
        self._failures = 0
        if verdict is Verdict.WAIT:
            self.due_at = time.monotonic() + resolution.next_pause_s()
        try:
            self.value, self.error = resolution.result(), None
        except (NotExecuted, OutcomeUnknown) as error:
            self.error = error.with_traceback(None)
        return [] if verdict is Verdict.WAIT else self._end()

    def fail(self, error: BfxError, report: Report) -> List[AccountCommand]:
        self._failures += 1
        if self._failures < MOST_FAILURES:
            self.due_at = time.monotonic() + self._failures * _PAUSE_S
            return []
        unknown = outcome_unknown(self.operation, self.record.sent_s)
        unknown.reason = f"it cannot be searched for: {error_text(error)}"
        unknown.__cause__ = error
        self.error = unknown
        return self._end()

    def _end(self) -> List[AccountCommand]:
        self.over.set()
        return [Reconciled(self.operation, self.value, self.error)]


@attrs.define(eq=False)
class MissedJob:
    """
    Fetches trades and closed orders of an outage.

    The exchange may list them late. So orders are requested until all are found, and trades once
    more when `absence_s` is over.
    """

    since_mts: Mts
    order_ids: Tuple[int, ...]
    due_at: float = 0.0
    is_over: bool = attrs.field(default=False, init=False)
    _ends_at: float | None = attrs.field(default=None, init=False)
    _pause_s: float = attrs.field(default=_FIRST_PAUSE_S, init=False)
    _left: List[int] = attrs.field(init=False)
    _seen: Set[Tuple[int, str, int]] = attrs.field(factory=set, init=False)
    _unreadable: List[Any] = attrs.field(factory=list, init=False)
    _failures: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._left = list(dict.fromkeys(self.order_ids))

    @property
    def ids(self) -> Sequence[int]:
        # Not shared with searches, as it has many.
        return ()

    def step(self, tools: Tools) -> List[AccountCommand]:
        began_at = time.monotonic()
        is_first = self._ends_at is None
        ends_at = self._ends_at or began_at + tools.transport.absence_s
        is_last = not is_first and began_at >= ends_at
        trades = self._trades(tools) if is_first or is_last else []
        orders = self._orders(tools)
        # After the requests: if one of them fails, the step is repeated.
        self._ends_at, self._failures = ends_at, 0
        self._seen.update(map(_key_of, trades))
        found = {order.id for order in orders}
        self._left = [id for id in self._left if id not in found]
        if is_last:
            self._finish()
        elif self._left:
            self.due_at = min(time.monotonic() + self._pause_s, ends_at)
            self._pause_s *= 2
        else:
            self.due_at = ends_at
        # Trades first, so that the fills of a closed order are complete.
        commands: List[AccountCommand] = [RestoreTrades(trades)] if trades else []
        return [*commands, RestoreOrders(orders)] if orders else commands

    def fail(self, error: BfxError, report: Report) -> List[AccountCommand]:
        self._failures += 1
        self.due_at = time.monotonic() + self._failures * _PAUSE_S
        if self._failures == MOST_FAILURES:
            self.is_over = True
            report(error)
        return []

    def _trades(self, tools: Tools) -> List[AccountTrade]:
        reader, unread = tools.open_reader()
        found: List[AccountTrade] = []
        rows = reader.iter_trades_history(start=self.since_mts)
        for trade in unread.readable(rows):
            if _key_of(trade) in self._seen:
                continue
            if len(found) == MOST_MISSED:
                tools.report(
                    BfxError(
                        f"more than {MOST_MISSED} trades were missed: read the rest with "
                        f"rest.auth.iter_trades_history(start={found[-1].mts_create})"
                    )
                )
                break
            found.append(trade)
        self._report_unreadable("trades", unread, tools)
        return sorted(found, key=lambda trade: (trade.mts_create, trade.id))

    def _orders(self, tools: Tools) -> List[Order]:
        found: List[Order] = []
        for first in range(0, len(self._left), MOST_IDS):
            reader, unread = tools.open_reader()
            ids = self._left[first : first + MOST_IDS]
            found += reader.get_orders_history(ids=ids, limit=len(ids))
            self._report_unreadable("orders", unread, tools)
        return sorted(found, key=lambda order: (order.mts_update, order.id))

    def _report_unreadable(self, what: str, unread: UnreadRows, tools: Tools) -> None:
        new = [row for row in unread.rows if row not in self._unreadable]
        if new:
            self._unreadable += new
            text = f"{len(new)} unreadable {what} in the history of an outage"
            pairs = [(row, "unreadable") for row in new]
            tools.report(RemoteError(text, raw=new[0], unreadable=pairs))

    def _finish(self) -> None:
        self.is_over = True
        if self._left:
            _log.warning(
                "the exchange lists these orders neither as open nor as closed: %s",
                ", ".join(map(str, self._left)),
            )


def _key_of(trade: AccountTrade) -> Tuple[int, str, int]:
    # Ids are unique within a pair, and a self-trade is listed for both orders.
    return trade.id, trade.symbol, trade.order_id
