"""Pipelines of diffusers as victims: what they are asked, and what is refused before anything of theirs runs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from own_victim_factory import card_of
from pipeline_factory import diffusers, drawing, enlarging

from gexbench.engine.service.diffusers_victim import DiffusersVictim
from gexbench.engine.service.probe import probe
from gexbench.engine.store.pipeline import packed
from gexbench.engine.store.weights import file_sha256
from gexbench.errors import AssetMissing, CardError, PlanError, RunFailed


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))


def opened(file: Path, kind: str = "sampling", **net: Any) -> DiffusersVictim:
    card = card_of(file, kind, backend="diffusers", net=net)
    return DiffusersVictim(card, file, file_sha256(file), "cpu")


def zipped(file: Path, index: object, **more: str) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model_index.json", json.dumps(index))
        for name, text in more.items():
            archive.writestr(name, text)
    return file


def test_a_pipeline_draws_the_same_image_for_the_same_latent_in_any_order(tmp_path: Path) -> None:
    victim = opened(packed(drawing(tmp_path / "pipe")), num_inference_steps=2)
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    both = victim.answer(z)
    assert both.shape == (2, 3, 32, 32)
    assert torch.equal(victim.answer(z.flip(0)).flip(0), both)
    assert not torch.equal(both[0], both[1])
    facts = probe(victim)
    assert (facts.draws, facts.drawn, facts.latent_size, facts.deterministic) == (True, (32, 32), 8, True)


def test_a_pipeline_that_takes_an_image_enlarges_it(tmp_path: Path) -> None:
    victim = opened(packed(enlarging(tmp_path / "pipe")), "image-to-image", num_inference_steps=1)
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert victim.latent_size is None
    assert victim.answer(x).shape == (1, 3, 128, 128)
    assert torch.equal(victim.answer(x), victim.answer(x))
    with pytest.raises(RunFailed, match="takes an image"):
        victim.values(torch.zeros(1, 8))


def test_a_word_that_is_none_of_the_call_is_refused_and_so_is_one_of_ours(tmp_path: Path) -> None:
    file = packed(drawing(tmp_path / "pipe"))
    for word in ("num_steps", "generator"):
        with pytest.raises(CardError, match=f"net.{word} is no word of its call") as caught:
            opened(file, **{word: 2})
        assert "num_inference_steps" in caught.value.hint


@pytest.mark.parametrize(
    ("index", "told"),
    [
        ({"_class_name": "DDPMPipeline", "unet": ["os", "system"]}, "its part unet is of os"),
        ({"_class_name": "DDPMPipeline", "unet": ["net", "Net"]}, "its part unet is of net"),
        ({"_class_name": "DDPMPipeline", "unet": ["../stable_diffusion", "Net"]}, "its part unet is of"),
        ({"_class_name": ["mine", "Pipeline"]}, "names no class of diffusers"),
        ([], "names no class of diffusers"),
    ],
)
def test_an_index_that_names_other_modules_imports_none(tmp_path: Path, index: object, told: str) -> None:
    with pytest.raises(PlanError, match=told):
        opened(zipped(tmp_path / "p.zip", index))


def test_what_is_no_pipeline_or_was_changed_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK\3\4 cut")
    with pytest.raises(AssetMissing, match="is no packed pipeline"):
        opened(tmp_path / "bad.zip")
    with pytest.raises(PlanError, match="leads out of it"):
        opened(zipped(tmp_path / "p.zip", {"_class_name": "X"}, **{"../x.json": "{}"}))
    assert not (tmp_path / "x.json").exists()
    file = zipped(tmp_path / "q.zip", {"_class_name": "X"})
    card = card_of(file, "sampling", backend="diffusers")
    file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(AssetMissing, match="is not the file of victim"):
        DiffusersVictim(card, file, card.weights.sha256 if card.weights else "", "cpu")


def test_a_pipeline_without_its_weights_is_one_line(tmp_path: Path) -> None:
    folder = drawing(tmp_path / "pipe")
    for path in folder.rglob("*.safetensors"):
        path.unlink()
    with pytest.raises(AssetMissing, match="is no pipeline that diffusers opens") as caught:
        opened(packed(folder))
    assert "\n" not in str(caught.value)


def test_a_part_of_diffusers_own_pipelines_is_let_through(tmp_path: Path) -> None:
    diffusers()
    index = {"_class_name": "DDPMPipeline", "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"]}
    with pytest.raises(AssetMissing, match="is no pipeline that diffusers opens"):  # past the index: parts are missing
        opened(zipped(tmp_path / "p.zip", index))
