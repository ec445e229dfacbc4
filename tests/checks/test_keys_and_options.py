"""Keys, options, settings and files: what is accepted, and the message where it is not."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable

import certifi
import pytest

from bfxsync._base.enums import Flag, OrderFlag, Policy
from bfxsync._base.hosts import PUB_WSS_HOST, WSS_HOST
from bfxsync.checks.account import check_dms, check_filters, check_followed
from bfxsync.checks.books import check_book_argument
from bfxsync.checks.candles import check_candle_key, check_candle_symbol
from bfxsync.checks.containers import check_items, check_object, check_tfa
from bfxsync.checks.files import check_ca_bundle
from bfxsync.checks.hosts import (
    check_rest_host,
    check_wss_host,
    signed_rest_host,
    signed_wss_host,
)
from bfxsync.checks.ids import check_keep_changes, check_text_id
from bfxsync.checks.keys import (
    check_conf_key,
    check_ranking,
    check_setting_key,
    check_statistic,
    check_status_key,
)
from bfxsync.checks.merchant import (
    check_customer,
    check_pay_setting,
    check_pay_setting_key,
    check_private_items,
)
from bfxsync.checks.numbers import (
    check_alert_price,
    check_count,
    check_level_count,
    check_not_negative,
    check_rate,
    check_sign,
    check_speed,
)
from bfxsync.checks.options import (
    check_bool,
    check_farewell,
    check_flags,
    check_mailbox_size,
    check_on_limit,
    check_order_flags,
    check_policy,
    check_switch_as_bool,
)
from bfxsync.checks.symbols import check_pay_currency, check_symbol, check_symbols
from bfxsync.checks.texts import check_choice, check_nickname, check_token, check_wallet
from bfxsync.checks.times import (
    check_moment,
    check_seconds,
    check_seconds_or_zero,
    check_timeouts,
)
from bfxsync.errors import UsageError

SIGNS = {1: "buy", -1: "sell"}
CUSTOMER = dict.fromkeys(
    (
        "nationality",
        "residCountry",
        "residCity",
        "residZipCode",
        "residStreet",
        "fullName",
        "email",
    ),
    "x",
)


@pytest.mark.parametrize(
    "check, arguments, result",
    [
        (check_book_argument, ("len", 25, ("1", "25")), "25"),
        (check_candle_key, ("trade:1W:fUSD:p30",), "trade:7D:fUSD:p30"),
        (check_candle_symbol, ("tBTCUSD",), "tBTCUSD"),
        (check_items, ("caps", ["a"], check_choice, ("a", "b")), ["a"]),
        (check_object, ("meta", {"a": 1}), {"a": 1}),
        (check_tfa, ("tfa", {"type": "otp", "token": None}), {"type": "otp"}),
        (check_ca_bundle, (None,), None),
        (check_ca_bundle, (certifi.where(),), certifi.where()),
        (check_rest_host, ("HTTPS://Host/v2/",), "https://host/v2"),
        (check_wss_host, ("wss://host/ws/2",), "wss://host/ws/2"),
        (signed_rest_host, ("https://host",), "https://host"),
        (signed_wss_host, ("wss://host/ws/2",), "wss://host/ws/2"),
        (signed_wss_host, (PUB_WSS_HOST,), WSS_HOST),
        (signed_wss_host, (PUB_WSS_HOST, "wss://other/ws"), "wss://other/ws"),
        (check_filters, (None,), ()),
        (check_filters, (["notify", "algo", "algo"],), ("notify", "algo")),
        (check_filters, (("wallet-exchange-BTC",),), ("wallet-exchange-BTC",)),
        (check_filters, (["trading-tBTCF0:USTF0"],), ("trading-tBTCF0:USTF0",)),
        (check_filters, (["funding-fUSD", "balance"],), ("funding-fUSD", "balance")),
        (check_dms, (None,), False),
        (check_dms, (4,), True),
        (check_keep_changes, ("changes", {"7": 1, 8: 2}), {"7": 1, "8": 2}),
        (check_text_id, ("id", "a-1"), "a-1"),
        (check_conf_key, ("pub:list:currency",), "pub:list:currency"),
        (check_ranking, ("vol:3h:tBTCUSD",), "vol:3h:tBTCUSD"),
        (check_setting_key, ("key", "api:bot_1"), "api:bot_1"),
        (check_status_key, ("liq:global",), "liq:global"),
        (check_status_key, ("deriv:tBTCF0:USTF0",), "deriv:tBTCF0:USTF0"),
        (check_customer, ("customer", {**CUSTOMER, "phone": None}), CUSTOMER),
        (check_pay_setting_key, ("key", "bfx_pay_x"), "bfx_pay_x"),
        (check_pay_setting, ("v", True), 1),
        (check_pay_setting, ("v", 5), 5),
        (check_pay_setting, ("v", "x"), "x"),
        (check_pay_setting, ("v", Decimal("1.50")), "1.50"),
        (check_private_items, ("emails", ["a@b"]), ["a@b"]),
        (check_alert_price, ("price", 220.50), "220.5"),
        (check_alert_price, ("price", "220.0"), "220.0"),
        (check_alert_price, ("price", 220), "220"),
        (check_count, ("n", None, 7), 7),
        (check_count, ("n", 3), 3),
        (check_level_count, (None,), None),
        (check_level_count, (0,), 0),
        (check_not_negative, ("rate", 0), "0"),
        (check_rate, ("FRRDELTAFIX", -1), "-1"),
        (check_rate, ("FRRDELTAVAR", 0), "0"),
        (check_sign, ("dir", -1, SIGNS), -1),
        *(
            (check_wallet, ("wallet", name), name)
            for name in ("exchange", "margin", "funding", "trading", "deposit")
        ),
        (check_speed, (None,), None),
        (check_speed, (2,), 2.0),
        (check_speed, (0.5,), 0.5),
        (check_bool, ("x", False), False),
        (check_flags, (Flag.SEQ_ALL | Flag.TIMESTAMP,), 98304),
        (check_order_flags, ("flags", 64, OrderFlag.HIDDEN), 64),
        (check_mailbox_size, (3,), 3),
        (check_farewell, (1000, ""), (1000, "")),
        (check_farewell, (4999, "é" * 61), (4999, "é" * 61)),
        (check_on_limit, ("raise",), "raise"),
        (check_policy, ("latest",), Policy.LATEST),
        (check_switch_as_bool, ("x", 1), True),
        (check_pay_currency, ("currency", "UST-ETH"), "UST-ETH"),
        (check_symbols, ("symbols", ["tBTCUSD", "fUSD"]), "tBTCUSD,fUSD"),
        (check_nickname, ("a.b-c",), "a.b-c"),
        (check_token, ("address", "x1"), "x1"),
        (check_moment, ("at", date(2026, 1, 31)), "2026-01-31"),
        (check_moment, ("at", "2026-01-31T10:00Z"), "2026-01-31T10:00Z"),
        (
            check_moment,
            ("at", datetime(2026, 1, 31, tzinfo=timezone.utc)),
            "2026-01-31T00:00:00.000Z",
        ),
        (check_seconds, ("timeout", 5), 5.0),
        (check_seconds_or_zero, ("timeout", 0), 0.0),
        (check_timeouts, (3,), (3.0, 3.0, 3.0)),
        (check_timeouts, ((1, 2, 3),), (1.0, 2.0, 3.0)),
        *(
            (check_statistic, (key,), key)
            for key in (
                "vol.1d:30m:BFX",
                "vwap:1d:tBTCUSD",
                "pos.size:1m:tBTCUSD:long",
                "funding.size:1m:fUSD",
                "credits.size.sym:1m:fUSD:tBTCUSD",
            )
        ),
    ],
)
def test_a_good_value_is_returned_as_it_is_sent(
    check: Callable[..., Any], arguments: tuple[Any, ...], result: object
) -> None:
    found = check(*arguments)
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize(
    "check, arguments, message",
    [
        (check_book_argument, ("len", 2, ("1", "25")), "len must be one of 1, 25"),
        (check_candle_key, ("trade:1m",), "key must look like"),
        (check_candle_key, ("trade:2m:tBTCUSD",), "timeframe must be one of 1m"),
        (check_items, ("ids", {}, check_choice), "ids must be a list"),
        (check_items, ("ids", [], check_choice), "ids must not be empty"),
        (check_object, ("meta", {1: 1}), "meta must be a dict with texts as keys"),
        (check_tfa, ("tfa", {}), "tfa must be a non-empty dict"),
        (check_ca_bundle, ("/nowhere",), "ca_bundle must be the path of a file"),
        (check_rest_host, ("host",), "a host must look like 'https://"),
        (check_wss_host, ("https://u:p@h",), "'wss://host/path'$"),
        (
            signed_rest_host,
            ("x", "https://api-pub.bitfinex.com/v2"),
            "not accept signed calls",
        ),
        (signed_wss_host, ("x", PUB_WSS_HOST), "not accept keys"),
        (signed_wss_host, ("x", "http://host"), "'wss://host/path'"),
        (check_filters, ([],), "filters must not be empty"),
        (check_filters, ("trading",), "filters must be a list"),
        (check_filters, (["orders"],), "a filter must be trading, .*not 'orders'$"),
        (check_filters, (["trading-BTCUSD"],), "a filter must be"),
        (check_filters, (["wallet-spot-BTC"],), "a filter must be"),
        (check_filters, ([7],), "a filter must be"),
        (check_dms, (True,), "dms must be 4 .*not True$"),
        (check_dms, (0,), "dms must be 4"),
        (
            check_keep_changes,
            ("changes", {}),
            "changes must be a non-empty dict of ids",
        ),
        (check_keep_changes, ("changes", {"7": 1, 7: 2}), "changes has 7 twice"),
        (check_keep_changes, ("changes", {"7": 3}), "a value of changes must be"),
        (check_text_id, ("id", ".."), "id must be a text id"),
        (check_setting_key, ("key", "bot"), "key must be 'api:'"),
        (check_status_key, ("liq:x",), "key must be 'liq:global'"),
        (check_customer, ("customer", {1: 2}), "dict with texts as keys"),
        (check_customer, ("customer", {}), "must have 'nationality'"),
        (check_pay_setting_key, ("key", "x"), "must look like 'bfx_pay_"),
        (check_pay_setting, ("v", None), "v must be text, a number, True or False"),
        (check_private_items, ("emails", "a@b"), "emails must be a list of texts"),
        (check_count, ("n", 0), "n must be a positive integer"),
        (check_level_count, (-1,), "count must be a non-negative integer"),
        (check_not_negative, ("rate", -1), "rate must not be negative"),
        (check_rate, ("LIMIT", 0), "rate must be positive for LIMIT"),
        (
            check_rate,
            ("FRRDELTAVAR", -1),
            "rate must be zero or positive for FRRDELTAVAR",
        ),
        (check_sign, ("dir", True, SIGNS), r"dir must be 1 \(buy\) or -1 \(sell\)"),
        (check_speed, (0,), "speed must be a positive number or None"),
        (check_speed, (float("inf"),), "speed must be a positive number or None"),
        (check_bool, ("x", "no"), "x must be True or False"),
        (
            check_followed,
            (["balance"], "on", "tBTCUSD"),
            "trading or trading-tBTCUSD for",
        ),
        (check_followed, (["trading-tETHUSD"], "on", "tBTCUSD"), "trading or trading-"),
        (check_followed, (["funding"], "ou", None), "must include trading for"),
        (check_followed, (["trading"], "fon", "fUSD"), "funding or funding-fUSD for"),
        (check_flags, (1,), r"flags must be a sum of TIMESTAMP \(32768\)"),
        (check_flags, (True,), "flags must be a sum of"),
        (check_farewell, (1005, ""), "code must be one of 1000-1003, 1007-1011 and"),
        (check_farewell, (1000, None), "reason must be text of at most 123 bytes"),
        (check_farewell, (1000, "é" * 62), "reason must be text of at most 123 bytes"),
        (check_farewell, (1000, "\ud800"), "reason must be text of at most 123 bytes"),
        (check_mailbox_size, (2,), "mailbox_size must be an integer of at least 3"),
        (check_on_limit, ("x",), "on_limit must be 'wait' or 'raise'"),
        (check_policy, ("x",), "policy must be one of 'resync', 'latest'"),
        (check_switch_as_bool, ("x", 2), "x must be True or False"),
        (check_pay_currency, ("currency", "ust"), "'BTC' or 'UST-ETH'"),
        (check_symbol, (5,), "symbol must be text such as"),
        (check_symbol, ("USD",), "did you mean 'fUSD'"),
        (check_symbol, ("tbtcusd",), "in capitals"),
        (
            check_token,
            ("address", "a b"),
            "address must be non-empty text without blanks",
        ),
        (check_moment, ("at", "today"), "at must be a datetime with a time zone"),
        (check_seconds, ("timeout", 0), "timeout must be a positive number of seconds"),
        (check_seconds_or_zero, ("timeout", -1), "timeout must be a number of seconds"),
        (check_timeouts, ((1, 2),), "timeout must be one number, or"),
    ],
)
def test_a_bad_value_is_refused_with_the_reason(
    check: Callable[..., Any], arguments: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        check(*arguments)


@pytest.mark.parametrize(
    "filters, name, symbol",
    [
        ((), "on", "tBTCUSD"),
        (("balance", "trading"), "on", "tBTCUSD"),
        (("trading-tBTCUSD",), "on", "tBTCUSD"),
        (("trading-tBTCUSD",), "ou", None),
        (("funding-fUSD",), "fon", "fUSD"),
        (("balance",), "oc", None),
    ],
)
def test_filters_with_the_fate_of_an_input_are_accepted(
    filters: tuple[str, ...], name: str, symbol: str | None
) -> None:
    check_followed(filters, name, symbol)


def test_a_file_without_certificates_is_no_bundle(tmp_path: Path) -> None:
    path = tmp_path / "empty.pem"
    path.write_text("")
    with pytest.raises(UsageError, match="contains no certificate"):
        check_ca_bundle(path)
