"""Frames: nothing that comes in is trusted."""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Iterator

import pytest
import torch

from gexbench.engine.wire import frames
from gexbench.engine.wire.frames import LONGEST, Bounds, BrokenFrame, Channel, Frame, decode, encode, pair

Ends = tuple[Channel, Channel]


@pytest.fixture
def ends() -> Iterator[Ends]:
    left, right = pair()
    yield left, right
    left.close()
    right.close()


def test_a_frame_arrives_as_it_was_sent(ends: Ends) -> None:
    ours, theirs = ends
    image = torch.arange(12, dtype=torch.uint8).reshape(1, 3, 2, 2)
    ours.send(Frame("query", {"note": "hello", "count": 3}, {"x": image}))
    frame = theirs.receive()
    assert frame is not None
    assert (frame.op, frame.values) == ("query", {"note": "hello", "count": 3})
    assert torch.equal(frame.tensors["x"], image)


def test_a_frame_without_tensors_arrives() -> None:
    assert decode(encode(Frame("ready"))[8:]) == Frame("ready")


def test_a_closed_end_between_frames_is_the_end(ends: Ends) -> None:
    ours, theirs = ends
    ours.close()
    assert theirs.receive() is None


def test_a_closed_end_within_a_frame_is_broken(ends: Ends) -> None:
    ours, theirs = ends
    ours.end.sendall(encode(Frame("ready"))[:-3])
    ours.close()
    with pytest.raises(BrokenFrame, match="middle"):
        theirs.receive()


def test_a_frame_that_claims_to_be_huge_is_refused_before_it_is_read(ends: Ends) -> None:
    ours, theirs = ends
    ours.end.sendall(struct.pack("<Q", LONGEST + 1))
    with pytest.raises(BrokenFrame, match="at most"):
        theirs.receive()


def framed(columns: dict[str, object]) -> bytes:
    """Return the body of a frame with these columns in its header, all of them empty."""
    inner = json.dumps({"protocol": frames.PROTOCOL, "op": "query", "values": {}})
    header = json.dumps({"__metadata__": {"gexbench": inner}, **columns}).encode()
    return struct.pack("<Q", len(header)) + header


def test_a_header_a_number_of_tensors_and_a_type_beyond_the_bounds_are_refused_before_tensors_are_made() -> None:
    empty = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    assert list(decode(framed({"x": empty})).tensors) == ["x"]
    for body, longest in (
        (framed({"x": empty}), 50),
        (framed({f"x{i}": empty for i in range(17)}), 1 << 20),
        (framed({"x": {**empty, "dtype": "F8_E4M3"}}), 1 << 20),
        (framed({"x": 3}), 1 << 20),
    ):
        with pytest.raises(BrokenFrame, match="not a frame: "):
            decode(body, longest)


def test_an_end_takes_no_more_than_its_bounds(ends: Ends) -> None:
    ours, theirs = ends
    theirs.bounds = Bounds(frame=1000, header=200)
    ours.send(Frame("query", {"note": "x" * 500}))
    with pytest.raises(BrokenFrame, match="a header of"):
        theirs.receive()
    ours.send(Frame("query", {"note": "x" * 2000}))
    with pytest.raises(BrokenFrame, match="at most 1000"):
        theirs.receive()


class Bomb:
    """Would speak up if it were unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("a pickle was executed",))


@pytest.mark.parametrize(
    "body", [b"", b"\x00" * 8, b"hello world, this is not a frame", pickle.dumps(Bomb()), struct.pack("<Q", 2) + b"{}"]
)
def test_what_is_not_a_frame_is_broken_and_never_executed(body: bytes) -> None:
    with pytest.raises(BrokenFrame, match="not a frame"):
        decode(body)


def test_a_frame_of_another_protocol_is_refused_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "PROTOCOL", 7)
    newer = encode(Frame("ready"))[8:]
    monkeypatch.undo()
    with pytest.raises(BrokenFrame, match="a frame of protocol 7, and this gexbench speaks protocol 1"):
        decode(newer)


def test_a_protocol_that_is_no_number_is_quoted_harmlessly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "PROTOCOL", "\x1b[2J\n\ud800" + "x" * 500)
    strange = encode(Frame("ready"))[8:]
    monkeypatch.undo()
    with pytest.raises(BrokenFrame, match=r"^a frame of protocol '\\x1b\[2J\\n\\ud800x*, and this") as refused:
        decode(strange)
    assert len(str(refused.value)) < 80
