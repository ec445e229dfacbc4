"""
One REST contestant, in a process of its own: ask for a ticker many times, print what it cost.

It prints one JSON line. CPU time is that of the whole process, user and system, from after the
warm-up to the last answer.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import time
from typing import Callable, Dict

from counting import cpu_s

SYMBOL = "tBTCUSD"

#: Calls before the measurement: modules are loaded then, and there is a connection to keep.
WARM_UP = 20

#: Makes a ticker's bid from the host and the file of certificates, again and again.
Ask = Callable[[], float]


def bfxsync(host: str, ca_bundle: str) -> Ask:
    from bfxsync.rest.client import RestClient
    from bfxsync.rest.limits import Limits

    limits = Limits(exempt_loopback=True)
    client = RestClient(host, ca_bundle=ca_bundle, limits=limits)
    return lambda: client.public.get_t_ticker(SYMBOL).bid


def session(host: str, ca_bundle: str) -> Ask:
    import requests

    session = requests.Session()
    session.trust_env = False
    session.proxies = {}
    session.verify = ca_bundle
    url = f"{host}/ticker/{SYMBOL}"

    def ask() -> float:
        return float(session.get(url, timeout=(10, 10)).json()[0])

    return ask


def official(host: str, ca_bundle: str) -> Ask:
    # The client has no parameter for it; this variable of requests does the same.
    os.environ["REQUESTS_CA_BUNDLE"] = ca_bundle

    from bfxapi import Client

    client = Client(rest_host=host)
    return lambda: client.rest.public.get_t_ticker(SYMBOL).bid


CONTESTANTS: Dict[str, Callable[[str, str], Ask]] = {
    "bfxsync": bfxsync,
    "requests.Session": session,
    "bitfinex-api-py": official,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("contestant", choices=list(CONTESTANTS))
    parser.add_argument("--host", required=True)
    parser.add_argument("--ca-bundle", required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--bid", type=float, required=True)
    parser.add_argument("--timeout", type=float, required=True)
    options = parser.parse_args()
    # Against a contestant that hangs: end it, and say where it was.
    faulthandler.dump_traceback_later(options.timeout, exit=True)
    ask = CONTESTANTS[options.contestant](options.host, options.ca_bundle)
    good = 0
    for _ in range(WARM_UP):
        good += ask() == options.bid
    cpu, started = cpu_s(), time.monotonic()
    for _ in range(options.calls):
        good += ask() == options.bid
    result = {
        "good": good,
        "us_per_call": (cpu_s() - cpu) * 1e6 / options.calls,
        "calls_per_s": options.calls / (time.monotonic() - started),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
