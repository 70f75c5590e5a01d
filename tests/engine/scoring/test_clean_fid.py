"""clean-fid's own code with our weights: against our features and our distance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cleanfid import inception_pytorch
from feature_factory import noise, quiet
from inception_factory import random_network, weights_of
from safetensors.torch import save_file
from torch import Tensor

from gexbench.core.features import Rows
from gexbench.engine.scoring import clean_fid
from gexbench.engine.scoring.clean_fid import Network, distance, rows
from gexbench.engine.scoring.features.images import TensorImages
from gexbench.extractors.inception import ASSET, InceptionFeatures
from gexbench.metrics.frechet import frechet_low_rank

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Return random weights under the names of the asset."""
    return weights_of(random_network())


@pytest.fixture(scope="module")
def net(weights: dict[str, Tensor]) -> Network:
    """Return clean-fid's network with those weights."""
    return Network(weights)


def test_its_rows_are_ours(
    weights: dict[str, Tensor], net: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean_fid, "_BATCH", 2)
    save_file(weights, tmp_path / "net")
    ours = InceptionFeatures({"resize": "clean", "precision": "float32"}, {ASSET: tmp_path / "net"})
    images = [noise(seed, 40 + seed, 57) for seed in range(3)]
    expected = ours.features(torch.stack([ours.prepare(image) for image in images])).double()
    found = torch.from_numpy(rows(TensorImages(images), net, CPU, quiet))
    assert found.dtype == torch.float64
    assert (found - expected).norm(dim=1).max() < 1e-5 * expected.norm(dim=1).min()
    assert (found[0] - found[1]).norm() > 1e-3 * found[0].norm()


def test_building_it_downloads_nothing_draws_nothing_and_leaves_the_library_as_it_was(
    weights: dict[str, Tensor],
) -> None:
    fetch, drawn = inception_pytorch.load_state_dict_from_url, torch.get_rng_state()
    Network(weights)
    assert inception_pytorch.load_state_dict_from_url is fetch
    assert torch.equal(torch.get_rng_state(), drawn)


def test_a_missing_tensor_is_refused_and_the_library_is_left_as_it_was(weights: dict[str, Tensor]) -> None:
    fetch, name = inception_pytorch.load_state_dict_from_url, "net.layers.mixed_10.conv.weight"
    with pytest.raises(KeyError, match=name):
        Network({key: value for key, value in weights.items() if key != name})
    with pytest.raises(RuntimeError, match="size mismatch"):
        Network(weights | {name: torch.zeros(1, 1, 1, 1)})
    assert inception_pytorch.load_state_dict_from_url is fetch


@pytest.mark.parametrize("count", [40, 5], ids=["full rank", "singular"])
def test_its_distance_is_ours(count: int) -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(count, 12)), generator.normal(1.0, 2.0, size=(count + 1, 12))
    expected = frechet_low_rank(Rows(torch.from_numpy(a)), Rows(torch.from_numpy(b)))
    assert expected > 1.0
    assert distance(a, b) == pytest.approx(expected, abs=1e-5)


def test_where_the_root_is_not_finite_a_ridge_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    root, given = clean_fid.sqrtm, []

    def once_infinite(product: np.ndarray) -> np.ndarray:
        given.append(product)
        return root(product) if len(given) > 1 else np.full_like(product, np.inf)

    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(40, 3)), generator.normal(size=(40, 3))
    expected = distance(a, b)
    monkeypatch.setattr(clean_fid, "sqrtm", once_infinite)
    assert distance(a, b) == pytest.approx(expected, abs=1e-4)
    assert len(given) == 2
