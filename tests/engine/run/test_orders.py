"""What lies ready for service and attacker is what a plan grants them, and no more."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from gexbench.cards.entry import load_entry
from gexbench.cards.roots import packaged_root
from gexbench.cards.schema import DatasetCard, DefenseCard
from gexbench.core.dataset import Dataset, Split
from gexbench.engine.run.orders import held_back, make_orders, private
from gexbench.engine.store import datasets
from gexbench.engine.store.victim_weights import weights_path
from gexbench.engine.wire.image_file import StoredImages
from gexbench.engine.wire.messages import StartAttack
from gexbench.errors import PlanError
from gexbench.plan import Plan

from ..toy_orders import catalog, plan
from .toy_setting import setting


def needing(*needs: str, task: str = "latent-fidelity", attack: str = "sngan", **changes: Any) -> Plan:
    """Return a plan whose attack needs this knowledge."""
    made = plan(task, attack)
    return made.model_copy(update={"attack": made.attack.model_copy(update={"needs": needs}), **changes})


def started(folder: Path, made: Plan) -> StartAttack:
    order = make_orders(setting(folder, made)).attacker
    assert order is not None
    return order


def levels(file: Path | None) -> list[int]:
    """Return the greys of the images in a file."""
    assert file is not None
    return [round(float(image.max()) * 255) for image in StoredImages(file)]


def held(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "runs" / "one" / "brief").iterdir())


def test_without_further_knowledge_the_pool_alone_is_there(tmp_path: Path) -> None:
    order = started(tmp_path, needing("outputs"))
    assert levels(order.pool) == [100, 101, 102]
    assert (order.truth, order.real, order.discriminator, order.victim) == (None, None, None, None)
    assert held(tmp_path) == ["pool.safetensors"]


def test_with_part_of_the_real_images_every_tenth_of_the_owners_is_there(tmp_path: Path) -> None:
    order = started(tmp_path, needing("outputs", "partial-real"))
    assert levels(order.real) == [0, 10, 20]
    assert held(tmp_path) == ["pool.safetensors", "real.safetensors"]


@pytest.mark.parametrize(
    ("task", "attack", "truth"),
    [("sr", "srresnet", [200, 202, 204]), ("latent-fidelity", "sngan", list(range(25)))],
    ids=["of the pool's images", "of a service that draws"],
)
def test_the_truth_is_what_the_kind_of_task_says(tmp_path: Path, task: str, attack: str, truth: list[int]) -> None:
    order = started(tmp_path, needing("outputs", "truth", task=task, attack=attack))
    assert levels(order.truth) == truth
    assert held(tmp_path) == ["pool.safetensors", "truth.safetensors"]


def test_a_leaked_discriminator_is_that_part_of_the_victims_file_alone(tmp_path: Path) -> None:
    made = needing("outputs", "discriminator")
    leak = started(tmp_path, made).discriminator
    assert leak is not None
    assert (leak.entry, leak.net, leak.part) == (made.victim.entry, made.victim.net, "discriminator")
    whole = safetensors.torch.load_file(weights_path(made.victim, catalog()))
    leaked = safetensors.torch.load_file(leak.file)
    assert 0 < len(leaked) < len(whole)
    assert {f"discriminator.{name}" for name in leaked} == {n for n in whole if n.startswith("discriminator.")}
    assert all(torch.equal(tensor, whole[f"discriminator.{name}"]) for name, tensor in leaked.items())


def test_a_leaked_victim_is_its_whole_file(tmp_path: Path) -> None:
    made = needing("weights", task="sr", attack="srresnet")
    leak = started(tmp_path, made).victim
    assert leak is not None
    whole = safetensors.torch.load_file(weights_path(made.victim, catalog()))
    assert (leak.part, safetensors.torch.load_file(leak.file).keys()) == ("", whole.keys())
    assert held(tmp_path) == ["pool.safetensors", "victim.safetensors"]


def test_a_victim_whose_file_lacks_the_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="no discriminator leaked with victim 'srgan-mini'"):
        started(tmp_path, needing("discriminator", task="sr", attack="srresnet"))
    assert held(tmp_path) == ["pool.safetensors"]


def test_the_attack_gets_the_plans_numbers_and_its_own_folder(tmp_path: Path) -> None:
    made = needing("outputs", options={"steps": 3, "batch": 4, "purify": "jpeg"}, budget=7, seed=5, deadline=9.0)
    order, run = started(tmp_path, made), tmp_path / "runs" / "one"
    assert (order.kind, order.entry, order.code) == ("sampling", made.attack.entry, None)
    assert (order.options, order.budget, order.seed, order.deadline) == ({"steps": 3, "batch": 4}, 7, 5, 9.0)
    assert order.adaptive == {"purify": "jpeg"}
    assert (order.device, order.precision, order.threads) == ("cpu", "fp32", 2)
    assert (order.scale, order.side, order.knowledge) == (1, 32, ("outputs",))
    assert order.workdir.parent == run / "attacker"
    assert order.writable == (order.workdir,)


def test_no_attack_may_read_homes_registry_data_weights_or_other_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GEXBENCH_DATA", str(tmp_path / "sets"))
    made = setting(tmp_path, needing("outputs"))
    closed = private(made)
    assert set(closed) == {
        tmp_path / "home",
        tmp_path / "sets",
        tmp_path / "runs",
        tmp_path / "data" / "o.png",
        packaged_root().path,
    }
    order = make_orders(made).attacker
    assert order is not None
    assert order.private == tuple(closed)


def test_without_a_folder_of_data_sets_there_is_none_to_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEXBENCH_DATA", raising=False)
    assert len(private(setting(tmp_path, needing("outputs")))) == 4


def test_the_victim_control_has_no_attacker(tmp_path: Path) -> None:
    orders = make_orders(setting(tmp_path, plan("sr", "victim")))
    assert orders.attacker is None
    assert orders.service.plan.attack.name == "victim"


def test_the_service_gets_the_plan_the_victims_file_and_a_ledger_of_its_own(tmp_path: Path) -> None:
    made = plan("sr", "victim")
    order = make_orders(setting(tmp_path, made)).service
    assert order.plan == made
    assert order.weights == weights_path(made.victim, catalog())
    assert order.ledger == tmp_path / "runs" / "one" / "service" / "ledger.sqlite"
    assert (order.owner, order.tests, order.defense_code, order.device, order.threads) == (None, None, None, "cpu", 2)


@pytest.mark.parametrize("hardens", [False, True])
def test_the_owners_images_lie_ready_for_a_defense_that_hardens(tmp_path: Path, hardens: bool) -> None:
    defense = catalog().get(DefenseCard, "jpeg").model_copy(update={"hardens": hardens})
    order = make_orders(setting(tmp_path, plan("sr", "victim").model_copy(update={"defense": defense}))).service
    assert order.tests is not None
    assert order.tests.parent == order.ledger.parent
    if not hardens:
        assert order.owner is None
        return
    assert order.owner is not None
    assert order.owner.parent == order.ledger.parent  # the service may read it, the attacker may not
    assert levels(order.owner) == list(range(25))


def test_orders_are_the_same_when_a_run_goes_on(tmp_path: Path) -> None:
    made = setting(tmp_path, needing("outputs", "partial-real", "discriminator"))
    first = make_orders(made)
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in made.folder.brief.iterdir()}
    assert make_orders(made) == first
    assert {path: hashlib.sha256(path.read_bytes()).digest() for path in made.folder.brief.iterdir()} == before


def redrawn_twice(task: str, dataset: str) -> tuple[dict[str, Split], Dataset]:
    made = plan(task, "victim")
    files = datasets.locate(made.dataset, catalog().filed(DatasetCard, dataset).pins)
    own: Dataset = load_entry(made.dataset.reader)(made.dataset.settings, files)
    return held_back(made, own, files, redraws=2), own


@pytest.mark.parametrize(("task", "dataset"), [("monet2photo", "scenes-mini"), ("latent-fidelity", "figures-mini")])
def test_drawn_tests_are_drawn_anew_as_often_as_is_asked_for(task: str, dataset: str) -> None:
    tests, own = redrawn_twice(task, dataset)
    public = list(own.tests())
    assert list(tests) == [*public, *(f"redrawn-{number}-{name}" for number in (1, 2) for name in public)]
    for name in public:
        draws = [tests[name], tests[f"redrawn-1-{name}"], tests[f"redrawn-2-{name}"]]
        for images in ([split.truth for split in draws], [split.inputs for split in draws]):
            assert len({len(each) for each in images}) == 1
            firsts = {each[0].numpy().tobytes() for each in images if len(each)}
            assert len(firsts) in (0, 3)


def test_tests_that_lie_in_files_stay_as_they_are() -> None:
    tests, own = redrawn_twice("sr", "photos-mini")
    assert list(tests) == list(own.tests())
