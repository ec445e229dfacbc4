"""The `_repr_html_` of all classes that a notebook shows as tables."""

from __future__ import annotations

import sys
from typing import Any, Optional


def html_of(self: Any) -> Optional[str]:
    """Return HTML, for notebooks; None for the `repr`."""
    # The package imports it on first use, while no thread forks.
    package: Any = sys.modules["bfxsync"]
    found: Optional[str] = package.notebook.html_of(self)
    return found
