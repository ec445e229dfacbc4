"""Checks of the values that the exchange can be asked to calculate."""

from __future__ import annotations

from bfxsync.checks.texts import check_pattern

_FORMS = "|".join(
    (
        "balance",
        "margin_base",
        "margin_sym_t[A-Z0-9]+(:[A-Z0-9]+)?",
        "funding_sym_f[A-Z0-9]+",
        "position_t[A-Z0-9]+(:[A-Z0-9]+)?",
        "wallet_(exchange|margin|funding)_[A-Z0-9]+",
    )
)


def check_calculation(name: str, value: object) -> str:
    """Return the name of a value; the exchange does not answer one that it does not know."""
    expected = (
        "be balance, margin_base, margin_sym_tBTCUSD, funding_sym_fUSD, position_tBTCUSD or "
        "wallet_exchange_BTC, with any symbol or currency"
    )
    return check_pattern(name, value, _FORMS, expected)
