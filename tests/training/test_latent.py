"""A GAN on single images: what it learns, and that stopping changes nothing."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gexbench.core.images import to_uint8
from gexbench.training import latent
from gexbench.training.latent import LatentDuel, LatentOptions
from gexbench.training.loop import Place
from gexbench.training.regression import RegressionOptions, fit_regression

PLAN = LatentOptions(steps=4, batch=8, critics=2, lr=1e-3, average=0.5)


class Flat(nn.Module):
    """One colour an image of 4x4 pixels."""

    latent_size = 2

    def __init__(self) -> None:
        super().__init__()
        self.colour = nn.Linear(2, 3)

    def forward(self, z: Tensor) -> Tensor:
        colours: Tensor = torch.sigmoid(self.colour(z))
        return colours[:, :, None, None].expand(-1, 3, 4, 4)


class Judge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(48, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x.flatten(1))
        return logits


def seeded(build: type[nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build()


def quiet(what: str, done: int, total: int) -> None:
    """Take no notice of progress."""


def place(folder: Path, seed: int = 0) -> Place:
    return Place(torch.device("cpu"), "fp32", seed, folder, quiet)


def images(colour: float = 0.8, count: int = 20) -> list[Tensor]:
    noise = 0.05 * torch.randn(count, 3, 1, 1, generator=torch.Generator().manual_seed(3))
    return [to_uint8((colour + part).clamp(0, 1).expand(3, 4, 4)) for part in noise]


def fit(folder: Path, plan: LatentOptions = PLAN, real: Sequence[Tensor] | None = None, seed: int = 0) -> Tensor:
    """Train and return what the generator makes of fixed latents."""
    net = seeded(Flat)
    LatentDuel(net, seeded(Judge), plan, place(folder, seed)).fit(real or images())
    assert not net.training
    with torch.no_grad():
        made: Tensor = net(torch.randn(32, 2, generator=torch.Generator().manual_seed(1)))
    return made


def test_what_is_made_comes_to_look_like_what_is_shown(tmp_path: Path) -> None:
    plan = LatentOptions(steps=300, batch=16, critics=1, lr=2e-2, average=0.9)
    made = fit(tmp_path, plan, images(0.8))
    assert float(made.mean()) == pytest.approx(0.8, abs=0.08)


def test_the_same_seed_gives_the_same_generator_and_another_another(tmp_path: Path) -> None:
    first = fit(tmp_path / "a")
    assert torch.equal(fit(tmp_path / "b"), first)
    assert not torch.equal(fit(tmp_path / "c", seed=1), first)


@pytest.mark.parametrize("average", [0.0, 0.5])
def test_a_training_that_was_killed_ends_as_one_that_was_not(
    tmp_path: Path, average: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(PLAN, average=average)
    whole = fit(tmp_path / "whole", plan)
    monkeypatch.setattr(latent, "run_steps", broken_off(2))
    with pytest.raises(InterruptedError):
        fit(tmp_path / "broken", plan)
    monkeypatch.undo()
    assert torch.equal(fit(tmp_path / "broken", plan), whole)


def broken_off(after: int):  # type: ignore[no-untyped-def]
    """Return run_steps that checkpoints after every step and is cut short."""
    from gexbench.training.loop import run_steps

    def run(step, state, loop):  # type: ignore[no-untyped-def]
        def stepped(number: int):  # type: ignore[no-untyped-def]
            if number == after:
                raise InterruptedError(signal.SIGKILL)
            return step(number)

        run_steps(stepped, state, replace(loop, every=0.0))

    return run


def test_without_averaging_the_last_weights_are_kept(tmp_path: Path) -> None:
    plan = replace(PLAN, average=0.0)
    assert not torch.equal(fit(tmp_path / "a", plan), fit(tmp_path / "b", replace(plan, average=0.99)))


def test_more_steps_of_the_discriminator_are_another_training(tmp_path: Path) -> None:
    assert not torch.equal(fit(tmp_path / "a"), fit(tmp_path / "b", replace(PLAN, critics=1)))


def test_regression_learns_what_latents_become(tmp_path: Path) -> None:
    torch.manual_seed(0)
    victim, net = Flat(), seeded(Flat)
    latents = torch.randn(64, 2, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        answers = [to_uint8(image) for image in victim(latents)]
    fit_regression(net, latents, answers, RegressionOptions(steps=400, batch=16, lr=3e-2), place(tmp_path))
    fresh = torch.randn(16, 2, generator=torch.Generator().manual_seed(6))
    with torch.no_grad():
        assert (net(fresh) - victim(fresh)).abs().max() < 0.03
