"""Progress bar of an iteration over a history; needs the extra ``progress``."""

from __future__ import annotations

import importlib
from datetime import datetime, timezone
from typing import Any, Callable, Iterator, TypeVar

from bfxsync._base.forks import lazily
from bfxsync.errors import UsageError
from bfxsync.rest.history.history import History, Iteration

T = TypeVar("T")

_RANGE = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]{postfix}"


def bar_class() -> Any:
    """Return tqdm's class of bars; raise `UsageError` if the extra is not installed."""
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
    history: History[T],
    iteration: Iteration[T],
) -> Iterator[list[T]]:
    """
    Yield the parts and advance a bar.

    It shows the fraction of the time range, which ends now if the iteration has no end; without a
    start it shows the number of rows.
    """
    count = 0
    start, end = iteration.start, iteration.end
    end = iteration.now_mts if end is None else end
    if start is None:
        with make_bar(desc=title, unit=" rows") as bar:
            for part in parts:
                bar.update(len(part))
                yield part
        return
    total = max(end - start, 1)
    with make_bar(desc=title, total=total, bar_format=_RANGE) as bar:
        for part in parts:
            count += len(part)
            mts = int(history.mts_of(part[-1]))
            date = datetime.fromtimestamp(mts / 1000, timezone.utc)
            bar.set_postfix_str(f"{count:,} rows, {date:%Y-%m-%d %H:%M}", refresh=False)
            done = mts - start if iteration.sort == 1 else end - mts
            bar.update(done - bar.n)
            yield part
        bar.update(total - bar.n)
