from __future__ import annotations

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import bfxsync

ROOT = Path(__file__).parent.parent


def test_all_names_exist_and_are_sorted():
    names = [name for name in bfxsync.__all__ if not name.startswith("__")]
    assert sorted(bfxsync.__all__) == sorted(set(bfxsync.__all__))
    assert all(hasattr(bfxsync, name) for name in names)


def test_everything_public_has_a_docstring():
    for name in bfxsync.__all__:
        thing = getattr(bfxsync, name)
        if isinstance(thing, type):
            assert thing.__doc__, name


def test_version_is_the_changelogs_top_or_unreleased():
    changelog = (ROOT / "CHANGELOG.rst").read_text()
    first = re.search(r"^(Unreleased|\d+\.\d+\.\d+)\n-+$", changelog, re.MULTILINE)
    assert first is not None and first.group(1) in ("Unreleased", bfxsync.__version__)


def test_there_are_three_runtime_dependencies():
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    names = re.findall(r"^[a-z-]+", config["options"]["install_requires"], re.MULTILINE)
    assert names == ["websocket-client", "requests", "attrs"]


def test_importing_it_is_silent_and_starts_nothing():
    code = "import threading, sys, bfxsync; print(threading.active_count()); " + (
        "later = 'aiohttp', 'rich', 'requests', 'bfxsync.rest'; "
        "print([m for m in later if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("1\n[]\n", "")


def test_each_recording_has_its_licence_in_the_metadata():
    data = ROOT / "bfxsync/paper/data"
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    patterns = config["metadata"]["license_files"].split()
    listed = {path for pattern in patterns for path in ROOT.glob(pattern)}
    sources = (data / "README.rst").read_text("utf-8").split("\n``")[1:]
    assert {text.partition("``")[0] for text in sources} == {
        path.name for path in data.glob("*.gz")
    }
    for text in sources:
        (licence,) = set(re.findall(r"``(LICENSE\S*)``", text))
        assert data / licence in listed
    assert ROOT / "LICENSE" in listed
