"""How an amount is spread over rates: exact arithmetic, without a client."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal, localcontext
from itertools import accumulate
from typing import Any, List, Sequence

from bfxsync._base.aliases import AnyNumber
from bfxsync._base.numbers import EXACT, PLACES, own_context, plain_decimal
from bfxsync.checks.containers import check_items
from bfxsync.checks.numbers import check_integer, check_positive
from bfxsync.checks.texts import check_choice
from bfxsync.errors import UsageError

STEPS = range(1, 1001)
SPACINGS = ("linear", "geometric")

_CONTEXT = own_context(34)
_AMOUNT = Decimal(1).scaleb(-PLACES)
_RATE = Decimal("1e-10")


def spread_rates(
    low: AnyNumber, high: AnyNumber, steps: int, spacing: str = "linear"
) -> List[Decimal]:
    """
    Return rates from `low` to `high`, both included, rounded to ten places.

    Parameters
    ----------
    low, high : str, int, Decimal or float
        Daily rates as fractions: 0.0002 is 0.02 %. For offers at the flash return rate plus a rate
        they may be zero or negative.
    steps : int
        Number of rates, 1 to 1000; a single one needs `low` and `high` to be equal.
    spacing : str
        ``linear``: equal differences. ``geometric``: equal ratios, of positive rates.
    """
    first, last = (
        Decimal(plain_decimal(value, name), EXACT)
        for name, value in (("low", low), ("high", high))
    )
    count = check_integer("steps", steps, STEPS)
    is_linear = check_choice("spacing", spacing, SPACINGS) == "linear"
    if last < first:
        raise UsageError(f"high must not be below low, not {high!r}")
    if count == 1 and first != last:
        raise UsageError("steps must be more than 1 if high is not low, not 1")
    if first <= 0 and not is_linear:
        raise UsageError(f"low must be positive for geometric, not {low!r}")
    with localcontext(_CONTEXT):
        parts = [Decimal(n) / max(count - 1, 1) for n in range(count)]
        if is_linear:
            rates = [first + (last - first) * part for part in parts]
        else:
            rates = [first * (last / first) ** part for part in parts]
        return [rate.quantize(_RATE, ROUND_HALF_EVEN) for rate in rates]


def spread_amount(amount: AnyNumber, weights: Sequence[AnyNumber]) -> List[Decimal]:
    """
    Return parts of an amount in proportion to the weights; their sum is exactly the amount.

    Parameters
    ----------
    amount : str, int, Decimal or float
        Not zero, with at most eight places. The parts have its sign.
    weights : list of str, int, Decimal or float
        Positive, one for each part.
    """
    total = Decimal(plain_decimal(amount, "amount"), EXACT)
    if not total:
        raise UsageError("amount must not be 0")
    shares = [Decimal(each) for each in check_items("weights", weights, _weight)]
    with localcontext(EXACT):
        if total != total.quantize(_AMOUNT, ROUND_DOWN):
            raise UsageError(
                f"amount must have at most {PLACES} places, not {amount!r}"
            )
        # Differences of rounded sums: no part differs by more than a unit of the last place.
        whole = sum(shares)
        sums: Any = accumulate(shares)
        ends = [
            (total * part / whole).quantize(_AMOUNT, ROUND_HALF_EVEN) for part in sums
        ]
        return [end - before for before, end in zip([Decimal(0), *ends], ends)]


def _weight(name: str, value: object) -> str:
    return check_positive(name, value)
