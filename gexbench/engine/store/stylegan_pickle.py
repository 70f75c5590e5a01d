"""Read the networks out of a StyleGAN2 weight file as its authors publish them, without running it.

Such a file is a pickle of a dict: G, D, G_ema (the averaged generator, which makes the published images), and what the
training was given. A network is `torch_utils.persistence._reconstruct_persistent_obj` called on a dict with type
"class", version, module_src (the source code of the class, which is only text here), class_name, and state: the
attributes of a torch module, its parts again such calls. A tensor's numbers lie in the bytes that `torch.save` wrote in
its format from before 1.6. That, and that the 3x3 weights of enlarging layers are stored for a transposed convolution,
is as the published persistence.py and legacy.py of stylegan2-ada-pytorch show it; names and sizes of the arrays are as
its training log prints them (28,794,124 parameters and 2,797,104 numbers in buffers at 1024 pixels with two mapping
layers). None of it has been tried on a published file. The authors' networks clamp features to [-256,256], ten times
what they reach (Karras et al. 2020, arXiv 2006.06676, on mixed precision); the network here does not.
"""

from __future__ import annotations

import io
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexbench.engine.store.tensor_pickle import STORAGES, Node, PickleRefused, Reader, load, refuse_other, strided

if TYPE_CHECKING:
    from gexbench.engine.store.tensor_pickle import Array

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
DIFFERENCES = (
    "noise: each layer adds the constant noise that the file keeps, as with noise_mode='const'; the authors' metrics "
    "draw it anew for each image",
    "precision: all is computed in full precision; the authors compute their largest layers in half precision (fp16)",
    "clamp: features are not clamped to [-256,256], ten times what they reach",
    "truncation: the average style (w_avg) is left out, so images are those of truncation_psi=1",
)
"""In what images of a converted network may differ from those of its authors' code."""
FILTER = (1.0, 3.0, 3.0, 1.0)
MAPPING_RATE = 0.01
Shape = tuple[int, ...]
_UNCONDITIONAL = "take a network that was trained without labels: victims draw from latents alone"
_RESIDUAL = "take a file whose discriminator is residual, as of the authors' configurations other than cifar"


def gan_from_stylegan2(path: Path) -> tuple[dict[str, int], dict[str, Array]]:
    """Return the options of a StyleGAN2 and the state dict of both its networks, from G_ema and D of a file.

    Names are those of a LatentGAN. Raises PickleRefused as the functions of the two networks.
    """
    read = "the pickles that stylegan2-ada-pytorch writes are read"
    refuse_other(path, ("stylegan", "pickle"), "a PyTorch pickle of StyleGAN2", read)
    options, generator = generator_from_stylegan2(path)
    parts = {"generator": generator, "discriminator": discriminator_from_stylegan2(path, options)}
    return options, {f"{part}.{name}": array for part, state in parts.items() for name, array in state.items()}


def generator_from_stylegan2(path: Path) -> tuple[dict[str, int], dict[str, Array]]:
    """Return the options of a StyleGAN2Generator and its state dict, from the network G_ema of a file.

    Both follow from the names and shapes of the arrays alone. The average style, which only truncation needs, is left
    out. Raises PickleRefused where the file names anything a network does not need, is broken, or holds another network
    than an unconditional generator of colour images with skip connections and the filter [1,3,3,1].
    """
    arrays = _arrays(path, "G_ema")
    _refuse_others(path, arrays)
    options = _options(path, arrays)
    arrays.pop("mapping.w_avg", None)
    return options, _placed(path, "generator", arrays, _places(options))


def discriminator_from_stylegan2(path: Path, options: Mapping[str, int]) -> dict[str, Array]:
    """Return the state dict of a StyleGAN2Discriminator, from the network D of a file; options: of its generator.

    The authors' groups of images are others of a batch, so logits agree for one group alone. Raises PickleRefused as
    generator_from_stylegan2, where D is not residual, or has other channels than the generator.
    """
    arrays = _arrays(path, "D")
    if any(name.startswith("mapping.") or name.endswith("embed.weight") for name in arrays):
        raise PickleRefused(f"{path.name} holds a conditional discriminator, which is told classes", _UNCONDITIONAL)
    try:
        return _placed(path, "discriminator", arrays, _judging_places(options))
    except PickleRefused as error:
        raise PickleRefused(f"{error}; a victim is not made from the generator alone", _RESIDUAL) from error


def _refuse_others(path: Path, arrays: Mapping[str, Array]) -> None:
    """Raise PickleRefused for the generators that are near to StyleGAN2, by name."""
    if any(re.match(r"synthesis\.(L\d+_|input\.)", name) for name in arrays):
        raise PickleRefused(f"{path.name} holds a generator of StyleGAN3 (alias-free)", "take one of StyleGAN2")
    if "mapping.embed.weight" in arrays:
        told = f"{path.name} holds mapping.embed.weight, which the generator of StyleGAN2 has no place for: it is of a "
        raise PickleRefused(f"{told}conditional network, which is told a class by its label", _UNCONDITIONAL)


def _placed(
    path: Path, part: str, arrays: Mapping[str, Array], places: Mapping[str, tuple[str, Shape]]
) -> dict[str, Array]:
    """Return the state dict: all arrays under our names, after a look at their names and shapes."""
    missing = next((name for name in places if name not in arrays), None)
    if missing:
        raise PickleRefused(f"{path.name} lacks {missing}, which the {part} of StyleGAN2 needs")
    state = {}
    for name, array in arrays.items():
        if name.endswith("resample_filter"):
            _check_filter(path, name, array)
            continue
        if name not in places:
            raise PickleRefused(f"{path.name} holds {name}, which the {part} of StyleGAN2 has no place for")
        ours, shape = places[name]
        if array.shape != shape:
            raise PickleRefused(f"{path.name} holds {name} of the shape {array.shape}, not {shape}")
        state[ours] = array
    return state


def _arrays(path: Path, network: str) -> dict[str, Array]:
    """Return the parameters and buffers of one network of the file under the names its authors gave them."""
    with path.open("rb") as file:
        content = load(Reader(file, _names()))
    try:
        return dict(_parts(content[network]))
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
        told = f"{path.name} holds no network {network} of StyleGAN2 ({type(error).__name__})"
        raise PickleRefused(told, "both are needed: G_ema, and D, without which nothing can leak") from error


def _names() -> dict[str, Any]:
    """Return what the names in such a pickle stand for here: plain records, and functions of this package."""
    names: dict[str, Any] = {
        "torch_utils.persistence._reconstruct_persistent_obj": Node,
        "dnnlib.util.EasyDict": dict,
        "collections.OrderedDict": OrderedDict,
        "builtins.set": set,
        "torch._utils._rebuild_tensor_v2": strided,
        "torch._utils._rebuild_parameter": _tensor,
        "torch.storage._load_from_bytes": _stored,
        "numpy.dtype": Node,
    }
    return names | {f"numpy.{core}.multiarray.scalar": Node for core in ("core", "_core")}


def _tensor(array: Array, *_: Any) -> Array:
    return array


def _stored(data: bytes) -> Array:
    """Read the bytes `torch.save` wrote for one storage: five pickles, a count, the numbers."""
    import numpy as np

    file = io.BytesIO(data)
    names = {f"torch.{storage}": code for storage, code in STORAGES.items()}
    magic, version, system = (load(Reader(file, {})) for _ in range(3))
    if (magic, version) != (MAGIC, VERSION) or not system["little_endian"]:
        raise PickleRefused("the pickle holds a storage in a format that is not known")
    _, code, _, _, count, _ = load(Reader(file, names, lambda pid: pid))
    load(Reader(file, {}))
    if int.from_bytes(file.read(8), "little") != count:
        raise PickleRefused("the pickle holds a storage whose counts differ")
    return np.frombuffer(data, code, count, file.tell())


def _parts(network: Node, prefix: str = "") -> Iterator[tuple[str, Array]]:
    import numpy as np

    state = network.made_from[0]["state"]
    rate, activation = state.get("bias_gain"), state.get("activation")
    if rate not in (None, MAPPING_RATE if prefix.startswith("mapping.") else 1.0):
        raise PickleRefused(f"the pickle holds {prefix.rstrip('.')} with the learning rate multiplied by {rate}")
    if activation not in (None, "lrelu", "linear"):
        raise PickleRefused(f"the pickle holds {prefix.rstrip('.')} with the activation {activation}")
    for name, array in (state["_parameters"] | state["_buffers"]).items():
        if isinstance(array, np.ndarray):
            yield prefix + name, array
    for name, part in state["_modules"].items():
        yield from _parts(part, f"{prefix}{name}.")


def _options(path: Path, arrays: Mapping[str, Array]) -> dict[str, int]:
    widths: dict[int, int] = {}
    for name, array in arrays.items():
        if (found := re.fullmatch(r"synthesis\.b(\d{1,4})\.torgb\.weight", name)) and len(array.shape) == 4:
            widths[int(found[1])] = array.shape[1]
    sides = sorted(widths)
    if not 2 <= len(sides) <= 9 or sides != [4 * 2**level for level in range(len(sides))]:
        raise PickleRefused(f"{path.name} holds no generator of StyleGAN2 with skip connections for 8 to 1024 pixels")
    first = arrays.get("mapping.fc0.weight")
    return {
        "side": sides[-1],
        "latent_size": first.shape[-1] if first is not None and first.shape else 0,
        "mapping_layers": sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in arrays),
        "channel_base": max(side * width for side, width in widths.items()),
        "channel_max": max(widths.values()),
    }


def _places(options: Mapping[str, int]) -> dict[str, tuple[str, Shape]]:
    """Return for each array of the authors its name in the state dict and its shape."""
    latent_size, before = options["latent_size"], 0
    places: dict[str, tuple[str, Shape]] = {}
    for k in range(options["mapping_layers"]):
        places |= _linear(f"mapping.fc{k}", f"mapping.{k}", latent_size, latent_size)
    for level in range(options["side"].bit_length() - 2):
        side = 4 * 2**level
        block, width = f"synthesis.b{side}", min(options["channel_base"] // side, options["channel_max"])
        if level:
            places |= _styled(f"{block}.conv0", f"layers.{2 * level - 1}", (before, width, side), latent_size)
        else:
            places[f"{block}.const"] = ("constant", (width, 4, 4))
        places |= _styled(f"{block}.conv1", f"layers.{2 * level}", (width, width, side), latent_size)
        places |= _colours(f"{block}.torgb", f"to_rgb.{level}", width, latent_size)
        before = width
    return places


def _judging_places(options: Mapping[str, int]) -> dict[str, tuple[str, Shape]]:
    """Return for each array of the authors' discriminator its name in the state dict and its shape."""
    sides = [options["side"] // 2**level for level in range(options["side"].bit_length() - 2)]
    widths = [min(options["channel_base"] // side, options["channel_max"]) for side in sides]
    last = widths[-1]
    places = _convolved(f"b{sides[0]}.fromrgb", "from_rgb", (widths[0], 3, 1, 1))
    for k, (side, inputs, outputs) in enumerate(zip(sides, widths, widths[1:], strict=False)):
        places |= _convolved(f"b{side}.conv0", f"blocks.{k}.first", (inputs, inputs, 3, 3))
        places |= _convolved(f"b{side}.conv1", f"blocks.{k}.second.1", (outputs, inputs, 3, 3))
        places[f"b{side}.skip.weight"] = (f"blocks.{k}.skip.1.weight", (outputs, inputs, 1, 1))
    places |= _convolved("b4.conv", "last.0", (last, last + 1, 3, 3))
    return places | _linear("b4.fc", "last.3", last * 4**2, last) | _linear("b4.out", "last.5", last, 1)


def _convolved(theirs: str, ours: str, shape: Shape) -> dict[str, tuple[str, Shape]]:
    shapes = {"weight": shape, "bias": shape[:1]}
    return {f"{theirs}.{part}": (f"{ours}.{part}", wanted) for part, wanted in shapes.items()}


def _linear(theirs: str, ours: str, inputs: int, outputs: int) -> dict[str, tuple[str, Shape]]:
    shapes = {"weight": (outputs, inputs), "bias": (outputs,)}
    return {f"{theirs}.{part}": (f"{ours}.{part}", shape) for part, shape in shapes.items()}


def _styled(theirs: str, ours: str, sizes: tuple[int, int, int], latent_size: int) -> dict[str, tuple[str, Shape]]:
    inputs, outputs, side = sizes
    return {
        **_linear(f"{theirs}.affine", f"{ours}.affine", latent_size, inputs),
        f"{theirs}.weight": (f"{ours}.weight", (outputs, inputs, 3, 3)),
        f"{theirs}.bias": (f"{ours}.bias", (outputs,)),
        f"{theirs}.noise_strength": (f"{ours}.strength", ()),
        f"{theirs}.noise_const": (f"{ours}.noise", (side, side)),
    }


def _colours(theirs: str, ours: str, inputs: int, latent_size: int) -> dict[str, tuple[str, Shape]]:
    return {
        **_linear(f"{theirs}.affine", f"{ours}.affine", latent_size, inputs),
        f"{theirs}.weight": (f"{ours}.weight", (3, inputs, 1, 1)),
        f"{theirs}.bias": (f"{ours}.bias", (3,)),
    }


def _check_filter(path: Path, name: str, array: Array) -> None:
    import numpy as np

    if array.shape != (4, 4) or not np.allclose(array, np.outer(FILTER, FILTER) / 64.0):
        raise PickleRefused(f"{path.name} holds {name}, another filter than [1,3,3,1]")
