from __future__ import annotations

import os

from hypothesis import settings

# Shared machines are slow now and then, so no example has a deadline of its own. On CI a run must
# not fail for an example that nobody has changed anything for: the same ones every time.
settings.register_profile(
    "default", deadline=None, max_examples=100, derandomize=bool(os.getenv("CI"))
)
settings.register_profile("thorough", deadline=None, max_examples=2_000)
settings.load_profile(os.getenv("HYPOTHESIS_PROFILE", "default"))
