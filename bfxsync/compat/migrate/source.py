"""
The text of a program, its syntax tree, and small edits of the text.

Strategy: the tree says what to change and where, but is never printed: only the characters of an
edit change, so that comments, line ends and formatting stay.
"""

from __future__ import annotations

import ast
import bisect
import operator
import re
import sys
import warnings
from typing import Dict, Iterator, List, Optional, Tuple

import attrs

_NEWLINE = re.compile(r"\r\n|\r|\n")
_BLANK = re.compile(r"(?:[ \t]|\\\r?\n)*")
_REST_OF_LINE = re.compile(r"[ \t]*(#[^\r\n]*)?(\r\n|\r|\n|\Z)")

# As attributes, which type checkers do not know of all nodes.
_START = operator.attrgetter("lineno", "col_offset")
_END = operator.attrgetter("end_lineno", "end_col_offset")

# Before Python 3.12 the tree has wrong positions inside f-strings.
HAS_F_STRING_POSITIONS = sys.version_info >= (3, 12)


@attrs.frozen(order=True)
class Finding:
    """
    Something that a person must look at.

    Attributes
    ----------
    at : int
        Its position in the text before the edits.
    text : str
        ``{place}`` in it stands for `place`.
    is_left : bool
        Whether it must be changed by hand; False: it was changed, and behaves differently.
    place : tuple of SourceText and int, optional
        The file and position of what has caused it.
    """

    at: int
    text: str
    is_left: bool = True
    place: Optional[Tuple[SourceText, int]] = attrs.field(default=None, eq=False)


class SourceText:
    """
    One program.

    Attributes
    ----------
    tree : ast.Module
    parents : dict
        The parent of each node of the tree.

    Raises
    ------
    SyntaxError
        The text is not valid Python.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tree: ast.Module = ast.parse(text, path)
        self.parents: Dict[ast.AST, ast.AST] = {}
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
        self._starts = [0, *(match.end() for match in _NEWLINE.finditer(text))]
        self._edits: Dict[Tuple[int, int], str] = {}
        self._findings: Dict[Finding, None] = {}

    # --- positions ----------------------------------------------------------------------------

    def start(self, node: ast.AST) -> int:
        """Return the position of the first character of a node, without its decorators."""
        return self._position(*_START(node))

    def end(self, node: ast.AST) -> int:
        """Return the position after a node."""
        return self._position(*_END(node))

    def code(self, node: ast.AST) -> str:
        """Return the text of a node."""
        return self.text[self.start(node) : self.end(node)]

    def line(self, at: int) -> int:
        """Return the number of the line of a position, from 1."""
        return bisect.bisect_right(self._starts, at)

    def line_after(self, at: int) -> int:
        """Return the number that the line of a position has after the edits."""
        text, shift = self.text, 0
        for (start, end), new in self._edits.items():
            if end <= at:
                shift += _count_lines(new) - _count_lines(text[start:end])
        return self.line(at) + shift

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Iterate over the nodes around a node, from the inside."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def is_editable(self, node: ast.AST) -> bool:
        """Return whether the position of a node is known."""
        return HAS_F_STRING_POSITIONS or not any(
            isinstance(each, ast.JoinedStr) for each in self.ancestors(node)
        )

    def _position(self, line: int, column: int) -> int:
        """Convert a position of the tree, which counts bytes of UTF-8."""
        start = self._starts[line - 1]
        if self.text.isascii():
            return start + column
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        return start + len(self.text[start:end].encode()[:column].decode())

    # --- edits --------------------------------------------------------------------------------

    def replace(self, start: int, end: int, new: str) -> None:
        """Replace a part of the text; parts never overlap."""
        self._edits[start, end] = new

    def delete_word(self, at: int, word: str) -> None:
        """Delete a keyword and the blanks after it."""
        assert self.text.startswith(word, at), (self.path, at, word)
        match = _BLANK.match(self.text, at + len(word))
        assert match is not None
        self.replace(at, match.end(), "")

    def replace_statement(self, node: ast.stmt, new: str) -> None:
        """Replace a statement; by nothing: delete its line, but not the comment at its end."""
        start, end = self.start(node), self.end(node)
        if new:
            self.replace(start, end, new)
            return
        line_start = self._starts[self.line(start) - 1]
        rest = _REST_OF_LINE.match(self.text, end)
        is_alone = not self.text[line_start:start].strip() and rest is not None
        if rest is None or not is_alone or self._is_only(node):
            self.replace(start, end, "pass")
        elif rest.group(1):
            self.replace(start, rest.start(1), "")
        else:
            self.replace(line_start, rest.end(), "")

    def _is_only(self, node: ast.stmt) -> bool:
        """Return whether a block has no other statement."""
        parent = self.parents[node]
        blocks = (getattr(parent, name, ()) for name in ("body", "orelse", "finalbody"))
        return not isinstance(parent, ast.Module) and any(
            [*b] == [node] for b in blocks
        )

    def result(self) -> str:
        """Return the text after all edits."""
        parts, at = [], 0
        for (start, end), new in sorted(self._edits.items()):
            assert start >= at, (self.path, start, new)
            parts += [self.text[at:start], new]
            at = end
        return "".join([*parts, self.text[at:]])

    # --- findings -----------------------------------------------------------------------------

    def report(
        self,
        where: ast.AST | int,
        text: str,
        is_left: bool = True,
        place: Tuple[SourceText, int] | None = None,
    ) -> None:
        """Add a finding about a node or a position, once."""
        at = where if isinstance(where, int) else self.start(where)
        self._findings[Finding(at, text, is_left, place)] = None

    def findings(self, is_after: bool = False) -> List[Tuple[int, str, bool]]:
        """Return line, text and `is_left` of the findings, with the lines before or after edits."""
        found = []
        for finding in sorted(self._findings):
            text = finding.text
            if finding.place is not None:
                source, at = finding.place
                line = source.line_after(at) if is_after else source.line(at)
                place = f"line {line}" if source is self else f"{source.path}:{line}"
                text = text.replace("{place}", place)
            line = self.line_after(finding.at) if is_after else self.line(finding.at)
            found.append((line, text, finding.is_left))
        return found


def _count_lines(text: str) -> int:
    return len(_NEWLINE.findall(text))
