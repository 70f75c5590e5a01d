"""Throughput of the isolated, metered oracle against calling the victim directly, on the same batches.

    python benchmarks/oracle.py [--task sr] [--batch 16] [--batches 16] [--rounds 5] [--defense jpeg] [--device cpu]

Tasks: sr, whose oracle answers questions of 24x24 pixels, and latent-fidelity, whose oracle draws.

The service runs as in a real run: own process, sandbox, ledger on disk. Rounds alternate between the two, so that a
busy machine slows both, and both keep freed memory, as a run's children do; every round asks new questions, since a
repeated one would be replayed. The last line is the ratio of medians.
"""

from __future__ import annotations

import argparse
import os
import select
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gexbench import bench
from gexbench.core.images import round_8bit
from gexbench.engine.attacker.oracle import MeteredOracle, over
from gexbench.engine.kinds.kind import task_kind
from gexbench.engine.machine import hardware
from gexbench.engine.run.isolation import chosen, confines
from gexbench.engine.run.remote import RemoteService, oracle_ends
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.run.sides import Journal, Orders
from gexbench.engine.sandbox.environment import MEMORY
from gexbench.engine.service.victim import open_victim
from gexbench.engine.store.victim_weights import weights_path
from gexbench.engine.wire.messages import OpenService
from gexbench.plan import Request

ATTACKS = {"sr": "srresnet", "latent-fidelity": "sngan"}


def timed(call: Callable[[Tensor], object], batches: list[Tensor]) -> float:
    """Return images a second."""
    start = time.perf_counter()
    for batch in batches:
        call(batch)
    return sum(len(batch) for batch in batches) / (time.perf_counter() - start)


def questions(count: int, size: int, seed: int, latent_size: int | None) -> list[Tensor]:
    """Return batches of random images of 24x24, or of latents."""
    generator = torch.Generator().manual_seed(seed)
    if latent_size:
        return [torch.randn(size, latent_size, generator=generator) for _ in range(count)]
    return [round_8bit(torch.rand(size, 3, 24, 24, generator=generator)) for _ in range(count)]


@dataclass(frozen=True)
class Asked:
    """What is measured: batches of so many images in each of so many rounds, after a first one."""

    task: str = "sr"
    batch: int = 16
    batches: int = 16
    rounds: int = 5
    defense: str | None = None
    device: str = "cpu"


def rates(asked: Asked) -> dict[str, list[float]]:
    """Return images a second of both by round."""
    catalog, plan = bench.prepare(Request(asked.task, ATTACKS[asked.task], defense=asked.defense))
    plan = plan.model_copy(update={"budget": asked.batch * asked.batches * (asked.rounds + 1)})
    machine = hardware.choose(asked.device, autocast=False)
    torch.set_num_threads(machine.threads)
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder) / "run")
        run.open(plan)
        weights = weights_path(plan.victim, catalog)
        order = OpenService(
            plan=plan, weights=weights, ledger=run.ledger, device=machine.device, threads=machine.threads
        )
        ends = oracle_ends()
        where = confines(run, Orders(order, None), [])
        service = RemoteService(order, where.service, ends.service, Journal(bench.quiet), where.defense)
        service.wait_ready()
        oracle = MeteredOracle(task_kind(plan.task.kind), plan.budget, over(ends.attacker))
        victim = open_victim(plan.victim, weights, plan.victim_weights, machine.device)
        latent_size = victim.latent_size

        def direct(x: Tensor) -> Tensor:
            with torch.inference_mode():
                return round_8bit(victim.answer(x))

        def isolated(x: Tensor) -> object:
            while select.select([service.control], [], [], 0.0)[0]:  # unread, they would block the service
                service.handle(lambda carried: 60.0)
            return oracle.sample(len(x)) if latent_size else oracle.query(x)

        found: dict[str, list[float]] = {"direct": [], "isolated": []}
        for number in range(asked.rounds + 1):
            batches = questions(asked.batches, asked.batch, seed=number, latent_size=latent_size)
            pair = {"direct": timed(direct, batches), "isolated": timed(isolated, batches)}
            if number:  # the first round warms both up
                for name, rate in pair.items():
                    found[name].append(rate)
        service.stop()
        ends.attacker.close()
    return found


def main() -> None:
    """Print images a second of both, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=sorted(ATTACKS), default="sr")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--batches", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--defense", help="one that answers pass, in a process of its own")
    parser.add_argument("--device", default="cpu")
    asked = Asked(**vars(parser.parse_args()))
    if not MEMORY.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **MEMORY})
    found = rates(asked)
    medians = {name: statistics.median(values) for name, values in found.items()}
    print(f"{asked.task}, isolation {chosen('auto')}, batches of {asked.batch}, {torch.get_num_threads()} threads")
    for name, median in medians.items():
        print(f"{name:9} {median:7.1f} images/s  (rounds: {', '.join(f'{rate:.1f}' for rate in found[name])})")
    print(f"ratio     {medians['isolated'] / medians['direct']:.3f}")


if __name__ == "__main__":
    main()
