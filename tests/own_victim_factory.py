"""Files of victims that somebody else made, small ones."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gexbench.cards.schema import VictimCard, WeightFile
from gexbench.engine.store.weights import file_sha256


class Enlarge(nn.Module):
    """Enlarge by 4, a little green."""

    def __init__(self, gain: float = 1.0, shift: float = 0.0) -> None:
        super().__init__()
        self.gain, self.shift = gain, shift
        self.green = nn.Parameter(torch.tensor([0.9, 1.0, 0.9])[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.interpolate(x, scale_factor=4.0, mode="nearest") * self.green
        return y * self.gain + self.shift


class Draw(nn.Module):
    """Draw images of 32 pixels a side from latents (N,6), or (N,6,1,1) where it convolves."""

    def __init__(self, convolves: bool = False) -> None:
        super().__init__()
        self.first = nn.ConvTranspose2d(6, 12, 4) if convolves else nn.Linear(6, 12 * 16)

    def forward(self, z: Tensor) -> Tensor:
        small = self.first(z).reshape(-1, 12, 4, 4)
        return torch.sigmoid(nn.functional.interpolate(small[:, :3], scale_factor=8.0, mode="nearest") * 4)


def save_script(net: nn.Module, file: Path) -> Path:
    """Write a network as TorchScript, which torch calls deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(net.eval()).save(str(file))
    return file


def card_of(file: Path, kind: str = "image-to-image", **fields: Any) -> VictimCard:
    """Return the card of a victim's file."""
    values: dict[str, Any] = {
        "name": "own/net",
        "summary": "A net.",
        "task_kind": kind,
        "backend": "torchscript",
        "scale": 4 if kind == "image-to-image" else 1,
        "dataset": "photos-mini",
        "weights": WeightFile(file=file.name, sha256=file_sha256(file)),
    }
    return VictimCard(**{**values, **fields})


def save_onnx(
    file: Path, op: str = "Resize", domain: str = "", shape: Sequence[str | int] = ("n", 3, "h", "w")
) -> Path:
    """Write an ONNX network of one operator, which enlarges by 4 if it is Resize; needs the package onnx."""
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    held = {"r": numpy.zeros(0, numpy.float32), "s": numpy.array([1, 1, 4, 4], numpy.float32)}
    inputs = ["x", *held] if op == "Resize" else ["x"]
    node = helper.make_node(op, inputs, ["y"], domain=domain, **({"mode": "linear"} if op == "Resize" else {}))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)) for name in ("x", "y")]
    ends[1] = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3, "H", "W"])
    kept = [numpy_helper.from_array(value, name) for name, value in held.items()] if op == "Resize" else []
    graph = helper.make_graph([node], "net", ends[:1], ends[1:], kept)
    known = [helper.make_opsetid("", 13), *([helper.make_opsetid(domain, 1)] if domain else [])]
    onnx.save(helper.make_model(graph, opset_imports=known, ir_version=8), str(file))
    return file
