"""What marks have in common that one net hides in every answer, and another reads."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from gexbench.core.defense import Defense, History, Place
from gexbench.core.images import from_uint8, to_uint8
from gexbench.training.hiding import HidingOptions, HidingTraining, at_side, hidden
from gexbench.training.loop import TrainingContext, finished
from gexbench.training.owner_answers import owner_answers
from gexbench.training.shadows import check_shadows, shadows

LEARNED_FROM = 512
"""Answers that the nets are fitted to, at most."""
STEP = 8
"""What a side at which marks are made is a multiple of."""


class HiddenMark(Defense):
    """Fit two nets to the victim's answers, and hide in every answer what the key says.

    Options `bound`: most that a pixel changes, in 8-bit steps. `side`: the mark is made at that many pixels, or at the
    answers' own side where they are smaller, and resized to them. `steps`: of training. `shadow_steps`: of surrogates
    of the owner's own, to whose answers the reader is tuned; 0 for none. fainter: as in HidingOptions.
    """

    fainter = 0.002

    @abstractmethod
    def training(self, numbers: HidingOptions, context: TrainingContext) -> HidingTraining:
        """Return what fits the two nets."""

    @abstractmethod
    def unfitted(self, side: int) -> tuple[nn.Module, nn.Module]:
        """Return two such nets with any weights."""

    @abstractmethod
    def secret(self) -> Tensor:
        """Return what the key hides, zeros and ones."""

    def prepare(self, victim: nn.Module, owner: Sequence[Tensor], place: Place) -> Mapping[str, Tensor]:
        """Return the weights of both nets, the side, and what the reader makes of plain answers: their mean signs."""
        answered, shadow_steps = owner_answers(victim, owner, LEARNED_FROM, place), int(self.options["shadow_steps"])
        if shadow_steps:
            check_shadows(answered)
        side = min(int(self.options["side"]), *(min(answer.shape[-2:]) for answer in answered.answers))
        side = max(STEP, side // STEP * STEP)
        images = [to_uint8(at_side(from_uint8(answer)[None], side)[0]) for answer in answered.answers]
        bound, steps = float(self.options["bound"]), int(self.options["steps"])
        numbers = HidingOptions(side, bound, steps, fainter=self.fainter)
        training = self.training(numbers, TrainingContext.of(place))
        training.fit(images)
        if shadow_steps:
            training.tune(images, shadows(training, answered, shadow_steps), numbers.steps // 4)
        hider, reader = finished(training.hider).cpu(), finished(training.reader).cpu()
        held = {f"hider.{name}": value for name, value in hider.state_dict().items()}
        held |= {f"reader.{name}": value for name, value in reader.state_dict().items()}
        plain = (_read(reader, side, map(from_uint8, images)) > 0).float().mean(dim=0)
        return {**held, "side": torch.tensor(side), "plain": plain}

    @torch.no_grad()
    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return y with the secret in it, in [0,1]; shapes as in Defense.guard_output."""
        return hidden(self._nets[0], y, self._hidden, self._side, float(self.options["bound"]))

    def read(self, images: Iterable[Tensor]) -> Tensor:
        """Return what the reader makes of images (3,H,W) of any size, one after another: (N,...)."""
        return _read(self._nets[1], self._side, images)

    @cached_property
    def _side(self) -> int:
        return int(self.prepared["side"])

    @cached_property
    def _hidden(self) -> Tensor:
        return self.secret()[None].float()

    @cached_property
    def _nets(self) -> tuple[nn.Module, nn.Module]:
        hider, reader = self.unfitted(self._side)
        for name, net in (("hider.", hider), ("reader.", reader)):
            held = {key.removeprefix(name): value for key, value in self.prepared.items() if key.startswith(name)}
            net.eval().load_state_dict(held)
        return hider, reader


@torch.no_grad()
def _read(reader: nn.Module, side: int, images: Iterable[Tensor]) -> Tensor:
    return torch.cat([reader(at_side(image[None], side)) for image in images])
