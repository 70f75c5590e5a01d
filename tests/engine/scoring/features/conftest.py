"""What tests of features share: cards of the tiny extractor, and a folder of images."""

from __future__ import annotations

from pathlib import Path

import pytest
from feature_factory import Colours, extractor_card, photos, write_folder, write_net, write_registry

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import ExtractorCard
from gexbench.engine.scoring.features.images import ImageSet, open_images

COUNT = 45


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Return cards of the tiny extractor, with its weights in GEXBENCH_HOME, and forget what it has computed."""
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    write_net(tmp_path / "home")
    Colours.batches.clear()
    return write_registry(tmp_path / "registry")


@pytest.fixture
def card(catalog: Catalog) -> ExtractorCard:
    """Return the tiny extractor's card."""
    return extractor_card(catalog)


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    """Return a folder of images."""
    return open_images(write_folder(tmp_path / "photos", photos(COUNT)))
