"""Services that take an image and answer with one: super-resolution, translation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from gexbench.cards.fields import Compare
from gexbench.cards.schema import TaskCard
from gexbench.core.attack import Progress, Surrogate
from gexbench.core.dataset import Dataset, Split
from gexbench.core.defense import Defense, History
from gexbench.core.images import from_uint8, round_8bit, to_uint8
from gexbench.engine.kinds import contact_sheet
from gexbench.engine.kinds.endpoint import Batch, OpenVictim
from gexbench.engine.kinds.evidence import Exhibits, TestEvidence, valid
from gexbench.engine.kinds.guard import Front, Tests, Way, image_fault
from gexbench.engine.kinds.kind import Choose, Copy, TaskKind, Tried, Witnesses
from gexbench.engine.kinds.near_copies import Nearness, TestInputs
from gexbench.engine.wire.messages import AnswerUnmetered, DrawUnmetered, Query, Sample, Unmetered
from gexbench.engine.wire.questions import check_question, checked, question_digest
from gexbench.errors import PlanError, QueryError
from gexbench.plan import Plan

PIXELS_AT_ONCE = 1 << 18
COMMON = 64
"""Test inputs, the first, that every suspect is asked."""


class Answers(NamedTuple):
    """A question (3,h,w) uint8, and what victim, defense and suspect make of it, (3,H,W) uint8."""

    x: Tensor
    plain: Tensor
    marked: Tensor
    suspect: Tensor


@dataclass(frozen=True)
class ImageEndpoint:
    """Answer images with images.

    scale: output side over input side. side: the only side of images the service takes, None for any. largest: the most
    pixels of one question, None for any.
    """

    front: Front
    scale: int
    side: int | None = None
    largest: int | None = None

    def batch(self, question: Query | Sample, asked: int) -> Batch:
        """Return what a question asks; raises QueryError for anything but images the service takes."""
        if not isinstance(question, Query):
            raise QueryError("this service takes images and draws none of its own", "ask with oracle.query(images)")
        x = question.x
        check_question(x, self.side, self.largest)
        digests = digests_of(x)
        shape = (3, x.shape[2] * self.scale, x.shape[3] * self.scale)

        def answer(new: list[int], paid: int) -> Tensor:
            return self.front.answer(x[new], [digests[i] for i in new], paid)

        return Batch(digests, shape, answer, images=x)

    def unmetered(self, question: AnswerUnmetered | DrawUnmetered) -> Unmetered:
        """Return the answers to test inputs."""
        if not isinstance(question, AnswerUnmetered):
            raise QueryError("this service draws no test images of its own", "send test inputs")
        x = question.x
        return Unmetered(plain=self.front.plain(x), guarded=self.front.honest(x, digests_of(x)))


def digests_of(x: Tensor) -> list[bytes]:
    """Return what makes each of the images (N,3,h,w) uint8 the same question as another."""
    return [question_digest(image.shape, image.numpy().tobytes()) for image in x]


def answered(victim: OpenVictim, x: Tensor) -> Tensor:
    """Return a victim's answers: x (N,3,h,w) uint8 to (N,3,s*h,s*w) uint8."""
    at_once = max(1, PIXELS_AT_ONCE // (x.shape[-1] * x.shape[-2]))
    return torch.cat([to_uint8(victim.answer(from_uint8(part)).clamp(0, 1)) for part in x.split(at_once)])


class ImageToImage(TaskKind):
    """Every test input is asked of victim and surrogate; truth is an image for each, or a style."""

    way = Way("guard_input", image_fault, to_uint8, answered)

    def check(self, plan: Plan, dataset: Dataset) -> None:
        """Raise PlanError for a card that says how many images are drawn: nothing is drawn here."""
        if plan.scale.samples is not None:
            raise PlanError(
                f"profile.{plan.profile.name}.samples is for services that draw; task {plan.task.name!r} is of the "
                f"kind {plan.task.kind!r}",
                "take samples off the task's card",
            )

    def check_pool(self, plan: Plan, pool: Sequence[Tensor]) -> None:
        """Raise PlanError where no side is fixed and the task's card does not say how many pixels a question may have.

        A card that says less than the largest image of the pool has is refused, too.
        """
        if plan.scale.side is not None:
            return
        most = max((image.shape[-2] * image.shape[-1] for image in pool), default=0)
        if plan.scale.largest is None or plan.scale.largest < most:
            raise PlanError(
                f"task {plan.task.name!r} takes questions of up to {plan.scale.largest or 'any number of'} pixels at "
                f"profile {plan.profile.name!r}; the largest image of the pool has {most}",
                f"say largest = {most}, or a side, in profile.{plan.profile.name} of the task",
            )

    def has_pairs(self, task: TaskCard, compare: Compare) -> bool:
        """Say that all comparisons have pairs, but those with a style."""
        return task.truth == "pairs" or compare == "B"

    def truth(self, dataset: Dataset) -> Sequence[Tensor]:
        """Return the true outputs of the pool."""
        return dataset.pool().truth

    def endpoint(self, plan: Plan, victim: OpenVictim, front: Front) -> ImageEndpoint:
        """Return what answers images with images."""
        return ImageEndpoint(front, plan.task.scale, plan.scale.side, plan.scale.largest)

    def tests(self, plan: Plan, victim: OpenVictim, stored: Sequence[Tensor]) -> Tests:
        """Return the stored test inputs as questions, each once."""
        numbers = {digests_of(to_uint8(image)[None])[0]: i for i, image in reversed(list(enumerate(stored)))}
        places = sorted((number, digest) for digest, number in numbers.items())
        return Tests([digest for _, digest in places], lambda i: to_uint8(stored[places[i][0]])[None], len(places))

    def tried(self, plan: Plan, victim: OpenVictim, sizes: Sequence[tuple[int, int]]) -> Sequence[Tried]:
        """Return an image of each size."""
        scale = plan.task.scale
        return [Tried(pattern(h, w), (h * scale, w * scale)) for h, w in sizes]

    def packed(self, x: Tensor) -> Tensor:
        """Return images (N,3,h,w) in [0,1] as 8-bit images."""
        return to_uint8(checked(x))

    def infer(self, surrogate: Surrogate, x: Tensor) -> Tensor:
        """Return a surrogate's raw output for 8-bit images (N,3,h,w)."""
        return surrogate(from_uint8(x))

    def probe(self, pool: Sequence[Tensor], latent_size: int | None, seed: int) -> Tensor | None:
        """Return the first image of the pool."""
        return to_uint8(pool[0][None]) if len(pool) else None

    def evidence(self, witnesses: Witnesses, progress: Progress) -> dict[str, TestEvidence]:
        """Ask victim and surrogate about every test input, one at a time."""
        return {name: _asked(split, witnesses, progress) for name, split in witnesses.tests.items()}

    def exhibits(self, tests: Mapping[str, TestEvidence], witnesses: Witnesses, choose: Choose) -> Exhibits:
        """Return answers to what a defense chose, given the first test inputs; answers to these stay as they are."""
        known: dict[bytes, Answers] = {}
        for test in tests.values():
            marked = test.guarded or ()  # see TaskKind.exhibits
            for row in zip(test.inputs, test.victim, marked, test.surrogate or marked, strict=True):
                if len(known) < COMMON:
                    known.setdefault(digests_of(row[0][None])[0], Answers(*row))
        rows: list[Answers] = []
        scale = witnesses.plan.scale
        for x in choose([each.x for each in known.values()]):
            digest = digests_of(x[None])[0]
            if digest not in known:
                check_question(x[None], scale.side, scale.largest)
                known[digest] = _answers(x, witnesses)
            rows.append(known[digest])
        plain = tuple(each.plain for each in rows)
        return Exhibits(
            inputs=tuple(each.x for each in rows),
            suspect=tuple(each.suspect for each in rows),
            plain=plain,
            marked=tuple(each.marked for each in rows),
            unmarked=plain,
        )

    def shown(self, copy: Copy, exhibits: Exhibits) -> tuple[Tensor, ...]:
        """Return a model's answers to the questions, asked one at a time."""
        pairs = zip(exhibits.inputs, exhibits.plain, strict=True)
        return tuple(to_uint8(valid(copy.infer(x[None]), (1, *y.shape))[0]) for x, y in pairs)

    def nearness(self, asked: Iterable[Tensor], evidence: TestEvidence, plan: Plan) -> Nearness:
        """Say how near questions come to the test inputs; asked: images (3,h,w) uint8."""
        return TestInputs(evidence.inputs, plan.scale.side is not None, plan.budget).nearness(asked)

    def sheet(self, evidence: TestEvidence, plan: Plan) -> Image.Image:
        """Return a test image and a zoomed crop of it, or, where it has no truth of its own, a grid of test images."""
        if plan.task.truth != "pairs":
            columns = {"input": evidence.inputs, "victim": evidence.victim}
            if evidence.surrogate is not None:
                columns[plan.attack.name] = evidence.surrogate
            return contact_sheet.rows({**columns, **({"style": evidence.truth} if plan.task.truth == "style" else {})})
        return contact_sheet.zoomed(evidence, plan.task.scale, f"surrogate ({plan.attack.name})")

    def shrunk(self, plan: Plan) -> Plan:
        """Return a plan with the first file of each test split alone."""
        splits = plan.dataset.splits
        tests = {name: split.model_copy(update={"files": split.files[:1]}) for name, split in splits.test.items()}
        dataset = plan.dataset.model_copy(update={"splits": splits.model_copy(update={"test": tests})})
        return plan.model_copy(update={"dataset": dataset})

    def try_defense(self, defense: Defense, scale: int) -> Iterable[tuple[str, Tensor, str]]:
        """Feed a defense an image and its answer."""
        generator = torch.Generator().manual_seed(0)
        x = round_8bit(torch.rand(1, 3, 24, 32, generator=generator))
        y = round_8bit(torch.rand(1, 3, 24 * scale, 32 * scale, generator=generator))
        history = History(0, generator)
        fed = defense.guard_input(x.clone(), history)
        yield "guard_input", fed, image_fault(fed, x)
        left = defense.guard_output(x.clone(), y.clone(), history)
        yield "guard_output", left, image_fault(left, y)


def pattern(height: int, width: int) -> Tensor:
    """Return an image (1,3,height,width) in [0,1] from black to white: slopes, an edge, a little grain."""
    rows, columns = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)[None]
    grain = torch.rand(height, width, generator=torch.Generator().manual_seed(0)) * 0.1
    planes = (rows.expand(height, width), columns.expand(height, width), ((rows + columns) > 1).float())
    return torch.stack([(0.9 * plane + grain).clamp(0, 1) for plane in planes])[None]


def _answers(x: Tensor, witnesses: Witnesses) -> Answers:
    """Ask suspect, victim and defense about an image (3,h,w) uint8."""
    answers, copy = witnesses.victim(AnswerUnmetered(x=x[None])), witnesses.surrogate
    assert answers.guarded is not None  # see TaskKind.exhibits
    suspect = answers.guarded if copy is None else to_uint8(valid(copy.infer(x[None]), tuple(answers.plain.shape)))
    return Answers(x, answers.plain[0], answers.guarded[0], suspect[0])


def _asked(split: Split, witnesses: Witnesses, progress: Progress) -> TestEvidence:
    inputs = tuple(to_uint8(x) for x in split.inputs)
    truth = tuple(to_uint8(t) for t in split.truth)
    victim, guarded, surrogate, copy = [], [], [], witnesses.surrogate
    for done, x in enumerate(inputs):
        answers = witnesses.victim(AnswerUnmetered(x=x[None]))
        victim.append(answers.plain[0])
        if answers.guarded is not None:
            guarded.append(answers.guarded[0])
        if copy is not None:
            surrogate.append(to_uint8(valid(copy.infer(x[None]), (1, *victim[-1].shape))[0]))
        progress("collecting evidence", done + 1, len(inputs))
    return TestEvidence(
        names=tuple(split.names),
        inputs=inputs,
        truth=truth,
        victim=tuple(victim),
        guarded=tuple(guarded) or None,
        surrogate=tuple(surrogate) if copy is not None else None,
    )


KIND = ImageToImage()
