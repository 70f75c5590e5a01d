"""The folder of a saved pipeline, as one file."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from gexbench.engine.store.own_victim import is_path, own_victim, taskless
from gexbench.engine.store.pipeline import is_packed, is_pipeline, packed
from gexbench.errors import PlanError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def folder(place: Path) -> Path:
    (place / "unet").mkdir(parents=True)
    (place / "model_index.json").write_text(json.dumps({"_class_name": "DDPMPipeline"}))
    (place / "unet/config.json").write_text("{}")
    (place / "unet/net.safetensors").write_bytes(b"tensors")
    return place


def test_equal_folders_are_one_file_and_code_stays_outside(tmp_path: Path, home: Path) -> None:
    one, two = folder(tmp_path / "one"), folder(tmp_path / "two")
    (two / "pipeline.py").write_text("raise SystemExit")
    (two / ".git").mkdir()
    (two / ".git/x.json").write_text("{}")
    os.utime(two / "model_index.json", (1, 1))
    assert packed(one) == packed(two)
    with zipfile.ZipFile(packed(one)) as archive:
        assert archive.namelist() == ["model_index.json", "unet/config.json", "unet/net.safetensors"]
    assert [path.suffix for path in (home / "pipelines").iterdir()] == [".zip"]


def test_another_weight_is_another_file(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one"), folder(tmp_path / "two")
    (two / "unet/net.safetensors").write_bytes(b"TENSORS")
    assert packed(one) != packed(two)


@pytest.mark.parametrize("name", ["net.bin", "net.ckpt", "net.pt"])
def test_pickled_weights_are_refused_with_the_way_to_save_them(tmp_path: Path, name: str) -> None:
    place = folder(tmp_path / "one")
    (place / "unet/net.safetensors").rename(place / "unet" / name)
    with pytest.raises(PlanError, match="never unpickled here") as caught:
        packed(place)
    assert "safe_serialization=True" in caught.value.hint


def test_a_link_is_refused(tmp_path: Path) -> None:
    place = folder(tmp_path / "one")
    (tmp_path / "secret.json").write_text("{}")
    os.symlink(tmp_path / "secret.json", place / "unet/more.json")
    with pytest.raises(PlanError, match="is a link"):
        packed(place)


def test_a_folder_and_its_file_are_the_same_victim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(tmp_path / "My Pipe")
    monkeypatch.chdir(tmp_path)
    assert is_path("My Pipe")
    assert is_pipeline(place)
    assert not is_pipeline(tmp_path)
    of_folder = own_victim(str(place), taskless())
    assert (of_folder.card.name, of_folder.card.backend) == ("own/my-pipe", "diffusers")
    assert is_packed(packed(place))
    of_file = own_victim(str(packed(place)), taskless())
    assert of_file.card.weights is not None
    assert of_folder.card.weights is not None
    assert of_file.card.weights.sha256 == of_folder.card.weights.sha256


def test_a_zip_that_is_no_pipeline_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(PlanError, match="a zip archive; a victim is"):
        own_victim(str(tmp_path / "a.zip"), taskless())
