"""The Inception extractor: resize rules against their sources, and what it refuses."""

from __future__ import annotations

import math
import os
import re
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from cleanfid.resize import build_resizer
from inception_factory import random_network, weights_of
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import interpolate

from gexbench.cards.schema import AssetCard, ExtractorCard
from gexbench.core.images import decode_8bit
from gexbench.engine.store.assets import AssetStore
from gexbench.errors import AssetMissing, CardError
from gexbench.extractors.inception import ASSET, RESIZES, InceptionFeatures

REGISTRY = Path(__file__).parents[2] / "registry"
CLEAN = {"resize": "clean", "precision": "float32"}
SIZES = [(40, 57), (299, 299), (330, 301), (1, 1), (17, 640)]


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a file of random weights, as the store would give the real one."""
    path = tmp_path_factory.mktemp("assets") / f"{ASSET}.safetensors"
    save_file(weights_of(random_network()), path)
    return {ASSET: path}


def _noise(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height)
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)


def _tensorflow_1(plane: np.ndarray) -> np.ndarray:
    """Resize one plane to 299x299 pixel by pixel, as ResizeBilinear of TensorFlow 1 without align_corners."""
    height, width = plane.shape
    resized = np.empty((299, 299))
    for row in range(299):
        y = row * height / 299
        top, bottom = math.floor(y), min(math.floor(y) + 1, height - 1)
        for column in range(299):
            x = column * width / 299
            left, right = math.floor(x), min(math.floor(x) + 1, width - 1)
            above = plane[top, left] + (plane[top, right] - plane[top, left]) * (x - left)
            below = plane[bottom, left] + (plane[bottom, right] - plane[bottom, left]) * (x - left)
            resized[row, column] = above + (below - above) * (y - top)
    return resized


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_clean_is_the_resizing_of_clean_fid_to_the_last_bit(height: int, width: int) -> None:
    image = _noise(height, width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it names Pillow's mode, which Pillow would rather derive
        theirs = build_resizer("clean")(image.permute(1, 2, 0).numpy())
    expected = (torch.from_numpy(theirs).permute(2, 0, 1) - 128.0) / 128.0
    assert torch.equal(RESIZES["clean"](image), expected)


def test_clean_does_not_round_and_stays_in_range() -> None:
    edge = torch.zeros(3, 40, 40, dtype=torch.uint8)
    edge[:, :, 20:] = 255
    levels = RESIZES["clean"](edge) * 128.0 + 128.0
    assert levels.min() == 0.0
    assert levels.max() == 255.0
    assert bool((levels != levels.round()).any())


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_legacy_pytorch_is_the_resizing_of_pytorch_fid(height: int, width: int) -> None:
    image = _noise(height, width)
    batch = image[None].float() / 255
    expected = 2 * interpolate(batch, size=(299, 299), mode="bilinear", align_corners=False)[0] - 1
    assert torch.equal(RESIZES["legacy-pytorch"](image), expected)


@pytest.mark.parametrize(("height", "width"), [(3, 5), (32, 32), (310, 7)])
def test_legacy_tf_is_bilinear_as_tensorflow_1_did_it(height: int, width: int) -> None:
    image = _noise(height, width)
    expected = torch.from_numpy(np.stack([_tensorflow_1(plane) for plane in image.double().numpy()]))
    levels = RESIZES["legacy-tf"](image).double() * 128.0 + 128.0
    torch.testing.assert_close(levels, expected, rtol=0.0, atol=1e-4 * 255)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_legacy_tf_is_the_resizing_of_torch_fidelity(height: int, width: int) -> None:
    compat = pytest.importorskip("torch_fidelity.interpolate_compat_tensorflow")
    image = _noise(height, width)
    resize = compat.interpolate_bilinear_2d_like_tensorflow1x
    expected = resize(image[None].float(), size=(299, 299), align_corners=False)[0]
    levels = RESIZES["legacy-tf"](image) * 128.0 + 128.0
    torch.testing.assert_close(levels, expected, rtol=0.0, atol=1e-3)


@pytest.mark.parametrize("resize", RESIZES.values(), ids=RESIZES.keys())
def test_every_resize_gives_what_the_network_takes(resize: Callable[[Tensor], Tensor]) -> None:
    for image, value in ((torch.zeros(3, 20, 30, dtype=torch.uint8), -1.0), (_noise(299, 299), None)):
        before = image.clone()
        prepared = resize(image)
        assert prepared.shape == (3, 299, 299)
        assert prepared.dtype == torch.float32
        assert prepared.is_contiguous()
        assert prepared.abs().max() <= 1.0
        assert value is None or bool((prepared == value).all())
        assert torch.equal(image, before)


def test_bfloat16_is_another_number_near_by(assets: dict[str, Path]) -> None:
    exact = InceptionFeatures(CLEAN, assets)
    rough = InceptionFeatures(CLEAN | {"precision": "bfloat16"}, assets)
    batch = torch.stack([exact.prepare(_noise(*size)) for size in ((40, 57), (299, 299))])
    assert torch.equal(rough.prepare(_noise(40, 57)), batch[0])
    rows, near = exact.features(batch), rough.features(batch)
    assert near.dtype == rows.dtype == torch.float32
    assert 0.0 < (near - rows).norm() < 0.1 * rows.norm()


def test_it_answers_in_the_width_of_its_cards_and_to_gives_itself(assets: dict[str, Path]) -> None:
    paths = sorted((REGISTRY / "extractors").glob("*.toml"))
    cards = [ExtractorCard(**tomllib.loads(path.read_text(encoding="utf-8"))) for path in paths]
    ours = [card for card in cards if card.entry.endswith(":InceptionFeatures")]
    assert {card.settings["resize"] for card in ours} == set(RESIZES)
    for card in ours:
        InceptionFeatures(card.settings, assets)
    extractor = InceptionFeatures(ours[0].settings, assets)
    assert extractor.to("cpu") is extractor
    rows = extractor.features(extractor.prepare(_noise(9, 9))[None])
    assert rows.shape == (1, ours[0].width)
    assert not rows.requires_grad


def _flags() -> tuple[bool, bool, bool]:
    cudnn = torch.backends.cudnn
    return cudnn.enabled, cudnn.allow_tf32, cudnn.deterministic


def _flags_while_it_runs(extractor: InceptionFeatures) -> tuple[bool, bool, bool]:
    seen: list[tuple[bool, bool, bool]] = []
    extractor._net.register_forward_pre_hook(lambda *_: seen.append(_flags()))
    extractor.features(torch.zeros(1, 3, 299, 299))
    return seen[0]


def test_on_the_cpu_it_touches_no_flag_of_cudnn(assets: dict[str, Path]) -> None:
    before = _flags()
    assert _flags_while_it_runs(InceptionFeatures(CLEAN, assets)) == before
    assert _flags() == before


@pytest.mark.gpu
def test_on_a_gpu_it_computes_without_tf32_and_leaves_the_flags_as_they_were(assets: dict[str, Path]) -> None:
    before = _flags()
    assert _flags_while_it_runs(InceptionFeatures(CLEAN, assets).to("cuda")) == (True, False, True)
    assert _flags() == before


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"precision": "float32"}, r"settings\.resize = None", "known: clean"),
        (CLEAN | {"resize": "cleen"}, r"settings\.resize = 'cleen'", "did you mean clean"),
        (CLEAN | {"precision": "float16"}, r"settings\.precision = 'float16'", "did you mean .*float32"),
        (CLEAN | {"resizes": "clean"}, r"settings\.resizes is not a setting", "did you mean resize"),
    ],
)
def test_settings_it_does_not_know_are_refused(
    assets: dict[str, Path], settings: dict[str, str], message: str, hint: str
) -> None:
    with pytest.raises(CardError, match=message) as caught:
        InceptionFeatures(settings, assets)
    assert re.search(hint, caught.value.hint)


@pytest.mark.parametrize("content", [b"", b"<html>", None], ids=["empty", "a page", "gone"])
def test_a_file_that_is_no_network_names_the_command_that_fetches_it(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "net").write_bytes(content)
    with pytest.raises(AssetMissing, match=f"{tmp_path / 'net'} is not the network") as caught:
        InceptionFeatures(CLEAN, {ASSET: tmp_path / "net"})
    assert caught.value.hint == f"gexbench assets fetch {ASSET}"


def test_another_network_and_no_network_are_refused(tmp_path: Path) -> None:
    save_file({"features.0.weight": torch.zeros(2)}, tmp_path / "net")
    with pytest.raises(AssetMissing, match=r"net\.layers\.conv\.weight"):
        InceptionFeatures(CLEAN, {ASSET: tmp_path / "net"})
    with pytest.raises(AssetMissing, match="its card names lpips-alex"):
        InceptionFeatures(CLEAN, {"lpips-alex": tmp_path / "net"})


def _photographs(count: int) -> list[Tensor]:
    data = os.environ.get("GEXBENCH_DATA")
    paths = sorted((Path(data) / "sr" / "Set14").rglob("*.png"))[:count] if data else []
    if len(paths) < count:
        pytest.skip("needs photographs: GEXBENCH_DATA with sr/Set14")
    return [decode_8bit(path.read_bytes(), str(path)) for path in paths]


def test_real_weights_tell_photographs_apart() -> None:
    card = AssetCard(**tomllib.loads((REGISTRY / "assets" / f"{ASSET}.toml").read_text(encoding="utf-8")))
    store = AssetStore()
    if store.status(card) != "present":
        pytest.skip(f"needs the asset: gexbench assets fetch {ASSET}")
    extractor = InceptionFeatures(CLEAN, {ASSET: store.path(card)})
    rows = extractor.features(torch.stack([extractor.prepare(image) for image in _photographs(8)]))
    assert rows.shape == (8, 2048)
    assert bool(torch.isfinite(rows).all())
    assert rows.min() >= 0.0
    assert 0.2 < rows.mean() < 0.6
    apart = torch.cdist(rows, rows)[~torch.eye(8, dtype=torch.bool)]
    assert apart.min() > 5.0
