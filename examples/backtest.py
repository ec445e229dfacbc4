"""A strategy over a recording, with several settings. The same function trades live."""

from bfxsync.backtest import backtest


def main(bfx, threshold=0.2, amount=0.01):
    """Follow the side of the book on which more is offered."""
    book = bfx.wss.subscribe_book("tBTCUSD").book
    held = 0
    for _ in bfx.wss.subscribe_trades("tBTCUSD"):
        imbalance = book.imbalance(10) or 0
        wanted = (imbalance > threshold) - (imbalance < -threshold)
        if wanted not in (held, 0):
            note = bfx.rest.auth.submit_order(
                "EXCHANGE MARKET", "tBTCUSD", wanted * amount
            )
            note.raise_for_status()
            held = wanted


if __name__ == "__main__":
    # Live it is `with Client() as bfx: main(bfx)`, on paper `with Client.paper() as bfx:`.
    for threshold in (0.0, 0.3):
        result = backtest(
            main,
            "btcusd-20181112",  # comes with bfxsync; Client(record=path) makes others
            balances={"exchange": {"USD": 5000, "BTC": "0.5"}},
            parameters={"threshold": threshold},
            step_s=10,
        )
        print(
            f"threshold {threshold}: {len(result.fills)} fills, {result.return_ratio:+.4%}"
        )
    print(result.text())
    print(result.chart(80, 10))
    result.plot("equity.svg")
