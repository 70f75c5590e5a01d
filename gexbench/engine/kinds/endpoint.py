"""What stands behind the meter: a victim that answers, guarded by a defense."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from gexbench.engine.wire.messages import AnswerUnmetered, DrawUnmetered, Query, Sample, Unmetered


@dataclass(frozen=True)
class Weights:
    """A network's tensors by name, and its class, "module:Qualname"."""

    class_path: str
    tensors: Mapping[str, Tensor]


class OpenVictim(Protocol):
    """A victim that answers, whatever it runs on.

    digest: SHA-256 of what answers. latent_size: the length of the latents it draws from, None where it takes images.
    """

    digest: str
    latent_size: int | None

    def answer(self, x: Tensor) -> Tensor:
        """Return images (N,3,H,W) float32 on the CPU for images in [0,1] or latents, float32 on the CPU."""
        ...

    def secret(self, use: str) -> bytes:
        """Return 32 bytes that only who has the victim can tell, others for each use."""
        ...

    def weights(self) -> Weights:
        """Return a copy of what a defense may harden."""
        ...

    def with_weights(self, weights: Weights) -> OpenVictim:
        """Return a victim of the same code that answers with other weights; raises ValueError where they do not fit."""
        ...


@dataclass(frozen=True)
class Batch:
    """What a request asks, image by image.

    digests: what the ledger knows each question by. shape: of one answer. answer: from the places of the questions that
    are new and the number of questions paid before to what leaves, uint8. beside: what leaves with all the answers.
    images: the questions (N,3,h,w) uint8 where they are images; the ledger keeps them to be compared with the test.
    """

    digests: Sequence[bytes]
    shape: tuple[int, ...]
    answer: Callable[[list[int], int], Tensor]
    beside: Mapping[str, Tensor] = field(default_factory=dict)
    images: Tensor | None = None


class Endpoint(Protocol):
    """Answer questions; nothing is counted here."""

    def batch(self, question: Query | Sample, asked: int) -> Batch:
        """Return what a question asks; raises QueryError for what this service does not take.

        asked: how many images this session has answered before.
        """
        ...

    def unmetered(self, question: AnswerUnmetered | DrawUnmetered) -> Unmetered:
        """Return the answers to a question of the test: plain, and guarded where there is a defense."""
        ...
