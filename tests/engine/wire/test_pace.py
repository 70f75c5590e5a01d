"""The pace of a frame: bytes earn time, waiting does not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gexbench.engine.wire import pace
from gexbench.engine.wire.frames import BrokenFrame, Frame, encode, pair
from gexbench.engine.wire.pace import SLOWEST, Pace


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return a clock that stands still but where a test moves it."""
    clock = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: clock.seconds))
    return clock


def test_a_frame_has_its_patience_and_a_second_for_each_mebibyte(now: SimpleNamespace) -> None:
    limit = Pace(10.0)
    now.seconds += 11.5
    assert limit.wait(2 * SLOWEST) == 0.5
    with pytest.raises(BrokenFrame, match="not through after 11 s"):
        limit.wait(SLOWEST)


def test_a_frame_that_comes_nine_bytes_at_a_time_is_given_up(now: SimpleNamespace) -> None:
    ours, theirs = pair()
    told, sent, limit = encode(Frame("query", {"note": "x" * 2000})), 0, Pace(10.0)

    def wait(carried: int) -> float:
        nonlocal sent
        left = limit.wait(carried)
        ours.end.sendall(told[sent : sent + 9])
        sent += 9
        now.seconds += 0.5
        return left

    with pytest.raises(BrokenFrame, match="not through after 10 s"):
        theirs.receive(wait)
    assert 9 < sent < len(told)
    ours.close()
    theirs.close()
