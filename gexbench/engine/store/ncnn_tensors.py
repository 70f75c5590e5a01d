"""Read the weights of the networks of Real-ESRGAN out of ncnn's binaries, which hold numbers without names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gexbench.errors import AssetMissing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.generic]

HALVES = 0x01306B47
"""What stands before weights that are stored as float16."""
Layer = tuple[str, int, int]
"""A 3x3 convolution: its name, the channels it takes and gives; a PReLU of that many channels where it takes none."""


def compact_layers(channels: int = 64, convolutions: int = 16, scale: int = 4) -> Iterator[Layer]:
    """Yield the layers of the compact network as `nets.compact` names them."""
    yield "body.0", 3, channels
    for place in range(convolutions + 1):
        yield f"body.{2 * place + 1}", 0, channels
        yield f"body.{2 * place + 2}", channels, channels if place < convolutions else 3 * scale**2


def rrdb_layers(channels: int = 64, growth: int = 32, blocks: int = 23) -> Iterator[Layer]:
    """Yield the layers of the network of dense blocks as `nets.rrdb` names them."""
    yield "conv_first", 3, channels
    for block in range(blocks):
        for dense in (1, 2, 3):
            for place in range(5):
                name = f"body.{block}.rdb{dense}.conv{place + 1}"
                yield name, channels + place * growth, growth if place < 4 else channels
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        yield name, channels, channels
    yield "conv_last", channels, 3


def read_ncnn(path: Path, layers: Iterator[Layer]) -> dict[str, Array]:
    """Return the tensors of the layers: float16 weights of convolutions, float32 biases and slopes.

    Raises AssetMissing unless the file holds these layers and not a byte more. Source: ncnn's wiki, "param and model
    file structure".
    """
    reader = _Reader(path)
    found: dict[str, Array] = {}
    for name, inputs, outputs in layers:
        if inputs:
            found[f"{name}.weight"] = reader.halves(outputs * inputs * 9).reshape(outputs, inputs, 3, 3)
        found[f"{name}.{'bias' if inputs else 'weight'}"] = reader.take(outputs, "<f4")
    reader.end()
    return found


class _Reader:
    def __init__(self, path: Path) -> None:
        self._name, self._content, self._at = path.name, path.read_bytes(), 0

    def halves(self, count: int) -> Array:
        """Return float16 values, after the word that says they are, with padding to four bytes."""
        if (found := int(self.take(1, "<u4")[0])) != HALVES:
            raise self._broken(f"stores weights in the way {found:#x}, not as float16")
        values = self.take(count, "<f2")
        self._at += -self._at % 4
        return values

    def take(self, count: int, code: str) -> Array:
        import numpy as np

        size = count * np.dtype(code).itemsize
        if self._at + size > len(self._content):
            raise self._broken(f"has {len(self._content)} bytes, too few for the network")
        values = np.frombuffer(self._content, code, count, self._at)
        self._at += size
        return values

    def end(self) -> None:
        if left := len(self._content) - self._at:
            raise self._broken(f"has {left} bytes more than the network takes")

    def _broken(self, what: str) -> AssetMissing:
        return AssetMissing(f"{self._name} {what}", "it is another network's file, or damaged")
