from __future__ import annotations

import logging

import pytest

from bfxsync.cli.log_lines import LogLines

logger = logging.getLogger("bfxsync.somewhere")


def test_warnings_are_lines_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with LogLines("demo", is_held=False):
        logger.warning("disconnected from %s", "ws://host")
        logger.info("connected")
        assert capsys.readouterr().err == "bfxsync demo: disconnected from ws://host\n"
    logger.warning("nothing of the command's")
    assert capsys.readouterr().err == ""


def test_lines_wait_until_the_screen_is_gone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(KeyboardInterrupt), LogLines("demo", is_held=True):
        for number in range(60):
            logger.error("line %d", number)
        assert capsys.readouterr().err == ""
        raise KeyboardInterrupt
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 50 and lines[-1] == "bfxsync demo: line 59"
