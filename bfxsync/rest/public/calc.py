"""Values computed by the exchange: average prices and exchange rates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Callable, TypeVar, Union

from bfxsync._base.aliases import NumberType, Symbol
from bfxsync._base.numbers import plain_decimal
from bfxsync.checks.numbers import PERIODS, check_integer
from bfxsync.checks.symbols import check_currency, check_funding, check_pair
from bfxsync.errors import UsageError
from bfxsync.models.model import of_symbol
from bfxsync.models.public import (
    FundingMarketAveragePrice,
    FxRate,
    TradingMarketAveragePrice,
)
from bfxsync.rest.public.base import Budget, Endpoints

M = TypeVar("M")

Amount = Union[str, int, Decimal, float]
"""A number in any form; it is sent as a plain decimal string."""

_AVERAGE = Budget("calc/trade/avg", 90)
_FX = Budget("calc/fx", 90)


class CalcEndpoints(Endpoints):
    """Average prices in the current books, and exchange rates."""

    def get_trading_market_average_price(
        self, symbol: Symbol, amount: Amount, *, price_limit: Amount | None = None
    ) -> TradingMarketAveragePrice:
        """
        Return the average price of an amount in the current book.

        ``POST calc/trade/avg``, 90 requests per minute, shared with
        `get_funding_market_average_price`.
        https://docs.bitfinex.com/reference/rest-public-market-average-price

        Parameters
        ----------
        symbol : str
            Symbol of a pair, such as ``tBTCUSD``.
        amount : str, int, Decimal or float
            In base currency: positive to buy, negative to sell.
        price_limit : str, int, Decimal or float, optional
            Worst acceptable price, in quote currency.
        """
        # The exchange has one parameter for price and rate.
        params = {
            "symbol": check_pair(symbol),
            "amount": _amount(amount),
            "rate_limit": _positive("price_limit", price_limit),
        }
        return self._average(TradingMarketAveragePrice.from_row, params)

    def get_funding_market_average_price(
        self,
        symbol: Symbol,
        amount: Amount,
        period: int,
        *,
        rate_limit: Amount | None = None,
    ) -> FundingMarketAveragePrice:
        """
        Return the average rate of an amount of funding in the current book.

        ``POST calc/trade/avg``, 90 requests per minute, shared with
        `get_trading_market_average_price`.
        https://docs.bitfinex.com/reference/rest-public-market-average-price

        Parameters
        ----------
        symbol : str
            Symbol of a funding currency, such as ``fUSD``.
        amount : str, int, Decimal or float
            In the currency. The sign is sent unchanged; it is documented for pairs only.
        period : int
            Longest period, in days: 2 to 120.
        rate_limit : str, int, Decimal or float, optional
            Worst acceptable rate per day: 0.0002 means 0.02 % a day.
        """
        params = {
            "symbol": check_funding(symbol),
            "amount": _amount(amount),
            "period": check_integer("period", period, PERIODS),
            "rate_limit": _positive("rate_limit", rate_limit),
        }
        return self._average(FundingMarketAveragePrice.from_row, params)

    def _average(
        self, read: Callable[[Any, NumberType], M], params: dict[str, Any]
    ) -> M:
        row = self._request("POST", _AVERAGE.group, _AVERAGE, params=params)
        return self._one(of_symbol(read, params["symbol"]), row)

    def get_fx_rate(self, ccy1: str, ccy2: str) -> FxRate:
        """
        Return the value of one unit of the first currency in the second.

        ``POST calc/fx``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-public-foreign-exchange-rate

        Parameters
        ----------
        ccy1, ccy2 : str
            Currencies, such as ``BTC`` and ``USD``.
        """
        first, second = check_currency("ccy1", ccy1), check_currency("ccy2", ccy2)
        body = {"ccy1": first, "ccy2": second}
        return self._one(
            FxRate.from_row, self._request("POST", _FX.group, _FX, body=body)
        )


def _amount(value: Amount) -> str:
    text = plain_decimal(value, "amount")
    if text == "0":
        raise UsageError("amount must not be 0")
    return text


def _positive(name: str, value: Amount | None) -> str | None:
    if value is None:
        return None
    text = plain_decimal(value, name)
    if text == "0" or text.startswith("-"):
        raise UsageError(f"{name} must be positive, not {value!r}")
    return text
