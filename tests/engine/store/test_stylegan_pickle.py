"""Files as the authors of StyleGAN2 publish them, imitated small: they are read, never run, and mean the same."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gexbench.engine.store.convert import to_safetensors
from gexbench.engine.store.stylegan_pickle import generator_from_stylegan2
from gexbench.engine.store.tensor_pickle import PickleRefused
from gexbench.nets.stylegan2 import StyleGAN2Generator, StyleGAN2Options

from .stylegan_authors import (
    LATENT,
    LAYERS,
    OPTIONS,
    WIDTHS,
    Authors,
    Call,
    Weights,
    activated,
    content,
    file_of,
    filtered,
    network,
    spread,
    weights,
)


def reference(w: Weights, z: Tensor) -> Tensor:
    """Compute images in [-1,1] from the paper alone: each image with weights of its own, zeros between pixels."""
    y = z / z.square().mean(dim=1, keepdim=True).sqrt()
    for k in range(LAYERS):
        used = 0.01 * w[f"mapping.fc{k}.weight"] / LATENT**0.5
        y = activated(y @ used.T + 0.01 * w[f"mapping.fc{k}.bias"])
    style = y
    x, image = w["synthesis.b4.const"].expand(len(z), -1, -1, -1), torch.zeros(len(z), 3, 2, 2)
    for side in WIDTHS:
        block = f"synthesis.b{side}"
        for conv in ("conv0", "conv1") if side > 4 else ("conv1",):
            x = modulated(w, f"{block}.{conv}", x, style, demodulate=True, enlarge=conv == "conv0")
            x = x + w[f"{block}.{conv}.noise_strength"] * w[f"{block}.{conv}.noise_const"]
            x = activated(x + w[f"{block}.{conv}.bias"].view(-1, 1, 1))
        colours = modulated(w, f"{block}.torgb", x, style, demodulate=False, enlarge=False)
        smaller = filtered(spread(image), 2, 1) if side > 4 else 0.0
        image = smaller + colours + w[f"{block}.torgb.bias"].view(-1, 1, 1)
    return image


def modulated(w: Weights, name: str, x: Tensor, style: Tensor, demodulate: bool, enlarge: bool) -> Tensor:
    weight = w[f"{name}.weight"]
    count, outputs = len(x), len(weight)
    scales = style @ w[f"{name}.affine.weight"].T / LATENT**0.5 + w[f"{name}.affine.bias"]
    own = weight[None] * scales[:, None, :, None, None]
    if demodulate:
        own = own / (own.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
    else:
        own = own / weight[0].numel() ** 0.5
    if enlarge:
        x, own = F.pad(spread(x), (1, 0, 1, 0)), own.flip((3, 4))
    x = F.pad(x, (1, 1, 1, 1)) if weight.shape[-1] == 3 else x
    y: Tensor = F.conv2d(x.reshape(1, -1, *x.shape[2:]), own.reshape(-1, *own.shape[2:]), groups=count)
    y = y.view(count, outputs, *y.shape[2:])
    return filtered(y, 1, 1) if enlarge else y


@pytest.mark.parametrize("protocol", [3, 4])
def test_a_converted_generator_makes_the_images_of_the_papers_equations(
    protocol: int, tmp_path: Path, authors: Authors
) -> None:
    arrays, path = weights(), tmp_path / "file.pkl"
    patch = authors()
    written = pickle.dumps(content(network(arrays)), protocol)
    path.write_bytes(written.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    patch.undo()
    options, state = generator_from_stylegan2(path)
    assert options == OPTIONS
    net = StyleGAN2Generator(StyleGAN2Options(**options)).eval()
    net.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in state.items()})
    z = torch.randn(4, LATENT, generator=torch.Generator().manual_seed(1))
    wanted = (reference(arrays, z) + 1.0) / 2.0
    assert torch.allclose(net(z), wanted.clamp(0.0, 1.0), atol=1e-4)
    assert float(((wanted > 0.0) & (wanted < 1.0)).float().mean()) > 0.5


def test_the_state_dict_can_be_written_as_safetensors(tmp_path: Path, authors: Authors) -> None:
    _, state = generator_from_stylegan2(file_of(tmp_path, authors, weights()))
    assert to_safetensors(state) == to_safetensors(dict(reversed(state.items())))


def test_nothing_in_the_file_is_run(tmp_path: Path, authors: Authors) -> None:
    ran, path = tmp_path / "ran", tmp_path / "file.pkl"
    patch = authors()
    source = f"open({str(ran)!r}, 'w').close()"
    path.write_bytes(pickle.dumps(content(network(weights(), source), source)))
    patch.undo()
    assert "torch_utils.persistence" not in sys.modules
    generator_from_stylegan2(path)
    assert not ran.exists()
    authors()
    pickle.loads(path.read_bytes())
    assert ran.exists(), "the source code in the file would have run, had it been unpickled"


def test_a_file_that_calls_anything_else_is_refused_and_does_not_run(tmp_path: Path, authors: Authors) -> None:
    ran = tmp_path / "ran"
    trap = Call(exec, f"open({str(ran)!r}, 'w').close()")
    path = file_of(tmp_path, authors, weights(), lambda tree: {"before": trap, **tree})
    with pytest.raises(PickleRefused, match=r"the pickle asks for builtins\.exec, which no array needs"):
        generator_from_stylegan2(path)
    assert not ran.exists()


def test_a_trap_inside_a_storage_is_refused_and_does_not_run(tmp_path: Path, authors: Authors) -> None:
    ran = tmp_path / "ran"
    evil = pickle.dumps(Call(exec, f"open({str(ran)!r}, 'w').close()"))
    trap = Call(torch.storage._load_from_bytes, evil)
    path = file_of(tmp_path, authors, weights(), lambda tree: {"before": trap, **tree})
    with pytest.raises(PickleRefused, match=r"the pickle asks for builtins\.exec"):
        generator_from_stylegan2(path)
    assert not ran.exists()


def without(name: str) -> Callable[[Weights], Weights]:
    return lambda arrays: {key: array for key, array in arrays.items() if key != name}


def changed(name: str, *shape: int) -> Callable[[Weights], Weights]:
    return lambda arrays: {**arrays, name: torch.ones(shape)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("synthesis.b8.conv1.bias"), r"file\.pkl lacks synthesis\.b8\.conv1\.bias, which"),
        (without("mapping.fc1.bias"), r"file\.pkl lacks mapping\.fc1\.bias"),
        (without("mapping.fc0.weight"), r"file\.pkl lacks mapping\.fc0\.weight"),
        (without("synthesis.b8.torgb.weight"), r"file\.pkl holds no generator of StyleGAN2"),
        (changed("mapping.embed.weight", 6, 10), r"file\.pkl holds mapping\.embed\.weight, which .* has no place for"),
        (changed("mapping.embed.weight", 6, 10), r"it is of a conditional network, which is told a class"),
        (changed("synthesis.L0_36_8.weight", 5, 5, 3, 3), r"holds a generator of StyleGAN3 \(alias-free\)"),
        (changed("synthesis.b8.skip.weight", 5, 5, 1, 1), r"holds synthesis\.b8\.skip\.weight, which"),
        (changed("mapping.fc0.weight", 6, 7), r"holds mapping\.fc0\.weight of the shape \(6, 7\), not \(7, 7\)"),
        (changed("synthesis.b4.torgb.weight", 1, 5, 1, 1), r"of the shape \(1, 5, 1, 1\), not \(3, 5, 1, 1\)"),
        (changed("synthesis.b4.resample_filter", 4, 4), r"resample_filter, another filter than \[1,3,3,1\]"),
        (changed("synthesis.b4.resample_filter", 12), r"resample_filter, another filter than \[1,3,3,1\]"),
    ],
)
def test_another_network_is_refused(
    change: Callable[[Weights], Weights], message: str, tmp_path: Path, authors: Authors
) -> None:
    with pytest.raises(PickleRefused, match=message):
        generator_from_stylegan2(file_of(tmp_path, authors, change(weights())))


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("bias_gain", 1.0, r"mapping\.fc0 .* learning rate multiplied by 1\.0"),
        ("activation", "relu", "activation relu"),
    ],
)
def test_a_mapping_that_works_in_another_way_is_refused(
    attribute: str, value: Any, message: str, tmp_path: Path, authors: Authors
) -> None:
    def change(tree: Any) -> Any:
        setattr(tree["G_ema"].mapping.fc0, attribute, value)
        return tree

    with pytest.raises(PickleRefused, match=message):
        generator_from_stylegan2(file_of(tmp_path, authors, weights(), change))


def strange(tree: Any) -> Any:
    tree["G_ema"].bias_gain = torch.ones(2)
    return tree


def holding_itself(tree: Any) -> Any:
    tree["G_ema"].mapping._modules["fc9"] = tree["G_ema"].mapping
    return tree


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree["training_set_kwargs"], r"file\.pkl holds no network G_ema of StyleGAN2 \(KeyError\)"),
        (lambda tree: {**tree, "G_ema": None}, r"holds no network G_ema"),
        (lambda tree: {**tree, "G_ema": {"state": {}}}, r"holds no network G_ema"),
        (lambda tree: [tree], r"holds no network G_ema"),
        (strange, r"holds no network G_ema of StyleGAN2 \(ValueError\)"),
        (holding_itself, r"holds no network G_ema of StyleGAN2 \(RecursionError\)"),
        (lambda tree: (Path("a"), tree), r"the pickle asks for pathlib"),
    ],
)
def test_a_file_that_is_something_else_is_refused(
    change: Callable[[Any], Any], message: str, tmp_path: Path, authors: Authors
) -> None:
    with pytest.raises(PickleRefused, match=message):
        generator_from_stylegan2(file_of(tmp_path, authors, weights(), change))


@pytest.mark.parametrize("keep", [0, 1, 5000, -1])
def test_a_broken_file_is_refused(keep: int, tmp_path: Path, authors: Authors) -> None:
    path = file_of(tmp_path, authors, weights())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(PickleRefused, match="the pickle is broken"):
        generator_from_stylegan2(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"\x8a\nl\xfc\x9c", b"\x8a\nl\xfc\x9d", "a storage in a format that is not known"),
        (b"M\xe9\x03.", b"M\xea\x03.", "a storage in a format that is not known"),
        (b"little_endianq\x02\x88", b"little_endianq\x02\x89", "a storage in a format that is not known"),
        (b"K\x06Nt", b"K\x05Nt", "a storage whose counts differ"),
        (b"FloatStorage", b"EvilsStorage", r"the pickle asks for torch\.EvilsStorage"),
    ],
)
def test_a_storage_in_another_format_is_refused(
    old: bytes, new: bytes, message: str, tmp_path: Path, authors: Authors
) -> None:
    path = file_of(tmp_path, authors, weights())
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(PickleRefused, match=message):
        generator_from_stylegan2(path)
