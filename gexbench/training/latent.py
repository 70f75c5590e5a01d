"""Train a generator that makes images from latents against a discriminator of single images."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.images import from_uint8
from gexbench.training.adversarial import follow, frozen
from gexbench.training.loop import (
    Loop,
    Place,
    Stateful,
    autocast,
    derived_seed,
    descend,
    drawing,
    run_steps,
    set_rate,
    step_generator,
)
from gexbench.training.patches import pixel_digest
from gexbench.training.super_resolution import finished


@dataclass(frozen=True)
class LatentOptions:
    """How a generator is fitted to images.

    steps: of the generator. batch: images of a step, of each kind. critics: steps of the discriminator before each. lr:
    the first one of Adam. average: the share of itself that the mean over past
    weights keeps at each step; that mean is what is kept at the end, with 0 the last weights.
    """

    steps: int
    batch: int
    critics: int
    lr: float
    average: float


class LatentDuel:
    """A generator, with an int attribute `latent_size`, and its discriminator, images to logits.

    As it stands with hinge losses, momenta 0 and 0.9, and a rate that falls along a line to zero, as in Miyato et al.
    2018 (arXiv 1802.05957), equations 16 and 17 and section 4; other trainings change the methods that say so. What is
    drawn depends on `place.seed` and `name`, that of its checkpoint.
    """

    betas = (0.0, 0.9)

    def __init__(
        self, net: nn.Module, judge: nn.Module, options: LatentOptions, place: Place, name: str = "fit"
    ) -> None:
        self.name = name
        self.net, self.judge, self.options, self.place = net, judge, options, place
        for member in (net, judge):
            member.train().to(place.device).to(memory_format=torch.channels_last)
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
        print_of_all = f"{self.options} {self.place.precision} {self.place.seed} {pixel_digest(images)}"
        run_steps(lambda n: self.step(bank, n), state, Loop(self.name, self.options.steps, print_of_all, self.place))
        if self.options.average:
            self.net.load_state_dict(self.mean.state_dict())
        finished(self.net)

    def step(self, bank: Tensor, number: int) -> Mapping[str, Tensor]:
        """Do one step of the generator after those of the discriminator; returns their losses, detached."""
        with drawing(derived_seed(self.place.seed, f"{self.name} layers", number), self.place.device):
            return self._step(bank, number)

    def _step(self, bank: Tensor, number: int) -> Mapping[str, Tensor]:
        self.prepare(number)
        for optimiser in (self.makers, self.critics):
            set_rate(optimiser, self.options.lr * self.rate(number))
        draws = step_generator(self.place.seed, f"{self.name} draws", number)
        for _ in range(self.options.critics):
            real, latents = self.shown(self._real(bank, draws)), self._latents(draws)
            with torch.no_grad(), autocast(self.place):
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
        with autocast(self.place):
            truth, lie = self.judge(torch.cat([real, made])).float().chunk(2)
        return F.relu(1.0 - truth).mean() + F.relu(1.0 + lie).mean()

    def maker_loss(self, latents: Tensor, draws: torch.Generator) -> Tensor:
        """Return the generator's loss."""
        with autocast(self.place):
            logits: Tensor = self.judge(self.net(latents))
        return -logits.float().mean()

    def _real(self, bank: Tensor, draws: torch.Generator) -> Tensor:
        which = torch.randint(len(bank), (self.options.batch,), generator=draws)
        return from_uint8(bank[which]).to(self.place.device, memory_format=torch.channels_last)

    def _latents(self, draws: torch.Generator) -> Tensor:
        size = self.net.latent_size
        assert isinstance(size, int)
        return torch.randn(self.options.batch, size, generator=draws).to(self.place.device)
