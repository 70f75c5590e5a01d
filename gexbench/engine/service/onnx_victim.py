"""Victims that are ONNX files, run by onnxruntime on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexbench.cards.schema import VictimCard
from gexbench.engine.service.foreign_victim import ForeignVictim, reason
from gexbench.errors import AssetMissing, PlanError

TYPES = {"tensor(float)": torch.float32, "tensor(float16)": torch.float16}
"""What a network may take, by onnxruntime's words."""
QUIET = 4


class OnnxVictim(ForeignVictim):
    """An ONNX network with one input and one output, all in one file, of the operators that onnxruntime brings."""

    def __init__(self, card: VictimCard, files: Path, digest: str, device: str) -> None:
        super().__init__(card, files, digest)
        self._session = _session(self.content, files)
        self.content = b""
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise PlanError(
                f"{files} has {len(inputs)} inputs and {len(outputs)} outputs, not one of each",
                "export the network with one input, an image or a latent, and one output, an image",
            )
        (self._input,) = inputs
        if self._input.type not in TYPES:
            raise PlanError(f"{files} takes {self._input.type}, not float images or latents", "export it for float")
        sizes = self._input.shape
        self.told_sides = tuple({n for n in sizes[2:] if isinstance(n, int) and n > 0}) if len(sizes) == 4 else ()

    def found_latent_size(self) -> int | None:
        """Return the second size of the input, where the file fixes it."""
        sizes = self._input.shape
        return sizes[1] if len(sizes) > 1 and isinstance(sizes[1], int) else None

    def call(self, x: Tensor) -> object:
        """Return what the network makes of a batch of one."""
        given = x.to(TYPES[self._input.type]).contiguous().numpy()
        (y,) = self._session.run(None, {self._input.name: given})
        return torch.from_numpy(y.copy()) if hasattr(y, "dtype") else y


def _session(content: bytes, files: Path) -> Any:
    """Open a network; raises AssetMissing where onnxruntime is not here or does not open it."""
    try:
        import onnxruntime
    except ImportError:
        raise AssetMissing("ONNX victims need onnxruntime", "pip install 'gexbench[onnx]'") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
    options.log_severity_level = QUIET
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # whatever a foreign file makes of it
        told, way_out = reason(error), "export it again, in one file, with the standard operators"
        if "not a registered function/op" in str(error):
            way_out = "operators of other libraries are not loaded; export it with the standard ones"
        raise AssetMissing(f"{files} is no ONNX file that onnxruntime opens: {told}", way_out) from None
