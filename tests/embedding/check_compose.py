"""examples/embedding/compose: the commands of its services, run here instead of in containers."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Callable

import yaml
from example_programs import EXAMPLES, wait_until
from redis_server import RedisServer

from bfxsync.paper import PaperExchange

FOLDER = EXAMPLES / "compose"
SERVICES: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())[
    "services"
]


def test_consumers_get_their_data_from_one_relay(
    exchange: PaperExchange, start: Callable[..., Any], tmp_path: Path
) -> None:
    with RedisServer() as server:

        def run(name: str) -> Any:
            service = SERVICES[name]
            program, *arguments = shlex.split(service["command"])
            if program == "bfxsync":
                arguments = ["-m", "bfxsync", *arguments]
            variables = {key: str(x) for key, x in service["environment"].items()}
            assert variables["BFX_REDIS_URL"] == "redis://redis:6379/0"
            variables["BFX_REDIS_URL"] = server.url
            variables["READY_FILE"] = str(tmp_path / name)
            return start(*arguments, folder=FOLDER, **variables)

        # A consumer may be there before the relay.
        consumers = {"tBTCUSD": run("bitcoin")}
        relay = run("relay")
        consumers["tETHUSD"] = run("ether")
        for symbol, consumer in consumers.items():
            consumer.wait_for(f"{symbol} ", 2)
        assert exchange.connections == exchange.connections_opened == 1
        wait_until(
            lambda: (tmp_path / "ether").exists(), "the file of the health check"
        )
        for program in (*consumers.values(), relay):
            assert program.finish() == 0
            assert "Traceback" not in program.output


def test_every_service_is_built_of_this_checkout() -> None:
    for name, service in SERVICES.items():
        if name == "redis":
            assert "noeviction" in service["command"]
            continue
        build = service["build"]
        root = (FOLDER / build["context"]).resolve()
        lines = (root / build["dockerfile"]).read_text().splitlines()
        assert (root / lines[-1].split()[1]).samefile(FOLDER / "consumer.py")
