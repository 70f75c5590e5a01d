"""Fit a net that hides something in images and the one that reads it, until the mark is faint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.images import from_uint8
from gexbench.nets.hiding import CELL, FingerprintDecoder, FingerprintEncoder, LogoEmbedder, LogoExtractor
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
"""Share of what is hidden that is read rightly, from which on the mark is made fainter."""
MEMORY = 0.95
"""Share of itself that the running accuracy keeps at a step."""


@dataclass(frozen=True)
class HidingOptions:
    """How the two nets are fitted.

    side: of the images, in pixels. bound: most that a pixel changes, in 8-bit steps. fainter: by how much the weight of
    the mark's mean square, in units of the bound, rises at each step once what is hidden is read well.
    """

    side: int
    bound: float
    steps: int
    batch: int = 16
    lr: float = 1e-3
    fainter: float = 0.002


def hidden(hider: nn.Module, images: Tensor, secret: Tensor, side: int, bound: float) -> Tensor:
    """Return images of any size (N,3,H,W) with the secret (N,...) in them, in [0,1].

    The mark is made at that side, and resized to the images.
    """
    mark: Tensor = hider(at_side(images, side), secret)
    if mark.shape[-2:] != images.shape[-2:]:
        mark = F.interpolate(mark, size=images.shape[-2:], mode="bilinear", antialias=True)
    return (images + mark * (bound / 255.0)).clamp(0.0, 1.0)


def at_side(images: Tensor, side: int) -> Tensor:
    """Return images (N,3,H,W) as squares of that side, themselves where they are."""
    if images.shape[-2:] == (side, side):
        return images
    return F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)


def fit_fingerprint(
    images: Sequence[Tensor], bits: int, options: HidingOptions, context: TrainingContext
) -> tuple[FingerprintEncoder, FingerprintDecoder]:
    """Fit both to square images (3,side,side) uint8, on random bits, and return them in evaluation mode.

    Source: Yu, Skripniuk, Abdelnabi and Fritz 2021 (arXiv 2007.08457), section 3.2: first the bits alone, then a
    penalty on what is added that rises; the schedule waits for bits to be read, and not for a number of steps.
    """
    seed = derived_seed(context.seed, "hiding weights")
    encoder = seeded(lambda: FingerprintEncoder(bits, options.side), seed)
    decoder = seeded(lambda: FingerprintDecoder(bits, options.side), seed + 1)
    decoder.begin_with(encoder)
    HidingTraining(encoder, decoder, (bits,), options, context).fit(images)
    return finished(encoder), finished(decoder)


def fit_logo(
    images: Sequence[Tensor], options: HidingOptions, context: TrainingContext
) -> tuple[LogoEmbedder, LogoExtractor]:
    """Fit both to square images (3,side,side) uint8, on random logos, and return them in evaluation mode.

    Source: Zhang et al. 2020 (arXiv 2002.11088), section 3.2: the extractor reads the logo from marked images and
    nothing from plain ones. Without their adversarial and perceptual losses and without their second stage.
    """
    seed, cells = derived_seed(context.seed, "hiding weights"), options.side // CELL
    embedder, extractor = seeded(LogoEmbedder, seed), seeded(LogoExtractor, seed + 1)
    LogoTraining(embedder, extractor, (1, cells, cells), options, context).fit(images)
    return finished(embedder), finished(extractor)


class HidingTraining:
    """Two nets, and how far they are. shape: of what is hidden, zeros and ones."""

    def __init__(
        self,
        hider: nn.Module,
        reader: nn.Module,
        shape: tuple[int, ...],
        options: HidingOptions,
        context: TrainingContext,
    ) -> None:
        self.hider, self.reader = hider.train().to(context.device), reader.train().to(context.device)
        self.shape, self.options, self.context = shape, options, context
        self.optimiser = torch.optim.Adam([*hider.parameters(), *reader.parameters()], lr=options.lr, fused=True)
        self.schedule = _Schedule().to(context.device)

    def fit(self, images: Sequence[Tensor]) -> None:
        """Train both, going on from a checkpoint of the same images and numbers."""
        state: dict[str, Stateful] = {"hider": self.hider, "reader": self.reader}
        state |= {"optimiser": self.optimiser, "schedule": self.schedule}
        fingerprint = self.context.fingerprint((self.options, self.shape), pixel_digest(images))
        loop = Loop("hiding", self.options.steps, fingerprint, self.context)
        run_steps(lambda number: self.step(images, number), state, loop)

    def step(self, images: Sequence[Tensor], number: int) -> Mapping[str, Tensor]:
        """Do one step and return its losses, detached."""
        options, device = self.options, self.context.device
        generator = step_generator(self.context.seed, "hiding", number)
        which = torch.randint(len(images), (options.batch,), generator=generator).tolist()
        secret = torch.randint(2, (options.batch, *self.shape), generator=generator).float().to(device)
        x = from_uint8(torch.stack([images[each] for each in which])).to(device)
        with autocast(self.context):
            mark = self.hider(x, secret)
            found = self.reader((x + mark * (options.bound / 255.0)).clamp(0.0, 1.0)).float()
            losses = {"read": self.misread(found, secret, x)}
        losses["mark"] = self.schedule.weight * mark.float().square().mean()
        descend(self.optimiser, torch.stack(list(losses.values())).sum())
        self.schedule.seen(((found > 0) == (secret > 0.5)).float().mean(), options.fainter)
        return {**{name: loss.detach() for name, loss in losses.items()}, "accuracy": self.schedule.accuracy.clone()}

    def misread(self, found: Tensor, secret: Tensor, plain: Tensor) -> Tensor:
        """Return the loss on what was read from marked images."""
        return F.binary_cross_entropy_with_logits(found, secret)


class LogoTraining(HidingTraining):
    """A logo is drawn as it is, and where there is none, nothing."""

    def misread(self, found: Tensor, secret: Tensor, plain: Tensor) -> Tensor:
        """Return the squared error on marked images, and on plain ones."""
        nothing: Tensor = self.reader(plain).float()
        return (found - (2.0 * secret - 1.0)).square().mean() + nothing.square().mean()


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
