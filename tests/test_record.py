from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from record_factory import Records, save, write_registry

from gexbench.errors import BoardError
from gexbench.record import RunRecord, read_record, seal_of


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(write_registry(tmp_path / "registry"))


@pytest.fixture
def file(records: Records, tmp_path: Path) -> Path:
    return save(records.make(), tmp_path) / "record.json"


def test_a_record_reads_back_as_it_was_written(records: Records, file: Path) -> None:
    assert read_record(file) == records.make()


def test_an_infinite_psnr_survives_the_file(records: Records, tmp_path: Path) -> None:
    record = records.make(b=math.inf)
    again = read_record(save(record, tmp_path) / "record.json")
    assert again.score("psnr-y", "B", "set5") == math.inf
    assert again.seal == record.seal


@pytest.mark.parametrize(
    ("old", "new"), [('"value": 27.0', '"value": 27.5'), ('"seed": 0', '"seed": 1'), ("landlock", "process")]
)
def test_the_seal_shows_an_edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(BoardError, match="changed after it was written"):
        read_record(file)


def test_the_seal_does_not_depend_on_the_files_layout(records: Records, file: Path) -> None:
    data = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(data, sort_keys=True), encoding="utf-8")
    assert read_record(file).seal == records.make().seal


def test_a_record_without_a_seal_is_refused(records: Records, file: Path) -> None:
    file.write_text(records.make().model_copy(update={"seal": ""}).model_dump_json(), encoding="utf-8")
    with pytest.raises(BoardError, match="seal does not match"):
        read_record(file)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a gexbench record"),
        (b"{", "not a gexbench record"),
        (b"[]", "not a gexbench record"),
        (b"\xff\xfe", "not a gexbench record"),
        (b"{}", "id: Field required"),
    ],
)
def test_what_is_no_record_is_refused(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    with pytest.raises(BoardError, match=why):
        read_record(file)


def test_a_record_of_a_later_schema_is_refused(file: Path) -> None:
    data = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**data, "schema_version": 2}), encoding="utf-8")
    with pytest.raises(BoardError, match="schema_version"):
        read_record(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=r"nowhere\.json"):
        read_record(tmp_path / "nowhere.json")


def test_a_score_is_the_mean_over_splits_when_none_is_named(records: Records) -> None:
    record = records.make(b=27.0)
    assert record.score("psnr-y", "B", "set14") == 26.0
    assert record.score("psnr-y", "B") == 26.5
    assert record.score("fid", "B") is None


def test_the_seal_covers_all_but_itself(records: Records) -> None:
    record = records.make()
    data = json.loads(record.model_dump_json())
    assert seal_of({**data, "seal": "other"}) == seal_of(data)
    assert seal_of({**data, "cost_usd": 9.0}) != seal_of(data)


def test_a_record_stays_sealed_when_a_later_version_knows_more_keys(records: Records, tmp_path: Path) -> None:
    data = json.loads(records.make().model_dump_json())
    del data["attack_report"]
    data["seal"] = seal_of(data)
    (tmp_path / "record.json").write_text(json.dumps(data), encoding="utf-8")
    assert read_record(tmp_path / "record.json").attack_report == {}


def test_a_seal_refuses_what_is_no_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        seal_of({"value": math.inf})


def test_records_cannot_be_changed_in_place(records: Records) -> None:
    with pytest.raises(ValueError, match="frozen"):
        records.make().status = "failed"  # type: ignore[misc]
    assert isinstance(records.make(), RunRecord)
