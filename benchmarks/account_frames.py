"""
Measure the CPU time of a frame of the account channel, without a network.

Strategy: the session of an account gets prepared blocks, as micro.py does for public channels:
orders that are placed, filled in two parts and closed, with trades and wallets. "decode" is the
decoding of the same messages alone.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from typing import Any, Callable, Iterator, List, Sequence

from report import markdown

SNAPSHOTS = ("ps", "ws", "os", "fos", "fcs", "fls")

#: Frames of a block in a flood, as in micro.py.
FLOOD_BLOCK = 500


def orders(rng: random.Random, first_id: int = 180_000_000_000) -> Iterator[str]:
    """Yield the frames of one order after another, without their sequence numbers."""
    identity = first_id
    while True:
        identity += rng.randrange(3, 50)
        amount = round(rng.uniform(0.002, 3), 8)
        half, price = round(amount / 2, 8), 86_000 + rng.randrange(1000)

        def order(code: str, left: float, status: str) -> str:
            return (
                f'[0,"{code}",[{identity},null,{identity},"tBTCUSD",1790000000000,1790000000001,'
                f'{left},{amount},"EXCHANGE LIMIT",null,null,null,0,"{status}",null,null,{price},'
                f'{price},0,0,null,null,null,0,0,null,null,null,"API>BFX",null,null,null]'
            )

        def wallet() -> str:
            balance = round(rng.uniform(1000, 9000), 8)
            return f'[0,"wu",["exchange","USD",{balance},0,null,"Exchange",null]'

        yield order("on", amount, "ACTIVE")
        yield wallet()
        for number, left in enumerate((amount - half, 0.0)):
            trade = (
                f'[{identity + number},"tBTCUSD",1790000000000,{identity},{half},{price},'
                f'"EXCHANGE LIMIT",{price},1'
            )
            yield f'[0,"te",{trade},null,null,{identity}]'
            yield order("ou" if left else "oc", left, "EXECUTED")
            yield f'[0,"tu",{trade},-0.00012,"BTC",{identity}]'
            yield wallet()


def opened() -> Any:
    """Return the session of a socket that was authenticated and has had its snapshots."""
    from bfxsync.wire.account_session import AccountSession
    from bfxsync.wire.channels.account import AccountChannel
    from bfxsync.wire.commands import SendAuth, Subscribe

    session = AccountSession(AccountChannel())
    session.apply(Subscribe("user", session.channel), 0.0)
    session.open(0.0)

    def answer(value: Any) -> None:
        session.feed([json.dumps(value).encode()], 0.0)

    answer({"event": "info", "version": 2, "platform": {"status": 1}})
    answer({"event": "conf", "status": "OK", "flags": 65536})
    session.apply(SendAuth({"event": "auth"}), 0.0)
    answer({"event": "auth", "status": "OK", "chanId": 0, "userId": 1, "caps": {}})
    for seq, code in enumerate(SNAPSHOTS, 1):
        answer([0, code, [], seq, 0])
    assert session.channel.is_live
    return session


def blocks(frames: int, size: int) -> List[List[bytes]]:
    """Return numbered messages in blocks."""
    texts = orders(random.Random(1))
    numbered = [
        f"{next(texts)},{len(SNAPSHOTS) + number},{number}]".encode()
        for number in range(1, frames + 1)
    ]
    return [numbered[start : start + size] for start in range(0, frames, size)]


def cost_us(run: Callable[[], Callable[[List[bytes]], Any]], data: Any) -> float:
    """Return µs per frame of the fastest of five runs, each with what `run` makes for it."""
    costs = []
    for _ in range(5):
        feed = run()
        started = time.thread_time()
        for block in data:
            feed(block)
        costs.append(time.thread_time() - started)
    return min(costs) * 1e6 / sum(map(len, data))


def table(frames: int) -> List[Sequence[str]]:
    """Return a row for blocks of one frame, and one for a flood."""
    from bfxsync.wire.codec import loads_for

    loads = loads_for()
    rows = []
    for name, size in (("one frame", 1), ("a flood", FLOOD_BLOCK)):
        data = blocks(frames - frames % size, size)
        decode = cost_us(lambda: lambda block: [loads(each) for each in block], data)
        whole = cost_us(lambda: feeder(opened()), data)
        rows.append([name, f"{decode:.2f}", f"{whole:.2f}"])
    return rows


def feeder(session: Any) -> Callable[[List[bytes]], Any]:
    """Return a function that feeds a session, which must deliver every frame."""
    from bfxsync.wire.outputs import Deliver

    def feed(block: List[bytes]) -> None:
        outputs = session.feed(block, 1.0)
        delivered = [each.updates for each in outputs if type(each) is Deliver]
        assert sum(map(len, delivered)) == len(block), outputs

    return feed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("--frames", type=int, default=14_000, help="of a run")
    options = parser.parse_args()
    print("CPU µs per frame of the account, fastest of five; blocks of one or many\n")
    print(
        markdown(
            ["block", "decode", "decode, check, models, state"], table(options.frames)
        )
    )


if __name__ == "__main__":
    main()
