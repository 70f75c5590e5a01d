"""`gexbench victim probe`: a file opened in a process of its own, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from own_victim_factory import Enlarge, card_of, save_script

from gexbench.engine.sandbox.rules import support
from gexbench.engine.service.probe_process import _probed
from gexbench.engine.wire.probing import Probe
from gexbench.errors import AssetMissing

from .test_bad_input import expect_refusal, gexbench


def test_what_a_victim_is_is_printed_for_people_and_as_json(tmp_path: Path) -> None:
    save_script(Enlarge(), tmp_path / "net.pt")
    told = gexbench("victim", "probe", "net.pt", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "own/net, torchscript" in told.stdout
    assert "x4" in told.stdout
    assert "so gives = [0.0, 1.0]" in told.stdout
    document = json.loads(gexbench("victim", "probe", "net.pt", "--json", cwd=tmp_path).stdout)
    assert document["schema_version"] == 1
    assert (document["facts"]["draws"], document["facts"]["scale"]) == (False, 4)


class Reader(torch.nn.Module):
    """Enlarge by what a file on the disk says."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        read = torch.from_file(self.path, size=1)
        return torch.nn.functional.interpolate(x, scale_factor=4.0, mode="nearest") + 0.0 * read


@pytest.mark.parametrize("words", [("victim", "probe"), ("run", "--task", "sr", "--attack", "bicubic", "--victim")])
def test_what_is_no_victim_is_one_line(words: tuple[str, ...], tmp_path: Path) -> None:
    torch.save(Enlarge().state_dict(), tmp_path / "net.pt")
    expect_refusal(gexbench(*words, "./net.pt", cwd=tmp_path), 2, "never unpickled", "torch.jit.script")
    expect_refusal(gexbench(*words, "./gone.onnx", cwd=tmp_path), 4, "no victim at ./gone.onnx")


@pytest.mark.skipif(not support().landlock_abi, reason="this system has no Landlock")
def test_a_network_cannot_read_files_of_its_users(tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"\0" * 4)
    net = Reader(str(secret))
    assert tuple(net(torch.rand(1, 3, 4, 4)).shape) == (1, 3, 16, 16)  # it can, where nothing holds it
    done = gexbench("victim", "probe", str(save_script(net, tmp_path / "net.pt")), cwd=tmp_path)
    expect_refusal(done, 2, "neither takes images nor draws them", "unable to open file")


def test_a_file_that_its_card_does_not_mean_is_not_looked_at(tmp_path: Path) -> None:
    meant, other = (save_script(Enlarge(gain), tmp_path / f"{gain}.pt") for gain in (1.0, 2.0))
    order = Probe(card=card_of(meant), file=other, code=None, threads=1)
    with pytest.raises(AssetMissing):
        _probed(order, None)
