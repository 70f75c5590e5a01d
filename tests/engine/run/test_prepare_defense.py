"""A defense is prepared once for a victim and its options, goes on after a kill, and is found again by hash."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from defense_factory import fewer, offline, submission

from gexbench.core.attack import Progress
from gexbench.engine.kinds.kind import task_kind
from gexbench.engine.run import prepare_defense
from gexbench.engine.run.orders import Setting
from gexbench.engine.run.prepare_defense import Offline, Trial, prepared
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.run.sides import Journal
from gexbench.engine.sandbox.rules import support
from gexbench.engine.store.prepared import Artefact
from gexbench.engine.wire.guarding import Prepared
from gexbench.errors import AssetMissing, RunFailed

from ..toy_orders import quiet

sandboxed = pytest.mark.skipif(support().landlock_abi < 1, reason="this system has no Landlock")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return submission(tmp_path_factory.mktemp("toy") / "trained")


@pytest.fixture(scope="module")
def given(toy: Path) -> Offline:
    return fewer(offline(toy), 4)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def made(given: Offline, progress: Progress = quiet) -> Artefact:
    artefact = prepared(given, Journal(progress))
    assert artefact is not None
    return artefact


def test_what_is_prepared_is_kept_with_a_passport_and_found_again(given: Offline, home: Path) -> None:
    told: list[tuple[str, int, int]] = []
    first = made(given, lambda *what: told.append(what))
    assert told[-1] == ("colour", 6, 6)
    tensors = safetensors.torch.load_file(first.file)
    assert (int(tensors["images"]), int(tensors["key"])) == (4, 0)
    assert float(tensors["shift"].abs().sum()) > 0
    recipe = first.passport.recipe
    assert (recipe.victim, recipe.defense, recipe.seed) == ("srgan-mini", "toy/trained", 0)
    assert recipe.options == {"steps": 6, "way": "well"}
    assert first.file.parent.parent == home / "prepared"
    assert first.file.parent.name == f"srgan-mini-toy.trained-{recipe.digest}"
    assert {path.name for path in first.file.parent.iterdir()} == {".lock", "passport.json", "prepared.safetensors"}
    told.clear()
    assert made(given, lambda *what: told.append(what)) == first
    assert told == []


def test_killed_at_any_moment_it_goes_on_and_ends_with_the_same_bits(
    given: Offline, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = made(given).passport.sha256
    monkeypatch.setenv("GEXBENCH_HOME", str(home / "killed"))
    met: list[int] = []

    def dying(what: str, done: int, total: int) -> None:
        if done in (1, 2, 5) and done not in met:
            met.append(done)
            raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            made(given, dying)
    with monkeypatch.context() as broken:
        broken.setattr("gexbench.engine.store.prepared.PreparedPassport.model_dump_json", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            made(given)
    assert not list(home.glob("killed/prepared/*/passport.json"))
    again = made(given, dying)
    assert met == [1, 2, 5]
    assert again.passport.sha256 == whole


def _interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@sandboxed
def test_in_a_process_of_its_own_it_gives_the_same_bits(
    given: Offline, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = made(given).passport.sha256
    monkeypatch.setenv("GEXBENCH_HOME", str(home / "far"))
    journal = Journal(quiet)
    far = prepared(replace(given, isolation="landlock"), journal)
    assert far is not None
    assert far.passport.sha256 == near
    assert journal.peak_memory["preparer"] > 0


@sandboxed
def test_a_process_that_is_killed_loses_no_step_that_was_kept(given: Offline) -> None:
    whole = safetensors.torch.load_file(made(given).file)
    plan = given.plan.model_copy(update={"defense_options": {"steps": 6, "way": "mortal"}})
    mortal = replace(given, plan=plan, isolation="landlock")
    steps: list[int] = []
    for _ in range(2):
        with pytest.raises(RunFailed, match="'toy/trained' ended early: its process was ended by signal 9"):
            made(mortal, lambda what, done, total: steps.append(done))
    again = safetensors.torch.load_file(made(mortal, lambda what, done, total: steps.append(done)).file)
    assert steps == [1, 2, 3, 4, 5, 6]
    assert all(torch.equal(whole[name], again[name]) for name in whole)


@sandboxed
def test_one_that_hangs_is_waited_for_no_longer_than_its_deadline(
    given: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare_defense, "PREPARED_WITHIN", 0.5)
    plan = given.plan.model_copy(update={"defense_options": {"steps": 6, "way": "hangs"}})
    told = "prepare of the defense 'toy/trained' was still running after 0.5 s, its deadline"
    with pytest.raises(RunFailed, match=told):
        made(replace(given, plan=plan, isolation="landlock"))


def test_what_was_prepared_without_a_sandbox_is_no_sandboxed_runs(given: Offline) -> None:
    recipe = made(given).passport.recipe
    assert recipe.isolation == "none"
    card = given.plan.defense
    assert card is not None
    assert prepare_defense.recipe_of(replace(given, isolation="landlock"), card).digest != recipe.digest


def test_an_altered_file_is_refused_by_its_hash(given: Offline) -> None:
    file = made(given).file
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(AssetMissing, match=r"prepared.safetensors was altered \(sha256 ") as refused:
        made(given)
    assert refused.value.hint == f"remove {file.parent}, and it is prepared anew"


def test_a_file_of_another_victim_is_refused_by_what_differs(given: Offline) -> None:
    plan = given.plan.model_copy(update={"victim_weights": "0" * 64})
    mine = made(given)
    other = mine.passport.recipe.model_copy(update={"victim_weights": "0" * 64})
    os.rename(mine.file.parent, prepare_defense.Shelf.of(other, mine.file.parents[1]).folder)
    with pytest.raises(AssetMissing, match=r"is of another victim weights: [0-9a-f]{12}…, not 000000000000…"):
        made(replace(given, plan=plan))


@pytest.mark.parametrize(
    "change",
    [
        {"victim_weights": "0" * 64},
        {"dataset_pins": "0" * 64},
        {"defense_options": {"steps": 7, "way": "well"}},
        {"plug_ins": {"defense": "0" * 16}},
    ],
    ids=lambda change: str(*change),
)
def test_another_recipe_is_another_digest(given: Offline, change: dict[str, object]) -> None:
    plan = given.plan.model_copy(update=change)
    card = plan.defense
    assert card is not None
    one, other = (prepare_defense.recipe_of(replace(given, plan=each), card) for each in (given.plan, plan))
    assert one.digest != other.digest


def test_a_trial_has_few_images_and_a_place_of_its_own(toy: Path, tmp_path: Path, home: Path) -> None:
    artefact = made(replace(offline(toy), trial=Trial(tmp_path / "trial", 3)))
    assert int(safetensors.torch.load_file(artefact.file)["images"]) == 3
    assert artefact.file.is_relative_to(tmp_path / "trial")
    assert not (home / "prepared").exists()


@pytest.mark.parametrize(
    "content",
    [torch.zeros(3), torch.zeros(3, 3, dtype=torch.uint8), torch.arange(99, dtype=torch.uint8)],
    ids=["floats", "shape", "rubbish"],
)
def test_a_process_that_sends_no_safetensors_file_is_told_so(
    given: Offline, monkeypatch: pytest.MonkeyPatch, content: torch.Tensor
) -> None:
    monkeypatch.setattr(prepare_defense, "prepare", lambda order, progress: Prepared(content=content))
    with pytest.raises(RunFailed, match="'toy/trained' returned what is no safetensors file"):
        made(given)


def test_what_a_preparation_leaves_behind_is_told_as_the_defenses(
    given: Offline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = given.plan
    run = RunFolder(tmp_path / "run")
    setting = Setting(plan, given.catalog, run, {}, given.dataset, {}, given.hardware, task_kind(plan.task.kind))

    def left(offline: Offline, journal: Journal) -> None:
        journal.note(("left 1 process(es) behind, killed",))

    monkeypatch.setattr(prepare_defense, "prepared", left)
    journal = Journal(quiet)
    setting = prepare_defense.armed(setting, "none", journal, None)
    assert journal.incidents == ["the defense, as it was prepared: left 1 process(es) behind, killed"]
    assert setting.defending is not None
    assert (setting.defending.key, setting.defending.prepared) == (run.key(), None)


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("raises", "raised ZeroDivisionError: integer division or modulo by zero"),
        ("nothing", "raised TypeError: it returned no mapping from names to tensors"),
        ("object", "raised TypeError: it returned no mapping from names to tensors"),
        ("nan", "returned values in 'a' that are not finite"),
        ("large", "returned 71303248 bytes, more than the 67108864 that are kept"),
    ],
)
def test_what_goes_wrong_is_told_by_the_defenses_name_and_the_moment(given: Offline, way: str, told: str) -> None:
    plan = given.plan.model_copy(update={"defense_options": {"steps": 6, "way": way}})
    with pytest.raises(RunFailed) as failed:
        made(replace(given, plan=plan))
    assert str(failed.value).startswith(f"prepare of the defense 'toy/trained' {told}")
