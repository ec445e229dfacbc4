"""What a client holds: the size of every table in it, and the number of its objects."""

from __future__ import annotations

import gc
import sys
import types
import weakref
from collections import Counter, deque
from typing import Any, Iterable, Iterator

TABLES = (
    *(dict, list, set, frozenset, tuple, deque, types.MappingProxyType),
    *(weakref.WeakSet, weakref.WeakValueDictionary, weakref.WeakKeyDictionary),
)


def table_sizes(*roots: object) -> dict[str, int]:
    """
    Return the size of every table that can be reached from objects of the package.

    Parameters
    ----------
    *roots : object
        Objects of classes of bfxsync, or modules, whose own tables count too.

    Returns
    -------
    dict
        By class and attribute: the number of entries, summed over the objects of the class.
    """
    sizes: Counter[str] = Counter()
    seen: dict[int, object] = {}
    waiting: list[tuple[str, object]] = [("", root) for root in roots]
    while waiting:
        name, value = waiting.pop()
        if id(value) in seen:
            continue
        # Kept, as the id of what has gone is given again.
        seen[id(value)] = value
        if isinstance(value, TABLES):
            sizes[name] += len(value)
            waiting += [(name, each) for each in _entries(value)]
        elif isinstance(value, types.ModuleType) or _is_ours(type(value)):
            owner = value if isinstance(value, types.ModuleType) else type(value)
            waiting += [
                (f"{owner.__name__}.{attribute}", each)
                for attribute, each in _attributes(value)
                if not isinstance(each, (type, types.ModuleType))
            ]
    return dict(sizes)


def object_counts() -> dict[str, int]:
    """Return how many objects of each class of the package there are."""
    gc.collect()
    kinds = Counter(type(each) for each in gc.get_objects())
    return {kind.__qualname__: n for kind, n in kinds.items() if _is_ours(kind)}


def package_modules() -> list[types.ModuleType]:
    """Return the modules of the package that were imported."""
    return [module for name, module in list(sys.modules.items()) if _is_inside(name)]


def _is_ours(kind: type) -> bool:
    return _is_inside(kind.__module__)


def _is_inside(name: str) -> bool:
    return name == "bfxsync" or name.startswith("bfxsync.")


def _attributes(value: object) -> Iterator[tuple[str, Any]]:
    yield from getattr(value, "__dict__", {}).copy().items()
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if slot not in ("__dict__", "__weakref__") and hasattr(value, slot):
                yield slot, getattr(value, slot)


def _entries(table: Any) -> Iterable[object]:
    if hasattr(table, "items"):
        return [each for pair in list(table.items()) for each in pair]
    return list(table)
