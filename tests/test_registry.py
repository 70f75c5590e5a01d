"""The whole registry: each card loads, each entry imports, each task resolves at each profile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gexbench.cards.catalog import FOLDERS, Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.prices import PriceCard
from gexbench.cards.schema import (
    AssetCard,
    AttackCard,
    DatasetCard,
    DefenseCard,
    ExtractorCard,
    MetricCard,
    ProfileCard,
    TaskCard,
    VictimCard,
)
from gexbench.engine.store.weights import file_sha256
from gexbench.plan import Identity, Request, resolve

ROOT = Path(__file__).resolve().parent.parent
CATALOG = Catalog.load()
NOWHERE = Identity("", "", "")
TASKS = [(task, profile) for task, filed in CATALOG.all(TaskCard).items() for profile in filed.card.profile]


@pytest.mark.parametrize("kind", FOLDERS, ids=FOLDERS.values())
def test_every_card_of_a_kind_loads(kind: type) -> None:
    assert CATALOG.all(kind)


def test_no_code_lives_in_the_registry() -> None:
    root = CATALOG.roots[0].path
    assert not list(root.rglob("*.py"))


@pytest.mark.parametrize("kind", [VictimCard, AttackCard, DefenseCard, MetricCard, ExtractorCard])
def test_every_entry_imports(kind: type[VictimCard]) -> None:
    for filed in CATALOG.all(kind).values():
        if filed.card.entry is not None:
            assert callable(load_entry(filed.card.entry))


def test_every_reader_imports() -> None:
    for filed in CATALOG.all(DatasetCard).values():
        assert callable(load_entry(filed.card.reader))


@pytest.mark.parametrize(("task", "profile"), TASKS)
def test_every_task_resolves_with_every_attack_and_control_that_fits(task: str, profile: str) -> None:
    card = CATALOG.get(TaskCard, task)
    known = [filed.card for filed in CATALOG.all(AttackCard).values()]
    fitting = [
        attack.name
        for attack in known
        if card.kind in attack.task_kinds
        and (card.scale == 1 or not attack.same_size)
        and (card.truth == "pairs" or "truth" not in attack.needs)
        and (card.truth != "none" or attack.answers != "victim")
        and set(attack.needs) - {"truth", "weights"} <= set(card.knowledge)
    ]
    assert fitting
    for attack in fitting:
        plan = resolve(Request(task, attack, profile=profile), CATALOG, NOWHERE)
        assert plan.budget == plan.task.profile[profile].ranked_budget


@pytest.mark.parametrize(("task", "profile"), TASKS)
def test_every_name_on_a_task_is_a_card(task: str, profile: str) -> None:
    card = CATALOG.get(TaskCard, task)
    assert CATALOG.get(ProfileCard, profile).seeds >= 1
    for control in card.controls:
        assert CATALOG.get(AttackCard, control).kind == "control"
    for metric in (*card.metrics_at(profile), *card.honest_cost):
        for asset in CATALOG.get(MetricCard, metric).assets:
            CATALOG.get(AssetCard, asset)


def test_every_metric_of_sets_names_an_extractor_and_every_extractor_serves_one() -> None:
    cards = [filed.card for filed in CATALOG.all(MetricCard).values()]
    named = {card.features for card in cards if card.features is not None}
    assert named == set(CATALOG.all(ExtractorCard))
    for card in cards:
        assert card.paired == (card.features is None)
        assert not card.floor or not card.paired


def test_every_sweep_is_of_three_strengths_or_more_in_order_and_the_default_is_one() -> None:
    for name, filed in CATALOG.all(DefenseCard).items():
        card = filed.card
        for option, strengths in card.sweep.items():
            assert len(set(strengths)) == len(strengths) >= 3, name
            assert list(strengths) in (sorted(strengths), sorted(strengths, reverse=True)), name
            assert card.options[option].default in strengths, name


def test_every_asset_named_on_a_metric_an_extractor_or_a_victim_is_a_card_and_every_card_is_named() -> None:
    cards = [filed.card for kind in (MetricCard, ExtractorCard) for filed in CATALOG.all(kind).values()]
    victims = {filed.card.asset for filed in CATALOG.all(VictimCard).values() if filed.card.asset}
    assert {asset for card in cards for asset in card.assets} | victims == set(CATALOG.all(AssetCard))


def test_a_victim_whose_weights_others_released_says_on_whose_terms() -> None:
    released = [filed.card for filed in CATALOG.all(VictimCard).values() if filed.card.asset]
    assert released
    for card in released:
        assert card.licence, card.name
        assert card.upstream, card.name
        assert card.dataset is None, card.name


def test_shipped_victims_are_the_files_their_cards_pin() -> None:
    shipped = [f for f in CATALOG.all(VictimCard).values() if f.card.weights]
    assert shipped
    for filed in shipped:
        assert filed.card.weights is not None
        path = filed.root.path / filed.card.weights.file
        assert file_sha256(path) == filed.card.weights.sha256
        # a first look must be a light download; a victim of small is a larger net
        assert path.stat().st_size <= (4_000_000 if filed.card.name.endswith("-mini") else 10_000_000)


def test_flops_of_trainings_are_those_that_were_counted() -> None:
    kept = json.loads((ROOT / "benchmarks" / "results" / "victim_flops.json").read_text("utf-8"))
    told = {name: filed.card.training_flops for name, filed in CATALOG.all(VictimCard).items()}
    assert {name: flops for name, flops in told.items() if flops} == kept["numbers"]["training_flops"]


def test_a_price_in_the_registry_says_where_it_was_read() -> None:
    for filed in CATALOG.all(PriceCard).values():
        assert filed.card.source, filed.path
        assert filed.card.url.startswith("https://"), filed.path


def test_every_budget_list_rises() -> None:
    for filed in CATALOG.all(TaskCard).values():
        for profile in filed.card.profile.values():
            assert list(profile.budgets) == sorted(set(profile.budgets))


def test_summaries_are_one_sentence() -> None:
    for kind in FOLDERS:
        for filed in CATALOG.all(kind).values():
            assert filed.card.summary.endswith("."), filed.path
            assert "\n" not in filed.card.summary


def test_no_registry_file_names_a_place_of_one_machine() -> None:
    for path in CATALOG.roots[0].path.rglob("*.toml"):
        assert "/home/" not in path.read_text(encoding="utf-8"), path
    assert Path(CATALOG.roots[0].path).is_dir()
