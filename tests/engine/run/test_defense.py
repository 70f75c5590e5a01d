"""A defense's process comes and goes with its service; in one process the same defense answers."""

from __future__ import annotations

from pathlib import Path

import torch

from gexbench.engine.run.defense import Confines, DefenseProcess, NearDoor, queried
from gexbench.engine.run.sides import Journal
from gexbench.engine.sandbox.rules import interpreter_rules
from gexbench.engine.service.defense import Bound, FarDoor
from gexbench.engine.wire.guarding import Defends, Guarded, GuardOne, StartDefense
from gexbench.engine.wire.messages import ShowQueried, Unmetered, read

from ..toy_orders import quiet

START = StartDefense(
    entry="gexbench.defenses.gaussian_noise:GaussianNoise", options={"sigma": 4.0}, device="cpu", threads=1
)
ORDER = GuardOne(
    moment="guard_output", x=torch.zeros(1, 3, 8, 8).byte(), y=torch.full((1, 3, 8, 8), 99).byte(), answered=2, seed=5
)


def test_near_and_far_a_defense_gives_the_same_answer(tmp_path: Path) -> None:
    folder = tmp_path / "defense"
    journal = Journal(quiet)
    confines = Confines(folder, tmp_path / "defense.log", interpreter_rules([], [], "cpu"))
    far = DefenseProcess(confines, journal)
    made = []
    for door in (FarDoor(far.service), NearDoor()):
        assert read(door.tell(START, Bound(120.0)), Defends) == Defends(moments=("guard_output",))
        made.append(read(door.tell(ORDER, Bound(120.0)), Guarded).made)
    assert torch.equal(*made)
    far.service.close()
    far.stop()
    assert journal.incidents == []
    assert journal.peak_memory["defense"] > 0


def test_what_was_queried_is_shown_one_by_one_until_there_is_no_more() -> None:
    image = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    asked: list[int] = []

    def ask(question: ShowQueried) -> Unmetered:
        asked.append(question.place)
        if question.place == 3:
            return Unmetered(plain=torch.empty(0))
        return Unmetered(plain=image + question.place, guarded=image + 9)

    found = queried(ask)
    assert found is not None
    assert asked == [0, 1, 2, 3]
    assert [int(plain.unique()) for plain in found.victim] == [0, 1, 2]
    assert [int(left.unique()) for left in found.guarded or ()] == [9, 9, 9]
    assert queried(lambda question: Unmetered(plain=torch.empty(0))) is None
