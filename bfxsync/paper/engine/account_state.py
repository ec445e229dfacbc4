"""
The state of an account as JSON values: collecting its changes, and restoring them.

Strategy: a change has the new state of each object that an event has changed, and the rows that
were added to each history. Restoring sets these states and appends these rows, in order. Nothing is
matched, priced or charged a second time, so no market is needed.
"""

from __future__ import annotations

from typing import (
    Any,
    Callable,
    Deque,
    Dict,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    TypeVar,
    Union,
)

import attrs

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.funding_loan import AutoRenew, EngineLoan
from bfxsync.paper.engine.funding_offer import EngineOffer
from bfxsync.paper.engine.order import EngineOrder
from bfxsync.paper.engine.positions import EnginePosition
from bfxsync.paper.engine.stored_data import PriceAlert, RecurringOrder
from bfxsync.paper.engine.units import Row
from bfxsync.paper.engine.wallets import Booking, EngineWallet

Changes = Dict[str, Any]

_Item = Union[EngineOrder, EngineOffer, EnginePosition, EngineLoan, EngineWallet]
_T = TypeVar("_T")
_Filled = TypeVar("_Filled", EngineOrder, EngineOffer)

# By code of an event: the kind of object that it changes, and the index of its id in the row.
_TOUCHED = {
    **dict.fromkeys(("on", "ou", "oc"), ("orders", 0)),
    **dict.fromkeys(("te", "tu"), ("orders", 3)),
    **dict.fromkeys(("pn", "pu", "pc"), ("positions", 0)),
    **dict.fromkeys(("fon", "fou", "foc"), ("offers", 0)),
    **dict.fromkeys(("fte", "ftu"), ("offers", 3)),
    **dict.fromkeys(("fln", "flu", "flc", "fcn", "fcu", "fcc"), ("loans", 0)),
}
_CLOSING = ("oc", "foc")


class AccountChanges:
    """
    The changes of an account since the last `take`, at first since it was empty.

    Attributes
    ----------
    is_pending : bool
        Whether `take` may return any.
    """

    def __init__(self, account: Account) -> None:
        self.is_pending: bool = True
        self._account = account
        funding = account.funding
        self._touched: dict[str, dict[Any, None]] = {
            "orders": dict.fromkeys([*account.closed, *account.orders]),
            "positions": dict.fromkeys(account.positions.open),
            "offers": dict.fromkeys([*funding.closed_offers, *funding.offers]),
            "loans": dict.fromkeys(funding.loans),
            "wallets": {(w.kind, w.currency): None for w in account.wallets},
        }
        # As of the last `take`: the last row of each history, fills, holds and settings.
        self._last: dict[str, object] = {}
        self._fill_counts: dict[tuple[str, int], int] = {}
        self._holds: dict[tuple[str, str], dict[Hashable, int]] = {}
        self._settings: dict[str, list[Row]] = {}
        account.listeners.append(self._note)
        account.on_silent_change = self._note_order

    def take(self) -> Changes:
        """Return the changes since the last call."""
        account = self._account
        self.is_pending = False
        found: Changes = {}
        for table, ids in self._touched.items():
            if ids:
                found[table] = list(self._states(table, list(ids)))
                ids.clear()
        rows = {
            name: self._added(name, history)
            for name, history in histories(account).items()
        }
        found["histories"] = {name: added for name, added in rows.items() if added}
        found = {name: value for name, value in found.items() if value}
        for name, settings in _settings(account).items():
            if settings != self._settings.get(name, []):
                found[name] = self._settings[name] = settings
        return found

    def _note(self, code: str, row: Row) -> None:
        self.is_pending = True
        if code == "wu":
            self._touched["wallets"][row[0], row[1]] = None
        elif code in _TOUCHED:
            table, at = _TOUCHED[code]
            if code in _CLOSING:
                # The order of closing is that of the history.
                self._touched[table].pop(row[at], None)
            self._touched[table].setdefault(row[at])

    def _note_order(self, order: EngineOrder) -> None:
        self.is_pending = True
        self._touched["orders"].setdefault(order.id)

    def _states(self, table: str, keys: list[Any]) -> Iterator[Row]:
        account, funding = self._account, self._account.funding
        for key in keys:
            if table == "wallets":
                yield self._wallet(*key)
            elif table == "orders":
                order = account.orders.get(key) or account.closed.get(key)
                yield from self._filled(table, order)
            elif table == "offers":
                # The bid of a position that borrows is in no list.
                offer = funding.offers.get(key) or funding.closed_offers.get(key)
                yield from self._filled(table, offer)
            elif table == "loans":
                loan = funding.loans.get(key)
                yield [key, None if loan is None else _fields(loan)]
            else:
                position = account.positions.open.get(key)
                yield [key, None if position is None else _fields(position)]

    def _wallet(self, kind: str, currency: str) -> Row:
        wallet = self._account.wallets.get(kind, currency)
        before = self._holds.get((kind, currency), {})
        holds = [
            [purpose, wallet.holds.get(purpose, 0)]
            for purpose in {**before, **wallet.holds}
            if wallet.holds.get(purpose) != before.get(purpose)
        ]
        self._holds[kind, currency] = dict(wallet.holds)
        return [_fields(wallet, "holds", "reserved"), holds]

    def _filled(
        self, table: str, item: EngineOrder | EngineOffer | None
    ) -> Iterator[Row]:
        """Yield the fields of an order or offer, and its new fills, which may be many."""
        if item is None:
            return
        known = self._fill_counts.pop((table, item.id), 0)
        if item.is_open:
            self._fill_counts[table, item.id] = len(item.fills)
        yield [_fields(item, "fills"), item.fills[known:]]

    def _added(self, name: str, history: Deque[Any]) -> list[Any]:
        last, rows = self._last.get(name), []
        for row in reversed(history):
            if row is last:
                break
            rows.append(row)
        if rows:
            self._last[name] = rows[0]
        return rows[::-1]


def histories(account: Account) -> dict[str, Deque[Any]]:
    """Return the histories to which rows are only ever added, by name."""
    return {
        "ledger": account.wallets.ledger,
        "trades": account.trades,
        "movements": account.movements,
        "positions_closed": account.positions.closed,
        "positions_changed": account.positions.changes,
        "snapshots": account.positions.snapshots,
        "past_loans": account.funding.past_loans,
        "past_credits": account.funding.past_credits,
        "funding_trades": account.funding.trades,
    }


def apply(account: Account, changes: Changes) -> None:
    """Apply changes to an account; after the last of all accounts call `complete`."""
    for fields, holds in changes.get("wallets", ()):
        _apply_wallet(account, fields, holds)
    funding = account.funding
    for fields, fills in changes.get("orders", ()):
        _apply_filled(EngineOrder, account.orders, account.remember, fields, fills)
    for fields, fills in changes.get("offers", ()):
        _apply_filled(EngineOffer, funding.offers, funding.remember, fields, fills)
    for id, fields in changes.get("loans", ()):
        loan = funding.loans.pop(id, None)
        if fields is not None:
            funding.loans[id] = _updated(EngineLoan, loan, fields)
    for symbol, fields in changes.get("positions", ()):
        held = account.positions.open
        if symbol in held and (fields is None or held[symbol].id != fields["id"]):
            del held[symbol]
        if fields is not None:
            held[symbol] = _updated(EnginePosition, held.get(symbol), fields)
    for name, rows in changes.get("histories", {}).items():
        if name == "ledger":
            for row in rows:
                account.wallets.remember(Booking(*row))
        else:
            histories(account)[name].extend(rows)
    for kind, method, known in changes.get("addresses", ()):
        account.addresses[kind, method] = known
    if "auto_renew" in changes:
        funding.auto_renew = {row[0]: AutoRenew(*row) for row in changes["auto_renew"]}
    kept = account.stored
    if "settings" in changes:
        kept.settings = dict(changes["settings"])
    if "alerts" in changes:
        found = [PriceAlert(*row) for row in changes["alerts"]]
        kept.alerts = {alert.key: alert for alert in found}
    if "invoices" in changes:
        kept.invoices = [invoice for (invoice,) in changes["invoices"]]
    if "recurring" in changes:
        items = [RecurringOrder(**fields) for (fields,) in changes["recurring"]]
        kept.recurring = {item.id: item for item in items}
    if "pay_settings" in changes:
        kept.pay_settings = dict(changes["pay_settings"])
    if "pay_invoices" in changes:
        kept.pay_invoices = [invoice for (invoice,) in changes["pay_invoices"]]


def complete(accounts: Iterable[Account]) -> None:
    """Complete restored accounts: link pairs of orders and shared loans, and sort open objects."""
    users = {account.user_id: account for account in accounts}
    loans: dict[int, EngineLoan] = {}
    for account in users.values():
        for order in account.orders.values():
            pair_id: Any = order.pair
            if pair_id is not None:
                order.pair = account.orders[pair_id]
        account.orders = dict(sorted(account.orders.items()))
        funding = account.funding
        funding.offers = dict(sorted(funding.offers.items()))
        # Lender and borrower share one object.
        funding.loans = {
            id: loans.setdefault(id, loan) for id, loan in sorted(funding.loans.items())
        }
    for loan in loans.values():
        # Until here they are as in the file: ids and a mapping.
        lender_id: Any = loan.lender
        borrower_id: Any = loan.borrower
        loan.lender, loan.borrower = users.get(lender_id), users.get(borrower_id)
        offer: Any = loan.renew_offer
        if offer is not None:
            loan.renew_offer = EngineOffer(**offer)


def _apply_filled(
    cls: type[_Filled],
    open_items: dict[int, _Filled],
    remember: Callable[[_Filled], None],
    fields: dict[str, Any],
    fills: list[Row],
) -> None:
    """Apply the state and the new fills of an order or an offer."""
    item = _updated(cls, open_items.pop(fields["id"], None), fields)
    item.fills += [(price, amount) for price, amount in fills]
    if item.is_open:
        open_items[item.id] = item
    else:
        remember(item)


def _settings(account: Account) -> dict[str, list[Row]]:
    """Return the settings, which no event reports, by name."""
    addresses = account.addresses.items()
    renew = account.funding.auto_renew.values()
    alerts = account.stored.alerts.values()
    return {
        "addresses": [[*key, list(known)] for key, known in addresses],
        "auto_renew": [list(attrs.astuple(each)) for each in renew],
        "settings": [list(item) for item in account.stored.settings.items()],
        "alerts": [list(attrs.astuple(each)) for each in alerts],
        "invoices": [[each] for each in account.stored.invoices],
        "recurring": [[each.to_dict()] for each in account.stored.recurring.values()],
        "pay_settings": [list(item) for item in account.stored.pay_settings.items()],
        # Copies, as an invoice is changed in place.
        "pay_invoices": [[dict(each)] for each in account.stored.pay_invoices],
    }


def _fields(item: _Item, *but: str) -> dict[str, Any]:
    """Return the attributes of an object by name, with the ids of other objects."""
    names = (field.name for field in attrs.fields(type(item)))
    return {name: _plain(getattr(item, name)) for name in names if name not in but}


def _plain(value: Any) -> Any:
    if isinstance(value, EngineOrder):  # the other one of a pair
        return value.id
    if isinstance(value, Account):
        return value.user_id
    # A renewed offer may no longer be in any list.
    return _fields(value) if isinstance(value, EngineOffer) else value


def _updated(kind: type[_T], item: _T | None, fields: Mapping[str, Any]) -> _T:
    """Set the attributes of an object, or create it."""
    if item is None:
        return kind(**fields)
    for name, value in fields.items():
        setattr(item, name, value)
    return item


def _apply_wallet(
    account: Account, fields: Mapping[str, Any], holds: Iterable[Row]
) -> None:
    wallet = account.wallets.own(fields["kind"], fields["currency"])
    _updated(EngineWallet, wallet, fields)
    for purpose, amount in holds:
        purpose = tuple(purpose) if isinstance(purpose, list) else purpose
        wallet.hold(purpose, amount)
