"""Options that every attack takes: which fit, and how the others are refused."""

from __future__ import annotations

from typing import Any

import pytest

from gexbench.cards.adaptive import ADAPTIVE, accepted, adaptive, said
from gexbench.cards.catalog import Catalog
from gexbench.cards.options import check_defaults
from gexbench.cards.schema import AttackCard, Option
from gexbench.errors import PlanError
from gexbench.plan import Identity, Plan, Request, check_plan, resolve

CATALOG = Catalog.load()
IDENTITY = Identity("v" * 64, "d" * 64, "c" * 16)
ATTACKS = [filed.card for filed in CATALOG.all(AttackCard).values()]


def plan(task: str, attack: str, *settings: str, **changes: Any) -> Plan:
    return resolve(Request(task, attack, settings=settings, **changes), CATALOG, IDENTITY)


def test_their_defaults_are_what_they_allow() -> None:
    check_defaults(ADAPTIVE, {})


@pytest.mark.parametrize("card", ATTACKS, ids=lambda card: card.name)
def test_attacks_take_them_and_controls_do_not(card: AttackCard) -> None:
    assert ({"purify", "jitter"} <= accepted(card).keys()) != card.is_control


def test_where_a_card_has_an_option_of_that_name_it_is_the_cards() -> None:
    card = CATALOG.get(AttackCard, "pix2pix")
    assert "augment" in card.options
    assert "augment" not in accepted(card)
    own = card.model_copy(update={"options": {"purify": Option(type="int", default=3, help="its own")}})
    assert accepted(own).keys() == {"jitter", "augment"}
    assert adaptive(own, {"purify": 4, "jitter": 2}) == {"jitter": 2}


@pytest.mark.parametrize("card", [card for card in ATTACKS if not card.is_control], ids=lambda card: card.name)
def test_at_their_default_they_are_in_no_plan(card: AttackCard) -> None:
    assert said(card, {key: option.default for key, option in accepted(card).items()}) == {}


def test_what_is_set_is_in_the_plan_and_survives_a_request_anew() -> None:
    made = plan("monet2photo", "pix2pix", "purify=jpeg", "jitter=2", "augment=flip")
    assert adaptive(made.attack, made.options) == {"purify": "jpeg", "jitter": 2}
    assert made.options["augment"] == ("flip",)
    assert resolve(made.request(), CATALOG, IDENTITY) == made
    check_plan(made)


@pytest.mark.parametrize("setting", ["purify=jpeg", "jitter=2", "purify=blur"])
def test_each_of_them_makes_another_plan(setting: str) -> None:
    assert plan("monet2photo", "pix2pix", setting).id != plan("monet2photo", "pix2pix").id


@pytest.mark.parametrize("setting", ["purify=none", "jitter=1"])
def test_saying_a_default_makes_the_plan_that_is_made_without(setting: str) -> None:
    assert plan("monet2photo", "pix2pix", setting) == plan("monet2photo", "pix2pix")


@pytest.mark.parametrize(
    ("task", "attack", "setting", "message", "hint"),
    [
        ("monet2photo", "pix2pix", "purify=jpg", "cannot be 'jpg'", "jpeg"),
        ("monet2photo", "pix2pix", "purfy=jpeg", "no option 'purfy'", "purify"),
        ("monet2photo", "pix2pix", "jitter=0", "from 1 to 9, not at 0", "default 1"),
        ("monet2photo", "pix2pix", "jitter=10", "from 1 to 9, not at 10", "default 1"),
        ("latent-fidelity", "sngan", "augment=flip,flip", "cannot be 'flip,flip'", "flip"),
        ("monet2photo", "pix2pix", "jitter=2.5", "takes a whole number, not '2.5'", "1"),
        ("monet2photo", "pix2pix", "augment=flop", "cannot be 'flop'", "flip"),
        ("latent-fidelity", "sngan", "jitter=2", "asked none: it draws", "purify and augment"),
        ("latent-fidelity", "sngan", "augment=rotation", "cannot be 'rotation'", "flip"),
        ("latent-fidelity", "latent-regression", "augment=flip", "which latent made which image", "purify"),
        ("monet2photo", "identity", "purify=jpeg", "no option 'purify'", ""),
        ("monet2photo", "color-transfer", "jitter=2", "no option 'jitter'", ""),
    ],
)
def test_what_does_not_fit_is_refused_with_the_way_out(
    task: str, attack: str, setting: str, message: str, hint: str
) -> None:
    with pytest.raises(PlanError, match=message) as caught:
        plan(task, attack, setting)
    assert hint in caught.value.hint


def test_an_attack_whose_card_has_no_augmentation_of_pairs_takes_none() -> None:
    made = plan("monet2photo", "pix2pix")
    bare = made.attack.model_copy(update={"options": {}})
    with pytest.raises(PlanError, match="does not augment pairs"):
        check_plan(made.model_copy(update={"attack": bare, "options": {"augment": "flip"}}))


def test_a_budget_that_pays_for_no_question_in_all_its_copies_is_refused() -> None:
    with pytest.raises(PlanError, match="a budget of 4 pays for no question in 5 copies"):
        plan("monet2photo", "pix2pix", "jitter=5", budget="4")
    assert plan("monet2photo", "pix2pix", "jitter=5", budget="5").options["jitter"] == 5


@pytest.mark.parametrize(
    "extra", [{"purify": "none"}, {"jitter": 1}, {"jitter": 12}, {"jitter": "2"}, {"purify": "acid"}, {"steps": "300"}]
)
def test_a_plan_that_was_edited_by_hand_is_refused(extra: dict[str, Any]) -> None:
    made = plan("monet2photo", "pix2pix")
    with pytest.raises(PlanError):
        check_plan(made.model_copy(update={"options": {**made.options, **extra}}))
