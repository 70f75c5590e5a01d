"""Small runs leave the cores alone that others fill."""

from __future__ import annotations

import os

import pytest
import torch

from gexbench.engine.checks.free_cores import BOUND, free_cores, on_free_cores
from gexbench.engine.machine import hardware


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    monkeypatch.delenv(BOUND, raising=False)


@pytest.mark.parametrize(("load", "free"), [(0.2, 4), (1.0, 3), (2.6, 1), (9.0, 1)])
def test_a_busy_machine_gives_fewer_threads_and_one_at_least(
    load: float, free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    before = torch.get_num_threads()
    assert free_cores() == free
    with on_free_cores():
        assert hardware.cores() == torch.get_num_threads() == free
    assert BOUND not in os.environ
    assert torch.get_num_threads() == before


def test_whoever_bounds_threads_himself_gets_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0), raising=False)
    monkeypatch.setenv(BOUND, "2")
    with on_free_cores():
        assert os.environ[BOUND] == "2"
    assert os.environ[BOUND] == "2"
