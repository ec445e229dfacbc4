"""The requests used to find the outcome of a write."""

from __future__ import annotations

from typing import Callable, Iterator, List, Protocol, Sequence, Tuple

from bfxsync._base.aliases import Mts
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.funding import FundingCredit, FundingLoan, FundingOffer
from bfxsync.models.movements import Movement
from bfxsync.models.orders import Order
from bfxsync.models.positions import Position, PositionAudit, PositionHistory
from bfxsync.models.wallets import Ledger
from bfxsync.outcome.unread import UnreadRows


class OrderReader(Protocol):
    """Reads of orders, with the names and meanings of `bfxsync.rest.auth.AuthEndpoints`."""

    def get_orders(
        self,
        *,
        ids: Sequence[int] | None = None,
        cid: int | None = None,
        cid_date: str | None = None,
    ) -> List[Order]: ...

    def get_orders_history(
        self, *, ids: Sequence[int], limit: int | None = None
    ) -> List[Order]: ...

    def iter_orders_history(
        self,
        *,
        symbol: str | None = None,
        start: Mts | None = None,
        end: Mts | None = None,
    ) -> Iterator[Order]: ...

    def iter_trades_history(
        self, *, symbol: str | None = None, start: Mts
    ) -> Iterator[AccountTrade]: ...


class AccountReader(OrderReader, Protocol):
    """All reads of an account, like `OrderReader`."""

    def get_funding_offers(
        self, *, symbol: str | None = None
    ) -> List[FundingOffer]: ...

    def iter_funding_offers_history(
        self, *, symbol: str | None = None, start: Mts | None = None
    ) -> Iterator[FundingOffer]: ...

    def get_funding_loans(self) -> List[FundingLoan]: ...

    def iter_funding_loans_history(self) -> Iterator[FundingLoan]: ...

    def get_funding_credits(self) -> List[FundingCredit]: ...

    def iter_funding_credits_history(self) -> Iterator[FundingCredit]: ...

    def get_positions(self) -> List[Position]: ...

    def get_positions_history(self, *, id: int) -> List[PositionHistory]: ...

    def iter_positions_audit(self, *, start: Mts) -> Iterator[PositionAudit]: ...

    def iter_movements(self, *, start: Mts) -> Iterator[Movement]: ...

    def get_ledgers(self, *, limit: int) -> List[Ledger]: ...

    def iter_ledgers(
        self,
        currency: str | None = None,
        *,
        category: int | None = None,
        start: Mts | None = None,
        end: Mts | None = None,
    ) -> Iterator[Ledger]: ...


OpenReader = Callable[[], Tuple[AccountReader, UnreadRows]]
"""Returns a reader whose lists leave out unreadable rows, and the collection of those rows."""

OpenOrders = Callable[[], Tuple[OrderReader, UnreadRows]]
"""Like `OpenReader`, for orders only."""
