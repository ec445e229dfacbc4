"""
Which test files to run after a change of a module: ``tests/modules.txt``, most specific first.

Usage::

    pytest $(python tests/modules.py)                          # modules changed since main
    pytest $(python tests/modules.py bfxsync/wire/session.py)
    python tests/modules.py --update                           # after files came, moved or went
    python tests/modules.py --measure                          # write the table again

To update keeps what was measured, and gives a new module the test files that import it. To measure
is to run all tests, on CPython 3.12 or later, and to watch which functions of the package each file
calls. The files of a module together call all its functions that any test calls. Files that look at
the package from outside, such as at its documents, are those of ``bfxsync/__init__.py``.
"""

from __future__ import annotations

import collections
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = Path(__file__).with_suffix(".txt")

Calls = dict[str, dict[str, set[str]]]
"""By module and test file: the names of the functions called."""


def modules() -> list[str]:
    paths = [*ROOT.glob("bfxsync/**/*.py"), ROOT / "pytest_bfxsync.py"]
    return sorted(path.relative_to(ROOT).as_posix() for path in paths)


def test_files() -> list[str]:
    return sorted(
        p.relative_to(ROOT).as_posix() for p in ROOT.glob("tests/**/test_*.py")
    )


def read() -> dict[str, list[str]]:
    """Read which test files each module has."""
    table: dict[str, list[str]] = {}
    module = ""
    for line in TABLE.read_text().splitlines():
        if line.startswith(" "):
            table[module].append(line.strip())
        elif line:
            module = line
            table[module] = []
    return table


def changed() -> list[str]:
    """Return the modules that differ from the main branch, committed or not."""
    patterns = ["bfxsync/*.py", "pytest_bfxsync.py"]
    command = ["git", "diff", "--name-only", "main", "--", *patterns]
    return subprocess.check_output(command, cwd=ROOT, text=True).splitlines()


def assign(calls: Calls) -> dict[str, list[str]]:
    """Give each module the few test files that call all its functions, and each file a module."""
    total: collections.Counter[str] = collections.Counter()
    for files in calls.values():
        for file, names in files.items():
            total[file] += len(names)

    def share(module: str, file: str) -> float:
        """Return how much of what a file calls is in a module."""
        return len(calls[module].get(file, ())) / total[file] if total[file] else 0.0

    table: dict[str, list[str]] = {}
    for module in modules():
        calls.setdefault(module, {})
        missing = {name for names in calls[module].values() for name in names}
        table[module] = []
        for file in sorted(calls[module], key=lambda file: -share(module, file)):
            if missing & calls[module][file]:
                table[module].append(file)
                missing -= calls[module][file]
        if not table[module]:
            table[module] = _importers(module)
    assigned = {file for files in table.values() for file in files}
    for file in sorted(set(test_files()) - assigned):
        best = max(calls, key=lambda module: share(module, file))
        table[best if share(best, file) else "bfxsync/__init__.py"].append(file)
    return table


def update(table: dict[str, list[str]]) -> dict[str, list[str]]:
    """Drop the files that are gone, and give new modules and new test files a place."""
    existing = test_files()
    new = {
        module: [file for file in table.get(module, ()) if file in existing]
        or _importers(module)
        for module in modules()
    }
    assigned = {file for files in new.values() for file in files}
    new["bfxsync/__init__.py"] += [file for file in existing if file not in assigned]
    return new


def _importers(module: str) -> list[str]:
    """Return the test files that name a module, or else the package it is in."""
    name = module[: -len(".py")].replace("/", ".")
    while name:
        parent, _, last = name.rpartition(".")
        lines = (f"import {name}\n", f"from {name} import", f"from {parent} import")
        found = []
        for file in test_files():
            text = (ROOT / file).read_text()
            if lines[0] in text or lines[1] in text:
                found.append(file)
            elif any(
                line.startswith(lines[2]) and last in line.split()
                for line in text.replace(",", " ").splitlines()
            ):
                found.append(file)
        if found:
            return found[:5]
        name = parent
    return ["tests/test_package.py"]


class Watch:
    """A plugin of pytest: notes each function of the package that the tests of a file call."""

    def __init__(self) -> None:
        import bfxsync

        self._package = os.path.dirname(bfxsync.__file__) + os.sep
        self._file = ""
        self.calls: Calls = {}
        self._monitoring = monitoring = sys.monitoring  # type: ignore[attr-defined]
        monitoring.use_tool_id(monitoring.PROFILER_ID, "tests/modules.py")
        event = monitoring.events.PY_START
        monitoring.register_callback(monitoring.PROFILER_ID, event, self._on_start)
        monitoring.set_events(monitoring.PROFILER_ID, event)

    def _on_start(self, code, offset):  # type: ignore[no-untyped-def]
        if self._file and code.co_filename.startswith(self._package):
            name = code.co_filename[len(self._package) :].replace(os.sep, "/")
            files = self.calls.setdefault(f"bfxsync/{name}", {})
            files.setdefault(self._file, set()).add(code.co_qualname)
        # Not again for this function, until the next file.
        return self._monitoring.DISABLE

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        file = nodeid.partition("::")[0]
        if file != self._file:
            self._file = file
            self._monitoring.restart_events()


def measure() -> int:
    """Run all tests, write the table, and return the tests' exit status."""
    import pytest

    watch = Watch()
    options = ["-q", "-p", "no:xdist", "--assert=plain"]
    status = pytest.main(options, plugins=[watch])
    write(assign(watch.calls))
    return int(status)


def write(table: dict[str, list[str]]) -> None:
    with TABLE.open("w", newline="\n") as file:
        for module in sorted(table):
            file.write("\n    ".join([module, *table[module]]) + "\n")


def main(arguments: list[str]) -> int:
    if arguments == ["--measure"]:
        return measure()
    table = read()
    if arguments == ["--update"]:
        write(update(table))
        return 0
    wanted = [os.path.relpath(path, ROOT) for path in arguments] or changed()
    unknown = [module for module in wanted if module not in table]
    if unknown:
        print(f"not in tests/modules.txt: {', '.join(unknown)}", file=sys.stderr)
        return 1
    for file in dict.fromkeys(file for module in wanted for file in table[module]):
        print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
