"""Plans: every mismatch is refused before anything heavy is imported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gexbench.cards.catalog import Catalog
from gexbench.errors import CardError, GexbenchError, PlanError
from gexbench.plan import Identity, Plan, Request, resolve

CATALOG = Catalog.load()
IDENTITY = Identity("v" * 64, "d" * 64, "c" * 16)
REQUEST = Request("sr", "srresnet")


def plan(**changes: object) -> Plan:
    return resolve(replace(REQUEST, **changes), CATALOG, IDENTITY)  # type: ignore[arg-type]


def test_a_request_takes_the_cards_choices() -> None:
    made = plan()
    assert (made.budget, made.seed, made.profile.name, made.defense) == (512, 0, "mini", None)
    assert made.options["steps"] == made.attack.profile["mini"]["steps"]


@pytest.mark.parametrize(("text", "budget"), [("25%", 128), ("50%", 256), ("100%", 512), ("1", 1), ("512", 512)])
def test_a_budget_is_a_number_of_images_or_a_share_of_the_tasks(text: str, budget: int) -> None:
    assert plan(budget=text).budget == budget


@pytest.mark.parametrize("text", ["0", "-1", "513", "0%", "101%", "many", "nan%", "1.5", ""])
def test_a_budget_the_task_does_not_allow_is_refused(text: str) -> None:
    with pytest.raises(PlanError, match="--budget"):
        plan(budget=text)


@pytest.mark.parametrize(
    ("changes", "suggestion"),
    [
        ({"task": "srr"}, "sr"),
        ({"attack": "srresnett"}, "srresnet"),
        ({"defense": "jpg"}, "jpeg"),
        ({"profile": "minni"}, "mini"),
        ({"settings": ("stepz=3",)}, "steps"),
    ],
)
def test_an_unknown_name_is_met_with_the_nearest(changes: dict[str, object], suggestion: str) -> None:
    with pytest.raises(GexbenchError) as caught:
        plan(**changes)
    assert suggestion in caught.value.hint


def test_options_for_a_defense_need_a_defense() -> None:
    with pytest.raises(PlanError, match="no defense"):
        plan(defense_settings=("quality=3",))


def test_a_deadline_must_be_positive() -> None:
    for seconds in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(PlanError, match="--deadline"):
            plan(deadline=seconds)


def test_a_seed_must_be_a_seed() -> None:
    with pytest.raises(PlanError, match="--seed"):
        plan(seed=-1)


def test_the_id_changes_with_everything_that_affects_the_numbers() -> None:
    base = plan()
    others = [
        plan(seed=1),
        plan(budget="50%"),
        plan(settings=("steps=3",)),
        plan(defense="jpeg"),
        plan(attack="bicubic"),
        resolve(REQUEST, CATALOG, replace(IDENTITY, victim_weights="w" * 64)),
        resolve(REQUEST, CATALOG, replace(IDENTITY, dataset_pins="e" * 64)),
        resolve(REQUEST, CATALOG, replace(IDENTITY, code="f" * 16)),
    ]
    ids = [made.id for made in (base, *others)]
    assert len(set(ids)) == len(ids)


def test_the_id_does_not_change_with_what_does_not() -> None:
    assert plan(deadline=5.0).id == plan(isolation="none").id == plan().id


def test_a_plan_survives_json() -> None:
    made = plan(defense="jpeg")
    assert Plan.model_validate_json(made.model_dump_json()) == made


def test_a_card_that_does_not_exist_is_not_a_plan_error() -> None:
    with pytest.raises(CardError):
        plan(task="nothing-like-it")
