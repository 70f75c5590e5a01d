from __future__ import annotations

import os
from pathlib import Path

import pytest
from record_factory import Records, write_registry

from gexbench.engine.checks.unfinished import unfinished
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.service.ledger import Answered, Ledger
from gexbench.errors import PlanError


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """Return the folder of a run that was stopped after two answers."""
    plan = Records(write_registry(tmp_path / "registry")).plan()
    folder = RunFolder(tmp_path / "runs" / plan.run_name)
    folder.open(plan)
    ledger = Ledger(folder.ledger, plan.id, plan.budget)
    ledger.pay([Answered(b"1", b"a"), Answered(b"2", b"b")], 0)
    ledger.close()
    return folder


def test_it_says_how_many_answers_were_paid_for_and_whether_the_attack_had_ended(run: RunFolder) -> None:
    found = unfinished(run.path)
    assert (found.answered, found.plan.budget, found.extracted, found.running) == (2, 100, False, False)
    run.surrogate.mkdir()
    assert unfinished(run.path).extracted


def test_it_sees_a_process_that_is_at_it_and_keeps_none_out(run: RunFolder) -> None:
    with run.locked():
        assert unfinished(run.path).running
    assert not unfinished(run.path).running
    with run.locked():
        pass


def test_looking_changes_nothing(run: RunFolder) -> None:
    before = {path: path.stat().st_mtime_ns for path in sorted(run.path.rglob("*"))}
    unfinished(run.path)
    assert {path: path.stat().st_mtime_ns for path in sorted(run.path.rglob("*"))} == before


@pytest.mark.parametrize("broken", [b"", b"SQLite format 3\x00 and no more", None])
def test_a_ledger_that_is_none_holds_no_answer(run: RunFolder, broken: bytes | None) -> None:
    for file in run.ledger.parent.iterdir():
        os.unlink(file)
    if broken is not None:
        run.ledger.write_bytes(broken)
    assert unfinished(run.path).answered == 0


def test_a_plan_that_is_none_is_refused(run: RunFolder) -> None:
    (run.path / "plan.json").write_text("{}")
    with pytest.raises(PlanError, match="is not a plan"):
        unfinished(run.path)
