"""
One contestant of orders.py in a process of its own: place orders one after the other.

An order is timed from the call to its result: to the order itself for bfxsync and the floor, to the
notification that the request was accepted for bitfinex-api-py, which waits for nothing by itself.
Each is cancelled before the next one is sent, outside the measured time. It prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import hashlib
import hmac
import json
import time
from typing import Any, Callable, Dict, List

from counting import cpu_s
from floor import connect, receive, send, split

KEY, SECRET = "paper-key", "paper-secret"
TERMS = ("EXCHANGE LIMIT", "tBTCUSD", "0.01", "30000")

#: Orders before the measurement.
WARM_UP = 30

SEQ_ALL = 65536

#: Only ends waits that would not end otherwise.
WAIT_S = 20.0


class Orders:
    """The measured times, and how many orders were placed as they should be."""

    def __init__(self, count: int) -> None:
        self.total = count + WARM_UP
        self.good = 0
        self._times_us: List[float] = []
        self._cpu_s = 0.0

    def add(self, taken_ns: int, price: object) -> None:
        """Add an order that was placed in this time."""
        self._times_us.append(taken_ns / 1000)
        self.good += price == float(TERMS[3])
        if len(self._times_us) == WARM_UP:
            self._cpu_s = cpu_s()

    def report(self) -> None:
        """Print the result."""
        times = sorted(self._times_us[WARM_UP:])
        found = {
            "good": self.good,
            "p50_us": times[len(times) // 2],
            "p99_us": times[len(times) * 99 // 100],
            "cpu_us": (cpu_s() - self._cpu_s) * 1e6 / len(times),
        }
        print(json.dumps(found), flush=True)


def run_rest(orders: Orders, ws: str, rest: str) -> None:
    from bfxsync import Client

    with Client(KEY, SECRET, rest_host=rest, wss_host=ws) as bfx:
        auth = bfx.rest.auth
        for _ in range(orders.total):
            started = time.monotonic_ns()
            order = auth.submit_order(*TERMS).raise_for_status().data
            orders.add(time.monotonic_ns() - started, order.price)
            auth.cancel_order(id=order.id).raise_for_status()


def run_official_rest(orders: Orders, ws: str, rest: str) -> None:
    from bfxapi import Client

    auth = Client(rest_host=rest, api_key=KEY, api_secret=SECRET).rest.auth
    for _ in range(orders.total):
        started = time.monotonic_ns()
        order = auth.submit_order(*TERMS).data
        orders.add(time.monotonic_ns() - started, order.price)
        auth.cancel_order(id=order.id)


def run_official(orders: Orders, ws: str, rest: str) -> None:
    """Wait for ``on-req-notification``, as the client's examples do."""
    from bfxapi import Client

    bfx = Client(wss_host=ws, api_key=KEY, api_secret=SECRET)

    async def program() -> None:
        ready = asyncio.Event()
        placed: asyncio.Queue[Any] = asyncio.Queue()
        cancelled: asyncio.Queue[Any] = asyncio.Queue()
        bfx.wss.on("wallet_snapshot", lambda _: ready.set())
        bfx.wss.on("on-req-notification", placed.put_nowait)
        bfx.wss.on("order_cancel", cancelled.put_nowait)
        client = asyncio.ensure_future(bfx.wss.start())
        await asyncio.wait_for(ready.wait(), WAIT_S)
        for cid in range(1, orders.total + 1):
            started = time.monotonic_ns()
            await bfx.wss.inputs.submit_order(*TERMS, cid=cid)
            order = (await placed.get()).data
            orders.add(time.monotonic_ns() - started, order.price)
            assert order.cid == cid
            await bfx.wss.inputs.cancel_order(id=order.id)
            assert (await cancelled.get()).cid == cid
        await bfx.wss.close()
        await asyncio.wait([client])

    asyncio.run(program())


def run_floor(orders: Orders, ws: str, rest: str) -> None:
    """A plain socket, the splitter and orjson: one frame out, frames in until ``on`` is there."""
    import orjson

    sock, data = connect(ws, None)
    with sock:
        sock.settimeout(WAIT_S)
        nonce = str(int(time.time() * 1_000_000))
        payload = f"AUTH{nonce}"
        digest = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha384)
        auth = {"event": "auth", "apiKey": KEY, "authNonce": int(nonce)}
        auth.update(authPayload=payload, authSig=digest.hexdigest())
        send(sock, {"event": "conf", "flags": SEQ_ALL})
        send(sock, auth)
        rest_of_data, frames = data, []

        def wait(code: str, cid: object) -> Any:
            nonlocal rest_of_data, frames
            while True:
                for index, frame in enumerate(frames):
                    if type(frame) is list and frame[1] == code:
                        if cid is None or frame[2][2] == cid:
                            del frames[: index + 1]
                            return frame[2]
                texts, rest_of_data = split(rest_of_data + receive(sock))
                frames = [orjson.loads(text) for text in texts]

        wait("ws", None)
        kind, symbol, amount, price = TERMS
        for cid in range(1, orders.total + 1):
            started = time.monotonic_ns()
            terms = {"type": kind, "symbol": symbol, "amount": amount, "price": price}
            send(sock, [0, "on", None, {**terms, "cid": cid}])
            order = wait("on", cid)
            orders.add(time.monotonic_ns() - started, order[16])
            send(sock, [0, "oc", None, {"id": order[0]}])
            wait("oc", cid)


def run_bfxsync(orders: Orders, ws: str, rest: str) -> None:
    from bfxsync import Client

    with Client(KEY, SECRET, rest_host=rest, wss_host=ws) as bfx:
        inputs = bfx.wss.inputs
        for _ in range(orders.total):
            started = time.monotonic_ns()
            reply = inputs.submit_order(*TERMS)
            order = reply.result(WAIT_S)
            orders.add(time.monotonic_ns() - started, order.price)
            reply.cancel_order()
            reply.wait_done(WAIT_S)


CONTESTANTS: Dict[str, Callable[[Orders, str, str], None]] = {
    "floor-orders": run_floor,
    "bfxsync": run_bfxsync,
    "bfxsync-rest": run_rest,
    "bitfinex-api-py": run_official,
    "bitfinex-api-py-rest": run_official_rest,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("contestant", choices=list(CONTESTANTS))
    parser.add_argument("--ws", required=True)
    parser.add_argument("--rest", required=True)
    parser.add_argument("--orders", type=int, required=True)
    options = parser.parse_args()
    # If a contestant hangs, print where and exit.
    faulthandler.dump_traceback_later(120, exit=True)
    orders = Orders(options.orders)
    CONTESTANTS[options.contestant](orders, options.ws, options.rest)
    orders.report()


if __name__ == "__main__":
    main()
