"""A translation task on a user's own folders of images: what is wrong with them is said in one line."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .test_bad_input import expect_refusal, gexbench

TASK = """
name = "demo/monet"
kind = "image-to-image"
truth = "style"
summary = "Copy a painter."
price = 0.0
metrics = ["fid", "ssim-rgb"]
main = { metric = "fid", compare = "B" }
[profile.mini]
victim = "cyclegan-monet-mini"
dataset = "demo/own"
budgets = [4]
deadline = 600
side = 64
"""
DATA = """
name = "demo/own"
summary = "Own pictures."
reader = "gexbench.datasets.unpaired:UnpairedPhotos"
licence = "mine"
pinned = false
settings = { side = 64 }
[splits]
owner = { within = "data", files = ["trainB/*.png"] }
style = { within = "data", files = ["trainA/*.png"] }
pool = { within = "data", files = ["pool/*.png"], count = 4 }
reference = { within = "data", files = ["testA/*.png"] }
test = { photos = { within = "data", files = ["testB/*.png"] } }
"""
FOLDERS = ("trainA", "trainB", "testA", "testB", "pool")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return five folders of four pictures each, beside cards of a task and a data set."""
    for file, text in {"tasks/monet.toml": TASK, "datasets/own.toml": DATA}.items():
        (tmp_path / "cards" / file).parent.mkdir(parents=True)
        (tmp_path / "cards" / file).write_text(text)
    noise = np.random.default_rng(0)
    for folder in FOLDERS:
        (tmp_path / "data" / folder).mkdir(parents=True)
        for number in range(4):
            pixels = noise.integers(0, 256, (64, 70, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / folder / f"{number}.png")
    return tmp_path / "data"


def run(data: Path) -> subprocess.CompletedProcess[str]:
    cards, out = data.parent / "cards", data.parent / "runs"
    asked = ("run", "--task", "demo/monet", "--attack", "identity", "--registry", str(cards), "--out", str(out))
    return gexbench(*asked, GEXBENCH_DATA=str(data), GEXBENCH_HOME=str(data.parent / "home"))


def test_own_folders_make_a_task_and_a_metric_without_weights_is_named_as_absent(data: Path) -> None:
    done = run(data)
    assert done.returncode == 0, done.stderr
    assert "ssim-rgb" in done.stdout
    assert "gexbench assets fetch fid-inception" in done.stdout


def _shrink(data: Path) -> None:
    Image.open(data / "pool" / "2.png").resize((64, 60)).save(data / "pool" / "2.png")


@pytest.mark.parametrize(
    ("spoil", "parts"),
    [
        (lambda data: shutil.move(data / "trainA", data / "paintings"), ("missing 1 file: trainA/*.png")),
        (lambda data: (data / "pool" / "3.png").unlink(), ("pool/*.png of pool: found 3 of 4 files",)),
        (_shrink, ("pool/2.png is 64x60 pixels, below the 64x64", "settings.side")),
        (
            lambda data: shutil.copy(data / "pool" / "1.png", data / "trainA" / "9.png"),
            ("trainA/9.png of style is the same file as pool/1.png of pool", "must share no image"),
        ),
    ],
    ids=["layout", "too few", "too small", "overlap"],
)
def test_what_is_wrong_with_a_folder_is_said_in_one_line(
    data: Path, spoil: Callable[[Path], object], parts: tuple[str, ...]
) -> None:
    spoil(data)
    expect_refusal(run(data), 4, *parts)
    assert not list((data.parent / "runs").glob("*/record.json"))
