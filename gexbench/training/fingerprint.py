"""Fit an encoder that hides bits in images, and the decoder that reads them, until the mark is faint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.images import from_uint8
from gexbench.nets.fingerprint import FingerprintDecoder, FingerprintEncoder
from gexbench.nets.initialise import seeded
from gexbench.training.loop import (
    Loop,
    Stateful,
    TrainingContext,
    autocast,
    derived_seed,
    descend,
    finished,
    run_steps,
    step_generator,
)
from gexbench.training.patches import pixel_digest

READ_WELL = 0.9
"""Share of bits read rightly from which on the mark is made fainter."""
MEMORY = 0.95
"""Share of itself that the running accuracy keeps at a step."""


@dataclass(frozen=True)
class FingerprintOptions:
    """How a fingerprint is fitted.

    bits: hidden in an image. side: of the images, in pixels. bound: most that a pixel changes, in 8-bit steps. fainter:
    by how much the weight of the mark's mean square, in units of the bound, rises at each step once bits are read well.
    """

    bits: int
    side: int
    bound: float
    steps: int
    batch: int = 16
    lr: float = 1e-3
    fainter: float = 0.002


def hidden(encoder: nn.Module, images: Tensor, bits: Tensor, options: FingerprintOptions) -> Tensor:
    """Return images of any size (N,3,H,W) with the bits (N,bits) in them, in [0,1].

    The mark is made at `options.side` and resized to the images.
    """
    mark: Tensor = encoder(at_side(images, options.side), bits)
    if mark.shape[-2:] != images.shape[-2:]:
        mark = F.interpolate(mark, size=images.shape[-2:], mode="bilinear", antialias=True)
    return (images + mark * (options.bound / 255.0)).clamp(0.0, 1.0)


def at_side(images: Tensor, side: int) -> Tensor:
    """Return images (N,3,H,W) as squares of that side, themselves where they are."""
    if images.shape[-2:] == (side, side):
        return images
    return F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)


def fit_fingerprint(
    images: Sequence[Tensor], options: FingerprintOptions, context: TrainingContext
) -> tuple[FingerprintEncoder, FingerprintDecoder]:
    """Fit both to square images (3,side,side) uint8, on random bits, and return them in evaluation mode.

    Source: Yu, Skripniuk, Abdelnabi and Fritz 2021 (arXiv 2007.08457), section 3.2: first the bits alone, then a
    penalty on what is added that rises; the schedule waits for bits to be read, and not for a number of steps.
    """
    training = FingerprintTraining(options, context)
    training.fit(images)
    return finished(training.encoder), finished(training.decoder)


class FingerprintTraining:
    """The encoder, the decoder, and how far they are."""

    def __init__(self, options: FingerprintOptions, context: TrainingContext) -> None:
        self.options, self.context = options, context
        seed = derived_seed(context.seed, "fingerprint weights")
        self.encoder = seeded(lambda: FingerprintEncoder(options.bits, options.side), seed).to(context.device)
        self.decoder = seeded(lambda: FingerprintDecoder(options.bits, options.side), seed + 1).to(context.device)
        self.decoder.begin_with(self.encoder)
        weights = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimiser = torch.optim.Adam(weights, lr=options.lr, fused=True)
        self.schedule = _Schedule().to(context.device)

    def fit(self, images: Sequence[Tensor]) -> None:
        """Train both, going on from a checkpoint of the same images and numbers."""
        state: dict[str, Stateful] = {"encoder": self.encoder, "decoder": self.decoder}
        state |= {"optimiser": self.optimiser, "schedule": self.schedule}
        fingerprint = self.context.fingerprint(self.options, pixel_digest(images))
        loop = Loop("fingerprint", self.options.steps, fingerprint, self.context)
        run_steps(lambda number: self.step(images, number), state, loop)

    def step(self, images: Sequence[Tensor], number: int) -> Mapping[str, Tensor]:
        """Do one step and return its losses, detached."""
        options, schedule = self.options, self.schedule
        generator = step_generator(self.context.seed, "fingerprint", number)
        which = torch.randint(len(images), (options.batch,), generator=generator).tolist()
        bits = torch.randint(2, (options.batch, options.bits), generator=generator).float().to(self.context.device)
        x = from_uint8(torch.stack([images[each] for each in which])).to(self.context.device)
        with autocast(self.context):
            mark = self.encoder(x, bits)
            logits = self.decoder((x + mark * (options.bound / 255.0)).clamp(0.0, 1.0)).float()
        losses = {
            "bits": F.binary_cross_entropy_with_logits(logits, bits),
            "mark": schedule.weight * mark.float().square().mean(),
        }
        descend(self.optimiser, torch.stack(list(losses.values())).sum())
        schedule.seen(((logits > 0) == (bits > 0.5)).float().mean(), options.fainter)
        return {**{name: loss.detach() for name, loss in losses.items()}, "accuracy": schedule.accuracy.clone()}


class _Schedule(nn.Module):
    """The running accuracy, and the weight that rises once it was high; in a checkpoint with the rest."""

    accuracy: Tensor
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("accuracy", torch.tensor(0.5))
        self.register_buffer("weight", torch.tensor(0.0))

    @torch.no_grad()
    def seen(self, accuracy: Tensor, fainter: float) -> None:
        """Take the accuracy of a step in."""
        self.accuracy.mul_(MEMORY).add_((1.0 - MEMORY) * accuracy)
        if self.weight > 0 or self.accuracy > READ_WELL:
            self.weight += fainter
