"""What people and the exchange write: Pulse, and the exchange's announcements."""

from __future__ import annotations

import reprlib
from typing import Any

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row
from bfxsync.errors import RemoteError
from bfxsync.models.rows import Kind, Layout


@attrs.define
class PulseProfile:
    """
    A user of Pulse, the exchange's social network.

    Attributes
    ----------
    puid : str
        The user's id.
    mts : int
        When the profile was made, in milliseconds UTC.
    nickname : str
    picture : str or None
        Id of a picture.
    text : str or None
        What the user says about himself.
    twitter_handle : str or None
    followers, following : int or None
    tipping_status : int or None
        1: tips are welcome; 0: they are not.
    """

    puid: str
    mts: Mts
    nickname: str
    picture: str | None
    text: str | None
    twitter_handle: str | None
    followers: int | None
    following: int | None
    tipping_status: int | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> PulseProfile:
        """Build from a row of 17 or more values; what is optional may be missing at the end."""
        return cls(*_PULSE_PROFILE.read(row, number))


_PULSE_PROFILE = Layout(
    "PulseProfile",
    ("puid", 0, Kind.TEXT),
    ("mts", 1, Kind.INTEGER),
    ("nickname", 3, Kind.TEXT),
    ("picture", 5, Kind.OPTIONAL_TEXT),
    ("text", 6, Kind.OPTIONAL_TEXT),
    ("twitter_handle", 9, Kind.OPTIONAL_TEXT),
    ("followers", 11, Kind.OPTIONAL_INTEGER),
    ("following", 12, Kind.OPTIONAL_INTEGER),
    ("tipping_status", 16, Kind.OPTIONAL_SWITCH),
)


@attrs.define
class PulseMessage:
    """
    A message on Pulse.

    Attributes
    ----------
    pid : str
        The message's id.
    mts : int
        When it was written, in milliseconds UTC.
    parent : str or None
        Id of the message that it answers; None for one that begins a thread.
    puid : str
        The author's id.
    title, content : str or None
        The content is Markdown.
    is_pin, is_public, comments_disabled : int or None
        1: yes; 0: no.
    tags, attachments : list of str or None
        The attachments are ids.
    meta : list or None
        As sent.
    likes, comments : int or None
        How many there are.
    uid_liked : int or None
        1: whoever asks likes it; only for those who ask with a key.
    profile : PulseProfile or None
        The author.
    """

    pid: str
    mts: Mts
    parent: str | None
    puid: str
    title: str | None
    content: str | None
    is_pin: int | None
    is_public: int | None
    comments_disabled: int | None
    tags: list[Any] | None
    attachments: list[Any] | None
    meta: list[Any] | None
    likes: int | None
    uid_liked: int | None
    profile: PulseProfile | None
    comments: int | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> PulseMessage:
        """Build from a row of 22 or more values; what is optional may be missing at the end."""
        message = cls(*_PULSE_MESSAGE.read(row, number))
        for name in ("tags", "attachments", "meta", "profile"):
            value = getattr(message, name)
            if value is not None and not isinstance(value, list):
                raise RemoteError(
                    f"PulseMessage.{name}: expected a list or null, got {reprlib.repr(value)}",
                    raw=row,
                )
        # The author comes as a list of one row.
        profiles: Any = message.profile
        message.profile = (
            PulseProfile.from_row(profiles[0], number) if profiles else None
        )
        return message


_PULSE_MESSAGE = Layout(
    "PulseMessage",
    ("pid", 0, Kind.TEXT),
    ("mts", 1, Kind.INTEGER),
    ("parent", 2, Kind.OPTIONAL_TEXT),
    ("puid", 3, Kind.TEXT),
    ("title", 5, Kind.OPTIONAL_TEXT),
    ("content", 6, Kind.OPTIONAL_TEXT),
    ("is_pin", 9, Kind.OPTIONAL_SWITCH),
    ("is_public", 10, Kind.OPTIONAL_SWITCH),
    ("comments_disabled", 11, Kind.OPTIONAL_SWITCH),
    ("tags", 12, Kind.ANY),
    ("attachments", 13, Kind.ANY),
    ("meta", 14, Kind.ANY),
    ("likes", 15, Kind.OPTIONAL_INTEGER),
    ("uid_liked", 16, Kind.OPTIONAL_SWITCH),
    ("profile", 18, Kind.ANY),
    ("comments", 19, Kind.OPTIONAL_INTEGER),
)


@attrs.define
class AnnouncementPost:
    """
    An announcement of the exchange.

    The feed is in none of the exchange's pages; of its rows only these three values are known.

    Attributes
    ----------
    id : int
    mts : int or None
        When, in milliseconds UTC.
    title : str or None
    """

    id: int
    mts: Mts | None
    title: str | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> AnnouncementPost:
        """Build from a row of 1 or more values."""
        return cls(*_ANNOUNCEMENT_POST.read(row, number))


_ANNOUNCEMENT_POST = Layout(
    "AnnouncementPost",
    ("id", 0, Kind.INTEGER),
    ("mts", 1, Kind.OPTIONAL_INTEGER),
    ("title", 3, Kind.OPTIONAL_TEXT),
)
