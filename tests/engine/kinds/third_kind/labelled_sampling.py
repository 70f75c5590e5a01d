"""A third kind of task: services that draw an image for a label, a whole number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from gexbench.cards.fields import Compare
from gexbench.cards.schema import TaskCard
from gexbench.core.attack import Progress, Surrogate
from gexbench.core.dataset import Dataset
from gexbench.core.defense import Defense
from gexbench.core.images import to_uint8
from gexbench.engine.kinds import contact_sheet
from gexbench.engine.kinds.endpoint import Batch, OpenVictim
from gexbench.engine.kinds.evidence import TestEvidence, valid
from gexbench.engine.kinds.guard import Front, Tests, Way
from gexbench.engine.kinds.kind import TaskKind, Witnesses
from gexbench.engine.wire.messages import AnswerUnmetered, DrawUnmetered, Query, Sample, Unmetered
from gexbench.errors import QueryError
from gexbench.plan import Plan


@dataclass(frozen=True)
class LabelEndpoint:
    """Draw images for labels."""

    front: Front
    side: int

    def batch(self, question: Query | Sample, asked: int) -> Batch:
        if not isinstance(question, Query) or question.x.dtype != torch.int64:
            raise QueryError("this service takes labels", "ask with oracle.query(labels)")
        labels = question.x
        digests = [f"label {label} number {asked + i}".encode() for i, label in enumerate(labels.tolist())]
        return Batch(
            digests,
            (3, self.side, self.side),
            lambda new, paid: self.front.answer(labels[new], [digests[i] for i in new], paid),
        )

    def unmetered(self, question: AnswerUnmetered | DrawUnmetered) -> Unmetered:
        assert isinstance(question, AnswerUnmetered)
        labels = [f"label {label}".encode() for label in question.x.tolist()]
        return Unmetered(plain=self.front.plain(question.x), guarded=self.front.honest(question.x, labels))


def drawn(victim: OpenVictim, labels: Tensor) -> Tensor:
    size = victim.latent_size or 0
    latents = [torch.randn(size, generator=torch.Generator().manual_seed(int(label))) for label in labels]
    return to_uint8(victim.answer(torch.stack(latents)).clamp(0, 1))


class LabelledSampling(TaskKind):
    way = Way("guard_label", lambda got, like: "", lambda labels: labels, drawn)

    def check(self, plan: Plan, dataset: Dataset) -> None:
        """Nothing is needed."""

    def has_pairs(self, task: TaskCard, compare: Compare) -> bool:
        return compare == "B"

    def truth(self, dataset: Dataset) -> Sequence[Tensor]:
        return dataset.owner()

    def endpoint(self, plan: Plan, victim: OpenVictim, front: Front) -> LabelEndpoint:
        return LabelEndpoint(front, plan.scale.side or 0)

    def tests(self, plan: Plan, victim: OpenVictim, stored: Sequence[Tensor]) -> Tests:
        return Tests((), lambda number: torch.tensor([number]), 0)

    def packed(self, x: Tensor) -> Tensor:
        return x

    def infer(self, surrogate: Surrogate, x: Tensor) -> Tensor:
        return surrogate(x)

    def evidence(self, witnesses: Witnesses, progress: Progress) -> dict[str, TestEvidence]:
        labels = torch.arange(witnesses.plan.scale.samples or 0) % 10
        victim, made = witnesses.victim(AnswerUnmetered(x=labels)).plain, None
        if witnesses.surrogate is not None:
            made = tuple(to_uint8(valid(witnesses.surrogate.infer(labels), tuple(victim.shape))))
        return {
            name: TestEvidence(tuple(split.names), (), tuple(map(to_uint8, split.truth)), tuple(victim), None, made)
            for name, split in witnesses.tests.items()
        }

    def nearness(self, asked: Iterable[Tensor], evidence: TestEvidence, plan: Plan) -> None:
        return None

    def check_pool(self, plan: Plan, pool: Sequence[Tensor]) -> None:
        pass

    def sheet(self, evidence: TestEvidence, plan: Plan) -> Image.Image:
        return contact_sheet.blocks({"victim": evidence.victim, "copy": evidence.surrogate or ()})

    def shrunk(self, plan: Plan) -> Plan:
        return plan

    def try_defense(self, defense: Defense, scale: int) -> Iterable[tuple[str, Tensor, str]]:
        return ()


KIND = LabelledSampling()
