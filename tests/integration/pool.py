"""Many channels of a local exchange, and its own view of the connections that carry them."""

from __future__ import annotations

from typing import Any

from bfxsync.paper import PaperExchange

PAIRS = (
    *("tBTCUSD", "tETHUSD", "tLTCUSD", "tLTCBTC", "tETHBTC"),
    *("tUSTUSD", "tBTCUST", "tXRPUSD", "tTESTBTC:TESTUSD"),
)
PRECISIONS = ("P0", "P1", "P2", "P3", "P4", "R0")
FUNDING = ("fUSD", "fUST", "fBTC")

REQUESTS: list[dict[str, Any]] = [
    *({"channel": "ticker", "symbol": symbol} for symbol in (*PAIRS, *FUNDING)),
    *({"channel": "trades", "symbol": symbol} for symbol in (*PAIRS, *FUNDING)),
    # Long candles take a simulated market a while: all since its beginning.
    *(
        {"channel": "candles", "key": f"trade:{t}:{p}"}
        for t in ("1m", "5m")
        for p in PAIRS
    ),
    *(
        {"channel": "book", "symbol": pair, "prec": prec, "len": length}
        for length in ("1", "25", "100", "250")
        for pair in PAIRS
        for prec in PRECISIONS
    ),
][:250]
"""250 different subscriptions."""


def channel_counts(exchange: PaperExchange) -> list[int]:
    """Return how many channels each connection has, as the exchange counts them."""
    counts: list[int] = exchange._thread.call(
        lambda server: sorted(len(s.channels) for s in server.connections.values())
    )
    return counts


def identities(exchange: PaperExchange) -> list[Any]:
    """Return the identity of each channel of each connection."""
    found: list[Any] = exchange._thread.call(
        lambda server: [
            channel.identity
            for session in server.connections.values()
            for channel in session.channels.values()
        ]
    )
    return found


def drop_connection(exchange: PaperExchange, request: dict[str, Any] | None) -> None:
    """Abort the connection that carries a subscription; None: that of the account."""

    def carries(session: Any) -> bool:
        if request is None:
            return bool(session.account.is_open)
        return any(_is(each.identity, request) for each in session.channels.values())

    def drop(server: Any) -> None:
        (connection,) = [each for each, s in server.connections.items() if carries(s)]
        server._retire(connection)
        connection.abort(False)

    exchange._thread.call(drop)


def _is(identity: Any, request: dict[str, Any]) -> bool:
    wanted = {"length": int(request.get("len", identity.length)), **request}
    wanted.pop("len", None)
    return all(getattr(identity, name) == value for name, value in wanted.items())
