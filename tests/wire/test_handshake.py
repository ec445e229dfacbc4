from __future__ import annotations

from typing import Any

import pytest

from bfxsync._base.enums import ConnectionStatus, Flag, LossCause
from bfxsync.errors import ApiError, VersionMismatch
from bfxsync.wire.handshake import Action, Handshake
from bfxsync.wire.outputs import Change, Fail, Reopen, Report, Send

FLAGS = int(Flag.SEQ_ALL | Flag.OB_CHECKSUM)
CONF = Send('{"event":"conf","flags":196608}')
OPEN = Change(ConnectionStatus.OPEN)
MAINTENANCE = Change(ConnectionStatus.MAINTENANCE)

INFO = {"event": "info", "version": 2, "platform": {"status": 1}}
INFO_PAUSED = {"event": "info", "version": 2, "platform": {"status": 0}}
CONF_OK = {"event": "conf", "status": "OK", "flags": FLAGS}
STOP = {"event": "info", "code": 20051, "msg": "Stopping"}
PAUSE = {"event": "info", "code": 20060, "msg": "Maintenance"}
RESUME = {"event": "info", "code": 20061, "msg": "Over"}


def opened(flags: int = FLAGS, now: float = 0.0) -> Handshake:
    handshake = Handshake(flags, 10.0)
    handshake.open(now)
    return handshake


def ready(flags: int = FLAGS) -> Handshake:
    handshake = opened(flags)
    handshake.info(INFO, 0.0)
    handshake.conf(CONF_OK, 0.0)
    assert handshake.is_ready
    return handshake


def test_steps_are_info_conf_ready() -> None:
    handshake = Handshake(FLAGS, 10.0)
    assert handshake.open(0.0) == [CONF]
    assert not handshake.is_greeted
    assert handshake.info(INFO, 1.0) == (None, [])
    assert handshake.is_greeted
    assert not handshake.is_ready
    assert handshake.flags == 0
    assert handshake.conf(CONF_OK, 2.0) == [OPEN]
    assert handshake.is_ready
    assert handshake.flags == FLAGS
    assert handshake.deadline() is None


def test_without_flags_no_conf_is_sent() -> None:
    handshake = Handshake(0, 10.0)
    assert handshake.open(0.0) == []
    assert handshake.info(INFO, 1.0) == (None, [OPEN])
    assert handshake.is_ready
    assert handshake.flags == 0


@pytest.mark.parametrize(
    "body, flags",
    [
        ({"status": "OK", "flags": 65536}, 65536),
        ({"status": "OK", "flags": "65536"}, 65536),
        ({"status": "OK", "flags": 0}, 0),
        ({"status": "OK"}, FLAGS),
        ({"status": "OK", "flags": None}, FLAGS),
        ({"status": "OK", "flags": [1]}, FLAGS),
        ({"status": "OK", "flags": "many"}, FLAGS),
    ],
    ids=str,
)
def test_flags_are_those_that_were_acknowledged(body: Any, flags: int) -> None:
    handshake = opened()
    handshake.info(INFO, 0.0)
    assert handshake.conf({"event": "conf", **body}, 0.0) == [OPEN]
    assert handshake.flags == flags


@pytest.mark.parametrize(
    "body, code",
    [
        ({"status": "FAILED", "code": 10050}, 10050),
        ({"status": "FAILED", "code": "10050"}, 10050),
        ({"status": "FAIL"}, None),
        ({}, None),
        ({"status": ["OK"], "flags": FLAGS, "code": {}}, None),
    ],
    ids=str,
)
def test_refused_flags_are_reported_and_it_goes_on_without(
    body: Any, code: int | None
) -> None:
    handshake = opened()
    handshake.info(INFO, 0.0)
    report, change = handshake.conf({"event": "conf", **body}, 0.0)
    assert change == OPEN
    assert isinstance(report, Report)
    assert isinstance(report.error, ApiError)
    assert report.error.code == code
    assert handshake.flags == 0
    assert handshake.is_ready


@pytest.mark.parametrize("version", [1, 3, "2", None, [2], {}], ids=repr)
def test_r04_another_version_is_the_end(version: object) -> None:
    body = {"event": "info", "version": version}
    _, (fail,) = opened().info(body, 0.0)
    assert isinstance(fail, Fail)
    assert isinstance(fail.error, VersionMismatch)
    assert fail.error.raw is body
    assert repr(version) in str(fail.error)


@pytest.mark.parametrize(
    "platform", [None, 0, [], {}, {"status": None}, {"status": "0"}, {"status": 1}]
)
def test_platform_that_does_not_say_0_is_operative(platform: object) -> None:
    handshake = opened(0)
    body = {"event": "info", "version": 2, "platform": platform}
    assert handshake.info(body, 0.0) == (None, [OPEN])


@pytest.mark.parametrize("flags", [0, FLAGS], ids=["no flags", "flags"])
def test_platform_in_maintenance_holds_requests_until_20061(flags: int) -> None:
    handshake = opened(flags)
    outputs = handshake.info(INFO_PAUSED, 0.0)[1]
    if flags:
        assert outputs == []
        outputs = handshake.conf(CONF_OK, 5.0)
    assert outputs == [MAINTENANCE]
    assert handshake.is_paused
    assert not handshake.is_ready
    assert handshake.info(RESUME, 60.0) == (Action.RESUME, [OPEN])
    assert handshake.is_ready
    assert handshake.deadline() is None


def test_second_greeting_changes_nothing() -> None:
    handshake = ready()
    assert handshake.info(INFO, 5.0) == (None, [])
    assert handshake.info({"event": "info", "version": 1}, 5.0) == (None, [])
    assert handshake.is_ready


def test_unexpected_answer_to_conf_changes_nothing() -> None:
    handshake = ready()
    assert handshake.conf({"event": "conf", "status": "OK", "flags": 0}, 5.0) == []
    assert handshake.flags == FLAGS


@pytest.mark.parametrize("is_refused", [False, True], ids=["OK", "refused"])
def test_conf_may_be_answered_before_the_greeting(is_refused: bool) -> None:
    handshake = opened()
    answer = {"event": "conf", "status": "FAILED"} if is_refused else CONF_OK
    outputs = handshake.conf(answer, 1.0)
    assert [type(output) for output in outputs] == [Report] * is_refused
    assert handshake.deadline() == 10.0
    assert not handshake.is_ready
    assert handshake.info(INFO, 2.0) == (None, [OPEN])
    assert handshake.flags == (0 if is_refused else FLAGS)
    assert handshake.is_ready


@pytest.mark.parametrize("code", [20051, "20051"], ids=repr)
def test_r04_20051_asks_for_another_socket_as_if_closed_with_1012(code: object) -> None:
    action, outputs = ready().info({"event": "info", "code": code}, 5.0)
    assert action is Action.REOPEN
    reason = "the server stops or restarts (20051)"
    assert outputs == [Reopen(reason, LossCause.RESTART, 1012)]


@pytest.mark.parametrize("code", [20060, "20060"], ids=repr)
def test_r04_20060_pauses_and_20061_goes_on(code: object) -> None:
    handshake = ready()
    body = {"event": "info", "code": code}
    assert handshake.info(body, 5.0) == (Action.PAUSE, [MAINTENANCE])
    assert not handshake.is_ready
    assert handshake.info(RESUME, 100.0) == (Action.RESUME, [OPEN])
    assert handshake.is_ready
    assert handshake.deadline() is None


def test_r04_endless_pause_replaces_the_socket_after_120_s() -> None:
    handshake = ready()
    handshake.info(PAUSE, 5.0)
    assert handshake.deadline() == 125.0
    assert handshake.tick(124.9) == []
    reason = "maintenance did not end within 120 s"
    assert handshake.tick(125.0) == [Reopen(reason, LossCause.MAINTENANCE)]
    assert handshake.tick(126.0) == []


def test_second_20060_does_not_prolong_the_pause() -> None:
    handshake = ready()
    handshake.info(PAUSE, 5.0)
    assert handshake.info(PAUSE, 50.0) == (None, [])
    assert handshake.deadline() == 125.0


def test_20061_without_a_pause_changes_nothing() -> None:
    handshake = ready()
    assert handshake.info(RESUME, 5.0) == (None, [])
    assert handshake.is_ready


def test_pause_may_end_before_conf_is_acknowledged() -> None:
    handshake = opened()
    handshake.info(INFO_PAUSED, 0.0)
    assert handshake.info(RESUME, 3.0) == (Action.RESUME, [])
    assert handshake.deadline() == 13.0
    assert handshake.conf(CONF_OK, 4.0) == [OPEN]


@pytest.mark.parametrize(
    "code",
    [20000, 5000, 0, -1, "x", "", "²", "9" * 5000, None, True, 20051.0, [20051], {}],
    ids=lambda code: repr(code)[:12],
)
def test_r14_any_other_code_changes_nothing(code: object) -> None:
    handshake = ready()
    assert handshake.info({"event": "info", "code": code}, 5.0) == (None, [])
    assert handshake.is_ready


def test_r14_flags_of_absurd_length_are_no_flags() -> None:
    handshake = opened()
    handshake.info(INFO, 0.0)
    handshake.conf({"event": "conf", "status": "OK", "flags": "9" * 5000}, 0.0)
    assert handshake.flags == FLAGS


@pytest.mark.parametrize("code", [20051, 20060, 20061])
def test_r13_text_of_an_info_event_decides_nothing(code: int) -> None:
    outputs = []
    for msg in ["Stopping. Please try to reconnect", "", None, "nothing happened", 7]:
        handshake = ready()
        outputs.append(handshake.info({"event": "info", "code": code, "msg": msg}, 5.0))
    assert all(output == outputs[0] for output in outputs)


def test_each_step_has_its_time() -> None:
    handshake = opened(now=100.0)
    assert handshake.deadline() == 110.0
    assert handshake.tick(109.9) == []
    assert handshake.tick(110.0) == [Reopen("no info within 10 s", LossCause.HANDSHAKE)]
    handshake = opened(now=100.0)
    handshake.info(INFO, 105.0)
    assert handshake.deadline() == 115.0
    assert handshake.tick(115.0) == [Reopen("no conf within 10 s", LossCause.HANDSHAKE)]
    assert handshake.tick(116.0) == []


def test_loss_of_the_socket_ends_all_that_was_agreed() -> None:
    handshake = ready()
    handshake.info(PAUSE, 0.0)
    handshake.lose()
    assert not handshake.is_ready
    assert not handshake.is_paused
    assert handshake.flags == 0
    assert handshake.deadline() is None
    assert handshake.tick(1e9) == []
    assert handshake.open(10.0) == [CONF]
    assert handshake.info(INFO, 10.0) == (None, [])
    assert handshake.conf(CONF_OK, 10.0) == [OPEN]
    assert handshake.is_ready
