"""CycleGAN: translation between two domains learned without pairs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from gexbench.core.victim import Studio
from gexbench.nets.initialise import gaussian, seeded
from gexbench.nets.patchgan import PatchGAN
from gexbench.nets.resnet_generator import ResNetGenerator, ResNetGeneratorOptions
from gexbench.nets.resunet import ResUNet, ResUNetOptions
from gexbench.training.adversarial import ImagePool, adam, difference, follow, frozen, least_squares, linear_rate
from gexbench.training.loop import (
    Loop,
    Place,
    Stateful,
    autocast,
    derived_seed,
    descend,
    run_steps,
    set_rate,
    step_generator,
)
from gexbench.training.super_resolution import finished
from gexbench.training.unpaired import Domains, Sheets

OTHER = {"photo": "style", "style": "photo"}

GENERATORS: Mapping[str, Callable[[Mapping[str, Any]], nn.Module]] = {
    "resnet": lambda numbers: ResNetGenerator(ResNetGeneratorOptions(**numbers)),
    "resunet": lambda numbers: ResUNet(ResUNetOptions(**numbers)),
}


@dataclass(frozen=True)
class CycleGANOptions:
    """The `[train]` table of a card.

    crop: side of the crops in pixels. lr: of Adam, constant for the first half of the steps, then down a line to 0.
    cycle_weight: of the cycle loss; identity_weight: of the identity loss, in shares of cycle_weight. pool: images made
    earlier that the discriminators may see again. discriminator_channels: width of their first layer;
    discriminator_norm: see PatchGAN. average: the share of itself that the mean over the generator's past weights keeps
    at each step; that mean is what is kept at the end, with 0, as published, the last weights.
    """

    crop: int = 256
    batch: int = 1
    steps: int = 200_000
    lr: float = 2e-4
    cycle_weight: float = 10.0
    identity_weight: float = 0.5
    pool: int = 50
    discriminator_channels: int = 64
    discriminator_norm: str = "instance"
    average: float = 0.0


class CycleGAN:
    """Make victims that translate photos into a style.

    Source: Zhu, Park, Isola and Efros 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
    Networks" (arXiv 1703.10593), sections 3, 4 and 7.1; the identity loss is its section 5.2.
    """

    def build(self, options: Mapping[str, Any]) -> nn.Module:
        """Return the untrained generator.

        options: generator, "resnet" as published or "resunet"; and the fields of the one's options,
        ResNetGeneratorOptions or ResUNetOptions. Raises ValueError on another generator.
        """
        numbers = dict(options)
        kind = numbers.pop("generator", "resnet")
        if kind not in GENERATORS:
            raise ValueError(f"generator {kind!r} must be one of {', '.join(GENERATORS)}")
        return seeded(lambda: GENERATORS[kind](numbers), seed=0)

    def train(self, net: nn.Module, studio: Studio) -> nn.Module:
        """Train `net` to turn the owner's photos into the owner's style; options: the fields of CycleGANOptions."""
        domains, options, place = Domains.of(studio), CycleGANOptions(**studio.options), Place.of(studio)
        Cycle(net, self.build(studio.net), options, place).fit(domains)
        return finished(net)


class Cycle:
    """Two generators, a discriminator for each domain, and how they are trained."""

    def __init__(self, to_style: nn.Module, to_photo: nn.Module, options: CycleGANOptions, place: Place) -> None:
        width, norm = options.discriminator_channels, options.discriminator_norm
        self.options, self.place = options, place
        self.generators = {"style": to_style, "photo": to_photo}
        self.judges = {aim: seeded(lambda: PatchGAN(channels=width, norm=norm), place.seed) for aim in self.generators}
        self.pools = {aim: ImagePool(options.pool) for aim in self.generators}
        nets = {f"{role} {aim}": net for role in ("generators", "judges") for aim, net in getattr(self, role).items()}
        for name, net in nets.items():
            gaussian(net, derived_seed(place.seed, name))
            net.train().to(place.device).to(memory_format=torch.channels_last)
        self.makers = adam(list(self.generators.values()), options.lr)
        self.critics = adam(list(self.judges.values()), options.lr)
        self.mean = copy.deepcopy(to_style).requires_grad_(False) if options.average else to_style
        self._nets = nets

    def fit(self, domains: Domains) -> None:
        """Train all four, going on from a checkpoint of the same images and numbers."""
        sheets = Sheets(domains, self.place, self.options.steps)

        def step(number: int) -> Mapping[str, Tensor]:
            watched = self.step(domains, number)
            sheets(number + 1, {**self.generators, "style": self.mean})
            return watched

        state: dict[str, Stateful] = {**self._nets, "makers": self.makers, "critics": self.critics}
        state |= {f"pool {aim}": pool for aim, pool in self.pools.items()}
        state |= {"mean": self.mean} if self.options.average else {}
        print_of_all = f"{self.options} {self.place.precision} {self.place.seed} {domains.digest()}"
        run_steps(step, state, Loop("cyclegan", self.options.steps, print_of_all, self.place))
        self.generators["style"].load_state_dict(self.mean.state_dict())

    def step(self, domains: Domains, number: int) -> dict[str, Tensor]:
        """Do one step of all four and return their losses, detached."""
        options = self.options
        for optimiser in (self.makers, self.critics):
            set_rate(optimiser, options.lr * linear_rate(number, options.steps))
        photos, style = domains.draw(options.crop, options.batch, self.place, number)
        real = {"photo": photos, "style": style}
        with frozen(list(self.judges.values())):
            losses, made = self._maker_losses(real)
            descend(self.makers, torch.stack(list(losses.values())).sum())
        judged = {f"judge {aim}": self._judge_loss(aim, real[aim], made[aim], number) for aim in real}
        descend(self.critics, torch.stack(list(judged.values())).sum())
        if options.average:
            follow(self.mean, self.generators["style"], options.average)
        return {name: loss.detach() for name, loss in chain(losses.items(), judged.items())}

    def _maker_losses(self, real: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the generators' losses and what they made, by aim."""
        options, losses, made = self.options, {}, {}
        with autocast(self.place):
            for aim, net in self.generators.items():
                # one pass for both: instance norm keeps the images of a batch apart
                translated, same = net(torch.cat([real[OTHER[aim]], real[aim]])).chunk(2)
                made[aim] = translated
                losses[f"adversarial {aim}"] = least_squares(self.judges[aim](translated), real=True)
                weight = options.cycle_weight * options.identity_weight
                losses[f"identity {aim}"] = weight * difference(same, real[aim])
            for aim, net in self.generators.items():
                back = net(made[OTHER[aim]])
                losses[f"cycle {aim}"] = options.cycle_weight * difference(back, real[aim])
        return losses, {aim: image.detach().float() for aim, image in made.items()}

    def _judge_loss(self, aim: str, real: Tensor, made: Tensor, number: int) -> Tensor:
        shown = self.pools[aim].exchange(made, step_generator(self.place.seed, f"pool {aim}", number))
        with autocast(self.place):
            truth, lie = self.judges[aim](torch.cat([real, shown])).chunk(2)
        return (least_squares(truth, real=True) + least_squares(lie, real=False)) / 2.0
