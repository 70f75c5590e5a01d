"""Pictures that may stand in one study; how they are read is tested with the command."""

from __future__ import annotations

import pytest
import torch

from gexbench.study.arms import _refuse_unlike
from gexbench.study.key import StudyError


def images(count: int, side: int = 8) -> list[torch.Tensor]:
    return [torch.zeros(3, side, side, dtype=torch.uint8)] * count


def test_arms_of_another_size_or_number_are_refused() -> None:
    _refuse_unlike(images(4, 2), [images(4), images(4)])
    with pytest.raises(StudyError, match=r"3 pictures were kept for 4 sources"):
        _refuse_unlike(images(4), [images(4), images(3)])
    with pytest.raises(StudyError, match=r"\(3, 8, 8\) and of the other \(3, 9, 9\)"):
        _refuse_unlike(images(4), [images(4), images(4, 9)])
