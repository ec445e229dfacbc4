"""The wallets of an account, valued in one currency."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any, Iterable, Iterator, List, Mapping, Optional, Tuple

import attrs

from bfxsync._base.aliases import Number, NumberType
from bfxsync._base.describe import also_half_made
from bfxsync._base.html import html_of
from bfxsync._base.numbers import EXACT, decimal_of, own_context
from bfxsync.dataframes import TableColumn, TableSource, Tabular
from bfxsync.models.market import Ticker
from bfxsync.models.wallets import Wallet
from bfxsync.valuation.cross_rates import CrossRate, rates_to

_NUMBERS = (
    "balance",
    "available_balance",
    "unsettled_interest",
    "rate",
    "value",
    "unsettled_value",
)
# More digits than any balance has; a product of several rates may have many more.
_VALUES = own_context(28)

_TITLES = ("wallet", "currency", "balance", "rate", "value", "by")
_IS_RIGHT = (False, False, True, True, True, False)


@attrs.frozen
class PortfolioRow:
    """
    One wallet and its value.

    Attributes
    ----------
    wallet_type : str
        ``exchange``, ``margin`` or ``funding``.
    currency : str
    balance : number
        Including what is reserved by orders, lent out, or used as margin.
    available_balance : number or None
    unsettled_interest : number
        As the exchange states it, which does not document its sign. Not a part of the balance.
    rate : number or None
        Value of one unit of `currency`; None if no path of pairs leads to the other currency.
    value : number or None
        `balance` times `rate`.
    unsettled_value : number or None
        `unsettled_interest` times `rate`.
    path : str
        The pairs of the rate, such as ``tXRPBTC tBTCUSD``; see `CrossRate.path`.
    """

    wallet_type: str
    currency: str
    balance: Number
    available_balance: Optional[Number]
    unsettled_interest: Number
    rate: Optional[Number]
    value: Optional[Number]
    unsettled_value: Optional[Number]
    path: str

    @classmethod
    def table_columns(
        cls, number: NumberType = float, *, symbol: bool = False
    ) -> List[TableColumn]:
        """Return the columns of `Portfolio.df`."""
        dtype = "object" if number is Decimal else "float64"
        return [
            TableColumn(name, name, dtype if name in _NUMBERS else "string")
            for name in (field.name for field in attrs.fields(cls))
        ]


@attrs.frozen(repr=False)
class Portfolio(Tabular):
    """
    The wallets of an account, valued in one currency; returned by `Client.portfolio`.

    Iterating yields its rows; `df` has a row for each wallet. Printed it is a table of the wallets
    that are not empty. Profit and loss of open positions are not included.

    Attributes
    ----------
    currency : str
        Of all values.
    time : datetime.datetime
        When the rates were read, in UTC.
    rows : tuple of PortfolioRow
        All wallets, as the exchange lists them.
    rates : dict of str to CrossRate
        The rates that were used, by currency.
    total : number
        Sum of the values of all balances that have a rate, without `unsettled`.
    unsettled : number
        The same of the unsettled interest.
    """

    currency: str
    time: datetime
    rows: Tuple[PortfolioRow, ...]
    rates: Mapping[str, CrossRate]
    total: Number
    unsettled: Number
    _number: NumberType

    @classmethod
    def of(
        cls,
        wallets: Iterable[Wallet],
        tickers: Mapping[str, Ticker],
        currency: str,
        time: datetime,
        number: NumberType = float,
    ) -> Portfolio:
        """
        Value wallets, whatever their source, such as ``bfx.wss.account.wallets``.

        Parameters
        ----------
        wallets : iterable of Wallet
        tickers : dict of str to Ticker
            By symbol, such as those of ``bfx.rest.public.get_t_tickers("ALL")``.
        currency : str
        time : datetime.datetime
            Time of the tickers.
        number : type
            `float` or `decimal.Decimal`, of all numbers.
        """
        wallets = list(wallets)
        held = {wallet.currency for wallet in wallets}
        rates = rates_to(currency, tickers, held)
        with localcontext(_VALUES):
            values = [
                _Value.of(wallet, rates.get(wallet.currency)) for wallet in wallets
            ]
            total = sum((each.value or Decimal(0) for each in values), Decimal(0))
            unsettled = sum(
                (each.unsettled_value or Decimal(0) for each in values), Decimal(0)
            )
        make: Any = number
        return cls(
            currency,
            time,
            tuple(each.row(make) for each in values),
            {name: rates[name] for name in sorted(held) if name in rates},
            make(total),
            make(unsettled),
            number,
        )

    def __iter__(self) -> Iterator[PortfolioRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def unvalued(self) -> Tuple[PortfolioRow, ...]:
        """The wallets that are not empty and have no rate: not counted, nor worth nothing."""
        return tuple(row for row in self._held if row.rate is None)

    @also_half_made
    def __repr__(self) -> str:
        lines = list(zip(*map(_padded, zip(*self._cells()), _IS_RIGHT)))
        texts = ["  ".join(line).rstrip() for line in lines]
        return "\n".join([self._title, *texts, *self._notes])

    _repr_html_ = html_of

    @property
    def _held(self) -> List[PortfolioRow]:
        """The wallets that are not empty."""
        return [row for row in self.rows if row.balance or row.unsettled_interest]

    @property
    def _title(self) -> str:
        return f"Portfolio in {self.currency} as of {self.time:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def _notes(self) -> List[str]:
        notes = []
        if self.unvalued:
            names = ", ".join(dict.fromkeys(row.currency for row in self.unvalued))
            notes.append(f"no rate, so not in the total: {names}")
        held = {row.currency for row in self._held}
        doubtful = [name for name in self.rates if self.rates[name].is_doubtful]
        doubtful = [name for name in doubtful if name in held]
        if doubtful:
            notes.append(f"wide spread or last price only: {', '.join(doubtful)}")
        if any(row.unsettled_interest for row in self.rows):
            notes.append(
                "unsettled interest, not in the total: "
                f"{_shown(self.unsettled, 2)} {self.currency}"
            )
        return notes

    @property
    def _places(self) -> int:
        # Eight for a total like 0.5 BTC, two for one in a currency of money.
        return 2 if abs(float(self.total)) >= 100 else 8

    def _cells(self) -> List[Tuple[str, ...]]:
        """Return the table as texts, with its head and the total."""
        places = self._places
        return [
            _TITLES,
            *(
                (
                    row.wallet_type,
                    row.currency,
                    _shown(row.balance, 8),
                    _rate_text(row.rate),
                    "no rate" if row.value is None else _shown(row.value, places),
                    row.path,
                )
                for row in self._held
            ),
            ("total", self.currency, "", "", _shown(self.total, places), ""),
        ]

    def _table_source(self) -> TableSource:
        return TableSource(PortfolioRow, self.rows, self._number)


@attrs.frozen
class _Value:
    """A wallet and its exact value."""

    wallet: Wallet
    rate: Optional[CrossRate]
    value: Optional[Decimal]
    unsettled_value: Optional[Decimal]

    @classmethod
    def of(cls, wallet: Wallet, rate: Optional[CrossRate]) -> _Value:
        if rate is None:
            return cls(wallet, None, None, None)
        return cls(
            wallet,
            rate,
            decimal_of(wallet.balance) * rate.rate,
            decimal_of(wallet.unsettled_interest) * rate.rate,
        )

    def row(self, number: Any) -> PortfolioRow:
        wallet, rate = self.wallet, self.rate
        return PortfolioRow(
            wallet.wallet_type,
            wallet.currency,
            wallet.balance,
            wallet.available_balance,
            wallet.unsettled_interest,
            None if rate is None else number(rate.rate),
            None if self.value is None else number(self.value),
            None if self.unsettled_value is None else number(self.unsettled_value),
            "" if rate is None else rate.path,
        )


def _padded(texts: Tuple[str, ...], is_right: bool) -> List[str]:
    width = max(map(len, texts))
    return [text.rjust(width) if is_right else text.ljust(width) for text in texts]


def _shown(number: Number, places: int) -> str:
    """Format with separators of thousands, and without zeros after more than two places."""
    with localcontext(EXACT):
        exact = decimal_of(number)
        rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    whole, _, fraction = f"{rounded:,f}".partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


def _rate_text(rate: Optional[Number]) -> str:
    """Format with eight significant digits."""
    if rate is None:
        return ""
    return _shown(rate, max(2, 7 - decimal_of(rate).adjusted()))
