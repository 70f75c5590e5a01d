"""The same run on a CUDA device."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import gexbench


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_run_on_cuda_ends_well_and_says_so(tmp_path: Path) -> None:
    record = gexbench.run("sr", "srresnet", out=tmp_path, options={"steps": 20}, budget="25%", device="cuda")
    assert record.status == "ok"
    assert record.provenance.device == "cuda"
    assert record.account.answered == 128
