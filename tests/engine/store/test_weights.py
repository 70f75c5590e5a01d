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
