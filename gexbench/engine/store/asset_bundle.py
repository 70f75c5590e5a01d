"""Carry assets to a machine without a network in one file."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from gexbench.cards.fields import Frozen, Name, Sha256
from gexbench.cards.schema import AssetCard
from gexbench.engine.store.assets import AssetStore
from gexbench.errors import AssetMissing, GexbenchError
from gexbench.file_kinds import ZIP, what_is
from gexbench.files import atomic_write

MANIFEST = "gexbench-assets.json"
CHUNK = 1 << 20


class Bundled(Frozen):
    """One asset in a bundle; `sha256` and `size` are of the safetensors file."""

    name: Name
    version: int
    sha256: Sha256
    size: int
    licence: str


class Manifest(Frozen):
    """What a bundle holds."""

    format: Literal["gexbench-assets"] = "gexbench-assets"
    version: Literal[1] = 1
    assets: tuple[Bundled, ...]


class Unbundled(NamedTuple):
    """Names by what became of them: put into the store, there already, or without a card here."""

    placed: tuple[str, ...]
    present: tuple[str, ...]
    unknown: tuple[str, ...]


def bundle(store: AssetStore, cards: Iterable[AssetCard], out: Path) -> Manifest:
    """Write the assets and a manifest to the zip file `out`; the same assets give the same bytes.

    Raises AssetMissing, naming all that are not in the store, and OutputError.
    """
    chosen = sorted(cards, key=lambda card: card.name)
    if absent := [card.name for card in store.missing(chosen)]:
        raise AssetMissing(f"not here: {', '.join(absent)}", f"gexbench assets fetch {' '.join(absent)}")
    manifest = Manifest(assets=tuple(_bundled(store, card) for card in chosen))

    def fill(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_entry(MANIFEST), manifest.model_dump_json(indent=1))
            for card in chosen:
                archive.writestr(_entry(f"{card.name}.safetensors"), store.path(card).read_bytes())

    atomic_write(out, fill)
    return manifest


def unbundle(store: AssetStore, file: Path, cards: Sequence[AssetCard]) -> Unbundled:
    """Put what a bundle holds and `cards` know into the store; each file is checked before it gets its name.

    Raises AssetMissing where `file` is no bundle or is broken, or where it holds another file than a card says.
    """
    known = {card.name: card for card in cards}
    kind = what_is(file)
    if kind is not None and kind != ZIP:
        told = f"{file} is not a whole bundle of gexbench assets, but {kind.told}"
        raise AssetMissing(told, kind.way_out or "give what `gexbench assets bundle` wrote")
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo(MANIFEST).file_size > CHUNK:
                raise ValueError("a manifest is a few lines")
            manifest = Manifest.model_validate_json(archive.read(MANIFEST))
            here = [known[asset.name] for asset in manifest.assets if asset.name in known]
            _agree(file, manifest, known)
            wanted = store.missing(here)
            for card in wanted:
                _place(store, archive, card)
    except GexbenchError:
        raise
    except OSError as error:
        raise AssetMissing(f"{file} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever a damaged zip does to the library
        raise AssetMissing(f"{file} is not a whole bundle of gexbench assets", "copy it again") from error
    placed = tuple(card.name for card in wanted)
    present = tuple(card.name for card in here if card.name not in placed)
    return Unbundled(placed, present, tuple(asset.name for asset in manifest.assets if asset.name not in known))


def _agree(file: Path, manifest: Manifest, known: dict[str, AssetCard]) -> None:
    for asset in manifest.assets:
        card = known.get(asset.name)
        if card is not None and card.result_sha256 != asset.sha256:
            raise AssetMissing(
                f"{file} holds {asset.name} with sha256 {asset.sha256}, the card here says {card.result_sha256}",
                "bundle with the same version of gexbench on both machines",
            )


def _place(store: AssetStore, archive: zipfile.ZipFile, card: AssetCard) -> None:
    def fill(out: BinaryIO) -> None:
        digest = hashlib.sha256()
        with archive.open(f"{card.name}.safetensors") as inside:
            while chunk := inside.read(CHUNK):
                digest.update(chunk)
                out.write(chunk)
        if digest.hexdigest() != card.result_sha256:
            raise AssetMissing(f"{card.name} in {archive.filename} is not what its manifest says", "copy it again")

    atomic_write(store.place(card), fill)


def _bundled(store: AssetStore, card: AssetCard) -> Bundled:
    size = store.path(card).stat().st_size
    return Bundled(name=card.name, version=card.version, sha256=card.result_sha256, size=size, licence=card.licence)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry
