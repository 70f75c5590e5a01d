"""A GAN on single images: what it learns, and that stopping changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from training_factory import Interrupted, checkpoint_every_step, context_in, stopping_at

from gexbench.core.images import to_uint8
from gexbench.nets.initialise import seeded
from gexbench.nets.latent_gan import LatentGAN
from gexbench.training.latent import LatentOptions, LatentTraining, fit_gan
from gexbench.training.loop import TrainingContext
from gexbench.training.pggan import fit_pggan
from gexbench.training.sngan import fit_sngan
from gexbench.training.stylegan2 import fit_stylegan2

Fit = Callable[[Sequence[Tensor], Mapping[str, Any], TrainingContext], LatentGAN]
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


def images() -> list[Tensor]:
    noise = 0.05 * torch.randn(20, 3, 1, 1, generator=torch.Generator().manual_seed(3))
    return [to_uint8((0.8 + part).clamp(0, 1).expand(3, 4, 4)) for part in noise]


def fit(context: TrainingContext, plan: LatentOptions = PLAN) -> Tensor:
    """Train on images of one colour and return what the generator makes of fixed latents."""
    net = seeded(Flat, 0)
    LatentTraining(LatentGAN(net, seeded(Judge, 0)), plan, context).fit(images())
    assert not net.training
    with torch.no_grad():
        made: Tensor = net(torch.randn(32, 2, generator=torch.Generator().manual_seed(1)))
    return made


def test_what_is_made_comes_to_look_like_what_is_shown(tmp_path: Path) -> None:
    plan = LatentOptions(steps=300, batch=16, critics=1, lr=2e-2, average=0.9)
    made = fit(context_in(tmp_path), plan)
    assert float(made.mean()) == pytest.approx(0.8, abs=0.08)


def test_the_same_seed_gives_the_same_generator_and_another_another(tmp_path: Path) -> None:
    first = fit(context_in(tmp_path / "a"))
    assert torch.equal(fit(context_in(tmp_path / "b")), first)
    assert not torch.equal(fit(context_in(tmp_path / "c", seed=1)), first)


@pytest.mark.parametrize("average", [0.0, 0.5])
def test_a_training_that_was_killed_ends_as_one_that_was_not(
    tmp_path: Path, average: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(PLAN, average=average)
    whole = fit(context_in(tmp_path / "whole"), plan)
    checkpoint_every_step(monkeypatch)
    with pytest.raises(Interrupted):
        fit(replace(context_in(tmp_path / "broken"), progress=stopping_at(3)), plan)
    assert torch.equal(fit(context_in(tmp_path / "broken"), plan), whole)


def test_without_averaging_the_last_weights_are_kept(tmp_path: Path) -> None:
    plan = replace(PLAN, average=0.0)
    assert not torch.equal(
        fit(context_in(tmp_path / "a"), plan), fit(context_in(tmp_path / "b"), replace(plan, average=0.99))
    )


def test_more_steps_of_the_discriminator_are_another_training(tmp_path: Path) -> None:
    assert not torch.equal(fit(context_in(tmp_path / "a")), fit(context_in(tmp_path / "b"), replace(PLAN, critics=1)))


def test_the_numbers_of_a_training_are_taken_out_of_a_cards_options() -> None:
    numbers = {"steps": 4, "batch": 8, "critics": 2, "lr": 1e-3, "average": 0.5}
    assert LatentOptions.split({"channels": 16, **numbers, "side": 32}) == (PLAN, {"channels": 16, "side": 32})


def alone(folder: Path, plan: LatentOptions = PLAN) -> LatentTraining:
    """Return a training that has not begun."""
    return LatentTraining(LatentGAN(seeded(Flat, 0), seeded(Judge, 0)), plan, context_in(folder))


def test_the_rate_falls_along_a_line_to_zero_and_reaches_both_optimisers(tmp_path: Path) -> None:
    training, bank = alone(tmp_path), torch.stack(images())
    found = []
    for number in range(4):
        training.step(bank, number)
        found.append([optimiser.param_groups[0]["lr"] for optimiser in (training.makers, training.critics)])
    assert found == [[1e-3 * share] * 2 for share in (1.0, 0.75, 0.5, 0.25)]


def test_hinge_losses_ask_for_one_of_real_images_and_for_less_than_minus_one_of_made_ones(tmp_path: Path) -> None:
    training = alone(tmp_path)
    training.judge.forward = lambda x: 4.0 * x.mean(dim=(1, 2, 3)) - 2.0  # type: ignore[method-assign]
    shades = {name: torch.full((2, 3, 4, 4), shade) for name, shade in (("dark", 0.0), ("grey", 0.5), ("light", 1.0))}
    losses = {
        (real, made): float(training.critic_loss(shades[real], shades[made], torch.Generator()))
        for real in shades
        for made in shades
    }
    assert losses["light", "dark"] == 0.0
    assert losses["dark", "light"] == 6.0
    assert (losses["grey", "dark"], losses["light", "grey"]) == (1.0, 1.0)


class Counted(nn.Module):
    """What counts steps beside the networks."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))


class Counting(LatentTraining):
    """A training with something beside its networks that a checkpoint must hold."""

    def beside(self) -> Mapping[str, Counted]:
        self.counted: Counted = getattr(self, "counted", Counted())
        return {"counted": self.counted}

    def prepare(self, number: int) -> None:
        self.counted.steps += 1  # type: ignore[operator]


def test_what_stands_beside_the_networks_is_in_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint_every_step(monkeypatch)
    gan, context = LatentGAN(seeded(Flat, 0), seeded(Judge, 0)), context_in(tmp_path)
    with pytest.raises(Interrupted):
        Counting(gan, PLAN, replace(context, progress=stopping_at(3))).fit(images())
    again = Counting(gan, PLAN, context)
    again.fit(images())
    assert int(again.counted.steps) == PLAN.steps  # type: ignore[arg-type]


class Remembering(LatentTraining):
    """A training that is not done, but remembered."""

    seen: ClassVar[list[tuple[LatentOptions, int]]] = []

    def fit(self, images: Sequence[Tensor]) -> None:
        self.seen.append((self.options, self.context.seed))


def test_a_gan_is_built_for_the_side_of_its_images_from_the_options_that_are_the_networks(tmp_path: Path) -> None:
    built: list[tuple[Mapping[str, Any], int]] = []

    def build(options: Mapping[str, Any], seed: int) -> LatentGAN:
        built.append((options, seed))
        return LatentGAN(Flat(), Judge())

    numbers = {"steps": 4, "batch": 8, "critics": 2, "lr": 1e-3, "average": 0.5}
    gan = fit_gan(images(), {"width": 3, **numbers}, context_in(tmp_path, seed=7), build, Remembering)
    assert built == [({"side": 4, "width": 3}, 7)]
    assert Remembering.seen == [(PLAN, 7)]
    assert not gan.training


NUMBERS = {"steps": 5, "batch": 4, "critics": 1, "lr": 1e-3, "average": 0.5}
PG_NET = {"latent_size": 8, "fmap_base": 32, "fmap_max": 8}
STYLE_NET = {"latent_size": 8, "mapping_layers": 2, "channel_base": 64, "channel_max": 8}
every_gan = pytest.mark.parametrize(
    ("fit_kind", "side", "options"),
    [
        (fit_sngan, 32, {"latent_size": 8, "channels": 4, "discriminator_channels": 4, **NUMBERS}),
        (fit_pggan, 16, {**PG_NET, **NUMBERS}),
        (fit_stylegan2, 16, {**STYLE_NET, **NUMBERS, "r1": 1.0}),
    ],
    ids=["sngan", "pggan", "stylegan2"],
)


def drawn(fit_kind: Fit, side: int, options: Mapping[str, Any], context: TrainingContext) -> Tensor:
    """Fit to noise and return what the generator makes of fixed latents."""
    noise = torch.rand(6, 3, side, side, generator=torch.Generator().manual_seed(2))
    gan = fit_kind([to_uint8(image) for image in noise], options, context)
    with torch.no_grad():
        made: Tensor = gan(torch.randn(3, gan.latent_size, generator=torch.Generator().manual_seed(1)))
    return made


@every_gan
def test_a_finished_training_makes_whole_images(
    tmp_path: Path, fit_kind: Fit, side: int, options: dict[str, Any]
) -> None:
    made = drawn(fit_kind, side, options, context_in(tmp_path))
    assert made.shape == (3, 3, side, side)
    assert 0.0 <= float(made.min()) < float(made.max()) <= 1.0


@every_gan
def test_a_training_that_was_stopped_ends_with_the_same_bits(
    tmp_path: Path, fit_kind: Fit, side: int, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = drawn(fit_kind, side, options, context_in(tmp_path / "whole"))
    checkpoint_every_step(monkeypatch)
    with pytest.raises(Interrupted):
        drawn(fit_kind, side, options, replace(context_in(tmp_path), progress=stopping_at(4)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)  # what is drawn does not hang on the state of the process
        assert torch.equal(drawn(fit_kind, side, options, context_in(tmp_path)), whole)
