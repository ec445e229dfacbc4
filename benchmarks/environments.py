"""The virtual environments of the contestants, and what is in them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import venv
from pathlib import Path
from typing import Dict, List, Optional

ROOT = Path(__file__).resolve().parent.parent

#: Where the environments are made.
FOLDER = ROOT / "build" / "benchmarks"

#: What each environment gets from the package registry. Of bfxsync it is the dependencies that
#: matter: the contestants run the code of a folder.
REQUIREMENTS: Dict[str, List[str]] = {
    "bfxsync": [f"{ROOT}[speed]"],
    "bitfinex-api-py": ["bitfinex-api-py==4.0.0"],
    "ccxt": ["ccxt", "orjson"],
    # Its version 3 needs Python 3.13 and has another interface. It is compiled for most Pythons.
    "cryptofeed": ["cryptofeed==2.4.1"],
    "websockets": ["websockets", "orjson"],
}

#: The most time for an environment; some packages are compiled.
INSTALL_S = 900

#: Packages whose versions are named.
_NAMED = (
    "websocket-client requests attrs orjson bitfinex-api-py ccxt cryptofeed "
    "websockets aiohttp uvloop"
).split()

_SHOW_VERSIONS = """
from importlib import metadata
for name in {names}:
    try:
        print(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        pass
"""


def environment_of(contestant: str) -> str:
    """Return the environment that a contestant runs in."""
    name = contestant.removesuffix("-rest")
    return name if name in REQUIREMENTS else "bfxsync"


class Environments:
    """
    The environments below a folder, made on first use and kept for the next run.

    Attributes
    ----------
    folder : Path
        Where they are, for this version of Python.
    failures : dict
        Why an environment could not be made, by its name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / f"{sys.version_info[0]}.{sys.version_info[1]}"
        self._pythons: Dict[str, Optional[Path]] = {}
        self.failures: Dict[str, str] = {}

    def python(self, name: str) -> Optional[Path]:
        """Return the Python of an environment; None if it cannot be made here."""
        if name not in self._pythons:
            self._pythons[name] = self._make(name)
        return self._pythons[name]

    def _make(self, name: str) -> Optional[Path]:
        folder, wanted = self.folder / name, " ".join(REQUIREMENTS[name])
        python, mark = folder / "bin" / "python", folder / "installed"
        if mark.exists() and mark.read_text() == wanted:
            return python
        print(f"installing {name} …", file=sys.stderr, flush=True)
        venv.create(folder, clear=True, with_pip=True)
        command = [str(python), "-m", "pip", "install", "-q", *REQUIREMENTS[name]]
        try:
            done = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=INSTALL_S,
            )
        except subprocess.TimeoutExpired:
            self.failures[name] = f"{name} took more than {INSTALL_S} s to install"
            return None
        if done.returncode != 0:
            lines = [line for line in done.stdout.splitlines() if "ERROR" in line]
            self.failures[name] = f"{name}: {(lines or ['pip failed'])[-1]}"
            return None
        mark.write_text(wanted)
        return python

    def versions(self) -> List[str]:
        """Return the versions of what was used, the environment's name first."""
        found = []
        for name, python in self._pythons.items():
            if python is not None:
                code = _SHOW_VERSIONS.format(names=_NAMED)
                output = subprocess.run(
                    [str(python), "-c", code],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                )
                found.append(f"{name}: {', '.join(output.stdout.splitlines())}")
        return found


def machine() -> str:
    """Return the machine and the Python in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {platform.system()}, {os.cpu_count()} cores ({model})"
