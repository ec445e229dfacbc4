"""The checks of this machine, the network, the exchange and the key."""

from __future__ import annotations

import ssl
from importlib import metadata
from pathlib import Path
from typing import Iterator

import pytest
import trustme

from bfxsync.cli import checkup
from bfxsync.cli.checkup import Finding, guarded
from bfxsync.cli.main import main
from bfxsync.paper import PaperExchange

from .conftest import Ended, Run

pytestmark = pytest.mark.once


def states(ended: Ended) -> dict[str, str]:
    """The worst state by name."""
    order = ("ok", "skip", "warn", "fail")
    found: dict[str, str] = {}
    for finding in ended.objects:
        before = found.get(finding["name"], "ok")
        found[finding["name"]] = max(before, finding["state"], key=order.index)
    return found


def finding(ended: Ended, name: str) -> dict[str, str]:
    return next(found for found in ended.objects if found["name"] == name)


def test_everything_is_fine_on_a_local_exchange(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["doctor", "--paper"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "paper-secret" not in out
    lines = out.splitlines()
    assert {line.split()[0] for line in lines} == {"ok"}
    names = "python packages proxy dns tls rest platform clock limits websocket key"
    assert [line.split()[1] for line in lines] == [
        *names.split(),
        *("permissions", "account"),
    ]


def test_hosts_of_the_environment_are_told(run: Run) -> None:
    ended = run("doctor", "--json")
    assert ended.code == 0
    assert states(ended)["environment"] == "warn"
    assert states(ended)["permissions"] == "warn"
    assert "may withdraw money" in finding(ended, "permissions")["todo"]


def test_a_refused_key_is_code_3(
    run: Run, exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange.account, "api_secret", "paper-other")
    ended = run("doctor", "--json")
    assert ended.code == 3 and states(ended)["key"] == "fail"
    todo = finding(ended, "key")["todo"]
    assert todo.startswith("from the environment: check that key and secret belong")
    assert "paper-other" not in ended.out + ended.err


def test_a_used_nonce_names_the_other_program(
    run: Run, exchange: PaperExchange
) -> None:
    exchange.inject("small_nonce", path="auth/r/permissions", times=2)
    found = finding(run("doctor", "--json"), "key")
    assert found["state"] == "fail" and "another program uses this key" in found["todo"]


def test_without_a_key_the_rest_is_checked(
    exchange: PaperExchange,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BFX_REST_HOST", exchange.rest_url)
    monkeypatch.setenv("BFX_WSS_HOST", exchange.url)
    monkeypatch.delenv("BFX_API_KEY", raising=False)
    monkeypatch.delenv("BFX_API_SECRET", raising=False)
    assert main(["doctor"]) == 0
    assert "key          none: market data needs none" in capsys.readouterr().out


def test_half_a_key_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BFX_API_KEY", "paper-key")
    monkeypatch.delenv("BFX_API_SECRET", raising=False)
    assert main(["doctor"]) == 1


def test_a_wrong_clock_is_a_warning_or_a_failure(
    run: Run, exchange: PaperExchange
) -> None:
    for offset_s, state in ((-30, "warn"), (300, "fail")):
        exchange.inject("wrong_date", path="platform/status", offset_s=offset_s)
        clock = finding(run("doctor", "--json"), "clock")
        assert clock["state"] == state and clock["todo"] == "synchronize it (NTP)"


def test_maintenance_is_told(
    run: Run, exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkup, "_CONNECT_S", 0.3)
    exchange.send_info(20060)
    try:
        ended = run("doctor", "--json")
    finally:
        exchange.send_info(20061)
    assert ended.code == 4
    assert "maintenance" in finding(ended, "websocket")["text"]


def test_a_closed_port_is_code_4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "_CONNECT_S", 0.2)
    monkeypatch.setattr("bfxsync.cli.doctor._TOTAL_S", 0.2)
    monkeypatch.setenv("BFX_REST_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("BFX_WSS_HOST", "ws://127.0.0.1:9")
    assert main(["doctor", "--json"]) == 4


def test_tls_is_checked_with_the_bundle_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    for name in checkup._BUNDLES:
        monkeypatch.delenv(name, raising=False)
    with PaperExchange(ssl_context=context) as exchange:
        lost: set[str] = set()
        name, refused = checkup.connections([exchange.url, exchange.rest_url], lost)
        assert (name.state, refused.state) == ("ok", "fail")
        assert "REQUESTS_CA_BUNDLE" in refused.todo
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        _, trusted = checkup.connections([exchange.url, exchange.rest_url], lost)
    assert trusted.state == "ok" and ", certificate valid for " in trusted.text


def test_a_name_without_address_skips_what_needs_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_address(*_: object, **__: object) -> None:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", no_address)
    ended = run("doctor", "--json")
    assert ended.code == 4
    assert finding(ended, "dns")["text"].endswith("Name or service not known")
    assert states(ended)["rest"] == states(ended)["websocket"] == "skip"


def test_a_proxy_is_named_without_its_password(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://me:secret@127.0.0.1:9")
    found = list(checkup.proxies(["https://api.bitfinex.com/v2"]))
    found += checkup.connections(["https://api.bitfinex.com/v2"], set())
    assert [f.state for f in found] == ["ok", "skip"]
    assert found[0].text == "http://127.0.0.1:9, from the environment"


def test_a_bundle_that_does_not_exist_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in checkup._HOSTS + checkup._BUNDLES:
        monkeypatch.delenv(name, raising=False)
    assert list(checkup.settings()) == []
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    (found,) = checkup.settings()
    assert found.state == "fail" and "does not exist" in found.text


REQUIRED = (
    "requests>=2.25",
    'filelock>=3.20.1; python_version >= "3.9" and extra == "multiprocess"',
    'filelock>=99; python_version < "3.9" and extra == "multiprocess"',
    'filelock>=99; python_version >= "99.1" and extra == "multiprocess"',
)


@pytest.mark.parametrize(
    ("installed", "state", "told"),
    [
        ({"requests": "2.25.0", "filelock": "3.20.1"}, "ok", "bfxsync "),
        ({"requests": "2.100"}, "ok", "bfxsync "),
        ({"requests": "2.24.9"}, "fail", "requests 2.24.9 is older than 2.25; "),
        ({"filelock": "4"}, "fail", "requests is missing; "),
        (
            {"requests": "3", "filelock": "3.19"},
            *("warn", "filelock 3.19 is older than 3.20.1; "),
        ),
    ],
    ids=str,
)
def test_packages_are_compared_with_what_is_required(
    installed: dict[str, str], state: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRED)
    monkeypatch.setattr(metadata, "version", version)
    _, found = checkup.versions()
    assert found.state == state and found.text.startswith(told)


def test_a_package_that_was_not_installed_has_no_requirements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    assert [found.state for found in checkup.versions()] == ["ok", "ok"]


def test_a_bug_of_a_check_hides_no_other() -> None:
    def broken() -> Iterator[Finding]:
        yield Finding("one", "ok", "")
        raise LookupError("two")

    first, second = guarded("name", broken)
    assert first.state == "ok"
    assert (second.state, second.text) == ("fail", "LookupError: two")
