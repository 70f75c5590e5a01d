"""Train two generators that undo each other against a discriminator for each domain: CycleGAN and what came after."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gexbench.training.adversarial import adam, difference, follow, frozen, linear_rate
from gexbench.training.loop import Loop, Stateful, TrainingContext, autocast, descend, run_steps, set_rate
from gexbench.training.unpaired import Domains, Sheets

OTHER = {"photo": "style", "style": "photo"}


@dataclass(frozen=True)
class CycleOptions:
    """The numbers that such trainings share.

    crop: side of the crops in pixels. lr: of Adam, constant for the first half of the steps, then down a line to 0.
    cycle_weight: of the cycle loss. average: the share of itself that the mean over the generator's past weights keeps
    at each step; that mean is what is kept at the end, with 0, as published, the last weights.
    """

    crop: int = 256
    batch: int = 1
    steps: int = 200_000
    lr: float = 2e-4
    cycle_weight: float = 10.0
    average: float = 0.0


class CycleTraining(ABC):
    """Two generators and their discriminators, each by its aim, "style" or "photo", all with first weights.

    weight_decay: of all four. Source: Zhu, Park, Isola and Efros 2017 (arXiv 1703.10593), sections 3 and 7.1.
    """

    name: str
    """Of the checkpoint and of what is shown while training."""

    def __init__(
        self,
        generators: Mapping[str, nn.Module],
        judges: Mapping[str, nn.Module],
        options: CycleOptions,
        context: TrainingContext,
        weight_decay: float = 0.0,
    ) -> None:
        self.generators, self.judges, self.options, self.context = generators, judges, options, context
        self._nets = {f"generators {aim}": net for aim, net in generators.items()}
        self._nets |= {f"judges {aim}": net for aim, net in judges.items()}
        for net in self._nets.values():
            net.train().to(context.device).to(memory_format=torch.channels_last)
        style = generators["style"]
        self.mean = copy.deepcopy(style).requires_grad_(False) if options.average else style
        self.makers, self.critics = (
            adam(list(nets.values()), options.lr, weight_decay) for nets in (generators, judges)
        )

    def fit(self, domains: Domains) -> None:
        """Train all four, going on from a checkpoint of the same images and numbers."""
        sheets = Sheets(self.shown(domains), self.context, self.options.steps)

        def step(number: int) -> Mapping[str, Tensor]:
            losses = self.step(domains, number)
            sheets(number + 1, {**self.generators, "style": self.mean})
            return losses

        state: dict[str, Stateful] = {**self._nets, "makers": self.makers, "critics": self.critics, **self.beside()}
        state |= {"mean": self.mean} if self.options.average else {}
        fingerprint = self.context.fingerprint(self.options, domains.digest())
        run_steps(step, state, Loop(self.name, self.options.steps, fingerprint, self.context))
        self.generators["style"].load_state_dict(self.mean.state_dict())

    def step(self, domains: Domains, number: int) -> dict[str, Tensor]:
        """Do one step of all four and return their losses, detached."""
        options = self.options
        for optimiser in (self.makers, self.critics):
            set_rate(optimiser, options.lr * linear_rate(number, options.steps))
        photos, style = domains.draw(options.crop, options.batch, self.context, number)
        real = {"photo": photos, "style": style}
        with frozen(list(self.judges.values())):
            losses, made = self._maker_losses(real)
            descend(self.makers, torch.stack(list(losses.values())).sum())
        judged = {f"judge {aim}": self.judge_loss(aim, real[aim], made[aim], number) for aim in real}
        descend(self.critics, torch.stack(list(judged.values())).sum())
        if options.average:
            follow(self.mean, self.generators["style"], options.average)
        return {name: loss.detach() for name, loss in (losses | judged).items()}

    def _maker_losses(self, real: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the generators' losses and what they made, by aim."""
        losses: dict[str, Tensor] = {}
        made: dict[str, Tensor] = {}
        with autocast(self.context):
            for aim in self.generators:
                made[aim], terms = self.translated(aim, real[OTHER[aim]], real[aim])
                losses |= {f"{name} {aim}": loss for name, loss in terms.items()}
            for aim, net in self.generators.items():
                back = net(made[OTHER[aim]])
                losses[f"cycle {aim}"] = self.options.cycle_weight * difference(back, real[aim])
        return losses, {aim: image.detach().float() for aim, image in made.items()}

    @abstractmethod
    def translated(self, aim: str, source: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what the generator with this aim makes of images from the other domain, and its losses by name.

        source: (N,3,side,side) in [0,1] from the other domain; target: real ones of its own.
        """

    @abstractmethod
    def judge_loss(self, aim: str, real: Tensor, made: Tensor, number: int) -> Tensor:
        """Return the loss of the discriminator with this aim at a step; made without a gradient."""

    def beside(self) -> Mapping[str, Stateful]:
        """Return what else a checkpoint must hold."""
        return {}

    def shown(self, domains: Domains) -> Domains:
        """Return the images that sheets of samples are of."""
        return domains
