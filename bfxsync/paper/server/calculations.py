"""
Calculations of the account channel: requested by a client, or sent after changes.

The values are those of the REST endpoints, from the same functions.

https://docs.bitfinex.com/reference/ws-auth-input-calc
"""

from __future__ import annotations

from typing import Callable

from bfxsync.paper.engine.order import legs
from bfxsync.paper.engine.units import Row
from bfxsync.paper.server.account_channel import AccountChannel
from bfxsync.paper.server.acks import CallLater
from bfxsync.paper.server.rest import market, private_account, private_funding
from bfxsync.paper.server.rest.query import Query, Refused, SignedCall

RECALCULATE_S = 0.25
"""Delay of the calculated events after a change, so that many changes cause only one of each."""
_POSITION_SYMBOL, _PROFIT = 0, 6
_LOAN_SYMBOL = 1


def calculate(name: str, call: SignedCall) -> tuple[str, Row] | None:
    """
    Return code and row of the event with the result of a calculation.

    Parameters
    ----------
    name : str
        Such as ``"margin_sym_tBTCUSD"``.

    Returns
    -------
    tuple or None
        None if the calculation, symbol, position or wallet does not exist.
    """
    for prefix, (code, function) in _CALCULATIONS.items():
        if name == prefix or name.startswith(f"{prefix}_"):
            try:
                row = function(call, name[len(prefix) + 1 :])
            except Refused:
                return None
            return None if row is None else (code, row)
    return None


class CalculatedEvents:
    """Sends ``bu``, ``miu`` and ``fiu`` to one socket, shortly after events that affect them."""

    def __init__(
        self, channel: AccountChannel, call: SignedCall, call_later: CallLater
    ) -> None:
        self._channel = channel
        self._call = call
        self._call_later = call_later
        # A dict as an ordered set.
        self._due: dict[str, None] = {}
        self._is_open = True
        channel.account.listeners.append(self._event)

    def close(self) -> None:
        """Send nothing more."""
        self._is_open = False
        self._channel.account.listeners.remove(self._event)

    def _event(self, code: str, row: Row) -> None:
        names = _CHANGED[code](row) if code in _CHANGED else []
        if names and not self._due:
            self._call_later(RECALCULATE_S, self._send)
        self._due.update(dict.fromkeys(names))

    def _send(self) -> None:
        due, self._due = self._due, {}
        for name in due:
            found = calculate(name, self._call)
            if found is not None and self._is_open:
                self._channel.send(*found)


def _of_wallet(row: Row) -> list[str]:
    return ["balance", "margin_base"] if row[0] == "margin" else ["balance"]


def _of_position(row: Row) -> list[str]:
    return ["margin_base", f"margin_sym_{row[_POSITION_SYMBOL]}", "balance"]


def _of_loan(row: Row) -> list[str]:
    return [f"funding_sym_{row[_LOAN_SYMBOL]}"]


_CHANGED: dict[str, Callable[[Row], list[str]]] = {
    "wu": _of_wallet,
    **dict.fromkeys(("pn", "pu", "pc"), _of_position),
    **dict.fromkeys("fcn fcu fcc fln flu flc".split(), _of_loan),
}
"""By event: the calculations whose results it may change."""


def _margin_base(call: SignedCall, argument: str) -> Row | None:
    return None if argument else private_account.margin_base(call)


def _margin_symbol(call: SignedCall, symbol: str) -> Row:
    return private_account.margin_symbol(_named(call, symbol))


def _funding(call: SignedCall, symbol: str) -> Row:
    return private_funding.info(_named(call, symbol))


def _named(call: SignedCall, symbol: str) -> SignedCall:
    return SignedCall(
        call.market_data, {"symbol": symbol}, call.registry, call.credential
    )


def _position(call: SignedCall, symbol: str) -> Row | None:
    for row in private_account.positions(call):
        if row[_POSITION_SYMBOL] == symbol:
            return row
    return None


def _wallet(call: SignedCall, argument: str) -> Row | None:
    for wallet in call.account.wallets:
        if argument == f"{wallet.kind}_{wallet.currency}":
            return wallet.row()
    return None


def _balance(call: SignedCall, argument: str) -> Row | None:
    """Return the value of all wallets in dollars, without and with the value of the positions."""
    if argument:
        return None
    total = 0.0
    for wallet in call.account.wallets:
        total += wallet.row()[2] * _dollars(call, wallet.currency)
    profit = 0.0
    for row in private_account.positions(call):
        quote = legs(row[_POSITION_SYMBOL][1:])[1]
        profit += (row[_PROFIT] or 0) * _dollars(call, quote)
    return [round(total, 8), round(total + profit, 8)]


def _dollars(call: SignedCall, currency: str) -> float:
    pair = {"ccy1": currency, "ccy2": "USD"}
    try:
        rate: float = market.fx(Query(call.market_data, pair))[0]
    except Refused:  # a currency without a price
        return 0.0
    return rate


_CALCULATIONS: dict[str, tuple[str, Callable[[SignedCall, str], Row | None]]] = {
    "margin_base": ("miu", _margin_base),
    "margin_sym": ("miu", _margin_symbol),
    "funding_sym": ("fiu", _funding),
    "position": ("pu", _position),
    "wallet": ("wu", _wallet),
    "balance": ("bu", _balance),
}
