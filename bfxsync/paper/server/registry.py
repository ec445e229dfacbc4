"""The accounts of one exchange, with their keys, their engines and their journal."""

from __future__ import annotations

from typing import Callable, Mapping, Sequence

from bfxsync.errors import UsageError
from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.alerts import Alerts
from bfxsync.paper.engine.errors import Invalid
from bfxsync.paper.engine.funding import FundingEngine
from bfxsync.paper.engine.ids import IdSequences
from bfxsync.paper.engine.liquidation import Liquidations
from bfxsync.paper.engine.margin import Margin
from bfxsync.paper.engine.matching import MatchingEngine
from bfxsync.paper.engine.position_funding import PositionFunding
from bfxsync.paper.engine.recurring import RecurringOrders
from bfxsync.paper.engine.snapshots import DailySnapshots
from bfxsync.paper.engine.units import Row
from bfxsync.paper.engine.venue import Venue
from bfxsync.paper.journal import Journal
from bfxsync.paper.server.keys import KeyStore
from bfxsync.paper.server.recorder import Recorder
from bfxsync.paper.settings import PaperAccount

_FIRST_USER = 1_000_001


class AccountRegistry:
    """
    The accounts in the order of the settings, their keys, and the engines that they use.

    Parameters
    ----------
    venues : mapping
        The markets by symbol, including funding.
    recorder : Recorder, optional
        Writes the journal, whose file may have accounts to restore.

    Attributes
    ----------
    engine : MatchingEngine
        Orders.
    funding : FundingEngine
        Offers and loans.
    margin : Margin
        Profit and equity of positions.
    recurring : RecurringOrders
        Orders that are placed every day, week or month.
    liquidations : Liquidations
        Watches the positions.
    liquidation_listeners : list of callable
        Called with the rows of the public channel when a position is liquidated.
    names : dict
        The ``api_key`` of each account.
    on_maintenance : callable
        Called with the length in seconds when a maintenance begins in the middle of an order.
    is_in_maintenance : bool
        Whether orders are refused because of such a maintenance.

    Raises
    ------
    UsageError
        The file belongs to other accounts or markets.
    """

    def __init__(
        self,
        settings: Sequence[PaperAccount],
        venues: Mapping[str, Venue],
        now_mts: Callable[[], int],
        call_later: Callable[[float, Callable[[], None]], object],
        recorder: Recorder | None = None,
    ) -> None:
        self.on_maintenance: Callable[[float], None] = lambda length_s: None
        self.is_in_maintenance: bool = False
        self.recorder: Recorder = recorder or Recorder(Journal(), None, now_mts)
        ids = IdSequences()
        saved = self.recorder.restore(ids)
        names = [each.api_key for each in settings]
        old = list(saved.accounts)
        if old != names[: len(old)]:
            raise UsageError(
                f"the journal has the accounts {', '.join(old)}, with which accounts must begin,"
                f" not {', '.join(names)}"
            )
        self.accounts: list[Account] = list(saved.accounts.values())
        for user_id, each in list(enumerate(settings, _FIRST_USER))[len(old) :]:
            self.accounts.append(Account(each.balances, user_id, ids, now_mts))
        self.keys: KeyStore = KeyStore(zip(settings, self.accounts), now_mts)
        self.keys.restore(saved.keys)
        self.engine: MatchingEngine = MatchingEngine(venues, now_mts, call_later)
        self.funding: FundingEngine = FundingEngine(venues, now_mts, call_later)
        self.margin: Margin = Margin(venues)
        self.liquidations: Liquidations = Liquidations(
            self.engine, self.margin, now_mts, self._publish_liquidation
        )
        self.recurring: RecurringOrders = RecurringOrders(
            self.engine, self._last_price, now_mts, call_later
        )
        self._venues = venues
        self._alerts = Alerts(venues, self.accounts, now_mts)
        self.liquidation_listeners: list[Callable[[Row], None]] = []
        borrowing = PositionFunding(self.funding, venues, now_mts)
        snapshots = DailySnapshots(now_mts, call_later)
        for account in self.accounts:
            borrowing.add(account)
            self.liquidations.add(account)
            snapshots.add(account)
        self.names: dict[Account, str] = dict(zip(self.accounts, names))
        self.recorder.start(self.names, ids, self.keys, saved)
        try:
            for symbol, last_id in saved.trade_ids.items():
                if symbol in venues:
                    venues[symbol].market.continue_trade_ids(last_id)
            for account in self.accounts:
                for order in account.orders.values():
                    self.engine.rest_again(account, order)
            self.engine.make_room()
            self.funding.restore(self.accounts)
        except Invalid:
            raise UsageError(
                "the journal has open orders of a market that this exchange does not have"
            ) from None
        for account in self.accounts:
            self.recurring.add(account)
        self.recorder.commit()

    def market_moved(self, symbol: str) -> None:
        """Let the engines react to an event of a market."""
        self.engine.market_moved(symbol)
        self.funding.market_moved(symbol)
        self.liquidations.market_moved(symbol)
        self._alerts.market_moved(symbol)

    def _last_price(self, symbol: object) -> int:
        venue = self._venues.get(symbol) if isinstance(symbol, str) else None
        if venue is None or venue.market.is_funding or venue.market.is_derivative:
            raise Invalid("symbol: invalid")
        return venue.market.last_price

    def _publish_liquidation(self, row: Row) -> None:
        for listener in self.liquidation_listeners:
            listener(row)
