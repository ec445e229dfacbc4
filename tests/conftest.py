from __future__ import annotations

import os
import signal

from hypothesis import settings

# A shell without job control starts what goes to the background with Ctrl-C ignored, and all that
# the tests start would have it so too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Shared machines are slow now and then, so no example has a deadline of its own. On CI a run must
# not fail for an example that nobody has changed anything for: the same ones every time. A run that
# only repeats another, on one more Python or measured, may do with a few of them.
is_ci = bool(os.getenv("CI"))
for name, examples in (("default", 100), ("brief", 20), ("thorough", 2_000)):
    settings.register_profile(
        name, deadline=None, max_examples=examples, derandomize=is_ci
    )
settings.load_profile(os.getenv("HYPOTHESIS_PROFILE", "default"))
