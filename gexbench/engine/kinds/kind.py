"""What a kind of task is: everything in which tasks of one kind differ from those of another."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from gexbench.cards.fields import Compare, TaskKindName
from gexbench.cards.schema import TaskCard
from gexbench.core.attack import Progress, Surrogate
from gexbench.core.dataset import Dataset, Split
from gexbench.core.defense import Defense
from gexbench.engine.kinds.endpoint import Endpoint, OpenVictim
from gexbench.engine.kinds.evidence import Exhibits, TestEvidence
from gexbench.engine.kinds.guard import Front, Tests, Way
from gexbench.engine.kinds.near_copies import Nearness
from gexbench.engine.wire.messages import AnswerUnmetered, DrawUnmetered, Unmetered
from gexbench.plan import Plan

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Copy:
    """A surrogate as the bench reaches it: `infer` as in TaskKind.infer, and the latent size that it says it takes."""

    infer: Callable[[Tensor], Tensor]
    latent_size: int | None


@dataclass(frozen=True)
class Tried:
    """A question that a foreign victim is tried on, as `answer` takes it, and height and width of the answer."""

    x: Tensor
    size: tuple[int, int]


Choose = Callable[[Sequence[Tensor]], Sequence[Tensor]]
"""From the images (3,h,w) uint8 that every suspect is asked to those that one is asked, as a defense chooses."""


@dataclass(frozen=True)
class Witnesses:
    """Whom evidence is taken from.

    tests: the held-back splits. victim: the service, which answers the test unmetered. surrogate: None for the victim
    control. transfer_set: returns what the service answered the attack with, each the bytes of an 8-bit image.
    """

    plan: Plan
    tests: Mapping[str, Split]
    victim: Callable[[AnswerUnmetered | DrawUnmetered], Unmetered]
    surrogate: Copy | None
    transfer_set: Callable[[], Sequence[bytes]]


class TaskKind(Protocol):
    """A kind of task. It holds no state; `task_kind` finds it by the word on a card.

    way: how its questions go through a defense and a victim.
    """

    way: Way

    def check(self, plan: Plan, dataset: Dataset) -> None:
        """Raise PlanError where a task's card or its data lack what a run of this kind needs."""
        ...

    def check_pool(self, plan: Plan, pool: Sequence[Tensor]) -> None:
        """Raise PlanError where the service would refuse images of the pool."""
        ...

    def has_pairs(self, task: TaskCard, compare: Compare) -> bool:
        """Say whether images of a comparison belong together one by one."""
        ...

    def truth(self, dataset: Dataset) -> Sequence[Tensor]:
        """Return what the knowledge `truth` tells a control: images (3,H,W) float32 in [0,1]."""
        ...

    def endpoint(self, plan: Plan, victim: OpenVictim, front: Front) -> Endpoint:
        """Return what answers behind the meter, in front of a victim."""
        ...

    def tests(self, plan: Plan, victim: OpenVictim, stored: Sequence[Tensor]) -> Tests:
        """Return the questions of the test; stored: the test inputs of all splits, none where the victim draws."""
        ...

    def tried(self, plan: Plan, victim: OpenVictim, sizes: Sequence[tuple[int, int]]) -> Sequence[Tried]:
        """Return what a foreign victim is tried on before the first question.

        sizes: height and width of images it will be asked about. Raises PlanError where it cannot be asked.
        """
        return ()

    def packed(self, x: Tensor) -> Tensor:
        """Return a question to `oracle.query` as it travels; raises QueryError for what is none."""
        ...

    def infer(self, surrogate: Surrogate, x: Tensor) -> Tensor:
        """Return a surrogate's raw output; x: what `evidence` asks it, as it travels, on the surrogate's device."""
        ...

    def probe(self, pool: Sequence[Tensor], latent_size: int | None, seed: int) -> Tensor | None:
        """Return what a surrogate is asked, as it travels, to see whether it is still what it was; None to ask nothing.

        pool: the attacker's images. latent_size: what the surrogate says it takes.
        """
        return None

    def evidence(self, witnesses: Witnesses, progress: Progress) -> dict[str, TestEvidence]:
        """Ask victim and surrogate about every test split.

        Raises RunFailed when a surrogate's output is not an image of the right size in [0,1].
        """
        ...

    def exhibits(self, tests: Mapping[str, TestEvidence], witnesses: Witnesses, choose: Choose) -> Exhibits:
        """Return what ownership is judged on; tests: what `evidence` returned under a defense.

        Where there is no surrogate, as for the control that is the victim, the suspect is the defended service itself.
        choose: returns what suspects are asked, given what all of them are; called where services take images. Raises
        QueryError for a question that the service would refuse, and RunFailed as `evidence`.
        """
        ...

    def shown(self, copy: Copy, exhibits: Exhibits) -> tuple[Tensor, ...]:
        """Return what another model makes of the same, images uint8 as many and as large; raises RunFailed."""
        ...

    def nearness(self, asked: Iterable[Tensor], evidence: TestEvidence, plan: Plan) -> Nearness | None:
        """Say how near questions come to the test inputs; asked: images (3,h,w) uint8. None where none is an image."""
        ...

    def sheet(self, evidence: TestEvidence, plan: Plan) -> Image.Image:
        """Return the contact sheet of a test split."""
        ...

    def shrunk(self, plan: Plan) -> Plan:
        """Return a plan with few test images, for `gexbench check`."""
        ...

    def try_defense(self, defense: Defense, scale: int) -> Iterable[tuple[str, Tensor, str]]:
        """Feed a defense once and yield for each of its moments the name, what it returned, and what is wrong with it.

        scale: output side over input side.
        """
        ...


def task_kind(name: TaskKindName) -> TaskKind:
    """Return the kind that a card names: `KIND` of the module engine/kinds/<name>.py, with `_` for `-`."""
    module = importlib.import_module(f"gexbench.engine.kinds.{name.replace('-', '_')}")
    kind: TaskKind = module.KIND
    return kind
