"""Processes that torchrun starts, as one group."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import distributed

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import VictimCard
from gexbench.engine.run.together import Seat, together
from gexbench.engine.run.train_victim import train_victim
from gexbench.errors import PlanError

from .sampling_toys import CARDS

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the second of two processes of torchrun's."""
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)


def test_without_torchrun_there_is_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")  # other launchers set it for what they start
    with together("cpu") as seat:
        assert seat == Seat(torch.device("cpu"))
        assert not distributed.is_initialized()


@pytest.mark.usefixtures("second")
@pytest.mark.parametrize(("device", "there"), [("cuda", 1), ("mps", 1)])
def test_more_processes_than_devices_are_refused(monkeypatch: pytest.MonkeyPatch, device: str, there: int) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(PlanError, match="process 1 has no device: 1 here") as refused, together(device):
        pass
    assert refused.value.hint == f"torchrun --nproc-per-node {there}"


@pytest.mark.slow
def test_two_processes_train_a_victim_and_one_of_them_writes_and_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = tmp_path / "cards" / "victims" / "sngan.toml"
    for name in ("datasets/figures.toml", "victims/sngan.toml"):
        (tmp_path / "cards" / name).parent.mkdir(parents=True)
        (tmp_path / "cards" / name).write_text(CARDS[name])
    pair, alone = tmp_path / "pair.safetensors", tmp_path / "alone.safetensors"
    words = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone", "-m", "gexbench"]
    words += ["victim", "train", "toy/sngan", "--registry", str(card.parents[1]), "--to", str(pair), "--json"]
    env = {**os.environ, "GEXBENCH_HOME": str(tmp_path / "a"), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=ROOT, env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sha256"] == hashlib.sha256(pair.read_bytes()).hexdigest()
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "b"))
    catalog = Catalog.load([card.parents[1]])
    train_victim(catalog.get(VictimCard, "toy/sngan"), catalog, alone, lambda what, done, total: None)
    one, two = load_file(alone), load_file(pair)
    for name in one:  # in bfloat16, where the processor has it
        torch.testing.assert_close(two[name], one[name], rtol=0.0, atol=5e-3)
