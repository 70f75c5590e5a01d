"""The executors by name, and what runs need of machines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from record_factory import Records, write_registry

from gexbench.errors import PlanError
from gexbench.sweeps import executors
from gexbench.sweeps.executors import Need, Setup, choose, cuda_devices, needs
from gexbench.sweeps.forecast import BENCH_BYTES, Timings, Took
from gexbench.sweeps.local import Local
from gexbench.sweeps.work import serially

ROOT = Path(__file__).resolve().parents[2]


def test_one_after_the_other_is_what_is_chosen_without_a_word() -> None:
    assert (choose(Setup()).executor, choose(Setup()).width) == (serially, 1)


@pytest.mark.parametrize(
    ("jobs", "devices", "width"), [(None, (), 5), (None, ("0", "1"), 2), (3, ("0",), 3), (7, (), 7)]
)
def test_processes_are_one_a_device_or_a_core_or_as_many_as_are_named(
    monkeypatch: pytest.MonkeyPatch, jobs: int | None, devices: tuple[str, ...], width: int
) -> None:
    monkeypatch.setattr(executors, "cuda_devices", lambda: devices)
    monkeypatch.setattr(executors, "_cores", lambda: 5)
    chosen = choose(Setup("local", jobs))
    assert (chosen.executor, chosen.width) == (Local(width, devices), width)


@pytest.mark.parametrize(
    "setup", [Setup(jobs=2), Setup("local", 0), Setup("local", address="x"), Setup("ray", slurm={"a": "1"})]
)
def test_what_an_executor_does_not_take_is_refused(setup: Setup) -> None:
    with pytest.raises(PlanError) as refused:
        choose(setup)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("told", "found"),
    [("", ()), ("-1", ()), ("0", ("0",)), ("2, 3", ("2", "3")), ("GPU-8a,MIG-1", ("GPU-8a", "MIG-1"))],
)
def test_devices_are_those_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, told: str, found: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", told)
    assert cuda_devices() == found


def test_without_a_word_of_the_environment_the_driver_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(executors.shutil, "which", lambda name: None)
    assert cuda_devices() == ()
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: H200 (UUID: x)'\necho '  MIG 1g: y'\necho 'GPU 1: H200 (UUID: z)'\n")
    program.chmod(0o755)
    monkeypatch.setattr(executors.shutil, "which", lambda name: str(program))
    assert cuda_devices() == ("0", "1")


def test_a_run_needs_the_memory_that_runs_like_it_took_and_a_gpu_where_it_may_use_one(tmp_path: Path) -> None:
    records = Records(write_registry(tmp_path))
    took = Took(records.plan(), 1.0, 0.0, 1.0, memory=3, disk=None, own=False)
    need = needs(Timings([took]))
    assert need(records.plan(seed=5)) == Need(1, 1, BENCH_BYTES + 3)
    assert need(records.plan("bicubic", device="cpu")) == Need(1, 0, None)
    assert needs(None)(records.plan()) == Need(1, 1, None)


@pytest.mark.parametrize(
    "words", [["sweep", "--help"], ["sweep", "--tasks", "sr", "--attacks", "bicubic", "--dry-run"]]
)
def test_help_and_a_dry_run_import_neither_torch_nor_ray(words: list[str], tmp_path: Path) -> None:
    heavy: Any = "{'torch', 'ray', 'submitit', 'pandas'} & set(sys.modules)"
    code = (
        "import sys; from gexbench.cli.app import app\n"
        f"try: app({[*words]!r}, standalone_mode=False)\n"
        f"finally: print(sorted({heavy}), file=sys.stderr)"
    )
    paths = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=paths)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().splitlines()[-1] == "[]"
