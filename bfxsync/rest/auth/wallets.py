"""Wallets: balances, available balances, and ledger entries."""

from __future__ import annotations

from functools import partial

from bfxsync._base.aliases import AnyNumber, Symbol
from bfxsync.checks.containers import optional
from bfxsync.checks.numbers import check_integer, check_positive, check_sign
from bfxsync.checks.symbols import check_currency, check_funding, check_pair
from bfxsync.checks.texts import check_choice
from bfxsync.checks.times import Time, check_time, page_params
from bfxsync.errors import UsageError
from bfxsync.models.model import of_symbol
from bfxsync.models.model_list import ModelList
from bfxsync.models.wallets import BalanceAvailable, Ledger, Wallet, WalletHistory
from bfxsync.rest.auth.base import Budget, SignedEndpoints, path_for
from bfxsync.rest.history.history import newest_first
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.options import HistoryOptions, Unpack, iterator

MOST_LEDGERS = 2500

LEDGER_WALLETS = ("exchange", "margin", "funding", "contribution")

_WALLETS = Budget("auth/r/wallets", 90)
_WALLETS_HISTORY = Budget("auth/r/wallets/hist")
_AVAILABLE = Budget("auth/calc/order/avail", 90)
_LEDGERS = Budget("auth/r/ledgers/hist", 90)

_AVAILABLE_FOR = ("EXCHANGE", "MARGIN", "DERIV", "FUNDING")
_CATEGORIES = range(1, 10_000)

_LEDGER_HISTORY = newest_first(Ledger, MOST_LEDGERS, "mts")

_DIRECTIONS = {1: "buy", -1: "sell"}


class WalletEndpoints(SignedEndpoints):
    """Wallets: balances, available balances, and ledger entries."""

    def get_wallets(self) -> ModelList[Wallet]:
        """
        Return the balance of every currency in every wallet.

        ``POST auth/r/wallets``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-wallets
        """
        return self._read_many(_WALLETS, Wallet.from_row)

    def get_wallets_history(
        self, *, currency: str | None = None, end: Time = None
    ) -> ModelList[WalletHistory]:
        """
        Return the balances of the wallets at a given time.

        ``POST auth/r/wallets/hist`` (undocumented), 10 requests per minute.
        https://github.com/bitfinexcom/bfx-api-node-rest

        Parameters
        ----------
        currency : str, optional
            Only this currency, such as ``USD``.
        end : int or datetime, optional
            The time: Unix milliseconds, or an aware datetime; default: now.
        """
        body = {
            "end": check_time("end", end),
            "currency": optional(check_currency, "currency", currency),
        }
        return self._read_many(_WALLETS_HISTORY, WalletHistory.from_row, body)

    def get_balance_available_for_orders_or_offers(
        self,
        symbol: Symbol,
        type: str,
        *,
        dir: int | None = None,
        rate: AnyNumber | None = None,
        lev: AnyNumber | None = None,
    ) -> BalanceAvailable:
        """
        Return the balance available for an order or a funding offer.

        ``POST auth/calc/order/avail``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-calc-order-avail

        Parameters
        ----------
        symbol : str
            The pair, such as ``tBTCUSD``; for an offer the currency, such as ``fUSD``.
        type : str
            ``"EXCHANGE"``, ``"MARGIN"``, ``"DERIV"`` or ``"FUNDING"``.
        dir : int, optional
            1: buy; -1: sell. Needed for ``"EXCHANGE"`` and ``"MARGIN"``.
        rate : str, int, Decimal or float, optional
            Price of the order, in quote currency. Needed for ``"EXCHANGE"`` and ``"MARGIN"``.
        lev : str, int, Decimal or float, optional
            Leverage; only for ``"DERIV"``.
        """
        kind = check_choice("type", type, _AVAILABLE_FOR)
        if kind in ("EXCHANGE", "MARGIN") and (dir is None or rate is None):
            raise UsageError(f"the type {kind} needs dir and rate")
        if kind != "DERIV" and lev is not None:
            raise UsageError(f"the type {kind} has no lev")
        is_offer = kind == "FUNDING"
        symbol = check_funding(symbol) if is_offer else check_pair(symbol)
        body = {
            "symbol": symbol,
            "type": kind,
            "dir": optional(check_sign, "dir", dir, _DIRECTIONS),
            "rate": optional(check_positive, "rate", rate),
            "lev": optional(check_positive, "lev", lev),
        }
        read = of_symbol(BalanceAvailable.from_row, symbol)
        return self._read(_AVAILABLE, read, body)

    def get_ledgers(
        self,
        currency: str | None = None,
        *,
        category: int | None = None,
        wallet: str | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[Ledger]:
        """
        Return ledger entries of up to six years, newest first.

        ``POST auth/r/ledgers[/{currency}]/hist``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-ledgers

        Parameters
        ----------
        currency : str, optional
            Only entries of this currency, such as ``USD``.
        category : int, optional
            Only entries of this category, by its number on the page: 5 exchange, 51 transfer,
            101 deposit, 104 withdrawal, 201 trading fee, …
        wallet : str, optional
            Only entries of this wallet: ``"exchange"``, ``"margin"``, ``"funding"`` or
            ``"contribution"``.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows, at most 2,500.
        """
        path = path_for(_LEDGERS, currency, partial(check_currency, "currency"))
        page = page_params(start, end, limit, maximum=MOST_LEDGERS)
        body = {
            "category": optional(check_integer, "category", category, _CATEGORIES),
            "wallet": optional(check_choice, "wallet", wallet, LEDGER_WALLETS),
            **page,
        }
        return self._read_many(_LEDGERS, Ledger.from_row, body, path=path)

    @iterator
    def iter_ledgers(
        self,
        currency: str | None = None,
        *,
        category: int | None = None,
        wallet: str | None = None,
        **options: Unpack[HistoryOptions[Ledger]],
    ) -> HistoryRows[Ledger]:
        """Iterate over ledger entries, newest first; see `get_ledgers`."""
        optional(check_currency, "currency", currency)
        optional(check_integer, "category", category, _CATEGORIES)
        optional(check_choice, "wallet", wallet, LEDGER_WALLETS)
        get = partial(self.get_ledgers, currency, category=category, wallet=wallet)
        return self._history(_LEDGER_HISTORY, get, "ledgers", options)
