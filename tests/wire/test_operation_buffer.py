"""Operations that wait for others, to be sent in one message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bfxsync.wire.commands import SendOperations
from bfxsync.wire.inputs import MOST_OPERATIONS
from bfxsync.wire.operation_buffer import OperationBuffer
from bfxsync.wire.operations import Operation


def command(*tokens, until=None, expires=10.0, may_queue=False):
    operations = tuple(Operation(token, "on", {}) for token in tokens)
    return SendOperations(operations, expires, may_queue, until)


def tokens(commands):
    return [[op.token for op in each.operations] for each in commands]


def test_operations_without_delay_pass_through():
    buffer, one = OperationBuffer(), command(1)
    assert buffer.add(one) == [one]
    assert buffer.deadline() is None and buffer.due(9.0) == []


def test_operations_wait_for_the_earliest_deadline_together():
    buffer = OperationBuffer()
    assert buffer.add(command(1, until=3.0, expires=20.0)) == []
    assert buffer.add(command(2, 3, until=2.0, expires=15.0)) == []
    assert buffer.add(command(4, until=4.0)) == []
    assert buffer.deadline() == 2.0 and buffer.due(1.9) == []
    (merged,) = buffer.due(2.0)
    assert tokens([merged]) == [[1, 2, 3, 4]]
    assert (merged.expires, merged.may_queue, merged.buffer_until) == (10, False, None)
    assert buffer.deadline() is None and buffer.flush() == []


def test_operation_without_delay_overtakes_nothing():
    buffer = OperationBuffer()
    buffer.add(command(1, until=3.0))
    assert tokens(buffer.add(command(2))) == [[1], [2]]


def test_full_message_does_not_wait():
    buffer = OperationBuffer()
    buffer.add(command(*range(MOST_OPERATIONS - 1), until=3.0))
    assert tokens(buffer.add(command("last", until=3.0))) == [
        [*range(MOST_OPERATIONS - 1), "last"]
    ]


def test_operations_that_do_not_fit_start_the_next_message():
    buffer = OperationBuffer()
    buffer.add(command(*range(MOST_OPERATIONS - 1), until=3.0))
    (first,) = buffer.add(command("a", "b", until=4.0))
    assert len(first.operations) == MOST_OPERATIONS - 1
    assert buffer.deadline() == 4.0 and tokens(buffer.flush()) == [["a", "b"]]


def test_only_those_that_may_queue_do():
    buffer = OperationBuffer()
    for number, may_queue in enumerate((False, True, True, False)):
        buffer.add(command(number, until=3.0, may_queue=may_queue))
    found = buffer.flush()
    assert tokens(found) == [[0], [1, 2], [3]]
    assert [each.may_queue for each in found] == [False, True, False]


@given(
    st.lists(
        st.tuples(st.integers(1, MOST_OPERATIONS), st.none() | st.floats(0, 9)),
        max_size=30,
    )
)
def test_no_operation_is_lost_repeated_or_overtaken(steps):
    buffer, out, count = OperationBuffer(), [], 0
    for size, until in steps:
        out += buffer.add(command(*range(count, count + size), until=until))
        count += size
    out += buffer.flush()
    assert sum(tokens(out), []) == list(range(count))
    assert all(len(each.operations) <= MOST_OPERATIONS for each in out)
