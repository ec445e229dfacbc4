"""The module `datetime` with a present of its own."""

from __future__ import annotations

import datetime as real
from types import ModuleType
from typing import Any, Callable


def datetime_module(time_s: Callable[[], float]) -> ModuleType:
    """Return a copy of the module whose present is this time, in seconds since 1970."""
    module = ModuleType("datetime", real.__doc__)
    vars(module).update(vars(real))

    class datetime(real.datetime, metaclass=_Replacement):
        def __new__(cls, *arguments: Any, **options: Any) -> Any:
            return real.datetime(*arguments, **options)

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real.datetime.fromtimestamp(time_s(), tz)

        @classmethod
        def utcnow(cls) -> Any:
            moment = real.datetime.fromtimestamp(time_s(), real.timezone.utc)
            return moment.replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return real.datetime.fromtimestamp(time_s())

    class date(real.date, metaclass=_Replacement):
        def __new__(cls, *arguments: Any, **options: Any) -> Any:
            return real.date(*arguments, **options)

        @classmethod
        def today(cls) -> Any:
            return real.date.fromtimestamp(time_s())

    vars(module).update(datetime=datetime, date=date)
    return module


class _Replacement(type):
    """Its classes have no objects: they make those of the real class, which count as theirs."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.__mro__[1])
