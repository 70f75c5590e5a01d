"""The tensors of an ONNX file, read without the package that writes such files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gexbench.engine.store.onnx_tensors import read_onnx_tensors
from gexbench.errors import AssetMissing

VALUES = np.arange(6, dtype="<f4").reshape(2, 3)


def number(value: int) -> bytes:
    """Encode as Protocol Buffers do: seven bits a byte, the last one without its top bit."""
    parts = [value & 127]
    while value := value >> 7:
        parts.append(value & 127)
    return bytes([*(part | 128 for part in parts[:-1]), parts[-1]])


def field(place: int, content: bytes) -> bytes:
    return number(place << 3 | 2) + number(len(content)) + content


def tensor(name: str, kind: int = 1, data: int = 9, packed: bool = False) -> bytes:
    dims = field(1, number(2) + number(3)) if packed else b"".join(number(1 << 3) + number(side) for side in (2, 3))
    return dims + number(2 << 3) + number(kind) + field(data, VALUES.tobytes()) + field(8, name.encode())


def model(*tensors: bytes) -> bytes:
    graph = field(1, b"a node") + b"".join(field(5, each) for each in tensors)
    return number(1 << 3) + number(8) + field(7, graph)


def written(folder: Path, content: bytes) -> Path:
    file = folder / "net.onnx"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("data", [4, 9])
@pytest.mark.parametrize("packed", [False, True])
def test_tensors_come_by_name_with_their_shapes(tmp_path: Path, data: int, packed: bool) -> None:
    long = "w" * 300
    content = model(tensor("a.w", data=data, packed=packed), tensor(long, packed=packed))
    found = read_onnx_tensors(written(tmp_path, content))
    assert list(found) == ["a.w", long]
    assert all(np.array_equal(each, VALUES) for each in found.values())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (model(tensor("a", kind=10)), "the tensor 'a' is of the type 10, not float32"),
        (model(tensor("a"))[:-5], "it ends early"),
        (b"<!DOCTYPE html><html></html>", "cannot be read|holds no tensors|can be read"),
        (b"", "holds no tensors"),
        (b"\xff" * 30, "without an end"),
        (model(tensor("a").replace(VALUES.tobytes(), b"\0" * 24)[:-40]), "can be read"),
    ],
)
def test_a_file_that_is_none_or_damaged_is_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(AssetMissing, match=told) as refused:
        read_onnx_tensors(written(tmp_path, content))
    assert "\n" not in str(refused.value)
    assert refused.value.hint == "fetch it again"
