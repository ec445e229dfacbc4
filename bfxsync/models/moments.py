"""Properties that convert fields of milliseconds to aware datetimes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from bfxsync.errors import RemoteError

if TYPE_CHECKING:
    from typing_extensions import Self

T_co = TypeVar("T_co", covariant=True)

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_VERBS = {
    "create": "created",
    "update": "updated",
    "start": "started",
    "opening": "opened",
    "tif": "expires",
    "server": "sent",
}


class Moment(Generic[T_co]):
    """A property that returns a field of milliseconds as a `datetime`; see `moment`."""

    def __init__(self, field: Any) -> None:
        self._field = field
        self.field_name: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        # attrs creates the class a second time, without the definitions of its fields.
        for other, value in vars(owner).items():
            if value is self._field:
                self.field_name = other
        self.__doc__ = f"`{self.field_name}` as a `datetime` in UTC."

    @overload
    def __get__(self, model: None, owner: type) -> Self: ...
    @overload
    def __get__(self, model: Any, owner: type) -> T_co: ...

    def __get__(self, model: Any, owner: type) -> Any:
        if model is None:
            return self
        mts = getattr(model, self.field_name)
        if mts is None:
            return None
        try:
            return _EPOCH + timedelta(milliseconds=float(mts))
        except OverflowError:
            raise RemoteError(
                f"{owner.__name__}.{self.field_name}: {mts} is beyond the year 9999"
            ) from None


@overload
def moment(field: float) -> Moment[datetime]: ...
@overload
def moment(field: float | None) -> Moment[datetime | None]: ...


def moment(field: Any) -> Any:
    """
    Return a property that converts a field of milliseconds to an aware `datetime`.

    Its name is derived from the field's, see `moment_name`. It raises `RemoteError` for a time
    beyond the year 9999.
    """
    return Moment(field)


def moment_name(field: str) -> str | None:
    """
    Return the name of the `datetime` property of a field, or None if it has none.

    ``mts`` and ``t`` → ``time``, ``mts_create`` → ``created_at``, ``mts_update`` → ``updated_at``,
    ``mts_tif`` (time in force) → ``expires_at``, ``last_trade_mts`` → ``last_trade_at``,
    ``server_mts`` → ``sent_at``.
    """
    if field in ("mts", "t"):
        return "time"
    if field.startswith("mts_"):
        stem = field[len("mts_") :]
    elif field.endswith("_mts"):
        stem = field[: -len("_mts")]
    else:
        return None
    head, separator, last = stem.rpartition("_")
    return f"{head}{separator}{_VERBS.get(last, last)}_at"
