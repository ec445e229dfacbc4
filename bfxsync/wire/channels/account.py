"""
Channel 0: the account's orders, positions, wallets, funding, fills and notifications.

Strategy: the snapshots come one by one, in any order, and events may come between them. Until all
have come, or none has for a second, updates are held; then the whole state is delivered as one
`Snapshot`, and the updates after it. Fills are delivered once each, by id, across sockets. An
unreadable message is reported and kept in the state, and changes nothing else: only another socket
would bring it again, and would do so unchanged.

https://docs.bitfinex.com/reference/ws-auth-account-info
"""

from __future__ import annotations

from typing import Any, Collection, Sequence

from bfxsync._base.aliases import Mts, NumberType
from bfxsync.errors import RemoteError
from bfxsync.models.account_streams import (
    CODES,
    NOTIFICATION,
    ROW_MODELS,
    SNAPSHOTS,
    read_notification,
    read_update,
    snapshot_update,
)
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.account_update import AccountUpdate
from bfxsync.models.orders import Order
from bfxsync.models.rows import read_rows, short
from bfxsync.models.stream import Snapshot
from bfxsync.wire.account_state import AccountState, FillLog
from bfxsync.wire.channels.base import Channel
from bfxsync.wire.frames import server_mts

SNAPSHOT_WAIT_S = 1.0
"""How long to wait for each further snapshot; a key may lack the permission for some."""

_MOST_UNKNOWN_CODES = 100

# The first word of a filter, and the snapshots that it lets through.
_SNAPSHOTS_OF_FILTER = {
    "trading": ("ps", "os"),
    "funding": ("fos", "fcs", "fls"),
    "wallet": ("ws",),
}

# The codes of a fill: its first message, and its final one with the fee.
_FILLS = {"te": "tu", "fte": "ftu"}
_FIRST_OF = {final: first for first, final in _FILLS.items()}
_EVENTS = {
    "te": "trade_execution",
    "tu": "trade_execution_update",
    "fte": "funding_trade_execution",
}

# Updates that still have to be delivered if the socket was lost before its snapshots.
_LASTING = frozenset((*_FILLS, *_FIRST_OF, "oc", "foc", NOTIFICATION))


class AccountChannel(Channel):
    """
    The channel of an account, which is there from the authentication on.

    Parameters
    ----------
    number : type
        Type of numbers: `float`, or `decimal.Decimal`.
    filters : collection of str, optional
        Those of the authentication, which determine the snapshots; without any: all.
    """

    name = "account"
    content = "an account message"

    def __init__(
        self, number: NumberType = float, filters: Collection[str] | None = None
    ) -> None:
        super().__init__({}, number)
        self.state: AccountState = AccountState()
        self.unknown_codes: dict[str, int] = {}
        """Numbers of messages by codes that have no meaning here, which are ignored."""
        self.missing_orders: list[int] = []
        """Ids of orders that were open before the latest loss and are not known to be now."""
        self.deadline: float | None = None
        """When to call `tick`; None if that is not necessary."""
        self._expected = _snapshots_of(filters)
        self._awaited = set(self._expected)
        self._held: list[AccountUpdate] = []
        self._account: object = None

    @property
    def has_hole(self) -> bool:
        """Whether a snapshot is missing on this socket, or some row could not be read."""
        return any(
            not table.is_complete
            for table in self.state.tables
            if table.code in self._expected
        )

    def expects(self, code: str) -> bool:
        """Return whether the filters let the snapshot of this code through."""
        return code in self._expected

    # --- the socket ---------------------------------------------------------------------------

    def begin(self, now: float, account: object = None) -> list[Any]:
        """
        Start on a socket that was authenticated; return the updates, if nothing is awaited.

        `account` is the id of the user: with another one nothing of the former account is kept.
        """
        if account != self._account:
            if self._account is not None:
                self.state = AccountState()
                self._held = []
            self._account = account
        self.state.begin()
        self.missing_orders = []
        self._awaited = set(self._expected)
        self.deadline = now + SNAPSHOT_WAIT_S
        updates: list[Any] = []
        if not self._awaited:
            self._go_live(updates)
        return updates

    def tick(self, now: float) -> list[Any]:
        """Return the updates, if it is not worth waiting for more snapshots."""
        updates: list[Any] = []
        if self.deadline is not None and now >= self.deadline:
            self._go_live(updates)
        return updates

    def lose(self) -> None:
        """Keep the state of the lost socket, but not as current."""
        super().lose()
        self.state.lose()
        self.deadline = None
        self._awaited = set(self._expected)
        self._held = [update for update in self._held if update.code in _LASTING]

    def suspend(self, jump_s: float) -> None:
        """Move all recorded times back by the duration of a suspend."""
        super().suspend(jump_s)
        if self.deadline is not None:
            self.deadline -= jump_s

    def restart(self) -> list[Any]:
        """Return the whole state; none before the snapshots."""
        return [self._snapshot()] if self.is_live else []

    # --- from REST, after an outage -----------------------------------------------------------

    def restore_trades(self, trades: Sequence[AccountTrade]) -> list[Any]:
        """Return the updates of those fills that were not delivered before."""
        updates: list[Any] = []
        for trade in trades:
            self._add_fill(_fill("tu", trade), self.state.trades, updates)
        return self._deliverable(updates)

    def restore_orders(self, orders: Sequence[Order]) -> list[Any]:
        """Return the updates of those closed orders that were not delivered before."""
        updates: list[Any] = []
        table = self.state.orders
        for order in orders:
            if not table.is_closed(order):
                table.close(order)
                updates.append(AccountUpdate("oc", "order_cancel", order))
        return self._deliverable(updates)

    # --- frames -------------------------------------------------------------------------------

    def _feed(self, frame: list[Any], updates: list[Any]) -> None:
        code, row = frame[1], frame[2]
        if code.__class__ is not str or code not in CODES:
            self._ignore(code)
            return
        mts = server_mts(frame) if self.is_timed else None
        if code in SNAPSHOTS:
            self._handle_snapshot(code, row, mts, updates)
            return
        target = updates if self.is_live else self._held
        if code == NOTIFICATION:
            target.append(self._read_notification(row, mts))
            return
        update = read_update(code, row, self._number, mts)
        if code in ("te", "tu"):
            self._add_fill(update, self.state.trades, target)
        elif code in ("fte", "ftu"):
            self._add_fill(update, self.state.funding_trades, target)
        else:
            self.state.apply(update)
            target.append(update)

    def _handle_snapshot(
        self, code: str, rows: Any, mts: Mts | None, updates: list[Any]
    ) -> None:
        found: list[Any] = []
        unreadable: list[tuple[Any, str]] = []
        try:
            found = read_rows(ROW_MODELS[code].from_row, rows, self._number)
        except RemoteError as exc:
            self.errors.append(exc)
            found = exc.rows
            unreadable = exc.unreadable or [(rows, str(exc))]
        table: Any = self.state.table_of(code)
        was_current = table.is_current
        missing = table.replace(found, unreadable)
        if code == "os" and not was_current:
            self.missing_orders = missing
        if self.is_live:
            # Late, or repeated.
            updates.append(snapshot_update(code, list(table.items.values()), mts))
            return
        if self.seen_at is not None and self.deadline is not None:
            self.deadline = self.seen_at + SNAPSHOT_WAIT_S
        self._awaited.discard(code)
        if not self._awaited:
            self._go_live(updates)

    def _go_live(self, updates: list[Any]) -> None:
        self.is_live = True
        self.deadline = None
        updates.append(self._snapshot())
        updates += self._held
        self._held = []

    def _snapshot(self) -> Snapshot[AccountUpdate]:
        return Snapshot(list(self.state.rows()), self.has_hole)

    def _add_fill(
        self, update: AccountUpdate, log: FillLog[Any], updates: list[Any]
    ) -> None:
        """Add a fill, and its final form, unless they were delivered before."""
        trade: Any = update.data
        first = _FIRST_OF.get(update.code, update.code)
        if log.add(trade):
            # Also if its final form comes first, or alone after an outage.
            updates.append(_fill(first, trade, update.server_mts))
        if first != update.code and log.confirm(trade):
            updates.append(update)

    def _deliverable(self, updates: list[Any]) -> list[Any]:
        """Return the updates, or hold them if the snapshot has to come first."""
        if self.is_live:
            return updates
        self._held += updates
        return []

    def _read_notification(self, row: Any, mts: Mts | None) -> AccountUpdate:
        try:
            return read_notification(row, self._number, mts)
        except RemoteError as exc:
            # Its status may still be of interest; it has the whole row as `raw`.
            update = read_notification(row, self._number, mts, ignores_data=True)
            self.errors.append(exc)
            return update

    def _ignore(self, code: object) -> None:
        name = short(code)
        if name in self.unknown_codes or len(self.unknown_codes) < _MOST_UNKNOWN_CODES:
            self.unknown_codes[name] = self.unknown_codes.get(name, 0) + 1

    def _fail(self, exc: Exception, frame: object, updates: list[Any]) -> None:
        """Report an unreadable message, and keep it in the state."""
        if not isinstance(exc, RemoteError):
            exc = RemoteError(f"{self.title}: unreadable frame: {exc}", raw=frame)
        self.errors.append(exc)
        if isinstance(frame, list) and len(frame) > 2:
            table = self.state.table_of(str(frame[1]))
            if table is not None:
                table.keep_unreadable(frame[2], str(exc))


def _snapshots_of(filters: Collection[str] | None) -> frozenset[str]:
    if not filters:
        return frozenset(SNAPSHOTS)
    words = {text.partition("-")[0] for text in filters}
    return frozenset(
        code for word in words for code in _SNAPSHOTS_OF_FILTER.get(word, ())
    )


def _fill(code: str, trade: Any, server_mts: Mts | None = None) -> AccountUpdate:
    return AccountUpdate(code, _EVENTS[code], trade, server_mts)
