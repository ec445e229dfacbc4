"""Announcements of the exchange, and virtual asset service providers."""

from __future__ import annotations

from bfxsync.checks.containers import optional
from bfxsync.checks.numbers import check_integer
from bfxsync.checks.times import Time, page_params
from bfxsync.models.model_list import ModelList
from bfxsync.models.public import Vasp
from bfxsync.models.pulse import AnnouncementPost
from bfxsync.rest.public.base import Budget, Endpoints

_VASPS = Budget("ext/vasps")
_POSTS = Budget("posts")

_TYPES = range(0, 1_000_000)


class AnnouncementEndpoints(Endpoints):
    """Announcements of the exchange, and virtual asset service providers."""

    def get_posts_hist(
        self, *, end: Time = None, limit: int | None = None, type: int | None = None
    ) -> ModelList[AnnouncementPost]:
        """
        Return announcements of the exchange.

        ``GET posts/hist`` (undocumented), 10 requests per minute.

        Parameters
        ----------
        end : int or datetime, optional
            Last time: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Number of rows.
        type : int, optional
            Kind of post; only 1 is known.
        """
        params = {
            **page_params(end=end, limit=limit),
            "type": optional(check_integer, "type", type, _TYPES),
        }
        rows = self._get("posts/hist", _POSTS, params)
        return self._many(AnnouncementPost.from_row, rows)

    def get_vasps(self) -> ModelList[Vasp]:
        """
        Return the virtual asset service providers that a withdrawal may name.

        ``GET ext/vasps``, 10 requests per minute (undocumented).
        https://docs.bitfinex.com/reference/virtual-asset-service-providers
        """
        return self._many(Vasp.from_object, self._get("ext/vasps", _VASPS))
