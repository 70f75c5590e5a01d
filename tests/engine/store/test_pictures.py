"""What a run refuses in a data set's images, before it asks anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gexbench.cards.schema import DatasetCard
from gexbench.datasets.photos import ScaledPhotos
from gexbench.engine.store import datasets, pictures
from gexbench.errors import DataMissing


def _silent(what: str, done: int, total: int) -> None:
    """Show nothing."""


def _picture(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of pictures that GEXBENCH_DATA points to, beside an empty GEXBENCH_HOME."""
    root = tmp_path / "data"
    for seed, name in enumerate(("own/a.png", "pool/a.png", "pool/b.png", "t/a.png", "t/b.png")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        _picture(seed).save(root / name)
    monkeypatch.setenv("GEXBENCH_DATA", str(root))
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    return root


def _card(**changes: Any) -> DatasetCard:
    splits = {
        "owner": {"within": "data", "files": ["own/*.png"]},
        "pool": {"within": "data", "files": ["pool/*.png"]},
        "test": {"t": {"within": "data", "files": ["t/*.png", "t/*.bmp", "t/*.txt"]}},
    }
    splits["test"]["t"]["files"] = changes.pop("tests", ["t/*.png"])
    reader = "gexbench.datasets.photos:ScaledPhotos"
    values = {"name": "toy", "summary": "s", "reader": reader, "licence": "none", "pinned": False, "splits": splits}
    return DatasetCard.model_validate(values | changes)


def _refuse(card: DatasetCard, root: Path) -> None:
    files = datasets.locate(card, root)
    pictures.refuse(card, files, ScaledPhotos(card.settings, files), _silent)


def test_a_whole_set_is_looked_at_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _refuse(_card(), root)
    monkeypatch.setattr(pictures, "look", lambda *_: pytest.fail("looked again"))
    _refuse(_card(), root)
    monkeypatch.undo()


def test_a_set_is_looked_at_again_when_a_file_or_a_setting_changes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _refuse(_card(), root)
    looked = []
    whole = pictures.look
    monkeypatch.setattr(pictures, "look", lambda *given: looked.append(1) or whole(*given))
    _refuse(_card(settings={"scale": 2}), root)
    _picture(9).save(root / "t/b.png")
    _refuse(_card(), root)
    assert len(looked) == 2


@pytest.mark.parametrize("how", [("BMP", "t/b.bmp"), ("PNG", "t/b.png"), ("TIFF", "t/b.png")])
def test_a_test_picture_that_stands_in_the_pool_is_refused_whatever_file_holds_it(
    root: Path, how: tuple[str, str]
) -> None:
    (root / "t/b.png").unlink()
    container, name = how
    options = {"compress_level": 1} if container == "PNG" else {}
    _picture(2).save(root / name, container, **options)
    card = _card(tests=["t/a.png", name])
    with pytest.raises(DataMissing, match=rf"{name} of test/t is the same picture as pool/b\.png of pool"):
        _refuse(card, root)
    report = pictures.verify(card, root, _silent)
    assert not report.ok
    assert report.shared == (f"{name} of test/t is the same picture as pool/b.png of pool",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><title>Quota exceeded</title>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (None, "truncated"),
    ],
)
def test_a_test_picture_that_cannot_be_read_is_refused_by_name(root: Path, content: bytes | None, told: str) -> None:
    whole = (root / "t/b.png").read_bytes()
    (root / "t/b.png").write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(DataMissing, match=rf"data set toy: .*t/b\.png.*{told}"):
        _refuse(_card(), root)
    report = pictures.verify(_card(), root, _silent)
    assert [told in line for line in report.unreadable] == [True]


def test_a_test_picture_that_the_reader_refuses_is_found_too(root: Path) -> None:
    _picture(7).resize((3, 3)).save(root / "t/b.png")
    with pytest.raises(DataMissing, match=r"t/b\.png is 3x3 pixels, less than one input pixel"):
        _refuse(_card(), root)
    assert not pictures.verify(_card(), root, _silent).ok


def test_files_that_are_no_pictures_are_left_to_their_reader(root: Path) -> None:
    (root / "t/labels.txt").write_text("0 1 0")
    files = datasets.locate(_card(tests=["t/*.txt", "t/*.png"]), root)
    looked = pictures.look(files, None, _silent)
    assert (looked.unreadable, looked.shared) == ((), ())


def test_verify_counts_files_and_pictures(root: Path) -> None:
    _picture(1).save(root / "pool/c.png", compress_level=1)
    report = pictures.verify(_card(), root, _silent)
    assert report.ok
    assert dict(report.counts) == {"owner": 1, "pool": 3, "test/t": 2}
    assert dict(report.distinct) == {"owner": 1, "pool": 2, "test/t": 2}


def test_a_home_that_cannot_be_written_stops_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root.parent / "file").touch()
    monkeypatch.setenv("GEXBENCH_HOME", str(root.parent / "file"))
    _refuse(_card(), root)
