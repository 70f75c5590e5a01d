from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gexbench.engine.store.tensor_pickle import PickleRefused, read_numpy_pickle, read_torch_archive

Reader = Callable[[Path], dict[str, Any]]


class Call:
    """Pickles as a call: what an evil file does."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


class Storage:
    """Pickles as a pointer to a storage of four floats."""


class ArchivePickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        return ("storage", torch.FloatStorage, "0", "cpu", 4) if isinstance(obj, Storage) else None


def numpy_pickle(path: Path, content: Any) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=3))
    return path


def torch_archive(path: Path, content: Any) -> Path:
    data = io.BytesIO()
    ArchivePickler(data, 2).dump(content)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("box/data.pkl", data.getvalue())
        archive.writestr("box/data/0", np.arange(4, dtype="<f4").tobytes())
    return path


def tensor(offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> Call:
    rebuild = torch._utils._rebuild_tensor_v2
    return Call(rebuild, Storage(), offset, shape, stride, False, OrderedDict())


def test_numpy_arrays_are_read_as_numpy_wrote_them(tmp_path: Path) -> None:
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    tree = {"a": {"plain": rows, "fortran": np.asfortranarray(rows)}, "big": rows.astype(">f8"), "flag": rows > 2}
    read = read_numpy_pickle(numpy_pickle(tmp_path / "file", tree))
    assert list(read) == ["a.plain", "a.fortran", "big", "flag"]
    for name, written in zip(read, [rows, rows, rows, rows > 2], strict=True):
        np.testing.assert_array_equal(read[name], written)
    assert read["big"].dtype == np.dtype(">f8")


@pytest.mark.parametrize("function", [Path.touch, eval, np.fromfile, np.dtype("f4").newbyteorder, getattr])
@pytest.mark.parametrize(("write", "read"), [(numpy_pickle, read_numpy_pickle), (torch_archive, read_torch_archive)])
def test_a_pickle_that_calls_anything_else_is_refused(
    function: Any, write: Callable[[Path, Any], Path], read: Reader, tmp_path: Path
) -> None:
    path = write(tmp_path / "file", {"a": Call(function, "x")})
    with pytest.raises(PickleRefused, match=r"the pickle asks for .*, which no array needs"):
        read(path)


@pytest.mark.parametrize(("write", "read"), [(numpy_pickle, read_numpy_pickle), (torch_archive, read_torch_archive)])
def test_what_an_evil_pickle_calls_does_not_run(
    write: Callable[[Path, Any], Path], read: Reader, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    path = write(tmp_path / "file", {"a": Call(exec, f"open({str(ran)!r}, 'w').close()")})
    with pytest.raises(PickleRefused, match=r"builtin.*\.exec"):
        read(path)
    assert not ran.exists()
    if write is numpy_pickle:
        pickle.loads(path.read_bytes())
        assert ran.exists(), "the file would have run, had it been unpickled"


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    path = numpy_pickle(tmp_path / "file", {"a": np.array([{"b": 1}], dtype=object)})
    with pytest.raises(PickleRefused, match=r"an array that cannot be read"):
        read_numpy_pickle(path)


def test_an_array_shorter_than_its_shape_is_refused(tmp_path: Path) -> None:
    path = numpy_pickle(tmp_path / "file", {"a": np.arange(3, dtype="<f4")})
    path.write_bytes(path.read_bytes().replace(b"K\x03\x85", b"K\x04\x85"))
    with pytest.raises(PickleRefused, match=r"an array that cannot be read"):
        read_numpy_pickle(path)


@pytest.mark.parametrize("keep", [0, 1, 50, -1])
def test_a_broken_pickle_is_refused(keep: int, tmp_path: Path) -> None:
    path = numpy_pickle(tmp_path / "file", {"a": np.arange(3)})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(PickleRefused, match=r"the pickle is broken" if keep else "not a pickle .* an empty file"):
        read_numpy_pickle(path)


def test_a_state_dict_is_read_as_torch_wrote_it(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 2), torch.nn.BatchNorm2d(4))
    state = net.state_dict()
    state["turned"] = torch.arange(6.0).reshape(2, 3).t()
    state["half"] = torch.arange(3).half()
    torch.save(state, tmp_path / "file")
    read = read_torch_archive(tmp_path / "file")
    assert list(read) == list(state)
    for name, array in read.items():
        np.testing.assert_array_equal(array, state[name].numpy())
        assert (array.dtype, array.shape) == (state[name].numpy().dtype, tuple(state[name].shape))


def test_a_torchscript_module_is_read_as_torch_wrote_it(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 2), torch.nn.Sequential(torch.nn.Linear(2, 2)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(net), str(tmp_path / "file"))
    read = read_torch_archive(tmp_path / "file")
    assert sorted(read) == sorted(net.state_dict())
    for name, array in read.items():
        np.testing.assert_array_equal(array, net.state_dict()[name].numpy())


def test_a_tensor_is_read_by_its_offset_and_strides(tmp_path: Path) -> None:
    read = read_torch_archive(torch_archive(tmp_path / "file", {"a": tensor(1, (2,), (2,)), "b": tensor(3, (), ())}))
    assert read["a"].tolist() == [1.0, 3.0]
    assert read["b"].tolist() == 3.0


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [(0, (5,), (1,)), (1, (4,), (1,)), (0, (2, 2), (3, 2)), (-1, (2,), (1,)), (3, (2,), (-1,))],
)
def test_a_tensor_that_reaches_outside_its_storage_is_refused(
    offset: int, shape: tuple[int, ...], stride: tuple[int, ...], tmp_path: Path
) -> None:
    path = torch_archive(tmp_path / "file", {"a": tensor(offset, shape, stride)})
    with pytest.raises(PickleRefused, match=r"reaches outside its storage"):
        read_torch_archive(path)


def test_a_numpy_pickle_may_not_point_outside_itself(tmp_path: Path) -> None:
    data = io.BytesIO()
    ArchivePickler(data, 2).dump({"a": Storage()})
    (tmp_path / "file").write_bytes(data.getvalue().replace(b"ctorch\nFloatStorage\n", b"X\x01\x00\x00\x00a"))
    with pytest.raises(PickleRefused, match=r"points outside itself"):
        read_numpy_pickle(tmp_path / "file")


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_what_torch_did_not_write_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("other", b"")
    else:
        path.write_bytes(content)
    with pytest.raises(PickleRefused, match=r"file is not an archive written by torch"):
        read_torch_archive(path)
