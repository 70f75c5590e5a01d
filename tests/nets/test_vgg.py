"""VGG16 as an eye."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers
from torchvision.transforms.functional import normalize

import gexbench
from gexbench.errors import AssetMissing
from gexbench.nets.vgg import VGG16Features, _layers

LAYER = "features.9"
PACKAGE = Path(gexbench.__file__).parent


@pytest.fixture
def theirs() -> nn.Sequential:
    """Torchvision's own layers up to the second pooling, with small weights by a seed."""
    net = make_layers(cfgs["D"][:6])
    generator = torch.Generator().manual_seed(0)
    for parameter in net.parameters():
        parameter.data = 0.05 * torch.randn(parameter.shape, generator=generator)
    return net


@pytest.fixture
def weights(theirs: nn.Sequential) -> dict[str, Tensor]:
    found = {f"features.{key}": value for key, value in theirs.state_dict().items()}
    return {**found, "features.28.bias": torch.zeros(512), "lins.0.weight": torch.ones(1, 64, 1, 1)}


def test_it_sees_what_torchvisions_layers_see(tmp_path: Path, weights: dict[str, Tensor], theirs: nn.Module) -> None:
    save_file(weights, tmp_path / "vgg.safetensors")
    x = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    wanted = theirs(normalize(x, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    torch.testing.assert_close(VGG16Features(tmp_path / "vgg.safetensors", LAYER)(x), wanted, atol=1e-5, rtol=1e-5)


def test_it_is_frozen_but_lets_gradients_through(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    save_file(weights, tmp_path / "vgg.safetensors")
    eye = VGG16Features(tmp_path / "vgg.safetensors", LAYER)
    x = torch.rand(1, 3, 8, 8, requires_grad=True)
    eye(x).sum().backward()
    assert x.grad is not None
    assert not any(p.requires_grad for p in eye.parameters())


@pytest.mark.parametrize("change", ["missing", "foreign"])
def test_a_file_of_another_net_is_refused(tmp_path: Path, weights: dict[str, Tensor], change: str) -> None:
    if change == "missing":
        del weights["features.7.bias"]
    else:
        weights["classifier.0.weight"] = torch.zeros(2)
    save_file(weights, tmp_path / "vgg.safetensors")
    with pytest.raises(AssetMissing, match=r"features\.9|classifier"):
        VGG16Features(tmp_path / "vgg.safetensors", LAYER)


def test_building_it_leaves_the_global_generator_as_it_was(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    save_file(weights, tmp_path / "vgg.safetensors")
    before = torch.get_rng_state()
    VGG16Features(tmp_path / "vgg.safetensors", LAYER)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_service_of_srgan_does_not_import_torchvision() -> None:
    code = "import sys, gexbench.victims.srgan; print('torchvision' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.stdout == "False\n", done.stderr


def test_a_layer_that_vgg_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"features\.31"):
        VGG16Features(tmp_path / "none", "features.31")


def test_the_whole_stack_has_torchvisions_layout() -> None:
    with torch.device("meta"):
        ours, theirs = _layers("features.30"), make_layers(cfgs["D"])
    assert [type(layer) for layer in ours] == [type(layer) for layer in theirs]
    assert [p.shape for p in ours.parameters()] == [p.shape for p in theirs.parameters()]
