"""The exchange's configuration, and what belongs to no market."""

from __future__ import annotations

from typing import Any, Sequence

from bfxsync.checks.arguments import Time, check_integer, check_list, page_params
from bfxsync.errors import RemoteError
from bfxsync.models.public import Vasp
from bfxsync.models.pulse import AnnouncementPost, PulseMessage, PulseProfile
from bfxsync.rest.public.base import Budget, Endpoints, check_rows
from bfxsync.rest.public.resources import check_nickname, conf_key

MOST_PULSE_MESSAGES = 100

# All keys share it.
_CONF = Budget("conf", 90)
_VASPS = Budget("ext/vasps")
_PAY = Budget("ext/pay")
_POSTS = Budget("posts")
_PULSE = Budget("pulse", 90)
_PULSE_PROFILE = Budget("pulse/profile", 90)

_TYPES = range(0, 1_000_000)


class MiscEndpoints(Endpoints):
    """Configuration, announcements, Pulse, providers."""

    def conf(self, config: str) -> Any:
        """
        Return one value of the exchange's configuration, as it is sent.

        ``GET conf/{config}``. Rate limit: 90 per minute, shared by all keys and with `conf_many`.
        The rows of ``pub:info:pair`` and ``pub:info:tx:status`` have models in
        `bfxsync.models.conf`.

        Parameters
        ----------
        config : str
            The key: ``pub:list:pair:exchange``, ``pub:map:currency:sym``, ``pub:fees``, …

        Returns
        -------
        list or dict
            What the key stands for: text in lists, pairs without their ``t``, numbers as JSON
            has them.

        Raises
        ------
        RemoteError
            There is no value: the exchange does not know the key.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-conf
        """
        return self._conf([conf_key(config)])[0]

    def conf_many(self, configs: Sequence[str]) -> dict[str, Any]:
        """
        Return several values of the exchange's configuration, by key, with one request.

        ``GET conf/{configs}``. Rate limit: 90 per minute, shared with `conf`.

        Parameters
        ----------
        configs : list of str
            The keys, see `conf`.

        Raises
        ------
        RemoteError
            There are fewer values than keys: the exchange does not know one of them.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-conf
        """
        keys = check_list("configs", configs, conf_key)
        return dict(zip(keys, self._conf(keys)))

    def get_vasps(self) -> list[Vasp]:
        """
        Return the providers of virtual asset services that a withdrawal may name.

        ``GET ext/vasps``. Rate limit: 10 per minute (undocumented).

        References
        ----------
        https://docs.bitfinex.com/reference/virtual-asset-service-providers
        """
        return self._many(Vasp.from_object, self._get("ext/vasps", _VASPS))

    def get_posts_hist(
        self, *, end: Time = None, limit: int | None = None, type: int | None = None
    ) -> list[AnnouncementPost]:
        """
        Return announcements of the exchange.

        ``GET posts/hist``, undocumented. Rate limit: 10 per minute.

        Parameters
        ----------
        end : int or datetime, optional
            Last time: milliseconds, or with a time zone.
        limit : int, optional
            Rows.
        type : int, optional
            Kind of post; 1 is known.
        """
        page = page_params(end=end, limit=limit)
        params = {
            "end": page["end"],
            "limit": page["limit"],
            "type": None if type is None else check_integer("type", type, _TYPES),
        }
        rows = self._get("posts/hist", _POSTS, params)
        return self._many(AnnouncementPost.from_row, rows)

    def get_pulse_message_history(
        self, *, end: Time = None, limit: int | None = None
    ) -> list[PulseMessage]:
        """
        Return public messages of Pulse, newest first.

        ``GET pulse/hist``. Rate limit: 90 per minute. The exchange's pages do not have it any
        more.

        Parameters
        ----------
        end : int or datetime, optional
            Only what is older: milliseconds, or with a time zone.
        limit : int, optional
            Rows, at most 100.
        """
        page = page_params(end=end, limit=limit, maximum=MOST_PULSE_MESSAGES)
        params = {"end": page["end"], "limit": page["limit"]}
        return self._many(
            PulseMessage.from_row, self._get("pulse/hist", _PULSE, params)
        )

    def get_pulse_profile_details(self, nickname: str) -> PulseProfile:
        """
        Return a user of Pulse.

        ``GET pulse/profile/{nickname}``. Rate limit: 90 per minute. The exchange's pages do not
        have it any more.
        """
        path = f"pulse/profile/{check_nickname(nickname)}"
        return self._one(PulseProfile.from_row, self._get(path, _PULSE_PROFILE))

    def get_pay_public_currency_detailed(self) -> Any:
        """
        Return what is known of the currencies in which invoices can be paid, as it is sent.

        ``GET ext/pay/invoice/currency/detailed``. Rate limit: 10 per minute (undocumented).
        The exchange's pages do not have it any more, and no source says what it looks like.
        """
        return self._get("ext/pay/invoice/currency/detailed", _PAY)

    def _conf(self, keys: list[str]) -> list[Any]:
        values = check_rows(self._get(f"conf/{','.join(keys)}", _CONF))
        if len(values) != len(keys):
            raise RemoteError(
                f"the exchange has {len(values)} values for {', '.join(keys)}: "
                "does it know the key?",
                raw=values,
            )
        return values
