"""Read the tensors that an ONNX file holds, and nothing else of it: a walk over its protobuf fields."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gexbench.errors import AssetMissing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GRAPH, INITIALISER = 7, 5
"""Numbers of fields: a model's graph, a graph's tensors. Those of a tensor:"""
DIMS, TYPE, FLOATS, NAME, RAW = 1, 2, 4, 8, 9
FLOAT = 1
"""The element type that is read."""
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


def read_onnx_tensors(path: Path) -> dict[str, NDArray[np.generic]]:
    """Return the float32 initialisers of a model by name; raises AssetMissing for a file that holds none, or is broken.

    Source: the messages ModelProto, GraphProto and TensorProto of onnx.proto, and the encoding of Protocol Buffers.
    """
    try:
        graphs = [value for number, value in _fields(path.read_bytes()) if number == GRAPH]
        tensors = [value for graph in graphs for number, value in _fields(_bytes(graph)) if number == INITIALISER]
        found = dict(_tensor(_bytes(tensor)) for tensor in tensors)
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise AssetMissing(f"{path.name} is no ONNX file that can be read ({error})", "fetch it again") from None
    if not found:
        raise AssetMissing(f"{path.name} holds no tensors: it is no ONNX file", "fetch it again")
    return found


def _tensor(message: bytes) -> tuple[str, NDArray[np.generic]]:
    import numpy as np

    shape, kind, name, data = list[int](), 0, "", b""
    for number, value in _fields(message):
        if number == DIMS:
            shape += [value] if isinstance(value, int) else list(_varints(value))
        elif number == TYPE and isinstance(value, int):
            kind = value
        elif number == NAME:
            name = _bytes(value).decode()
        elif number in (FLOATS, RAW):
            data += _bytes(value)
    if kind != FLOAT:
        raise ValueError(f"the tensor {name!r} is of the type {kind}, not float32")
    return name, np.frombuffer(data, "<f4").reshape(shape)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and the value of each field of a message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind not in (_EIGHT, _BYTES, _FOUR):
            raise ValueError(f"a field of the kind {kind}")
        size, at = _varint(message, at) if kind == _BYTES else (8 if kind == _EIGHT else 4, at)
        if at + size > len(message):
            raise ValueError("it ends early")
        yield number, message[at : at + size]
        at += size


def _varints(packed: bytes) -> Iterator[int]:
    at = 0
    while at < len(packed):
        value, at = _varint(packed, at)
        yield value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = message[at]
        value, at, shift = value | (byte & 127) << shift, at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("a number without an end")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value
