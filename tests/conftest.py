from __future__ import annotations

import gc
import os
import signal
from pathlib import Path
from typing import Iterator

import pytest
from hypothesis import given, settings
from hypothesis.strategies import none

HERE = Path(__file__).parent
# The core: the pure layers in full, then the live path, the local exchange's protocol, and writes.
SHORT = [
    HERE / path
    for path in (
        "models",
        "wire",
        "test_auth.py",
        "test_book.py",
        "test_errors.py",
        "test_layers.py",
        "test_numbers.py",
        "test_package.py",
        "ws/test_live.py",
        "ws/test_mailbox.py",
        "paper/test_session.py",
        "rest/test_outcomes.py",
        "rest/test_signing.py",
    )
]

# A shell without job control starts what goes to the background with Ctrl-C ignored, and all that
# the tests start would have it so too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Shared machines are slow now and then, so no example has a deadline of its own. On CI a run must
# not fail for an example that nobody has changed anything for: the same ones every time, and only
# few of them where a run repeats another, on one more Python or measured.
is_ci = bool(os.getenv("CI"))
for name, examples in (
    ("default", 100),
    ("brief", 20),
    ("thorough", 2_000),
):
    settings.register_profile(
        name, deadline=None, max_examples=examples, derandomize=is_ci
    )
settings.load_profile(os.getenv("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--short", action="store_true", help="only the core, in less than 90 seconds"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--short"):
        missing = [str(path) for path in SHORT if not path.exists()]
        if missing:
            raise pytest.UsageError(f"the short run has no {', '.join(missing)}")
        settings.load_profile("brief")


def pytest_collection_finish() -> None:
    """Freeze the tests themselves, a million objects that each garbage collection would walk."""
    # At its first example Hypothesis asks the collector who else has the random numbers, and warns
    # if those are frozen.
    given(none())(lambda value: None)()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def frozen_afterwards() -> Iterator[None]:
    """Freeze what the tests of a module leave: reports and caches, which only grow."""
    yield
    # First, so that what should have been closed warns here.
    gc.collect()
    gc.freeze()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out of a short run what is neither in its list nor on the way there."""
    if not config.getoption("--short") or HERE not in collection_path.parents:
        return None
    wanted = any(
        path in (collection_path, *collection_path.parents)
        or collection_path in path.parents
        for path in SHORT
    )
    return None if wanted else True
