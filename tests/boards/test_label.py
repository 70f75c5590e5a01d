from __future__ import annotations

from record_factory import Records

from gexbench.boards.label import attack_label, defense_label, row_key


def test_a_row_is_named_after_its_attack(records: Records) -> None:
    assert attack_label(records.plan("copycat")) == "copycat"


def test_options_that_differ_from_the_card_are_in_the_name(records: Records) -> None:
    plan = records.plan(settings=("steps=100", "lr=0.01"))
    assert attack_label(plan) == "srresnet (lr=0.01, steps=100)"


def test_options_set_to_their_default_are_not_in_the_name(records: Records) -> None:
    assert attack_label(records.plan(settings=("steps=400",))) == "srresnet"


def test_options_that_every_attack_takes_are_in_the_name_where_they_are_set(records: Records) -> None:
    assert attack_label(records.plan(settings=("purify=jpeg", "steps=100"))) == "srresnet (purify=jpeg, steps=100)"
    assert attack_label(records.plan("copycat", settings=("jitter=4",))) == "copycat (jitter=4)"
    assert attack_label(records.plan("copycat", settings=("purify=none", "jitter=1"))) == "copycat"


def test_a_later_version_of_a_card_is_in_the_name(records: Records) -> None:
    plan = records.plan("copycat")
    second = plan.attack.model_copy(update={"version": 2})
    assert attack_label(plan.model_copy(update={"attack": second})) == "copycat@2"


def test_defenses_are_named_alike_and_none_has_no_name(records: Records) -> None:
    assert defense_label(records.plan()) == ""
    assert defense_label(records.plan(defense="jpeg", defense_settings=("quality=50",))) == "jpeg (quality=50)"


def test_seeds_share_a_row_and_budgets_do_not(records: Records) -> None:
    assert row_key(records.plan(seed=0)) == row_key(records.plan(seed=1))
    assert row_key(records.plan()) != row_key(records.plan(budget="50"))
