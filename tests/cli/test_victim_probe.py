"""`gexbench victim probe`: a file opened in a process of its own, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from own_victim_factory import Enlarge, save_script

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


class Killer(torch.nn.Module):
    """Read a file that a sandboxed process has no right to."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.from_file("secret.bin", size=4)


@pytest.mark.parametrize("words", [("victim", "probe"), ("run", "--task", "sr", "--attack", "bicubic", "--victim")])
def test_what_is_no_victim_is_one_line(words: tuple[str, ...], tmp_path: Path) -> None:
    torch.save(Enlarge().state_dict(), tmp_path / "net.pt")
    expect_refusal(gexbench(*words, "./net.pt", cwd=tmp_path), 2, "never unpickled", "torch.jit.script")
    expect_refusal(gexbench(*words, "./gone.onnx", cwd=tmp_path), 4, "no victim at ./gone.onnx")


def test_a_victim_reads_no_file_beside_its_own(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(b"\0" * 16)
    net = Killer()
    file = save_script(net, tmp_path / "net.pt")
    content = gexbench("victim", "probe", str(file), cwd=tmp_path)
    expect_refusal(content, content.returncode, "neither takes images nor draws them")
