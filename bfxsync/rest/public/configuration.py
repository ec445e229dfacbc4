"""The exchange's configuration."""

from __future__ import annotations

from typing import Any, Sequence

from bfxsync.checks.containers import check_list
from bfxsync.checks.keys import check_conf_key
from bfxsync.errors import RemoteError
from bfxsync.rest.public.base import Budget, Endpoints, check_rows

_CONF = Budget("conf", 90)


class ConfigurationEndpoints(Endpoints):
    """The exchange's configuration."""

    def conf(self, config: str) -> Any:
        """
        Return one value of the exchange's configuration, as received.

        ``GET conf/{config}``, 90 requests per minute, shared by all keys and with `conf_many`.
        https://docs.bitfinex.com/reference/rest-public-conf

        The rows of ``pub:info:pair`` and ``pub:info:tx:status`` have models in
        `bfxsync.models.conf`.

        Parameters
        ----------
        config : str
            The key: ``pub:list:pair:exchange``, ``pub:map:currency:sym``, ``pub:fees``, …

        Returns
        -------
        list or dict
            Lists of strings, pairs without the leading ``t``, numbers as in JSON.

        Raises
        ------
        RemoteError
            There is no value: the exchange does not know the key.
        """
        return self._conf([check_conf_key(config)])[0]

    def conf_many(self, configs: Sequence[str]) -> dict[str, Any]:
        """
        Return several values of the exchange's configuration, by key, with one request.

        ``GET conf/{configs}``, 90 requests per minute, shared with `conf`.
        https://docs.bitfinex.com/reference/rest-public-conf

        Keys are as for `conf`. One that the exchange does not know raises `RemoteError`.
        """
        keys = check_list("configs", configs, check_conf_key)
        return dict(zip(keys, self._conf(keys)))

    def _conf(self, keys: list[str]) -> list[Any]:
        values = check_rows(self._get(f"conf/{','.join(keys)}", _CONF))
        if len(values) != len(keys):
            raise RemoteError(
                f"the exchange returned {len(values)} values for {', '.join(keys)}: "
                "is the key known?",
                raw=values,
            )
        return values
