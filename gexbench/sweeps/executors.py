"""The executors by name."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from gexbench.errors import PlanError
from gexbench.plan import Plan
from gexbench.sweeps.forecast import Timings
from gexbench.sweeps.work import Executor, serially

Name = Literal["serial", "local", "ray", "slurm"]


@dataclass(frozen=True)
class Need:
    """What a run takes of a machine. memory: bytes, None where nobody knows."""

    cpus: int = 1
    gpus: int = 0
    memory: int | None = None


def needs(timings: Timings | None) -> Callable[[Plan], Need]:
    """Return what runs take: a core, a GPU where they may use one, and the memory that recorded ones tell of."""

    def need(plan: Plan) -> Need:
        memory = None if timings is None else timings.expected(plan).memory
        return Need(gpus=int(plan.device in ("auto", "cuda")), memory=memory)

    return need


@dataclass(frozen=True)
class Setup:
    """How runs are spread. jobs: at once, None for as many as fit.

    address: of a Ray cluster, None for one of this machine. slurm: parameters of submitit's executor by name. need:
    what a run takes. spool: where Slurm's scripts and logs go.
    """

    name: Name = "serial"
    jobs: int | None = None
    address: str | None = None
    slurm: Mapping[str, str] = field(default_factory=dict)
    need: Callable[[Plan], Need] = field(default_factory=lambda: needs(None))
    spool: str = "runs/.slurm"


@dataclass(frozen=True)
class Chosen:
    """An executor, and how many runs it does at once, as far as that is known beforehand."""

    executor: Executor
    width: int


def choose(setup: Setup) -> Chosen:
    """Return the executor of a name; raises PlanError for what it does not take, and where its extra is missing."""
    if setup.jobs is not None and setup.jobs < 1:
        raise PlanError(f"--jobs {setup.jobs} runs nothing", "1 or more")
    for told, given, owner in (("--address", setup.address, "ray"), ("--slurm", setup.slurm, "slurm")):
        if given and setup.name != owner:
            raise PlanError(f"{told} is for the executor {owner!r}, not for {setup.name!r}", f"give --executor {owner}")
    if setup.name == "serial":
        if setup.jobs not in (None, 1):
            raise PlanError("--jobs is for runs at once, and serial does one", "give --executor local")
        return Chosen(serially, 1)
    if setup.name == "local":
        from gexbench.sweeps.local import Local

        devices = cuda_devices()
        jobs = setup.jobs or len(devices) or _cores()
        return Chosen(Local(jobs, devices), jobs)
    if setup.name == "ray":
        from gexbench.sweeps.ray_tasks import Ray

        _refuse_missing("ray", "ray")
        return Chosen(Ray(setup.need, setup.address, setup.jobs), setup.jobs or _cores())
    from gexbench.sweeps.slurm import Slurm

    _refuse_missing("submitit", "slurm")
    return Chosen(Slurm(setup.spool, setup.jobs, setup.slurm), setup.jobs or 1000)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cuda_devices() -> tuple[str, ...]:
    """Return the CUDA devices that this process may use, by number or name, without importing torch."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        return tuple(name.strip() for name in told.split(",") if name.strip() not in ("", "-1"))
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    listed = subprocess.run([program, "-L"], capture_output=True, text=True, check=False).stdout
    return tuple(map(str, range(sum(line.startswith("GPU ") for line in listed.splitlines()))))


def _refuse_missing(module: str, extra: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise PlanError(f"the executor {extra!r} needs the package {module}", f'pip install "gexbench[{extra}]"')
