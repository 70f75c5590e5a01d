"""Train a generator that makes images from latents against a discriminator of single images."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.images import from_uint8
from gexbench.nets.initialise import seeded
from gexbench.nets.latent_gan import LatentGAN
from gexbench.training import group
from gexbench.training.adversarial import follow, frozen
from gexbench.training.loop import (
    Loop,
    Stateful,
    TrainingContext,
    autocast,
    derived_seed,
    descend,
    drawing,
    finished,
    run_steps,
    set_rate,
    step_generator,
)
from gexbench.training.patches import pixel_digest

Build = Callable[[Mapping[str, Any], int], LatentGAN]
"""From a network's options, its side among them, and a seed to a GAN with first weights."""


@dataclass(frozen=True)
class LatentOptions:
    """How a generator is fitted to images.

    steps: of the generator. batch: images of a step, of each kind. critics: steps of the discriminator before each. lr:
    the first one of Adam. average: the share of itself that the mean over past weights keeps at each step; that mean is
    what is kept at the end, with 0 the last weights.
    """

    steps: int
    batch: int
    critics: int
    lr: float
    average: float

    @classmethod
    def split(cls, options: Mapping[str, Any]) -> tuple[Self, dict[str, Any]]:
        """Return these numbers out of a card's options, and the options that are left, which are the network's."""
        names = [field.name for field in fields(cls)]
        left = {name: value for name, value in options.items() if name not in names}
        return cls(**{name: options[name] for name in names}), left


class LatentTraining:
    """The training of a generator and its discriminator against each other.

    As it stands with hinge losses, momenta 0 and 0.9, and a rate that falls along a line to zero, as in Miyato et al.
    2018 (arXiv 1802.05957), equations 16 and 17 and section 4; other trainings change the methods that say so. What is
    drawn depends on `context.seed` and `name`, that of its checkpoint.
    """

    betas = (0.0, 0.9)
    options_type: ClassVar[type[LatentOptions]] = LatentOptions
    shared: ClassVar[bool] = True
    """Whether a group can train it: losses are means over images that layers keep apart, or that batch norm mixes."""

    def __init__(self, gan: LatentGAN, options: LatentOptions, context: TrainingContext, name: str = "fit") -> None:
        self.options, self.context, self.name = options, context, name
        self.net, self.judge = net, judge = gan.generator, gan.discriminator
        for member in (net, judge):
            member.train().to(context.device).to(memory_format=torch.channels_last)
        group.join(net, judge)
        self.mean = copy.deepcopy(net).requires_grad_(False) if options.average else net
        self.makers, self.critics = (
            torch.optim.Adam(member.parameters(), lr=options.lr, betas=self.betas, fused=True)
            for member in (net, judge)
        )

    def fit(self, images: Sequence[Tensor]) -> None:
        """Train both on images (3,side,side) uint8, going on from a checkpoint of the same images and numbers.

        At the end the generator has the weights to keep and is in evaluation mode.
        """
        bank = torch.stack(list(images))
        state: dict[str, Stateful] = {"net": self.net, "judge": self.judge}
        state |= {"mean": self.mean} if self.options.average else {}
        state |= {"makers": self.makers, "critics": self.critics, **self.beside()}
        fingerprint = self.context.fingerprint(self.options, pixel_digest(images))
        loop = Loop(self.name, self.options.steps, fingerprint, self.context, shared=self.shared)
        run_steps(lambda number: self.step(bank, number), state, loop)
        if self.options.average:
            self.net.load_state_dict(self.mean.state_dict())
        finished(self.net)

    def step(self, bank: Tensor, number: int) -> Mapping[str, Tensor]:
        """Do one step of the generator after those of the discriminator; returns their losses, detached."""
        with drawing(derived_seed(self.context.seed, f"{self.name} layers", number), self.context.device):
            return self._step(bank, number)

    def _step(self, bank: Tensor, number: int) -> Mapping[str, Tensor]:
        self.prepare(number)
        for optimiser in (self.makers, self.critics):
            set_rate(optimiser, self.options.lr * self.rate(number))
        draws = step_generator(self.context.seed, f"{self.name} draws", number)
        for _ in range(self.options.critics):
            real, latents = self.shown(self._real(bank, draws)), self._latents(draws)
            with torch.no_grad(), autocast(self.context):
                made = self.net(latents).float()
            seen = self.critic_loss(real, made, draws)
            descend(self.critics, seen)
        with frozen([self.judge]):
            loss = self.maker_loss(self._latents(draws), draws)
            descend(self.makers, loss)
        if self.options.average:
            follow(self.mean, self.net, self.options.average)
        return {"generator": loss.detach(), "discriminator": seen.detach()}

    def beside(self) -> Mapping[str, Stateful]:
        """Return what else a checkpoint must hold."""
        return {}

    def prepare(self, number: int) -> None:
        """Get the networks ready for a step."""

    def rate(self, number: int) -> float:
        """Return the factor on the learning rate at a step."""
        return 1.0 - number / self.options.steps

    def shown(self, real: Tensor) -> Tensor:
        """Return real images (N,3,side,side) in [0,1] as the discriminator sees them."""
        return real

    def critic_loss(self, real: Tensor, made: Tensor, draws: torch.Generator) -> Tensor:
        """Return the discriminator's loss on real and made images, made without a gradient."""
        with autocast(self.context):
            truth, lie = self.judge(torch.cat([real, made])).float().chunk(2)
        return F.relu(1.0 - truth).mean() + F.relu(1.0 + lie).mean()

    def maker_loss(self, latents: Tensor, draws: torch.Generator) -> Tensor:
        """Return the generator's loss."""
        with autocast(self.context):
            logits: Tensor = self.judge(self.net(latents))
        return -logits.float().mean()

    def _real(self, bank: Tensor, draws: torch.Generator) -> Tensor:
        which = torch.randint(len(bank), (self.options.batch,), generator=draws)
        return from_uint8(bank[group.share(which)]).to(self.context.device, memory_format=torch.channels_last)

    def _latents(self, draws: torch.Generator) -> Tensor:
        size = self.net.latent_size
        assert isinstance(size, int)
        return group.share(torch.randn(self.options.batch, size, generator=draws)).to(self.context.device)


def seeded_gan(generator: Callable[[], nn.Module], discriminator: Callable[[], nn.Module], seed: int) -> LatentGAN:
    """Build both networks, each with first weights of its own drawn from `seed`."""
    return LatentGAN(
        seeded(generator, derived_seed(seed, "generator")), seeded(discriminator, derived_seed(seed, "discriminator"))
    )


def fit_gan(
    images: Sequence[Tensor],
    options: Mapping[str, Any],
    context: TrainingContext,
    build: Build,
    training: type[LatentTraining] = LatentTraining,
) -> LatentGAN:
    """Build a GAN, fit it to images (3,side,side) uint8, and return it in evaluation mode.

    options: those of `build` but side, which is the images', and the fields of `training.options_type`. First weights
    and all that is drawn depend on `context.seed` alone.
    """
    plan, net = training.options_type.split(options)
    gan = build({"side": images[0].shape[-1], **net}, context.seed)
    training(gan, plan, context).fit(images)
    return gan.eval()
