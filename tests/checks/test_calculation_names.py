from __future__ import annotations

import pytest

from bfxsync import UsageError
from bfxsync.checks.calculations import check_calculation


@pytest.mark.parametrize(
    "name",
    [
        "balance",
        "margin_base",
        "margin_sym_tBTCUSD",
        "margin_sym_tBTCF0:USTF0",
        "funding_sym_fUSD",
        "position_tDUSK:USD",
        "wallet_exchange_BTC",
        "wallet_margin_USTF0",
    ],
)
def test_documented_name_passes(name):
    assert check_calculation("names", name) == name


@pytest.mark.parametrize(
    "name", ["", "wallets", "margin_sym_fUSD", "wallet_spot_BTC", "balance ", 5, None]
)
def test_unknown_name_is_refused(name):
    with pytest.raises(UsageError, match="names must be balance, margin_base"):
        check_calculation("names", name)
