"""The wallets of an account: balances, holds, and the ledger."""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Hashable, Iterator, NamedTuple

import attrs

from bfxsync.paper.engine.units import SCALE, Row, units_text

WALLETS = ("exchange", "margin", "funding")
EXCHANGE, POSITION_CLAIM, INTEREST, SETTLEMENT, TRANSFER = 5, 23, 28, 31, 51
DEPOSIT, WITHDRAWAL, TRADING_FEE, WITHDRAWAL_FEE = 101, 104, 201, 254
USED_FUNDING_CHARGE, UNUSED_FUNDING_CHARGE, ADJUSTMENT = 226, 228, 401

KEPT = 20_000
"""Ledger entries, trades, closed orders, … kept per account; the oldest are dropped."""


class Booking(NamedTuple):
    """
    A ledger entry: one change of a balance.

    Attributes
    ----------
    amount, balance : int
        The change, and the balance after it, in units.
    category : int
        Number of the category at the exchange.
    """

    id: int
    wallet: str
    currency: str
    mts: int
    amount: int
    balance: int
    category: int
    text: str

    def row(self) -> Row:
        """Return the row of the entry, as sent; it has no category."""
        amount, balance = self.amount / SCALE, self.balance / SCALE
        # fmt: off
        return [
            self.id, self.currency, self.wallet, self.mts, None, amount, balance, None,
            self.text,
        ]
        # fmt: on


@attrs.define(eq=False)
class EngineWallet:
    """
    The balance of one currency in one wallet.

    Attributes
    ----------
    holds : dict
        Amounts reserved for open orders and positions, by purpose.
    reserved : int
        Their sum.
    """

    kind: str
    currency: str
    balance: int = 0
    holds: dict[Hashable, int] = attrs.field(factory=dict)
    reserved: int = 0
    last_change: str | None = None
    last_meta: dict[str, Any] | None = None

    @property
    def available(self) -> int:
        """Balance without the holds; may be negative after losses."""
        return self.balance - self.reserved

    def hold(self, purpose: Hashable, amount: int) -> None:
        """Reserve an amount for a purpose, in place of its previous hold; 0 releases it."""
        self.reserved += amount - self.holds.pop(purpose, 0)
        if amount:
            self.holds[purpose] = amount

    def row(self) -> Row:
        """Return the row of the wallet, as sent."""
        # fmt: off
        return [
            self.kind, self.currency, self.balance / SCALE, 0, self.available / SCALE,
            self.last_change, self.last_meta,
        ]
        # fmt: on


class Wallets:
    """
    All wallets of an account, and its ledger.

    Parameters
    ----------
    on_change : callable
        Called with each wallet that has changed.

    Attributes
    ----------
    ledger : collections.deque of Booking
        The last `KEPT` entries, oldest first.
    """

    def __init__(
        self,
        new_id: Callable[[], int],
        now_mts: Callable[[], int],
        on_change: Callable[[EngineWallet], None],
    ) -> None:
        self.ledger: Deque[Booking] = deque()
        # By wallet: the last entry that was dropped from the ledger.
        self._dropped: dict[tuple[str, str], Booking] = {}
        self._wallets: dict[tuple[str, str], EngineWallet] = {}
        self._new_id = new_id
        self._now_mts = now_mts
        self._on_change = on_change

    def __iter__(self) -> Iterator[EngineWallet]:
        return (self._wallets[key] for key in sorted(self._wallets))

    def get(self, kind: str, currency: str) -> EngineWallet:
        """Return a wallet; an empty one if nothing was ever booked there."""
        return self._wallets.get((kind, currency)) or EngineWallet(kind, currency)

    def book(
        self,
        kind: str,
        currency: str,
        amount: int,
        category: int,
        text: str,
        meta: dict[str, Any] | None = None,
    ) -> None:
        """Change a balance and add the ledger entry; an amount of zero adds none."""
        if not amount:
            return
        wallet = self.own(kind, currency)
        wallet.balance += amount
        wallet.last_change = text = f"{text} on wallet {kind}"
        wallet.last_meta = meta
        id, now, balance = self._new_id(), self._now_mts(), wallet.balance
        self.remember(Booking(id, kind, currency, now, amount, balance, category, text))
        self._on_change(wallet)

    def remember(self, booking: Booking) -> None:
        """Add an entry to the ledger."""
        self.ledger.append(booking)
        if len(self.ledger) > KEPT:
            oldest = self.ledger.popleft()
            self._dropped[oldest.wallet, oldest.currency] = oldest

    def past(self) -> Iterator[Booking]:
        """Iterate over the ledger, preceded by the last dropped entry of each wallet."""
        yield from self._dropped.values()
        yield from self.ledger

    def transfer(self, amount: int, source: EngineWallet, target: EngineWallet) -> None:
        """Move an amount from one wallet to another."""
        change = f"Transfer of {units_text(amount)} {source.currency} from wallet"
        text = f"{change} {source.kind.capitalize()} to {target.kind.capitalize()}"
        for wallet, sign in ((source, -1), (target, 1)):
            self.book(wallet.kind, wallet.currency, sign * amount, TRANSFER, text)

    def hold(self, purpose: Hashable, kind: str, currency: str, amount: int) -> None:
        """Reserve an amount of a wallet, see `EngineWallet.hold`."""
        wallet = self.get(kind, currency)
        if wallet.holds.get(purpose, 0) == amount:
            return
        wallet = self.own(kind, currency)
        wallet.hold(purpose, amount)
        self._on_change(wallet)

    def own(self, kind: str, currency: str) -> EngineWallet:
        """Return a wallet, which is created if it does not exist."""
        return self._wallets.setdefault((kind, currency), EngineWallet(kind, currency))
