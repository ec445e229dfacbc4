"""Pulse and Bitfinex Pay without a key."""

from __future__ import annotations

from typing import Any

from bfxsync.checks.texts import check_nickname
from bfxsync.checks.times import Time, page_params
from bfxsync.models.model_list import ModelList
from bfxsync.models.pulse import PulseMessage, PulseProfile
from bfxsync.rest.public.base import Budget, Endpoints

MOST_PULSE_MESSAGES = 100

_PAY = Budget("ext/pay")
_PULSE = Budget("pulse", 90)
_PULSE_PROFILE = Budget("pulse/profile", 90)


class DeprecatedPublicEndpoints(Endpoints):
    """Pulse and Bitfinex Pay, dropped from the documentation and the official clients."""

    def get_pulse_message_history(
        self, *, end: Time = None, limit: int | None = None
    ) -> ModelList[PulseMessage]:
        """
        Return public messages of Pulse, newest first.

        ``GET pulse/hist``, 90 requests per minute; dropped by the official clients.
        https://github.com/bitfinexcom/bitfinex-api-py

        Parameters
        ----------
        end : int or datetime, optional
            Only messages before this time: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Number of rows, at most 100.
        """
        page = page_params(end=end, limit=limit, maximum=MOST_PULSE_MESSAGES)
        rows = self._get("pulse/hist", _PULSE, page)
        return self._many(PulseMessage.from_row, rows)

    def get_pulse_profile_details(self, nickname: str) -> PulseProfile:
        """
        Return a user of Pulse.

        ``GET pulse/profile/{nickname}``, 90 requests per minute; dropped by the official clients.
        https://github.com/bitfinexcom/bitfinex-api-py
        """
        path = f"pulse/profile/{check_nickname(nickname)}"
        return self._one(PulseProfile.from_row, self._get(path, _PULSE_PROFILE))

    def get_pay_public_currency_detailed(self) -> Any:
        """
        Return the currencies in which invoices can be paid, as received.

        ``GET ext/pay/invoice/currency/detailed``, 10 requests per minute. The official clients,
        which have dropped it, never described the response.
        https://github.com/bitfinexcom/bfx-api-node-rest
        """
        return self._get("ext/pay/invoice/currency/detailed", _PAY)
