"""Any two sets of images, any metrics: pairing by name, KID beside FID, and what is absent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from feature_factory import Colours, encoded, noise, photos, quiet, write_folder, write_net, write_registry, write_zip

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import MetricCard
from gexbench.comparison import Comparison
from gexbench.core.pairing import partners
from gexbench.engine.scoring import compare as engine
from gexbench.engine.scoring.compare import Setup, compare
from gexbench.engine.scoring.features.images import ImageSet, TensorImages, open_images
from gexbench.errors import CardError, PlanError


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    """Return the setup of metrics on the tiny extractor, with its weights in GEXBENCH_HOME."""
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    write_net(tmp_path / "home")
    return Setup(write_registry(tmp_path / "registry"), "cpu", tmp_path / "features")


def _set(count: int, first: int = 0) -> ImageSet:
    return TensorImages([noise(seed) for seed in range(first, first + count)])


def _compared(setup: Setup, *names: str, images: int = 9, reference: int = 8) -> Comparison:
    return compare(_set(images), _set(reference, first=1000), names, setup, quiet)


def test_a_comparison_says_all_that_a_number_needs(setup: Setup) -> None:
    found = _compared(setup, "fid-bf16", images=120, reference=110)
    assert [score.metric for score in found.scores] == ["fid-bf16", "kid"]
    assert found.absent == {}
    score = found.scores[0]
    assert (score.n, score.n_reference, score.unit, score.higher_is_better) == (120, 110, "1", False)
    assert score.passport.weights
    assert len(found.images) == len(found.reference) == 64
    assert found.images != found.reference
    assert found.device == "cpu"
    assert "torch" in found.libraries
    assert Comparison.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("asked", "images", "reference", "measured"),
    [
        (["fid"], 1, 100, ["fid"]),
        (["fid"], 2, 100, ["fid", "kid"]),
        (["fid"], 1000, 1000, ["fid", "kid"]),
        (["fid-bf16"], 2047, 2048, ["fid-bf16", "kid"]),
        (["fid"], 2048, 2048, ["fid"]),
        (["fid", "kid-100"], 1000, 1000, ["fid", "kid-100"]),
        (["kid"], 1000, 1000, ["kid"]),
        (["psnr-rgb"], 100, 100, ["psnr-rgb"]),
    ],
)
def test_fid_of_few_images_brings_kid(asked: list[str], images: int, reference: int, measured: list[str]) -> None:
    assert engine._with_kid(list(asked), min(images, reference)) == measured


def test_a_metric_asked_for_twice_is_measured_once(setup: Setup) -> None:
    assert [score.metric for score in _compared(setup, "kid", "kid").scores] == ["kid"]


def test_what_is_not_defined_is_absent_with_the_reason_and_the_others_are_there(setup: Setup) -> None:
    found = _compared(setup, "fid", "kid-100", "psnr-rgb", images=9, reference=9)
    assert [score.metric for score in found.scores] == ["fid", "psnr-rgb"]
    assert "subsets of 100 images and a set has 9; kid takes any number" in found.absent["kid-100"]
    alone = _compared(setup, "fid", "psnr-rgb", images=1, reference=1)
    assert [score.metric for score in alone.scores] == ["psnr-rgb"]
    assert "needs 2 or more" in alone.absent["fid"]
    assert "kid" not in alone.absent


def test_sets_beside_metrics_of_pairs_are_paired_by_name_and_a_note_says_so(setup: Setup, tmp_path: Path) -> None:
    files = photos(9)
    renamed = {f"z{9 - int(name[:4])}/{name}": content for name, content in files.items()}
    sides = [open_images(write_folder(tmp_path / name, each)) for name, each in (("a", files), ("b", renamed))]
    alone = compare(*sides, ["fid"], setup, quiet)
    assert not any("pair by name" in note for note in alone.notes)
    with pytest.raises(PlanError, match="the reference lacks"):
        compare(*sides, ["fid", "psnr-rgb"], setup, quiet)
    same = open_images(write_folder(tmp_path / "c", {name.replace("png", "PNG"): it for name, it in files.items()}))
    found = compare(sides[0], same, ["fid", "psnr-rgb"], setup, quiet)
    assert any(note.startswith("images pair by name: kid leaves the pairs themselves out") for note in found.notes)
    kid, apart = (next(s for s in each.scores if s.metric == "kid") for each in (found, alone))
    assert apart.value < 0.0
    assert kid.value == pytest.approx(0.0, abs=-1e-9 * apart.value)
    assert [score.floor for score in found.scores] == [None] * 3
    assert alone.scores[0].floor is not None


def test_missing_weights_are_absent_with_the_command(setup: Setup) -> None:
    found = _compared(setup, "lpips-alex", "psnr-rgb", reference=9)
    assert [score.metric for score in found.scores] == ["psnr-rgb"]
    assert found.absent["lpips-alex"].endswith("(gexbench assets fetch lpips-alex)")


def test_the_features_of_both_sets_are_computed_once_for_all_metrics_and_calls(setup: Setup) -> None:
    Colours.batches.clear()
    _compared(setup, "fid", "fid-bf16", "kid-100", images=120, reference=110)
    assert sum(Colours.batches) == 230
    _compared(setup, "fid", images=120, reference=110)
    assert sum(Colours.batches) == 230
    assert setup.folder is not None
    assert len(list(setup.folder.glob("colours-*.sqlite"))) == 1


def test_a_set_against_itself_is_at_distance_zero_and_computed_once(setup: Setup) -> None:
    Colours.batches.clear()
    images = _set(12)
    found = compare(images, images, ["fid"], setup, quiet)
    assert found.scores[0].value == pytest.approx(0.0, abs=1e-6)
    assert found.images == found.reference
    assert sum(Colours.batches) == 12


def test_paired_metrics_alone_keep_no_features_and_need_no_folder_for_them(setup: Setup) -> None:
    _compared(setup, "psnr-rgb", reference=9)
    assert setup.folder is not None
    assert not setup.folder.exists()


def test_unknown_and_no_metrics_are_refused_before_anything_is_read(setup: Setup) -> None:
    with pytest.raises(CardError, match="no metric named 'fiid'") as caught:
        _compared(setup, "psnr-rgb", "fiid")
    assert "did you mean fid" in caught.value.hint
    with pytest.raises(PlanError, match="no metric is named"):
        _compared(setup)


def test_partners_have_one_relative_path_less_the_ending() -> None:
    mine, theirs = ["a.png", "b/c.png", "b/d.e.png"], ["b/d.e.jpg", "b/c.jpeg", "a.JPG"]
    assert partners(mine, theirs).order == (2, 1, 0)


def test_a_folder_around_all_images_of_a_side_is_no_part_of_their_names() -> None:
    assert partners(["photos/b.png", "photos/a/c.png"], ["a/c.jpg", "b.jpg"]).order == (1, 0)


@pytest.mark.parametrize(
    ("mine", "theirs", "message"),
    [
        (["a.png", "b.png"], ["a.png"], "the reference lacks 'b'"),
        (["a.png"], ["a.png", "x/a.png"], "the images lack 'x/a'"),
        (["x/a.png", "b.png"], ["y/a.png", "b.png"], "the reference lacks 'x/a'"),
        (["a.png", "a.jpg"], ["a.png", "b.png"], r"'a\.png' and 'a\.jpg' differ in the ending alone"),
        (["a.png", "b.png"], ["b.png", "b.bmp"], r"'b\.png' and 'b\.bmp' differ in the ending alone"),
    ],
)
def test_names_that_do_not_pair_are_named(mine: list[str], theirs: list[str], message: str) -> None:
    with pytest.raises(PlanError, match=message) as caught:
        partners(mine, theirs)
    assert caught.value.hint


def test_folder_and_zip_pair_by_name_and_not_by_order(setup: Setup, tmp_path: Path) -> None:
    stems = ("in/a", "in/a.b", "c")
    folder = write_folder(tmp_path / "a", {f"{stem}.png": encoded(noise(k)) for k, stem in enumerate(stems)})
    other = {f"{stem}.TIF": encoded(noise(k), "TIFF") for k, stem in enumerate(stems)}
    images, reference = open_images(folder), open_images(write_zip(tmp_path / "b.zip", other))
    assert [name[:-4] for name in images.names] != [name[:-4] for name in reference.names]
    found = compare(images, reference, ["psnr-rgb"], setup, quiet)
    assert found.scores[0].value == float("inf")
    assert found.images != found.reference
    assert json.loads(found.model_dump_json())["scores"][0]["value"] == "Infinity"


def test_names_that_do_not_pair_matter_to_paired_metrics_alone(setup: Setup, tmp_path: Path) -> None:
    images = open_images(write_folder(tmp_path / "a", photos(5)))
    reference = open_images(write_folder(tmp_path / "b", photos(5, first=5)))
    assert compare(images, reference, ["fid-bf16"], setup, quiet).scores
    with pytest.raises(PlanError, match="the reference lacks '0000'"):
        compare(images, reference, ["fid-bf16", "psnr-rgb"], setup, quiet)


def test_the_packaged_catalog_holds_the_metrics_that_come_with_fid() -> None:
    for name in (engine.FID, engine.KID):
        assert not Catalog.load().get(MetricCard, name).paired
