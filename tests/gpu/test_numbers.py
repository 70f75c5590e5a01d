"""Answers, losses and features of a device against those of the CPU, within tolerances; see conftest."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from inception_factory import random_network, weights_of
from training_factory import quiet

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import TaskCard, VictimCard
from gexbench.core.images import round_8bit
from gexbench.engine.service.victim import open_victim
from gexbench.engine.store.victim_weights import weights_path, weights_sha256
from gexbench.extractors.inception import InceptionFeatures
from gexbench.training.loop import TrainingContext
from gpu.page import Page
from gpu.steps import STEPS, noise, timed

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("default")]
CATALOG = Catalog.load()
SCALES = [filed.card.profile["mini"] for filed in CATALOG.all(TaskCard).values() if "mini" in filed.card.profile]
VICTIMS = sorted({scale.victim for scale in SCALES})
LEVELS, MEAN_LEVEL = 2.0, 0.1
"""How far an answer may lie in levels of 8 bits: anywhere, and on average. Convolutions on GPUs round to TF32."""
LOSS, ROWS = 1e-2, 1e-4
"""How far a first loss may lie, and a row of features, as a share of it."""


@pytest.mark.parametrize("name", VICTIMS)
def test_a_victim_answers_as_on_the_cpu(page: Page, device: str, name: str) -> None:
    card = CATALOG.get(VictimCard, name)
    found = []
    for where in ("cpu", device):
        victim = open_victim(card, weights_path(card, CATALOG), weights_sha256(card, CATALOG), where)
        x = (
            torch.randn(16, victim.latent_size, generator=torch.Generator().manual_seed(0))
            if victim.latent_size
            else None
        )
        found.append(round_8bit(victim.answer(noise(16, 3, 64, 64) if x is None else x)))
    apart = 255.0 * (found[0] - found[1]).abs()
    page.add("answers of victims, in levels of 8 bits", victim=name, most=float(apart.max()), mean=float(apart.mean()))
    assert float(apart.max()) <= LEVELS
    assert float(apart.mean()) <= MEAN_LEVEL


@pytest.mark.parametrize("name", STEPS)
def test_the_losses_of_a_first_step_are_those_of_the_cpu(page: Page, device: str, tmp_path: Path, name: str) -> None:
    found = []
    for where in ("cpu", device):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            context = TrainingContext(torch.device(where), "fp32", 0, tmp_path, quiet)
            found.append({key: float(loss) for key, loss in STEPS[name](context)(0).items()})
    apart = max(abs(found[1][key] - loss) / max(abs(loss), 1e-2) for key, loss in found[0].items())
    page.add("losses of a first step, in float32", net=name, losses=len(found[0]), apart=apart)
    assert apart <= LOSS


def test_features_are_those_of_the_cpu(page: Page, device: str, tmp_path: Path) -> None:
    file = tmp_path / "fid-inception.safetensors"
    safetensors.torch.save_file(weights_of(random_network()), file)
    settings, assets = {"resize": "clean", "precision": "float32"}, {"fid-inception": file}
    count = 256 if device == "cuda" else 4
    batch = 2.0 * noise(count, 3, 299, 299) - 1.0
    rows = InceptionFeatures(settings, assets).features(batch[:4])
    extractor = InceptionFeatures(settings, assets).to(device)
    apart = float((extractor.features(batch[:4]) - rows).norm() / rows.norm())
    seconds = timed(lambda number: extractor.features(batch), device, 3)
    page.add("features of Inception", batch=count, images_per_second=count / seconds, apart=apart)
    assert apart <= ROWS
