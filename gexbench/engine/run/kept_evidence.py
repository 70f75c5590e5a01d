"""What victim and surrogate answered in a run, kept beside its record, so that it can be scored again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from gexbench.core.dataset import Split
from gexbench.core.images import to_uint8
from gexbench.engine.kinds.evidence import TestEvidence
from gexbench.engine.store.weights import file_sha256
from gexbench.errors import DataMissing
from gexbench.files import atomic_write

NAME = "evidence.safetensors"
SIDES = ("victim", "guarded", "surrogate", "queried", "unqueried")


def keep(folder: Path, tests: Mapping[str, TestEvidence]) -> str:
    """Write the 8-bit answers of each test split below `folder`, unpacked, and return the file's SHA-256.

    Inputs and truth are the data set's and are not kept. An image that stands in several places is written once. Raises
    OutputError.
    """
    tensors, places, seen = dict[str, Tensor](), dict[str, str](), dict[int, str]()
    for test, evidence in tests.items():
        for side in SIDES:
            for place, image in enumerate(getattr(evidence, side) or ()):
                key = f"{test}/{side}/{place:07d}"
                first = places[key] = seen.setdefault(id(image), key)
                if first == key:
                    tensors[key] = image.contiguous()
    repeated = {key: first for key, first in places.items() if key != first}
    atomic_write(folder / NAME, safetensors.torch.save(tensors, metadata=repeated))
    return file_sha256(folder / NAME)


def read_kept(folder: Path, digest: str | None, splits: Mapping[str, Split]) -> dict[str, TestEvidence]:
    """Return what was kept of a run, with inputs and truth of its test splits.

    digest: what the record says the file is. Raises DataMissing where nothing was kept or it is another file.
    """
    path = folder / NAME
    if digest is None or not path.is_file():
        raise DataMissing(f"no evidence was kept in {folder}", "run it again without --no-keep")
    if file_sha256(path) != digest:
        raise DataMissing(f"{path} is not the evidence that its record names", "run it again")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            repeated = file.metadata() or {}
            images = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise DataMissing(f"cannot read {path}: {error}", "run it again") from None
    images |= {key: images[first] for key, first in repeated.items()}
    return {name: _evidence(name, split, images) for name, split in splits.items()}


def _evidence(name: str, split: Split, images: Mapping[str, Tensor]) -> TestEvidence:
    sides: dict[str, tuple[Tensor, ...] | None] = {}
    for side in SIDES:
        keys = sorted(key for key in images if key.startswith(f"{name}/{side}/"))
        sides[side] = tuple(images[key] for key in keys) or None
    return TestEvidence(
        names=tuple(split.names),
        inputs=tuple(to_uint8(x) for x in split.inputs),
        truth=tuple(to_uint8(x) for x in split.truth),
        victim=sides["victim"] or (),
        guarded=sides["guarded"],
        surrogate=sides["surrogate"],
        queried=sides["queried"],
        unqueried=sides["unqueried"],
    )
