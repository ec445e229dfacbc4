"""Signed sends of eight threads on one key, by REST and by connections; also a program."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from typing import Any

import websocket

from bfxsync import Backoff, Client

DEADLINE_S = 60.0
NONCE_TOO_SMALL = 10_114

EVERY = 10
"""Of so many sends one authenticates a connection."""

ATTEMPTS = 50
"""
Of one authentication. A client makes six; but here the calls between two of them come some hundred
times faster than the exchange's limits allow, and the busier the machine, the more of them pass a
socket's nonce on its way.
"""


def authenticate(bfx: Client, url: str, counts: Counter[str]) -> None:
    """Authenticate a fresh connection, another one after 10114."""
    signer: Any = bfx._credentials.current.signer
    # With a client's delays, shorter.
    backoff = Backoff(first_s=0.01, cap_s=0.5)
    for _ in range(ATTEMPTS):
        drawn: list[Any] = []
        come = threading.Event()
        socket = websocket.create_connection(url, timeout=DEADLINE_S)
        try:
            signer.nonce.draw(lambda nonce: (drawn.append(nonce), come.set()))
            assert come.wait(DEADLINE_S)
            socket.send(json.dumps(signer.auth_event(drawn[0])))
            event: Any = None
            while not isinstance(event, dict) or event["event"] != "auth":
                event = json.loads(socket.recv())
        finally:
            socket.shutdown()
        if event["status"] == "OK":
            counts["authentications"] += 1
            return
        assert event["code"] == NONCE_TOO_SMALL, event
        counts["refused authentications"] += 1
        backoff = backoff.failed()
        threading.Event().wait(backoff.delay_s())
    raise AssertionError(f"refused {ATTEMPTS} times in a row")


def use(bfx: Client, url: str, sends: int, half_way: Any = int) -> Counter[str]:
    """Send so much from each of eight threads; return what happened, and raise what it raised."""
    counts: Counter[str] = Counter()
    errors: list[BaseException] = []
    start = threading.Barrier(8)

    def work(index: int) -> None:
        mine: Counter[str] = Counter()
        try:
            start.wait(DEADLINE_S)
            for number in range(sends):
                if index == 0 and number == sends // 2:
                    half_way()
                if number % EVERY == index:
                    authenticate(bfx, url, mine)
                else:
                    bfx.rest.request("POST", "auth/r/summary")
                    mine["requests"] += 1
        except BaseException as exc:
            errors.append(exc)
        counts.update(mine)

    threads = [
        threading.Thread(target=work, args=(index,), name=f"test-{index}")
        for index in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    counts["retries"] = bfx.rest.stats()["retries"]
    return counts


if __name__ == "__main__":
    url, rest_url, path, number = sys.argv[1:]
    # The key comes from the environment.
    with Client(
        wss_host=url,
        rest_host=rest_url,
        nonce_file=path,
        rest_timeout=DEADLINE_S,
    ) as client:
        print(json.dumps(use(client, url, int(number))))
