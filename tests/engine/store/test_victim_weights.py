"""Where a victim's weights lie, and that they are those its card pins."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from gexbench.cards.catalog import Catalog
from gexbench.cards.roots import CardRoot
from gexbench.cards.schema import AssetCard, VictimCard
from gexbench.engine.store.assets import AssetStore
from gexbench.engine.store.victim_weights import trained_path, weights_path, weights_sha256
from gexbench.engine.store.weights import file_sha256
from gexbench.errors import AssetMissing

CARD = """
name = "me/net"
version = 3
summary = "A victim."
task_kind = "image-to-image"
entry = "gexbench.victims.srgan:SRGAN"
dataset = "photos"
"""
CONTENT = b"the weights"


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of cards, and an empty GEXBENCH_HOME."""
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    (tmp_path / "cards" / "victims").mkdir(parents=True)
    return tmp_path / "cards"


def victim(cards: Path, weights: str = "") -> tuple[VictimCard, Catalog]:
    (cards / "victims" / "net.toml").write_text(CARD + weights)
    catalog = Catalog((CardRoot(cards, "test"),))
    return catalog.get(VictimCard, "me/net"), catalog


def pinned(cards: Path, content: bytes) -> tuple[VictimCard, Catalog]:
    (cards / "net.safetensors").write_bytes(content)
    return victim(
        cards, f'weights = {{ file = "net.safetensors", sha256 = "{file_sha256(cards / "net.safetensors")}" }}'
    )


def test_a_victim_trained_here_lies_at_home_by_name_and_version(cards: Path, tmp_path: Path) -> None:
    card, catalog = victim(cards)
    assert trained_path(card) == tmp_path / "home" / "victims" / "me.net-v3.safetensors"
    trained_path(card).parent.mkdir(parents=True)
    trained_path(card).write_bytes(CONTENT)
    assert weights_path(card, catalog) == trained_path(card)
    assert weights_sha256(card, catalog) == file_sha256(trained_path(card))


def test_a_victim_that_ships_lies_beside_its_card(cards: Path) -> None:
    card, catalog = pinned(cards, CONTENT)
    assert weights_path(card, catalog) == cards / "net.safetensors"
    assert card.weights is not None
    assert weights_sha256(card, catalog) == card.weights.sha256


def test_a_victim_without_weights_is_named_with_the_command_that_trains_it(cards: Path) -> None:
    for card, catalog in (victim(cards), pinned(cards, CONTENT)):
        path = cards / "net.safetensors" if card.weights else trained_path(card)
        path.unlink(missing_ok=True)
        with pytest.raises(AssetMissing, match=f"victim 'me/net' has no weights here .{path}.") as refused:
            weights_sha256(card, catalog)
        assert refused.value.hint == "gexbench victim train me/net"


def test_a_file_that_is_not_the_pinned_one_is_refused(cards: Path) -> None:
    card, catalog = pinned(cards, CONTENT)
    (cards / "net.safetensors").write_bytes(b"other weights")
    with pytest.raises(AssetMissing, match=r"is not the file victim 'me/net' pins .sha256 .*…, not .*…") as refused:
        weights_sha256(card, catalog)
    assert refused.value.hint == "install gexbench again"


def test_looking_for_weights_imports_no_torch() -> None:
    code = "import sys, gexbench.engine.store.victim_weights; print('torch' in sys.modules)"
    top = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=top, check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


ASSET = """
name = "me/theirs"
summary = "Weights."
sources = ["https://example.org/weights"]
sha256 = "{sha}"
size = 11
licence = "MIT"
result_sha256 = "{sha}"
"""
RELEASED = 'asset = "me/theirs"\nlicence = "MIT"\nupstream = "unknown"\n'


def released(cards: Path) -> tuple[VictimCard, Catalog]:
    (cards / "assets").mkdir(exist_ok=True)
    (cards / "assets" / "theirs.toml").write_text(ASSET.format(sha=hashlib.sha256(CONTENT).hexdigest()))
    return victim(cards, RELEASED)


def test_weights_that_others_released_lie_with_the_assets_and_are_known_by_the_assets_hash(cards: Path) -> None:
    card, catalog = released(cards)
    path = AssetStore().place(catalog.get(AssetCard, "me/theirs"))
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert weights_path(card, catalog) == path
    assert weights_sha256(card, catalog) == hashlib.sha256(CONTENT).hexdigest()


def test_released_weights_that_are_not_here_or_altered_are_one_line_with_the_command_that_fetches_them(
    cards: Path,
) -> None:
    card, catalog = released(cards)
    path = AssetStore().place(catalog.get(AssetCard, "me/theirs"))
    with pytest.raises(AssetMissing, match="victim 'me/net' has no weights here") as refused:
        weights_sha256(card, catalog)
    assert refused.value.hint == "gexbench assets fetch me/theirs"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"other weights")
    with pytest.raises(AssetMissing, match=r"is altered: sha256 .*, the card says") as refused:
        weights_sha256(card, catalog)
    assert refused.value.hint == "gexbench assets fetch me/theirs"
