"""Settings, alerts and invoices, and the list of what the local exchange does not simulate."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterator

import pytest

import bfxsync.rest
from bfxsync.errors import ApiError
from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.paper.engine.account_state import AccountChanges, apply
from bfxsync.paper.engine.stored_data import PriceAlert
from bfxsync.paper.engine.units import to_units
from bfxsync.paper.server.rest.routes import NOT_SIMULATED, PRIVATE_ROUTES
from bfxsync.rest.auth import AuthEndpoints

from .support import EngineHarness, Signed
from .test_client import rest_of

OTHER = PaperAccount(api_key="other-key", api_secret="other-secret")
DOCS = Path(__file__).parents[3] / "docs" / "reference" / "accounts.rst"


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    """An exchange whose markets stand still."""
    with PaperExchange(rate=1e-3, accounts=[PaperAccount(), OTHER]) as exchange:
        yield exchange


@pytest.fixture
def other(exchange: PaperExchange) -> Iterator[Signed]:
    with Signed(exchange, OTHER.api_key, OTHER.api_secret) as signed:
        yield signed


@pytest.fixture
def auth(exchange: PaperExchange) -> Iterator[AuthEndpoints]:
    with rest_of(exchange) as client:
        yield client.auth


def test_settings_are_written_read_and_deleted(auth: AuthEndpoints) -> None:
    note = auth.set_settings({"api:a": {"x": [1, None]}, "api:b": "text"})
    assert note.data is not None and note.data.number_of_settings == 2
    found = auth.get_settings(["api:b", "api:a", "api:c"])
    assert [setting.value for setting in found] == ["text", {"x": [1, None]}, None]
    deleted = auth.delete_settings(["api:a", "api:c"]).data
    assert deleted is not None and deleted.number_of_settings == 1
    assert auth.get_settings(["api:a"])[0].value is None
    assert auth.get_core_settings(["anything"])[0].value is None


def test_alerts_are_set_listed_and_deleted(auth: AuthEndpoints) -> None:
    alert = auth.set_alert("tBTCUSD", "70000.5", count=3)
    assert (alert.key, alert.price, alert.countdown) == (
        "price:tBTCUSD:70000.5",
        70000,
        3,
    )
    auth.set_alert("tETHUSD", 2000)
    assert [alert.symbol for alert in auth.get_alerts()] == ["tBTCUSD", "tETHUSD"]
    assert auth.delete_alert("tBTCUSD", "70000.5").ok
    assert auth.delete_alert_by_body("tETHUSD", 2000).ok
    assert auth.get_alerts() == []
    with pytest.raises(ApiError, match="alert: invalid"):
        auth.delete_alert("tETHUSD", 2000)


def test_an_alert_tells_of_its_price_from_both_sides() -> None:
    harness = EngineHarness()
    notes: list[Any] = []
    harness.account.listeners.append(lambda code, row: notes.append((code, row)))
    alert = PriceAlert("tBTCUSD", "70000", to_units(70_000), 2, True)
    harness.account.stored.alerts[alert.key] = alert
    for price in (69_000, 70_000, 71_000, 69_500, 72_000):
        harness.trade(price)
    rows = [row for code, row in notes if code == "n"]
    assert [row[1] for row in rows] == ["uca", "uca"]
    assert rows[0][4] == ["price:tBTCUSD:70000", "price", "tBTCUSD", 70_000, 1, "up"]
    assert rows[1][4][4:] == [0, "down"]
    assert harness.account.stored.alerts == {}


def test_invoices_are_made_and_never_paid(auth: AuthEndpoints) -> None:
    first = auth.generate_deposit_invoice("exchange", "LNX", "0.001")
    second = auth.generate_deposit_invoice("exchange", "LNX", "0.002")
    assert first.invoice_hash != second.invoice_hash
    newest, oldest = auth.get_lightning_payments("getInvoicesByUser")
    assert (newest.amount, oldest.payment_hash) == (200_000, first.invoice_hash)
    query = {"txid": first.invoice_hash}
    (found,) = auth.get_lightning_payments("getInvoiceById", query)
    assert found == oldest
    assert auth.get_lightning_payments("getPaymentsByUser") == []
    with pytest.raises(ApiError, match="amount: invalid"):
        auth.generate_deposit_invoice("exchange", "LNX", "0.03")
    with pytest.raises(ApiError, match="wallet: invalid"):
        auth.generate_deposit_invoice("margin", "LNX", "0.001")


def test_what_is_malformed_is_refused(other: Signed) -> None:
    for path, body, text in (
        ("auth/r/settings", {"keys": ["x"]}, "keys: invalid"),
        ("auth/r/settings", {}, "keys: invalid"),
        ("auth/r/settings/core", {}, "keys: invalid"),
        ("auth/w/settings/set", {"settings": []}, "settings: invalid"),
        ("auth/w/alert/set", {"type": "x"}, "type: invalid"),
        (
            "auth/w/alert/set",
            {"symbol": "tBTCUSD", "price": 1, "count": 0},
            "count: invalid",
        ),
        ("auth/w/alert/set", {"symbol": "fUSD", "price": 1}, "symbol: invalid"),
        ("auth/r/ext/invoice/payments", {"action": "x"}, "action: invalid"),
        (
            "auth/r/ext/invoice/payments",
            {"action": "getInvoiceById", "query": 1},
            "query: invalid",
        ),
    ):
        assert other.error(path, **body)[1] == text
    given = {"api:x": 1}
    other.post("auth/w/settings/set", settings=given)
    assert other.post("auth/w/settings/del", settings=given)[4] == [1]


def test_what_is_kept_is_restored() -> None:
    first, second = (EngineHarness().account for _ in range(2))
    changes = AccountChanges(first)
    first.stored.settings["api:x"] = {"a": 1}
    alert = PriceAlert("tBTCUSD", "1", to_units(1.0), 1, True)
    first.stored.alerts[alert.key] = alert
    first.stored.invoices.append({"payment_hash": "x"})
    apply(second, changes.take())
    assert second.stored == first.stored
    # Also that there are none any more.
    first.stored.settings.clear()
    first.stored.alerts.clear()
    apply(second, changes.take())
    assert second.stored == first.stored


def known_paths() -> list[str]:
    """The paths of all signed endpoints of the client, as its docstrings have them."""
    found: set[str] = set()
    for module in Path(bfxsync.rest.__file__).parent.rglob("*.py"):
        for path in re.findall(r"``POST (auth/[^`]*)``", module.read_text()):
            whole, part = path.partition("[")[0], re.search(r"\[(.*?)\]", path)
            found.add(re.sub(r"\[.*?\]", "", path) if part else whole)
            if part:
                found.add(re.sub(r"[\[\]]", "", path))
    return sorted(found)


EXAMPLES = {"symbol": "tBTCUSD", "currency": "USD", "price": "1", "key": "fUSD"}


def path_of(pattern: str) -> str:
    """A path with values in place of its names."""
    return re.sub(r"{(\w+)}", lambda name: EXAMPLES.get(name[1], "7"), pattern)


def test_each_endpoint_is_simulated_or_in_the_list() -> None:
    *routes, everything = [
        re.sub(r"{(\w+)(?::([^}]+))?}", lambda m: m[2] or "[^/]+", route.path)
        for route in PRIVATE_ROUTES
    ]
    assert everything == "auth/.*"
    paths = known_paths()
    assert len(paths) > 100
    for path in paths:
        is_simulated = any(re.fullmatch(route, path_of(path)) for route in routes)
        assert is_simulated != path.startswith(NOT_SIMULATED), path
    assert all(any(p.startswith(each) for p in paths) for each in NOT_SIMULATED)


def test_the_documents_list_what_is_not_simulated() -> None:
    text = DOCS.read_text()
    listed = text[text.index("- Not simulated:") :].partition("Tests can use")[0]
    assert re.findall(r"^    (auth/\S+)$", listed, re.M) == list(NOT_SIMULATED)


def test_nothing_that_the_client_knows_is_unknown(other: Signed) -> None:
    for pattern in known_paths():
        path = path_of(pattern)
        status, answer = other.ask(path)
        assert status != 404
        if path.startswith(NOT_SIMULATED):
            words = f"{path} is not simulated by the local exchange"
            assert answer == ["error", 10020, words]
