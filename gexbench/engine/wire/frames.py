"""Frames between processes: a length, then safetensors bytes whose metadata is a small JSON header.

Nothing that comes in is unpickled; a frame that is too long, not safetensors, or of another protocol ends the
connection.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

LONGEST = 1 << 30
Wait = Callable[[int], float]
"""From how many bytes of a frame were carried to seconds to wait for more before asking again; raises when over."""
PROTOCOL = 1
"""Goes up with every change of wire/messages.py that an older process would misread."""


MOST_TENSORS = 16
DTYPES = frozenset({"BOOL", "U8", "I32", "I64", "BF16", "F16", "F32", "F64"})


@dataclass(frozen=True)
class Bounds:
    """What may come in at one end, in bytes, looked at before anything is read or parsed: a frame, its header."""

    frame: int = LONGEST
    header: int = 1 << 26


STRANGERS = 1 << 20
"""The longest header, and the longest frame without images, that is read of who is not trusted."""


class BrokenFrame(Exception):
    """The other side sent something that is not a frame, or went away in the middle of one."""


@dataclass(frozen=True)
class Frame:
    """What is asked or answered: an operation, plain values, and tensors by name."""

    op: str
    values: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame, length first."""
    header = {"gexbench": json.dumps({"protocol": PROTOCOL, "op": frame.op, "values": dict(frame.values)})}
    body = safetensors.torch.save({name: t.contiguous() for name, t in frame.tensors.items()}, metadata=header)
    return struct.pack("<Q", len(body)) + body


def decode(body: bytes, longest_header: int = Bounds.header) -> Frame:
    """Return the frame in `body` (without the length); raises BrokenFrame."""
    try:
        (length,) = struct.unpack_from("<Q", body)
        if length > longest_header:
            raise BrokenFrame(f"not a frame: a header of {length} bytes (at most {longest_header})")
        columns = json.loads(body[8 : 8 + length])
        header = json.loads(columns.pop("__metadata__")["gexbench"])
        if len(columns) > MOST_TENSORS or not DTYPES.issuperset(tensor["dtype"] for tensor in columns.values()):
            raise BrokenFrame(f"not a frame: more than {MOST_TENSORS} tensors, or of a type that no message has")
        spoken, frame = header["protocol"], Frame(str(header["op"]), dict(header["values"]), {})
        if spoken == PROTOCOL:
            return Frame(frame.op, frame.values, safetensors.torch.load(body))
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, SafetensorError, RecursionError) as error:
        raise BrokenFrame(f"not a frame: {type(error).__name__}") from None
    raise BrokenFrame(f"a frame of protocol {ascii(spoken)[:20]}, and this gexbench speaks protocol {PROTOCOL}")


class Channel:
    """One end of a socket pair that carries frames."""

    def __init__(self, end: socket.socket, bounds: Bounds | None = None) -> None:
        self.end, self.bounds = end, bounds or Bounds()

    @classmethod
    def inherited(cls, fd: int) -> Channel:
        """Return the channel on a file descriptor this process was started with."""
        return cls(socket.socket(fileno=fd))

    def fileno(self) -> int:
        """Return the descriptor, so that `select` takes a channel."""
        return self.end.fileno()

    def send(self, frame: Frame, wait: Wait | None = None) -> None:
        """Send one frame; raises BrokenFrame when the other side is gone, and what `wait` raises.

        wait: None for as long as it takes, for who trusts the other side; an end is used one way or the other.
        """
        rest, sent = memoryview(encode(frame)), 0
        while sent < len(rest):
            sent += self._step(self.end.send, rest, sent, wait)

    def receive(self, wait: Wait | None = None) -> Frame | None:
        """Return the next frame, or None when the other side closed between frames; raises as `send`."""
        head = self._exactly(8, wait, may_end=True)
        if head is None:
            return None
        (length,) = struct.unpack("<Q", head)
        if length > self.bounds.frame:
            raise BrokenFrame(f"a frame of {length} bytes (at most {self.bounds.frame})")
        return decode(self._exactly(length, wait) or b"", self.bounds.header)

    def _exactly(self, count: int, wait: Wait | None, may_end: bool = False) -> bytes | None:
        buffer = bytearray(count)
        view, got = memoryview(buffer), 0
        while got < count:
            n = self._step(self.end.recv_into, view, got, wait)
            if n == 0:
                if may_end and got == 0:
                    return None
                raise BrokenFrame("the other side went away in the middle of a frame")
            got += n
        return bytes(buffer)

    def _step(self, carry: Callable[[memoryview], int], frame: memoryview, carried: int, wait: Wait | None) -> int:
        """Return how many more bytes of a frame one call carries, as soon as it carries any."""
        while True:
            if wait is not None:
                self.end.settimeout(wait(carried))
            try:
                return carry(frame[carried:])
            except OSError as error:
                if isinstance(error, TimeoutError) and wait is not None:
                    continue  # it is for `wait` to say that it is over
                raise BrokenFrame(f"the other side is gone ({error.strerror or error})") from None

    def close(self) -> None:
        """Close this end."""
        self.end.close()


def pair() -> tuple[Channel, Channel]:
    """Return the two ends of a new channel."""
    left, right = socket.socketpair()
    return Channel(left), Channel(right)
