"""A kind of task is one file and one word: a third one runs from card to board with nothing else touched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gexbench.cards.roots import packaged_root

PACKAGE = Path(__file__).resolve().parents[3] / "gexbench"
WORD = '"labelled-sampling"'
ATTACK = '''
import torch
from torch import nn


class Remembered(nn.Module):
    """Return the image that came for a label."""

    def __init__(self, shape):
        super().__init__()
        self.config = {"shape": list(shape)}
        self.register_buffer("images", torch.zeros(shape))

    def forward(self, labels):
        return self.images[labels]


class LabelMemory:
    """Ask each label once."""

    def extract(self, oracle, brief):
        answers = oracle.query(torch.arange(10))
        net = Remembered(answers.shape)
        net.images.copy_(answers)
        return net
'''
CARDS = {
    "datasets/few-figures.toml": """
name = "few-figures"
summary = "A few figures."
reader = "gexbench.datasets.drawn:DrawnImages"
licence = "Apache-2.0"
pinned = false
settings = { side = 32 }
splits.owner = { within = "code", files = ["owner/{0..9}"] }
splits.test.figures = { within = "code", files = ["test/{0..9}"] }
""",
    "victims/labelled.toml": """
name = "labelled"
summary = "A generator hardly trained."
task_kind = "labelled-sampling"
entry = "gexbench.victims.sngan:SNGAN"
dataset = "few-figures"
net = { side = 32, channels = 4, latent_size = 8, discriminator_channels = 4 }
train = { steps = 2, batch = 4, critics = 1, lr = 1e-3, average = 0.5 }
""",
    "tasks/labelled.toml": """
name = "labelled"
kind = "labelled-sampling"
summary = "Copy a service that draws an image for a label."
price = 0.01
metrics = ["psnr-rgb"]
main = { metric = "psnr-rgb", compare = "B" }

[profile.mini]
victim = "labelled"
dataset = "few-figures"
budgets = [10]
deadline = 300
side = 32
samples = 20
""",
    "attacks/label-memory.toml": """
name = "label-memory"
summary = "Remembers an image for each label."
task_kinds = ["labelled-sampling"]
entry = "gexbench.attacks.label_memory:LabelMemory"
""",
    "boards/labelled.toml": """
name = "labelled"
summary = "Who copies a service that draws for labels."
task = "labelled@1"
columns = [{ metric = "psnr-rgb", compare = "B" }]
""",
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of gexbench with a file and a word more, and cards of the new kind."""
    root = tmp_path_factory.mktemp("third-kind")
    shutil.copytree(PACKAGE, root / "gexbench", ignore=shutil.ignore_patterns("__pycache__", "_registry"))
    shutil.copytree(packaged_root().path, root / "registry", ignore=shutil.ignore_patterns("weights"))
    (root / "registry" / "weights").symlink_to(packaged_root().path / "weights")
    name = WORD.strip('"').replace("-", "_") + ".py"
    shutil.copy(Path(__file__).parent / "third_kind" / name, root / "gexbench" / "engine" / "kinds" / name)
    fields = root / "gexbench" / "cards" / "fields.py"
    text = fields.read_text()
    assert text.count('"sampling"]') == 1
    fields.write_text(text.replace('"sampling"]', f'"sampling", {WORD}]'))
    (root / "gexbench" / "attacks" / "label_memory.py").write_text(ATTACK)
    for file, card in CARDS.items():
        (root / "registry" / file).write_text(card)
    gexbench(root, "victim", "train", "labelled")
    return root


def gexbench(copy: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(copy), "GEXBENCH_HOME": str(copy / "home")}
    done = subprocess.run(
        [sys.executable, "-m", "gexbench", *words], cwd=copy, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_third_kind_runs_from_card_to_board(copy: Path) -> None:
    record = json.loads(gexbench(copy, "run", "--task", "labelled", "--attack", "label-memory", "--json"))
    assert (record["status"], record["isolation"] == "none", record["incidents"]) == ("ok", False, [])
    assert (record["account"]["asked"], record["account"]["answered"]) == (10, 10)
    (score,) = record["scores"]
    assert (score["metric"], score["compare"], score["value"], score["n"]) == ("psnr-rgb", "B", "Infinity", 20)
    (folder,) = (copy / "runs").iterdir()
    assert (folder / "samples.png").is_file()
    assert (folder / "surrogate" / "model.safetensors").is_file()
    gexbench(copy, "board", "add", str(folder), "--dir", str(copy / "boards"))
    gexbench(copy, "board", "build", "--dir", str(copy / "boards"))
    assert "label-memory" in (copy / "boards" / "labelled" / "README.md").read_text()


def test_in_one_process_it_runs_alike(copy: Path) -> None:
    words = ["run", "--task", "labelled", "--attack", "label-memory", "--isolation", "none", "--json"]
    record = json.loads(gexbench(copy, *words, "--out", str(copy / "bare")))
    assert (record["status"], record["scores"][0]["value"]) == ("ok", "Infinity")


def test_an_unknown_kind_on_a_card_is_one_clear_line(copy: Path) -> None:
    card = copy / "registry" / "tasks" / "labelled.toml"
    text = card.read_text()
    card.write_text(text.replace("labelled-sampling", "labelled-samplin"))
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run(
        [sys.executable, "-m", "gexbench", "list"], cwd=copy, env=environment, capture_output=True, text=True
    )
    card.write_text(text)
    assert done.returncode == 2
    assert "labelled.toml: kind: Input should be 'image-to-image', 'sampling' or 'labelled-sampling'" in done.stderr
    assert "Traceback" not in done.stderr
