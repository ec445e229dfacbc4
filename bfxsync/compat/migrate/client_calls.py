"""Calls and attributes of the client that do not exist here, or behave differently."""

from __future__ import annotations

import ast
import inspect
from typing import Dict, Set, Tuple

from bfxsync.client import Client
from bfxsync.compat.migrate.names import INPUTS, OFFICIAL, OURS, WSS
from bfxsync.compat.migrate.program import Program
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.merchant import MerchantEndpoints
from bfxsync.rest.public import PublicEndpoints
from bfxsync.ws.client import WebSocketClient
from bfxsync.ws.dispatch.events import EVENTS
from bfxsync.ws.inputs import Inputs

_CLASSES: Dict[Tuple[str, ...], type] = {
    WSS: WebSocketClient,
    INPUTS: Inputs,
    ("rest", "public"): PublicEndpoints,
    ("rest", "auth"): AuthEndpoints,
    ("rest", "merchant"): MerchantEndpoints,
}

_CLIENTS = (f"{OFFICIAL}.Client", f"{OURS}.Client")

_HINTS = {
    "open": "wss.status is a ConnectionStatus",
    "authentication": "wss.wait_authenticated() waits for it",
    "log_filename": "logging.basicConfig(filename=…) writes the log.",
    "log_level": "logging.basicConfig(level=…) sets it.",
    "wss_timeout": "reconnecting goes on until close().",
}


def report_calls(program: Program) -> None:
    """Report names that the client does not have, and arguments with another meaning."""
    for node in ast.walk(program.source.tree):
        if isinstance(node, ast.Attribute):
            _report_attribute(program, node)
        elif isinstance(node, ast.Call):
            if program.names.dotted(node.func) in _CLIENTS:
                _report_arguments(program, node)
            elif program.is_registration(node):
                _report_event(program, node)


def _report_attribute(program: Program, node: ast.Attribute) -> None:
    if node.attr == "ws" and program.names.made_by(node.value) in _CLIENTS:
        text = "Client.ws is of versions before 3, whose methods had other names."
        program.source.report(node, text)
    part = program.names.client_part(node.value)
    if part in _CLASSES and not hasattr(_CLASSES[part], node.attr):
        hint = _HINTS.get(node.attr, "see docs/howto/moving.rst")
        text = f"{'.'.join(part)}.{node.attr} stays: bfxsync has no such name; {hint}."
        program.source.report(node, text)


def _report_arguments(program: Program, call: ast.Call) -> None:
    known = _client_arguments()
    for keyword in call.keywords:
        if keyword.arg is None:
            continue
        at = program.source.start(keyword.value)
        if keyword.arg == "timeout":
            text = (
                "timeout is that of each call here; reconnecting goes on until close()."
            )
            program.source.report(at, text, is_left=False)
        elif keyword.arg not in known:
            lower = keyword.arg.lower()
            likely = (
                f"is it {lower}?" if lower in known else "see docs/howto/moving.rst."
            )
            hint = _HINTS.get(keyword.arg, likely)
            program.source.report(at, f"Client has no argument {keyword.arg}: {hint}")


def _report_event(program: Program, call: ast.Call) -> None:
    events = [
        node
        for node in call.args
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    for event in events:
        if event.value not in EVENTS:
            program.source.report(event, f"bfxsync has no event {event.value!r}.")
    if len(events) > 1:
        # Those of version 3.
        text = "wss.on takes one event: register the function for each."
        program.source.report(events[1], text)


def _client_arguments() -> Set[str]:
    return {
        name
        for each in (Client, WebSocketClient)
        for name, parameter in inspect.signature(each).parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD
    }
