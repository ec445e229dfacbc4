from __future__ import annotations

import os

from hypothesis import settings

# Shared machines are slow now and then, so no example has a deadline of its own. On CI a run must
# not fail for an example that nobody has changed anything for: the same ones every time. A run that
# only repeats another, on one more Python or measured, may do with a few of them.
is_ci = bool(os.getenv("CI"))
for name, examples in (("default", 100), ("brief", 20), ("thorough", 2_000)):
    settings.register_profile(
        name, deadline=None, max_examples=examples, derandomize=is_ci
    )
settings.load_profile(os.getenv("HYPOTHESIS_PROFILE", "default"))
