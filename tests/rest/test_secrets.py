"""R15: key, secret, signature and token show nowhere, whatever happens and however it is shown."""

from __future__ import annotations

import http.client
import io
import json
import logging
import pickle
import reprlib
import socket
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

import bfxsync
from bfxsync.auth.signer import Signer, TokenSigner
from bfxsync.errors import BfxError
from bfxsync.rest.client import RestClient
from bfxsync.rest.http import signing
from bfxsync.rest.http.rate_limiter import RequestRateLimiter

from .conftest import Serve
from .server import Exchange, Server
from .signed import KEY, SECRET

TOKEN = "pub:api:sentinel-token-51d2"
CODE, CODE_NUMBER = "sentinel-2fa-482913", 482913
PROXY_PASSWORD = "sentinel-proxy-7f3a"

READ, WRITE = "auth/r/wallets", "auth/w/order/submit"


@pytest.fixture(autouse=True)
def own_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "_locks", {})


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """All that is printed or logged, with everything at DEBUG."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    root = logging.getLogger()
    root.addHandler(handler)
    monkeypatch.setattr(root, "level", logging.DEBUG)
    for name in ("bfxsync", "urllib3", "requests"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    # What people switch on to see what requests sends.
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    yield out
    root.removeHandler(handler)


def shown(error: BaseException) -> str:
    """Return all that a report of an error might show: causes, fields, variables of frames."""
    parts = ["".join(traceback.format_exception(type(error), error, None))]
    seen: Any = error
    while seen is not None:
        report = traceback.TracebackException(
            type(seen), seen, seen.__traceback__, capture_locals=True
        )
        parts += list(report.format())
        parts += [repr(seen), str(seen), repr(vars(seen)), repr(seen.args)]
        request = getattr(seen, "request", None)
        parts.append(repr(getattr(request, "headers", None)))
        for frame, _ in traceback.walk_tb(seen.__traceback__):
            parts += frames_values(frame)
        seen = seen.__cause__ or seen.__context__
    return "\n".join(parts)


def frames_values(frame: Any) -> list[str]:
    """Return the variables of a frame of the library, and what is in them."""
    if not Path(frame.f_code.co_filename).is_relative_to(Path(bfxsync.__file__).parent):
        return []
    texts = []
    for value in frame.f_locals.values():
        texts.append(repr(value))
        if isinstance(value, (dict, list, tuple)):
            texts.append(reprlib.Repr().repr(value))
    return texts


def echo_head(request: Exchange) -> bool:
    """Answer as a gateway that shows what it got."""
    head = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    return request.answer(f"<html><pre>{head}</pre></html>".encode(), 500)


def echo_refusal(request: Exchange) -> bool:
    head = dict(request.headers)
    return request.answer(["error", 10100, f"apikey: invalid {head}"], 500)


def hang_up(request: Exchange) -> bool:
    return False


def cut_off(request: Exchange) -> bool:
    request.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")
    return False


def no_http(request: Exchange) -> bool:
    request.send(b"what " + request.headers["bfx-nonce"].encode() + b"\r\n\r\n")
    return False


HANDLERS: list[Callable[[Exchange], object]] = [
    echo_head,
    echo_refusal,
    hang_up,
    cut_off,
    no_http,
    lambda request: request.answer(["error", 10114, "nonce: small"], 500),
    lambda request: request.answer({"a": 1}),
]

SIGNERS = [lambda: Signer(KEY, SECRET), lambda: TokenSigner(TOKEN)]


def secrets_of(server: Server) -> list[str]:
    found = [KEY, SECRET, TOKEN]
    for request in server.requests:
        found += [request.headers.get("bfx-signature", KEY)]
    return found


def assert_hidden(text: str, server: Server) -> None:
    for secret in secrets_of(server):
        assert secret not in text


@pytest.mark.parametrize("make", SIGNERS, ids=["key", "token"])
@pytest.mark.parametrize("path", [READ, WRITE])
@pytest.mark.parametrize("index", range(len(HANDLERS)))
def test_r15_no_secret_in_any_output(
    serve: Serve,
    output: io.StringIO,
    no_delays: None,
    index: int,
    path: str,
    make: Callable[[], Any],
) -> None:
    server = serve(HANDLERS[index])
    signer = make()
    client = RestClient(
        server.host, signer=signer, limits=RequestRateLimiter(exempt_loopback=True)
    )
    # Not in the fixture, as pytest puts its own in place of these for a test.
    with client, redirect_stdout(output), redirect_stderr(output):
        logging.getLogger("test").debug("%r %r %r", client, signer, client.auth)
        calls: list[Callable[[], Any]] = [lambda: client.request("POST", path)]
        if path == WRITE:
            calls.append(lambda: client.auth.submit_order("MARKET", "tBTCUSD", 1))
        else:
            calls.append(client.auth.get_orders)
        for call in calls:
            try:
                call()
            except BfxError as error:
                logging.getLogger("test").exception("it failed")
                output.write(shown(error))
    assert server.requests
    text = output.getvalue()
    assert "it failed" in text or index == len(HANDLERS) - 1
    assert_hidden(text, server)


def test_r15_no_secret_when_there_is_no_connection(
    serve: Serve, output: io.StringIO, no_delays: None
) -> None:
    server = serve(hang_up)
    with RestClient(
        "http://127.0.0.1:9/v2",
        signer=Signer(KEY, SECRET),
        limits=RequestRateLimiter(exempt_loopback=True),
    ) as client:
        for call in (
            client.auth.get_orders,
            lambda: client.auth.submit_order("MARKET", "tBTCUSD", 1),
        ):
            with pytest.raises(BfxError) as caught:
                call()
            output.write(shown(caught.value))
    assert "refused" in output.getvalue()
    assert_hidden(output.getvalue(), server)


def test_r15_echoed_secrets_are_blacked_out_in_what_an_error_keeps(
    serve: Serve,
) -> None:
    server = serve(echo_head)
    with RestClient(
        server.host,
        signer=Signer(KEY, SECRET),
        limits=RequestRateLimiter(exempt_loopback=True),
    ) as client:
        with pytest.raises(BfxError) as caught:
            client.request("POST", WRITE)
    raw = getattr(caught.value, "raw")
    assert b"bfx-apikey: ***" in raw and b"bfx-signature: ***" in raw
    assert b"user-agent: bfxsync/" in raw


def test_r15_signers_are_not_shown_by_what_holds_them(serve: Serve) -> None:
    client = bfxsync.Client(KEY, SECRET, rest_host="http://127.0.0.1:9/v2")
    try:
        text = repr(client) + repr(client.rest) + repr(vars(client))
        text += repr(vars(client.rest)) + repr(vars(client.rest._signed))
        text += repr(client.rest.auth) + repr(vars(client.rest.auth))
    finally:
        client.close()
    assert KEY not in text.replace("_locks", "") and SECRET not in text


def test_r15_head_of_a_request_cannot_be_written_out_by_mistake() -> None:
    headers = Signer(KEY, SECRET).rest_headers("v2/auth/r/wallets", "{}")
    assert KEY not in f"{headers}" and KEY not in "%r" % headers
    assert SECRET.encode() not in pickle.dumps(headers)


# --- second factors -----------------------------------------------------------------------------


def echo_body(request: Exchange) -> bool:
    return request.answer(b"<html>" + request.body + b"</html>", 500)


def moves(client: RestClient, code: Any, amount: str) -> list[Callable[[], Any]]:
    tfa = {"method": "otp", "token": code}
    auth = client.auth
    body = {"amount": amount, "tfaToken": tfa}
    return [
        lambda: auth.transfer_between_wallets(
            "exchange", "margin", "USD", None, amount, email_dst="a@b", tfa_token=tfa
        ),
        lambda: auth.request_thalex_deposit(amount, "BTC", tfa),
        lambda: auth.request_thalex_withdrawal(amount, "BTC", tfa),
        lambda: client.request("POST", "auth/w/withdraw", body=body),
        lambda: client.request("GET", "auth/w/withdraw", body=body),
        lambda: client.request("POST", "auth/w/withdraw", body={**body, "x": {1, 2}}),
        lambda: auth.invalidate_token(str(code)),
    ]


@pytest.mark.parametrize("code", [CODE, CODE_NUMBER])
@pytest.mark.parametrize(
    "handler, amount",
    [
        (echo_body, "1"),
        (hang_up, "1"),
        (cut_off, "1"),
        (lambda request: request.answer(["error", 10020, "tfa: invalid"], 500), "1"),
        (lambda request: request.answer({"a": 1}), "1"),
        (hang_up, "-1"),
    ],
    ids=["echo", "hang-up", "cut-off", "refusal", "unreadable", "impossible"],
)
def test_r15_no_second_factor_in_any_output(
    serve: Serve,
    output: io.StringIO,
    no_delays: None,
    handler: Callable[[Exchange], object],
    amount: str,
    code: Any,
) -> None:
    server = serve(handler)
    failures = 0
    with (
        RestClient(
            server.host,
            signer=Signer(KEY, SECRET),
            limits=RequestRateLimiter(exempt_loopback=True),
        ) as client,
        redirect_stdout(output),
        redirect_stderr(output),
    ):
        for call in moves(client, code, amount):
            try:
                output.write(repr(call()))
            except BfxError as error:
                failures += 1
                logging.getLogger("test").exception("it failed")
                output.write(shown_of_ours(error))
    # What it is about has arrived, unchanged.
    sent = [json.loads(request.body) for request in server.requests]
    assert amount == "-1" or sent[0]["tfaToken"] == {"method": "otp", "token": code}
    assert failures >= 2
    assert str(code) not in output.getvalue()


def shown_of_ours(error: BaseException) -> str:
    """Return the variables of all frames but the tests' own, which hold what they pass."""
    parts: list[str] = []
    seen: Any = error
    while seen is not None:
        parts += [repr(seen), str(seen), repr(vars(seen)), repr(seen.args)]
        for frame, _ in traceback.walk_tb(seen.__traceback__):
            if frame.f_code.co_filename != __file__:
                parts += map(repr, frame.f_locals.values())
        seen = seen.__cause__ or seen.__context__
    return "\n".join(parts)


@pytest.mark.parametrize(
    "options",
    [
        {"on_limit": "never"},
        {"rest_host": "nonsense"},
        {"wss_host": "nonsense"},
        {"auth_token": TOKEN},
        {"timeout": -1},
        {"numbers": int},
        {"nonce_file": "/"},
        {"proxy": f"ftp://me:{PROXY_PASSWORD}@host"},
        {"rest_host": "http://192.0.2.1"},
        {"record": "/"},
        {"nonsense": True},
    ],
    ids=str,
)
def test_r15_no_secret_where_a_client_cannot_be_made(options: dict[str, Any]) -> None:
    given = {"proxy": f"http://me:{PROXY_PASSWORD}@localhost:9", **options}
    with pytest.raises((BfxError, TypeError)) as caught:
        bfxsync.Client(KEY, SECRET, **given)
    text = shown_of_ours(caught.value)
    for secret in (KEY, SECRET, TOKEN, PROXY_PASSWORD):
        assert secret not in text
    for make in (Signer, TokenSigner):
        with pytest.raises(BfxError) as caught:
            make(*[f"{SECRET} "] * (2 if make is Signer else 1))
        assert SECRET not in shown_of_ours(caught.value)


@pytest.mark.parametrize("kind", ["http", "socks5h", "socks4"])
def test_r15_password_of_a_proxy_is_in_no_output(
    output: io.StringIO, no_delays: None, kind: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with (
        bfxsync.Client(
            KEY,
            SECRET,
            proxy=f"{kind}://me:{PROXY_PASSWORD}@127.0.0.1:{port}",
            timeout=0.2,
            rest_timeout=0.3,
        ) as client,
        redirect_stdout(output),
        redirect_stderr(output),
    ):
        for call in (
            lambda: client.rest.request("GET", "ticker/tBTCUSD"),
            lambda: client.rest.auth.get_wallets(),
            lambda: client.wss.subscribe_ticker("tBTCUSD"),
        ):
            with pytest.raises(BfxError) as caught:
                call()
            output.write(shown_of_ours(caught.value))
        output.write(repr(client) + repr(vars(client)) + repr(vars(client.wss)))
        output.write(repr(vars(client.rest._transport)))
    assert "127.0.0.1" in output.getvalue()
    for secret in (PROXY_PASSWORD, KEY, SECRET):
        assert secret not in output.getvalue()
