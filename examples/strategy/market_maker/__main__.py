"""The command line: ``python -m market_maker tBTCUSD --paper``."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from decimal import Decimal, InvalidOperation
from typing import Optional, Sequence

from bfxsync import BfxError, Client

from .maker import MarketMaker, client_options
from .quotes import Settings


def number(text: str) -> Decimal:
    """Read a number from 0."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not (value.is_finite() and value >= 0):
        raise argparse.ArgumentTypeError(f"not a number from 0: {text!r}")
    return value


OPTIONS = {
    "size": "amount of each order, in base currency",
    "max-position": "how far the balance may be above or below the target",
    "target": "balance without a position; by default that at the start",
    "edge": "distance of both quotes from the fair price, as a ratio",
    "skew": "how far the largest position moves both quotes, as a ratio",
    "tolerance": "ratio by which a price may be off before the order is moved",
    "max-order-value": "in quote currency; larger orders are refused",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments; the defaults are those of `Settings`."""
    found = argparse.ArgumentParser(prog="market_maker", description=__doc__)
    found.add_argument("symbol", help="a pair, such as tBTCUSD")
    where = found.add_mutually_exclusive_group(required=True)
    where.add_argument("--paper", action="store_true", help="on a local exchange")
    where.add_argument(
        "--live", action="store_true", help="on the real one, see README.rst"
    )
    for name, text in OPTIONS.items():
        default = getattr(Settings, name.replace("-", "_"))
        shown = "" if default is None else f" ({default})"
        found.add_argument(f"--{name}", type=number, default=default, help=text + shown)
    return found


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Trade until Ctrl-C or SIGTERM; return the exit code."""
    found = parser()
    options = vars(found.parse_args(arguments))
    is_paper = options.pop("paper")
    options.pop("live")
    try:
        settings = Settings(**options)
    except ValueError as error:
        found.error(str(error))
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout
    )
    connect = Client.paper if is_paper else Client
    try:
        with connect(**client_options(settings)) as bfx:
            maker = MarketMaker(bfx, settings)
            for name in (signal.SIGINT, signal.SIGTERM):
                signal.signal(name, lambda *_: maker.stop())
            maker.run()
            left = len(maker.account.orders)
            print(f"position {maker.position:+f}, open orders: {left}")
    except BfxError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
