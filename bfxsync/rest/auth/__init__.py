"""The endpoints that need a key, in one class: ``rest.auth.get_orders()``."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from bfxsync._base.aliases import NumberType
from bfxsync._base.describe import with_parts_named_publicly
from bfxsync.checks.ids import REST_GIDS
from bfxsync.guards.guard import OrderGuard
from bfxsync.outcome.cid_dates import CidDates
from bfxsync.outcome.find_offers import OfferFinder
from bfxsync.outcome.find_orders import OrderFinder
from bfxsync.outcome.find_positions import PositionFinder
from bfxsync.outcome.find_transfers import TransferFinder
from bfxsync.outcome.reader import OpenReader
from bfxsync.rest.auth.account import AccountEndpoints
from bfxsync.rest.auth.alerts import AlertEndpoints
from bfxsync.rest.auth.deposits import DepositEndpoints
from bfxsync.rest.auth.funding import FundingEndpoints
from bfxsync.rest.auth.loans import LoanEndpoints
from bfxsync.rest.auth.margin import MarginEndpoints
from bfxsync.rest.auth.order_batches import OrderBatchEndpoints
from bfxsync.rest.auth.order_history import OrderHistoryEndpoints
from bfxsync.rest.auth.orders import OrderEndpoints
from bfxsync.rest.auth.positions import PositionEndpoints
from bfxsync.rest.auth.pulse import PulseEndpoints
from bfxsync.rest.auth.recurring import RecurringOrderEndpoints
from bfxsync.rest.auth.settings import SettingsEndpoints
from bfxsync.rest.auth.thalex import ThalexEndpoints
from bfxsync.rest.auth.transfers import TransferEndpoints
from bfxsync.rest.auth.wallets import WalletEndpoints
from bfxsync.wire.inputs import OrderInputs

if TYPE_CHECKING:
    from bfxsync.rest.http.transport import RestTransport

__all__ = ["AuthEndpoints"]


@with_parts_named_publicly
class AuthEndpoints(
    OrderEndpoints,
    OrderBatchEndpoints,
    OrderHistoryEndpoints,
    PositionEndpoints,
    MarginEndpoints,
    WalletEndpoints,
    TransferEndpoints,
    DepositEndpoints,
    ThalexEndpoints,
    FundingEndpoints,
    LoanEndpoints,
    AccountEndpoints,
    AlertEndpoints,
    SettingsEndpoints,
    RecurringOrderEndpoints,
    PulseEndpoints,
):
    """
    The endpoints that need a key: one method per request, and iterators over histories.

    Arguments are checked before anything is sent: an invalid one raises `UsageError` at the
    caller's line. A rejection by the exchange raises `ApiError`. Writes that return a
    `Notification` may report a rejection in it, which its `raise_for_status` raises. A write that
    raises `OutcomeUnknown` may have been executed; one that raises any other error was not.

    Parameters as for `Endpoints`, and `affiliate_code` as for `Client`; the transport has a signer.
    `guard` checks orders before they are sent; None allows all. `cid_dates` keeps the creation
    dates of client ids.
    """

    def __init__(
        self,
        transport: RestTransport,
        *,
        numbers: NumberType = float,
        strict: bool = True,
        affiliate_code: str | None = None,
        guard: OrderGuard | None = None,
        cid_dates: CidDates | None = None,
    ) -> None:
        super().__init__(transport, numbers=numbers, strict=strict)
        self._cid_dates = CidDates() if cid_dates is None else cid_dates
        self._inputs = OrderInputs(REST_GIDS, affiliate_code, self._cid_dates.date_for)
        self._guard = guard
        # A copy, so that the finders make no reference cycle with their owner.
        open_reader: OpenReader = copy.copy(self)._copy_collecting
        self._find_orders = OrderFinder(open_reader)
        self._find_offers = OfferFinder(open_reader)
        self._find_transfers = TransferFinder(open_reader)
        self._find_positions = PositionFinder(open_reader)
