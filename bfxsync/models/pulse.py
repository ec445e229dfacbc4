"""Pulse, the exchange's social network, and the exchange's announcements."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from bfxsync._base.aliases import Mts, NumberType
from bfxsync.models.model import RestModel, Switch, at, model
from bfxsync.models.moments import Moment, moment
from bfxsync.models.objects import anything_in_a_list


@model
class PulseProfile(RestModel):
    """A user of Pulse."""

    puid: str = at(0)
    """The user's id."""
    mts: Mts = at(1)
    """Time of creation of the profile, in milliseconds UTC."""
    nickname: str = at(3)
    picture: str | None = at(5)
    """Id of a picture."""
    text: str | None = at(6)
    """The user's description."""
    twitter_handle: str | None = at(9)
    followers: int | None = at(11)
    following: int | None = at(12)
    tipping_status: Switch | None = at(16)
    """1: tips are accepted; 0: they are not."""

    time: ClassVar[Moment[datetime]] = moment(mts)


def _author(value: object, number: NumberType) -> PulseProfile | None:
    # The exchange sends the author as a list of one row.
    profiles = anything_in_a_list(value, number)
    return PulseProfile.from_row(profiles[0], number) if profiles else None


@model
class PulseMessage(RestModel):
    """A message on Pulse. The exchange sends 22 values."""

    pid: str = at(0)
    """The message's id."""
    mts: Mts = at(1)
    """In milliseconds UTC."""
    parent: str | None = at(2)
    """Id of the message that it replies to; None for the first of a thread."""
    puid: str = at(3)
    """The author's id."""
    title: str | None = at(5)
    content: str | None = at(6)
    """Markdown."""
    is_pin: Switch | None = at(9)
    is_public: Switch | None = at(10)
    comments_disabled: Switch | None = at(11)
    tags: list[Any] | None = at(12)
    attachments: list[Any] | None = at(13)
    """Ids."""
    meta: list[Any] | None = at(14)
    """As sent."""
    likes: int | None = at(15)
    """Number of likes."""
    uid_liked: Switch | None = at(16)
    """1: liked by the user of the key; only in requests with a key."""
    profile: PulseProfile | None = at(18, read=_author)
    """The author."""
    comments: int | None = at(19)
    """Number of comments."""

    time: ClassVar[Moment[datetime]] = moment(mts)


@model
class AnnouncementPost(RestModel):
    """
    An announcement of the exchange.

    The exchange has no page about this feed; only these three values of its rows are known.
    """

    id: int = at(0)
    mts: Mts | None = at(1)
    """In milliseconds UTC."""
    title: str | None = at(3)

    time: ClassVar[Moment[datetime | None]] = moment(mts)
