"""The weights of Real-ESRGAN's networks in ncnn's binaries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gexbench.engine.store.ncnn_tensors import HALVES, compact_layers, read_ncnn, rrdb_layers
from gexbench.errors import AssetMissing
from gexbench.nets.compact import Compact, CompactOptions
from gexbench.nets.rrdb import RRDBNet, RRDBOptions


def binary(state: dict[str, torch.Tensor]) -> bytes:
    """Write tensors as ncnn's converter does: a word, halves, padding; other numbers as they are."""
    parts = []
    for tensor in state.values():
        array = tensor.numpy()
        if array.ndim > 1:
            halves = array.astype("<f2").tobytes()
            parts.append(HALVES.to_bytes(4, "little") + halves + b"\0" * (-len(halves) % 4))
        else:
            parts.append(array.astype("<f4").tobytes())
    return b"".join(parts)


def compact() -> Compact:
    return Compact(CompactOptions(channels=5, convolutions=2, scale=2))


def written(folder: Path, content: bytes) -> Path:
    file = folder / "net.bin"
    file.write_bytes(content)
    return file


def test_every_number_of_the_compact_network_comes_back_under_its_name(tmp_path: Path) -> None:
    net = compact()
    found = read_ncnn(written(tmp_path, binary(net.state_dict())), compact_layers(5, 2, 2))
    assert {name: array.shape for name, array in found.items()} == {
        name: tuple(tensor.shape) for name, tensor in net.state_dict().items()
    }
    for name, tensor in net.state_dict().items():
        exact = tensor.half().float() if tensor.ndim > 1 else tensor
        assert np.array_equal(found[name].astype("<f4"), exact.numpy()), name


def test_the_layers_of_dense_blocks_stand_in_the_order_and_by_the_names_of_the_network(tmp_path: Path) -> None:
    net = RRDBNet(RRDBOptions(channels=4, growth=3, blocks=2))
    found = read_ncnn(written(tmp_path, binary(net.state_dict())), rrdb_layers(4, 3, 2))
    net.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in found.items()})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda content: content[:-1], "too few for the network"),
        (lambda content: content + b"\0\0", "has 2 bytes more than the network takes"),
        (lambda content: b"\0" * 4 + content[4:], "stores weights in the way 0x0, not as float16"),
    ],
)
def test_another_networks_file_is_refused_in_one_line(tmp_path: Path, change, told: str) -> None:  # type: ignore[no-untyped-def]
    file = written(tmp_path, change(binary(compact().state_dict())))
    with pytest.raises(AssetMissing, match=told) as refused:
        read_ncnn(file, compact_layers(5, 2, 2))
    assert "\n" not in str(refused.value)
