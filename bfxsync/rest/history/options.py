"""
Options that the iterators over histories have in common.

Strategy: an iterator declares the filters of its endpoint as parameters and collects the rest
with ``**options: Unpack[HistoryOptions[Row]]``, which type checkers and editors expand. The
decorator `iterator` does the same at run time: `inspect.signature` and `help()` list each option.

An iterator over a history of the account, which the exchange always returns newest first::

    _LEDGERS = History(Ledger, MOST_LEDGERS, identity_of=attrgetter("id"), is_sortable=False)

    class LedgerEndpoints(SignedEndpoints):
        @iterator
        def iter_ledgers(
            self, currency: str | None = None, **options: Unpack[HistoryOptions[Ledger]]
        ) -> Iterator[Ledger]:
            \"""Iterate over ledger entries, newest first; see `get_ledgers`.\"""
            optional(check_currency, "currency", currency)
            get = partial(self.get_ledgers, currency)
            return self._history(_LEDGERS, get, "ledgers", options)

``get`` returns one page and is called with ``start``, ``end``, ``limit`` and, if the history is
sortable, ``sort`` by name. Filters are checked here, so that errors rise in the call. A sortable
history takes `SortedHistoryOptions`.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Callable, Dict, Generic, Mapping, TypeVar

from bfxsync._base.aliases import Mts
from bfxsync._base.guesses import unexpected_argument
from bfxsync.checks.options import check_bool
from bfxsync.checks.times import Time, page_params
from bfxsync.errors import UsageError
from bfxsync.rest.history.history import History, Iteration

if TYPE_CHECKING:
    from typing_extensions import TypedDict
    from typing_extensions import Unpack as Unpack
else:

    class TypedDict:
        """Stands for `typing.TypedDict`, which cannot be generic before Python 3.11."""

        def __init_subclass__(cls, total: bool = True) -> None:
            super().__init_subclass__()

    class Unpack:
        """Stands for `typing.Unpack`, new in Python 3.11: annotations are not evaluated."""


T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class HistoryOptions(TypedDict, Generic[T], total=False):
    """
    Options of every iterator over a history.

    Attributes
    ----------
    start, end : int or datetime, optional
        First and last time, inclusive: Unix milliseconds, or an aware datetime. By default the
        history is read to its end in that direction.
    limit : int, optional
        Rows per request; by default the exchange's maximum. To get fewer rows, stop iterating
        (`itertools.islice`).
    resume_after : row, optional
        The last row of an earlier iterator with the same arguments: continue after it.
    progress : bool, optional
        Show a progress bar; needs the extra ``progress``. It shows the fraction of the time range
        if `start` is given, else the number of rows.
    """

    start: Time
    end: Time
    limit: int | None
    resume_after: T | None
    progress: bool


class SortedHistoryOptions(HistoryOptions[T], Generic[T], total=False):
    """
    Options of iterators over histories that the exchange sorts both ways.

    Attributes
    ----------
    sort : int, optional
        1: oldest first, the default; -1: newest first.
    """

    sort: int


_DEFAULTS: Dict[str, Any] = {
    "start": None,
    "end": None,
    "sort": 1,
    "limit": None,
    "resume_after": None,
    "progress": False,
}

_KINDS: Dict[str, Any] = {
    "HistoryOptions": [HistoryOptions],
    "SortedHistoryOptions": [HistoryOptions, SortedHistoryOptions],
}
_OPTIONS = re.compile(r"Unpack\[(\w+)\[(.+)\]\]")


def iterator(method: F) -> F:
    """Expand the options of an iterator in its signature and in its docstring."""
    *filters, options = inspect.signature(method).parameters.values()
    match = _OPTIONS.fullmatch(str(options.annotation))
    if match is None or options.kind is not options.VAR_KEYWORD:
        raise TypeError(f"{method.__qualname__}: no **options: Unpack[HistoryOptions]")
    kinds = _KINDS[match[1]]
    types = {
        name: text for kind in kinds for name, text in kind.__annotations__.items()
    }
    types["resume_after"] = f"{match[2]} | None"
    keywords = [
        inspect.Parameter(
            name, options.KEYWORD_ONLY, default=value, annotation=types[name]
        )
        for name, value in _DEFAULTS.items()
        if name in types
    ]
    signature = inspect.signature(method).replace(parameters=[*filters, *keywords])
    method.__signature__ = signature  # type: ignore[attr-defined]
    if method.__doc__:
        doc = inspect.cleandoc(method.__doc__)
        if "\nParameters\n" not in doc:
            doc += "\n\nParameters\n----------"
        for kind in kinds:
            doc += inspect.cleandoc(kind.__doc__).partition("Attributes\n----------")[2]
        method.__doc__ = doc
    return method


def check_options(
    history: History[T], options: Mapping[str, Any], now_mts: Mts
) -> Iteration[T]:
    """Return the checked options of an iteration; an unknown one raises `TypeError`."""
    known = [name for name in _DEFAULTS if name != "sort" or history.is_sortable]
    for name in options:
        if name not in known:
            raise unexpected_argument(name, known)
    given = {**_DEFAULTS, **options}
    sort = given["sort"] if history.is_sortable else -1
    start, end, limit = given["start"], given["end"], given["limit"]
    page = page_params(start, end, limit, sort, maximum=history.max_limit)
    if page["sort"] is None:
        raise UsageError("sort must be 1 (oldest first) or -1 (newest first), not None")
    last = given["resume_after"]
    if last is not None and not isinstance(last, history.model):
        name = history.model.__name__
        raise UsageError(f"resume_after must be a {name}, not {last!r}")
    return Iteration(
        start=page["start"],
        end=page["end"],
        sort=page["sort"],
        limit=page["limit"] or history.max_limit,
        resume_after=last,
        progress=check_bool("progress", given["progress"]),
        now_mts=now_mts,
    )
