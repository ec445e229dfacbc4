"""What the account of a WebSocket client needs from the rest of the client."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, List, Tuple

import attrs

from bfxsync._base.aliases import NumberType
from bfxsync.auth.current_signer import CurrentSigner
from bfxsync.guards.funds import OrderSizes
from bfxsync.guards.guard import OrderGuard, OrderQueries
from bfxsync.outcome.cid_dates import CidDates
from bfxsync.outcome.clocks import creation_dates
from bfxsync.outcome.resolve import WriteTransport
from bfxsync.outcome.writes import RecentWrites
from bfxsync.wire.inputs import OrderInputs
from bfxsync.ws.settings import ConnectionSettings

if TYPE_CHECKING:
    from bfxsync.ws.core.reconciler import RestAccess


@attrs.frozen(kw_only=True, eq=False, repr=False)
class AccountServices:
    """
    The key, the options and the REST calls of a client's account.

    `Client` makes it on first use, as `bfxsync.ws` does not import REST. Threads refer to it, so it
    must not refer to the client.
    """

    settings: ConnectionSettings
    """Those of the connection that accepts keys."""
    signer: CurrentSigner
    filters: Tuple[str, ...] = ()
    """What the exchange sends; empty for everything."""
    has_dms: bool = False
    """Whether the exchange cancels all orders of the account when the connection ends."""
    checks_funds: bool = False
    """Whether orders beyond known limits and balances are refused before they are sent."""
    sizes: OrderSizes | None = None
    """Sizes of orders, for that check; they may be fetched at the first one."""
    is_dry_run: bool = False
    """Whether inputs are logged instead of sent."""
    inputs: OrderInputs
    """Builds the bodies of inputs."""
    guard: OrderGuard
    """Shared with REST, as are those below."""
    queries: OrderQueries
    cid_dates: CidDates
    transport: WriteTransport
    open_access: Callable[[], RestAccess]
    """Opens the REST calls of the reconciler."""

    @property
    def numbers(self) -> NumberType:
        """The type of number fields."""
        return self.settings.numbers

    @property
    def recent_writes(self) -> RecentWrites:
        """Writes with the current key that may have been executed."""
        return self.transport.sent

    def creation_dates(self) -> List[str]:
        """Return the possible UTC creation dates of an order that is sent now."""
        skew_s = self.transport.clock.skew_s or 0.0
        return creation_dates(time.time() - skew_s, self.transport.absence_s)
