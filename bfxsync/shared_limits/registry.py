"""The shared budgets of a process: one for each file or server."""

from __future__ import annotations

import os
import weakref

from bfxsync._base.hidden import hide
from bfxsync._base.redis_urls import is_redis_url
from bfxsync.errors import UsageError
from bfxsync.shared_limits.budget import SharedBudget
from bfxsync.shared_limits.file_store import real_path

_budgets: weakref.WeakValueDictionary[str, SharedBudget] = weakref.WeakValueDictionary()


def budget_of(value: object) -> SharedBudget:
    """
    Return the budget of an argument; the same one for all clients of the process.

    Raises as `SharedBudget` does.
    """
    if isinstance(value, SharedBudget):
        return value
    # First, so that no traceback shows a password in the URL.
    value = hide(value)
    if not isinstance(value, (str, os.PathLike)):
        raise UsageError(
            "shared_budget must be a path, a URL like 'redis://host:6379/0?address=NAME', or a "
            f"SharedBudget, not {value!r}"
        )
    key = hide(str(value) if is_redis_url(value) else real_path(value))
    found = _budgets.get(key)
    if found is None:
        found = _budgets.setdefault(key, SharedBudget(value))
    return found
