"""Throughput of the isolated, metered oracle against calling the victim directly, on the same batches.

    python benchmarks/oracle.py [--task sr] [--batch 16] [--batches 16] [--rounds 5] [--defense jpeg]

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


def main() -> None:
    """Print images a second of both, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=sorted(ATTACKS), default="sr")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--batches", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--defense", help="one that answers pass, in a process of its own")
    arguments = parser.parse_args()
    if not MEMORY.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **MEMORY})
    catalog, plan = bench.prepare(Request(arguments.task, ATTACKS[arguments.task], defense=arguments.defense))
    asked = arguments.batch * arguments.batches * (arguments.rounds + 1)
    plan = plan.model_copy(update={"budget": asked})
    machine = hardware.choose("cpu", autocast=False)
    torch.set_num_threads(machine.threads)
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder) / "run")
        run.open(plan)
        weights = weights_path(plan.victim, catalog)
        order = OpenService(plan=plan, weights=weights, ledger=run.ledger, device="cpu", threads=machine.threads)
        isolation, ends = chosen("auto"), oracle_ends()
        where = confines(run, Orders(order, None), [])
        service = RemoteService(order, where.service, ends.service, Journal(bench.quiet), where.defense)
        service.wait_ready()
        oracle = MeteredOracle(task_kind(plan.task.kind), asked, over(ends.attacker))
        victim = open_victim(plan.victim, weights, plan.victim_weights, "cpu")
        latent_size = victim.latent_size

        def direct(x: Tensor) -> Tensor:
            with torch.inference_mode():
                return round_8bit(victim.answer(x))

        def isolated(x: Tensor) -> object:
            while select.select([service.control], [], [], 0.0)[0]:  # unread, they would block the service
                service.handle(lambda carried: 60.0)
            return oracle.sample(len(x)) if latent_size else oracle.query(x)

        rates: dict[str, list[float]] = {"direct": [], "isolated": []}
        for number in range(arguments.rounds + 1):
            batches = questions(arguments.batches, arguments.batch, seed=number, latent_size=latent_size)
            pair = {"direct": timed(direct, batches), "isolated": timed(isolated, batches)}
            if number:  # the first round warms both up
                for name, rate in pair.items():
                    rates[name].append(rate)
        service.stop()
        ends.attacker.close()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"{arguments.task}, isolation {isolation}, batches of {arguments.batch}, {machine.threads} threads")
    for name, median in medians.items():
        print(f"{name:9} {median:7.1f} images/s  (rounds: {', '.join(f'{rate:.1f}' for rate in rates[name])})")
    print(f"ratio     {medians['isolated'] / medians['direct']:.3f}")


if __name__ == "__main__":
    main()
