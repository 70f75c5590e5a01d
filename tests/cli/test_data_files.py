"""`gexbench data fetch`, `prepare` and `unpack`, as they are typed."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest
from own_images import fill
from typer.testing import CliRunner

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import DatasetCard
from gexbench.cli.app import app
from gexbench.engine.store.datasets import verify
from gexbench.errors import GexbenchError

CARD = """
name = "mine/toy"
summary = "toy"
reader = "gexbench.datasets.unpaired:ImageSets"
licence = "none"
[settings]
side = 16
[splits.pool]
within = "data"
files = ["toy/pool/*.png"]
[splits.test.t]
within = "data"
files = ["toy/t/*.png"]
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that commands run in, with a registry of one card whose files are in downloads/set.zip."""
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GEXBENCH_DATA", str(tmp_path / "data"))
    here = tmp_path / "here"
    (here / "given/datasets").mkdir(parents=True)
    (here / "given/datasets/toy.toml").write_text(CARD)
    files = {f"toy/{part}/{i}.png": path for part in ("pool", "t") for i, path in enumerate(_made(here / part))}
    pins = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n" for name, path in files.items())
    (here / "given/datasets/toy.sha256").write_text(pins)
    (here / "downloads").mkdir()
    with zipfile.ZipFile(here / "downloads/set.zip", "w") as archive:
        for number, path in enumerate(files.values()):
            archive.write(path, f"whatever/{number}.png")
    monkeypatch.chdir(here)
    return here


def _made(folder: Path) -> list[Path]:
    return sorted(fill(folder, 3, 32).iterdir())


def gexbench(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, GexbenchError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def test_prepare_lays_out_a_set_and_says_what_is_there() -> None:
    told = gexbench("data", "prepare", "mine/toy", "downloads", "--registry", "given")
    assert "pool           3 files" in told
    assert "mine/toy: complete" in told


def test_prepare_that_finds_not_all_names_what_is_missing_and_the_page(place: Path) -> None:
    told = gexbench("data", "prepare", "mine/toy", "pool", "--registry", "given", code=4)
    assert "missing    toy/t/0.png" in told
    assert "docs/data.md" in told
    assert (place.parent / "data/toy/pool/0.png").is_file()


def test_prepare_as_makes_a_pinned_set_of_the_same_layout_of_other_images(place: Path) -> None:
    fill(place / "others", 6, 40, ".bmp")
    told = gexbench("data", "prepare", "mine/toy", "toy=others", "--as", "me/toy", "--registry", "given")
    assert "pool 3, test/t 3" in told
    filed = Catalog.load([place / "cards"]).filed(DatasetCard, "me/toy")
    report = verify(filed.card, filed.pins)
    assert report.ok
    assert report.counts == {"pool": 3, "test/t": 3}
    assert filed.card.settings == {"side": 16}


def test_prepare_as_writes_no_card_where_a_source_has_too_few(place: Path) -> None:
    with pytest.raises(GexbenchError, match="has 3 pictures, 6 are needed"):
        gexbench("data", "prepare", "mine/toy", "toy=pool", "--as", "me/toy", "--registry", "given")
    assert not (place / "cards").exists()


def test_prepare_wants_a_folder_of_data_sets_and_no_set_of_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GexbenchError, match="lies in packages"):
        gexbench("data", "prepare", "photos-mini", "downloads")
    monkeypatch.delenv("GEXBENCH_DATA")
    with pytest.raises(GexbenchError, match="GEXBENCH_DATA is not set"):
        gexbench("data", "prepare", "mine/toy", "downloads", "--registry", "given")


def test_fetch_asks_no_network_for_what_packages_here_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert "photos-mini: complete" in gexbench("data", "fetch", "photos-mini")


def test_fetch_refuses_a_set_without_a_source() -> None:
    with pytest.raises(GexbenchError, match="no source that gexbench may fetch from"):
        gexbench("data", "fetch", "sr-small")
