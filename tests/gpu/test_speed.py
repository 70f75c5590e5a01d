"""How fast a device trains and answers, and with what memory; see conftest."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from training_factory import quiet

from gexbench.engine.machine import hardware
from gexbench.engine.sandbox.environment import MEMORY
from gexbench.nets.srresnet import SRResNet, SRResNetOptions
from gexbench.nets.unet import UNet, UNetOptions
from gexbench.training.loop import Step, TrainingContext
from gpu.page import Page
from gpu.steps import noise, srresnet, timed

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("default")]


@pytest.mark.parametrize("name", ["srresnet", "pix2pix", "cyclegan", "sngan", "pggan", "stylegan2"])
def test_how_fast_a_net_is_trained(page: Page, device: str, tmp_path: Path, name: str) -> None:
    from training import TRAININGS

    chosen = hardware.choose(device, autocast=True)
    context = TrainingContext(torch.device(device), chosen.precision, 0, tmp_path, quiet)
    batch, cycle = 16, 1
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    if name == "srresnet":
        step: Step = srresnet(context)
    else:
        batch, cycle = TRAININGS[name].batch, TRAININGS[name].cycle
        images = noise(batch, 3, TRAININGS[name].side, TRAININGS[name].side).to(device)
        with torch.device(device):
            step = TRAININGS[name].steps(images, context)[1]
    seconds = timed(step, device, rounds=20 if device == "cuda" else 1, cycle=cycle)
    most = torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else None
    page.add(
        "a step of training, nets as published",
        net=name, batch=batch, seconds=seconds, images_per_second=batch / seconds, peak_gb=most,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "net", "shape"),
    [
        ("srresnet", lambda: SRResNet(SRResNetOptions()), (16, 3, 24, 24)),
        ("unet", lambda: UNet(UNetOptions(norm="instance")), (1, 3, 256, 256)),
    ],
)
def test_whether_compiling_pays(
    page: Page, device: str, name: str, net: Callable[[], nn.Module], shape: Sequence[int]
) -> None:
    from paired_steps import medians

    plain, x = net().train().to(device), noise(*shape).to(device)
    compiled, begin = torch.compile(plain), time.perf_counter()
    try:
        compiled(x).mean().backward()
    except Exception as error:  # no compiler here, for example
        page.add("torch.compile does not work here", net=name, error=str(error).splitlines()[0][:80])
        return
    first = time.perf_counter() - begin
    steps = {"plain": plain, "compiled": compiled}
    found = medians({key: partial(_forth_and_back, one, x) for key, one in steps.items()}, 5, 1)
    page.add(
        "torch.compile, seconds of forward and backward in float32",
        net=name, plain=found["plain"], compiled=found["compiled"], compiling=first,
    )  # fmt: skip


def _forth_and_back(net: nn.Module, x: Tensor, number: int) -> None:
    net(x).mean().backward()


@pytest.mark.parametrize(("task", "batch"), [("sr", 16), ("latent-fidelity", 256)])
def test_what_the_meter_leaves_of_a_services_speed(page: Page, device: str, task: str, batch: int) -> None:
    rounds = 3 if device == "cuda" else 1
    asked = f"Asked({task!r}, {batch}, batches=4, rounds={rounds}, device={device!r})"
    words = [
        sys.executable,
        "-c",
        f"import json, oracle; from oracle import Asked; print(json.dumps(oracle.rates({asked})))",
    ]
    paths = os.pathsep.join(map(str, (BENCHMARKS, BENCHMARKS.parent)))
    env = {**os.environ, **MEMORY, "PYTHONPATH": paths}  # that keeps freed memory, as a service does
    done = subprocess.run(words, capture_output=True, text=True, env=env, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    direct, isolated = (statistics.median(found[name]) for name in ("direct", "isolated"))
    page.add("images a second of a service", task=task, batch=batch, direct=direct, isolated=isolated)
