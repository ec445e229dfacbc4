"""
Processes that send as often as a shared budget allows, for the tests of its windows.

Usage: ``python senders.py PLACE PROCESSES SECONDS REQUESTS WINDOW_S``. Forks them, prints one line
when each of them knows of the others, and at the end one JSON list: the monotonic times of all
requests.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import List

from bfxsync.shared_limits.budget import SharedBudget
from bfxsync.shared_limits.window import Limit

# Those who wait look again at least this often, as the budget itself does while it is away.
NAP_S = 0.5


def meet(budget: SharedBudget, said: int, rounds: List[int]) -> None:
    """Ask, wait until all have asked, and ask again, so that each knows how many they are."""
    for go in rounds:
        budget.turn("others", Limit(1_000, 60.0)).ask()
        os.write(said, b".")
        os.read(go, 1)


def send(budget: SharedBudget, limit: Limit, until: float) -> List[float]:
    """Send until then."""
    sent = []
    while True:
        turn = budget.turn("test", limit)
        answer = turn.ask()
        due = time.monotonic() + answer.wait_s
        while answer.wait_s > 0:
            now = time.monotonic()
            if now >= until:
                turn.give_up()
                return sent
            if now >= due or answer.is_away:
                answer = turn.ask()
                due = time.monotonic() + answer.wait_s
            if answer.wait_s > 0:
                time.sleep(max(min(due - time.monotonic(), NAP_S), 0.0))
        if time.monotonic() >= until:
            return sent
        sent.append(time.monotonic())


def main(
    place: str, processes: str, seconds: str, requests: str, window_s: str
) -> None:
    budget = SharedBudget(place)
    limit = Limit(int(requests), float(window_s))
    heard, said = os.pipe()
    rounds = [os.pipe(), os.pipe()]
    pipes = []
    for _ in range(int(processes)):
        receive, report = os.pipe()
        if os.fork() == 0:
            meet(budget, said, [wait for wait, _ in rounds])
            sent = send(budget, limit, time.monotonic() + float(seconds))
            with os.fdopen(report, "w") as file:
                json.dump(sent, file)
            os._exit(0)
        os.close(report)
        pipes.append(receive)
    os.close(said)
    for _, go in rounds:
        for _ in pipes:
            assert os.read(heard, 1), "all have died"
        os.write(go, b"." * len(pipes))
    print("all have met", flush=True)
    found = []
    for receive in pipes:
        with os.fdopen(receive) as file:
            found += json.load(file)
    for _ in pipes:
        os.wait()
    print(json.dumps(sorted(found)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
