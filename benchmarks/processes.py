"""The processes of a benchmark: one load server for a flood, one contestant at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

HERE = Path(__file__).parent


class Failure(Exception):
    """An invalid run: data was lost, or a process failed."""


class Job(NamedTuple):
    """
    One flood and its parameters.

    Attributes
    ----------
    flood : str
        One of `traffic.FLOODS`.
    frames : int
        Frames sent after the first frames of the channels.
    rate : float, optional
        Frames per second, each with its send time; None for full speed.
    timeout_s : float
        How long to wait for frames; missing ones count as lost.
    """

    flood: str
    frames: int
    rate: Optional[float]
    timeout_s: float


class LoadServer:
    """The process of the load server, which serves all runs of a flood."""

    def __init__(self, job: Job, certificate: Optional[Path]) -> None:
        command = [sys.executable, str(HERE / "load_server.py")]
        command += ["--flood", job.flood, "--frames", str(job.frames)]
        if job.rate is not None:
            command += ["--rate", str(job.rate)]
        if certificate is not None:
            command += ["--certificate", str(certificate)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        first = self._read()
        scheme = "ws" if certificate is None else "wss"
        self.url = f"{scheme}://127.0.0.1:{first['port']}/ws/2"
        self.books: Dict[str, Any] = first["books"]

    def flood(self) -> None:
        """Start sending to the connected client."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def sent(self) -> int:
        """Wait until everything is sent, and return the number of frames."""
        return int(self._read()["sent"])

    def close(self) -> None:
        self._process.communicate()

    def _read(self) -> Dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failure("the load server has exited")
        return dict(json.loads(line))


def run_once(
    job: Job, contestant: str, server: LoadServer, certificate: Optional[Path]
) -> Dict[str, Any]:
    """Run one contestant through one flood; return its figures."""
    command = [sys.executable, str(HERE / "contestants.py"), contestant]
    command += ["--url", server.url, "--flood", job.flood]
    command += ["--frames", str(job.frames), "--timeout", str(job.timeout_s)]
    if job.rate is not None:
        command.append("--timed")
    if certificate is not None:
        command += ["--ca-bundle", str(certificate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        if child.stdout.readline() != "ready\n":
            raise Failure(f"{job.flood}: {contestant} did not get ready")
        started = time.monotonic()
        server.flood()
        line = child.stdout.readline()
    sent = server.sent()
    if not line:
        raise Failure(f"{job.flood}: {contestant} ended with code {child.returncode}")
    result: Dict[str, Any] = json.loads(line)
    counts = {"sent": sent, **{k: result[k] for k in ("count", "gaps", "dropped")}}
    if counts != {"sent": job.frames, "count": job.frames, "gaps": 0, "dropped": 0}:
        raise Failure(f"{job.flood}: {contestant}, {job.frames} frames: {counts}")
    if result["books"] not in (None, server.books):
        raise Failure(f"{job.flood}: {contestant} ended with a different book")
    return {
        "us_per_frame": result["cpu_s"] * 1e6 / job.frames,
        "frames_per_s": job.frames / (result["finished"] - started),
        "p50_us": result.get("p50_us"),
        "p99_us": result.get("p99_us"),
    }


def run_rounds(
    job: Job, contestants: Sequence[str], rounds: int, certificate: Optional[Path]
) -> Dict[str, Dict[str, Any]]:
    """Run the contestants in turn; return the medians of each, and all its rounds."""
    if job.flood != "tls":
        certificate = None
    runs: Dict[str, List[Dict[str, Any]]] = {each: [] for each in contestants}
    server = LoadServer(job, certificate)
    try:
        for turn in range(rounds):
            # Each round starts with another one, so that none is always first.
            start = turn % len(contestants)
            for each in (*contestants[start:], *contestants[:start]):
                runs[each].append(run_once(job, each, server, certificate))
    finally:
        server.close()
    return {
        name: {
            **{
                key: median(run[key] for run in results)
                for key, value in results[0].items()
                if value is not None
            },
            "rounds": results,
        }
        for name, results in runs.items()
    }


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
