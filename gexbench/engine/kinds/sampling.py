"""Services that draw images from latents of their own choice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor

from gexbench.cards.fields import Compare
from gexbench.cards.schema import TaskCard
from gexbench.core.attack import Progress, Surrogate
from gexbench.core.dataset import Dataset
from gexbench.core.defense import Defense, History
from gexbench.core.images import round_8bit, to_uint8
from gexbench.engine.kinds import contact_sheet
from gexbench.engine.kinds.endpoint import Batch, OpenVictim
from gexbench.engine.kinds.evidence import Exhibits, TestEvidence, valid
from gexbench.engine.kinds.guard import Front, Tests, Way, image_fault, latent_fault
from gexbench.engine.kinds.kind import Choose, Copy, TaskKind, Tried, Witnesses
from gexbench.engine.wire.messages import AnswerUnmetered, DrawUnmetered, Query, Sample, Unmetered
from gexbench.engine.wire.questions import LONGEST_LATENT, check_count, checked
from gexbench.errors import PlanError, QueryError, RunFailed
from gexbench.plan import Plan

AT_ONCE = 64
FEW, TRIED = 16, 4
JUDGED = 256
"""Images of each model that ownership is judged on, where so many are drawn twice."""
STREAMS = {"queried": "sold", "test": "test"}
"""Streams of latents: those drawn for clients, and those drawn for the test. The words on the right go into every
latent; they are those of the first records, so that these come out again."""


@dataclass(frozen=True)
class Latents:
    """Latents of length `size`, each drawn from its own number alone.

    key: goes into every latent, so that only who has the victim can tell it; seed: goes into those that are drawn for
    clients, not into those of the test, which are the same in every run.
    """

    key: bytes
    size: int
    seed: int

    def drawn(self, stream: str, numbers: Sequence[int]) -> Tensor:
        """Return standard normal latents (n,d), one for each number; stream: one of STREAMS."""
        seed = self.seed if stream == "queried" else ""
        return torch.stack([self._drawn(f"{STREAMS[stream]}/{seed}/{number}") for number in numbers])

    def _drawn(self, text: str) -> Tensor:
        digest = hashlib.blake2b(text.encode(), key=self.key, digest_size=7).digest()
        return torch.randn(self.size, generator=torch.Generator().manual_seed(int.from_bytes(digest, "little")))

    def chance(self, stream: str, number: int) -> bytes:
        """Return what a defense's chance is seeded by; without the key it could tell the streams by trying numbers."""
        return hashlib.blake2b(f"chance/{STREAMS[stream]}/{number}".encode(), key=self.key, digest_size=32).digest()


@dataclass(frozen=True)
class SamplingEndpoint:
    """Draw images.

    side: of the images. shows_latents: whether latents leave with the images.
    """

    front: Front
    latents: Latents
    side: int
    shows_latents: bool = False

    def batch(self, question: Query | Sample, asked: int) -> Batch:
        """Return what a question asks: images number `asked` and on; raises QueryError for anything but a count."""
        if not isinstance(question, Sample):
            raise QueryError("this service draws images and takes none", "ask with oracle.sample(n)")
        check_count(question.n, self.side)
        numbers = range(asked, asked + question.n)
        latents, digests = self.latents.drawn("queried", numbers), [sample_digest(number) for number in numbers]
        chances = [self.latents.chance("queried", number) for number in numbers]
        return Batch(
            digests,
            (3, self.side, self.side),
            lambda new, paid: self.front.answer(latents[new], [chances[i] for i in new], paid),
            {"z": latents} if self.shows_latents else {},
        )

    def unmetered(self, question: AnswerUnmetered | DrawUnmetered) -> Unmetered:
        """Return images for the test."""
        if not isinstance(question, DrawUnmetered):
            raise QueryError("this service draws test images and takes none", "send numbers")
        numbers = range(question.first, question.first + question.n)
        latents, chances = self.latents.drawn("test", numbers), [self.latents.chance("test", n) for n in numbers]
        return Unmetered(plain=self.front.plain(latents), guarded=self.front.honest(latents, chances))


def drawn_from(victim: OpenVictim, z: Tensor) -> Tensor:
    """Return a victim's images: latents (n,d) to (n,3,side,side) uint8."""
    return torch.cat([to_uint8(victim.answer(part).clamp(0, 1)) for part in z.split(AT_ONCE)])


def sample_digest(number: int) -> bytes:
    """Return what makes two draws the same in a ledger: their number."""
    return hashlib.sha256(f"sample {number}".encode()).digest()


def surrogate_latents(numbers: Iterable[int], size: int, seed: int) -> Tensor:
    """Return standard normal latents for a surrogate, one for each number, each depending on seed and number alone."""
    digests = [hashlib.blake2b(f"surrogate/{seed}/{number}".encode(), digest_size=7).digest() for number in numbers]
    generators = [torch.Generator().manual_seed(int.from_bytes(digest, "little")) for digest in digests]
    return torch.stack([torch.randn(size, generator=generator) for generator in generators])


class Sampling(TaskKind):
    """Victim and surrogate draw as many images as the task is scored on; truth is a set of real images."""

    way = Way("guard_latent", latent_fault, lambda z: z.float(), drawn_from)

    def check(self, plan: Plan, dataset: Dataset) -> None:
        """Raise PlanError where the card does not say what is drawn, or fewer real images are held back than scored."""
        scale, name = plan.scale, plan.profile.name
        for field, value in (("samples", scale.samples), ("side", scale.side)):
            if value is None:
                raise PlanError(
                    f"task {plan.task.name!r} is of the kind {plan.task.kind!r} and lacks profile.{name}.{field}",
                    "say on its card how many images are drawn to be scored, and of what side",
                )
        for split, test in dataset.tests().items():
            if len(test.truth) < (scale.samples or 0):
                raise PlanError(
                    f"task {plan.task.name!r} is scored on {scale.samples} images; test split {split!r} of data set "
                    f"{plan.dataset.name!r} has {len(test.truth)} real ones",
                    f"hold more images back, or set samples in profile.{name} of the task lower",
                )

    def check_pool(self, plan: Plan, pool: Sequence[Tensor]) -> None:
        """Let any pool pass: nobody asks about it."""

    def has_pairs(self, task: TaskCard, compare: Compare) -> bool:
        """Say that no image drawn belongs to another."""
        return False

    def truth(self, dataset: Dataset) -> Sequence[Tensor]:
        """Return the images the victim learned from."""
        return dataset.owner()

    def endpoint(self, plan: Plan, victim: OpenVictim, front: Front) -> SamplingEndpoint:
        """Return what draws images."""
        assert plan.scale.side is not None  # see check
        return SamplingEndpoint(front, _latents(plan, victim), plan.scale.side, "latents" in plan.attack.needs)

    def tests(self, plan: Plan, victim: OpenVictim, stored: Sequence[Tensor]) -> Tests:
        """Return what is drawn to be scored, and where a metric asks what was queried as much as a client may query."""
        latents, scored = _latents(plan, victim), plan.scale.samples or 0
        count = max(scored, plan.budget) if _asks_what_was_queried(plan) else scored
        chances = [latents.chance("test", number) for number in range(count)]
        return Tests(chances, lambda number: latents.drawn("test", [number]), scored)

    def tried(self, plan: Plan, victim: OpenVictim, sizes: Sequence[tuple[int, int]]) -> Sequence[Tried]:
        """Return a few latents; raises PlanError where their length is unknown."""
        assert plan.scale.side is not None  # see check
        size, way_out = victim.latent_size, "write a card with latent_size in [net], or give the network that attribute"
        if size is None:
            raise PlanError(f"victim {plan.victim.name!r} does not say how long its latents are", way_out)
        side = plan.scale.side
        return [Tried(z, (side, side)) for z in surrogate_latents(range(TRIED), size, 0).split(1)]

    def packed(self, x: Tensor) -> Tensor:
        """Return images as 8-bit images, which the service then refuses."""
        return to_uint8(checked(x))

    def infer(self, surrogate: Surrogate, x: Tensor) -> Tensor:
        """Return a surrogate's raw output for latents (N,d)."""
        try:
            return surrogate(x)
        except Exception as error:  # a surrogate is foreign code
            told = f"the surrogate says latent_size {x.shape[1]} and cannot take latents of the shape {tuple(x.shape)}"
            raise ValueError(f"{told} ({type(error).__name__}: {error})") from error

    def probe(self, pool: Sequence[Tensor], latent_size: int | None, seed: int) -> Tensor | None:
        """Return the first latents."""
        return None if latent_size is None else surrogate_latents(range(4), latent_size, seed)

    def evidence(self, witnesses: Witnesses, progress: Progress) -> dict[str, TestEvidence]:
        """Have victim and surrogate draw as many images as are scored, the same for every split of real ones."""
        drawn = _drawn(witnesses, progress)
        if _asks_what_was_queried(witnesses.plan):
            drawn = _with_transfer_set(drawn, witnesses, progress)
        return {
            name: replace(drawn, names=tuple(split.names), truth=tuple(to_uint8(image) for image in split.truth))
            for name, split in witnesses.tests.items()
        }

    def exhibits(self, tests: Mapping[str, TestEvidence], witnesses: Witnesses, choose: Choose) -> Exhibits:
        """Return the first images that suspect and victim drew, and others of the victim's, marked and plain."""
        drawn = next(iter(tests.values()))
        assert drawn.guarded is not None  # see TaskKind.exhibits
        suspect, n = drawn.surrogate or drawn.guarded, min(JUDGED, len(drawn.victim) // 2)
        others = slice(n, 2 * n)
        return Exhibits((), suspect[:n], drawn.victim[:n], drawn.guarded[others], drawn.victim[others])

    def shown(self, copy: Copy, exhibits: Exhibits) -> tuple[Tensor, ...]:
        """Return as many images that a model drew, from latents that are the same in every run."""
        size, shape, images = _latent_size(copy), exhibits.plain[0].shape, list[Tensor]()
        for first in range(0, len(exhibits.plain), AT_ONCE):
            numbers = range(first, min(len(exhibits.plain), first + AT_ONCE))
            drawn = copy.infer(surrogate_latents(numbers, size, 0))
            images.extend(to_uint8(valid(drawn, (len(numbers), *shape))))
        return tuple(images)

    def nearness(self, asked: Iterable[Tensor], evidence: TestEvidence, plan: Plan) -> None:
        """Return nothing: test images cannot be asked about."""

    def sheet(self, evidence: TestEvidence, plan: Plan) -> Image.Image:
        """Return blocks of what victim and surrogate drew, and of real images."""
        blocks = {"victim": evidence.victim}
        if evidence.surrogate is not None:
            blocks[plan.attack.name] = evidence.surrogate
        return contact_sheet.blocks({**blocks, "real": evidence.truth})

    def shrunk(self, plan: Plan) -> Plan:
        """Return a plan that draws few images to be scored."""
        scale = plan.scale.model_copy(update={"samples": min(FEW, plan.scale.samples or FEW)})
        task = plan.task.model_copy(update={"profile": {**plan.task.profile, plan.profile.name: scale}})
        return plan.model_copy(update={"task": task})

    def try_defense(self, defense: Defense, scale: int) -> Iterable[tuple[str, Tensor, str]]:
        """Feed a defense a latent and the image drawn from it."""
        generator = torch.Generator().manual_seed(0)
        z = torch.randn(1, 16, generator=generator)
        y = round_8bit(torch.rand(1, 3, 32, 32, generator=generator))
        history = History(0, generator)
        fed = defense.guard_latent(z.clone(), history)
        yield "guard_latent", fed, latent_fault(fed, z)
        left = defense.guard_output(z.clone(), y.clone(), history)
        yield "guard_output", left, image_fault(left, y)


def _latents(plan: Plan, victim: OpenVictim) -> Latents:
    assert victim.latent_size is not None  # a victim that draws says how long its latents are
    return Latents(victim.secret("latents"), victim.latent_size, plan.seed)


def _asks_what_was_queried(plan: Plan) -> bool:
    return any(metric.against == "queried" for metric in plan.metrics)


def _drawn(witnesses: Witnesses, progress: Progress) -> TestEvidence:
    plan, copy = witnesses.plan, witnesses.surrogate
    count, size = plan.scale.samples or 0, None if copy is None else _latent_size(copy)
    plain: list[Tensor] = []
    guarded: list[Tensor] = []
    surrogate: list[Tensor] = []
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(count, first + AT_ONCE))
        answers = witnesses.victim(DrawUnmetered(first=first, n=len(numbers)))
        plain.extend(answers.plain)
        guarded.extend(answers.guarded if answers.guarded is not None else ())
        if copy is not None and size is not None:
            images = copy.infer(surrogate_latents(numbers, size, plan.seed))
            surrogate.extend(to_uint8(valid(images, (len(numbers), *plain[-1].shape))))
        progress("collecting evidence", numbers[-1] + 1, count)
    made = tuple(surrogate) if copy is not None else None
    return TestEvidence((), (), (), tuple(plain), tuple(guarded) or None, made)


def _latent_size(copy: Copy) -> int:
    if copy.latent_size is None:
        raise RunFailed(
            f"the surrogate has no latent_size, a whole number from 1 to {LONGEST_LATENT}",
            "return a module that says how long the latents are that it takes",
        )
    return copy.latent_size


def _with_transfer_set(drawn: TestEvidence, witnesses: Witnesses, progress: Progress) -> TestEvidence:
    """Add what the service answered the attack with, and as many images that it draws for no client.

    The latter are those of the test, more where these are too few. Where a defense guards what leaves it guards both.
    """
    side = witnesses.plan.scale.side
    assert side is not None  # see Sampling.check
    answers = witnesses.transfer_set()
    queried = tuple(torch.frombuffer(bytearray(a), dtype=torch.uint8).reshape(3, side, side) for a in answers)
    unqueried = list(drawn.guarded or drawn.victim)[: len(queried)]
    for first in range(len(unqueried), len(queried), AT_ONCE):
        batch = witnesses.victim(DrawUnmetered(first=first, n=min(AT_ONCE, len(queried) - first)))
        unqueried.extend(batch.plain if batch.guarded is None else batch.guarded)
        progress("drawing what was not queried", len(unqueried), len(queried))
    return replace(drawn, queried=queried, unqueried=tuple(unqueried))


KIND = Sampling()
