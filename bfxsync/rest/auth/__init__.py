"""The endpoints that need a key, composed flat: ``rest.auth.get_orders()``."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from bfxsync._base.aliases import NumberType
from bfxsync._base.describe import with_parts_named_publicly
from bfxsync.outcome.find_offers import OfferFinder
from bfxsync.outcome.find_orders import OrderFinder
from bfxsync.outcome.find_positions import PositionFinder
from bfxsync.outcome.find_transfers import TransferFinder
from bfxsync.outcome.reader import ReaderAround
from bfxsync.rest.auth.account import AccountEndpoints
from bfxsync.rest.auth.alerts import AlertEndpoints
from bfxsync.rest.auth.derivatives import DerivativeEndpoints
from bfxsync.rest.auth.funding_inputs import FundingInputEndpoints
from bfxsync.rest.auth.order_inputs import OrderInputEndpoints
from bfxsync.rest.auth.position_inputs import PositionInputEndpoints
from bfxsync.rest.auth.pulse import PulseEndpoints
from bfxsync.rest.auth.recurring import RecurringOrderEndpoints
from bfxsync.rest.auth.settings import SettingsEndpoints
from bfxsync.rest.auth.thalex import ThalexEndpoints
from bfxsync.rest.auth.tokens import TokenEndpoints
from bfxsync.rest.auth.trades import AccountTradeEndpoints
from bfxsync.rest.auth.transfers import TransferEndpoints

if TYPE_CHECKING:
    from bfxsync.rest.http.transport import RestTransport

__all__ = ["AuthEndpoints"]


@with_parts_named_publicly
class AuthEndpoints(
    OrderInputEndpoints,
    PositionInputEndpoints,
    TransferEndpoints,
    ThalexEndpoints,
    AccountTradeEndpoints,
    FundingInputEndpoints,
    DerivativeEndpoints,
    AlertEndpoints,
    SettingsEndpoints,
    PulseEndpoints,
    AccountEndpoints,
    TokenEndpoints,
    RecurringOrderEndpoints,
):
    """
    What can be done with a key: a method per request, and iterators over histories.

    Arguments are checked before anything is sent: a wrong one raises `UsageError` at the
    caller's line. What the exchange refuses raises `ApiError`; where it answers to a write with a
    `Notification`, that may tell of a refusal too, and its `raise_for_status` makes an error of
    it. A write that raises `OutcomeUnknown` may have been executed; one that raises anything else
    was not.

    Parameters
    ----------
    transport : RestTransport
        Made with a signer.
    numbers : type
        What the number fields of the models are: `float` or `decimal.Decimal`; the same that
        the transport was made with.
    """

    def __init__(
        self,
        transport: RestTransport,
        *,
        numbers: NumberType = float,
        strict: bool = True,
    ) -> None:
        super().__init__(transport, numbers=numbers, strict=strict)
        # A copy, so that the finders make no reference cycle with their owner.
        reader: ReaderAround = copy.copy(self)._around
        self._find_orders = OrderFinder(reader)
        self._find_offers = OfferFinder(reader)
        self._find_transfers = TransferFinder(reader)
        self._find_positions = PositionFinder(reader)
