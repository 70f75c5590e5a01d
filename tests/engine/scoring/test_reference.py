"""Our metrics beside the libraries': which has one, that the values agree, and what has none."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import lpips
import numpy as np
import pytest
import record_factory
import torch
from feature_factory import encoded, noise, quiet, write_folder
from safetensors.torch import save_file
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import AssetCard, ExtractorCard, MetricCard
from gexbench.comparison import ReferenceComparison
from gexbench.core.images import decode_8bit, from_uint8
from gexbench.core.metric import Evidence
from gexbench.engine.kinds.evidence import TestEvidence as Shown
from gexbench.engine.scoring import clean_fid
from gexbench.engine.scoring.compare import Setup
from gexbench.engine.scoring.features.images import TensorImages, open_images
from gexbench.engine.scoring.measure import Pair, prepare
from gexbench.engine.scoring.reference import Libraries, NoReference, compare_with_libraries, of_evidence
from gexbench.engine.store.assets import AssetStore
from gexbench.errors import AssetMissing, PlanError
from gexbench.extractors.inception import ASSET
from gexbench.metrics.lpips import Lpips

PIXELS = ("psnr-rgb", "psnr-y", "ssim-rgb", "ssim-y")


@pytest.fixture
def libraries() -> Libraries:
    return Libraries(Catalog.load(), "cpu")


def _card(name: str) -> MetricCard:
    return Catalog.load().get(MetricCard, name)


def _blurred(image: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(image[None].float(), 3, stride=1, padding=1)[0].round().to(torch.uint8)


def _images(count: int = 3) -> list[Tensor]:
    return [noise(seed, 40 + seed, 57) for seed in range(count)]


def _pair(count: int = 3) -> Pair:
    return Pair(TensorImages([_blurred(image) for image in _images(count)]), TensorImages(_images(count)))


def _random_lpips() -> dict[str, Tensor]:
    """Return random convolutions of AlexNet, and the heads of the lpips package, under the names of the asset."""
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        torch.manual_seed(7)
        package = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    trunk = {f"features.{key.split('.', 1)[1]}": value for key, value in package.net.state_dict().items()}
    return trunk | {f"lins.{k}.weight": head.model[-1].weight.detach() for k, head in enumerate(package.lins)}


@pytest.mark.parametrize("name", PIXELS)
def test_scikit_image_says_the_same_of_pixels(name: str, libraries: Libraries) -> None:
    images = _images()
    ours = prepare([_card(name)], Catalog.load()).ready[name]
    reference = [from_uint8(image) for image in images]
    value = ours.metric.measure(Evidence([from_uint8(_blurred(image)) for image in images], reference))
    told = libraries.measure(_card(name), _pair(), quiet)
    assert told.value == pytest.approx(value, abs=1e-6)
    assert (told.library, bool(told.version)) == ("scikit-image", True)


def test_equal_images_have_an_infinite_psnr_there_too(libraries: Libraries) -> None:
    same = TensorImages(_images())
    assert libraries.measure(_card("psnr-rgb"), Pair(same, same), quiet).value == float("inf")


def test_partners_are_taken_in_the_order_of_the_pair(libraries: Libraries) -> None:
    images = _images()
    back = Pair(TensorImages(images), TensorImages(images[::-1]), order=[2, 1, 0])
    assert libraries.measure(_card("ssim-rgb"), back, quiet).value == pytest.approx(1.0)


def test_the_lpips_package_says_the_same_with_the_assets_convolutions(
    libraries: Libraries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = _random_lpips()
    save_file(weights, tmp_path / "net")
    monkeypatch.setattr(libraries, "_weights", lambda asset: weights)
    ours, drawn = Lpips({}, {"lpips-alex": tmp_path / "net"}), torch.get_rng_state()
    told = libraries.measure(_card("lpips-alex"), _pair(), quiet)
    images = _images()
    expected = sum(ours.distance(from_uint8(_blurred(image)), from_uint8(image)) for image in images) / 3
    assert expected > 1e-3
    assert told.value == pytest.approx(expected, abs=1e-5)
    assert told.library == "lpips"
    assert torch.equal(torch.get_rng_state(), drawn)


def test_fid_is_clean_fids_and_a_sets_rows_are_computed_once(
    libraries: Libraries, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[object] = []

    def rows(images: TensorImages, net: torch.nn.Module, *rest: object) -> np.ndarray:
        computed.append(images)
        return np.stack([net(images.decode(b"", index)).mean(dim=(1, 2)).numpy() for index in range(5)])

    monkeypatch.setattr(libraries, "_weights", lambda asset: {"asset": asset})
    monkeypatch.setattr(
        clean_fid, "Network", lambda weights: torch.nn.Identity() if weights["asset"] == ASSET else None
    )
    monkeypatch.setattr(clean_fid, "rows", rows)
    pair = Pair(TensorImages([noise(seed).double() for seed in range(5)]), TensorImages([noise(9).double()] * 5))
    expected = clean_fid.distance(*(rows(side, torch.nn.Identity()) for side in (pair.images, pair.reference)))
    computed.clear()
    told = libraries.measure(_card("fid"), pair, quiet)
    assert (told.library, told.value) == ("clean-fid", expected)
    assert libraries.measure(_card("fid"), Pair(pair.reference, pair.images), quiet).value == pytest.approx(expected)
    assert computed == [pair.images, pair.reference]


@pytest.mark.parametrize("name", ["kid", "fid-bf16", "fid-legacy-tf", "precision", "ms-ssim", "figure-kinds"])
def test_a_metric_without_a_library_is_named(name: str, libraries: Libraries) -> None:
    with pytest.raises(NoReference, match=f"^no reference library for {name}$"):
        libraries.measure(_card(name), _pair(), quiet)


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path))
    for name, asset in (("fid", "fid-inception"), ("lpips-alex", "lpips-alex")):
        with pytest.raises(AssetMissing, match=asset):
            Libraries(Catalog.load(), "cpu").measure(_card(name), _pair(), quiet)


def test_a_comparison_holds_ours_and_the_libraries_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    sides = [
        open_images(write_folder(tmp_path / side, {f"{k}.png": encoded(change(x)) for k, x in enumerate(_images())}))
        for side, change in (("a", _blurred), ("b", lambda x: x))
    ]
    setup = Setup(Catalog.load(), "cpu", None)
    names = ["ssim-rgb", "kid", "lpips-alex", "figure-share"]
    found = compare_with_libraries(sides[0], sides[1], names, setup, quiet)
    (ssim,) = found.references
    assert (ssim.metric, ssim.library) == ("ssim-rgb", "scikit-image")
    assert ssim.ours == next(score.value for score in found.scores if score.metric == "ssim-rgb")
    assert ssim.difference == ssim.ours - ssim.reference
    assert abs(ssim.difference) < 1e-6
    assert found.absent["figure-share"] == "no reference library for figure-share"
    assert "gexbench assets fetch lpips-alex" in found.absent["lpips-alex"]
    assert ReferenceComparison.model_validate_json(found.model_dump_json()) == found
    with pytest.raises(PlanError, match="no metric is named"):
        compare_with_libraries(sides[0], sides[1], [], setup, quiet)


def test_the_same_infinity_is_no_difference(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", {"0.png": encoded(noise(0, 20, 20))})
    setup = Setup(Catalog.load(), "cpu", None)
    found = compare_with_libraries(open_images(folder), open_images(folder), ["psnr-rgb"], setup, quiet)
    assert found.references[0].difference == 0.0


def test_a_runs_evidence_is_measured_for_every_split_and_comparison_that_was_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, libraries: Libraries
) -> None:
    monkeypatch.setattr(libraries, "_lpips", lambda asset: lambda a, b: 0.25)
    record = record_factory.Records(record_factory.write_registry(tmp_path)).make()
    cards = tuple(_card(card.name) for card in record.plan.metrics)
    scored = tuple(s for s in record.scores if (s.test, s.compare) != ("set14", "B"))
    record = record.model_copy(update={"plan": record.plan.model_copy(update={"metrics": cards}), "scores": scored})
    truth, victim = tuple(_images()), tuple(_blurred(image) for image in _images())
    shown = Shown(("0", "1", "2"), (), truth, victim, None, truth)
    found, absent = of_evidence(record, {"set5": shown, "set14": shown}, libraries, quiet)
    values = {(each.test, each.compare, each.metric): each.value for each in found}
    assert set(values) == {(s.test, s.compare, s.metric) for s in scored}
    assert absent == {}
    assert values["set14", "C", "lpips-alex"] == 0.25
    assert values["set5", "C", "psnr-y"] == float("inf")
    assert values["set5", "B", "psnr-y"] == values["set14", "A", "psnr-y"] < 100.0
    assert {each.library for each in found} == {"scikit-image", "lpips"}


def test_what_no_library_measures_of_a_run_is_named(tmp_path: Path, libraries: Libraries) -> None:
    record = record_factory.Records(record_factory.write_registry(tmp_path)).make()
    cards = tuple(card.model_copy(update={"entry": "elsewhere:M"}) for card in record.plan.metrics)
    record = record.model_copy(update={"plan": record.plan.model_copy(update={"metrics": cards})})
    shown = Shown(("0",), (), (noise(0),), (noise(1),), None, None)
    found, absent = of_evidence(record, {"set5": shown}, libraries, quiet)
    assert found == ()
    assert absent == {name: f"no reference library for {name}" for name in ("psnr-y", "lpips-alex")}


@pytest.mark.slow
def test_on_200_photographs_the_libraries_agree() -> None:
    catalog, store, root = Catalog.load(), AssetStore(), os.environ.get("GEXBENCH_DATA")
    assets = [
        catalog.get(AssetCard, name) for name in (*catalog.get(ExtractorCard, "inception-clean").assets, "lpips-alex")
    ]
    if store.missing(assets) or not root:
        pytest.skip("needs GEXBENCH_DATA and the assets: gexbench assets fetch fid-inception lpips-alex")
    paths = sorted((Path(root) / "monet2photo" / "testB").glob("*.jpg"))[:200]
    photos = [decode_8bit(path.read_bytes(), str(path)) for path in paths]
    sides = TensorImages([_blurred(photo) for photo in photos]), TensorImages(photos)
    names = ["fid", "ssim-rgb", "lpips-alex"]
    found = compare_with_libraries(*sides, names, Setup(catalog, "cpu", None), quiet)
    apart = {each.metric: abs(each.difference) for each in found.references}
    assert list(apart) == names
    assert apart["fid"] < 1e-3
    assert apart["ssim-rgb"] < 1e-6
    assert apart["lpips-alex"] < 1e-5
