"""An exchange with a journal, in a process of its own, until it is killed."""

from __future__ import annotations

import sys

from bfxsync.paper import PaperAccount, PaperExchange

KEYS = ("first-key", "second-key", "third-key")


def exchange(path: str, rate: float) -> PaperExchange:
    accounts = [PaperAccount(api_key=key) for key in KEYS]
    return PaperExchange(rate=rate, accounts=accounts, journal_path=path)


if __name__ == "__main__":
    with exchange(sys.argv[1], 2_000) as running:
        print(running.rest_url, running.url, flush=True)
        sys.stdin.read()
