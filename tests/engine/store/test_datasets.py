"""From a card to the files of its splits."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gexbench.cards.schema import DatasetCard
from gexbench.engine.store import datasets
from gexbench.errors import CardError, DataMissing

REGISTRY = Path(__file__).parents[3] / "registry" / "datasets"


POOL = {"within": "data", "files": ["pool/2.png", "pool/1*.png"]}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of eight files that GEXBENCH_DATA points to."""
    for name in ("own/a.png", "own/b.png", "pool/1.png", "pool/2.png", "pool/10.png", "t/0001.png", "t/0002.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    monkeypatch.setenv("GEXBENCH_DATA", str(tmp_path))
    return tmp_path


def _card(**changes: Any) -> DatasetCard:
    splits = {
        "owner": {"within": "data", "files": ["own/*.png"]},
        "pool": POOL,
        "test": {"near": {"within": "data", "files": ["t/{0001..0002}.png"]}},
    }
    values = {"name": "toy", "summary": "s", "reader": "a:B", "licence": "none", "pinned": False, "splits": splits}
    return DatasetCard.model_validate(values | changes)


def _pins(root: Path) -> Path:
    files = sorted(path for path in root.rglob("*.png"))
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(root).as_posix()}\n" for p in files]
    path = root / "toy.sha256"
    path.write_text("".join(lines))
    return path


def _named(files: datasets.Files) -> dict[str, list[str]]:
    return {split: [file.name for file in listed] for split, listed in files.items()}


NAMED = {
    "owner": ["own/a.png", "own/b.png"],
    "pool": ["pool/2.png", "pool/1.png", "pool/10.png"],
    "test/near": ["t/0001.png", "t/0002.png"],
}


@pytest.mark.parametrize("pinned", [True, False])
def test_lists_every_split_in_the_cards_order(root: Path, pinned: bool) -> None:
    files = datasets.locate(_card(pinned=pinned), _pins(root))
    assert _named(files) == NAMED
    assert files["pool"][1].read() == b"pool/1.png"
    assert files["pool"][1].sha256 == hashlib.sha256(b"pool/1.png").hexdigest()


def test_a_pinned_pattern_means_the_listed_files_whatever_else_lies_there(root: Path) -> None:
    pins = _pins(root)
    (root / "own/c.png").write_bytes(b"more")
    assert _named(datasets.locate(_card(pinned=True), pins)) == NAMED
    assert len(datasets.locate(_card(), pins)["owner"]) == 3


def test_reads_a_zip_that_has_a_folders_name(root: Path) -> None:
    pins = _pins(root)
    before = datasets.locate(_card(pinned=True), pins)
    with zipfile.ZipFile(root / "pool.zip", "w") as archive:
        for path in sorted((root / "pool").iterdir()):
            archive.write(path, path.name)
            path.unlink()
    (root / "pool").rmdir()
    for pinned in (True, False):
        files = datasets.locate(_card(pinned=pinned), pins)
        assert _named(files) == NAMED
        assert files["pool"][0].read() == b"pool/2.png"
        assert datasets.digest(_card(), files) == datasets.digest(_card(), before)


def test_missing_files_are_counted_named_and_looked_for_somewhere(root: Path) -> None:
    pins = _pins(root)
    for name in ("own/b.png", "pool/2.png", "t/0001.png", "t/0002.png"):
        (root / name).unlink()
    told = r"missing 4 files: own/b\.png, pool/2\.png, t/0001\.png and more"
    with pytest.raises(DataMissing, match=told) as caught:
        datasets.locate(_card(pinned=True), pins)
    assert str(root) in str(caught.value)
    assert "GEXBENCH_DATA" in caught.value.hint
    with pytest.raises(DataMissing, match="missing 3 files"):
        datasets.locate(_card(), pins)


def test_an_empty_pattern_is_missing_too(root: Path) -> None:
    splits = _card().splits.model_dump() | {"pool": {"within": "data", "files": ["elsewhere/*.png"]}}
    for pinned in (True, False):
        with pytest.raises(DataMissing, match=r"missing 1 file: elsewhere/\*\.png"):
            datasets.locate(_card(splits=splits, pinned=pinned), _pins(root))


def test_says_when_the_data_folder_is_not_set(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEXBENCH_DATA")
    with pytest.raises(DataMissing, match="GEXBENCH_DATA is not set") as caught:
        datasets.locate(_card(pinned=True), _pins(root))
    assert "set GEXBENCH_DATA" in caught.value.hint


def test_a_changed_file_is_refused_by_name_when_pinned(root: Path) -> None:
    pins = _pins(root)
    (root / "pool/10.png").write_bytes(b"other")
    with pytest.raises(DataMissing, match=r"not as pinned 1 file: pool/10\.png") as caught:
        datasets.locate(_card(pinned=True), pins)
    assert "gexbench data verify toy" in caught.value.hint
    datasets.locate(_card(), pins)


def test_a_named_file_without_a_hash_is_the_cards_fault(root: Path) -> None:
    pins = _pins(root)
    pins.write_text("".join(line for line in pins.read_text().splitlines(True) if "0002" not in line))
    with pytest.raises(CardError, match=r"t/0002\.png has no hash"):
        datasets.locate(_card(pinned=True), pins)


@pytest.mark.parametrize("pinned", [True, False])
def test_splits_may_not_share_a_picture_under_two_names(root: Path, pinned: bool) -> None:
    (root / "t/0002.png").write_bytes(b"own/a.png")
    with pytest.raises(DataMissing, match=r"t/0002\.png of test/near is the same file as own/a\.png of owner"):
        datasets.locate(_card(pinned=pinned), _pins(root))


def test_verify_names_everything_missing_or_different(root: Path) -> None:
    pins = _pins(root)
    good = datasets.verify(_card(pinned=True), pins)
    assert (good.ok, good.checked) == (True, 7)
    (root / "own/a.png").unlink()
    (root / "t/0001.png").unlink()
    (root / "pool/1.png").write_bytes(b"other")
    bad = datasets.verify(_card(pinned=True), pins)
    assert not bad.ok
    assert bad.checked == 7
    assert bad.missing == ("own/a.png", "t/0001.png")
    assert bad.differing == ("pool/1.png",)


def test_the_digest_changes_with_content_name_and_split_but_not_with_order_or_place(root: Path) -> None:
    files = datasets.locate(_card(), root)
    first = datasets.digest(_card(), files)
    assert len(first) == 64
    assert datasets.digest(_card(), {split: listed[::-1] for split, listed in reversed(files.items())}) == first
    assert datasets.digest(_card(), files | {"pool": files["owner"], "owner": files["pool"]}) != first
    assert datasets.digest(_card(), files | {"pool": files["pool"][1:]}) != first
    (root / "pool/1.png").write_bytes(b"other")
    changed = datasets.digest(_card(), datasets.locate(_card(), root))
    assert changed != first
    (root / "pool/1.png").write_bytes(b"pool/1.png")
    assert datasets.digest(_card(), datasets.locate(_card(), root)) == first


def test_finds_files_of_installed_packages_and_names_a_package_that_is_not(root: Path) -> None:
    inside = {"within": "package", "files": ["skimage/data/astronaut.png"]}
    card = _card(splits=_card().splits.model_dump() | {"owner": inside})
    assert datasets.locate(card, root)["owner"][0].read().startswith(b"\x89PNG")
    absent = {"within": "package", "files": ["no_such_package/a.png"]}
    card = _card(splits=_card().splits.model_dump() | {"owner": absent})
    with pytest.raises(DataMissing, match="'no_such_package' is not installed") as caught:
        datasets.locate(card, root)
    assert "install" in caught.value.hint


def test_looking_for_data_imports_neither_torch_nor_the_packages_that_carry_it() -> None:
    code = (
        "import sys, tomllib, pathlib; from gexbench.engine.store import datasets;"
        "from gexbench.cards.schema import DatasetCard;"
        f"p = pathlib.Path({str(REGISTRY / 'photos-mini.toml')!r});"
        "datasets.locate(DatasetCard(**tomllib.loads(p.read_text())), p.with_suffix('.sha256'));"
        "print({'torch', 'skimage', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def _styled(style: str = "own/*.png", reference: str = "t/*.png") -> DatasetCard:
    splits = {
        "owner": {"within": "data", "files": ["own/a.png"]},
        "style": {"within": "data", "files": [style]},
        "pool": {"within": "data", "files": ["pool/*.png"]},
        "reference": {"within": "data", "files": [reference]},
        "test": {"near": {"within": "code", "files": ["near/{00..02}"]}},
    }
    return _card(splits=splits)


def test_style_and_reference_are_splits_like_any_other(root: Path) -> None:
    files = datasets.locate(_styled("own/b.png"), root)
    assert _named(files)["style"] == ["own/b.png"]
    assert _named(files)["reference"] == ["t/0001.png", "t/0002.png"]


def test_a_style_folder_that_overlaps_the_pool_is_refused_by_content(root: Path) -> None:
    (root / "own/b.png").write_bytes((root / "pool/10.png").read_bytes())
    with pytest.raises(DataMissing, match=r"own/b\.png of style is the same file as pool/10\.png of pool"):
        datasets.locate(_styled("own/b.png"), root)


def test_style_without_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="style is what the owner learns, reference"):
        _styled().splits.model_validate(_styled().splits.model_dump() | {"reference": None})


def test_an_image_that_is_drawn_is_known_by_its_name(root: Path) -> None:
    files = datasets.locate(_styled("own/b.png"), root)["test/near"]
    assert [file.name for file in files] == ["near/00", "near/01", "near/02"]
    assert files[1].path is None
    assert files[1].read() == b"near/01"
    assert len({file.sha256 for file in files}) == 3


def test_too_few_images_are_counted_out(root: Path) -> None:
    splits = _card().splits.model_dump() | {"pool": {"within": "data", "files": ["pool/*.png"], "count": 5}}
    card = _card(splits=splits)
    assert datasets.verify(card, root).missing == ("pool/*.png of pool: found 3 of 5 files",)
    with pytest.raises(DataMissing, match="found 3 of 5 files"):
        datasets.locate(card, root)


def test_a_split_that_is_pinned_as_a_whole_is_told_apart_from_another(root: Path) -> None:
    def card(digest: str) -> DatasetCard:
        return _card(splits=_card().splits.model_dump() | {"pool": {**POOL, "digest": digest}})

    found = datasets.split_digest(datasets.locate(_card(), root)["pool"])
    assert datasets.verify(card(found), root).ok
    (root / "pool/2.png").write_bytes(b"another picture")
    with pytest.raises(DataMissing, match=r"not as pinned .* of pool: the digest of the 3 files is [0-9a-f]{64}"):
        datasets.locate(card(found), root)


def test_test_images_are_drawn_anew_under_names_that_hold_the_key_and_all_else_stays() -> None:
    files = {split: [datasets.File.drawn(f"{split}/0")] for split in ("owner", "style", "pool", "reference", "test/a")}
    other = datasets.redrawn(files, "key")
    assert other is not None
    assert {split: [file.name for file in other[split]] for split in other} == {
        **{split: [f"{split}/0"] for split in ("owner", "style", "pool")},
        **{split: [f"{split}/0~key"] for split in ("reference", "test/a")},
    }


def test_test_images_that_lie_in_files_are_not_drawn_anew(tmp_path: Path) -> None:
    photo = datasets.File("a.png", tmp_path / "a.png", "0" * 64)
    assert datasets.redrawn({"owner": [datasets.File.drawn("owner/0")], "test/a": [photo]}, "key") is None
