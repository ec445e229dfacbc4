"""
One REST contestant in a process of its own: repeat one request, print its cost.

It prints one JSON line. CPU time is that of the whole process, user and system, from the end of the
warm-up to the last answer.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import hmac
import json
import os
import time
from typing import Callable, Dict

from counting import cpu_s

SYMBOL = "tBTCUSD"
KEY, SECRET = "benchmark-key", "benchmark-secret"

#: The requests: public, and signed.
TICKER, WALLETS = "ticker", "wallets"
REQUESTS = (TICKER, WALLETS)

#: Calls before the measurement, which import modules and open the connection.
WARM_UP = 20

#: Returns a number from the answer: a ticker's bid, or the balance of the first wallet.
Ask = Callable[[], float]


def bfxsync(request: str, host: str, ca_bundle: str) -> Ask:
    from bfxsync.auth.signer import Signer
    from bfxsync.rest.client import RestClient
    from bfxsync.rest.http.rate_limiter import RequestRateLimiter

    client = RestClient(
        host,
        ca_bundle=ca_bundle,
        signer=Signer(KEY, SECRET),
        limits=RequestRateLimiter(exempt_loopback=True),
    )
    if request == WALLETS:
        return lambda: client.auth.get_wallets()[0].balance
    return lambda: client.public.get_t_ticker(SYMBOL).bid


def session(request: str, host: str, ca_bundle: str) -> Ask:
    import requests

    session = requests.Session()
    session.trust_env = False
    session.proxies = {}
    session.verify = ca_bundle

    def ask() -> float:
        url = f"{host}/ticker/{SYMBOL}"
        return float(session.get(url, timeout=(10, 10)).json()[0])

    def ask_signed() -> float:
        path, body = "auth/r/wallets", "{}"
        nonce = str(int(time.time() * 1_000_000))
        message = f"/api/v2/{path}{nonce}{body}"
        digest = hmac.new(SECRET.encode(), message.encode(), hashlib.sha384)
        headers = {
            "bfx-nonce": nonce,
            "bfx-apikey": KEY,
            "bfx-signature": digest.hexdigest(),
            "content-type": "application/json",
        }
        url = f"{host}/{path}"
        answer = session.post(url, data=body, headers=headers, timeout=(10, 10))
        return float(answer.json()[0][2])

    return ask_signed if request == WALLETS else ask


def official(request: str, host: str, ca_bundle: str) -> Ask:
    # The client has no parameter for it; this variable of requests has the same effect.
    os.environ["REQUESTS_CA_BUNDLE"] = ca_bundle

    from bfxapi import Client

    client = Client(rest_host=host, api_key=KEY, api_secret=SECRET)
    if request == WALLETS:
        return lambda: client.rest.auth.get_wallets()[0].balance
    return lambda: client.rest.public.get_t_ticker(SYMBOL).bid


CONTESTANTS: Dict[str, Callable[[str, str, str], Ask]] = {
    "bfxsync": bfxsync,
    "requests.Session": session,
    "bitfinex-api-py": official,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("contestant", choices=list(CONTESTANTS))
    parser.add_argument("request", choices=REQUESTS)
    parser.add_argument("--host", required=True)
    parser.add_argument("--ca-bundle", required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--expected", type=float, required=True)
    options = parser.parse_args()
    # If a contestant hangs, print where and exit.
    faulthandler.dump_traceback_later(240, exit=True)
    contestant = CONTESTANTS[options.contestant]
    ask = contestant(options.request, options.host, options.ca_bundle)
    good = 0
    for _ in range(WARM_UP):
        good += ask() == options.expected
    cpu, started = cpu_s(), time.monotonic()
    for _ in range(options.calls):
        good += ask() == options.expected
    result = {
        "good": good,
        "us_per_call": (cpu_s() - cpu) * 1e6 / options.calls,
        "calls_per_s": options.calls / (time.monotonic() - started),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
