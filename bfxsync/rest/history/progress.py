"""A bar that shows how far an iteration over a history has come; needs the extra ``progress``."""

from __future__ import annotations

import importlib
from datetime import datetime, timezone
from typing import Any, Callable, Iterator, TypeVar

from bfxsync._base.forks import lazily
from bfxsync.errors import UsageError
from bfxsync.types import Mts

T = TypeVar("T")

_RANGE = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]{postfix}"


def bar_class() -> Any:
    """
    Return the class of bars.

    Raises
    ------
    UsageError
        The extra is not installed.
    """
    try:
        return lazily(lambda: importlib.import_module("tqdm.auto").tqdm)
    except ImportError as exc:
        raise UsageError(
            'progress=True needs the extra "progress": pip install "bfxsync[progress]"'
        ) from exc


def with_bar(
    parts: Iterator[list[T]],
    make_bar: Callable[..., Any],
    title: str,
    *,
    start: Mts | None,
    end: Mts | None,
    sort: int,
    mts_of: Callable[[T], Any],
) -> Iterator[list[T]]:
    """
    Yield the parts and move a bar: over the time between `start` and `end`, or, when one of
    these is not known, with the number of rows.
    """
    count = 0
    if start is None or end is None:
        with make_bar(desc=title, unit=" rows") as bar:
            for part in parts:
                bar.update(len(part))
                yield part
        return
    total = max(end - start, 1)
    with make_bar(desc=title, total=total, bar_format=_RANGE) as bar:
        for part in parts:
            count += len(part)
            mts = int(mts_of(part[-1]))
            date = datetime.fromtimestamp(mts / 1000, timezone.utc)
            bar.set_postfix_str(f"{count:,} rows, {date:%Y-%m-%d %H:%M}", refresh=False)
            done = mts - start if sort == 1 else end - mts
            bar.update(done - bar.n)
            yield part
        bar.update(total - bar.n)
