"""What a history needs of REST."""

from __future__ import annotations

from typing import Optional

import attrs

from bfxsync._base.aliases import Mts


@attrs.frozen
class PastRange:
    """A range of time to be read from REST, both ends included; without an end up to now."""

    start: Mts
    end: Optional[Mts]
