"""Writes small recordings: a book of a market that goes up, and trades in it; and buys."""

from __future__ import annotations

import json

BEGIN_S = 1_700_000_000


def write_recording(path, seconds=20, *, step_s=1.0, symbols=("tBTCUSD",)):
    """
    Record a book and trades: once in `step_s` all prices rise by 1, and somebody buys.

    The best bid is 100 and the best ask 102 at first, each with an amount of 5.
    """
    lines = [
        {"format": "bfxsync", "version": 1, "t": BEGIN_S},
        {"t": BEGIN_S, "conn": 1, "open": "wss://api-pub.bitfinex.com/ws/2"},
    ]

    def sends(at, frame):
        text = json.dumps(frame)
        lines.append(
            {"t": BEGIN_S + at, "conn": 1, "dir": "server->client", "frame": text}
        )

    channels = [
        (symbol, 2 * number + 1, 2 * number + 2)
        for number, symbol in enumerate(symbols)
    ]
    for symbol, book, trades in channels:
        of = {"event": "subscribed", "symbol": symbol}
        ack = {"chanId": book, "channel": "book", "prec": "P0", "freq": "F0"}
        sends(0, {**of, **ack, "len": "25"})
        sends(0, {**of, "chanId": trades, "channel": "trades"})
        sends(0, [book, [[100, 1, 5], [99, 1, 5], [102, 1, -5], [103, 1, -5]]])
        sends(0, [trades, [[1, BEGIN_S * 1000 - 500, 0.1, 101]]])
    for step in range(1, int(seconds / step_s) + 1):
        at = step * step_s
        bid, ask = 100 + step, 102 + step
        for _, book, trades in channels:
            for row in (
                [bid - 2, 0, 1],
                [ask - 1, 0, -1],
                [bid, 1, 5],
                [ask + 1, 1, -5],
            ):
                sends(at, [book, row])
            trade = [step + 1, int((BEGIN_S + at) * 1000), 0.5, ask - 1]
            sends(at + 0.1, [trades, "te", trade])
            sends(at + 0.15, [trades, "tu", trade])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def buy(bfx, amount="1", **options):
    reply = bfx.wss.inputs.submit_order(
        type="EXCHANGE MARKET", symbol="tBTCUSD", amount=amount, **options
    )
    return reply.wait_filled(60)
