"""Addresses: one spelling for each host, nothing secret shown, no key in clear text."""

from __future__ import annotations

import traceback
from typing import Any, Callable, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync import (
    PUB_REST_HOST,
    PUB_WSS_HOST,
    REST_HOST,
    WSS_HOST,
    Client,
    UsageError,
    WebSocketClient,
)
from bfxsync._base.hosts import address_of, hostname_of, is_loopback, shown
from bfxsync.auth.signer import Signer, TokenSigner
from bfxsync.checks.hosts import (
    check_encryption,
    check_rest_host,
    check_wss_host,
    signed_rest_host,
)
from bfxsync.rest.client import RestClient
from bfxsync.rest.http.transport import RestTransport

SECRET = "sentinel-pw-77c1"

PUBLIC = [
    PUB_REST_HOST,
    PUB_REST_HOST + "/",
    PUB_REST_HOST + "//",
    "https://API-PUB.bitfinex.com/v2",
    "HTTPS://api-pub.Bitfinex.com:443/v2/",
    "https://api-pub.bitfinex.com./v2",
    "https://api-pub.bitfinex.com:8443/v2",
    "https://api-pub.bitfinex.com",
]


@pytest.mark.parametrize(
    "host, checked",
    [
        ("https://Host.example/v2", "https://host.example/v2"),
        ("https://host.example:443/v2/", "https://host.example/v2"),
        ("https://host.example.:8443", "https://host.example:8443"),
        ("http://host:80/", "http://host"),
        ("http://host:443", "http://host:443"),
        ("http://[::1]:8080/v2", "http://[::1]:8080/v2"),
        ("http://[0:0::1]/", "http://[::1]"),
        ("http://192.0.2.1/v2", "http://192.0.2.1/v2"),
    ],
)
def test_one_spelling_for_each_host(host: str, checked: str) -> None:
    assert check_rest_host(host) == checked
    assert check_rest_host(checked) == checked


# --- the environment --------------------------------------------------------------------------


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def be(wss: Optional[str] = None, rest: Optional[str] = None) -> None:
        for name, value in (("BFX_WSS_HOST", wss), ("BFX_REST_HOST", rest)):
            monkeypatch.delenv(name, raising=False)
            if value is not None:
                monkeypatch.setenv(name, value)

    return be


def hosts_of(**options: Any) -> tuple[str, ...]:
    with Client("paper-key", "paper-secret", **options) as client:
        rest = client.rest
        wss = repr(client.wss).split()[1][:-1]
        return wss, rest._transport.host, rest._signed.host


def test_hosts_come_from_the_environment(environment: Callable[..., None]) -> None:
    environment("ws://127.0.0.1:5/ws/2", "HTTP://127.0.0.1:6/v2/")
    paper = "http://127.0.0.1:6/v2"
    assert hosts_of() == ("ws://127.0.0.1:5/ws/2", paper, paper)
    other = "https://host.example/v2"
    assert hosts_of(wss_host=WSS_HOST, rest_host=other) == (WSS_HOST, other, other)
    assert hosts_of(auth_rest_host=other)[1:] == (paper, other)


@pytest.mark.parametrize("unset", [None, ""])
def test_unset_host_is_that_of_the_exchange(
    environment: Callable[..., None], unset: Optional[str]
) -> None:
    environment(unset, unset)
    assert hosts_of() == (PUB_WSS_HOST, PUB_REST_HOST, REST_HOST)
    environment(rest=PUB_REST_HOST)
    assert hosts_of()[1:] == (PUB_REST_HOST, REST_HOST)


@pytest.mark.parametrize(
    "host", ["host.example", "ftp://host", f"https://u:{SECRET}@h"]
)
def test_impossible_host_of_the_environment_is_named(
    environment: Callable[..., None], host: str
) -> None:
    environment(wss=host)
    with pytest.raises(UsageError, match="^BFX_WSS_HOST .* 'wss://host/path'") as wss:
        Client()
    environment(rest=host)
    with pytest.raises(UsageError, match="^BFX_REST_HOST .* 'https://host/") as rest:
        Client()
    assert SECRET not in str(wss.value) + str(rest.value)
    # An argument wins.
    Client(rest_host=PUB_REST_HOST).close()


def test_key_goes_to_no_host_of_the_environment_in_clear_text(
    environment: Callable[..., None],
) -> None:
    for hosts in ({"rest": "http://192.0.2.1/v2"}, {"wss": "ws://192.0.2.1/ws/2"}):
        environment(**hosts)
        with pytest.raises(UsageError, match="192.0.2.1/.* is not encrypted"):
            Client("real-key", "real-secret")


# --- addresses that are refused ---------------------------------------------------------------


def test_path_and_query_of_a_websocket_stay() -> None:
    host = "WSS://Host:443/ws/2/?token=aB"
    assert check_wss_host(host) == "wss://host/ws/2/?token=aB"


@pytest.mark.parametrize(
    "host",
    [
        f"http://user:{SECRET}@host/",
        f"wss://user:{SECRET}@host/",
        f"wss://{SECRET}@host/ws/2",
        f"ftp://host?token={SECRET}",
        f"wss://host/#{SECRET}",
        f"wss://host\\@{SECRET}/",
        f"wss://ho%73t/{SECRET}",
        f"wss://host :1/{SECRET}?",
        f"wss://host:port/?{SECRET}",
        f"//{SECRET}@",
        f"wss://host\n.example/?{SECRET}",
        SECRET.encode(),
    ],
    ids=repr,
)
def test_refused_address_is_not_shown(host: Any) -> None:
    for make in (WebSocketClient, lambda h: Client(wss_host=h), RestClient):
        with pytest.raises(UsageError, match="must look like") as caught:
            make(host)
        assert SECRET not in "".join(
            traceback.format_exception_only(UsageError, caught.value)
        )


@pytest.mark.parametrize("host", ["https://host?x=1", "https://u@host", "wss://host"])
def test_client_checks_rest_host_at_once(host: str) -> None:
    for options in ({"rest_host": host}, {"auth_rest_host": host}):
        with pytest.raises(UsageError, match="'https://host/path'"):
            Client(**options)  # type: ignore[arg-type]


def test_harmless_mistake_is_named() -> None:
    with pytest.raises(UsageError, match="not 'api.example'"):
        check_wss_host("api.example")
    with pytest.raises(UsageError, match="not None"):
        check_rest_host(None)


@pytest.mark.parametrize(
    "url, text",
    [
        (f"wss://host/ws?token={SECRET}", "wss://host/ws?***"),
        ("wss://host:443/ws", "wss://host/ws"),
        (f"wss://user:{SECRET}@host/", "***"),
        (SECRET, "***"),
    ],
)
def test_what_is_shown_of_an_address(url: str, text: str) -> None:
    assert shown(url) == text


def test_query_of_a_host_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with Client(wss_host=f"wss://localhost:1/ws/2?token={SECRET}") as bfx:
        text = repr(bfx) + repr(bfx.wss) + repr(vars(bfx.wss)) + repr(bfx.wss.stats())
        with pytest.raises(Exception) as caught:
            bfx.wss.wait_ready(0.05)
        text += "".join(traceback.format_exception(None, caught.value, None))
    assert "localhost:1" in text
    assert SECRET not in text + caplog.text


@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    for url in (text, "https://" + text):
        address = address_of(url)
        assert address is None or address_of(str(address)) == address
        shown(url)


@pytest.mark.parametrize("name", ["LOCALHOST", "localhost.", "127.8.9.1", "::1"])
def test_names_of_this_machine(name: str) -> None:
    assert is_loopback(name)
    assert is_loopback("a.localhost") and is_loopback("::ffff:127.0.0.1")


@pytest.mark.parametrize(
    "name", ["", "localhost.example", "notlocalhost", "192.0.2.1", "127.0.0.1.example"]
)
def test_names_of_other_machines(name: str) -> None:
    assert not is_loopback(name)


def test_hostname_of_no_address_is_empty() -> None:
    assert hostname_of("nonsense") == "" and hostname_of("ws://[::1]:1/") == "::1"


# --- where signed calls go --------------------------------------------------------------------


@pytest.mark.parametrize("host", PUBLIC)
def test_no_signed_call_goes_to_the_public_host(host: str) -> None:
    assert signed_rest_host(check_rest_host(host)) == REST_HOST
    with Client("key-1", "secret-1", rest_host=host) as bfx:
        assert bfx.rest._signed.host == REST_HOST
    with pytest.raises(UsageError, match="does not accept signed calls"):
        Client("key-1", "secret-1", auth_rest_host=host)


def test_another_host_serves_both() -> None:
    assert signed_rest_host("http://localhost:1/v2") == "http://localhost:1/v2"
    assert signed_rest_host("http://a", "https://B/v2/") == "https://b/v2"


def account_host_of(**options: Any) -> str:
    with Client("paper-key", "paper-secret", **options) as client:
        return client.wss._core.account.services.settings.url


def test_account_has_the_host_for_keys(environment: Callable[..., None]) -> None:
    environment(None, None)
    assert account_host_of() == WSS_HOST
    assert account_host_of(wss_host="ws://localhost:1/ws") == "ws://localhost:1/ws"
    other = "wss://other.example/ws/2"
    assert account_host_of(auth_wss_host=other) == other
    environment("ws://127.0.0.1:5/ws/2", None)
    assert account_host_of() == "ws://127.0.0.1:5/ws/2"
    for options in ({"auth_wss_host": PUB_WSS_HOST}, {"auth_wss_host": "wss:/x"}):
        with pytest.raises(UsageError):
            account_host_of(**options)


# --- keys in clear text -----------------------------------------------------------------------

CLEAR = "http://192.0.2.1/v2"


@pytest.mark.parametrize(
    "options",
    [
        {"rest_host": CLEAR},
        {"auth_rest_host": CLEAR},
        {"wss_host": "ws://192.0.2.1/ws/2"},
        {"auth_wss_host": "ws://192.0.2.1/ws/2"},
        {"rest_host": "http://api-pub.bitfinex.example/v2"},
    ],
    ids=str,
)
def test_key_is_not_sent_in_clear_text(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="allow_insecure"):
        Client("key-1", "secret-1", **options)
    with pytest.raises(UsageError, match="allow_insecure"):
        Client(auth_token="pub:api:1", **options)
    Client("key-1", "secret-1", allow_insecure=True, **options).close()
    Client("paper-key", "paper-secret", **options).close()
    Client(**options).close()


@pytest.mark.parametrize("signer", [Signer("key-1", "secret-1"), TokenSigner("pub:1")])
def test_transport_sends_no_key_in_clear_text(signer: Any) -> None:
    with pytest.raises(UsageError, match="allow_insecure"):
        RestTransport(host=CLEAR, signer=signer)
    with pytest.raises(UsageError, match="allow_insecure"):
        RestClient("https://a", auth_host=CLEAR, signer=signer)
    RestTransport(host=CLEAR, signer=signer, allow_insecure=True).close()


def test_key_of_the_environment_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BFX_API_KEY", "key-1")
    monkeypatch.setenv("BFX_API_SECRET", "secret-1")
    with pytest.raises(UsageError, match="allow_insecure"):
        Client(rest_host=CLEAR)


@pytest.mark.parametrize(
    "host, key",
    [
        ("https://192.0.2.1", "key-1"),
        ("wss://192.0.2.1", "key-1"),
        ("http://localhost:1", "key-1"),
        ("ws://127.0.0.1:1", "key-1"),
        ("http://192.0.2.1", None),
        ("http://192.0.2.1", "paper-key"),
    ],
)
def test_where_a_key_may_go(host: str, key: Optional[str]) -> None:
    check_encryption(host, key, False)
