"""
Parser of ``.env`` files.

Strategy: lines are read as by a shell, but nothing is expanded or executed. Other variables may
have values of several lines, in which names must not match. No frame that raises holds a value.
"""

from __future__ import annotations

import re
from typing import Collection, Dict, Iterator, NamedTuple, Optional

from bfxsync._base.hidden import hide
from bfxsync.errors import UsageError

_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_QUOTED = re.compile(
    r"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)")[ \t]*(?:[ \t]\#[^\n]*)?(?=\n|\Z)""",
    re.DOTALL | re.VERBOSE,
)
_COMMENT = re.compile(r"(?:^|[ \t])#.*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class _Variable(NamedTuple):
    name: str
    line: int
    value: str
    problem: Optional[str] = None


def variables_in(text: str, names: Collection[str]) -> Dict[str, str]:
    """
    Return the masked values of some variables of a ``.env`` file, without empty ones.

    Raises
    ------
    UsageError
        A variable is set twice or is malformed; the message has its line, not its value.
    """
    text = hide(text)
    found: Dict[str, _Variable] = {}
    for variable in _variables(text):
        name, line = variable.name, variable.line
        if name not in names:
            continue
        if name in found:
            first = found[name].line
            raise UsageError(f"{name} is set twice, in lines {first} and {line}")
        if variable.problem is not None:
            raise UsageError(f"{name} in line {line} {variable.problem}")
        found[name] = variable
    return {name: each.value for name, each in found.items() if each.value}


def _variables(text: str) -> Iterator[_Variable]:
    """Yield all variables; never raises."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    at, line = 0, 1
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        name = _NAME.match(text, at, end)
        if name is not None:
            quoted = _QUOTED.match(text, name.end())
            if quoted is not None:
                yield _quoted(name[1], line, quoted)
                end = quoted.end()
            else:
                yield _bare(name[1], line, text[name.end() : end])
        line += text.count("\n", at, end) + 1
        at = end + 1


def _quoted(name: str, line: int, quoted: re.Match[str]) -> _Variable:
    plain, escaped = quoted.groups()
    if escaped is None:
        return _Variable(name, line, hide(plain))
    return _checked(name, line, _ESCAPED.sub(r"\1", escaped))


def _bare(name: str, line: int, value: str) -> _Variable:
    value = _COMMENT.sub("", value).strip()
    if value[:1] in ("'", '"'):
        return _Variable(name, line, hide(""), "has no closing quote, or text after it")
    return _checked(name, line, value)


def _checked(name: str, line: int, value: str) -> _Variable:
    problem = None
    if "$" in value or "`" in value:
        problem = "has a $ or ` that a shell would expand; use single quotes to keep it as it is"
    return _Variable(name, line, hide(value), problem)
