from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import lpips
import pytest
import torch
import torchvision
from safetensors.torch import load_file

from gexbench.cards.schema import AssetCard
from gexbench.engine.store import assets
from gexbench.engine.store.assets import AssetStore
from gexbench.errors import AssetMissing, CardError, OutputError

from .conftest import Sample

ASSETS = Path(__file__).parents[3] / "registry" / "assets"


def changed(card: AssetCard, **fields: object) -> AssetCard:
    return AssetCard(**{**card.model_dump(), **fields})


def leftovers(store: AssetStore) -> list[str]:
    return [path.name for path in store.folder.rglob("*") if path.is_file() and path.name != ".lock"]


def test_what_was_fetched_is_present_and_has_a_path(sample: Sample) -> None:
    assert sample.store.status(sample.card) == "missing"
    path = sample.store.fetch(sample.card)
    assert path == sample.store.folder / "box-net.safetensors"
    assert path.read_bytes() == sample.content
    assert sample.store.status(sample.card) == "present"
    assert sample.store.path(sample.card) == path
    assert leftovers(sample.store) == ["box-net.safetensors"]


def test_what_is_present_is_not_fetched_again(sample: Sample) -> None:
    path = sample.put()
    for file in sample.shelf.folder.iterdir():
        file.unlink()
    assert sample.store.fetch(sample.card) == path


def test_a_path_to_what_is_missing_names_the_command_that_fetches_it(sample: Sample) -> None:
    with pytest.raises(AssetMissing, match=r"^box-net is not here") as caught:
        sample.store.path(sample.card)
    assert caught.value.hint == "gexbench assets fetch box-net"
    assert caught.value.exit_code == 4


def test_an_altered_file_has_no_path(sample: Sample) -> None:
    path = sample.put()
    assert sample.store.path(sample.card) == path
    path.write_bytes(sample.content[:-1] + b"x")
    assert sample.store.status(sample.card) == "altered"
    with pytest.raises(AssetMissing, match=f"^{path} is altered: sha256 .* the card says {sample.card.result_sha256}"):
        sample.store.path(sample.card)
    with pytest.raises(AssetMissing, match=r"is altered"):
        AssetStore(sample.store.folder).path(sample.card)


def test_fetching_mends_an_altered_file(sample: Sample) -> None:
    sample.put().write_bytes(b"")
    assert sample.store.fetch(sample.card).read_bytes() == sample.content


def test_a_file_is_hashed_once_until_it_changes(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sample.put()
    hashed: list[Path] = []
    real = assets.file_sha256

    def counting(file: Path) -> str:
        hashed.append(file)
        return real(file)

    monkeypatch.setattr(assets, "file_sha256", counting)
    fresh = AssetStore(sample.store.folder)
    assert fresh.path(sample.card) == fresh.path(sample.card)
    assert hashed == [path]
    os.utime(path, ns=(0, 0))
    fresh.path(sample.card)
    assert hashed == [path, path]


def test_sources_are_tried_in_order(sample: Sample) -> None:
    card = changed(sample.card, sources=("https://127.0.0.1:1/net", "pypi:box==2.0!net", *sample.card.sources))
    assert sample.store.fetch(card).read_bytes() == sample.content


def test_where_no_source_gives_it_each_is_named_with_its_reason(sample: Sample) -> None:
    card = changed(sample.card, sources=("https://127.0.0.1:1/net", "pypi:box==2.0!net"))
    with pytest.raises(
        AssetMissing, match=r"box-net could not .*: https://127\.0\.0\.1:1/net: .*; pypi:box==2\.0!net: pip"
    ):
        sample.store.fetch(card)
    assert leftovers(sample.store) == []


def test_offline_names_what_is_missing_and_fetches_nothing(sample: Sample) -> None:
    with pytest.raises(AssetMissing, match=r"^box-net is not here .* offline") as caught:
        sample.store.fetch(sample.card, offline=True)
    assert "gexbench assets unbundle" in caught.value.hint
    assert not sample.store.folder.exists()


def test_offline_gives_what_is_present(sample: Sample) -> None:
    path = sample.put()
    assert sample.store.fetch(sample.card, offline=True) == path


def test_a_source_with_other_bytes_leaves_nothing_behind(sample: Sample) -> None:
    card = changed(sample.card, sha256="0" * 64)
    with pytest.raises(AssetMissing, match=f"has sha256 {sample.card.sha256}, the card says 0000"):
        sample.store.fetch(card)
    assert leftovers(sample.store) == []


def test_a_conversion_that_gives_other_bytes_leaves_no_asset(sample: Sample) -> None:
    card = changed(sample.card, result_sha256="0" * 64)
    with pytest.raises(CardError, match=f"box-net: the file becomes sha256 {sample.card.sha256}, the card says 0000"):
        sample.store.fetch(card)
    assert sample.store.status(card) == "missing"


def test_an_unknown_conversion_is_refused_before_anything_is_fetched(sample: Sample) -> None:
    with pytest.raises(CardError, match=r"convert 'magic' is not known"):
        sample.store.fetch(changed(sample.card, convert="magic"))
    assert leftovers(sample.store) == []


def test_missing_lists_what_is_not_here_or_altered(sample: Sample) -> None:
    here, away, altered = (changed(sample.card, name=name) for name in ("here", "away", "altered"))
    sample.put(here)
    sample.put(altered).write_bytes(b"")
    assert sample.store.missing([here, away, altered]) == [away, altered]


def test_a_full_disk_leaves_no_half_asset(
    sample: Sample, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    with full_disk(len(sample.content) // 2), pytest.raises(OutputError, match=str(sample.store.folder)):
        sample.store.fetch(sample.card)
    assert sample.store.status(sample.card) == "missing"
    assert sample.store.fetch(sample.card).read_bytes() == sample.content


def test_a_store_that_cannot_be_made_is_an_output_error(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=str(tmp_path / "file")):
        AssetStore(tmp_path / "file" / "assets").fetch(sample.card)


def test_the_store_lies_below_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path))
    assert AssetStore().folder == tmp_path / "assets"


@pytest.mark.parametrize("card", sorted(ASSETS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_asset_card_is_valid_and_stands_under_its_name(card: Path) -> None:
    assert AssetCard(**tomllib.loads(card.read_text())).name == card.stem


@pytest.mark.parametrize(("name", "net"), [("alex", torchvision.models.alexnet), ("vgg", torchvision.models.vgg16)])
def test_real_lpips_weights_fit_torchvision_and_equal_the_heads_of_lpips(
    name: str, net: Callable[..., torch.nn.Module]
) -> None:
    card = AssetCard(**tomllib.loads((ASSETS / f"lpips-{name}.toml").read_text()))
    store = AssetStore()
    if store.status(card) != "present":
        pytest.skip(f"needs the asset: gexbench assets fetch lpips-{name}")
    weights = load_file(store.path(card))
    features = {key.removeprefix("features."): value for key, value in weights.items() if key.startswith("features.")}
    with torch.device("meta"):
        empty = net(weights=None)
    empty.features.load_state_dict(features, strict=True, assign=True)
    heads = torch.load(Path(lpips.__file__).parent / f"weights/v0.1/{name}.pth", weights_only=True, map_location="cpu")
    assert len(heads) == 5
    for k in range(5):
        assert torch.equal(weights[f"lins.{k}.weight"], heads[f"lin{k}.model.1.weight"])
