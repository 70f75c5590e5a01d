"""Where a victim's weights lie, and what they hash to. Never imports torch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from gexbench.cards.catalog import Catalog
from gexbench.cards.endpoint import endpoint_of
from gexbench.cards.own import is_foreign, is_remote
from gexbench.cards.schema import AssetCard, VictimCard
from gexbench.engine.store.assets import AssetStore
from gexbench.engine.store.paths import endpoints_folder, home
from gexbench.engine.store.weights import file_sha256
from gexbench.errors import AssetMissing


def trained_path(card: VictimCard) -> Path:
    """Return where `gexbench victim train` puts the weights of a victim that does not ship."""
    return home() / "victims" / f"{card.name.replace('/', '.')}-v{card.version}.safetensors"


def first_answers(card: VictimCard) -> Path:
    """Return where the answers are kept that a victim behind an address is known by, unless its card names a file.

    They are those to a way of asking: what is asked at another side has a file of its own, see `all_first_answers`.
    """
    asked = "seeds" if card.draws else str(card.net.get("side", "any"))
    return endpoints_folder() / f"{_way(card)}-{asked}.safetensors"


def all_first_answers(card: VictimCard) -> list[Path]:
    """Return the files of what a victim behind an address was first seen to answer, at whatever side."""
    return sorted(endpoints_folder().glob(f"{_way(card)}-*.safetensors"))


def _way(card: VictimCard) -> str:
    endpoint = endpoint_of(card)
    words = [endpoint.url, endpoint.form, endpoint.question, endpoint.answer]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16]


def weights_path(card: VictimCard, catalog: Catalog) -> Path:
    """Return the weights' path, shipped, fetched or trained here; raises AssetMissing with what brings them.

    Of fetched ones the hash is not checked here.
    """
    if card.asset is not None:
        asset = catalog.get(AssetCard, card.asset)
        path = AssetStore().place(asset)
        if not path.is_file():
            raise AssetMissing(
                f"victim {card.name!r} has no weights here ({path})", f"gexbench assets fetch {asset.name}"
            )
        return path
    filed = catalog.filed(VictimCard, card.name)
    path = filed.root.path / card.weights.file if card.weights else trained_path(card)
    if is_remote(card) and not card.weights:
        path = first_answers(card)
    if not path.is_file():
        way_out = "put the file there" if is_foreign(card) else f"gexbench victim train {card.name}"
        way_out = "gexbench victim probe asks it" if is_remote(card) else way_out
        raise AssetMissing(f"victim {card.name!r} has no weights here ({path})", way_out)
    return path


def weights_sha256(card: VictimCard, catalog: Catalog) -> str:
    """Return the hash of a victim's weights; raises AssetMissing when the file differs from what its card pins."""
    path = weights_path(card, catalog)
    if card.asset is not None:
        asset = catalog.get(AssetCard, card.asset)
        AssetStore().path(asset)
        return asset.result_sha256
    found = file_sha256(path)
    if card.weights and found != card.weights.sha256:
        raise AssetMissing(
            f"{path} is not the file victim {card.name!r} pins (sha256 {found[:12]}…, not {card.weights.sha256[:12]}…)",
            "put the file back, or correct the card's sha256" if is_foreign(card) else "install gexbench again",
        )
    return found
