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
    run_steps,
    step_generator,
)
from gexbench.training.patches import pixel_digest

READ_WELL = 0.9
"""Share of what is hidden that is read rightly, from which on the mark is made fainter."""
TUNING = 0.1
"""Share of the learning rate at which a reader is tuned."""
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
    fainter: float
    batch: int = 16
    lr: float = 1e-3


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


def fingerprint_training(bits: int, options: HidingOptions, context: TrainingContext) -> HidingTraining:
    """Return what fits an encoder and a decoder of so many bits.

    Source: Yu, Skripniuk, Abdelnabi and Fritz 2021 (arXiv 2007.08457), section 3.2: first the bits alone, then a
    penalty on what is added that rises; the schedule waits for bits to be read, and not for a number of steps.
    """
    seed = derived_seed(context.seed, "hiding weights")
    encoder = seeded(lambda: FingerprintEncoder(bits, options.side), seed)
    decoder = seeded(lambda: FingerprintDecoder(bits, options.side), seed + 1)
    decoder.begin_with(encoder)
    return HidingTraining(encoder, decoder, (bits,), options, context)


def logo_training(options: HidingOptions, context: TrainingContext) -> LogoTraining:
    """Return what fits an embedder and an extractor.

    Source: Zhang et al. 2020 (arXiv 2002.11088), section 3.2: the extractor reads the logo from marked images and
    nothing from plain ones. Without their adversarial and perceptual losses.
    """
    seed, cells = derived_seed(context.seed, "hiding weights"), options.side // CELL
    embedder, extractor = seeded(LogoEmbedder, seed), seeded(LogoExtractor, seed + 1)
    return LogoTraining(embedder, extractor, (1, cells, cells), options, context)


@dataclass(frozen=True)
class Shadow:
    """What a surrogate of the owner's own answers, (3,side,side) uint8, that learned from answers with a secret."""

    answers: Sequence[Tensor]
    secret: Tensor


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

    def tune(self, images: Sequence[Tensor], shadows: Sequence[Shadow], steps: int) -> None:
        """Fit the reader alone to marked images and to shadows' answers alike, slowly; goes on as `fit`.

        Faster, it learns the shadows' two secrets by heart, and reads less of any other.
        """
        optimiser = torch.optim.Adam(self.reader.parameters(), lr=TUNING * self.options.lr, fused=True)
        seen = [image for shadow in shadows for image in shadow.answers]
        fingerprint = self.context.fingerprint((self.options, self.shape), pixel_digest([*images, *seen]))
        loop = Loop("tuning", steps, fingerprint, self.context)
        state: dict[str, Stateful] = {"reader": self.reader, "optimiser": optimiser}
        run_steps(lambda number: self._tuning_step(optimiser, images, shadows, number), state, loop)

    def step(self, images: Sequence[Tensor], number: int) -> Mapping[str, Tensor]:
        """Do one step and return its losses, detached."""
        generator = step_generator(self.context.seed, "hiding", number)
        x, secret = self._drawn(images, generator)
        with autocast(self.context):
            mark = self.hider(x, secret)
            found = self.reader((x + mark * (self.options.bound / 255.0)).clamp(0.0, 1.0)).float()
            losses = {"read": self.misread(found, secret, x)}
        losses["mark"] = self.schedule.weight * mark.float().square().mean()
        descend(self.optimiser, torch.stack(list(losses.values())).sum())
        self.schedule.seen(_rightly(found, secret), self.options.fainter)
        return {**{name: loss.detach() for name, loss in losses.items()}, "accuracy": self.schedule.accuracy.clone()}

    def _tuning_step(
        self, optimiser: torch.optim.Optimizer, images: Sequence[Tensor], shadows: Sequence[Shadow], number: int
    ) -> Mapping[str, Tensor]:
        generator = step_generator(self.context.seed, "tuning", number)
        x, secret = self._drawn(images, generator)
        shadow = shadows[number % len(shadows)]
        copied, _ = self._drawn(shadow.answers, generator)
        kept = shadow.secret.to(copied).expand_as(secret)
        with autocast(self.context):
            with torch.no_grad():
                marked = (x + self.hider(x, secret) * (self.options.bound / 255.0)).clamp(0.0, 1.0)
            losses = {"read": self.misread(self.reader(marked).float(), secret, x)}
            found = self.reader(copied).float()
            losses["shadow"] = self.misread(found, kept, x)
        descend(optimiser, torch.stack(list(losses.values())).sum())
        return {**{name: loss.detach() for name, loss in losses.items()}, "accuracy": _rightly(found, kept)}

    def _drawn(self, images: Sequence[Tensor], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return a batch of images, and as many secrets."""
        which = torch.randint(len(images), (self.options.batch,), generator=generator).tolist()
        secret = torch.randint(2, (self.options.batch, *self.shape), generator=generator).float()
        x = from_uint8(torch.stack([images[each] for each in which]))
        return x.to(self.context.device), secret.to(self.context.device)

    def misread(self, found: Tensor, secret: Tensor, plain: Tensor) -> Tensor:
        """Return the loss on what was read from marked images."""
        return F.binary_cross_entropy_with_logits(found, secret)


class LogoTraining(HidingTraining):
    """A logo is drawn as it is, and where there is none, nothing."""

    def misread(self, found: Tensor, secret: Tensor, plain: Tensor) -> Tensor:
        """Return the squared error on marked images, and on plain ones."""
        nothing: Tensor = self.reader(plain).float()
        return (found - (2.0 * secret - 1.0)).square().mean() + nothing.square().mean()


def _rightly(found: Tensor, secret: Tensor) -> Tensor:
    return ((found > 0) == (secret > 0.5)).float().mean()


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
