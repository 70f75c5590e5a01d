"""What training the victims of the profile `paper` takes, from the FLOPs of a step, without training or a GPU.

    python benchmarks/paper_plan.py [--teraflops 20] [--victims NAME,NAME] [--write]

A step of each phase is done as the card says, on images of its size, with all convolutions and products replaced by
zeros of their shapes: their FLOPs are counted and nothing is computed. StyleGAN2 for 256 pixels is counted at a batch
of 4 and multiplied; its penalties count as often as they fall due. Of PGGAN, which grows, the mean of GROWN steps is
taken, spread over the training. All FLOPs of a training are `training_flops` on the victim's card. Hours are the FLOPs
of all steps at --teraflops, which is to be what a device really sustains on such nets, not what its data sheet says.
Memory is weights, gradients and Adam's two moments at four bytes, and the most that a step keeps at once for its
backward passes. --write writes benchmarks/paper_plan.md. SRGAN wants `gexbench assets fetch lpips-vgg`.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from torch.utils.flop_counter import flop_registry

import gexbench.training
from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.schema import AssetCard, DatasetCard, TaskCard, VictimCard
from gexbench.core.victim import Studio
from gexbench.engine.store.assets import AssetStore
from gexbench.training.loop import Loop, Stateful, Step
from gexbench.training.stylegan2 import PATHS_EVERY, SLOPES_EVERY

SIDE = 256
"""Pixels of the images that a victim learns from, where its data set has no side: it learns from crops."""
GROWN = 14
COUNTED_AT = {"stylegan2-bedroom": 4}
"""The batch at which a step is counted, where that of the card does not fit into the memory of a small machine."""
HEAD = """# What the victims of `paper` take to train

This page is made by `python benchmarks/paper_plan.py --write`; its top says how. Nobody has trained them with this
package yet. Hours are for one device that sustains {teraflops:g} TFLOP/s on such nets. Divide or multiply by what yours
does: `gexbench victim train NAME` shows its steps and the time that is left, and a stopped training goes on.

| victim | phase | steps | GFLOP a step | million weights | memory, GB | hours |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Phase:
    """One phase of a training. flops: of a step. weights: of all nets it trains. kept: bytes for backward passes."""

    victim: str
    name: str
    steps: int
    flops: int
    weights: int
    kept: int

    def row(self, teraflops: float) -> str:
        """Return a line of the table."""
        memory = (16 * self.weights + self.kept) / 1e9
        hours = self.steps * self.flops / (teraflops * 1e12) / 3600
        cells = (self.victim, self.name, f"{self.steps:,}", f"{self.flops / 1e9:,.0f}")
        return "| " + " | ".join((*cells, f"{self.weights / 1e6:.1f}", f"{memory:.1f}", f"{hours:,.0f}")) + " |"


class Shapes(TorchDispatchMode):
    """Count the FLOPs of convolutions and products and give zeros of their shapes; all else is done as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do an operation, or say its shape."""
        packet, named = func._overloadpacket, kwargs or {}
        if packet not in flop_registry:
            return func(*args, **named)
        shapes = func(*tree_map_only(Tensor, _ghost, args), **tree_map_only(Tensor, _ghost, named))
        self.flops += flop_registry[packet](*args, **named, out_val=shapes)
        return tree_map_only(Tensor, lambda t: torch.zeros(t.shape, dtype=t.dtype), shapes)


@dataclass
class Memory:
    """Bytes of the storages that are kept now, each counted once however often it is kept, and the most there were."""

    holders: Counter[int] = field(default_factory=Counter)
    now: int = 0
    most: int = 0


class Saved:
    """A tensor that a backward pass will want; its storage lives, and counts, as long as this does."""

    def __init__(self, tensor: Tensor, memory: Memory) -> None:
        self.tensor, self._memory = tensor, memory
        storage = tensor.untyped_storage()
        self._place, self._bytes = storage.data_ptr(), storage.nbytes()
        if not memory.holders[self._place]:
            memory.now += self._bytes
            memory.most = max(memory.most, memory.now)
        memory.holders[self._place] += 1

    def __del__(self) -> None:
        """Count the storage no more where nothing else keeps it."""
        self._memory.holders[self._place] -= 1
        if not self._memory.holders[self._place]:
            self._memory.now -= self._bytes


def _ghost(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")


def first_steps(name: str, catalog: Catalog) -> list[Phase]:
    """Return the phases of a victim's training, the first step of each being done for its shape alone."""
    card, phases = catalog.get(VictimCard, name), list[Phase]()

    def one_step(step: Step, state: Mapping[str, Stateful], loop: Loop) -> None:
        plain, kept = _counted(step, 0)
        if "pggan" in card.entry:
            grown = [_counted(step, int((at + 0.5) * loop.steps / GROWN)) for at in range(GROWN)]
            plain, kept = round(sum(flops for flops, _ in grown) / GROWN), max(bytes_ for _, bytes_ in grown)
        if "stylegan2" in card.entry:  # penalties at 0, the second alone at PATHS_EVERY, none at 1
            both, (paths, _), (plain, _) = plain, _counted(step, PATHS_EVERY), _counted(step, 1)
            plain += round((paths - plain) / PATHS_EVERY + (both - paths) / SLOPES_EVERY)
        nets = [member for member in state.values() if isinstance(member, nn.Module)]
        weights = sum(each.numel() for net in nets for each in net.parameters())
        phases.append(Phase(name, loop.name, loop.steps, round(plain * times), weights, round(kept * times)))

    batch = COUNTED_AT.get(name)
    times, changed = (card.train["batch"] / batch, {"batch": batch}) if batch else (1.0, {})  # type: ignore[operator]
    victim, side = load_entry(card.entry)(), catalog.get(DatasetCard, str(card.dataset)).settings.get("side", SIDE)
    images = [torch.rand(3, side, side) for _ in range(64)]
    with _instead_of_loops(one_step), tempfile.TemporaryDirectory() as folder:
        studio = Studio(
            owner=images,
            style=images,
            scale=card.scale,
            net=card.net,
            options={**card.train, **changed},
            assets={each: AssetStore().path(catalog.get(AssetCard, each)) for each in card.assets},
            device=torch.device("cpu"),
            precision="fp32",
            seed=0,
            workdir=Path(folder),
            progress=lambda what, done, total: None,
        )
        victim.train(victim.build(card.net), studio)
    return phases


def _counted(step: Step, number: int) -> tuple[int, int]:
    """Return the FLOPs of a step, and the most bytes that it kept at once for its backward passes."""
    memory = Memory()
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda tensor: Saved(tensor, memory), lambda saved: saved.tensor)
    with Shapes() as shapes, hooks:
        step(number)
    return shapes.flops, memory.most


@contextmanager
def _instead_of_loops(one_step: Any) -> Iterator[None]:
    """Have `one_step` called wherever a training would run its steps."""
    for found in pkgutil.iter_modules(gexbench.training.__path__, "gexbench.training."):
        importlib.import_module(found.name)
    modules = [each for key, each in sys.modules.items() if key.startswith("gexbench.") and hasattr(each, "run_steps")]
    before = modules[0].run_steps
    for module in modules:
        module.run_steps = one_step  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in modules:
            module.run_steps = before  # type: ignore[attr-defined]


def main() -> int:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teraflops", type=float, default=20.0)
    parser.add_argument("--victims", help="names with commas between; by default all of the profile")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    catalog = Catalog.load()
    tasks = [filed.card for filed in catalog.all(TaskCard).values() if "paper" in filed.card.profile]
    names = given.victims.split(",") if given.victims else sorted({task.profile["paper"].victim for task in tasks})
    rows: list[str] = []
    for name in names:
        phases = first_steps(name, catalog)
        rows += [phase.row(given.teraflops) for phase in phases]
        print(*rows[-len(phases) :], sep="\n", flush=True)
        print(f"{name}: training_flops = {sum(phase.steps * phase.flops for phase in phases):.3g}", flush=True)
    if given.write:
        page = HEAD.format(teraflops=given.teraflops) + "\n".join(rows) + "\n"
        (Path(__file__).parent / "paper_plan.md").write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
