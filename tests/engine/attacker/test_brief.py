"""The brief holds what the order says, and nothing that it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from gexbench.cards.entry import load_entry
from gexbench.engine.attacker.brief import make_brief
from gexbench.engine.wire.image_file import store_images
from gexbench.engine.wire.messages import Leak

from ..toy_orders import quiet, start_attack

SNGAN = "gexbench.victims.sngan:SNGAN"
NET = {"side": 32, "channels": 4, "latent_size": 8, "discriminator_channels": 4}
PARTS = ("", "discriminator")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which images lie: as many as their name is long."""
    for name in ("pool", "real", "truth"):
        store_images(tmp_path / f"{name}.safetensors", [torch.full((3, 8, 8), i / 255) for i in range(len(name))])
    return tmp_path


def leaked(folder: Path, part: str) -> tuple[Leak, nn.Module]:
    """Return an order's leak, and what is leaked with it."""
    torch.manual_seed(5)
    net = load_entry(SNGAN)().build(NET).get_submodule(part)
    safetensors.torch.save_file(net.state_dict(), folder / "leak.safetensors")
    return Leak(entry=SNGAN, net=NET, part=part, file=folder / "leak.safetensors"), net


def test_without_further_knowledge_there_is_the_pool_alone(folder: Path) -> None:
    brief = make_brief(start_attack(folder), quiet)
    assert [float(image[0, 0, 0] * 255) for image in brief.pool] == [0, 1, 2, 3]
    assert (brief.truth, brief.real, brief.discriminator, brief.victim) == (None, None, None, None)
    assert brief.knowledge == frozenset({"outputs"})


def test_images_that_are_granted_are_there(folder: Path) -> None:
    order = start_attack(folder, truth=folder / "truth.safetensors", real=folder / "real.safetensors")
    brief = make_brief(order, quiet)
    assert brief.truth is not None
    assert brief.real is not None
    assert (len(brief.truth), len(brief.real)) == (5, 4)


def test_numbers_and_options_are_those_of_the_order(folder: Path) -> None:
    options = {"steps": 3, "augment": ("flip", "turn")}
    order = start_attack(folder, options=options, scale=4, side=32, budget=7, deadline=9.0, precision="bf16")
    brief = make_brief(order, quiet)
    assert (brief.options, brief.workdir, brief.progress) == (options, folder, quiet)
    assert (brief.scale, brief.side, brief.budget, brief.deadline, brief.precision) == (4, 32, 7, 9.0, "bf16")
    assert brief.device == torch.device("cpu")


def test_one_seed_gives_the_same_numbers_from_both_generators(folder: Path) -> None:
    def drawn(seed: int) -> list[float]:
        brief = make_brief(start_attack(folder, seed=seed), quiet)
        assert brief.seed == seed
        return [float(torch.rand(())), float(torch.rand((), generator=brief.generator))]

    first = drawn(3)
    torch.rand(5)
    assert drawn(3) == first
    assert all(one != other for one, other in zip(drawn(4), first, strict=True))


@pytest.mark.parametrize("part", PARTS, ids=["the victim", "its discriminator"])
def test_what_was_leaked_of_a_victim_is_built_and_filled(folder: Path, part: str) -> None:
    leak, original = leaked(folder, part)
    brief = make_brief(start_attack(folder, **{"discriminator" if part else "victim": leak}), quiet)
    net = brief.discriminator if part else brief.victim
    assert net is not None
    assert not net.training
    assert not any(parameter.requires_grad for parameter in net.parameters())
    assert all(torch.equal(tensor, net.state_dict()[name]) for name, tensor in original.state_dict().items())


def test_a_leak_of_another_network_is_refused(folder: Path) -> None:
    leak, _ = leaked(folder, "discriminator")
    with pytest.raises(RuntimeError, match="Missing key"):
        make_brief(start_attack(folder, victim=leak.model_copy(update={"part": ""})), quiet)
