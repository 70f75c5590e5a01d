"""A defense as the service reaches it: in a process of its own, under a bound of time, and held to its contract."""

from __future__ import annotations

import hashlib
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from gexbench.cards.schema import VictimCard
from gexbench.core.defense import MOMENTS
from gexbench.core.images import from_uint8, to_uint8
from gexbench.engine.kinds.endpoint import OpenVictim, Weights
from gexbench.engine.kinds.guard import Way, image_fault
from gexbench.engine.wire.frames import LONGEST, STRANGERS, BrokenFrame, Channel, Frame, decode, encode
from gexbench.engine.wire.guarding import (
    MOST_QUESTIONS,
    AskQuestions,
    Defends,
    DefenseFailed,
    Guarded,
    GuardOne,
    Harden,
    Hardened,
    Judge,
    Judged,
    Questions,
    StartDefense,
)
from gexbench.engine.wire.image_file import unpacked_images
from gexbench.engine.wire.messages import M, Message, read
from gexbench.errors import RunFailed
from gexbench.ownership import Scored

STARTED_WITHIN = 150.0
"""Seconds until a defense is made; its process may still be loading libraries."""
HARDENED_WITHIN = 3600.0
"""Seconds for hardening a victim."""
CHOSEN_WITHIN, CLAIMED_WITHIN = 600.0, 600.0
"""Seconds for choosing what suspects are asked, and for what one model's outputs say."""
BESIDE = 1 << 20
"""Bytes that an answer may have beside its tensor."""


class Silent(Exception):
    """The defense gave no answer; the message says what it did instead, to follow its name."""


@dataclass(frozen=True)
class Bound:
    """What an answer may take: seconds, and bytes."""

    seconds: float
    size: int = BESIDE


class Door(Protocol):
    """Whatever a defense lives behind."""

    def tell(self, order: Message, bound: Bound) -> Frame:
        """Send an order and return the answer, still to be read; raises Silent."""
        ...


class FarDoor:
    """The channel to a defense's process."""

    def __init__(self, channel: Channel) -> None:
        self._end = channel.end

    def tell(self, order: Message, bound: Bound) -> Frame:
        """Send an order and return the answer, all of it within the bound; raises Silent."""
        until = time.monotonic() + bound.seconds
        try:
            self._left(until)
            self._end.sendall(encode(order.frame()))
            (length,) = struct.unpack("<Q", self._exactly(8, until))
            if length > bound.size:
                raise Silent(f"sent {length} bytes, more than the {bound.size} that its answer may have")
            return decode(bytes(self._exactly(length, until)), STRANGERS)
        except TimeoutError:
            raise Silent(f"had not answered after {bound.seconds:g} s") from None
        except BrokenFrame as broken:
            raise Silent(f"sent something else than an answer: {broken}") from None
        except OSError as error:
            raise Silent(f"ended early: its process has gone ({error.strerror or error})") from None

    def _left(self, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._end.settimeout(left)

    def _exactly(self, count: int, until: float) -> bytearray:
        buffer = bytearray(count)
        view, got = memoryview(buffer), 0
        while got < count:
            self._left(until)
            n = self._end.recv_into(view[got:])
            if n == 0:
                raise Silent("ended early: its process has gone")
            got += n
        return buffer


@dataclass(frozen=True)
class Asked:
    """One question on its way through a defense.

    x: as it travels, (1,...). digest: what its chance is seeded by, with the run's seed. count: how many questions the
    service has answered before it.
    """

    x: Tensor
    digest: bytes
    count: int


class Guard:
    """A defense under its card's name; raises RunFailed where it raises, hangs, ends, or returns what it may not.

    moments: those of its methods that do something. patience: seconds for one answer. seed, key: of the run; without
    the key, who knows the seed can draw none of its chance.
    """

    def __init__(self, name: str, door: Door, patience: float, seed: int, key: bytes) -> None:
        self._name, self._door, self._patience, self._seed, self._key = name, door, patience, seed, key
        self.moments: frozenset[str] = frozenset()
        self._waited, self._answers = 0.0, 0

    @property
    def delay(self) -> float | None:
        """Return the seconds that an answer waited for the defense, mean over all that left; None before the first."""
        return self._waited / self._answers if self._answers else None

    def start(self, order: StartDefense) -> None:
        """Have the defense made."""
        told = self._told("", order, Defends, Bound(STARTED_WITHIN))
        self.moments = frozenset(told.moments) & frozenset(MOMENTS)

    def harden(self, card: VictimCard, victim: OpenVictim, owner: Path) -> OpenVictim:
        """Return the victim with the weights that the defense makes of it: its code, and none of the defense's."""
        if "harden" not in self.moments:
            return victim
        own = victim.weights()
        content = torch.frombuffer(bytearray(safetensors.torch.save(dict(own.tensors))), dtype=torch.uint8)
        order = Harden(entry=card.entry, net=card.net, weights=content, owner=owner)
        made = self._told("harden", order, Hardened, Bound(HARDENED_WITHIN, 2 * len(content) + BESIDE))
        try:
            return victim.with_weights(Weights(made.class_path, _tensors(made.weights)))
        except ValueError as error:
            wanted = "the weights alone are deployed, in the victim's own class"
            raise self.fault("harden", f"returned {error}; {wanted}") from None

    def questions(self, order: AskQuestions) -> list[Tensor]:
        """Return what the defense wants suspects to be asked, images (3,h,w) uint8, still to be looked at."""
        made = self._told("questions", order, Questions, Bound(CHOSEN_WITHIN, LONGEST)).images
        try:
            images = unpacked_images(made.numpy().tobytes())
        except (ValueError, TypeError) as error:
            raise self.fault("questions", f"returned {error}") from None
        if len(images) > MOST_QUESTIONS:
            raise self.fault("questions", f"returned {len(images)} questions, more than {MOST_QUESTIONS}")
        return images

    def claim(self, order: Judge) -> Scored:
        """Return what the defense concludes of a model's outputs."""
        return self._told("claim", order, Judged, Bound(CLAIMED_WITHIN)).claim

    def feed(self, way: Way, asked: Asked) -> Tensor:
        """Return what is fed to the victim, as it travels."""
        if way.moment not in self.moments:
            return asked.x
        like = asked.x if asked.x.is_floating_point() else from_uint8(asked.x)
        return way.fed(self._made(way.moment, asked, (None, like), way.fault))

    def leave(self, asked: Asked, y: Tensor) -> Tensor:
        """Return what leaves for an answer (1,3,H,W) uint8, the same."""
        self._answers += 1
        if "guard_output" not in self.moments:
            return y
        return to_uint8(self._made("guard_output", asked, (y, from_uint8(y)), image_fault).clamp(0, 1))

    def _made(
        self, moment: str, asked: Asked, answer: tuple[Tensor | None, Tensor], fault: Callable[[object, Tensor], str]
    ) -> Tensor:
        y, like = answer
        order = GuardOne(moment=moment, x=asked.x, y=y, answered=asked.count, seed=self._chance(asked.digest))
        start = time.perf_counter()
        made = self._told(moment, order, Guarded, Bound(self._patience, 8 * like.numel() + BESIDE)).made
        self._waited += time.perf_counter() - start
        wrong = fault(made, like)
        if wrong:
            raise self.fault(moment, f"returned {wrong}")
        return made

    def _chance(self, digest: bytes) -> int:
        mixed = hashlib.blake2b(self._seed.to_bytes(8, "little") + digest, digest_size=7, key=self._key)
        return int.from_bytes(mixed.digest(), "little")

    def _told(self, moment: str, order: Message, due: type[M], bound: Bound) -> M:
        try:
            reply = read(self._door.tell(order, bound), due, DefenseFailed)
        except Silent as silent:
            raise self.fault(moment, str(silent)) from None
        except BrokenFrame as broken:
            raise self.fault(moment, f"sent something else than an answer: {broken}") from None
        if isinstance(reply, DefenseFailed):
            raise self.fault(moment, reply.reason)
        return reply

    def fault(self, moment: str, what: str) -> RunFailed:
        """Return the error that says what the defense did in a moment, "" for none."""
        return RunFailed(f"{moment + ' of ' if moment else ''}the defense {self._name!r} {what}")


def _tensors(content: Tensor) -> Mapping[str, Tensor]:
    if content.dtype != torch.uint8 or content.dim() != 1:
        raise ValueError(f"weights as {content.dtype} {tuple(content.shape)}, not as bytes")
    try:
        return safetensors.torch.load(content.numpy().tobytes())
    except (SafetensorError, ValueError, KeyError) as error:
        raise ValueError(f"weights that are not safetensors ({type(error).__name__})") from None
