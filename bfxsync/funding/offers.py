"""
A ladder of funding offers: one amount over several rates and periods.

Strategy: each step knows what became of its offer, and is marked as sent before the request. So a
ladder that was interrupted, or of which an offer was refused, can be placed again: what was sent
and may have been placed is never sent twice.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Sequence, Tuple, Union

import attrs

from bfxsync._base.aliases import AnyNumber, NumberType, Symbol
from bfxsync._base.describe import also_half_made
from bfxsync._base.html import html_of
from bfxsync._base.numbers import EXACT, decimal_of
from bfxsync.checks.containers import optional
from bfxsync.checks.numbers import check_positive
from bfxsync.checks.options import check_bool
from bfxsync.dataframes import TableColumn, TableSource, Tabular
from bfxsync.errors import (
    ApiError,
    BfxError,
    ClosedError,
    NotExecuted,
    OutcomeUnknown,
    UsageError,
)
from bfxsync.funding.rates import yearly_rate
from bfxsync.funding.spread import spread_amount, spread_rates
from bfxsync.guards.limits import blocked
from bfxsync.models.notification import DRY_RUN
from bfxsync.wire.inputs import offer_body

if TYPE_CHECKING:
    from bfxsync.client import Client
    from bfxsync.models.funding import AnyFundingOffer

Periods = Union[int, Sequence[int], Callable[[Decimal], int]]

NEW, UNKNOWN, PLACED, SIMULATED = "new", "unknown", "placed", "dry run"

_DTYPES = {
    "type": "string",
    "symbol": "string",
    # Decimals.
    **dict.fromkeys(("amount", "rate", "yearly_rate"), "object"),
    "period": "int64",
    "state": "string",
}

# Errors that prove that an offer was not placed.
_PROOFS = (NotExecuted, ApiError, UsageError, ClosedError)


@attrs.define(eq=False)
class LadderStep:
    """
    One offer of a ladder.

    Attributes
    ----------
    type : str
        ``LIMIT``, ``FRRDELTAVAR`` or ``FRRDELTAFIX``.
    symbol : str
        Such as ``fUSD``.
    amount : decimal.Decimal
        Positive to lend, negative to borrow.
    rate : decimal.Decimal
        Per day, as a fraction: 0.0002 is 0.02 %. With the other types the offset from the flash
        return rate.
    period : int
        In days.
    state : str
        ``new``: not sent, or certainly not placed. ``placed``: accepted. ``unknown``: sent, and the
        answer is not known. ``dry run``.
    offer : FundingOffer or PartialFundingOffer or None
        As the exchange accepted it.
    error : BfxError or None
        Why it was not placed, or why that is unknown.
    """

    type: str
    symbol: Symbol
    amount: Decimal
    rate: Decimal
    period: int
    state: str = NEW
    offer: AnyFundingOffer | None = None
    error: BfxError | None = None

    @property
    def yearly_rate(self) -> Decimal:
        """The rate per year, as a fraction: 365 times the rate per day."""
        return yearly_rate(self.rate)

    @classmethod
    def table_columns(
        cls, number: NumberType = float, *, symbol: bool = False
    ) -> List[TableColumn]:
        """Return the columns of `Ladder.df`."""
        return [TableColumn(name, name, dtype) for name, dtype in _DTYPES.items()]


class Ladder(Tabular):
    """
    Offers at several rates; made by `ladder`, and placed by `place`.

    Iterating yields its steps (`LadderStep`); `df` has a row for each. Printed it is a table.
    """

    def __init__(self, steps: Sequence[LadderStep]) -> None:
        self.steps: Tuple[LadderStep, ...] = tuple(steps)
        self.symbol: Symbol = self.steps[0].symbol

    def __iter__(self) -> Iterator[LadderStep]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def amount(self) -> Decimal:
        """The whole amount: positive to lend, negative to borrow."""
        with localcontext(EXACT):
            return sum((step.amount for step in self), Decimal(0))

    @property
    def average_rate(self) -> Decimal:
        """Average rate per day, weighted by the amounts."""
        with localcontext(EXACT) as context:
            total = sum((step.amount * step.rate for step in self), Decimal(0))
            context.prec = 28
            return total / self.amount

    @property
    def waiting(self) -> List[LadderStep]:
        """The steps that `place` would send."""
        return [step for step in self if step.state == NEW]

    @property
    def _title(self) -> str:
        side = "to lend" if self.amount > 0 else "to borrow"
        rate = self.average_rate
        return (
            f"{self.symbol}, {_short(abs(self.amount))} {side} in {len(self)} offers, on average "
            f"{_percent(rate, 6)} % a day, {_percent(yearly_rate(rate), 2)} % a year"
        )

    @also_half_made
    def __repr__(self) -> str:
        lines = [
            self._title,
            f"{'amount':>18}  {'% a day':>10}  {'% a year':>9}  {'days':>4}  state",
        ]
        for step in self:
            lines.append(
                f"{step.amount:>18,f}  {_percent(step.rate, 6):>10}  "
                f"{_percent(step.yearly_rate, 2):>9}  {step.period:>4}  {step.state}"
            )
        return "\n".join(lines)

    _repr_html_ = html_of

    def place(
        self, client: Client, *, hidden: bool | None = None, check_funds: bool = True
    ) -> Ladder:
        """
        Place the offers that are ``new``, one after the other, by `submit_funding_offer`.

        Call it again after an error or Ctrl-C: it continues with the next offer that was certainly
        not placed. An ``unknown`` one is never sent again; `resolve` finds out.

        Parameters
        ----------
        client : Client
            With ``dry_run=True`` nothing is sent, and the steps become ``dry run``.
        hidden : bool, optional
            As for `submit_funding_offer`.
        check_funds : bool
            Compare the sum first with what is available in the funding wallet, one request, if it
            is to be lent.

        Returns
        -------
        Ladder
            Itself, with every offer placed.

        Raises
        ------
        OrderBlocked
            The funds do not suffice (guard ``check_funds``), or between `Client.halt` and
            `resume` (guard ``halt``).
        OutcomeUnknown
            An offer may have been placed; those after it were not sent.
        BfxError
            An offer was refused or not sent; `LadderStep.error` of the step has it as well.
        """
        hidden = optional(check_bool, "hidden", hidden)
        if check_bool("check_funds", check_funds) and self.waiting:
            self._check_funds(client)
        for step in self.waiting:
            if client.is_halted:
                raise blocked("halt", f"offers of {self.symbol} wait for resume()")
            step.state, step.error = UNKNOWN, None
            try:
                note = client.rest.auth.submit_funding_offer(
                    step.type,
                    step.symbol,
                    step.amount,
                    step.rate,
                    step.period,
                    hidden=hidden,
                )
                note.raise_for_status()
            except BfxError as exc:
                step.error = exc
                if isinstance(exc, _PROOFS):
                    step.state = NEW
                raise
            step.offer = note.data
            step.state = SIMULATED if note.status == DRY_RUN else PLACED
        return self

    def resolve(self, timeout: float | None = None) -> Ladder:
        """
        Find out what became of each ``unknown`` offer that has an error; see `OutcomeUnknown`.

        It becomes ``placed``, or ``new`` if it was certainly not placed. Raises `OutcomeUnknown` if
        it is still unknown. One that was interrupted by Ctrl-C has no error and stays ``unknown``:
        look at ``bfx.rest.auth.get_funding_offers()``.
        """
        for step in self:
            error = step.error
            if step.state == UNKNOWN and isinstance(error, OutcomeUnknown):
                try:
                    step.offer = error.resolve(timeout)
                    step.state, step.error = PLACED, None
                except NotExecuted as exc:
                    step.state, step.error = NEW, exc
        return self

    def _check_funds(self, client: Client) -> None:
        with localcontext(EXACT):
            needed = sum((step.amount for step in self.waiting), Decimal(0))
            if needed <= 0:
                return
            key, have = ("funding", self.symbol[1:]), Decimal(0)
            for wallet in client.rest.auth.get_wallets():
                if (wallet.wallet_type, wallet.currency) == key:
                    free = wallet.available_balance
                    # Where the available part is unknown, the whole is the limit.
                    have = decimal_of(wallet.balance if free is None else free)
            if have < needed:
                raise blocked(
                    "check_funds",
                    f"{_short(have)} {key[1]} are available in the funding wallet, and the offers "
                    f"need {_short(needed)}",
                )

    def _table_source(self) -> TableSource:
        return TableSource(LadderStep, self.steps, Decimal)


def ladder(
    symbol: Symbol,
    amount: AnyNumber,
    *,
    low: AnyNumber,
    high: AnyNumber | None = None,
    steps: int = 1,
    period: Periods = 2,
    weights: Sequence[AnyNumber] | None = None,
    spacing: str = "linear",
    type: str = "LIMIT",
    min_amount: AnyNumber | None = None,
) -> Ladder:
    """
    Spread an amount over rates and periods; sends nothing.

    Parameters
    ----------
    symbol : str
        A funding currency, such as ``fUSD``.
    amount : str, int, Decimal or float
        Positive to lend, negative to borrow; at most eight places. The offers add up to it exactly.
    low, high : str, int, Decimal or float
        Lowest and highest daily rate, as fractions: 0.0002 is 0.02 %. By default `high` is `low`.
    steps : int
        Number of offers.
    period : int, list of int, or callable
        In days, 2 to 120: for all offers; one for each; or a function of the rate, such as
        ``lambda rate: 30 if rate >= Decimal("0.0005") else 2``.
    weights : list of str, int, Decimal or float, optional
        Relative amounts of the offers, from the lowest rate on; by default all are equal.
    spacing : str
        Of the rates: ``linear`` or ``geometric``.
    type : str
        As for `submit_funding_offer`; with ``FRRDELTAVAR`` and ``FRRDELTAFIX`` the rates are
        offsets from the flash return rate.
    min_amount : str, int, Decimal or float, optional
        Refuse smaller offers; the exchange accepts none below the equivalent of 150 US dollars.

    Raises
    ------
    UsageError
        An impossible value, or an offer would be below `min_amount`.
    """
    rates = spread_rates(low, low if high is None else high, steps, spacing)
    count = len(rates)
    parts = spread_amount(amount, [1] * count if weights is None else weights)
    if len(parts) != count:
        raise UsageError(f"weights must be {count} numbers, not {len(parts)}")
    if min_amount is not None:
        least = Decimal(check_positive("min_amount", min_amount), EXACT)
        if min(map(abs, parts)) < least:
            raise UsageError(
                f"amount is too small for {count} offers: the smallest would be "
                f"{min(map(abs, parts)):f}, and min_amount is {least:f}"
            )
    checked = [
        offer_body(type, symbol, part, rate, days)
        for part, rate, days in zip(parts, rates, _periods(period, rates))
    ]
    return Ladder(
        [
            LadderStep(body["type"], body["symbol"], part, rate, body["period"])
            for body, part, rate in zip(checked, parts, rates)
        ]
    )


def _periods(period: Any, rates: Sequence[Decimal]) -> List[Any]:
    if callable(period):
        return [period(rate) for rate in rates]
    if isinstance(period, (list, tuple)):
        if len(period) != len(rates):
            raise UsageError(f"period must be {len(rates)} numbers, not {period!r}")
        return list(period)
    return [period] * len(rates)


def _short(amount: Decimal) -> str:
    """Return an amount with separators of thousands and without zeros at its end."""
    text = f"{amount:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _percent(rate: Decimal, places: int) -> str:
    with localcontext(EXACT):
        return f"{rate * 100:.{places}f}"
