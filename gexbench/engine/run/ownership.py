"""Ownership as a stage of a run: what its defense concludes of the surrogate, of innocents, and of answers themselves.

The defense judges in a process of its own that has seen nothing of the run: it has its key and what it prepared. One
model after the other is shown to it, in an order that nobody knows, always under the same name. Thresholds, ranks and
verdicts are the bench's.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from gexbench.core.attack import Progress
from gexbench.engine.kinds.evidence import Exhibits, TestEvidence
from gexbench.engine.kinds.kind import Witnesses
from gexbench.engine.run.defense import Confines, DefenseProcess, NearDoor
from gexbench.engine.run.innocents import Shown, shown_innocents
from gexbench.engine.run.isolation import Isolation, claim_confines
from gexbench.engine.run.orders import Setting, claim_order, private
from gexbench.engine.run.sides import Journal
from gexbench.engine.service.defense import FarDoor, Guard
from gexbench.engine.service.ledger import images_asked
from gexbench.engine.store.weights import file_sha256
from gexbench.engine.wire.guarding import AskQuestions, Judge, StartDefense
from gexbench.engine.wire.image_file import store_images
from gexbench.engine.wire.questions import question_digest
from gexbench.errors import QueryError
from gexbench.ownership import Innocent, Ownership, Scored, judged
from gexbench.record import REDRAWN

MOST_ASKED = 1 << 29
"""Bytes of what clients asked that a defense may choose among, the first."""
JUDGED_WITHIN = 3600.0
"""Seconds for all models of one trial."""
KEPT = ("questions", "plain", "suspect", "marked", "unmarked")
"""What is kept of a trial, so that other suspects can be held to it."""


@dataclass(frozen=True)
class Court:
    """Where a defense judges: its guard, the folder that it reads, and what shows how far it is."""

    guard: Guard
    shown: Path
    progress: Progress

    def chosen(self, asked: Path, common: Sequence[Tensor]) -> list[Tensor]:
        """Return what the defense wants suspects to be asked, `common` where it names none.

        asked: a file below `shown`. So a defense whose questions are those of clients judges models of who asked none.
        """
        store_images(self.shown / "common.safetensors", common)
        own = self.guard.questions(AskQuestions(asked=asked, common=self.shown / "common.safetensors"))
        return own or list(common)

    def scores(self, exhibits: Exhibits, models: Mapping[str, Sequence[Tensor]]) -> dict[str, Scored]:
        """Return what the defense concludes of each model's outputs, in whatever order."""
        order = Judge(
            outputs=self.shown / "outputs.safetensors",
            questions=self.shown / "questions.safetensors" if exhibits.inputs else None,
            plain=self.shown / "plain.safetensors",
        )
        store_images(self.shown / "questions.safetensors", exhibits.inputs)
        store_images(order.plain, exhibits.plain)
        names = random.SystemRandom().sample(sorted(models), len(models))
        found: dict[str, Scored] = {}
        until = time.monotonic() + JUDGED_WITHIN
        for done, name in enumerate(names):
            if time.monotonic() > until:
                raise self.guard.fault("claim", f"had not judged {len(names)} models after {JUDGED_WITHIN:g} s")
            store_images(order.outputs, models[name])
            found[name] = self.guard.claim(order)
            self.progress("judging ownership", done + 1, len(names))
        return found


def ownership(
    setting: Setting, isolation: Isolation, journal: Journal, tests: Mapping[str, TestEvidence], witnesses: Witnesses
) -> Ownership:
    """Return the verdict on the surrogate of a run whose defense claims, and leave what was judged in its folder.

    Raises RunFailed naming the defense, and the moment, where it fails.
    """
    defense = setting.plan.defense
    assert defense is not None
    shown = setting.folder.new_trial()
    order = claim_order(setting.plan, setting.folder, setting.catalog, setting.hardware)
    where = None
    if isolation != "none":
        where = claim_confines(setting.folder, order, private(setting), shown)
    with judging(defense.name, order, where, journal) as guard:
        court = Court(guard, shown, journal.progress)
        own = {name: test for name, test in tests.items() if not name.startswith(REDRAWN)}
        exhibits = _exhibits(setting, court, own, witnesses)
        innocents = shown_innocents(setting.plan, setting.catalog, exhibits, journal.progress)
        verdict = tried(court, exhibits, exhibits.suspect, innocents)
    return verdict.model_copy(update={"evidence_sha256": keep_trial(setting.folder.trial, exhibits)})


def tried(court: Court, exhibits: Exhibits, suspect: Sequence[Tensor], innocents: Shown) -> Ownership:
    """Return the verdict on one model's outputs."""
    models: dict[str, Sequence[Tensor]] = {"suspect": suspect, "marked": exhibits.marked, "plain": exhibits.unmarked}
    others = {each.id: each for each in innocents.models}
    found = court.scores(exhibits, {**models, **{name: each.outputs for name, each in others.items()}})
    return judged(
        found["suspect"],
        found["marked"],
        found["plain"],
        [
            Innocent(id=name, made=each.made, score=found[name].score, p=found[name].p, sets_threshold=False)
            for name, each in others.items()
        ],
        outputs=len(exhibits.plain),
        asked=exhibits.asked,
        note=innocents.note,
    )


@contextmanager
def judging(name: str, order: StartDefense, where: Confines | None, journal: Journal) -> Iterator[Guard]:
    """Have a defense judge inside the block, in a process with these confines or, without any, in this one."""
    process = None if where is None else DefenseProcess(where, journal, "claim")
    try:
        guard = Guard(name, NearDoor() if process is None else FarDoor(process.service), 0.0, 0, b"")
        guard.start(order)
        if "claim" not in guard.moments:
            raise guard.fault("claim", "is missing: its card says that it claims, and its class has no such method")
        yield guard
    finally:
        if process is not None:
            process.service.close()
            process.stop()


def _exhibits(setting: Setting, court: Court, tests: Mapping[str, TestEvidence], witnesses: Witnesses) -> Exhibits:
    asked: set[bytes] = set()

    def choose(common: Sequence[Tensor]) -> Sequence[Tensor]:
        images = list(_asked(setting.folder.ledger))
        asked.update(map(_digest, images))
        store_images(court.shown / "asked.safetensors", images)
        return court.chosen(court.shown / "asked.safetensors", common)

    try:
        exhibits = setting.kind.exhibits(tests, witnesses, choose)
    except QueryError as error:
        raise court.guard.fault("questions", f"returned what the service refuses: {error}") from None
    return replace(exhibits, asked=sum(_digest(x) in asked for x in exhibits.inputs))


def _asked(ledger: Path) -> Iterator[Tensor]:
    left = MOST_ASKED
    for pixels, height in images_asked(ledger):
        left -= len(pixels)
        if left < 0:
            return
        yield torch.frombuffer(bytearray(pixels), dtype=torch.uint8).reshape(3, height, -1)


def _digest(x: Tensor) -> bytes:
    return question_digest(x.shape, x.numpy().tobytes())


def keep_trial(trial: Path, exhibits: Exhibits) -> str:
    """Write what was judged into a folder, from where nobody reads it that judges, and return its digest."""
    images = (exhibits.inputs, exhibits.plain, exhibits.suspect, exhibits.marked, exhibits.unmarked)
    for name, kept in zip(KEPT, images, strict=True):
        store_images(trial / f"{name}.safetensors", kept)
    shutil.rmtree(trial / "shown", ignore_errors=True)
    return trial_digest(trial)


def trial_digest(trial: Path) -> str:
    """Return the SHA-256 over the files of a trial; raises OSError where one is missing."""
    lines = [f"{name} {file_sha256(trial / f'{name}.safetensors')}\n" for name in KEPT]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
