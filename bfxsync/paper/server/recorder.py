"""
Writes the journal, and restores the accounts from its file.

Strategy: a step is a request with its response, or the changes that a market causes in one turn of
the event loop. It becomes one line, which is written before any of it is sent: a response, a block
of frames, the result of a call from another thread. The line has entries for people to read, and
the resulting changes of accounts, keys and ids; only these changes are restored. Requests are not
executed again, because the markets have moved and results would differ from the responses that
clients got. Markets are not in the journal: they start from the beginning, and make room for the
open orders.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import partial
from typing import Any, Callable, Deque, Iterator, Mapping, NamedTuple

import attrs

from bfxsync.errors import UsageError
from bfxsync.paper.engine import account_state
from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.account_state import AccountChanges
from bfxsync.paper.engine.ids import IdSequences
from bfxsync.paper.engine.units import Row
from bfxsync.paper.journal import (
    ANSWER,
    EVENT,
    KEPT,
    REQUEST,
    Journal,
    JournalEntry,
    plain,
)
from bfxsync.paper.journal_file import JournalFile, Line
from bfxsync.paper.server.keys import KeyStore

_log = logging.getLogger(__name__)

Answer = Callable[[object], None]

_WITHOUT = "token"


class NotRecorded(UsageError):
    """The journal cannot be written, so executed requests must not be acknowledged."""


class Saved(NamedTuple):
    """
    The state restored from a file.

    Attributes
    ----------
    accounts : dict of Account
        By key, in the order of the settings.
    keys : dict
        See `KeyStore.state`.
    trade_ids : dict
        The largest trade id by symbol.
    """

    accounts: dict[str, Account]
    keys: dict[str, Row]
    trade_ids: dict[str, int]


class Recorder:
    """
    The writer of the journal, in memory and, if there is one, in its file.

    Parameters
    ----------
    call_soon : callable
        Calls a function at the end of a step other than a request.
    on_failure : callable
        Called if the file can no longer be written: nothing may be sent from then on.
    """

    def __init__(
        self,
        journal: Journal,
        file: JournalFile | None,
        now_mts: Callable[[], int],
        call_soon: Callable[[Callable[[], object]], object] = lambda commit: None,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._journal = journal
        self._file = file
        self._now_mts = now_mts
        self._call_soon = call_soon
        self._on_failure = on_failure
        self._names: dict[Account, str] = {}
        self._entries: list[JournalEntry] = []
        self._number = 0
        self._cause = 0
        self._is_scheduled = False
        self._error: OSError | None = None
        # State that the file has already.
        self._changes: dict[str, AccountChanges] = {}
        self._ids: IdSequences | None = None
        self._written_ids: dict[str, int] = {}
        self._keys: KeyStore | None = None
        self._written_keys: dict[str, Row] = {}

    def restore(self, ids: IdSequences) -> Saved:
        """Return the accounts of the file, and continue its ids; empty without a file."""
        saved = Saved({}, {}, {})
        entries: Deque[Row] = Deque(maxlen=KEPT)
        for line in () if self._file is None else self._file.read():
            for name, user_id, created_mts in line.get("started", ()):
                if name not in saved.accounts:
                    account = Account({}, user_id, ids, self._now_mts)
                    account.created_mts = created_mts
                    saved.accounts[name] = account
            for name, changes in line.get("accounts", {}).items():
                account_state.apply(saved.accounts[name], changes)
                for kind in ("trades", "funding_trades"):
                    for row in changes.get("histories", {}).get(kind, ()):
                        last = saved.trade_ids.get(row[1], 0)
                        saved.trade_ids[row[1]] = max(last, row[0])
            for name, following in line.get("ids", {}).items():
                getattr(ids, name).following = following
            saved.keys.update(line.get("keys", {}))
            entries.extend(line.get("entries", ()))
        account_state.complete(saved.accounts.values())
        self._journal.restart(JournalEntry.from_row(row) for row in entries)
        self._number = self._journal.last_number
        return saved

    def start(
        self,
        names: Mapping[Account, str],
        ids: IdSequences,
        keys: KeyStore,
        saved: Saved,
    ) -> None:
        """Start recording, beginning with the state that the file does not have."""
        self._names = dict(names)
        for account, name in names.items():
            account.listeners.append(partial(self.event, account))
            if self._file is not None:
                self._changes[name] = AccountChanges(account)
                if name in saved.accounts:
                    self._changes[name].take()
        self._ids, self._keys = ids, keys
        if saved.accounts:
            self._written_ids = _numbers(ids)
            self._written_keys = keys.state()
        started = [[n, a.user_id, a.created_mts] for a, n in names.items()]
        self._commit({"started": started})

    @contextmanager
    def request(
        self, account: Account, via: str, name: str, body: object
    ) -> Iterator[Answer]:
        """
        Record a request and, at the end, its effects.

        The yielded function records the response, which may be sent after the end.
        """
        self.commit()
        self._add(account, REQUEST, via, name, _without_tokens(body))
        self._cause = self._number
        if self._changes:
            # Some changes of a request cause no event.
            self._changes[self._names[account]].is_pending = True
        try:
            yield partial(self._add, account, ANSWER, via, name)
        finally:
            self._cause = 0
            self._commit()

    def refused(
        self, account: Account | None, via: str, name: str, answer: object
    ) -> None:
        """Record a request with invalid authentication, if it names an account."""
        if account is not None:
            with self.request(account, via, name, None) as record:
                record(answer)

    def event(self, account: Account, code: str, row: Row) -> None:
        """Record an event of the account channel."""
        self._add(account, EVENT, "", code, row)
        if not self._is_scheduled:
            self._is_scheduled = True
            self._call_soon(self.can_commit)

    def commit(self) -> None:
        """
        Write all recorded steps, before any of their results is sent.

        Raises
        ------
        NotRecorded
            The file cannot be written, or a previous write failed.
        """
        if self._entries or self._error or self._has_changes():
            self._commit()

    def can_commit(self) -> bool:
        """Commit, and return whether that was possible."""
        try:
            self.commit()
        except NotRecorded:
            return False
        return True

    def _add(
        self, account: Account, kind: str, via: str, name: str, data: object
    ) -> None:
        self._number += 1
        entry = JournalEntry(
            number=self._number,
            mts=self._now_mts(),
            account=self._names[account],
            kind=kind,
            via=via,
            name=name,
            data=plain(data),
            cause=self._cause,
        )
        self._entries.append(entry)

    def _has_changes(self) -> bool:
        return any(changes.is_pending for changes in self._changes.values())

    def _commit(self, line: Line = {}) -> None:
        self._is_scheduled = False
        if self._error is not None:
            raise NotRecorded(f"the journal cannot be written: {self._error}")
        if self._file is not None:
            try:
                self._file.write({"mts": self._now_mts(), **line, **self._line()})
            except OSError as exc:
                self._error = exc
                _log.error(
                    "the journal cannot be written, nothing is answered: %s", exc
                )
                self._on_failure()
                raise NotRecorded(f"the journal cannot be written: {exc}") from exc
        entries, self._entries = self._entries, []
        self._journal.add(entries)

    def _line(self) -> Line:
        assert self._ids is not None and self._keys is not None
        accounts = {
            name: found
            for name, changes in self._changes.items()
            if changes.is_pending
            for found in [changes.take()]
            if found
        }
        ids, keys = _numbers(self._ids), self._keys.state()
        line: Line = {
            "entries": [entry.row() for entry in self._entries],
            "accounts": accounts,
            "ids": _changed(ids, self._written_ids),
            "keys": _changed(keys, self._written_keys),
        }
        self._written_ids, self._written_keys = ids, keys
        return {name: value for name, value in line.items() if value}


def _numbers(ids: IdSequences) -> dict[str, int]:
    return {
        field.name: getattr(ids, field.name).following
        for field in attrs.fields(IdSequences)
    }


def _changed(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are new or changed, and None for removed ones."""
    found = {name: value for name, value in now.items() if before.get(name) != value}
    found.update(dict.fromkeys(before.keys() - now.keys()))
    return found


def _without_tokens(body: object) -> object:
    if not isinstance(body, dict):
        return body
    return {name: value for name, value in body.items() if name != _WITHOUT}
