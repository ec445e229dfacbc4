"""A local exchange, and programs that run against it until they are told to end."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator

import pytest
from example_programs import EXAMPLES, Program

from bfxsync.paper import PaperExchange


@pytest.fixture
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(rate=50.0) as exchange:
        yield exchange


@pytest.fixture
def environment(exchange: PaperExchange) -> dict[str, str]:
    """The environment of a program: the local exchange instead of the real one."""
    return {
        "BFX_WSS_HOST": exchange.url,
        "BFX_REST_HOST": exchange.rest_url,
        "BFX_API_KEY": exchange.account.api_key,
        "BFX_API_SECRET": exchange.account.api_secret,
    }


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[..., Program]]:
    """Start a program in a folder; killed after the test if it still runs."""
    programs = []

    def start_one(*arguments: str, folder: str | Path, **variables: str) -> Program:
        program = Program([*arguments], EXAMPLES / folder, {**environment, **variables})
        programs.append(program)
        return program

    yield start_one
    for program in programs:
        program.kill()
