"""One run of a task whose service draws images, from card to record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import safetensors.torch
from PIL import Image

import gexbench
from gexbench import claims
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import VictimCard
from gexbench.engine.run.train_victim import train_victim
from gexbench.errors import AssetMissing, GexbenchError, PlanError
from gexbench.record import RunRecord

from .sampling_toys import CARDS

SHORT = {"channels": 4, "latent_size": 8, "discriminator_channels": 4, "steps": 2, "batch": 4}
Run = Callable[..., RunRecord]


def quiet(what: str, done: int, total: int) -> None:
    """Take no notice of progress."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    for name, text in CARDS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def run(folder: Path, home: Path) -> Run:
    """Run an attack of the folder, or one of ours, against the folder's service."""

    def run_it(attack: str, task: str = "drawing", defense: str | None = None, **options: object) -> RunRecord:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GEXBENCH_HOME", str(home))
            catalog = Catalog.load([folder])
            for name in ("sngan", "style") if not (home / "victims").exists() else ():
                train_victim(catalog.get(VictimCard, f"toy/{name}"), catalog, None, quiet)
            asked = {"out": folder.parent / "toy-runs", "registry": (folder,), "defense": defense, "options": options}
            return gexbench.run(f"toy/{task}", attack, **asked)

    return run_it


def test_an_attack_buys_images_and_its_surrogate_draws(run: Run, folder: Path) -> None:
    record = run("sngan", **SHORT)
    assert (record.status, record.reason, record.incidents) == ("ok", "", ())
    assert (record.account.answered, record.cost_usd) == (16, 0.16)
    assert set(record.absent) == {"fid", "memorisation"}
    assert "the run queried 16 images; this metric needs 100 or more" in record.absent["memorisation"]
    made = folder.parent / "toy-runs" / record.plan.run_name
    assert (made / "surrogate" / "model.safetensors").is_file()
    with Image.open(made / "samples.png") as picture:
        assert picture.width > 3 * 300


def test_what_an_attack_queried_is_purified_before_it_learns_from_it(run: Run) -> None:
    plain, made = run("toy/replayer"), run("toy/replayer", purify="overwrite", augment="flip")
    assert (made.status, made.reason, made.account.answered) == ("ok", "", plain.account.answered)
    assert made.plan.options == {"purify": "overwrite", "augment": "flip"}
    assert made.surrogate_sha256 != plain.surrogate_sha256


@pytest.mark.parametrize(
    ("attack", "options", "reported"),
    [
        ("partial-real", {"real_steps": 2}, set()),
        ("mh-subsample", {"chain": 4}, {"kept", "acceptance", "stuck", "z"}),
        ("discriminator-rejection", {"pilot": 0.2}, {"kept", "z"}),
    ],
)
def test_attacks_that_know_more_use_it(run: Run, attack: str, options: dict[str, object], reported: set[str]) -> None:
    record = run(attack, **SHORT, **options)
    assert (record.status, record.reason, record.account.answered) == ("ok", "", 16)
    assert set(record.attack_report) == reported


def test_chains_are_as_many_as_the_budget_pays_for(run: Run) -> None:
    assert run("mh-subsample", **SHORT, chain=4).attack_report["kept"] == 4


def test_a_budget_too_small_for_a_chain_is_refused_before_anything_is_queried(run: Run) -> None:
    record = run("mh-subsample", **SHORT, chain=17)
    assert (record.status, record.account.answered) == ("failed", 0)
    assert "a budget of 16 makes no chain of 17 images" in record.reason


def test_latents_are_regressed_on(run: Run) -> None:
    record = run("latent-regression", channels=4, steps=2, batch=4)
    assert (record.status, record.reason, record.account.answered) == ("ok", "", 16)


STYLE = {"latent_size": 8, "mapping_layers": 2, "channel_base": 64, "channel_max": 8, "steps": 2}


@pytest.mark.parametrize(
    ("attack", "options", "queried"),
    [("stylegan-transfer", STYLE, 8), ("from-scratch", STYLE, 0), ("finetune-victim", {}, 0)],
)
def test_a_service_is_carried_into_a_new_domain(
    run: Run, attack: str, options: dict[str, object], queried: int
) -> None:
    record = run(attack, task="moving", **options, pool_steps=2, batch=4)
    assert (record.status, record.reason, record.account.answered) == ("ok", "", queried)


def test_a_growing_network_copies_too(run: Run) -> None:
    record = run("pggan", latent_size=8, fmap_base=32, fmap_max=8, steps=2, batch=4)
    assert (record.status, record.reason, record.account.answered) == ("ok", "", 16)


def test_a_control_that_learns_from_the_owners_images_buys_none(run: Run) -> None:
    record = run("sngan-real", **SHORT)
    assert (record.status, record.reason, record.account.answered) == ("ok", "", 0)
    assert "the run queried 0 images" in record.absent["memorisation"]


def test_what_the_card_needs_is_granted_and_no_more(run: Run) -> None:
    record = run("toy/knowing")
    assert record.attack_report == {"latents": "(3, 8)", "real": 8, "pool": 0}


def test_the_victim_is_its_own_ceiling(run: Run) -> None:
    record = run("victim")
    assert record.status == "ok"
    assert "nothing was queried" in record.absent["memorisation"]


def test_a_profiles_own_metrics_are_measured_beside_the_tasks(run: Run) -> None:
    record = run("toy/knowing")
    shares = {(s.metric, s.compare): (s.value, s.n) for s in record.scores if s.metric.startswith("figure-")}
    assert set(shares) == {(metric, compare) for metric in ("figure-share", "figure-kinds") for compare in "AC"}
    assert shares["figure-share", "C"] == (0.0, 70)  # what it draws is grey


@pytest.mark.parametrize("defense", [None, "toy/negative"])
def test_a_surrogate_that_returns_what_it_queried_is_found(run: Run, defense: str | None) -> None:
    record = run("toy/replayer", task="selling", defense=defense)
    assert (record.status, record.reason, record.absent, record.account.answered) == ("ok", "", {}, 150)
    (score,) = record.scores
    assert (score.compare, score.n) == ("B", 100)
    assert score.value > 0.95


def test_a_surrogate_that_learned_from_marked_images_is_detected_by_what_it_draws(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    record = run("toy/replayer", task="selling", defense="toy/claimant")
    told = record.ownership
    assert told is not None
    assert (told.outputs, told.asked, told.sane, told.detected) == (50, 0, True, True)
    made = folder.parent / "toy-runs" / record.plan.run_name
    for count in (49, 60):
        for number in range(count):
            (tmp_path / str(count)).mkdir(exist_ok=True)
            Image.new("RGB", (32, 32), (10, 10, 10)).save(tmp_path / str(count) / f"{number}.png")
    with pytest.raises(PlanError, match="holds 49 images, and 50 are looked at"):
        claims.ownership(made, tmp_path / "49", registry=(folder,))
    assert claims.ownership(made, tmp_path / "60", registry=(folder,)).outputs == 50
    assert claims.questions(made, tmp_path / "questions") == 0


@pytest.mark.parametrize("defense", ["semantic-interpolation", "pgd-discriminator"])
def test_what_guards_latents_or_asks_the_victims_own_discriminator_guards_a_run(run: Run, defense: str) -> None:
    record = run("toy/knowing", defense=defense)
    assert (record.status, record.reason, record.incidents) == ("ok", "", ())
    assert (record.account.answered, record.plan.task.costs) == (3, ("fid",))


def test_a_surrogate_that_does_not_say_its_latents_fails_with_the_reason(run: Run) -> None:
    record = run("toy/dumb")
    assert record.status == "failed"
    assert "no latent_size" in record.reason


def test_a_leaked_discriminator_judges_images(run: Run) -> None:
    assert run("toy/thief").attack_report == {"logits": "(4, 1)", "real": "None"}


def test_knowledge_the_task_does_not_grant_is_refused_before_anything_runs(run: Run) -> None:
    with pytest.raises(PlanError, match="'truth', which task 'toy/drawing' does not grant"):
        run("toy/curious")


def test_an_attack_on_images_is_refused(run: Run) -> None:
    with pytest.raises(PlanError, match="works on image-to-image tasks"):
        run("pix2pix")


def test_a_surrogate_that_takes_other_latents_than_it_says_fails_with_the_reason(run: Run) -> None:
    record = run("toy/fussy")
    assert (record.status, record.account.answered) == ("failed", 1)
    assert "says latent_size 4 and cannot take latents of the shape (64, 4)" in record.reason


def test_too_few_real_images_to_calibrate_with_are_refused_before_anything_is_queried(run: Run) -> None:
    record = run("mh-subsample", task="poor", **SHORT, chain=4)
    assert (record.status, record.account.answered) == ("failed", 0)
    assert "7 real images are too few to calibrate with, 8 or more are needed" in record.reason


def test_fewer_held_back_images_than_are_scored_are_refused_before_anything_runs(run: Run, folder: Path) -> None:
    with pytest.raises(PlanError, match="scored on 9 images; test split 'figures' of data set 'toy/few' has 8 real"):
        run("victim", task="greedy")
    assert not list((folder.parent / "toy-runs").glob("*greedy*/service/ledger.sqlite"))


@pytest.mark.parametrize(
    ("attack", "options", "reason"),
    [
        ("stylegan-transfer", STYLE, "no images of a new domain"),
        ("finetune-victim", {}, "needs the networks of a StyleGAN2"),
    ],
)
def test_a_transfer_without_a_domain_or_a_network_to_carry_is_refused_before_anything_is_queried(
    run: Run, attack: str, options: dict[str, object], reason: str
) -> None:
    record = run(attack, **options, pool_steps=2, batch=4)
    assert (record.status, record.account.answered) == ("failed", 0)
    assert reason in record.reason


@pytest.fixture
def weights(run: Run, home: Path) -> Iterator[Path]:
    """The service's weight file, to be spoilt; it is put back."""
    run("toy/thief")
    path = home / "victims" / "toy.sngan-v1.safetensors"
    kept = path.read_bytes()
    yield path
    path.write_bytes(kept)


def spoilt(path: Path, how: str) -> bytes:
    if how == "garbage":
        return b"neither a header nor tensors"
    if how == "another network's":
        return path.with_name("toy.style-v1.safetensors").read_bytes()
    tensors = safetensors.torch.load_file(path)
    return safetensors.torch.save({name: t for name, t in tensors.items() if not name.startswith("discriminator.")})


@pytest.mark.parametrize(
    ("attack", "how", "kind", "reason"),
    [
        ("toy/thief", "garbage", AssetMissing, "is not a safetensors file"),
        ("toy/dumb", "garbage", AssetMissing, "is not a safetensors file"),
        ("toy/dumb", "another network's", AssetMissing, "does not fit its network"),
        ("toy/thief", "without a discriminator", PlanError, "no discriminator leaked with victim 'toy/sngan'"),
    ],
)
def test_a_weight_file_that_is_not_what_it_claims_is_refused(
    run: Run, weights: Path, attack: str, how: str, kind: type[GexbenchError], reason: str
) -> None:
    weights.write_bytes(spoilt(weights, how))
    with pytest.raises(kind, match=reason):
        run(attack)
