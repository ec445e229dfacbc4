"""Candles as a picture that stands still, such as those of a history."""

from __future__ import annotations

from typing import Iterable, List

from bfxsync._base.describe import safe_repr
from bfxsync._base.plain import plain_items
from bfxsync.errors import UsageError
from bfxsync.models.status import Candle
from bfxsync.notebook.drawing.candles import describe_candles, draw_candles
from bfxsync.notebook.picture import Picture

_MOST = 400
"""With more of them the drawing has no pixels between two candles."""


def chart(candles: Iterable[Candle]) -> Picture:
    """
    Return a picture of candles with their volumes, for the end of a cell.

    Parameters
    ----------
    candles : iterable of Candle
        Of one symbol and timeframe, at most 400, in any order; such as ``history.collect()`` of
        `Client.candles`, or a list of REST.

    Raises
    ------
    UsageError
        Not such candles.

    Examples
    --------
    ::

        notebook.chart(bfx.candles("tBTCUSD", "1D", since=timedelta(days=90)).collect())
    """
    found = _checked(candles)
    kind = (found[0].symbol, found[0].timeframe) if found else ()
    title = " ".join(filter(None, kind)) or "candles"
    is_rate = title.startswith("f")
    return Picture.of_svg(
        draw_candles(title, found, is_rate), describe_candles(title, found, is_rate)
    )


def _checked(candles: object) -> List[Candle]:
    found = plain_items(candles)
    if found is None:
        raise UsageError(f"candles must be candles, not {safe_repr(candles)}")
    for each in found:
        if not isinstance(each, Candle):
            raise UsageError(f"candles must be candles; one is {safe_repr(each)}")
    if len(found) > _MOST:
        raise UsageError(
            f"candles must be at most {_MOST}, not {len(found)}: take a longer timeframe, or a part"
        )
    kinds = {(each.symbol, each.timeframe) for each in found}
    if len(kinds) > 1:
        raise UsageError(
            f"candles must be of one symbol and timeframe, not {sorted(kinds, key=str)}"
        )
    return sorted(found, key=lambda candle: candle.mts)
