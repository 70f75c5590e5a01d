from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from gexbench.cards.schema import AssetCard
from gexbench.engine.store.asset_bundle import MANIFEST, bundle, unbundle
from gexbench.engine.store.assets import AssetStore
from gexbench.errors import AssetMissing, OutputError

from .conftest import Sample


@pytest.fixture
def cards(sample: Sample) -> list[AssetCard]:
    """Two cards whose assets are in the sample's store."""
    both = [AssetCard(**{**sample.card.model_dump(), "name": name}) for name in ("two", "alice/one")]
    for card in both:
        sample.put(card)
    return both


@pytest.fixture
def away(tmp_path: Path) -> AssetStore:
    """The store of the machine without a network."""
    return AssetStore(tmp_path / "away")


def forged(bundled: Path, name: str, content: bytes) -> Path:
    """Put other content under a name into a bundle, its manifest untouched."""
    with zipfile.ZipFile(bundled) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    with zipfile.ZipFile(bundled, "w") as archive:
        for entry, kept in entries.items():
            archive.writestr(entry, content if entry == name else kept)
    return bundled


def test_a_bundle_carries_assets_to_another_machine(
    sample: Sample, cards: list[AssetCard], away: AssetStore, tmp_path: Path
) -> None:
    manifest = bundle(sample.store, cards, tmp_path / "out" / "bundle.zip")
    assert [asset.name for asset in manifest.assets] == ["alice/one", "two"]
    done = unbundle(away, tmp_path / "out" / "bundle.zip", cards)
    assert done == (("alice/one", "two"), (), ())
    assert away.missing(cards) == []
    assert away.path(cards[0]).read_bytes() == sample.content


def test_a_bundle_says_what_it_holds(sample: Sample, cards: list[AssetCard], tmp_path: Path) -> None:
    bundle(sample.store, cards, tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        said = json.loads(archive.read(MANIFEST))
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    assert said["assets"][1] == {
        "name": "two",
        "version": 1,
        "sha256": sample.card.result_sha256,
        "size": len(sample.content),
        "licence": "MIT",
    }


def test_the_same_assets_give_the_same_bundle(sample: Sample, cards: list[AssetCard], tmp_path: Path) -> None:
    bundle(sample.store, cards, tmp_path / "first.zip")
    bundle(sample.store, cards[::-1], tmp_path / "second.zip")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_bundling_names_all_that_is_missing(
    sample: Sample, cards: list[AssetCard], away: AssetStore, tmp_path: Path
) -> None:
    with pytest.raises(AssetMissing, match=r"^not here: alice/one, two(\n|$)") as caught:
        bundle(away, cards, tmp_path / "bundle.zip")
    assert caught.value.hint == "gexbench assets fetch alice/one two"
    assert not (tmp_path / "bundle.zip").exists()


def test_what_is_present_or_unknown_is_left_alone(
    sample: Sample, cards: list[AssetCard], away: AssetStore, tmp_path: Path
) -> None:
    bundle(sample.store, cards, tmp_path / "bundle.zip")
    assert unbundle(away, tmp_path / "bundle.zip", cards[:1]) == (("two",), (), ("alice/one",))
    assert unbundle(away, tmp_path / "bundle.zip", cards) == (("alice/one",), ("two",), ())


def test_a_bundle_made_for_other_cards_is_refused_whole(
    sample: Sample, cards: list[AssetCard], away: AssetStore, tmp_path: Path
) -> None:
    bundle(sample.store, cards, tmp_path / "bundle.zip")
    newer = AssetCard(**{**cards[0].model_dump(), "result_sha256": "0" * 64})
    with pytest.raises(AssetMissing, match=r"bundle.zip holds two with sha256 .*, the card here says 0000"):
        unbundle(away, tmp_path / "bundle.zip", [cards[1], newer])
    assert not away.folder.exists()


def test_a_forged_asset_does_not_get_its_name(
    sample: Sample, cards: list[AssetCard], away: AssetStore, tmp_path: Path
) -> None:
    bundle(sample.store, cards, tmp_path / "bundle.zip")
    forged(tmp_path / "bundle.zip", "two.safetensors", sample.content[::-1])
    with pytest.raises(AssetMissing, match=r"two in .*bundle.zip is not what its manifest says"):
        unbundle(away, tmp_path / "bundle.zip", cards)
    assert [path.name for path in away.folder.rglob("*") if path.is_file()] == ["one.safetensors"]


def test_a_bit_that_flips_on_the_way_is_noticed(
    sample: Sample, cards: list[AssetCard], away: AssetStore, tmp_path: Path
) -> None:
    bundle(sample.store, cards, tmp_path / "bundle.zip")
    data = bytearray((tmp_path / "bundle.zip").read_bytes())
    data[len(data) // 3] ^= 1
    (tmp_path / "bundle.zip").write_bytes(data)
    with pytest.raises(AssetMissing, match=r"bundle.zip"):
        unbundle(away, tmp_path / "bundle.zip", cards)
    assert "one.safetensors" not in [path.name for path in away.folder.rglob("*")]


@pytest.mark.parametrize("damage", ["truncated", "not a zip", "another zip", "another manifest"])
def test_a_file_that_is_no_whole_bundle_is_refused(
    damage: str, sample: Sample, cards: list[AssetCard], away: AssetStore, tmp_path: Path
) -> None:
    path = tmp_path / "bundle.zip"
    bundle(sample.store, cards, path)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-1000])
    elif damage == "not a zip":
        path.write_bytes(b"x" * 1000)
    elif damage == "another zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("README", b"")
    else:
        forged(path, MANIFEST, b'{"format": "other"}')
    with pytest.raises(AssetMissing, match=r"bundle.zip is not a whole bundle of gexbench assets"):
        unbundle(away, path, cards)
    assert not away.folder.exists()


def test_a_bundle_that_is_not_there_is_named(away: AssetStore, tmp_path: Path) -> None:
    with pytest.raises(AssetMissing, match=f"^{tmp_path}/no.zip cannot be read"):
        unbundle(away, tmp_path / "no.zip", [])


def test_a_full_disk_leaves_no_half_asset(
    sample: Sample,
    cards: list[AssetCard],
    away: AssetStore,
    tmp_path: Path,
    full_disk: Callable[[int], AbstractContextManager[None]],
) -> None:
    bundle(sample.store, cards, tmp_path / "bundle.zip")
    with full_disk(len(sample.content) // 2), pytest.raises(OutputError, match=str(away.folder)):
        unbundle(away, tmp_path / "bundle.zip", cards)
    assert [path.name for path in away.folder.rglob("*") if path.is_file()] == []
