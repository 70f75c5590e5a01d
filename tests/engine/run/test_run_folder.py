"""The folder of a run: a record gets there whole and stays, and what an attack leaves is believed in nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from record_factory import Records, write_registry

from gexbench.engine.run.run_folder import RunFolder
from gexbench.errors import OutputError
from gexbench.plan import Plan
from gexbench.record import RunRecord, read_record

WEIGHTS = safetensors.torch.save({"gain": torch.ones(3)})


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run folder with its folders."""
    made = RunFolder(tmp_path / "run")
    (made.work / "surrogate").mkdir(parents=True)
    return made


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    return Records(write_registry(tmp_path / "registry")).make()


def failed(record: RunRecord, reason: str) -> RunRecord:
    return record.model_copy(update={"status": "failed", "reason": reason})


def test_opening_makes_the_folders_and_writes_the_plan(tmp_path: Path, record: RunRecord) -> None:
    folder = RunFolder(tmp_path / "runs" / "one")
    folder.open(record.plan)
    folder.open(record.plan)  # a run that goes on
    assert Plan.model_validate_json((folder.path / "plan.json").read_bytes()) == record.plan
    assert all(made.is_dir() for made in (folder.work, folder.brief, folder.ledger.parent))


@pytest.mark.parametrize("use", [lambda f, plan: f.open(plan), lambda f, plan: f.locked().__enter__()])
def test_a_place_that_cannot_be_written_is_named(
    tmp_path: Path, record: RunRecord, use: Callable[[RunFolder, Plan], object]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=f"cannot write {tmp_path / 'file' / 'run'}") as refused:
        use(RunFolder(tmp_path / "file" / "run"), record.plan)
    assert refused.value.hint


def test_a_second_bench_is_kept_out_until_the_first_has_left(folder: RunFolder) -> None:
    with folder.locked(), pytest.raises(OutputError, match="another gexbench is running"), folder.locked():
        pass
    with folder.locked():
        pass


def test_a_run_is_finished_when_its_record_says_that_it_ended_well(folder: RunFolder, record: RunRecord) -> None:
    assert folder.finished() is None
    folder.put_record(failed(record, "first"))
    assert folder.finished() is None
    kept = folder.put_record(record)
    assert folder.finished() == kept


def test_a_record_is_sealed_and_an_earlier_one_is_kept_beside_it(folder: RunFolder, record: RunRecord) -> None:
    for reason in ("first", "second"):
        assert folder.put_record(failed(record, reason)).seal != record.seal
    folder.put_record(record)
    assert read_record(folder.record) == record.sealed()
    earlier = sorted(folder.path.glob("record.failed-*.json"))
    assert [path.name for path in earlier] == ["record.failed-1.json", "record.failed-2.json"]
    assert [read_record(path).reason for path in earlier] == ["first", "second"]


def test_what_the_attack_made_is_nowhere_to_be_found_while_it_is_put_away(folder: RunFolder) -> None:
    folder.brief.mkdir()
    (folder.work / "notes").write_text("learned")
    folder.log.write_text("printed")
    with folder.put_away():
        assert not any(path.exists() for path in (folder.work, folder.brief, folder.log))
    assert ((folder.work / "notes").read_text(), folder.log.read_text()) == ("learned", "printed")
    assert not list(folder.path.glob(".away-*"))


def test_what_was_put_away_when_the_bench_was_killed_is_gone_when_it_starts_anew(
    folder: RunFolder, record: RunRecord
) -> None:
    folder.put_away().__enter__()
    folder.open(record.plan, anew=True)
    assert not list(folder.path.glob(".away-*"))
    assert list(folder.work.iterdir()) == []


def test_no_run_can_guess_where_another_attack_works_and_a_run_finds_its_own_again(
    tmp_path: Path, record: RunRecord
) -> None:
    one, other = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "other")
    one.open(record.plan)
    assert one.work.name != other.work.name
    assert len(one.work.name) == 32
    assert RunFolder(tmp_path / "one").work == one.work


def test_an_attempt_that_failed_in_its_test_is_charged_and_one_that_was_killed_there_is_not(
    tmp_path: Path, record: RunRecord
) -> None:
    folder = RunFolder(tmp_path / "one")
    folder.open(record.plan)
    folder.timesheet.write_text("{}")
    folder.open(record.plan)
    assert folder.timesheet.exists()
    folder.put_record(failed(record, "no"))
    folder.open(record.plan, anew=True)
    assert folder.timesheet.exists()
    folder.record.unlink()
    folder.open(record.plan, anew=True)
    assert not folder.timesheet.exists()


def test_a_defense_starts_in_an_empty_folder_of_a_name_that_is_new_each_time(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    first = folder.new_defense()
    first.mkdir(parents=True)
    (first / "remembered").touch()
    second = folder.new_defense()
    assert second != first
    assert not (tmp_path / "defense").exists()
