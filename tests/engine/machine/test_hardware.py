"""Which device, precision and number of threads a run gets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from gexbench.engine.machine import hardware
from gexbench.engine.machine.hardware import choose, cores, has_fast_bf16, processor
from gexbench.errors import PlanError

FLAGS = "processor\t: 0\nmodel name\t: Some CPU (TM) 8 @ 2 GHz \nflags\t\t: fpu sse {}\nprocessor\t: 1\n"


def machine(patch: pytest.MonkeyPatch, cuda: bool = False, mps: bool = False, flags: str = "") -> None:
    """Let torch and /proc/cpuinfo speak of another machine."""
    patch.setattr(torch.cuda, "is_available", lambda: cuda)
    patch.setattr(torch.cuda, "get_device_capability", lambda: (8, 0))
    patch.setattr(torch.backends.mps, "is_available", lambda: mps)
    patch.setattr(hardware, "_cpuinfo", lambda: FLAGS.format(flags))


@pytest.mark.parametrize(
    ("cuda", "mps", "best"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_best_device_there_is_is_chosen(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, best: str) -> None:
    machine(monkeypatch, cuda, mps)
    assert choose("auto", autocast=False).device == best


def test_a_device_that_is_asked_for_is_taken_though_there_is_a_better_one(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, cuda=True)
    assert choose("cpu", autocast=False).device == "cpu"


@pytest.mark.parametrize("name", ["cuda", "mps", "tpu", ""])
def test_a_device_that_is_not_here_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    machine(monkeypatch)
    with pytest.raises(PlanError, match=f"--device '{name}' is not here") as refused:
        choose(name, autocast=False)
    assert refused.value.hint == "this machine has cpu"


@pytest.mark.parametrize(
    ("flags", "precision"),
    [("avx512_bf16 x", "bf16"), ("amx_bf16", "bf16"), ("avx512f", "fp32"), ("no_avx512_bf16", "fp32"), ("", "fp32")],
)
def test_a_processor_computes_in_bf16_where_its_hardware_does(
    monkeypatch: pytest.MonkeyPatch, flags: str, precision: str
) -> None:
    machine(monkeypatch, flags=flags)
    assert choose("cpu", autocast=True).precision == precision
    assert choose("cpu", autocast=False).precision == "fp32"


@pytest.mark.parametrize(("capability", "fast"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_a_gpu_computes_in_bf16_from_one_generation_on(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], fast: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert has_fast_bf16("cuda") is fast


@pytest.mark.parametrize(("usable", "taken"), [(1, 1), (3, 3), (8, 8), (96, 8)])
def test_a_process_takes_the_cores_it_may_use_and_at_most_eight(
    monkeypatch: pytest.MonkeyPatch, usable: int, taken: int
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(usable)), raising=False)
    assert cores() == taken
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: usable)
    assert cores() == taken
    assert choose("cpu", autocast=False).threads == taken


@pytest.mark.parametrize(("told", "taken"), [("1", 1), ("2", 2), ("16", 4), ("0", 1), ("many", 4), ("", 4)])
def test_a_process_takes_no_more_threads_than_it_is_told(
    monkeypatch: pytest.MonkeyPatch, told: str, taken: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)), raising=False)
    assert cores() == taken


def test_a_machine_that_does_not_say_how_many_cores_it_has_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


def test_the_processor_has_the_name_that_the_system_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch)
    assert processor() == "Some CPU (TM) 8 @ 2 GHz"


def test_where_the_system_says_nothing_of_its_processor_it_has_no_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hardware, "Path", lambda name: tmp_path / "nowhere")
    assert processor() == ""
    assert not has_fast_bf16("cpu")
