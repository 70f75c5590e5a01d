"""Read arrays out of pickles without running them.

A pickle may name any function to call. The readers here know a handful of names, each of which stands for a plain
record or a function of this file, and refuse a file that names anything else; numpy and torch themselves are never
handed to the pickle.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gexbench.errors import GexbenchError
from gexbench.file_kinds import what_is

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.generic]

STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}


class PickleRefused(GexbenchError):
    """A pickle names what no array needs, or is broken."""


def refuse_other(path: Path, names: Collection[str], wanted: str, read: str) -> None:
    """Raise PickleRefused for a file that is known to be of another kind than those of the names, and is not `wanted`.

    read: a sentence that says what is read.
    """
    kind = what_is(path)
    if kind is not None and kind.name not in names:
        raise PickleRefused(
            f"{path.name} is not {wanted}, but {kind.told}", "; ".join(filter(None, (kind.way_out, read)))
        )


class Node:
    """A pickled object: what it was built from, and the state it was given."""

    made_from: tuple[Any, ...] = ()
    state: Any = None

    def __init__(self, *made_from: Any) -> None:
        self.made_from = made_from

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _NumpyArray(Node):
    """`numpy.ndarray`; its state is (version, shape, dtype, Fortran order, bytes)."""


class _NumpyType(Node):
    """`numpy.dtype`; made from its code, its state begins (version, byte order)."""


def _nothing(pid: Any) -> Any:
    raise PickleRefused(f"the pickle points outside itself ({pid})")


class Reader(pickle.Unpickler):
    """An unpickler that knows the names it was given and no others.

    names: what each name in the pickle stands for. persistent: what a reference to outside the pickle stands for, by
    default nothing: it is refused.
    """

    def __init__(self, file: IO[bytes], names: Mapping[str, Any], persistent: Callable[[Any], Any] = _nothing) -> None:
        super().__init__(file)
        self._names = names
        self._persistent = persistent

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__"):
            return Node
        if f"{module}.{name}" in self._names:
            return self._names[f"{module}.{name}"]
        raise PickleRefused(f"the pickle asks for {module}.{name}, which no array needs")

    def persistent_load(self, pid: Any) -> Any:
        return self._persistent(pid)


def read_numpy_pickle(path: Path) -> dict[str, Array]:
    """Read nested dicts of numpy arrays; keys are joined by dots.

    Raises PickleRefused where the file names anything but numpy's array, dtype and _reconstruct, or is broken.
    """
    names = {
        "numpy.core.multiarray._reconstruct": _NumpyArray,
        "numpy._core.multiarray._reconstruct": _NumpyArray,
        "numpy.ndarray": Node,
        "numpy.dtype": _NumpyType,
    }
    refuse_other(path, ("numpy-pickle", "pickle"), "a pickle of NumPy arrays", "pickles of NumPy arrays are read")
    with path.open("rb") as file:
        return _flat(load(Reader(file, names)))


def read_torch_archive(path: Path) -> dict[str, Array]:
    """Read the tensors of a zip written by `torch.jit.save` or `torch.save`; keys are attribute names joined by dots.

    Raises PickleRefused where the file names anything but tensors and storages, or is broken.
    """
    refuse_other(
        path,
        ("torch", "torchscript", "rosinality", "zip"),
        "an archive written by torch",
        "archives that torch writes are read",
    )
    try:
        with zipfile.ZipFile(path) as archive:
            entry = next(name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl"))
            root = entry.removesuffix("data.pkl")
            names: dict[str, Any] = {f"torch.{storage}": code for storage, code in STORAGES.items()}
            names["torch._utils._rebuild_tensor_v2"] = strided
            names["torch.jit._pickle.build_intlist"] = list
            names["collections.OrderedDict"] = OrderedDict
            with archive.open(entry) as file:
                return _flat(load(Reader(file, names, lambda pid: _storage(archive, root, pid))))
    except GexbenchError:
        raise
    except Exception as error:  # whatever a damaged zip does to the library
        raise PickleRefused(f"{path.name} is not an archive written by torch") from error


def load(reader: Reader) -> Any:
    """Return what a pickle holds; raises PickleRefused where it is broken or names what its reader does not know."""
    try:
        return reader.load()
    except PickleRefused:
        raise
    except Exception as error:  # a broken pickle raises whatever its opcodes run into
        raise PickleRefused(f"the pickle is broken ({type(error).__name__}: {error})") from error


def _flat(tree: Any, prefix: str = "") -> dict[str, Array]:
    import numpy as np

    if isinstance(tree, np.ndarray):
        return {prefix: tree}
    if isinstance(tree, _NumpyArray):
        return {prefix: _numpy(tree)}
    inside = tree.state if isinstance(tree, Node) else tree
    if not isinstance(inside, dict):
        return {}
    parts = (_flat(value, f"{prefix}.{key}" if prefix else str(key)) for key, value in inside.items())
    return {key: array for part in parts for key, array in part.items()}


def _numpy(node: _NumpyArray) -> Array:
    import numpy as np

    try:
        _, shape, kind, fortran, data = node.state
        code = np.dtype(kind.state[1].replace("|", "") + kind.made_from[0])
        return np.frombuffer(data, code).reshape(shape, order="F" if fortran else "C")
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise PickleRefused(f"the pickle holds an array that cannot be read ({error})") from error


def _storage(archive: zipfile.ZipFile, root: str, pid: Any) -> Array:
    import numpy as np

    _, code, key, _, count = pid
    return np.frombuffer(archive.read(f"{root}data/{key}"), code, count)


def strided(storage: Array, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Array:
    """Return a tensor of a storage, copied; offset and stride count elements. Raises PickleRefused beyond its ends."""
    import numpy as np

    last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    if min((offset, *shape, *stride)) < 0 or last >= storage.size:
        raise PickleRefused("the pickle holds a tensor that reaches outside its storage")
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()
