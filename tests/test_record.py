from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from record_factory import Records, behind_an_address, changed, honest_cost, save, write_registry

from gexbench.errors import BoardError, PlanError
from gexbench.record import (
    Account,
    Bill,
    HonestCost,
    Nearness,
    RunRecord,
    faults,
    less,
    read_record,
    record_file,
    seal_of,
)


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
        (b"<html>", "it is a web page"),
        (b"\x1f\x8b\x08", "it is a gzip archive"),
        (b"\xff\xfe", "not a gexbench record"),
        (b"{}", "id: Field required"),
        (b"{", "file: Invalid JSON"),
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


def written(record: RunRecord, path: str, value: object, folder: Path) -> Path:
    """Write a record with one value replaced and a seal that fits; `path` such as "account.asked" or "scores.0.n"."""
    data = json.loads(record.model_dump_json())
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = data
    for part in way:
        place = place[part]
    place[last] = value
    data["seal"] = seal_of(data)
    file = folder / "forged.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    return file


def test_a_record_that_is_written_anew_with_the_value_it_had_is_read(records: Records, tmp_path: Path) -> None:
    assert read_record(written(records.make(), "account.asked", 100, tmp_path)) == records.make()


@pytest.mark.parametrize(
    ("costs", "why"),
    [
        ((honest_cost("queries", 64, float("nan")),), "lpips-alex queried on queries is nan"),
        ((honest_cost("queries", 64), honest_cost("queries", 64)), "lpips-alex queried on queries stands there twice"),
        ((honest_cost("set5", 64),), "lpips-alex queried is on set5"),
    ],
    ids=["nan", "twice", "a test"],
)
def test_a_cost_on_what_an_attack_asked_is_held_to_the_same(
    records: Records, costs: tuple[HonestCost, ...], why: str
) -> None:
    record = records.make(defense="jpeg")
    assert list(faults(changed(record, "queried_cost", (honest_cost("queries", 64),)))) == []
    assert why in list(faults(changed(record, "queried_cost", costs)))


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("id", "\x1b[31mred", "id: String should match"),
        ("account.answered", -1, "account.answered: Input should be greater"),
        ("account.refused", -5, "account.refused"),
        ("account.sessions", -1, "account.sessions"),
        ("account.asked", 101, "asked 101 is not answered"),
        ("account.budget", 99, "100 answered, and the budget is 99"),
        ("plan.budget", 0, "plan.budget is 0"),
        ("plan.seed", -1, "plan.seed is -1"),
        ("plan.seed", 2**31, "plan.seed is 2147483648"),
        ("plan.deadline", "NaN", "plan.deadline is nan"),
        ("plan.deadline", "Infinity", "plan.deadline is inf"),
        ("plan.deadline", 0.0, "plan.deadline is 0"),
        ("plan.task.price", "Infinity", "plan.task.price"),
        ("plan.metrics.0.tolerance", "Infinity", "tolerance"),
        ("plan.task.profile.mini.deadline", "Infinity", "deadline"),
        ("scores.0.value", "NaN", "psnr-y A on set5 is nan"),
        ("scores.0.value", "-Infinity", "psnr-y A on set5 is -inf"),
        ("scores.1.value", "Infinity", "lpips-alex A on set5 is inf"),
        ("scores.0.n", 0, "scores.0.n"),
        ("scores.0.se", -0.1, "scores.0.se"),
        ("scores.0.se", "NaN", "scores.0.se"),
        ("scores.0.se", "Infinity", "scores.0.se"),
        ("scores.0.seed", 1, "psnr-y A on set5 is of seed 1, and the run of 0"),
        ("scores.0.compare", "B", "psnr-y B on set5 stands there twice"),
        ("scores.0.metric", "fid", "fid A on set5 is of a metric that its plan does not have"),
        ("scores.0.passport.metric", "lpips-alex", "of a metric that its plan does not have"),
        ("scores.0.unit", "1", "another unit or direction"),
        ("scores.0.higher_is_better", False, "another unit or direction"),
        ("scores.0.floor", {"value": "NaN", "n": 2}, "psnr-y A on set5 is nan"),
        ("honest_cost.0.value", "NaN", "lpips-alex honest on set5 is nan"),
        ("honest_cost.0.value", "Infinity", "lpips-alex honest on set5 is inf"),
        ("honest_cost.0.value", "-Infinity", "lpips-alex honest on set5 is -inf"),
        ("honest_cost.0.n", -5, "honest_cost.0.n"),
        ("honest_cost.0.test", "set14", "lpips-alex honest on set14 stands there twice"),
        ("cost_usd", -1.0, "cost_usd"),
        ("reason", None, "reason: Input should be a valid string"),
        ("incidents", [3], "incidents.0"),
        ("absent", {"fid": None}, "absent.fid"),
        ("attack_report", {"loss": None}, "attack_report.loss"),
        ("attack_report", {"loss": [1]}, "attack_report.loss"),
        ("cost_usd", "Infinity", "cost_usd is inf"),
        ("seconds", {"training": "NaN"}, "seconds.training"),
        ("peak_memory_bytes", {"attack": -1}, "peak_memory_bytes.attack"),
        ("provenance.threads", -1, "provenance.threads"),
        ("cost_usd", -0.01, "cost_usd"),
        ("seconds", {"training": -0.5}, "seconds.training"),
        ("scores.0.floor", {"value": 1.0, "n": 0}, "scores.0.floor.n"),
        ("scores.0.floor", {"value": "-Infinity", "n": 2}, "psnr-y A on set5 is -inf"),
        ("honest_cost.0.passport.metric", "psnr-y", "of a metric that its plan does not have"),
    ],
)
def test_a_number_that_no_run_can_have_written_is_refused_whatever_the_seal(
    records: Records, tmp_path: Path, path: str, value: object, why: str
) -> None:
    file = written(records.make(defense="jpeg"), path, value, tmp_path)
    with pytest.raises(BoardError, match="is not a gexbench record") as refused:
        read_record(file)
    assert why in str(refused.value)


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_bare_number_that_json_does_not_know_is_refused(records: Records, tmp_path: Path, token: str) -> None:
    text = records.make().model_dump_json().replace('"attack_report":{}', f'"attack_report":{{"loss":{token}}}')
    (tmp_path / "bare.json").write_text(text, encoding="utf-8")
    with pytest.raises(BoardError, match=r"bare\.json"):
        read_record(tmp_path / "bare.json")


def test_only_a_regular_file_of_bounded_size_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "vast").open("wb") as vast:
        vast.truncate(1 << 31)
    for path, why in (
        (Path("/dev/zero"), "not a regular file"),
        (tmp_path / "pipe", "not a regular file"),
        (tmp_path / "vast", "more than 16 MiB"),
        (tmp_path, "Is a directory"),
        (tmp_path / ("x" * 300), "File name too long"),
        (Path("a\0b"), "no name of a file"),
    ):
        with pytest.raises(BoardError, match=why):
            read_record(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=r"nowhere\.json"):
        read_record(tmp_path / "nowhere.json")


def test_a_score_is_the_mean_over_splits_when_none_is_named(records: Records) -> None:
    record = records.make(b=27.0)
    assert record.score("psnr-y", "B", "set14") == 26.0
    assert record.score("psnr-y", "B") == 26.5


def test_the_error_of_a_mean_over_splits_is_known_where_all_their_errors_are(records: Records) -> None:
    record = records.make()

    def told(**errors: float | None) -> RunRecord:
        scores = tuple(s.model_copy(update={"se": errors[s.test]}) for s in record.scores)
        return changed(record, "scores", scores)

    assert told(set5=3.0, set14=4.0).error("psnr-y", "B", "set14") == 4.0
    assert told(set5=3.0, set14=4.0).error("psnr-y", "B") == pytest.approx(2.5)
    assert told(set5=3.0, set14=None).error("psnr-y", "B") is None
    assert told(set5=3.0, set14=None).error("psnr-y", "B", "set5") == 3.0
    assert record.error("psnr-y", "B") is None


def test_a_metric_that_was_not_measured_has_no_score(records: Records) -> None:
    assert changed(records.make(), "scores", ()).score("psnr-y", "B") is None
    assert records.make("victim").score("psnr-y", "B") is None


@pytest.mark.parametrize(
    ("asked", "what", "hint"),
    [
        (("psnr", "B"), "no metric 'psnr'", "did you mean psnr-y?"),
        (("psnr-y", "b"), "no comparison 'b'", "known: A, B, C"),
        (("psnr-y", "B", "set6"), "no test split 'set6'", "did you mean set5"),
    ],
)
def test_what_the_plan_does_not_have_is_refused_with_the_nearest(
    records: Records, asked: tuple[Any, ...], what: str, hint: str
) -> None:
    with pytest.raises(PlanError, match=what) as caught:
        records.make().score(*asked)
    assert hint in caught.value.hint


def test_a_record_shows_itself_in_three_lines(records: Records) -> None:
    record = records.make(defense="jpeg", seed=2)
    assert str(record) == repr(record)
    assert repr(record).splitlines() == [
        "srresnet on sr@1 against jpeg · mini · seed 2 · ok",
        "psnr-y  A 29.5000  B 26.5000  C 24.5000 dB",
        "100 of 100 answered, 0 replayed, 0 refused; 1.00 USD; isolation landlock",
    ]


def test_a_failed_record_shows_why_in_one_of_its_three_lines(records: Records) -> None:
    failed = changed(changed(records.make(), "status", "failed"), "reason", "the loss\nis nan")
    assert repr(failed).splitlines()[:2] == ["srresnet on sr@1 · mini · seed 0 · failed", "the loss is nan"]
    assert len(repr(changed(records.make(), "scores", ())).splitlines()) == 3


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


def test_halves_of_surrogates_that_foreign_code_said_do_not_keep_a_record_from_being_written(
    records: Records, tmp_path: Path
) -> None:
    said = {
        "reason": "a\ud800",
        "incidents": ["b\udfff"],
        "absent": {"fid": "c\ud800"},
        "attack_report": {"d\ud800": "\ud800"},
    }
    record = RunRecord.model_validate({**dict(records.make()), **said}).sealed()
    again = read_record(save(record, tmp_path) / "record.json")
    assert (again.reason, again.incidents, again.absent) == ("a?", ("b?",), {"fid": "c?"})
    assert again.attack_report == {"d?": "?"}


@pytest.mark.parametrize("value", [1, 2**70, 0.5, "text"])
def test_what_an_attack_reported_is_kept_as_it_is(records: Records, tmp_path: Path, value: float | str) -> None:
    record = RunRecord.model_validate({**dict(records.make()), "attack_report": {"x": value}}).sealed()
    found = read_record(save(record, tmp_path) / "record.json").attack_report["x"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("path", "value"), [("plan.seed", 2**31 - 1), ("plan.deadline", 0.5), ("provenance.threads", 0)]
)
def test_the_smallest_and_largest_of_what_a_run_can_have_is_read(
    records: Records, tmp_path: Path, path: str, value: object
) -> None:
    record = changed(records.make(), "scores", ())
    assert read_record(written(record, path, value, tmp_path)).plan.task == record.plan.task


def test_a_run_of_one_question_that_took_no_time_is_read(records: Records, tmp_path: Path) -> None:
    record = records.make(budget="1")
    timed = changed(changed(record, "seconds", {"training": 0.0}), "peak_memory_bytes", {"attack": 0})
    assert read_record(save(timed, tmp_path) / "record.json") == timed


def test_the_place_of_a_number_is_told_from_the_root(records: Records, tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=r"record: cost_usd is inf\n"):
        read_record(written(records.make(), "cost_usd", "Infinity", tmp_path))


def test_an_account_counts_from_nothing() -> None:
    nothing = dict.fromkeys(("asked", "answered", "replayed", "refused", "sessions"), 0)
    assert Account(budget=7).model_dump() == {"budget": 7, **nothing}


def test_nothing_but_what_was_asked_costs(records: Records) -> None:
    given = records.make().model_dump(exclude={"cost_usd"})
    assert RunRecord.model_validate(given).cost_usd == 0.0


def test_equal_infinities_are_no_way_apart() -> None:
    assert (less(math.inf, math.inf), less(3.0, 1.0), less(math.inf, 1.0)) == (0.0, 2.0, math.inf)


def test_a_record_is_found_in_its_folder_and_by_its_own_name(file: Path) -> None:
    assert record_file(file.parent) == record_file(file) == file


def test_a_seal_is_of_the_text_as_people_read_it() -> None:
    wanted = hashlib.sha256('{"a":"ü","b":1}'.encode()).hexdigest()
    assert seal_of({"b": 1, "a": "ü", "seal": "x"}) == wanted


def test_the_main_number_has_a_unit_where_it_has_one(records: Records) -> None:
    record = records.make()
    by_lpips = changed(record, "plan.task.main", record.plan.task.main.model_copy(update={"metric": "lpips-alex"}))
    assert repr(by_lpips).splitlines()[1] == "lpips-alex  A 0.1000  B 0.1000  C 0.1000"
    assert repr(records.make("victim")).splitlines()[1] == "psnr-y  A 29.5000  C 24.5000 dB"
    assert repr(changed(record, "scores", ())).splitlines()[1] == "psnr-y not measured"


def test_a_score_of_a_metric_that_the_plan_lacks_is_a_fault_though_its_passport_fits(records: Records) -> None:
    record = records.make()
    first = record.scores[0]
    strange = first.model_copy(
        update={"metric": "fid", "passport": first.passport.model_copy(update={"metric": "fid"})}
    )
    found = [*faults(changed(record, "scores", (strange, *record.scores[1:])))]
    assert found == ["fid A on set5 is of a metric that its plan does not have"]


def test_a_record_from_before_nearness_was_told_reads_and_keeps_its_seal(records: Records, tmp_path: Path) -> None:
    data = json.loads(records.make().model_dump_json(exclude={"nearness"}))
    file = tmp_path / "record.json"
    file.write_text(json.dumps({**data, "seal": seal_of(data)}))
    assert read_record(file).nearness == {}


def test_a_record_from_before_errors_were_told_reads_and_keeps_its_seal(records: Records, tmp_path: Path) -> None:
    data = json.loads(records.make().model_dump_json(exclude={"scores": {"__all__": {"se"}}}))
    file = tmp_path / "record.json"
    file.write_text(json.dumps({**data, "seal": seal_of(data)}))
    assert {score.se for score in read_record(file).scores} == {None}


@pytest.mark.parametrize(
    ("near", "why"),
    [
        ({"set5": Nearness(distance=0.5, questions=1, images=1)}, "no incident says so"),
        ({"set99": Nearness(distance=2.0, questions=0, images=0)}, "which its data set does not hold"),
    ],
)
def test_nearness_that_no_run_can_have_written_is_refused(
    records: Records, tmp_path: Path, near: dict[str, Nearness], why: str
) -> None:
    with pytest.raises(BoardError, match=why):
        read_record(save(changed(records.make(), "nearness", near), tmp_path) / "record.json")


@pytest.mark.parametrize(
    ("distance", "questions", "images"),
    [(0.5, 0, 0), (0.5, 1, 0), (1.5, 1, 1), (None, 1, 1), (-1.0, 1, 1), (math.nan, 0, 0)],
)
def test_nearness_is_of_one_mind(distance: float | None, questions: int, images: int) -> None:
    with pytest.raises(ValueError, match="distance"):
        Nearness(distance=distance, questions=questions, images=images)


def test_a_bill_adds_up_and_is_of_a_victim_behind_an_address(records: Records) -> None:
    bill = Bill(calls=3, watched=2, tries=4, price=0.5, paid_usd=1.5)
    for wrong in ({"paid_usd": 2.0}, {"watched": 4}, {"tries": 2}, {"price": -0.5}, {"calls": -3}):
        with pytest.raises(ValueError):
            Bill.model_validate({**bill.model_dump(), **wrong})
    record, remote = records.make(), behind_an_address(records.make())
    assert not [*faults(remote.model_copy(update={"bill": bill}))]
    assert [*faults(record.model_copy(update={"bill": bill}))] == ["it holds a bill, and its victim costs none"]
    assert [*faults(remote)] == ["it holds no bill of its victim behind an address"]
