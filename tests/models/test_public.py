"""Every model of the public REST side alone, from rows as the JSON readers return them."""

from __future__ import annotations

from typing import Any

import pytest
from model_tables import read

from bfxsync.errors import RemoteError
from bfxsync.models import conf, pulse


@pytest.mark.parametrize("profiles", [None, []], ids=str)
def test_pulse_message_may_come_without_its_author(profiles: Any) -> None:
    row = read("PulseMessage")
    row[18] = profiles
    assert pulse.PulseMessage.from_row(row).profile is None


# --- what is no plain row ---------------------------------------------------------------------


def test_pair_info_of_a_pair_without_margin() -> None:
    row = ["ABSETH", [None, None, None, "1", "2", None, None, None, None, None]]
    assert conf.PairInfo.from_row(row).initial_margin is None
    assert conf.PairInfo.from_row([row[0], row[1][:5]]).min_margin is None


@pytest.mark.parametrize(
    "row",
    [
        None,
        [],
        ["ADAUSD"],
        ["ADAUSD", None],
        ["ADAUSD", []],
        ["ADAUSD", [None, None, None, None, "2"]],
        ["ADAUSD", [None, None, None, "1", "many"]],
        [5, [None, None, None, "1", "2"]],
    ],
    ids=str,
)
def test_pair_info_without_what_it_must_say_is_a_remote_error(row: Any) -> None:
    with pytest.raises(RemoteError, match="^PairInfo"):
        conf.PairInfo.from_row(row)
