"""Plans: every mismatch is refused before anything heavy is imported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from record_factory import Records, write_registry

from gexbench import bench
from gexbench.cards.catalog import Catalog
from gexbench.cards.prose import PROSE
from gexbench.cards.schema import Card, DefenseCard, TaskCard, TaskProfile, VictimCard
from gexbench.errors import CardError, GexbenchError, PlanError
from gexbench.plan import Identity, Plan, Request, check_plan, resolve, settled
from gexbench.record import read_record

LEADERBOARDS = Path(__file__).resolve().parents[1] / "leaderboards"
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


def test_a_ranked_budget_must_be_one_of_the_budgets() -> None:
    with pytest.raises(ValueError, match="ranked 3 is not among budgets"):
        TaskProfile(victim="v", dataset="d", budgets=(1, 2), deadline=1.0, ranked=3)


def test_where_a_lower_budget_is_ranked_it_is_the_default_and_shares_are_of_it() -> None:
    paper = {"task": "latent-fidelity", "attack": "sngan", "profile": "paper"}
    assert plan(**paper).budget == 50000
    assert plan(**paper, budget="20%").budget == 10000
    assert plan(**paper, budget="90000").budget == 90000


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


@pytest.mark.parametrize("board", ["latent-accuracy", "latent-fidelity", "monet2photo", "selfie2anime", "sr"])
def test_ids_of_records_stay_as_options_come_that_every_attack_takes(board: str) -> None:
    for file in sorted((LEADERBOARDS / board / "records").glob("*-s0-*.json")):
        record = read_record(file)
        request = record.plan.request()
        asked = replace(
            request, victim=None, dataset=None, budget=None, deadline=None, defense=None, defense_settings=()
        )
        today = resolve(asked, CATALOG, IDENTITY)
        if today.attack.version > record.plan.attack.version:
            continue  # its options have other values today
        options = today.options
        assert record.plan.model_copy(update={"options": options}).id == record.plan.id
        assert record.id in (record.plan.id, record.plan.former_id)


def reworded(made: Plan) -> Plan:
    """Return the plan with other words in every field of prose that its cards have."""
    words = {**dict.fromkeys(PROSE, "Other words."), "controls": (), "tolerance": 9.0, "sweep": {}}
    cards: dict[str, object] = {
        name: card.model_copy(update={key: words[key] for key in words if key in type(card).model_fields})
        for name, card in made
        if isinstance(card, Card)
    }
    steps = made.attack.options["steps"].model_copy(update={"help": "Other words."})
    attack = cards["attack"].model_copy(update={"options": {**made.attack.options, "steps": steps}})  # type: ignore[attr-defined]
    metrics = tuple(card.model_copy(update={"tolerance": 9.0, "source": "Other words."}) for card in made.metrics)
    return made.model_copy(update={**cards, "attack": attack, "metrics": metrics})


def test_the_id_does_not_change_with_what_other_services_a_defense_can_guard() -> None:
    made = plan(defense="jpeg")
    assert made.defense is not None
    more = made.defense.model_copy(update={"task_kinds": ("image-to-image", "sampling"), "sweep": {"quality": (5,)}})
    assert made.model_copy(update={"defense": more}).id == made.id


def test_the_id_does_not_change_with_other_words_on_a_card() -> None:
    made = plan(defense="jpeg")
    assert reworded(made) != made
    assert reworded(made).id == made.id


def test_the_id_does_not_change_with_another_profile_of_the_task() -> None:
    made = plan()
    only = made.task.model_copy(update={"profile": {"mini": made.task.profile["mini"]}})
    assert made.model_copy(update={"task": only}).id == made.id


class LaterCard(DefenseCard):
    """A defense's card as some later gexbench knows it."""

    invented_since: int = 0


def test_the_id_does_not_change_with_a_field_that_cards_got_later() -> None:
    made = plan(defense="jpeg")
    assert made.defense is not None
    later = LaterCard.model_validate(made.defense.model_dump())
    assert made.model_copy(update={"defense": later}).id == made.id


def test_the_id_of_a_plug_in_changes_with_its_code_and_not_with_words_on_its_card(tmp_path: Path) -> None:
    card, code = tmp_path / "card.toml", tmp_path / "mine.py"
    ids = []
    for summary, text in [("Mine.", "one"), ("Mine, reworded.", "one"), ("Mine.", "two")]:
        card.write_text(f'[attack]\nname = "me/mine"\nsummary = "{summary}"\nentry = "mine:Mine"\n')
        code.write_text(f"class Mine:\n    {text} = 1\n")
        ids.append(bench.prepare(Request("sr", str(tmp_path)))[1].id)
    assert ids[0] == ids[1] != ids[2]


def test_a_plan_survives_json() -> None:
    made = plan(defense="jpeg")
    assert Plan.model_validate_json(made.model_dump_json()) == made


def test_a_card_that_does_not_exist_is_not_a_plan_error() -> None:
    with pytest.raises(CardError):
        plan(task="nothing-like-it")


def test_an_attack_that_keeps_the_size_is_refused_where_the_task_enlarges() -> None:
    with pytest.raises(PlanError, match="'pix2pix' copies services that keep the size; 'sr' enlarges by 4"):
        plan(attack="pix2pix")


def test_no_control_knows_a_truth_where_there_is_only_a_style() -> None:
    with pytest.raises(PlanError, match="'real-data' needs the knowledge 'truth'"):
        plan(task="monet2photo", attack="real-data")


def test_another_victim_than_the_profiles_brings_its_own_weights() -> None:
    usual, other = (bench.identify(replace(REQUEST, victim=name), CATALOG) for name in (None, "srgan-small"))
    weights = CATALOG.get(VictimCard, "srgan-small").weights
    assert weights is not None
    assert other.victim_weights == weights.sha256 != usual.victim_weights


def test_a_victim_that_learned_from_other_data_is_refused() -> None:
    with pytest.raises(
        PlanError, match="'srgan-small' learned from 'sr-small', not from the owner's images of 'photos-mini'"
    ):
        plan(victim="srgan-small")


def test_another_data_set_goes_with_a_victim_that_learned_from_its_owners_images() -> None:
    church = plan(
        task="latent-fidelity", attack="sngan", profile="paper", victim="sngan-church", dataset="lsun-church-64"
    )
    assert (church.victim.name, church.dataset.name) == ("sngan-church", "lsun-church-64")
    with pytest.raises(
        PlanError, match="'sngan-celeba' learned from 'celeba-64', not from the owner's images of 'lsun-ch"
    ):
        plan(task="latent-fidelity", attack="sngan", profile="paper", dataset="lsun-church-64")


def test_a_new_domain_for_the_same_owner_keeps_the_victim() -> None:
    made = plan(task="stylegan-transfer", attack="stylegan-transfer", profile="paper", dataset="lsun-classrooms-256")
    assert (made.victim.name, list(made.dataset.splits.test)) == ("stylegan2-bedroom", ["classroom"])


def test_the_same_file_names_of_another_reader_or_domain_are_other_images() -> None:
    with pytest.raises(PlanError, match="'cyclegan-monet-mini' learned from 'scenes-mini', not from the owner's"):
        plan(task="monet2photo", attack="pix2pix", dataset="faces-mini")


def test_a_data_set_with_other_splits_or_another_side_is_refused() -> None:
    with pytest.raises(PlanError, match="'celeba-64' has the splits owner, test; this task takes owner, pool, test"):
        plan(task="stylegan-transfer", attack="stylegan-transfer", profile="paper", dataset="celeba-64")
    with pytest.raises(PlanError, match="'lsun-church-64' has images of 64 px, this task of 32"):
        plan(task="latent-fidelity", attack="sngan", dataset="lsun-church-64")


def test_accuracy_extraction_grants_what_its_attacks_need_and_is_ranked_against_the_truth() -> None:
    made = [
        plan(task="latent-accuracy", attack=attack)
        for attack in ("sngan", "partial-real", "mh-subsample", "discriminator-rejection", "sngan-real", "victim")
    ]
    assert {each.task.main.compare for each in made} == {"C"}


def test_a_knowledge_level_the_task_does_not_grant_is_refused_with_those_it_does() -> None:
    with pytest.raises(PlanError, match="'latents', which task 'latent-accuracy' does not grant") as caught:
        plan(task="latent-accuracy", attack="latent-regression")
    assert caught.value.hint == "it grants outputs, partial-real, discriminator"


def _keys(data: object) -> set[str]:
    if isinstance(data, dict):
        return set(data).union(*map(_keys, data.values()))
    return set().union(*map(_keys, data)) if isinstance(data, list) else set()


def test_fields_that_cards_got_later_change_no_id_of_a_plan_without_them() -> None:
    assert _keys(plan().substance()).isdisjoint({"truth", "same_size", "stored", "side", "style", "reference", "count"})
    assert _keys(plan(defense="jpeg").substance()["defense"]).isdisjoint({"prepares", "assets", "sweep"})
    assert _keys(plan().substance()).isdisjoint({"extra_metrics", "against"})


def test_a_profiles_own_metrics_come_after_the_tasks() -> None:
    made = plan(task="latent-fidelity", attack="sngan")
    assert made.measured == (*made.task.metrics, *made.scale.extra_metrics)
    assert {card.name for card in made.metrics} == set(made.measured)


def test_a_run_without_a_sandbox_shares_no_folder_with_one_that_has_it() -> None:
    bare = plan(isolation="none")
    assert bare.id == plan().id
    assert bare.run_name != plan().run_name
    assert "-unsandboxed-" in bare.run_name


def test_the_largest_seed_is_the_last_that_fits_four_bytes() -> None:
    assert plan(seed=2**31 - 1).seed == 2**31 - 1
    for seed in (2**31, 2**32, -(2**31)):
        with pytest.raises(PlanError, match=f"--seed {seed} is not in 0 … 2147483647"):
            plan(seed=seed)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(write_registry(tmp_path / "registry"))


def edit(records: Records, card: str, old: str, new: str) -> None:
    path = records.folder / f"{card}.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_victim_whose_images_have_another_side_than_the_tasks_is_refused(records: Records) -> None:
    edit(records, "tasks/sr", "deadline = 60\n", "deadline = 60\nside = 32\n")
    edit(records, "victims/net", "scale = 4\n", "scale = 4\nnet = { side = 32 }\n")
    assert records.plan().victim.net == {"side": 32}
    edit(records, "victims/net", "side = 32", "side = 64")
    with pytest.raises(PlanError, match="victim 'net' has images of 64 px, this task of 32"):
        records.plan()


def test_a_plan_read_from_elsewhere_is_held_to_what_resolve_would_refuse(records: Records) -> None:
    made = records.plan(defense="jpeg")
    check_plan(made)
    wrong: dict[str, object] = {
        "victim": made.victim.model_copy(update={"scale": 2}),
        "attack": made.attack.model_copy(update={"needs": ("truth",)}),
        "options": {**made.options, "steps": 1.5},
        "defense_options": {},
        "defense": None,
    }
    for name, value in wrong.items():
        with pytest.raises(PlanError):
            check_plan(made.model_copy(update={name: value}))


@pytest.mark.parametrize(
    ("need", "truth", "allowed"),
    [
        ("weights", "pairs", True),
        ("truth", "pairs", True),
        ("latents", "pairs", False),
        ("weights", "style", True),
        ("truth", "style", False),
    ],
)
def test_a_control_may_know_the_weights_and_a_truth_of_pairs_and_nothing_else_besides(
    records: Records, need: str, truth: str, allowed: bool
) -> None:
    edit(records, "tasks/sr", "price", f'truth = "{truth}"\n        price')
    edit(records, "attacks/bicubic", "needs = []", f'needs = ["{need}"]')
    edit(records, "attacks/copycat", 'name = "copycat"', f'name = "copycat"\nneeds = ["{need}"]')
    with pytest.raises(PlanError, match=f"'copycat' needs the knowledge '{need}'"):
        records.plan("copycat")
    if allowed:
        assert records.plan("bicubic").attack.needs == (need,)
    else:
        with pytest.raises(PlanError, match=f"'bicubic' needs the knowledge '{need}'"):
            records.plan("bicubic")


def test_a_control_may_have_the_victims_twin_and_a_victim_without_one_is_named(records: Records) -> None:
    edit(records, "attacks/bicubic", "needs = []", 'needs = ["twin"]')
    edit(records, "attacks/copycat", 'name = "copycat"', 'name = "copycat"\nneeds = ["twin"]')
    with pytest.raises(PlanError, match="'copycat' needs the knowledge 'twin'"):
        records.plan("copycat")
    with pytest.raises(PlanError, match="has no twin"):
        records.plan("bicubic")


def test_a_plan_without_a_twin_is_what_plans_were_before_there_were_any() -> None:
    made = plan()
    assert "twin" not in made.substance()
    assert made.model_copy(update={"twin": made.victim}).id != made.id


def settled_of(has_data: bool = True, **changes: object) -> Request:
    return settled(replace(REQUEST, **{"profile": "", **changes}), CATALOG, has_data)  # type: ignore[arg-type]


def test_who_names_no_profile_gets_mini_or_the_tasks_only_one() -> None:
    assert settled_of().profile == "mini"
    assert settled_of(task="style").profile == "wild"
    assert settled_of(profile="small").profile == "small"
    with pytest.raises(PlanError, match="task 'style' has no profile 'mini'"):
        plan(task="style", attack="pix2pix", profile="mini")


def test_without_data_of_ones_own_packaged_photos_stand_in_unless_a_set_was_named() -> None:
    assert settled_of(task="style").dataset is None
    assert settled_of(task="style", has_data=False).dataset == "photos-128-packaged"
    assert settled_of(task="style", has_data=False, dataset="photos-128").dataset == "photos-128"
    assert settled_of(has_data=False).dataset is None


WILD = {"task": "sr", "profile": "wild"}
STYLE = {"task": "style", "attack": "pix2pix", "profile": "wild"}


def test_a_victim_that_others_trained_takes_no_owners_data() -> None:
    assert plan(**WILD).victim.asset == "dat-light-x4"
    assert plan(**WILD, victim="realesr-animevideov3-x4").dataset.name == "sr-small"
    assert plan(**STYLE, dataset="photos-128-packaged").budget == 700
    with pytest.raises(PlanError, match="nobody here knows what 'dat-light-x4' learned from"):
        plan(**WILD, defense="fingerprint")
    with pytest.raises(PlanError, match="task 'style' knows none"):
        plan(**{**STYLE, "attack": "victim"})


def test_a_victims_card_says_what_it_learned_from_or_whose_weights_it_has_and_on_what_terms() -> None:
    card = CATALOG.get(VictimCard, "multistyle26").model_dump(exclude_unset=True)
    for change, told in (
        ({"asset": None}, "say in dataset what it learned from, or in asset"),
        ({"upstream": ""}, "a word on licence and upstream terms"),
        ({"train": {"steps": 1}}, r"no \[train\]"),
    ):
        with pytest.raises(ValueError, match=told):
            VictimCard.model_validate({**card, **change})


def test_a_task_without_a_truth_is_ranked_by_what_copy_and_service_have_in_common() -> None:
    card = CATALOG.get(TaskCard, "style").model_dump(exclude_unset=True)
    with pytest.raises(ValueError, match="ranked by B"):
        TaskCard.model_validate({**card, "main": {"metric": "fid", "compare": "C"}})
