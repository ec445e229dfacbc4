from __future__ import annotations

from itertools import islice

from bfxsync.paper.markets.history import BEGIN
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.recipes import RECIPES
from bfxsync.paper.markets.tape import LIVE_TRADES, Tape

MTS = 1_700_000_000_000


def test_old_and_new_trades_are_one_list_in_both_orders() -> None:
    market = RandomMarket(RECIPES["tBTCUSD"], 1, MTS)
    for n in range(2_000):
        market.step(MTS + n * 50)
    rows = list(islice(market.tape.rows(), 5_000))
    assert [row[0] for row in rows] == sorted({row[0] for row in rows}, reverse=True)
    assert [row[1] for row in rows] == sorted((r[1] for r in rows), reverse=True)
    assert rows[0][1] > MTS > rows[-1][1]
    assert list(market.trades) == rows[:30]
    start = rows[-1][1] + 1
    page = [row for row in rows if row[1] >= start]
    assert list(market.tape.rows(start, newest_first=False)) == page[::-1]
    # Both ends are included, also where several trades have the same time.
    early, late = rows[3_000][1], rows[200][1]
    wanted = [row for row in rows if early <= row[1] <= late]
    assert list(market.tape.rows(early, late)) == wanted
    assert list(market.tape.rows(early, late, False)) == wanted[::-1]
    assert list(market.tape.rows(late, early)) == []
    oldest = next(market.tape.rows(newest_first=False))
    assert oldest[1] // 60_000 == BEGIN


def test_new_trades_are_kept_up_to_a_number() -> None:
    tape = Tape()
    for n in range(LIVE_TRADES + 5):
        tape.record([n, n, 1, 1])
    assert len(list(tape.rows())) == LIVE_TRADES
    assert next(tape.rows(newest_first=False))[0] == 5
