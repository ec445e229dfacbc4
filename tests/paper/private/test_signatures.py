"""Authentication: keys, signatures over the sent bytes, nonces, rights, tokens."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from bfxsync.errors import UsageError
from bfxsync.paper import PaperAccount, PaperExchange

from .support import Signed

PATH = "auth/r/wallets"
NO_KEY = (500, ["error", 10100, "apikey: invalid"])
NO_SIGNATURE = (500, ["error", 10100, "apikey: digest invalid"])
NONCE_SMALL = (500, ["error", 10114, "nonce: small"])
NONCE_WRONG = (500, ["error", 10114, "nonce: invalid"])
FORBIDDEN = (500, ["error", 10001, "api_key: permission invalid"])


def answer(signed: Signed, path: str, body: bytes, headers: Any) -> tuple[int, Any]:
    found = signed.send(path, body, headers)
    return found.status_code, found.json()


def test_what_is_signed_is_answered_and_has_a_date(signed: Signed) -> None:
    found = signed.send(PATH)
    assert found.status_code == 200 and len(found.json()) > 5
    assert parsedate_to_datetime(found.headers["Date"]).tzinfo is not None


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{ "a" : [1,\n2] }', '{"a":"€"}'.encode(), b'{"a":"\\u20ac"}']
)
def test_the_bytes_of_the_body_are_what_counts(signed: Signed, body: bytes) -> None:
    headers = signed.headers(PATH, body)
    assert answer(signed, PATH, body + b" ", headers) == NO_SIGNATURE
    assert answer(signed, PATH, body, headers)[0] == 200


@pytest.mark.parametrize("symbol", ["tBTCUSD", "tBTCF0:USTF0"])
def test_the_path_as_it_was_sent_is_what_counts(signed: Signed, symbol: str) -> None:
    path = f"auth/r/orders/{symbol}"
    assert signed.post(path) == []
    elsewhere = signed.headers("auth/r/orders", b"{}")
    assert answer(signed, path, b"{}", elsewhere) == NO_SIGNATURE


def test_keys_and_signatures_must_be_right(signed: Signed) -> None:
    good = signed.headers(PATH, b"{}")
    assert answer(signed, PATH, b"{}", {}) == NO_KEY
    assert answer(signed, PATH, b"{}", {**good, "bfx-apikey": "nobody"}) == NO_KEY
    for wrong in ("", "é", good["bfx-signature"][:-1], good["bfx-signature"].upper()):
        headers = {**good, "bfx-signature": wrong.encode()}
        assert answer(signed, PATH, b"{}", headers) == NO_SIGNATURE
    headers = {**good, "bfx-nonce": str(int(good["bfx-nonce"]) + 1)}
    assert answer(signed, PATH, b"{}", headers) == NO_SIGNATURE
    other = Signed.headers
    signed.secret = "another"
    assert answer(signed, PATH, b"{}", other(signed, PATH, b"{}")) == NO_SIGNATURE
    # None of this has used the nonce up.
    assert answer(signed, PATH, b"{}", good)[0] == 200


def test_a_nonce_is_good_once_and_larger_than_the_last(
    signed: Signed, other: Signed
) -> None:
    def ask(who: Signed, nonce: object) -> tuple[int, Any]:
        return answer(who, PATH, b"{}", who.headers(PATH, b"{}", nonce))

    assert ask(signed, 1000)[0] == 200
    assert ask(signed, 1000) == NONCE_SMALL
    assert ask(signed, 999) == NONCE_SMALL
    assert ask(other, 5)[0] == 200  # each key has its own
    assert ask(signed, 1001)[0] == 200
    for wrong in ("", "1e6", "-5", "12.5", 2**53, 10**18):
        assert ask(signed, wrong) == NONCE_WRONG
    assert ask(signed, 2**53 - 1)[0] == 200
    assert ask(signed, 2**53 - 1) == NONCE_SMALL


def test_what_is_no_object_is_refused(signed: Signed) -> None:
    for body in (b"[1]", b"{", b"\xff", b"[" * 100_000):
        found = answer(signed, PATH, body, signed.headers(PATH, body))
        assert found == (500, ["error", 10020, "body: invalid"])


@pytest.mark.parametrize(
    "path",
    [
        "auth/w/pulse/add",
        "auth/r/stats/perf:1D/hist",
        "auth/r/nope",
        "auth/",
        "auth/a:b",
    ],
)
def test_what_is_not_simulated_says_so(signed: Signed, path: str) -> None:
    text = f"{path} is not simulated by the local exchange"
    assert signed.error(path) == (10020, text)
    assert answer(signed, path, b"{}", {}) == NO_KEY


def test_a_key_may_do_what_it_was_given() -> None:
    rights = {"orders": "r", "wallets": "", "withdraw": "w"}
    account = PaperAccount(permissions=rights)
    with PaperExchange(accounts=[account]) as exchange, Signed(exchange) as signed:
        order = {"type": "EXCHANGE MARKET", "symbol": "tBTCUSD", "amount": "0.1"}
        assert signed.ask("auth/w/order/submit", **order) == FORBIDDEN
        assert signed.post("auth/r/orders") == []
        assert signed.ask("auth/r/wallets") == FORBIDDEN
        rows = dict((row[0], row[1:]) for row in signed.post("auth/r/permissions"))
        assert rows["orders"] == [1, 0] and rows["wallets"] == [0, 0]
        assert rows["withdraw"] == [0, 1] and rows["history"] == [1, 1]


def token_of(signed: Signed, **body: Any) -> str:
    (token,) = signed.post("auth/w/token", scope="api", **body)
    return str(token)


def with_token(signed: Signed, token: str, nonce: int, path: str = PATH) -> Any:
    headers = {"bfx-token": token, "bfx-nonce": str(nonce)}
    return answer(signed, path, b"{}", headers)


def test_a_token_stands_in_for_key_and_signature(signed: Signed, other: Signed) -> None:
    token = token_of(signed, ttl=600, caps=["w", "o"])
    assert with_token(signed, token, 1)[0] == 200
    assert with_token(signed, token, 1) == NONCE_SMALL
    assert with_token(signed, token, 2, "auth/r/summary") == FORBIDDEN
    assert with_token(signed, token, 3, "auth/w/order/submit") == FORBIDDEN
    writing = token_of(signed, caps=["o"], writePermission=True)
    path = "auth/w/order/cancel/multi"
    assert with_token(signed, writing, 1, path)[1][:2] == ["error", 10020]
    invalid = (500, ["error", 10100, "token: invalid"])
    assert with_token(signed, "pub:api:nope", 1) == invalid
    assert other.error("auth/w/token/del", token=token) == (10020, "token: invalid")
    assert signed.post("auth/w/token/del", token=token) == [1]
    assert with_token(signed, token, 4) == invalid


def test_a_token_ends(signed: Signed, exchange: PaperExchange) -> None:
    token_of(signed, ttl=1)
    token = token_of(signed, ttl=1)
    assert with_token(signed, token, 1)[0] == 200

    def let_time_pass(server: Any) -> None:
        server.registry.keys._now_mts = lambda: 2**50

    exchange._thread.call(let_time_pass)
    assert with_token(signed, token, 2) == (500, ["error", 10100, "token: invalid"])
    # Those that were not used since go when the next one is made.
    token_of(signed)
    assert exchange._thread.call(lambda server: len(server.registry.keys._tokens)) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"scope": "web"},
        {},
        {"scope": "api", "ttl": 0},
        {"scope": "api", "caps": ["x"]},
        {"scope": "api", "caps": "o"},
        {"scope": "api", "caps": [[]]},
    ],
    ids=json.dumps,
)
def test_impossible_tokens_are_refused(signed: Signed, body: Any) -> None:
    assert signed.error("auth/w/token", **body)[0] == 10020


def test_limits_of_signed_requests_are_counted_for_themselves() -> None:
    with PaperExchange(rest_limits=True) as exchange, Signed(exchange) as signed:
        path = "auth/w/deposit/address"
        body = {"wallet": "exchange", "method": "bitcoin"}
        for _ in range(10):
            signed.post(path, **body)
        assert signed.ask(path, **body) == (429, ["error", 11010, "ratelimit: error"])
        signed.post("auth/r/orders/tBTCUSD")


@pytest.mark.parametrize(
    "make",
    [
        lambda: PaperAccount(balances={"trading": {"USD": 1}}),
        lambda: PaperAccount(balances={"exchange": {"USD": 0}}),
        lambda: PaperAccount(balances={"exchange": {"USD": "x"}}),
        lambda: PaperAccount(balances={"exchange": {"USD": None}}),  # type: ignore[dict-item]
        lambda: PaperAccount(balances={"exchange": 5}),  # type: ignore[dict-item]
        lambda: PaperAccount(balances=5),  # type: ignore[arg-type]
        lambda: PaperAccount(permissions={"everything": "r"}),
        lambda: PaperAccount(permissions={"orders": "x"}),
        lambda: PaperExchange(accounts=[PaperAccount(), PaperAccount()]),
        lambda: PaperExchange(accounts=["paper-key"]),  # type: ignore[list-item]
        lambda: PaperExchange(accounts=PaperAccount()),  # type: ignore[arg-type]
        lambda: PaperExchange(accounts=()).account,
    ],
)
def test_impossible_accounts_are_refused(make: Any) -> None:
    with pytest.raises(UsageError):
        make()


def test_a_secret_is_not_in_the_repr() -> None:
    assert "paper-secret" not in repr(PaperAccount())
    assert repr(PaperExchange().account) == "<account paper-key>"
