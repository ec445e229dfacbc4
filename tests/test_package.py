from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from configparser import ConfigParser
from pathlib import Path

import pytest

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


def test_version_is_the_changelogs_top():
    changelog = (ROOT / "CHANGELOG.rst").read_text()
    first = re.search(r"^(\d\S*) \((.+)\)\n-+$", changelog, re.MULTILINE)
    assert first is not None and first.group(1) == bfxsync.__version__
    assert re.fullmatch(r"not yet released|\d{4}-\d\d-\d\d", first.group(2))


def test_there_are_three_runtime_dependencies():
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    names = re.findall(r"^[a-z-]+", config["options"]["install_requires"], re.MULTILINE)
    assert names == ["websocket-client", "requests", "attrs"]


def test_no_two_modules_beside_packages_share_a_name():
    # pytest imports them all as top-level modules, of tests as of benchmarks.
    folders = [ROOT / "benchmarks", *(ROOT / "tests").rglob("**/")]
    names = Counter(
        path.name
        for folder in folders
        if not (folder / "__init__.py").exists()
        and {"data", "typing"}.isdisjoint(folder.parts)
        for path in folder.glob("*.py")
        if path.name != "conftest.py"
    )
    assert [name for name, count in names.items() if count > 1] == []


def run(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.stdout


def test_importing_it_is_silent_and_starts_nothing():
    code = "import threading, sys, bfxsync; print(threading.active_count()); " + (
        "later = 'websocket', 'attrs', 'ssl', 'bfxsync.client', 'bfxsync.models'; "
        "print([m for m in later if m in sys.modules])"
    )
    assert run(code) == "1\n[]\n"


@pytest.mark.parametrize("key", ["", "'paper-key', 'paper-secret'"])
def test_streaming_imports_neither_rest_nor_recording_nor_the_account(key):
    code = (
        f"import sys; from bfxsync import Client; a = set(sys.modules); Client({key}); "
        + (
            "later = 'aiohttp', 'rich', 'requests', 'tempfile', 'bfxsync.rest', "
            "'bfxsync.recording.format', 'bfxsync.streams', 'bfxsync.ws.replay', "
            "'bfxsync.models.orders', "
            "'bfxsync.wire.account_session', 'bfxsync.wire.orders', 'bfxsync.ws.inputs', "
            "'bfxsync.ws.replies', 'bfxsync.ws.account', 'bfxsync.ws.account_services', "
            "'bfxsync.ws.core.account_core', 'bfxsync.ws.core.reconciler'; "
            "print([m for m in later if m in sys.modules]); "
            "print({'bfxsync.guards', 'bfxsync.auth', 'bfxsync.credentials'} & a)"
        )
    )
    assert run(code) == "[]\nset()\n"


def test_names_that_are_imported_later_are_those_of_their_modules():
    code = (
        "import bfxsync, bfxsync.ws.replay; print(dir(bfxsync) == sorted(set(dir(bfxsync)))"
        + (
            ", set(bfxsync.__all__) <= set(dir(bfxsync)), 'replay' in vars(bfxsync), "
            "bfxsync.replay is bfxsync.ws.replay.replay, 'replay' in vars(bfxsync), "
            "bfxsync.credentials.from_env_file.__name__, hasattr(bfxsync, 'Clinet'))"
        )
    )
    assert run(code) == "True True False True True from_env_file False\n"


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
