"""A victim's weights: opened only after their hash matches, and loaded into no other network."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from gexbench.engine.store.weights import file_sha256, load_weights, read_weights, salted
from gexbench.errors import AssetMissing


def net(width: int = 3) -> nn.Module:
    torch.manual_seed(width)
    return nn.Linear(2, width)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The weights of a net."""
    path = tmp_path / "net.safetensors"
    safetensors.torch.save_file(net().state_dict(), path)
    return path


def test_a_file_has_the_hash_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc" * 100_000)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_a_net_is_filled_with_what_the_file_holds(file: Path) -> None:
    filled = nn.Linear(2, 3)
    load_weights(filled, file, file_sha256(file))
    assert all(torch.equal(filled.state_dict()[name], tensor) for name, tensor in net().state_dict().items())
    assert read_weights(file).keys() == {"weight", "bias"}


def test_a_file_that_was_altered_is_refused_before_it_is_opened(file: Path) -> None:
    digest = file_sha256(file)
    file.write_bytes(b"neither a header nor tensors")
    untouched = net(3)
    with pytest.raises(
        AssetMissing, match=f"{file} is not the file its card pins .sha256 .*, not {digest[:12]}…"
    ) as no:
        load_weights(untouched, file, digest)
    assert no.value.hint == "install gexbench again, or train the victim again"


def test_a_file_that_is_missing_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(AssetMissing, match=f"no victim weights at {tmp_path / 'gone'}") as refused:
        load_weights(net(), tmp_path / "gone", "")
    assert refused.value.hint.startswith("train it: gexbench victim train")


def test_a_file_that_holds_no_tensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"neither a header nor tensors")
    for refused in (lambda p: read_weights(p), lambda p: load_weights(net(), p, file_sha256(p))):
        with pytest.raises(AssetMissing, match=f"{tmp_path / 'file'} is not a safetensors file"):
            refused(tmp_path / "file")


@pytest.mark.parametrize("other", [nn.Linear(2, 4), nn.Linear(2, 3, bias=False), nn.Sequential(net())], ids=str)
def test_the_weights_of_another_net_are_refused(file: Path, other: nn.Module) -> None:
    with pytest.raises(AssetMissing, match=f"{file} does not fit its network: ") as refused:
        load_weights(other, file, file_sha256(file))
    assert "\n" not in str(refused.value)
    assert refused.value.hint == "the card's [net] table and the file do not belong together"


def test_what_only_the_owner_can_tell_depends_on_the_file_and_the_use(file: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(file.read_bytes() + b"!")
    secrets = [salted(file, "latents"), salted(file, "watermark"), salted(tmp_path / "other", "latents")]
    assert [len(secret) for secret in secrets] == [32] * 3
    assert len(set(secrets)) == 3
    assert salted(file, "latents") == secrets[0]
    assert bytes.fromhex(file_sha256(file)) not in secrets


def _told(state: dict[str, torch.Tensor], path: Path, options: dict[str, object]) -> AssetMissing:
    safetensors.torch.save_file(state, path)
    with pytest.raises(AssetMissing) as caught:
        load_weights(nn.Linear(2, 3), path, file_sha256(path), options)
    return caught.value


def test_weights_of_another_net_are_told_by_what_does_not_fit_and_how_the_net_was_built(tmp_path: Path) -> None:
    error = _told({"weight": torch.zeros(3, 4), "bias": torch.zeros(3)}, tmp_path / "file", {"light": False})
    assert "other shapes: 1 entry: weight of the shape [3, 4], not [3, 2]" in str(error)
    assert "it says light = false" in error.hint
    assert "it lacks 1 entry: bias" in str(_told({"weight": torch.zeros(3, 2)}, tmp_path / "file", {}))


def test_running_statistics_that_no_net_needs_are_named_as_such(tmp_path: Path) -> None:
    extra = {f"norm.{name}": torch.zeros(3) for name in ("running_mean", "running_var")}
    error = _told({**net().state_dict(), **extra}, tmp_path / "file", {})
    assert "the network has no place for 2 entries: norm.running_mean, norm.running_var" in str(error)
    assert "drop those entries" in error.hint


@pytest.mark.parametrize("old", [True, False])
def test_what_torch_saved_is_named_with_the_way_to_safetensors(tmp_path: Path, old: bool) -> None:
    torch.save(net().state_dict(), tmp_path / "file", _use_new_zipfile_serialization=not old)
    with pytest.raises(AssetMissing, match="not a safetensors file, but a PyTorch archive") as caught:
        read_weights(tmp_path / "file")
    assert "safetensors.torch.save_file" in caught.value.hint
