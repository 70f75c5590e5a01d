"""Files as the authors of StyleGAN2 publish them, imitated small: they are read, never run, and mean the same."""

from __future__ import annotations

import math
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.engine.convert import to_safetensors
from gexbench.engine.stylegan_pickle import generator_from_stylegan2
from gexbench.engine.tensor_pickle import PickleRefused
from gexbench.nets.stylegan2 import StyleGAN2Generator, StyleGAN2Options

SIDE, LATENT, LAYERS = 16, 6, 3
WIDTHS = {4: 5, 8: 5, 16: 3}
OPTIONS = {"side": SIDE, "latent_size": LATENT, "mapping_layers": LAYERS, "channel_base": 48, "channel_max": 5}
Weights = dict[str, Tensor]
Authors = Callable[[], pytest.MonkeyPatch]


class Network(nn.Module):
    """A part of a network that pickles as the authors' parts do."""

    source = ""

    def __reduce__(self) -> Any:
        rebuild = sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj
        state = self.__dict__
        meta = {"type": "class", "version": 6, "module_src": self.source, "class_name": "Part", "state": state}
        return rebuild, (meta,), None


class Call:
    """Pickles as a call: what an evil file does."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def rebuilt(meta: Any) -> Any:
    """Do what the authors' function does with a part: run its source code."""
    exec(meta["module_src"])
    return meta


@pytest.fixture
def authors() -> Iterator[Authors]:
    """Return what puts the authors' modules in place; they are gone when the test ends or undoes it."""
    patch = pytest.MonkeyPatch()

    def arrive() -> pytest.MonkeyPatch:
        persistence, util = ModuleType("torch_utils.persistence"), ModuleType("dnnlib.util")
        rebuilt.__module__, rebuilt.__qualname__ = "torch_utils.persistence", "_reconstruct_persistent_obj"
        easy = type("EasyDict", (dict,), {"__module__": "dnnlib.util"})
        patch.setattr(persistence, "_reconstruct_persistent_obj", rebuilt, raising=False)
        patch.setattr(util, "EasyDict", easy, raising=False)
        for module in (ModuleType("torch_utils"), ModuleType("dnnlib"), persistence, util):
            patch.setitem(sys.modules, module.__name__, module)
        return patch

    yield arrive
    patch.undo()


def weights() -> Weights:
    """Draw an averaged generator under the names its authors gave its arrays."""
    source = torch.Generator().manual_seed(0)
    drawn: Weights = {}

    def draw(name: str, *shape: int, size: float = 1.0) -> None:
        drawn[name] = size * torch.randn(shape, generator=source)

    def styled(name: str, inputs: int, outputs: int, kernel: int, size: float = 1.0) -> None:
        draw(f"{name}.affine.weight", inputs, LATENT)
        draw(f"{name}.affine.bias", inputs)
        draw(f"{name}.weight", outputs, inputs, kernel, kernel, size=size)
        draw(f"{name}.bias", outputs, size=size)

    for k in range(LAYERS):
        draw(f"mapping.fc{k}.weight", LATENT, LATENT, size=100.0)
        draw(f"mapping.fc{k}.bias", LATENT, size=30.0)
    draw("mapping.w_avg", LATENT)
    draw("synthesis.b4.const", WIDTHS[4], 4, 4)
    before = WIDTHS[4]
    for side, width in WIDTHS.items():
        block = f"synthesis.b{side}"
        for conv, inputs in ([("conv0", before)] if side > 4 else []) + [("conv1", width)]:
            styled(f"{block}.{conv}", inputs, width, 3)
            draw(f"{block}.{conv}.noise_const", side, side)
            draw(f"{block}.{conv}.noise_strength")
            drawn[f"{block}.{conv}.resample_filter"] = smoother()
        styled(f"{block}.torgb", width, 3, 1, size=0.2)
        drawn[f"{block}.resample_filter"] = smoother()
        before = width
    return drawn


def smoother() -> Tensor:
    line = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(line, line) / 64.0


def network(arrays: Weights, source: str = "") -> Network:
    """Build a network of nested parts, whose attributes are of the kinds the authors' have."""
    root = Network()
    for name, array in arrays.items():
        *parts, last = name.split(".")
        part: Any = root
        for key in parts:
            if key not in part._modules:
                part.add_module(key, Network())
            part = part.get_submodule(key)
        if last in ("noise_const", "resample_filter", "w_avg"):
            part.register_buffer(last, array)
        else:
            part.register_parameter(last, nn.Parameter(array))
        part.weight_gain = np.float64(1.0) / np.sqrt(3.0)
        if "fc" in name or "affine" in name:
            part.bias_gain = 0.01 if "fc" in name else 1.0
            part.activation = "lrelu" if "fc" in name else "linear"
    for part in root.modules():
        part.source = source
        part._init_kwargs = sys.modules["dnnlib.util"].EasyDict(z_dim=LATENT, mapping_kwargs={"num_layers": LAYERS})
    return root


def content(averaged: Any, source: str = "") -> dict[str, Any]:
    other = network({"b16.fromrgb.weight": torch.ones(3, 3, 1, 1)}, source)
    kwargs = sys.modules["dnnlib.util"].EasyDict(class_name="training.dataset.ImageFolderDataset", resolution=SIDE)
    return {"G": other, "D": other, "G_ema": averaged, "training_set_kwargs": kwargs, "augment_pipe": None}


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


def spread(x: Tensor) -> Tensor:
    y = torch.zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    y[..., ::2, ::2] = x
    return y


def filtered(x: Tensor, before: int, after: int) -> Tensor:
    count, channels = x.shape[:2]
    lone = F.pad(x, (before, after, before, after)).flatten(0, 1)[:, None]
    y: Tensor = F.conv2d(lone, 4.0 * smoother()[None, None])
    return y.view(count, channels, *y.shape[2:])


def activated(x: Tensor) -> Tensor:
    return math.sqrt(2.0) * torch.where(x > 0.0, x, 0.2 * x)


def file_of(folder: Path, authors: Authors, arrays: Weights, change: Callable[[Any], Any] = lambda tree: tree) -> Path:
    path = folder / "file.pkl"
    patch = authors()
    path.write_bytes(pickle.dumps(change(content(network(arrays)))))
    patch.undo()
    return path


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
