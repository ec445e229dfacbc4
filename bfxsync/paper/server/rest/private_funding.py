"""Funding offers, loans and credits of an account, and their settings."""

from __future__ import annotations

from typing import Callable, Iterable

from bfxsync.paper.engine.amounts import integer, read_positive, read_rate
from bfxsync.paper.engine.errors import GENERIC
from bfxsync.paper.engine.funding_loan import AutoRenew, EngineLoan, lent
from bfxsync.paper.engine.funding_offer import HIGHEST_RATE, LONGEST, SHORTEST
from bfxsync.paper.engine.units import Row
from bfxsync.paper.server.rest.private_orders import notification
from bfxsync.paper.server.rest.query import Refused, SignedCall, is_wanted

_MOST_ROWS = 500
_CREATED, _UPDATED = 2, 3


def offers(call: SignedCall) -> list[Row]:
    """Return the open offers, newest first."""
    rows = call.registry.funding.offers(call.account)
    return _of_symbol(call, rows[::-1])


def offers_hist(call: SignedCall) -> list[Row]:
    """Return closed offers, last changed first."""
    closed = call.account.funding.closed_offers.values()
    rows = [call.registry.funding.offer_row(offer) for offer in closed]
    rows.sort(key=lambda row: (row[_UPDATED], row[0]), reverse=True)
    return call.past(rows, _MOST_ROWS, _UPDATED, {1: _symbol(call)})


def trades_hist(call: SignedCall) -> list[Row]:
    """Return the funding trades of the account."""
    trades = call.account.funding.trades
    rows = trades if call.integer("sort") == 1 else reversed(trades)
    return call.past(rows, _MOST_ROWS, _CREATED, {1: _symbol(call)})


def open_loans(is_used: bool) -> Callable[[SignedCall], list[Row]]:
    """Return the handler that lists the loans, or the credits."""

    def answer(call: SignedCall) -> list[Row]:
        rows = call.registry.funding.loans(call.account, is_used)
        return _of_symbol(call, rows[::-1])

    return answer


def past_loans(is_used: bool) -> Callable[[SignedCall], list[Row]]:
    """Return the handler that lists the returned loans, or credits, last changed first."""

    def answer(call: SignedCall) -> list[Row]:
        funding = call.account.funding
        rows = funding.past_credits if is_used else funding.past_loans
        return call.past(reversed(rows), _MOST_ROWS, 4, {1: _symbol(call)})

    return answer


def cancel_all(call: SignedCall) -> Row:
    """Cancel all offers, or those in one currency."""
    currency = call.text_or_none("currency")
    found = [
        offer
        for offer in call.account.funding.offers.values()
        if currency in (None, offer.currency)
    ]
    call.registry.funding.cancel(call.account, found)
    text = f"Submitting {len(found)} offer cancellations."
    return notification(call, "foc_all-req", None, text)


def close(call: SignedCall) -> Row:
    """Return borrowed funding."""
    loan = _borrowed(call, call.integer("id"))
    call.registry.funding.close(loan)
    return notification(call, "fc-req", None, f"Returning funding (ID: {loan.id}).")


def keep(call: SignedCall) -> Row:
    """Set whether borrowed funding is kept; without `changes` it is toggled."""
    kind, changes = call.text("type"), call.values.get("changes")
    if kind not in ("credit", "loan"):
        raise Refused("type: invalid")
    if not (changes is None or isinstance(changes, dict)):
        raise Refused("changes: invalid")
    wanted: dict[int, bool | None] = dict.fromkeys(call.integers() or (), None)
    for id, state in (changes or {}).items():
        if not str(id).isdecimal() or state not in (1, 2):
            raise Refused("changes: invalid")
        wanted[int(id)] = state == 1
    if not wanted:
        raise Refused("id: invalid")
    loans = {id: _borrowed(call, id) for id in wanted}
    if any((loan.pair is None) != (kind == "loan") for loan in loans.values()):
        raise Refused("id: invalid")
    for id, is_kept in wanted.items():
        if is_kept is None:
            is_kept = not loans[id].is_kept
        call.registry.funding.keep(loans[id], is_kept)
    return notification(call, "fk-req", None, "Submitted.")


def auto_renew(call: SignedCall) -> Row:
    """Switch auto-renew of a currency on or off."""
    currency, status = _currency(call), call.integer("status")
    settings = call.account.funding.auto_renew
    if status == 0:
        setting = settings.pop(currency, None)
        data = None if setting is None else setting.row()
        return notification(call, "fa-req", data, f"Auto-renew of {currency} is off.")
    if status != 1:
        raise Refused("status: invalid")
    # In percent, unlike all other rates.
    rate = read_rate("rate", call.values.get("rate", 0)) // 100
    period = integer("period", call.values.get("period", SHORTEST), LONGEST + 1)
    if period is None or period < SHORTEST:
        raise Refused("period: invalid")
    if not 0 <= rate <= HIGHEST_RATE:
        raise Refused("rate: invalid")
    if call.has("amount"):
        threshold = read_positive("amount", call.values["amount"])
    else:
        threshold = lent(call.account, f"f{currency}")
    setting = settings[currency] = AutoRenew(currency, period, rate, threshold)
    text = f"Auto-renew of {currency} is on."
    return notification(call, "fa-req", setting.row(), text)


def auto_renew_status(call: SignedCall) -> Row | None:
    """Return the auto-renew settings of a currency, None if it is off."""
    setting = call.account.funding.auto_renew.get(_currency(call))
    return None if setting is None else setting.row()


def info(call: SignedCall) -> Row:
    """Return average rates and periods of borrowed and lent funding."""
    symbol = _symbol(call)
    assert symbol is not None
    return call.registry.funding.info(call.account, symbol)


def _of_symbol(call: SignedCall, rows: Iterable[Row]) -> list[Row]:
    symbol = _symbol(call)
    return [row for row in rows if is_wanted(row, {1: symbol})]


def _symbol(call: SignedCall) -> str | None:
    """Return the funding symbol to filter by, if any."""
    if not call.has("symbol"):
        return None
    market = call.market()
    if not market.is_funding:
        raise Refused("symbol: invalid")
    return market.symbol


def _currency(call: SignedCall) -> str:
    currency = call.text("currency")
    if f"f{currency}" not in call.market_data.markets:
        raise Refused("currency: invalid")
    return currency


def _borrowed(call: SignedCall, id: int | None) -> EngineLoan:
    loan = call.account.funding.loans.get(-1 if id is None else id)
    if loan is None or loan.borrower is not call.account:
        raise Refused("Funding not found.", GENERIC)
    return loan
