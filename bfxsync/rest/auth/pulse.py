"""Pulse, the exchange's social network, which the official clients have dropped."""

from __future__ import annotations

import reprlib
from typing import Any, Sequence

from bfxsync._base.aliases import NumberType
from bfxsync.checks.containers import check_items, optional
from bfxsync.checks.options import check_switch
from bfxsync.checks.texts import check_text
from bfxsync.checks.times import Time, page_params
from bfxsync.errors import RemoteError, UsageError
from bfxsync.models.model_list import ModelList
from bfxsync.models.pulse import PulseMessage
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write, deprecated

_HISTORY = Budget("auth/r/pulse/hist", 90)
_ADD = Budget("auth/w/pulse/add", 15)
_DELETE = Budget("auth/w/pulse/del")

_HINT = "get_pulse_history() shows whether it exists"


class PulseEndpoints(SignedEndpoints):
    """
    Pulse, which the official clients have dropped.

    The exchange no longer documents these methods: all are deprecated.
    """

    def get_pulse_history(
        self,
        *,
        is_public: bool | None = None,
        parent: str | None = None,
        limit: int | None = None,
        end: Time = None,
    ) -> ModelList[PulseMessage]:
        """
        Return messages of Pulse, newest first.

        ``POST auth/r/pulse/hist``, 90 requests per minute. Deprecated: official clients dropped it.
        https://github.com/bitfinexcom/bfx-api-node-rest

        Parameters
        ----------
        is_public : bool, optional
            True: messages of all users; otherwise your own.
        parent : str, optional
            Only replies to the message with this `pid`.
        limit : int, optional
            Rows.
        end : int or datetime, optional
            Only older messages: Unix milliseconds, or an aware datetime.
        """
        deprecated("get_pulse_history")
        page = page_params(end=end, limit=limit)
        body = {
            "isPublic": optional(check_switch, "is_public", is_public),
            "parent": optional(check_text, "parent", parent),
            "limit": page["limit"],
            "end": page["end"],
        }
        return self._read_many(_HISTORY, PulseMessage.from_row, body)

    def add_pulse(
        self,
        title: str | None,
        content: str,
        *,
        parent: str | None = None,
        is_public: bool | None = None,
        is_pin: bool | None = None,
        attachments: Sequence[str] | None = None,
    ) -> PulseMessage:
        """
        Post a message on Pulse, at most once.

        ``POST auth/w/pulse/add``, 15 requests per minute. Deprecated: official clients dropped it.
        https://github.com/bitfinexcom/bfx-api-node-rest

        Parameters
        ----------
        title : str or None
            16 to 120 characters; None only for a reply.
        content : str
            Markdown.
        parent : str, optional
            The `pid` of the message that it replies to.
        is_public, is_pin : bool, optional
            Whether the message is visible to all users, and whether it is pinned.
        attachments : list of str, optional
            Pictures in base64.
        """
        deprecated("add_pulse")
        if title is None and parent is None:
            raise UsageError("a message that is not a reply needs a title")
        body = {
            "title": optional(check_text, "title", title),
            "content": check_text("content", content),
            "parent": optional(check_text, "parent", parent),
            "isPublic": optional(check_switch, "is_public", is_public),
            "isPin": optional(check_switch, "is_pin", is_pin),
            "attachments": optional(
                check_items, "attachments", attachments, check_text
            ),
        }
        return self._write(Write(_ADD, PulseMessage.from_row, body, hint=_HINT))

    def delete_pulse(self, pid: str) -> bool:
        """
        Delete a message from Pulse, by its `pid`; True: it was deleted.

        ``POST auth/w/pulse/del``, 10 requests per minute (undocumented).
        https://github.com/bitfinexcom/bfx-api-node-rest

        Deprecated: official clients dropped it.
        """
        deprecated("delete_pulse")
        body = {"pid": check_text("pid", pid)}
        return self._write(Write(_DELETE, _read_deletion, body, hint=_HINT))


def _read_deletion(answer: Any, number: NumberType) -> bool:
    # 1 or 0, or a list that begins with it.
    found = answer[0] if isinstance(answer, list) and answer else answer
    if not isinstance(found, int) or found not in (0, 1):
        raise RemoteError(f"expected 1 or 0, got {reprlib.repr(answer)}", raw=answer)
    return bool(found)
