"""A program that does most of what one can do with a key, and says all that can be said of it."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Callable

import websocket

from bfxsync import Client
from bfxsync.errors import BfxError
from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.paper.server.account_session import AccountSession

KEY, SECRET = "sentinel-key-91c2", "sentinel-secret-5a7f"

ORDER = ("EXCHANGE LIMIT", "tBTCUSD", "0.5", "50000")


def main(path: Path) -> None:
    logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
    http.client.HTTPConnection.debuglevel = 1
    seen: list[dict[str, str]] = []
    account = PaperAccount(api_key=KEY, api_secret=SECRET)
    with PaperExchange(rate=1e-3, accounts=[account]) as exchange:

        def spy(server: Any) -> None:
            authenticate = server.registry.keys.authenticate

            def noting(path: str, headers: Any, body: bytes) -> Any:
                seen.append(dict(headers))
                return authenticate(path, headers, body)

            server.registry.keys.authenticate = noting

        def noting_login(session: AccountSession, request: Any) -> None:
            seen.append({"bfx-signature": request["authSig"]})
            log_in_as_ever(session, request)

        exchange._thread.call(spy)
        log_in_as_ever = AccountSession.log_in
        AccountSession.log_in = noting_login  # type: ignore[method-assign]
        print(exchange, account, exchange.account, vars(exchange))
        hosts = {"wss_host": exchange.url, "rest_host": exchange.rest_url}
        options = {**hosts, "record": path.with_suffix(".jsonl"), "absence_s": 0.05}
        with Client(KEY, SECRET, **options) as bfx:
            use(bfx, exchange)
            log_in(exchange)
            use_socket(bfx, exchange)
            print(bfx, bfx.rest, bfx.rest.auth, vars(bfx.rest))
        with Client(KEY, "sentinel-secret-wrong", **hosts) as bfx:
            attempt(bfx.rest.auth.get_wallets)
            attempt(lambda: bfx.wss.inputs.submit_order(*ORDER))
            attempt(bfx.wss.run)
            print(bfx, bfx.wss, bfx.wss.inputs, bfx.wss.exception)
    signatures = [
        value
        for headers in seen
        for name, value in headers.items()
        if name.lower() == "bfx-signature"
    ]
    path.write_text(json.dumps(signatures))
    print("threads left:", threading.enumerate())


def use(bfx: Client, exchange: PaperExchange) -> None:
    auth = bfx.rest.auth
    calls: list[Callable[[], Any]] = [
        auth.get_wallets,
        lambda: auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.1"),
        lambda: auth.submit_order(*ORDER),
        lambda: auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "50", "50000"),
        lambda: auth.submit_order("EXCHANGE LIMIT", "tNOPE", "50", "50000"),
        lambda: auth.transfer_between_wallets("exchange", "margin", "USD", None, 5),
        auth.cancel_all_orders,
        lambda: list(auth.iter_ledgers()),
        auth.get_thalex_free_transfer_count,
    ]
    for call in calls:
        print(attempt(call))
    for fault in ("lost_answer", "lost_request"):
        exchange.inject(fault, path="auth/w/order/submit")
        attempt(lambda: auth.submit_order(*ORDER))
    exchange.inject("lost_answer", path="auth/r/orders")
    print(attempt(auth.get_orders))


def use_socket(bfx: Client, exchange: PaperExchange) -> None:
    """Trade over the WebSocket, and show all that it returns and raises."""
    wss = bfx.wss
    wss.on("authenticated", print)
    print(wss.subscribe_account(print, on_event=print))
    inputs = wss.inputs
    reply = inputs.submit_order(*ORDER, on_fill=print, on_done=print)
    print(inputs, reply, attempt(reply.result), reply, vars(reply))
    for call in (
        lambda: inputs.submit_order("EXCHANGE LIMIT", "tBTCUSD", "50", "50000"),
        lambda: inputs.cancel_order(id=5),
        lambda: inputs.calc("balance"),
        lambda: inputs.notify({"a": 1}),
    ):
        made = call()
        print(made, attempt(getattr(made, "result", bool)))
    attempt(lambda: inputs.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0", "1"))
    for fault in ("cut_before_input", "cut_after_input"):
        exchange.inject(fault, input="on")
        reply = inputs.submit_order(*ORDER)
        attempt(lambda: reply.result(0))
        print(reply, attempt(reply.result))
        wss.wait_authenticated(30)
    exchange.inject("small_nonce", path="auth")
    exchange.drop_connections(1012)
    print(wss, wss.account, wss.caps, vars(wss), vars(wss.account), bfx.stats())


def log_in(exchange: PaperExchange) -> None:
    """Authenticate sockets, right and wrong, as a client that sends its secret along."""
    for secret in (SECRET, "sentinel-secret-wrong"):
        nonce = time.time_ns() // 1000
        signature = hmac.new(secret.encode(), f"AUTH{nonce}".encode(), hashlib.sha384)
        message = {
            "event": "auth",
            "apiKey": KEY,
            "apiSecret": SECRET,
            "authNonce": nonce,
            "authPayload": f"AUTH{nonce}",
            "authSig": signature.hexdigest(),
        }
        client = websocket.create_connection(exchange.url, timeout=10)
        for sent in (message, message, [0, "on", None, {"cid": 1}]):
            client.send(json.dumps(sent))
            print("socket:", client.recv())
        client.shutdown()


def attempt(call: Callable[[], Any]) -> Any:
    """Call, and show an error with all that a report of it might have."""
    try:
        return call()
    except BfxError as error:
        logging.getLogger("run").exception("it failed")
        report = traceback.TracebackException(
            type(error), error, error.__traceback__, capture_locals=True
        )
        print("".join(report.format()), repr(error), vars(error))
        return None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
