"""The programs of examples/moving run locally, and are no longer than their originals."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from patience import at_most
from programs import run_program
from warm_python import WarmPython

from bfxsync.paper import PaperExchange

ROOT = Path(__file__).parent.parent
MOVING = ROOT / "examples" / "moving"
PROGRAMS = sorted(path.relative_to(MOVING).as_posix() for path in MOVING.rglob("*.py"))
LINES = {
    path: int(count)
    for path, count, _ in re.findall(
        r"^(\S+\.py) (\d+) (\S+)$",
        (ROOT / "tests" / "data" / "official_examples.txt").read_text(),
        re.MULTILINE,
    )
}

# What a program prints, in this order. One that has printed all of it gets Ctrl-C, unless it ends.
PRINTED = {
    "readme/channels.py": [
        "tBTCUSD has the id ",
        r"trade:1m:tBTCUSD \d",
        "closed: 1001 Going Away",
    ],
    "readme/new_order.py": ["tBTCUSD: 0.165212 at 30264"],
    "readme/notifications.py": [r"user \d", r"notified: .*foo"],
    "readme/quickstart.py": ["tBTCUSD: 0.165212 at 30264"],
    "rest/auth/claim_position.py": [r"SUCCESS tBTCUSD PositionClaim.*CLOSED"],
    "rest/auth/get_wallets.py": [
        "exchange BTC 10",
        "Transfer.*0.001",
        "DepositAddress.*paper-",
        "LightningNetworkInvoice.*lnbc",
        r"Withdrawal\(withdrawal_id=\d",
    ],
    "rest/auth/set_derivative_position_collateral.py": [
        "Order",
        "changed: True",
        r"from \d",
    ],
    "rest/auth/submit_funding_offer.py": ["SUCCESS", r"\d+ 151.25 0.001 2"],
    "rest/auth/submit_order.py": ["placed.*0.015", "changed.*0.02", "cancelled.*10150"],
    # As many as offers of the market were needed for the sum.
    "rest/auth/toggle_keep_funding.py": [r"SUCCESS for [1-9]\d* loans"],
    "rest/merchant/settings.py": ["preferred currency: None", "bfx_pay_.* = None"],
    "rest/merchant/submit_invoice.py": [
        "paper-invoice-.* CREATED",
        "paper-invoice-.* COMPLETED",
        "1 of the last invoices",
        "1 invoices in all",
    ],
    "rest/public/book.py": [
        "price levels: BookUpdate",
        "orders: RawBookUpdate",
        "rates: FundingBookUpdate",
        "offers: FundingRawBookUpdate",
    ],
    "rest/public/conf.py": ["UST", "BTCUSD", "XRP"],
    "rest/public/get_candles_hist.py": [r"\+00:00 6\d{4}", r"\+00:00 0\.000"],
    "rest/public/pulse_endpoints.py": [
        r"\(user-.*\): Title",
        "tags",
        "has the picture",
    ],
    "rest/public/rest_calculation_endpoints.py": [
        r"sold at 6\d{4}",
        r"borrowed at 0\.000[1-9]",
        r"euros: 0\.9",
    ],
    "rest/public/trades.py": [r"^Trade\(", r"^FundingTrade\("],
    "websocket/auth/calc.py": ["margin: ", "margin of a pair: ", "funding: "],
    "websocket/auth/submit_order.py": [
        r"user \d",
        "sent",
        "answered: SUCCESS",
        "new: ",
    ],
    "websocket/auth/wallets.py": ["exchange BTC", "last trade: ", "margin USD"],
    "websocket/public/derivatives_status.py": [r"deriv:tBTCF0:USTF0 6\d{4}"] * 2,
    "websocket/public/order_book.py": ["subscribed: "] * 3 + ["is as at the exchange"],
    "websocket/public/raw_order_book.py": [
        *["subscribed: "] * 3,
        "is as at the exchange",
    ],
    "websocket/public/ticker.py": [r"-.* 6\d{4} 6\d{4}"] * 2,
    "websocket/public/trades.py": ["^candle Candle", "^trade Trade"],
}


@pytest.fixture(scope="module")
def exchange():
    """One with many events, whose account has a position, and borrows dollars."""
    with PaperExchange(rate=20, checksum_s=0.2, ticker_s=0.2) as exchange:
        with exchange.client() as client:
            client.rest.auth.submit_order("MARKET", "tBTCUSD", "0.01")
            client.rest.auth.submit_funding_offer("LIMIT", "fUSD", "-1000", "0.01", 2)
        yield exchange


@pytest.fixture(scope="module")
def run(exchange):
    """Runs a program for the account of the exchange, which its environment names."""
    variables = {
        "BFX_WSS_HOST": exchange.url,
        "BFX_REST_HOST": exchange.rest_url,
        "BFX_API_KEY": "paper-key",
        "BFX_API_SECRET": "paper-secret",
    }
    with WarmPython() as python:
        yield partial(run_program, python, variables=variables)


def has_printed(patterns, lines):
    """Tell whether the lines have matches of all patterns, in this order."""
    wanted = list(patterns)
    for line in lines:
        if wanted and re.search(wanted[0], line):
            del wanted[0]
    return not wanted


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_does_what_its_original_does(run, name, tmp_path):
    endless = name.startswith("websocket") or name == "readme/new_order.py"
    enough = partial(has_printed, PRINTED[name])
    run(
        [str(MOVING / name)],
        endless=endless,
        enough=enough,
        folder=tmp_path,
        timeout=at_most(25),
    )


def test_each_original_has_its_program():
    own = {"readme/channels.py", "readme/notifications.py"}
    assert set(LINES) == {*PROGRAMS} - own
    assert sum(not name.startswith("readme") for name in LINES) == 22
    assert set(PRINTED) == set(PROGRAMS)


@pytest.mark.parametrize("name", LINES)
def test_a_program_is_not_longer_than_its_original(name):
    assert len((MOVING / name).read_text().splitlines()) <= LINES[name]


def test_programs_have_no_coroutines():
    for name in PROGRAMS:
        assert not re.search(r"\b(async|await|asyncio)\b", (MOVING / name).read_text())
