"""LPIPS: against the lpips package with the same weights, random ones and the published."""

from __future__ import annotations

import copy
import math
import os
import warnings
from pathlib import Path

import lpips
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import AssetCard, MetricCard
from gexbench.core.images import read_image, round_8bit
from gexbench.core.metric import Evidence
from gexbench.engine.store.assets import AssetStore
from gexbench.errors import AssetMissing, CardError
from gexbench.metrics.lpips import Lpips

SMALLEST = {"alex": 31, "vgg": 16}


@pytest.fixture(scope="module", params=SMALLEST)
def net(request: pytest.FixtureRequest) -> str:
    """Return the name of each network in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def theirs(net: str) -> lpips.LPIPS:
    """Return the lpips package's own network with random weights; its constructor warns and draws."""
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        torch.manual_seed(7)
        package = lpips.LPIPS(pretrained=False, net=net, pnet_rand=True, verbose=False)
    for parameter in package.parameters():
        parameter.requires_grad_(False)
    for head in package.lins:
        head.model[-1].weight.abs_()
    return package


@pytest.fixture(scope="module")
def weights(theirs: lpips.LPIPS) -> dict[str, Tensor]:
    """Return their weights under the names of the asset."""
    named = {f"features.{key.split('.', 1)[1]}": value for key, value in theirs.net.state_dict().items()}
    return named | {f"lins.{k}.weight": head.model[-1].weight.data for k, head in enumerate(theirs.lins)}


@pytest.fixture(scope="module")
def assets(net: str, weights: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a safetensors file of them under the asset's name."""
    path = tmp_path_factory.mktemp("assets") / f"lpips-{net}.safetensors"
    save_file(weights, path)
    return {f"lpips-{net}": path}


def _pair(height: int, width: int, noise: float = 0.2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(height)
    a = torch.rand(3, height, width, generator=generator)
    return round_8bit(a), round_8bit(a + noise * torch.randn(a.shape, generator=generator))


@pytest.mark.parametrize(("height", "width"), [(0, 0), (64, 64), (65, 97), (128, 40)])
def test_is_the_lpips_package(theirs: lpips.LPIPS, net: str, assets: dict[str, Path], height: int, width: int) -> None:
    a, b = _pair(height or SMALLEST[net], width or SMALLEST[net])
    expected = float(theirs(a[None], b[None], normalize=True))
    assert expected > 1e-3
    assert Lpips({}, assets).measure(Evidence([a], [b])) == pytest.approx(expected, abs=1e-5, rel=1e-5)


def test_with_the_published_weights_is_the_lpips_package_on_photos(theirs: lpips.LPIPS, net: str) -> None:
    store, card = AssetStore(), Catalog.load().get(AssetCard, f"lpips-{net}")
    root = os.environ.get("GEXBENCH_DATA")
    if store.status(card) != "present" or not root:
        pytest.skip(f"needs GEXBENCH_DATA and the asset: gexbench assets fetch lpips-{net}")
    published, package = load_file(store.path(card)), copy.deepcopy(theirs)
    package.net.load_state_dict(
        {key: published[f"features.{key.split('.', 1)[1]}"] for key in package.net.state_dict()}
    )
    for k, head in enumerate(package.lins):
        head.model[-1].weight.data = published[f"lins.{k}.weight"]
    metric = Lpips({}, {card.name: store.path(card)})
    for path in sorted((Path(root) / "sr" / "Set5" / "x4").glob("*_LR.png")):
        photo = read_image(path)
        blurred = torch.nn.functional.avg_pool2d(photo, 3, stride=1, padding=1)
        expected = float(package(blurred[None], photo[None], normalize=True))
        assert expected > 0.01
        assert metric.distance(blurred, photo) == pytest.approx(expected, abs=1e-5)


def test_its_card_names_the_asset_that_chooses_the_network(net: str, assets: dict[str, Path]) -> None:
    card = Catalog.load().get(MetricCard, f"lpips-{net}")
    assert tuple(card.assets) == tuple(assets)
    a, _ = _pair(64, 64)
    assert Lpips(card.settings, assets).distance(a, a) == 0.0


def test_identical_images_are_at_distance_zero_and_more_noise_is_farther(assets: dict[str, Path]) -> None:
    metric = Lpips({}, assets)
    scores = [metric.measure(Evidence(*([x] for x in _pair(64, 64, noise)))) for noise in (0.0, 0.05, 0.3)]
    assert scores[0] == 0.0
    assert scores[0] < scores[1] < scores[2]


def test_the_measure_is_the_mean_over_images_of_mixed_sizes_in_any_order(assets: dict[str, Path]) -> None:
    metric = Lpips({"space": "rgb", "crop": 0, "precision": "float32"}, assets)
    pairs = [_pair(64, 64), _pair(40, 50), _pair(33, 80)]
    alone = [metric.measure(Evidence([a], [b])) for a, b in pairs]
    forth = metric.measure(Evidence([a for a, _ in pairs], [b for _, b in pairs]))
    back = metric.measure(Evidence([a for a, _ in pairs[::-1]], [b for _, b in pairs[::-1]]))
    assert forth == back == pytest.approx(sum(alone) / 3, abs=1e-12)


def test_building_it_draws_nothing_and_warns_of_nothing(assets: dict[str, Path]) -> None:
    before = torch.get_rng_state()
    Lpips({}, assets)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("change", ["gone", "extra", "shape", "type"])
def test_refuses_weights_that_are_not_its_own(
    net: str, weights: dict[str, Tensor], tmp_path: Path, change: str
) -> None:
    name = "lins.3.weight"
    changed = dict(weights)
    if change == "gone":
        del changed[name]
    elif change == "extra":
        changed["lins.5.weight"] = torch.zeros(1)
        name = "lins.5.weight"
    elif change == "shape":
        changed[name] = torch.zeros(1, 255, 1, 1)
    else:
        changed[name] = changed[name].half()
    save_file(changed, tmp_path / "w.safetensors")
    with pytest.raises(AssetMissing, match=name) as caught:
        Lpips({}, {f"lpips-{net}": tmp_path / "w.safetensors"})
    assert f"gexbench assets fetch lpips-{net}" in caught.value.hint


def test_refuses_the_weights_of_the_other_network(net: str, assets: dict[str, Path]) -> None:
    other = "lpips-vgg" if net == "alex" else "lpips-alex"
    with pytest.raises(AssetMissing, match=f"is not the network of {other}"):
        Lpips({}, {other: assets[f"lpips-{net}"]})


def test_a_missing_or_broken_file_names_the_command_that_fetches_it(net: str, tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b"<html>")
    for file in ("gone", "broken"):
        with pytest.raises(AssetMissing, match=f"lpips-{net}") as caught:
            Lpips({}, {f"lpips-{net}": tmp_path / file})
        assert f"gexbench assets fetch lpips-{net}" in caught.value.hint


def test_a_card_that_names_neither_network_or_both_is_refused(tmp_path: Path) -> None:
    for named in ({}, {"lpips-squeeze": tmp_path}, {"lpips-alex": tmp_path, "lpips-vgg": tmp_path}):
        with pytest.raises(AssetMissing, match="needs one asset, lpips-alex or lpips-vgg"):
            Lpips({}, named)


def test_refuses_sizes_that_differ_tiny_images_nan_and_unknown_settings(net: str, assets: dict[str, Path]) -> None:
    metric, side = Lpips({}, assets), SMALLEST[net] - 1
    a, b = _pair(64, 64)
    with pytest.raises(ValueError, match="3x63x64 and its reference 3x64x64"):
        metric.measure(Evidence([a[:, 1:]], [b]))
    with pytest.raises(ValueError, match=f"{side + 1} pixels or more, got {side}x64"):
        metric.measure(Evidence([a[:, :side]], [b[:, :side]]))
    a[0, 0, 0] = math.nan
    with pytest.raises(ValueError, match="NaN"):
        metric.measure(Evidence([a], [b]))
    with pytest.raises(CardError, match=r"settings\.net"):
        Lpips({"net": net}, assets)
