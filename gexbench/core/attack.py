"""What an attack gets and what it must give back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gexbench.core.oracle import Oracle

Surrogate = Callable[[Tensor], Tensor]
"""An nn.Module or a callable with the victim's signature: (N,3,h,w) to (N,3,s*h,s*w), float32 RGB in [0,1].

In tasks of sampling it takes standard normal latents (N,d) and says in its attribute `latent_size` what d is.

The one that is scored is not this object but another of its class, built anew in a process of its own that has neither
the pool nor the attack's folder. So the class is defined at the top of a module of gexbench, of an installed package or
beside the card; its attribute `config` holds the keyword arguments of its constructor, of which JSON or dataclasses of
JSON (none: no arguments); and what was learned are the parameters and buffers of an nn.Module, loaded strictly.
"""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, and how much there is."""


@dataclass(frozen=True)
class Brief:
    """All an attack knows beside the oracle.

    pool: images the attacker owns, each (3,h,w) float32 in [0,1]. truth: the true outputs of the pool, or in tasks of
    sampling all images the victim learned from, only with the knowledge `truth` (controls). scale: output side over
    input side. budget: images that may be asked. knowledge: what is granted of what the attack's card needs. precision:
    "fp32" or "bf16" (autocast). deadline: seconds it may take, over all attempts in one run folder. options: the card's
    options, typed and complete. workdir: the one folder that may be written; it survives a kill, so checkpoints belong
    there. side: of the images the service takes or draws, None where it takes any. real: every tenth image the victim
    learned from, only with the knowledge `partial-real`. discriminator: the one the victim was trained against, images
    (N,3,side,side) in [0,1] to logits (N,1), on the CPU, only with the knowledge `discriminator`. victim: the victim
    itself, on the CPU, only with the knowledge `weights` (controls), or with `twin` its twin in its place (controls).
    """

    pool: Sequence[Tensor]
    truth: Sequence[Tensor] | None
    scale: int
    budget: int
    knowledge: frozenset[str]
    device: torch.device
    precision: str
    seed: int
    generator: torch.Generator
    deadline: float
    options: Mapping[str, Any]
    workdir: Path
    progress: Progress
    side: int | None = None
    real: Sequence[Tensor] | None = None
    discriminator: nn.Module | None = None
    victim: nn.Module | None = None


class Attack(Protocol):
    """Copy a victim from its answers."""

    def extract(self, oracle: Oracle, brief: Brief) -> Surrogate:
        """Ask at most `brief.budget` questions and return a surrogate; print nothing, score nothing."""
        ...
