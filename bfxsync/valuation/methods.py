"""The method of `Client` that values wallets; importable without REST."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from itertools import chain
from typing import TYPE_CHECKING

from bfxsync._base.forks import lazily
from bfxsync._base.guesses import did_you_mean, names_like
from bfxsync._base.pairs import split_pair
from bfxsync.checks.symbols import check_currency
from bfxsync.errors import UsageError

if TYPE_CHECKING:
    from typing_extensions import Protocol

    from bfxsync.rest.client import RestClient
    from bfxsync.valuation.portfolio import Portfolio

    class HasRest(Protocol):
        """A client, as far as this method uses it."""

        @property
        def rest(self) -> RestClient: ...


def portfolio(self: HasRest, currency: str = "USD") -> Portfolio:
    """
    Return the value of all wallets in one currency, by the current prices of pairs.

    Two requests: ``auth/r/wallets``, and the tickers of all pairs at one moment. A currency without
    a common pair is valued over others: first the fewest pairs, then the smallest spreads. One
    whose pairs lead nowhere is listed in `Portfolio.unvalued` and not counted. A price is the
    middle of best bid and ask.

    Profit and loss of open positions are not included, and unsettled interest is a sum of its own.

    Parameters
    ----------
    currency : str
        Such as ``USD``, ``EUR``, ``UST`` or ``BTC``.

    Raises
    ------
    UsageError
        No pair has the currency, and no wallet either.
    """
    quote = check_currency("currency", currency)
    rest = self.rest
    wallets = rest.auth.get_wallets()
    tickers = rest.public.get_t_tickers("ALL")
    seconds = time.time() - (rest.public._transport.clock_skew_s or 0.0)
    known = {*chain(*map(split_pair, tickers)), *(each.currency for each in wallets)}
    if quote not in known:
        raise UsageError(
            f"currency must be one that is traded or held, not {currency!r}"
            + did_you_mean(*map(repr, names_like(quote, known)))
        )
    now = datetime.fromtimestamp(seconds, timezone.utc)
    return lazily(_portfolio_class).of(
        wallets, tickers, quote, now, rest.public._numbers
    )


def _portfolio_class() -> type[Portfolio]:
    from bfxsync.valuation.portfolio import Portfolio

    return Portfolio
