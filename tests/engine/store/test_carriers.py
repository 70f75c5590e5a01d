"""What of the installed packages holds an asset's weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gexbench.cards.schema import AssetCard
from gexbench.engine.store.carriers import carriers

WEIGHTS, KEPT = b"weights as they are published", b"weights as they are kept"
CARD = AssetCard(
    name="theirs",
    summary="Weights.",
    sources=("pypi:Their.Models==1.0!their_models/weights.bin", "https://example.org/weights.bin"),
    sha256=hashlib.sha256(WEIGHTS).hexdigest(),
    size=len(WEIGHTS),
    licence="MIT",
    result_sha256=hashlib.sha256(KEPT).hexdigest(),
)


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    return folder


def install(folder: Path, name: str, package: str, content: bytes = b"other", record: bool = True) -> Path:
    """Lay a distribution down as pip does, and return its file."""
    info = folder / f"{name}-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.5\n")
    file = folder / package / "deep" / "weights.bin"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    if record:
        (info / "RECORD").write_text(f"{package}/deep/weights.bin,,\n../../../bin/tool,,\n{info.name}/METADATA,,\n")
    return file


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("name", ["Their.Models", "their-models", "their_models"])
def test_a_source_is_found_in_any_version_and_spelling_with_or_without_its_list(
    packages: Path, name: str, record: bool
) -> None:
    install(packages, name, "their_models", record=record)
    assert packages / "their_models" in carriers(CARD, [packages])


def test_only_what_lies_in_the_package_folder_is_named(packages: Path) -> None:
    install(packages, "Their.Models", "their_models")
    assert all(each.parent == packages for each in carriers(CARD, [packages]))


def test_the_same_bytes_are_found_in_whatever_else_is_installed(packages: Path) -> None:
    copied = install(packages, "another", "another", WEIGHTS)
    kept = packages / "renamed.safetensors"
    kept.write_bytes(KEPT)
    linked = packages / "link.bin"
    linked.hardlink_to(copied)
    assert set(carriers(CARD, [packages])) == {copied, kept, linked}


def test_packages_that_have_nothing_of_it_stay_open(packages: Path) -> None:
    install(packages, "another", "another", b"x" * len(WEIGHTS))
    assert carriers(CARD, [packages]) == []
