"""The endpoints that need a key, composed flat: ``rest.auth.get_orders()``."""

from __future__ import annotations

from bfxsync._base.describe import with_parts_named_publicly
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
