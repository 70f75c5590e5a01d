"""Train a generator that makes images from latents against a discriminator of single images."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.images import from_uint8
from gexbench.training.adversarial import frozen
from gexbench.training.loop import (
    Loop,
    Place,
    Stateful,
    autocast,
    descend,
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
    of Adam with momenta 0 and 0.9, falling along a line to zero. average: the share of itself that the mean over past
    weights keeps at each step; that mean is what is kept at the end, with 0 the last weights.
    """

    steps: int
    batch: int
    critics: int
    lr: float
    average: float


class LatentDuel:
    """A generator, with an int attribute `latent_size`, and its discriminator, images to logits.

    Hinge losses, as in Miyato et al. 2018 (arXiv 1802.05957), equations 16 and 17. What is drawn depends on
    `place.seed` and `name`, that of its checkpoint.
    """

    def __init__(
        self, net: nn.Module, judge: nn.Module, options: LatentOptions, place: Place, name: str = "fit"
    ) -> None:
        self.name = name
        self.net, self.judge, self.options, self.place = net, judge, options, place
        for member in (net, judge):
            member.train().to(place.device).to(memory_format=torch.channels_last)
        self.mean = copy.deepcopy(net).requires_grad_(False) if options.average else net
        self.makers, self.critics = (_adam(member, options.lr) for member in (net, judge))

    def fit(self, images: Sequence[Tensor]) -> None:
        """Train both on images (3,side,side) uint8, going on from a checkpoint of the same images and numbers.

        At the end the generator has the weights to keep and is in evaluation mode.
        """
        bank = torch.stack(list(images))
        state: dict[str, Stateful] = {"net": self.net, "judge": self.judge}
        state |= {"mean": self.mean} if self.options.average else {}
        state |= {"makers": self.makers, "critics": self.critics}
        print_of_all = f"{self.options} {self.place.precision} {self.place.seed} {pixel_digest(images)}"
        run_steps(lambda n: self.step(bank, n), state, Loop(self.name, self.options.steps, print_of_all, self.place))
        if self.options.average:
            self.net.load_state_dict(self.mean.state_dict())
        finished(self.net)

    def step(self, bank: Tensor, number: int) -> Mapping[str, Tensor]:
        """Do one step of the generator after those of the discriminator; returns their losses, detached."""
        options = self.options
        for optimiser in (self.makers, self.critics):
            set_rate(optimiser, options.lr * (1.0 - number / options.steps))
        draws = step_generator(self.place.seed, f"{self.name} draws", number)
        for _ in range(options.critics):
            seen = self._criticise(self._real(bank, draws), self._latents(draws))
        with frozen([self.judge]):
            with autocast(self.place):
                logits = self.judge(self.net(self._latents(draws)))
            loss = -logits.float().mean()
            descend(self.makers, loss)
        self._remember()
        return {"generator": loss.detach(), "discriminator": seen}

    def _criticise(self, real: Tensor, latents: Tensor) -> Tensor:
        with autocast(self.place):
            with torch.no_grad():
                made = self.net(latents)
            truth, lie = self.judge(torch.cat([real, made.float()])).float().chunk(2)
        loss = F.relu(1.0 - truth).mean() + F.relu(1.0 + lie).mean()
        descend(self.critics, loss)
        return loss.detach()

    def _real(self, bank: Tensor, draws: torch.Generator) -> Tensor:
        which = torch.randint(len(bank), (self.options.batch,), generator=draws)
        return from_uint8(bank[which]).to(self.place.device, memory_format=torch.channels_last)

    def _latents(self, draws: torch.Generator) -> Tensor:
        size = self.net.latent_size
        assert isinstance(size, int)
        return torch.randn(self.options.batch, size, generator=draws).to(self.place.device)

    def _remember(self) -> None:
        if not self.options.average:
            return
        with torch.no_grad():
            for kept, now in zip(self.mean.state_dict().values(), self.net.state_dict().values(), strict=True):
                if kept.is_floating_point():
                    kept.lerp_(now, 1.0 - self.options.average)
                else:
                    kept.copy_(now)


def _adam(net: nn.Module, lr: float) -> torch.optim.Adam:
    return torch.optim.Adam(net.parameters(), lr=lr, betas=(0.0, 0.9), fused=True)
