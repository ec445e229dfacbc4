"""How long things may take: as promised, or a multiple of it where the machine is shared."""

from __future__ import annotations

import os

FACTOR = float(os.getenv("TEST_PATIENCE", "1"))


def at_most(seconds: float) -> float:
    """Return the bound in seconds for something that must not take longer than this."""
    return seconds * FACTOR
