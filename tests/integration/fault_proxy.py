"""
A TCP proxy that spoils connections, as a test tells it; TLS goes through it untouched.

Strategy: one thread with one selector. What a test asks for is done on that thread between two
blocks, so it is in force when the call returns. A fault that needs a place in the stream is a
mark at an offset: bytes before it go through, then it happens, at exactly that byte.
"""

from __future__ import annotations

import re
import selectors
import socket
import struct
import threading
import time
from collections import Counter, deque
from concurrent.futures import Future
from functools import partial
from typing import Any, Callable, Deque, Optional, Sequence, TypeVar

import attrs

from .bare_server import DEADLINE_S
from .fault_flow import BOTH, DOWN, UP, Conditions, Watch
from .fault_link import Link, Tap

__all__ = ["BOTH", "DOWN", "UP", "FaultProxy"]

T = TypeVar("T")

REFUSALS = ("fin", "reset", "absent")


class FaultProxy:
    """
    A proxy on loopback in front of a server on loopback.

    Directions are `UP` (from the client), `DOWN` (from the server), or `BOTH`.

    Parameters
    ----------
    port : int
        Of the server.
    tap : callable, optional
        Called with the link and each block that its client has sent.

    Attributes
    ----------
    port : int
        Where it listens.
    counts : Counter
        How often each fault took effect, by the name of its method: blocks that were delayed or
        kept back, pieces that were cut off, connections that were ended or refused. ``absent``
        counts how often it began not to listen, as what the kernel refuses is not seen here;
        ``accept`` counts connections.
    """

    def __init__(self, port: int, tap: Optional[Tap] = None) -> None:
        self.counts: Counter[str] = Counter()
        self._server_port = port
        self._tap = tap
        self._links: list[Link] = []
        self._conditions = {direction: Conditions() for direction in BOTH}
        self._watches: list[Watch] = []
        self._next_cuts: Deque[tuple[Optional[int], str]] = deque()
        self._refusal: Optional[str] = None
        self._refused: list[socket.socket] = []
        self._is_closing = False
        # Protects the counts while somebody waits for them.
        self._changed = threading.Condition()
        self._calls: Deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._selector = selectors.DefaultSelector()
        self._masks: dict[socket.socket, int] = {}
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        # Never listens: it keeps the port while the listener is away.
        self._holder = _bound(0)
        self.port: int = self._holder.getsockname()[1]
        self._listener: Optional[socket.socket] = None
        self._listen()
        self._thread = threading.Thread(target=self._run, name="test-fault-proxy")
        self._thread.start()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything; twice is fine."""
        self._is_closing = True
        if not self._thread.is_alive():
            return
        self._wake_out.send(b"\0")
        self._thread.join(DEADLINE_S)
        for link in self._links:
            link.close()
        if self._listener is not None:
            self._listener.close()
        for sock in (*self._refused, self._holder, self._wake_in, self._wake_out):
            sock.close()
        self._selector.close()

    def url(self, url: str) -> str:
        """Return the address of the server's that leads through here."""
        return re.sub(r":\d+", f":{self.port}", url, count=1)

    def wait_for(
        self, name: str, count: int = 1, timeout_s: float = DEADLINE_S
    ) -> None:
        """Wait until something was counted so often."""
        with self._changed:
            came = self._changed.wait_for(lambda: self.counts[name] >= count, timeout_s)
        assert came, f"{self.counts[name]} of {count} {name} within {timeout_s} s"

    def passed(self, direction: str = DOWN) -> int:
        """Return how many bytes have gone through the newest connection."""
        return self._call(lambda: self._links[-1].flows[direction].passed)

    def round_trips(self) -> int:
        """
        Return how many round trips the client of the newest connection has made so far.

        TCP's own is one. Those of TLS count if the server sends no tickets, which nobody waits for.
        """
        return self._call(lambda: self._links[-1].round_trips)

    # --- conditions: of all connections, those to come too -----------------------------------

    def delay(
        self, seconds: float, jitter_s: float = 0.0, directions: Sequence[str] = BOTH
    ) -> None:
        """Hold every block back for a while, and a random while more."""
        self._change(directions, delay_s=seconds, jitter_s=jitter_s)

    def slice(
        self, size: int, pause_s: float = 0.0, directions: Sequence[str] = BOTH
    ) -> None:
        """Send pieces of this size at the most, with pauses between them."""
        self._change(directions, slice_size=size, pause_s=pause_s)

    def limit(self, bytes_per_s: float, directions: Sequence[str] = BOTH) -> None:
        """Limit the bandwidth of each connection and direction."""
        self._change(directions, bytes_per_s=bytes_per_s)

    def stop(self, directions: Sequence[str] = BOTH, *, new: bool = True) -> None:
        """
        Let nothing through, not even an end; what comes is kept until `resume`.

        Without `new` the connections to come are as they ever were.
        """
        self._do("stop", directions=directions)
        if new:
            self._change(directions, is_stopped=True)

    def resume(self) -> None:
        """Let through again what was stopped."""
        self._change(BOTH, is_stopped=False)

    def end_stopped(self) -> None:
        """End connections that are stopped with RST; what was kept of them arrives nowhere."""

        def end() -> None:
            for link in self._links:
                if any(flow.conditions.is_stopped for flow in link.flows.values()):
                    link.reset()

        self._call(end)

    def refuse(self, how: str = "absent") -> None:
        """Refuse connections: `absent` does not listen; `fin`, `reset` end them at once."""
        assert how in REFUSALS

        def refuse() -> None:
            self._refusal = how
            if how == "absent" and self._listener is not None:
                self._count("absent")
                self._selector.unregister(self._listener)
                self._listener.close()
                self._listener = None

        self._call(refuse)

    def accept(self) -> None:
        """Accept connections again."""

        def accept() -> None:
            self._refusal = None
            if self._listener is None:
                self._listen()

        self._call(accept)

    def clear(self) -> None:
        """Let everything be as without faults, for connections that still are."""
        self._call(self._watches.clear)
        self._change(BOTH, **attrs.asdict(Conditions()))
        self.accept()

    # --- ends: of the connections that there are ---------------------------------------------

    def reset(self) -> None:
        """End connections with RST, to both sides."""
        self._do("reset")

    def fin(self) -> None:
        """End connections with FIN, to both sides."""
        self._do("fin")

    def half_close(self, direction: str = DOWN) -> None:
        """End one direction with FIN; the other goes on."""
        self._do("half_close", direction=direction)

    def cut_after(self, count: int, how: str = "reset") -> None:
        """End connections after exactly so many more bytes of the server: RST, FIN, half-close."""

        def cut() -> None:
            for link in self._links:
                flow = link.flows[DOWN]
                flow.mark(flow.passed + count, partial(link.cut, how))

        self._call(cut)

    def cut_next_after(self, count: Optional[int], how: str = "reset") -> None:
        """
        End the next connection after so many bytes; called again, the one after it.

        None spares that one.
        """
        self._call(lambda: self._next_cuts.append((count, how)))

    def cut_now(self) -> None:
        """Let happen at once what waits for more bytes."""

        def hasten() -> None:
            for link in self._links:
                link.flows[DOWN].hasten()

        self._call(hasten)

    def at(
        self,
        pattern: bytes,
        fault: str,
        *,
        direction: str = DOWN,
        is_after: bool = False,
        times: int = 1,
        **options: Any,
    ) -> None:
        """
        Do something to a connection just before, or after, what matches a regular expression.

        Parameters
        ----------
        pattern : bytes
            Of at most 1,000 bytes of text; it is looked for in what comes from now on, in all
            connections.
        fault : str
            A method of `Link`: ``reset``, ``fin``, ``half_close``, ``stop``, ``delay``,
            ``slice``, ``limit``, ``insert``, and before a frame of the server ``repeat`` and
            ``overtake``; with its options.
        times : int
            Over all connections.
        """
        watch = Watch(
            re.compile(pattern, re.DOTALL),
            direction,
            lambda link: getattr(link, fault)(**options),
            is_after,
            times,
        )

        def look() -> None:
            for link in self._links:
                link.flows[direction].look_for(watch)
            self._watches.append(watch)

        self._call(look)

    # --- within ---------------------------------------------------------------------------------

    def _do(self, fault: str, **options: Any) -> None:
        self._call(lambda: [getattr(link, fault)(**options) for link in self._links])

    def _change(self, directions: Sequence[str], **values: Any) -> None:
        def change() -> None:
            for direction in directions:
                conditions = self._conditions[direction]
                self._conditions[direction] = attrs.evolve(conditions, **values)
            for link in self._links:
                link.change(directions, **values)

        self._call(change)

    def _call(self, function: Callable[[], T]) -> T:
        """Have the thread do something, and wait for it."""
        done: Future[T] = Future()
        self._calls.append((function, done))
        self._wake_out.send(b"\0")
        return done.result(DEADLINE_S)

    def _count(self, name: str) -> None:
        with self._changed:
            self.counts[name] += 1
            self._changed.notify_all()

    def _listen(self) -> None:
        self._listener = _bound(self.port)
        self._listener.listen(128)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)

    # --- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._is_closing:
            for key, mask in self._selector.select(self._timeout_s()):
                if key.fileobj is self._wake_in:
                    self._wake_in.recv(4096)
                elif key.fileobj is self._listener:
                    self._take_connection()
                else:
                    self._serve(key.fileobj, mask)
            while self._calls:
                function, done = self._calls.popleft()
                try:
                    done.set_result(function())
                except Exception as exc:
                    done.set_exception(exc)
            for link in list(self._links):
                if not link.is_closed:
                    link.push()
                self._look_at(link)

    def _timeout_s(self) -> Optional[float]:
        flows = (flow for link in self._links for flow in link.flows.values())
        times = [due for due in (flow.due for flow in flows) if due is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _serve(self, sock: Any, mask: int) -> None:
        for link in self._links:
            for flow in link.flows.values():
                if link.is_closed:
                    return
                if flow.source is sock and mask & selectors.EVENT_READ:
                    flow.take()
                if flow.sink is sock and mask & selectors.EVENT_WRITE:
                    flow.is_blocked = False

    def _look_at(self, link: Link) -> None:
        """Watch what the flows of a link wait for."""
        up, down = link.flows[UP], link.flows[DOWN]
        for outgoing, incoming in ((up, down), (down, up)):
            sock = outgoing.source
            mask = 0
            if not link.is_closed:
                mask |= selectors.EVENT_READ if outgoing.wants_read else 0
                mask |= selectors.EVENT_WRITE if incoming.is_blocked else 0
            before = self._masks.get(sock, 0)
            if mask == before:
                continue
            if not before:
                self._selector.register(sock, mask)
            elif mask:
                self._selector.modify(sock, mask)
            else:
                self._selector.unregister(sock)
            self._masks[sock] = mask
            if link.is_closed:
                del self._masks[sock]
        if link.is_closed:
            self._links.remove(link)

    def _take_connection(self) -> None:
        assert self._listener is not None
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # it has gone away already
        self._count("accept")
        if self._refusal is not None:
            self._count("refuse")
            self._hang_up(client, rudely=self._refusal == "reset")
            return
        try:
            server = socket.create_connection(
                ("127.0.0.1", self._server_port), DEADLINE_S
            )
        except OSError:
            self._hang_up(client, rudely=True)
            return
        link = Link(
            client, server, self._conditions, self._watches, self._count, self._tap
        )
        self._links.append(link)
        if self._next_cuts:
            count, how = self._next_cuts.popleft()
            if count is not None:
                link.flows[DOWN].mark(count, partial(link.cut, how))

    def _hang_up(self, sock: socket.socket, *, rudely: bool) -> None:
        if rudely:
            linger = struct.pack("ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            sock.close()
        else:
            # Not closed: that would send RST after all, if anything came that nobody has read.
            sock.shutdown(socket.SHUT_WR)
            self._refused.append(sock)


def _bound(port: int) -> socket.socket:
    """Return a socket that shares its port with others of this process."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    return sock
