from __future__ import annotations

from bfxsync.paper.server.rest.app import RateLimits


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_one_request_too_many_blocks_its_group_for_a_minute() -> None:
    clock = Clock()
    limits = RateLimits(60, clock)
    assert [limits.admits("me", "trades", 3) for _ in range(4)] == [1, 1, 1, 0]
    assert limits.admits("me", "book", 3)
    assert limits.admits("you", "trades", 3)
    clock.now += 59.9
    assert not limits.admits("me", "trades", 3)
    clock.now += 0.1
    assert [limits.admits("me", "trades", 3) for _ in range(4)] == [1, 1, 1, 0]


def test_a_minute_is_any_sixty_seconds() -> None:
    clock = Clock()
    limits = RateLimits(60, clock)
    for _ in range(50):
        clock.now += 20
        assert limits.admits("me", "trades", 3)
    clock.now += 19.9
    assert not limits.admits("me", "trades", 3)
