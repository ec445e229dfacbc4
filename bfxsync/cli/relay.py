"""The command ``bfxsync relay``: a relay until Ctrl-C, with its status on stderr."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import Any, Dict, Iterator, List, Sequence

from bfxsync.cli.live.feed import ends_well
from bfxsync.cli.log_lines import LogLines
from bfxsync.cli.shared import require
from bfxsync.relay import Relay

_INTERVAL_S = 0.25
_DEFAULT = ("book", "trades", "ticker")


def run(
    symbols: Sequence[str],
    *,
    is_paper: bool,
    redis: str,
    channels: Sequence[str],
    prec: str,
    length: str,
    timeframe: str,
    liquidations: bool,
    seconds: float | None,
    **options: Any,
) -> None:
    """Relay until Ctrl-C, SIGTERM, or for some seconds."""
    requests = [
        *_requests(symbols, channels or _DEFAULT, prec, length, timeframe),
        *([{"channel": "status", "key": "liq:global"}] if liquidations else []),
    ]
    end = float("inf") if seconds is None else time.monotonic() + seconds
    with ExitStack() as stack:
        stack.enter_context(LogLines("relay", is_held=False))
        stack.enter_context(ends_well())
        if is_paper:
            require("aiohttp")
            from bfxsync.paper import PaperExchange

            options["wss_host"] = stack.enter_context(PaperExchange()).url
        relay = Relay(requests=requests, redis=redis, **options)
        stack.enter_context(relay)
        shown: List[str] = []
        while not relay.wait_closed(_INTERVAL_S) and time.monotonic() < end:
            lines = list(_status(relay))
            for line in lines:
                if line not in shown:
                    print(f"bfxsync relay: {line}", file=sys.stderr, flush=True)
            shown = lines


def _requests(
    symbols: Sequence[str],
    channels: Sequence[str],
    prec: str,
    length: str,
    timeframe: str,
) -> Iterator[Dict[str, str]]:
    for symbol in symbols:
        for channel in channels:
            if channel == "book":
                yield {
                    "channel": channel,
                    "symbol": symbol,
                    "prec": prec,
                    "len": length,
                }
            elif channel == "candles":
                yield {"channel": channel, "key": f"trade:{timeframe}:{symbol}"}
            elif channel == "status":
                yield {"channel": channel, "key": f"deriv:{symbol}"}
            else:
                yield {"channel": channel, "symbol": symbol}


def _status(relay: Relay) -> Iterator[str]:
    """Yield a line of the status, and one for each refused channel."""
    if relay.status == "standby":
        yield f"standby of shard {relay.shard}: another relay leads"
    elif relay.status == "leading":
        states = relay.states
        live = sum(state == "live" for state in states.values())
        yield f"leading shard {relay.shard}: {live} of {len(states)} channels live"
        for name, state in states.items():
            if state.startswith("refused"):
                yield f"{name}: {state}"
    elif relay.status == "away":
        yield "Redis cannot be used; trying again"
