from __future__ import annotations

import sys
import threading
import time
from typing import Any, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from interrupts import interrupted

from bfxsync.auth.current_signer import CurrentSigner, first_key
from bfxsync.auth.nonce import MAX_NONCE, Nonce, shared_nonce
from bfxsync.auth.signer import Signer, TokenSigner
from bfxsync.errors import UsageError

KEY = "not-a-real-key"
SECRET = "not-a-real-secret-0123456789abcdef"


class Octets(str):
    """Octets as hexadecimal digits: RFC 4231 signs with some that are no text."""

    def encode(self, *_: Any) -> bytes:
        return bytes.fromhex(self)


# RFC 4231, 4.2 to 4.8: key, data, HMAC-SHA-384. Test case 5 prints the first 128 bits only.
RFC_4231 = [
    (
        "0b" * 20,
        b"Hi There".hex(),
        "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
        "faea9ea9076ede7f4af152e8b2fa9cb6",
    ),
    (
        b"Jefe".hex(),
        b"what do ya want for nothing?".hex(),
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
        "8e2240ca5e69e2c78b3239ecfab21649",
    ),
    (
        "aa" * 20,
        "dd" * 50,
        "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b"
        "2a5ab39dc13814b94e3ab6e101a34f27",
    ),
    (
        "0102030405060708090a0b0c0d0e0f10111213141516171819",
        "cd" * 50,
        "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e"
        "6801dd23c4a7d679ccf8a386c674cffb",
    ),
    (
        "0c" * 20,
        b"Test With Truncation".hex(),
        "3abf34c3503b2a23a46efc619baef897",
    ),
    (
        "aa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First".hex(),
        "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
        "0c2ef6ab4030fe8296248df163f44952",
    ),
    (
        "aa" * 131,
        (
            b"This is a test using a larger than block-size key and a larger than "
            b"block-size data. The key needs to be hashed before being used by the "
            b"HMAC algorithm."
        ).hex(),
        "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5"
        "a678cc31e799176d3860e6110c46523e",
    ),
]

# printf '%s' TEXT | openssl dgst -sha384 -hmac not-a-real-secret-0123456789abcdef
# (OpenSSL 3.0.19)
REST = [
    (
        "v2/auth/r/wallets",
        1700000000000000,
        "{}",
        "/api/v2/auth/r/wallets1700000000000000{}",
        "59160c1379fcff0c934a6ea9615b281b841adc8c2f086f2713234bb721ce5864"
        "965ef5b873a1c41a02ec5aa4947c1fa8",
    ),
    (
        "v2/auth/w/order/submit",
        1700000000000001,
        '{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","price":"15","amount":"0.1"}',
        '/api/v2/auth/w/order/submit1700000000000001{"type":"EXCHANGE LIMIT",'
        '"symbol":"tBTCUSD","price":"15","amount":"0.1"}',
        "95f139fdf9d5fa4d9cb06ffce67287815c145c6fc47e09cc53b361d239480f19"
        "6b2e5e228a8a584b44bc70b7311213c2",
    ),
    (
        "v2/auth/r/orders/tDOGE:USD/hist",
        9007199254740991,
        "",
        "/api/v2/auth/r/orders/tDOGE:USD/hist9007199254740991",
        "532259651f856e434f0e21c686f109a361c1f717396f8aaffcfff09732437d6f"
        "6f3f0398e5d2f814bc48ee3b6dd1f45a",
    ),
    (
        "v2/auth/w/order/submit",
        1700000000000002,
        '{"meta":{"note":"größer – naïve ✓"}}',
        '/api/v2/auth/w/order/submit1700000000000002{"meta":{"note":"größer – naïve ✓"}}',
        "33fad7929c1c7a2777baf761db10adf3098deebce1dba6d9baccef450741137b"
        "a9b51266614e777e34184963a8738d6c",
    ),
]
SOCKET = [
    (
        1700000000000000,
        "AUTH1700000000000000",
        "41c929e641455ccf1079425612bb3ef213a1e3b93d4b8c5a10da656fb30a3e0a"
        "fc5f80edcca8bd9ee757ba6569f88af4",
    ),
    (
        9007199254740991,
        "AUTH9007199254740991",
        "da4c9bdc099e041c30e2d9d38203243599becb3ac90ef423ed6532313a618dec"
        "b8cb9b6e784f694f33b0c3f72676203a",
    ),
]
EMPTY = (
    "9e06aa40d0cc385333533301927920565ccf8d756ea376e8276505ebeb649357"
    "f47aed424d8ff49807f5eebb7177c4fe"
)


def signer_at(nonce: int) -> Signer:
    return Signer(KEY, SECRET, Nonce(lambda: 0.0, last=nonce - 1))


@pytest.mark.parametrize("key, data, digest", RFC_4231, ids=range(1, 8))
def test_signature_is_that_of_rfc_4231(key: str, data: str, digest: str) -> None:
    signer = Signer(KEY, SECRET)
    # Set afterwards, as a signer makes a text of what it is given.
    signer.api_secret = Octets(key)
    signature = signer.sign(Octets(data))
    assert signature[: len(digest)] == digest
    assert len(signature) == 96


@pytest.mark.parametrize(
    "path, nonce, body, signed, signature", REST, ids=[case[0] for case in REST]
)
def test_rest_headers_are_signed_as_openssl_does(
    path: str, nonce: int, body: str, signed: str, signature: str
) -> None:
    assert signer_at(nonce).sign(signed) == signature
    assert signer_at(nonce).rest_headers(path, body) == {
        "bfx-nonce": str(nonce),
        "bfx-apikey": KEY,
        "bfx-signature": signature,
    }


@pytest.mark.parametrize("nonce, payload, signature", SOCKET, ids=["usual", "last"])
def test_auth_event_is_signed_as_openssl_does(
    nonce: int, payload: str, signature: str
) -> None:
    assert (
        signer_at(nonce).auth_event()
        == signer_at(0).auth_event(nonce)
        == {
            "event": "auth",
            "apiKey": KEY,
            "authNonce": nonce,
            "authPayload": payload,
            "authSig": signature,
        }
    )


def test_empty_text_has_a_signature_too() -> None:
    assert Signer(KEY, SECRET).sign("") == EMPTY


def test_each_request_has_a_nonce_of_its_own() -> None:
    signer = signer_at(10)
    first = signer.rest_headers("v2/auth/r/wallets", "{}")
    second = signer.auth_event()
    third = signer.rest_headers("v2/auth/r/wallets", "{}")
    assert first["bfx-nonce"] == "10"
    assert second["authNonce"] == 11
    assert third["bfx-nonce"] == "12"
    assert first["bfx-signature"] != third["bfx-signature"]


@pytest.mark.parametrize(
    "value", ["", "  ", "\n", None, 7, b"bytes-not-text"], ids=repr
)
@pytest.mark.parametrize("name", ["api_key", "api_secret"])
def test_key_and_secret_must_be_text(name: str, value: Any) -> None:
    arguments = {"api_key": KEY, "api_secret": SECRET, name: value}
    with pytest.raises(UsageError, match=f"^{name} must be non-empty text$"):
        Signer(**arguments)


def test_r15_secret_shows_nowhere() -> None:
    signer = signer_at(1)
    shown = [repr(signer), str(signer), repr(signer.nonce)]
    shown += [str(signer.rest_headers("v2/auth/r/wallets", "{}"))]
    shown += [str(signer.auth_event())]
    assert not any(SECRET in text for text in shown)
    assert not any(KEY in text for text in shown[:3])


def test_r15_secret_in_the_wrong_place_shows_in_no_error() -> None:
    with pytest.raises(UsageError) as caught:
        Signer(SECRET.encode(), SECRET)  # type: ignore[arg-type]
    assert SECRET not in str(caught.value) + repr(caught.value)


def test_nonce_is_microseconds_of_the_wall_clock() -> None:
    assert Nonce(lambda: 1_700_000_000.25).next() == 1_700_000_000_250_000


def test_r06_nonce_rises_while_the_clock_stands() -> None:
    nonce = Nonce(lambda: 1.0)
    assert [nonce.next() for _ in range(3)] == [1_000_000, 1_000_001, 1_000_002]


def test_r06_clock_set_back_an_hour_changes_nothing() -> None:
    now = [1_700_000_000.0]
    nonce = Nonce(lambda: now[0])
    before = [nonce.next() for _ in range(3)]
    now[0] -= 3600
    after = [nonce.next() for _ in range(3)]
    assert after == [before[-1] + 1, before[-1] + 2, before[-1] + 3]
    now[0] += 3601
    assert nonce.next() == 1_700_000_001_000_000


def test_r06_nonce_goes_on_where_it_was_left() -> None:
    assert Nonce(lambda: 1.0, last=5_000_000).next() == 5_000_001


def test_r06_nonce_is_at_most_what_a_double_holds() -> None:
    assert MAX_NONCE == 9007199254740991
    nonce = Nonce(lambda: 0.0, last=MAX_NONCE - 1)
    assert nonce.next() == MAX_NONCE
    for _ in range(2):
        with pytest.raises(UsageError, match="no nonce is left"):
            nonce.next()


def test_r06_clock_beyond_the_largest_nonce_is_refused_and_spends_none() -> None:
    now = [1e10]
    nonce = Nonce(lambda: now[0])
    with pytest.raises(UsageError, match="no nonce is left"):
        nonce.next()
    now[0] = 1.0
    assert nonce.next() == 1_000_000


@given(st.lists(st.floats(0, 9e9), min_size=1, max_size=50))
def test_r06_nonces_rise_whatever_the_clock_does(times: list[float]) -> None:
    clock = iter(times)
    nonce = Nonce(lambda: next(clock))
    found = [nonce.next() for _ in times]
    assert found == sorted(set(found))
    assert all(number >= int(time * 1_000_000) for number, time in zip(found, times))


@pytest.fixture
def restless() -> Iterator[None]:
    """Let the interpreter change threads as often as it can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_r06_nonces_of_8_threads_rise_and_are_unique(restless: None) -> None:
    signer = Signer(KEY, SECRET)
    drawn: list[list[int]] = [[] for _ in range(8)]
    start = threading.Barrier(8, timeout=10)

    def draw(numbers: list[int]) -> None:
        start.wait()
        for _ in range(1250):
            numbers.append(signer.nonce.next())

    threads = [threading.Thread(target=draw, args=(numbers,)) for numbers in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert all(numbers == sorted(numbers) for numbers in drawn)
    assert len({number for numbers in drawn for number in numbers}) == 10_000


# --- what is shared by a key ------------------------------------------------------------------


def test_r06_signers_of_one_key_share_their_nonce() -> None:
    first, second = Signer("one-key", SECRET), Signer("one-key", "another-secret")
    assert first.nonce is second.nonce is shared_nonce("one-key")
    assert Signer("other-key", SECRET).nonce is not first.nonce
    assert first.identity == "one-key"


def test_r06_key_goes_on_where_its_last_signer_was() -> None:
    last = Signer("left-key", SECRET).nonce.next()
    assert Signer("left-key", SECRET).nonce.next() > last


def test_keys_that_replace_each_other_share_the_first() -> None:
    current = CurrentSigner(Signer("first-key", SECRET))
    for key in ("second-key", "third-key"):
        current.replace(Signer(key, SECRET))
        assert current.signer is not None and current.signer.identity != "first-key"
        assert first_key(current.signer.identity) == "first-key"


def test_r10_nonce_goes_on_in_a_child_process() -> None:
    nonce = Nonce(lambda: 1.0, last=5_000_000)
    nonce._reset_after_fork()
    assert nonce.next() == 5_000_001


def test_r06_exclusive_call_makes_sockets_wait_for_their_nonces() -> None:
    nonce = Nonce(lambda: 1.0)
    delivered: list[Any] = []

    def work() -> int:
        nonce.draw(delivered.append)
        nonce.draw(delivered.append)
        assert delivered == []
        return nonce.next()

    assert nonce.exclusive(0.0, work) == 1_000_000
    assert delivered == [1_000_001, 1_000_002]


def test_r06_exclusive_call_that_fails_excludes_nobody_any_more() -> None:
    nonce = Nonce(lambda: 1.0)
    delivered: list[Any] = []

    def work() -> None:
        nonce.draw(delivered.append)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nonce.exclusive(0.0, work)
    assert delivered == [1_000_000]
    # A signal handler makes a call within a call.
    nonce.exclusive(0.0, lambda: nonce.exclusive(0.0, nonce.next))
    nonce.draw(delivered.append)
    assert delivered == [1_000_000, 1_000_002]


def test_r10_child_process_excludes_nobody() -> None:
    nonce = Nonce(lambda: 1.0)
    delivered: list[Any] = []

    def fork() -> None:
        nonce.draw(delivered.append)
        nonce._reset_after_fork()
        nonce.draw(delivered.append)

    nonce.exclusive(0.0, fork)
    # The first one belongs to the parent.
    assert delivered == [1_000_000]


def test_r06_nonce_that_two_threads_deliver_comes_once() -> None:
    delivered: list[Any] = []

    def clock() -> float:
        # Another thread is faster.
        while is_late and nonce._waiting:
            delivered.append(nonce._waiting.popleft())
        return 1.0

    is_late = True
    nonce = Nonce(clock)
    nonce.draw(bool)
    assert delivered == [bool]
    is_late = False
    nonce.draw(delivered.append)
    assert delivered[1:] == [1_000_001]


def test_nonce_of_a_socket_may_be_overtaken_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [5.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    nonce = Nonce(lambda: 1.0)
    assert not nonce.may_overtake and nonce.next() and not nonce.may_overtake
    nonce.draw(bool)
    assert nonce.may_overtake
    now[0] += 11.0
    assert not nonce.may_overtake


def test_nonce_is_delivered_at_once() -> None:
    delivered: list[Any] = []
    nonce = Nonce(lambda: 1.0, last=MAX_NONCE - 1)
    nonce.draw(delivered.append)
    nonce.draw(delivered.append)
    assert delivered[0] == MAX_NONCE
    assert isinstance(delivered[1], UsageError)


@pytest.mark.parametrize(
    "times",
    [pytest.param(1000, id="short"), pytest.param(30_000, marks=pytest.mark.long)],
)
def test_r06_interrupts_keep_no_other_thread_from_its_nonces(times: int) -> None:
    nonce, over = Nonce(), threading.Event()
    seen: list[int] = []

    def work() -> None:
        while not over.is_set():
            nonce.draw(seen.append)  # type: ignore[arg-type]

    thread = threading.Thread(target=work)
    thread.start()
    mine: list[int] = []
    try:
        interrupted(lambda: mine.append(nonce.next()), times)
        done = len(seen)
        while len(seen) <= done and thread.is_alive():
            time.sleep(0.001)
    finally:
        over.set()
        thread.join(10)
    assert not thread.is_alive()
    assert seen == sorted(set(seen)) and mine == sorted(set(mine))
    assert not set(seen) & set(mine)


@pytest.mark.parametrize("value", ["k3y\n", " k3y", "k3y\r\nx: y", "ключ", "a k3y"])
@pytest.mark.parametrize("name", ["api_key", "api_secret"])
def test_r15_key_that_no_header_can_hold_is_refused_and_not_shown(
    name: str, value: str
) -> None:
    arguments = {"api_key": KEY, "api_secret": SECRET, name: value}
    with pytest.raises(UsageError, match=f"^{name} has invalid characters") as caught:
        Signer(**arguments)
    assert value.strip() not in str(caught.value)


# --- tokens -----------------------------------------------------------------------------------


def test_token_replaces_key_and_signature() -> None:
    signer = TokenSigner("pub:api:token", Nonce(lambda: 0.0, last=9))
    event = {"event": "auth", "token": "pub:api:token"}
    assert signer.auth_event() == signer.auth_event(5) == event
    assert signer.rest_headers("v2/auth/r/wallets", "{}") == {
        "bfx-nonce": "10",
        "bfx-token": "pub:api:token",
    }
    assert signer.identity == "pub:api:token"
    assert TokenSigner("pub:api:token").nonce is shared_nonce("pub:api:token")


@pytest.mark.parametrize("value", ["", " ", "a b", "a\n", None, 5, b"x"], ids=repr)
def test_token_must_be_text(value: Any) -> None:
    with pytest.raises(UsageError, match="^auth_token must be text without spaces$"):
        TokenSigner(value)


def test_r15_heads_of_requests_are_blacked_out() -> None:
    headers = signer_at(1).rest_headers("v2/auth/r/wallets", "{}")
    token = TokenSigner("pub:api:token").rest_headers("v2/auth/r/wallets", "{}")
    shown = repr(headers) + repr(token) + repr(TokenSigner("pub:api:token"))
    assert KEY not in shown and "pub:api:token" not in shown
    assert headers["bfx-signature"][:20] not in shown
    assert headers["bfx-apikey"] == KEY
    assert headers["bfx-apikey"].encode("latin-1") == KEY.encode()
