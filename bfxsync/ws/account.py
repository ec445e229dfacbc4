"""
The current state of an account: ``bfx.wss.account``.

https://docs.bitfinex.com/reference/ws-auth-account-info
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from bfxsync._base.aliases import NumberType
from bfxsync._base.describe import also_half_made
from bfxsync._base.html import html_of
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.funding import (
    AccountFundingTrade,
    FundingCredit,
    FundingLoan,
    FundingOffer,
)
from bfxsync.models.funding_info import FundingInfo
from bfxsync.models.orders import Order
from bfxsync.models.positions import Position
from bfxsync.models.wallets import BalanceInfo, Wallet
from bfxsync.wire.account_state import AccountState, Table
from bfxsync.ws.account_views import MarginView, OrdersView, StateView, TableView

if TYPE_CHECKING:
    from typing_extensions import Protocol

    from bfxsync.wire.channels.account import AccountChannel
    from bfxsync.ws.inputs import Inputs
    from bfxsync.ws.replies import Reply
    from bfxsync.ws.settings import ConnectionSettings
    from bfxsync.ws.subscription import Subscription

    class AccountClient(Protocol):
        """A client, as far as the state of its account uses it."""

        _core: Any
        _settings: ConnectionSettings

        def subscribe_account(self, *, timeout: float | None) -> Subscription[Any]: ...


class Account:
    """
    The current state of the account of the client's key; may be read from any thread.

    It is kept in the background once the connection of the account is open: `wait_ready` opens it,
    as `subscribe_account`, an input or a handler of an account event do. Nothing here does I/O,
    except for `wait_ready` and `refresh`.

    Examples
    --------
    ::

        account = bfx.wss.account
        account.wait_ready()
        for order in account.orders.values(): ...
        account.wallets["exchange", "USD"].available
        account.positions.df()                                     # a DataFrame
    """

    _repr_html_ = html_of

    def __init__(self, client: AccountClient) -> None:
        self._client = client
        # Raises without a key.
        client._core.account.check_key()

    @also_half_made
    def __repr__(self) -> str:
        state = "ready" if self.is_ready else "not ready"
        return f"<Account: {'stale' if self.is_ready and self.is_stale else state}>"

    # --- state --------------------------------------------------------------------------------

    @property
    def orders(self) -> OrdersView:
        """Open orders by id; ``orders.by_cid(cid)``."""
        return OrdersView(self, lambda: self.state.orders, Order)

    @property
    def positions(self) -> TableView[str, Position]:
        """Open positions by symbol."""
        return TableView(self, lambda: self.state.positions, Position)

    @property
    def wallets(self) -> TableView[Tuple[str, str], Wallet]:
        """
        Wallets by type and currency: ``wallets["exchange", "USD"]``.

        ``available`` is None until it is calculated (see `refresh`), and again after each change.
        """
        return TableView(self, lambda: self.state.wallets, Wallet)

    @property
    def offers(self) -> TableView[int, FundingOffer]:
        """Open funding offers by id."""
        return TableView(self, lambda: self.state.offers, FundingOffer)

    @property
    def credits(self) -> TableView[int, FundingCredit]:
        """Funding used in positions, by id."""
        return TableView(self, lambda: self.state.credits, FundingCredit)

    @property
    def loans(self) -> TableView[int, FundingLoan]:
        """Funding that is not used in a position, by id."""
        return TableView(self, lambda: self.state.loans, FundingLoan)

    @property
    def trades(self) -> StateView[int, AccountTrade]:
        """
        The latest fills that were received, by id in the order of arrival; at most 10,000.

        The exchange sends none from before the connection; REST has them.
        """
        return StateView("trades", lambda: self.state.trades.items, self, AccountTrade)

    @property
    def funding_trades(self) -> StateView[int, AccountFundingTrade]:
        """The latest executions of funding offers that were received, as `trades`."""
        return StateView(
            "funding trades",
            lambda: self.state.funding_trades.items,
            self,
            AccountFundingTrade,
        )

    @property
    def margin(self) -> MarginView:
        """Calculated margin by symbol, and that of all pairs as ``margin.base``."""
        return MarginView(self)

    @property
    def funding_info(self) -> StateView[str, FundingInfo]:
        """Calculated yields and durations of funding by symbol, as far as they were sent."""
        return StateView(
            "funding info", lambda: self.state.funding_info, self, FundingInfo
        )

    @property
    def balance(self) -> BalanceInfo | None:
        """Total balance over all wallets; None where not known."""
        return self.state.balance

    # --- trust --------------------------------------------------------------------------------

    @property
    def is_ready(self) -> bool:
        """Whether the first snapshots have arrived, on this connection or an earlier one."""
        return self._channel.is_live or any(
            table.has_snapshot for table in self.state.tables
        )

    @property
    def is_stale(self) -> bool:
        """Whether the state may be outdated: not connected, or no frame for `stale_after`."""
        age = self.age
        return (
            not self._channel.is_live
            or self._client._core.lifetime.is_closing
            or age is None
            or age >= self._client._settings.stale_after_s
        )

    @property
    def is_complete(self) -> bool:
        """
        Whether all snapshots have arrived on this connection, and all rows could be read.

        Without the kinds that are excluded by the filters of the client.
        """
        return self._channel.is_live and not self._channel.has_hole

    @property
    def age(self) -> float | None:
        """Seconds since the last frame of any kind; None before the first on this connection."""
        seen_at = self._channel.seen_at
        return None if seen_at is None else max(0.0, self._clock_now() - seen_at)

    @property
    def unknown_codes(self) -> Dict[str, int]:
        """Numbers of ignored messages, by codes that bfxsync does not know."""
        return self._channel.unknown_codes.copy()

    def wait_ready(self, timeout: float | None = None) -> None:
        """
        Wait until the snapshots have arrived; open the connection of the account if necessary.

        During an outage it waits for the next snapshots. Raises the errors of
        `WebSocketClient.subscribe_account`.

        Parameters
        ----------
        timeout : float, optional
            Seconds; by default the timeout of the client.
        """
        self._client.subscribe_account(timeout=timeout).unsubscribe()

    # --- calculations -------------------------------------------------------------------------

    def refresh(self) -> Reply[None]:
        """
        Request everything that the exchange only calculates on demand.

        That is `balance`, ``margin.base``, and for everything that is known at this time:
        ``available`` of wallets, profit and liquidation price of positions, margin of their
        symbols, and funding info of the currencies of offers, loans and credits. The values come as
        updates; the exchange does not say which values it does not send. For single ones use
        ``inputs.calc(…)``.

        Returns
        -------
        Reply of None
            Done when all were sent, 240 per second.
        """
        inputs: Inputs = self._client._core.account.inputs
        return inputs.calc(*self.calculations())

    def calculations(self) -> List[str]:
        """Return what `refresh` requests now: names for ``inputs.calc``."""
        state = self.state
        symbols = list(state.positions.items.copy())
        funding = {
            item.symbol
            for table in (state.offers, state.loans, state.credits)
            for item in table.items.copy().values()
        }
        return [
            "balance",
            "margin_base",
            *(
                f"wallet_{kind}_{currency}"
                for kind, currency in state.wallets.items.copy()
            ),
            *(f"position_{symbol}" for symbol in symbols),
            *(f"margin_sym_{symbol}" for symbol in symbols),
            *(f"funding_sym_{symbol}" for symbol in sorted(funding)),
        ]

    # --- internal -----------------------------------------------------------------------------

    @property
    def state(self) -> AccountState:
        """The state as the I/O thread keeps it."""
        return self._channel.state

    @property
    def numbers(self) -> NumberType:
        """The type of number fields: `float` or `Decimal`."""
        return self._client._settings.numbers

    def why_unknown(self, table: Table[Any, Any]) -> str:
        """Return why nothing is known of one kind of objects."""
        if not self._channel.expects(table.code):
            return f"filters of the client exclude the {table.name} of the account"
        if self._channel.is_live:
            return (
                f"the exchange has sent no snapshot of the {table.name}: the key may lack the "
                "permission"
            )
        return (
            f"the {table.name} of the account are not known yet: "
            "call wait_ready() of the account first"
        )

    @property
    def _channel(self) -> AccountChannel:
        channel: AccountChannel = self._client._core.account.channel
        return channel

    def _clock_now(self) -> float:
        return self._client._settings.clock.now()
