from __future__ import annotations

import re
from typing import Any

import pytest
from record_factory import Records, changed

from gexbench.site.eval_results import eval_results
from gexbench.site.source import Source
from website.test_build import HOSTILE, hostile


def loaded(text: str) -> list[dict[str, Any]]:
    return pytest.importorskip("yaml", reason="PyYAML is not installed").safe_load(text)  # type: ignore[no-any-return]


def test_every_record_has_its_numbers_as_the_hub_reads_them(many: Source, site: dict[str, bytes]) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    for record in many.boards[0].records:
        data = loaded(site[f"records/{record.run_name}.eval.yaml"].decode())
        entries = hub.parse_eval_result_entries(data)
        assert [entry.value for entry in entries] == [score.value for score in record.scores]
        assert {entry.dataset_id for entry in entries} == {"sr"}
        assert len({entry.task_id for entry in entries}) == len(entries)
        assert {entry.date for entry in entries} == {record.started}
        written = hub.eval_result_entries_to_yaml(entries)
        assert written == [{key: each[key] for key in ("dataset", "value", "date", "notes")} for each in data]


def test_an_entry_says_what_its_number_is(records: Records) -> None:
    record = records.make(b=27.5, defense="jpeg", defense_settings=("quality=10",))
    first = next(each for each in eval_results(record).split("- dataset:") if "value: 27.5" in each)
    assert 'task_id: "sr@1 mini 100 jpeg (quality=10) B psnr-y set5"' in first
    assert "B surrogate / victim, dB, higher is better; attack srresnet on victim net, seed 0" in first
    assert f"100 answers against jpeg (quality=10), 5 images; record {record.id}" in first


def test_no_entry_names_a_data_set_that_looks_like_one_of_the_hub(records: Records) -> None:
    text = eval_results(changed(records.make(), "plan.task.name", "acme/sr"))
    assert "the Hub has no data set of it" in text
    named = re.findall(r'^    id: "(.*)"$', text, re.MULTILINE)
    assert {*named} == {"acme.sr"}
    assert "verifyToken" not in text
    assert "source" not in text


@pytest.mark.parametrize("value", [1e-07, 123456789012345680.0, 5e22, -2.5e-05, 3.0, float("inf"), float("-inf")])
def test_numbers_come_back_as_numbers(value: float, records: Records) -> None:
    record = records.make()
    scores = tuple(score.model_copy(update={"value": value}) for score in record.scores)
    data = loaded(eval_results(record.model_copy(update={"scores": scores})))
    assert {each["value"] for each in data} == {value}


def test_what_a_hostile_record_says_stays_text(records: Records) -> None:
    bad = hostile(changed(records.make(), "plan.victim.name", f'x"\n- dataset: {HOSTILE}'))
    data = loaded(eval_results(bad))
    assert len(data) == len(bad.scores)
    assert all(set(each) == {"dataset", "value", "date", "evaluation_framework", "notes"} for each in data)


def test_a_run_without_numbers_is_an_empty_list(records: Records) -> None:
    assert loaded(eval_results(records.make().model_copy(update={"scores": ()}))) == []
