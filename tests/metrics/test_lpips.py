"""LPIPS: against the lpips package with the same random weights."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import lpips
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from gexbench.core.images import round_8bit
from gexbench.core.metric import Evidence
from gexbench.errors import AssetMissing, CardError
from gexbench.metrics.lpips import Lpips


@pytest.fixture(scope="module")
def theirs() -> lpips.LPIPS:
    """Return the lpips package's own network with random weights; its constructor warns and draws."""
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        torch.manual_seed(7)
        net = lpips.LPIPS(pretrained=False, net="alex", pnet_rand=True, verbose=False)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    for head in net.lins:
        head.model[-1].weight.abs_()
    return net


@pytest.fixture(scope="module")
def weights(theirs: lpips.LPIPS) -> dict[str, Tensor]:
    """Return their weights under the names of the asset."""
    named = {f"features.{key.split('.', 1)[1]}": value for key, value in theirs.net.state_dict().items()}
    return named | {f"lins.{k}.weight": head.model[-1].weight.data for k, head in enumerate(theirs.lins)}


@pytest.fixture(scope="module")
def asset(weights: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a safetensors file of them."""
    path = tmp_path_factory.mktemp("assets") / "lpips-alex.safetensors"
    save_file(weights, path)
    return path


def _pair(height: int, width: int, noise: float = 0.2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(height)
    a = torch.rand(3, height, width, generator=generator)
    return round_8bit(a), round_8bit(a + noise * torch.randn(a.shape, generator=generator))


@pytest.mark.parametrize(("height", "width"), [(31, 31), (64, 64), (65, 97), (128, 40)])
def test_is_the_lpips_package(theirs: lpips.LPIPS, asset: Path, height: int, width: int) -> None:
    a, b = _pair(height, width)
    expected = float(theirs(a[None], b[None], normalize=True))
    assert expected > 1e-3
    assert Lpips({}, {"lpips-alex": asset}).measure(Evidence([a], [b])) == pytest.approx(expected, abs=1e-5, rel=1e-5)


def test_identical_images_are_at_distance_zero_and_more_noise_is_farther(asset: Path) -> None:
    metric = Lpips({}, {"lpips-alex": asset})
    scores = [metric.measure(Evidence(*([x] for x in _pair(64, 64, noise)))) for noise in (0.0, 0.05, 0.3)]
    assert scores[0] == 0.0
    assert scores[0] < scores[1] < scores[2]


def test_the_measure_is_the_mean_over_images_of_mixed_sizes_in_any_order(asset: Path) -> None:
    metric = Lpips({"space": "rgb", "crop": 0, "precision": "float32"}, {"lpips-alex": asset})
    pairs = [_pair(64, 64), _pair(40, 50), _pair(33, 80)]
    alone = [metric.measure(Evidence([a], [b])) for a, b in pairs]
    forth = metric.measure(Evidence([a for a, _ in pairs], [b for _, b in pairs]))
    back = metric.measure(Evidence([a for a, _ in pairs[::-1]], [b for _, b in pairs[::-1]]))
    assert forth == back == pytest.approx(sum(alone) / 3, abs=1e-12)


def test_building_it_draws_nothing_and_warns_of_nothing(asset: Path) -> None:
    before = torch.get_rng_state()
    Lpips({}, {"lpips-alex": asset})
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("change", ["gone", "extra", "shape", "type"])
def test_refuses_weights_that_are_not_its_own(weights: dict[str, Tensor], tmp_path: Path, change: str) -> None:
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
        Lpips({}, {"lpips-alex": tmp_path / "w.safetensors"})
    assert "gexbench assets fetch lpips-alex" in caught.value.hint


def test_a_missing_or_broken_file_names_the_command_that_fetches_it(tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b"<html>")
    for assets in ({}, {"lpips-alex": tmp_path / "gone"}, {"lpips-alex": tmp_path / "broken"}):
        with pytest.raises(AssetMissing, match="lpips-alex") as caught:
            Lpips({}, assets)
        assert "gexbench assets fetch lpips-alex" in caught.value.hint


def test_refuses_sizes_that_differ_tiny_images_nan_and_unknown_settings(asset: Path) -> None:
    metric = Lpips({}, {"lpips-alex": asset})
    a, b = _pair(64, 64)
    with pytest.raises(ValueError, match="3x63x64 and its reference 3x64x64"):
        metric.measure(Evidence([a[:, 1:]], [b]))
    with pytest.raises(ValueError, match="31 pixels or more, got 30x64"):
        metric.measure(Evidence([a[:, :30]], [b[:, :30]]))
    a[0, 0, 0] = math.nan
    with pytest.raises(ValueError, match="NaN"):
        metric.measure(Evidence([a], [b]))
    with pytest.raises(CardError, match=r"settings\.net"):
        Lpips({"net": "vgg"}, {"lpips-alex": asset})
