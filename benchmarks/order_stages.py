"""
Measure the CPU time of an order and its cancellation, stage by stage, without a network.

Strategy: a real client whose I/O thread is not started: what that thread would do is done here, in
turn with the caller's part, so that no stage waits for the other. Its socket is a stand-in, and
the answers are those of the exchange: notification, wallet and order in one block.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import count
from statistics import median
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from account_frames import SNAPSHOTS
from report import markdown

TERMS = ("EXCHANGE LIMIT", "tBTCUSD", "0.01", "30000")

#: Orders before the measurement.
WARM_UP = 100

Stages = Iterator[Tuple[str, Callable[[], Any]]]


class _Sent:
    """The stand-in for a socket, which accepts everything."""

    def send(self, text: str) -> None:
        pass

    def close(self) -> None:
        pass


class Trader:
    """A client with an authenticated account, and both ends of its connection."""

    def __init__(self) -> None:
        from bfxsync import Client
        from bfxsync.wire.commands import SendAuth
        from bfxsync.ws.io.link import Link

        nowhere = "ws://127.0.0.1:1"
        self._client = Client("key", "secret", wss_host=nowhere, dispatch_threads=0)
        core = self._client.wss._core
        start = Link.start
        Link.start = lambda link: None  # type: ignore[method-assign]
        try:
            self._client.wss.authenticate()
        finally:
            Link.start = start  # type: ignore[method-assign]
        link: Any = core.placement.account_link
        link.worker._transport = _Sent()
        self._core, self._link, self._session = core, link, link.session
        self._seq, self._ids = count(1), count(180_000_000_000)
        link.perform(self._session.open(self._now()))
        self._receive({"event": "info", "version": 2, "platform": {"status": 1}})
        self._receive({"event": "conf", "status": "OK", "flags": 65536})
        link.execute()
        link.perform(self._session.apply(SendAuth({"event": "auth"}), self._now()))
        caps = {"orders": {"read": 1, "write": 1}}
        auth = {"event": "auth", "status": "OK", "chanId": 0, "userId": 1, "caps": caps}
        self._receive(auth)
        for code in SNAPSHOTS:
            self._receive(self._numbered(code, []))
        assert self._session.channel.is_live

    def stages(self) -> Stages:
        """Yield the stages of one order, each to be called once."""
        inputs = self._client.wss.inputs
        replies: List[Any] = []
        yield "submit_order", lambda: replies.append(inputs.submit_order(*TERMS))
        yield "send the order", self._execute
        reply, id = replies[0], next(self._ids)
        answer = self._answers("on", id, reply.cid, "ACTIVE")
        yield "read n, wu and on", lambda: self._feed(answer)
        yield "result", lambda: reply.result(0)
        yield "cancel_order", reply.cancel_order
        yield "send the cancellation", self._execute
        last = self._answers("oc", id, reply.cid, "CANCELED")
        yield "read n, wu and oc", lambda: self._feed(last)
        yield "wait_done", lambda: reply.wait_done(0)
        assert not len(self._core.account.replies), "a reply is still open"

    def close(self) -> None:
        """End the client; the replies have ended before."""
        self._link.worker.shut_down()
        self._client.close()

    def _answers(self, name: str, id: int, cid: int, status: str) -> List[bytes]:
        mts = round(time.time() * 1000)
        kind, symbol, amount, price = TERMS
        row: List[Any] = [None] * 32
        row[0], row[2:9] = id, [cid, symbol, mts, mts, 0.01, float(amount), kind]
        row[12:14], row[16:20] = [0, status], [float(price), 0, 0, 0]
        row[23:25], row[28], row[31] = [0, 0], "API>BFX", {}
        note = [mts, f"{name}-req", None, None, row, None, "SUCCESS", "Submitting."]
        wallet = ["exchange", "USD", 100_000, 0, 99_700, "Exchange", None]
        frames = [("n", note), ("wu", wallet), (name, row)]
        return [json.dumps(self._numbered(*each)).encode() for each in frames]

    def _numbered(self, code: str, data: object) -> List[Any]:
        number = next(self._seq)
        return [0, code, data, number, number]

    def _receive(self, value: object) -> None:
        self._feed([json.dumps(value).encode()])

    # What the I/O thread does in a round of its loop.

    def _execute(self) -> None:
        self._link.execute()
        self._finish_round()

    def _feed(self, messages: List[bytes]) -> None:
        now = self._now()
        self._link.perform(self._session.feed(messages, now), now)
        self._finish_round()

    def _finish_round(self) -> None:
        self._session.is_rescheduled = False
        self._session.next_deadline()
        self._core.run_ready()

    def _now(self) -> float:
        return time.monotonic()


def table(orders: int) -> List[Sequence[str]]:
    """Return a row for each stage, with the median of its CPU time in µs, and the sum."""
    trader = Trader()
    costs_s: Dict[str, List[float]] = {}
    try:
        for number in range(WARM_UP + orders):
            for name, run in trader.stages():
                started = time.thread_time()
                run()
                taken_s = time.thread_time() - started
                if number >= WARM_UP:
                    costs_s.setdefault(name, []).append(taken_s)
    finally:
        trader.close()
    medians = {name: median(each) * 1e6 for name, each in costs_s.items()}
    found = [*medians.items(), ("together", sum(medians.values()))]
    return [[name, f"{cost:.1f}"] for name, cost in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("--orders", type=int, default=2_000, help="of a run")
    options = parser.parse_args()
    print("CPU µs of an order and its cancellation, medians\n")
    print(markdown(["stage", "CPU µs"], table(options.orders)))


if __name__ == "__main__":
    main()
