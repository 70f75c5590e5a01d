"""What a run's witnesses answered is kept whole beside its record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gexbench.core.dataset import Split
from gexbench.engine.kinds import evidence
from gexbench.engine.run.kept_evidence import NAME, keep, read_kept
from gexbench.errors import DataMissing


def images(first: int, count: int = 2, side: int = 4) -> tuple[Tensor, ...]:
    return tuple(torch.full((3, side, side + n), first + n, dtype=torch.uint8) for n in range(count))


INPUTS, TRUTH = images(10), images(20)
SPLITS = {"set5": Split(("a", "b"), [x / 255 for x in INPUTS], [x / 255 for x in TRUTH])}
TESTS = {"set5": evidence.TestEvidence(("a", "b"), INPUTS, TRUTH, images(30), None, images(40))}


def alike(a: tuple[Tensor, ...] | None, b: tuple[Tensor, ...] | None) -> bool:
    return a == b if a is None or b is None else len(a) == len(b) and all(map(torch.equal, a, b))


def test_answers_of_mixed_sizes_come_back_in_order_with_the_data_sets_inputs_and_truth(tmp_path: Path) -> None:
    kept = read_kept(tmp_path, keep(tmp_path, TESTS), SPLITS)["set5"]
    whole = TESTS["set5"]
    assert kept.names == whole.names
    for side in ("inputs", "truth", "victim", "guarded", "surrogate", "queried", "unqueried"):
        assert alike(getattr(kept, side), getattr(whole, side)), side


def test_an_image_that_stands_in_several_places_is_written_once(tmp_path: Path) -> None:
    drawn = images(50, 8, 64)
    twice = {"set5": replace(TESTS["set5"], victim=drawn, unqueried=drawn)}
    digest = keep(tmp_path, twice)
    assert (tmp_path / NAME).stat().st_size < 1.5 * sum(image.numel() for image in drawn)
    kept = read_kept(tmp_path, digest, SPLITS)["set5"]
    assert alike(kept.victim, drawn)
    assert alike(kept.unqueried, drawn)


@pytest.mark.parametrize("way", ["none", "gone", "other"])
def test_evidence_that_is_not_there_or_not_the_records_is_refused(tmp_path: Path, way: str) -> None:
    digest = keep(tmp_path, TESTS)
    if way == "gone":
        (tmp_path / NAME).unlink()
    if way == "other":
        (tmp_path / NAME).write_bytes(b"other")
    with pytest.raises(DataMissing, match="evidence"):
        read_kept(tmp_path, None if way == "none" else digest, SPLITS)
