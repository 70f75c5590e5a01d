from __future__ import annotations

from pathlib import Path

import pytest
from record_factory import Records, changed

from gexbench.boards.agree import Agreement, Entry, passports
from gexbench.record import RunRecord


def conflict(new: RunRecord, *there: RunRecord, versions: bool = False) -> str | None:
    agreed = Agreement(versions)
    for record in there:
        agreed.take(Entry(Path("there.json"), record))
    return agreed.conflict(Entry(Path("new.json"), new))


def test_seeds_attacks_budgets_and_defenses_stand_side_by_side(records: Records) -> None:
    there = [records.make(), records.make(seed=1), records.make("copycat"), records.make(budget="50")]
    assert conflict(records.make(defense="jpeg"), *there) is None
    assert conflict(records.make(settings=("purify=jpeg", "jitter=2")), *there) is None


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("provenance.victim_weights", "other", "hash of the victim's weights is other, not victim-hash"),
        ("plan.victim_weights", "other", "planned hash of the victim's weights"),
        ("provenance.dataset", "other", "hash of the data set's files is other, not files-hash"),
        ("plan.dataset_pins", "other", "hash of the data set's file lists"),
        ("plan.task.version", 2, "its task is sr@2, not sr@1"),
        ("plan.task.price", 1.0, "its task card is another one: they differ in price"),
        ("plan.victim.scale", 2, "its victim card is another one: they differ in scale"),
        ("plan.profile.autocast", True, "its profile card is another one: they differ in autocast"),
    ],
)
def test_records_of_one_profile_must_have_one_victim_one_data_set_and_one_task(
    records: Records, path: str, value: object, why: str
) -> None:
    found = conflict(changed(records.make("copycat"), path, value), records.make())
    assert found is not None
    assert why in found
    assert "there.json" in found


def test_a_record_of_another_version_that_measured_other_metrics_stands_beside_the_older_ones(records: Records) -> None:
    other = changed(changed(records.make("copycat"), "plan.task.version", 2), "plan.task.metrics", ("psnr-y", "new"))
    scale = other.plan.scale.model_copy(update={"extra_metrics": ("newer",)})
    other = changed(other, "plan.task.profile", {"mini": scale})
    assert "its task is sr@2, not sr@1" in str(conflict(other, records.make()))
    assert conflict(other, records.make(), versions=True) is None
    longer = changed(other, "plan.task.profile", {"mini": scale.model_copy(update={"deadline": 90.0})})
    assert "task card is another one: they differ in profile" in str(conflict(longer, records.make(), versions=True))


def test_another_passport_is_named_with_what_differs(records: Records) -> None:
    record = records.make("copycat")
    other = record.scores[0].passport.model_copy(update={"settings": {"crop": 0}})
    scores = tuple(s.model_copy(update={"passport": other}) if s.metric == "psnr-y" else s for s in record.scores)
    found = conflict(changed(record, "scores", scores), records.make())
    assert found is not None
    assert "passport of psnr-y is another one: they differ in settings" in found


def test_profiles_may_have_different_victims(records: Records) -> None:
    assert conflict(changed(records.make(profile="paper"), "plan.victim_weights", "other"), records.make()) is None


def test_a_row_takes_one_record_a_seed(records: Records) -> None:
    again = changed(records.make(), "id", "another-id")
    assert "one record a seed" in str(conflict(again, records.make()))


def test_an_accepted_record_is_never_replaced_by_a_second_run_of_its_plan(records: Records) -> None:
    assert "never changed" in str(conflict(records.make(b=29.0), records.make()))


def test_seeds_of_a_row_must_be_run_with_one_code(records: Records) -> None:
    changed_code = changed(records.make(seed=1), "plan.plug_ins", {"attack": "other"})
    assert "new version" in str(conflict(changed_code, records.make()))
    assert conflict(changed(records.make("copycat"), "plan.plug_ins", {"attack": "other"}), records.make()) is None


def test_records_of_one_defense_must_have_one_defense_card(records: Records) -> None:
    other = changed(records.make("copycat", defense="jpeg"), "plan.defense.entry", "mine:D")
    assert "card of 'jpeg'" in str(conflict(other, records.make(defense="jpeg")))


def test_passports_of_scores_and_of_honest_cost_are_gathered(records: Records) -> None:
    assert set(passports(records.make(defense="jpeg"))) == {"psnr-y", "lpips-alex"}


def test_records_of_one_defense_must_be_of_one_code_whoever_attacks(records: Records) -> None:
    there = changed(records.make(defense="jpeg"), "plan.plug_ins", {"defense": "one"})
    same = changed(records.make("copycat", defense="jpeg"), "plan.plug_ins", {"defense": "one"})
    for other in (changed(same, "plan.plug_ins", {"defense": "two"}), changed(same, "plan.plug_ins", {})):
        assert "code of 'jpeg'" in str(conflict(other, there))
    assert conflict(same, there) is None
    strong = changed(same, "plan.defense_options", {"quality": 5})
    assert conflict(changed(strong, "plan.plug_ins", {"defense": "two"}), there) is None


def test_seeds_of_a_row_must_be_run_with_one_card_of_the_attack(records: Records) -> None:
    other = changed(records.make(seed=1), "plan.attack.entry", "mine:A")
    assert "card of 'srresnet' is another one: they differ in entry" in str(conflict(other, records.make()))


def test_what_differs_ends_with_a_rule_where_there_is_one(records: Records) -> None:
    other_data = changed(records.make("copycat"), "provenance.dataset", "other")
    assert str(conflict(other_data, records.make())).endswith("(compared with there.json)")
    rerun = changed(records.make(), "id", "another-id")
    assert str(conflict(rerun, records.make())).endswith("(compared with there.json); a row takes one record a seed")
