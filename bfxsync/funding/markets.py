"""The markets of funding: what is paid in each currency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict

from bfxsync._base.aliases import Number, Symbol

if TYPE_CHECKING:
    from bfxsync.client import Client


def flash_return_rates(client: Client) -> Dict[Symbol, Number]:
    """
    Return the flash return rate (FRR) of each currency that can be funded, by symbol.

    Per day, as a fraction: 0.0002 is 0.02 %. It is the average of all fixed rates of the last hour.
    One request, ``GET tickers``. Currencies without a rate are left out.
    https://docs.bitfinex.com/reference/rest-public-tickers
    """
    tickers = client.rest.public.get_f_tickers("ALL")
    rates = {symbol: ticker.frr for symbol, ticker in tickers.items()}
    fundable = client.symbols.fundable
    return {
        symbol: rate for symbol in fundable if (rate := rates.get(symbol)) is not None
    }
