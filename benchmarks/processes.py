"""The processes of a benchmark: load servers, and one contestant at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from environments import Environments, environment_of
from traffic import CHECKSUM_EVERY

HERE = Path(__file__).resolve().parent

#: Updates of a run that compares every one of them.
CHECK_FRAMES = 2_000

#: What a client delivers of trades, if not both te and tu.
ONLY_TE = ("ccxt", "cryptofeed")

#: Clients that deliver the latest state and skip what came in between.
SKIPPING = ("ccxt", "bfxsync-latest")

#: Clients that refuse an address without TLS.
ONLY_TLS = ("cryptofeed",)


class Failure(Exception):
    """An invalid run: data was lost, or a process failed."""


def piped(
    command: Sequence[str], variables: Optional[Mapping[str, str]] = None
) -> subprocess.Popen[str]:
    """Start a process that is talked to through its input and output."""
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables
    )


def result_of(
    name: str, command: Sequence[str], variables: Optional[Mapping[str, str]]
) -> Dict[str, Any]:
    """Run a contestant to its end, and return the JSON that it has printed."""
    child = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, env=variables, timeout=300
    )
    if child.returncode != 0:
        raise Failure(f"{name} ended with code {child.returncode}")
    return dict(json.loads(child.stdout))


class ServerProcess:
    """A server in a process of its own, which answers each line with one of JSON."""

    def __init__(
        self, command: Sequence[str], variables: Optional[Mapping[str, str]] = None
    ) -> None:
        self._process = piped(command, variables)
        #: The first line: where it can be reached.
        self.address = self._read()

    def counts(self) -> Dict[str, Any]:
        """Return what it has counted since the last call."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End it, and wait for that."""
        self._process.communicate()

    def _read(self) -> Dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failure(f"a server has exited: {self._process.args}")
        return dict(json.loads(line))


class Job(NamedTuple):
    """
    What a contestant does, and against what.

    Attributes
    ----------
    flood : str
        One of `traffic.FLOODS`.
    frames : int
        Updates sent after the first frames of the channels.
    mode : str
        See `counting.Run`.
    rate : float, optional
        Updates per second, each with its send time; None for full speed.
    is_tls : bool
        Over TLS.
    timeout_s : float
        How long to wait for updates; missing ones count as lost.
    """

    flood: str
    frames: int
    mode: str = "flood"
    rate: Optional[float] = None
    is_tls: bool = False
    timeout_s: float = 60.0


class LoadServer:
    """The process of the load server, which serves all runs of a flood."""

    def __init__(
        self, flood: str, rate: Optional[float], certificate: Optional[Path]
    ) -> None:
        command = [sys.executable, str(HERE / "load_server.py"), "--flood", flood]
        if rate is not None:
            command += ["--rate", str(rate)]
        if certificate is not None:
            command += ["--certificate", str(certificate)]
        self._process = piped(command)
        scheme = "ws" if certificate is None else "wss"
        self.port: int = self.answer()["port"]
        self.url = f"{scheme}://127.0.0.1:{self.port}/ws/2"

    def flood(self, frames: int, *, tells: bool = False) -> None:
        """Start sending to the connected client."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{frames}{'?' if tells else ''}\n")
        self._process.stdin.flush()

    def answer(self) -> Dict[str, Any]:
        """Wait until everything is sent, and return what was."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failure("the load server has exited")
        return dict(json.loads(line))

    def close(self) -> None:
        self._process.communicate()


class Arena:
    """
    Runs contestants against load servers, which are kept between runs.

    Parameters
    ----------
    trees : dict
        The folder of bfxsync's code by the suffix of contestants, such as ``@base``; without a
        suffix this repository.
    """

    def __init__(
        self, environments: Environments, certificate: Path, trees: Dict[str, Path]
    ) -> None:
        self._environments = environments
        self.certificate = certificate
        self._trees = trees
        self._servers: Dict[Tuple[object, ...], LoadServer] = {}

    def close(self) -> None:
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def python(self, contestant: str) -> Tuple[str, Dict[str, str]]:
        """Return the Python of a contestant, and its environment variables."""
        name, _, tree = contestant.partition("@")
        python = self._environments.python(environment_of(name))
        if python is None:
            raise Failure(f"{name} could not be installed")
        variables = {
            name: value
            for name, value in os.environ.items()
            if not name.lower().endswith("_proxy")
        }
        variables["PYTHONPATH"] = str(self._trees[tree])
        # Nothing is compiled in a measurement, and nothing is written to the folder.
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
        variables["PYTHONPYCACHEPREFIX"] = str(self._environments.folder / "bytecode")
        return str(python), variables

    def server(self, contestant: str, job: Job) -> LoadServer:
        is_tls = job.is_tls or contestant in ONLY_TLS
        key = job.flood, job.rate, is_tls
        if key not in self._servers:
            certificate = self.certificate if is_tls else None
            self._servers[key] = LoadServer(job.flood, job.rate, certificate)
        return self._servers[key]

    def run(self, contestant: str, job: Job, port: Optional[int] = None) -> Any:
        """Run one contestant, by another port of the server if one is given."""
        server = self.server(contestant, job)
        url = server.url
        if port is not None:
            url = url.replace(str(server.port), str(port))
        python, variables = self.python(contestant)
        command = [python, str(HERE / "contestants.py"), contestant.partition("@")[0]]
        command += ["--url", url, "--flood", job.flood, "--mode", job.mode]
        command += ["--frames", str(job.frames), "--timeout", str(job.timeout_s)]
        if server.url.startswith("wss"):
            command += ["--ca-bundle", str(self.certificate)]
        with piped(command, variables) as child:
            assert child.stdin is not None and child.stdout is not None
            if child.stdout.readline() != "ready\n":
                raise Failure(f"{job.flood}: {contestant} did not get ready")
            sent = {}
            if job.mode not in ("connect", "idle"):
                server.flood(job.frames, tells=job.mode == "check")
                # Most clients need not know; those that skip updates cannot tell the last one.
                sent = server.answer()
                child.stdin.write("sent\n")
            try:
                child.stdin.close()
            except BrokenPipeError:
                pass  # it has ended
            line = child.stdout.readline()
        if not line:
            raise Failure(
                f"{job.flood}: {contestant} ended with code {child.returncode}"
            )
        result: Dict[str, Any] = json.loads(line)
        if sent:
            complaint = check(contestant, job, sent, result)
            if complaint is None and "cpu_s" not in result:
                complaint = "it never saw the last update"
            if complaint is not None:
                raise Failure(f"{job.flood}, {contestant}: {complaint}")
        return result


def check(
    contestant: str, job: Job, sent: Dict[str, Any], result: Dict[str, Any]
) -> Optional[str]:
    """Say what is wrong with what a contestant received; None if nothing is."""
    name = contestant.partition("@")[0]
    if sent["sent"] != job.frames or result["gaps"] or result["dropped"]:
        reason = result.get("reason", "of unknown reason")
        return (
            f"{sent['sent']} of {job.frames} sent, {result['gaps']} gaps ({reason}), "
            f"{result['dropped']} dropped"
        )
    books = result.get("books")
    if books and {k: sorted(v) for k, v in books.items()} != {
        k: sorted(
            [price, abs(amount) if name in ONLY_TE else amount] for price, amount in v
        )
        for k, v in sent["books"].items()
    }:
        return "a book differs from the one that was sent"
    if job.flood == "checksums" and name.startswith("bfxsync"):
        if result["checksums"] < job.frames // (CHECKSUM_EVERY + 1):
            return f"only {result['checksums']} checksums were verified"
    is_half = name in ONLY_TE and job.flood == "trades"
    wanted = (job.frames + 1) // 2 if is_half else job.frames
    if name not in SKIPPING and result["count"] != wanted:
        return f"{result['count']} of {wanted} updates"
    if job.mode == "check":
        return differing(name, sent["expected"], result.get("kept", {}))
    return None


def differing(
    name: str, expected: Dict[str, List[Any]], kept: Dict[str, List[Any]]
) -> Optional[str]:
    """Compare every update."""
    for key, rows in kept.items():
        if [] in rows:
            continue  # compared by the book
        wanted = expected.get(key, [])
        if name in SKIPPING:
            wanted = wanted[-1:]
        if [[float(x) for x in row] for row in rows] != wanted:
            return f"the updates of {key} differ"
    symbols = {key.partition(" ")[0] for key in expected}
    missing = symbols - {key.partition(" ")[0] for key in kept}
    if missing and name not in ONLY_TE:
        return f"no updates of {sorted(missing)}"
    return None


def make_certificate(folder: Path) -> Path:
    """Create a key and a certificate for 127.0.0.1 in one file, which is also the CA bundle."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    # fmt: off
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec",
            "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
            "-addext", "keyUsage=critical,digitalSignature,keyCertSign",
            "-keyout", str(key), "-out", str(certificate),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    # fmt: on
    certificate.write_text(certificate.read_text() + key.read_text())
    return certificate
