"""A defense that breaks its contract fails the run, by its name and with what it returned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from gexbench.cli.app import app
from gexbench.core.defense import Defense, History
from gexbench.engine.kinds.guard import Guard
from gexbench.errors import RunFailed
from gexbench.record import read_record

EXAMPLE = Path(__file__).resolve().parents[3] / "submissions" / "example" / "nearest"
CARD = '[defense]\nname = "a/b"\nsummary = "Broken."\nentry = "defense:It"\n'
CODE = """
from gexbench.core.defense import Defense

class It(Defense):
    def guard_output(self, x, y, history):
        return y + 1
"""


class Changing(Defense):
    """Does the same to questions and answers."""

    def __init__(self, change: Callable[[Tensor], Any]) -> None:
        super().__init__({})
        self._change = change

    def guard_input(self, x: Tensor, history: History) -> Tensor:
        return self._change(x)  # type: ignore[no-any-return]

    def guard_latent(self, z: Tensor, history: History) -> Tensor:
        return self._change(z)  # type: ignore[no-any-return]

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        return self._change(y)  # type: ignore[no-any-return]


BROKEN: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "shape": (lambda y: y[..., 1:], r"returned torch.float32 \(1, 3, 8, 7\), not floats of \(1, 3, 8, 8\)"),
    "dtype": (lambda y: (y * 255).byte(), r"returned torch.uint8 \(1, 3, 8, 8\), not floats"),
    "nan": (lambda y: y * float("nan"), r"returned values from nan to nan, outside \[0,1\]"),
    "range": (lambda y: y - 0.25, r"returned values from -0.25 to 0.25, outside \[0,1\]"),
    "nothing": (lambda y: None, "returned NoneType, not a tensor"),
    "error": (lambda y: y[9], "raised IndexError: index 9"),
}


@pytest.mark.parametrize("moment", ["guard_input", "guard_output"])
@pytest.mark.parametrize(("change", "told"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_image_is_told_by_the_defenses_name(moment: str, change: Callable[[Tensor], Any], told: str) -> None:
    x = torch.linspace(0, 0.5, 192).reshape(1, 3, 8, 8)
    arguments = (x,) if moment == "guard_input" else (x, x)
    with pytest.raises(RunFailed, match=f"{moment} of the defense 'a/b' {told}"):
        getattr(Guard("a/b", Changing(change)), moment)(*arguments, History(0, torch.Generator()))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda z: z[:, 1:], r"returned torch.float32 \(1, 4\), not floats of \(1, 5\)"),
        (lambda z: z / 0, "returned latents that are not finite"),
        (lambda z: [], "returned list, not a tensor"),
    ],
    ids=["shape", "infinite", "type"],
)
def test_what_is_no_latent_is_told_by_the_defenses_name(change: Callable[[Tensor], Any], told: str) -> None:
    with pytest.raises(RunFailed, match=f"guard_latent of the defense 'a/b' {told}"):
        Guard("a/b", Changing(change)).guard_latent(torch.ones(1, 5), History(0, torch.Generator()))


def test_latents_may_lie_outside_the_range_of_images() -> None:
    z = torch.full((1, 5), -3.0)
    assert torch.equal(Guard("a/b", Changing(lambda z: z)).guard_latent(z, History(0, torch.Generator())), z)


@pytest.mark.parametrize(
    ("attack", "isolation"), [(str(EXAMPLE), "auto"), (str(EXAMPLE), "none"), ("bicubic", "auto")],
    ids=["while it is asked", "in one process", "on the test images"],
)  # fmt: skip
def test_a_broken_defense_is_a_failed_run_with_the_reason(attack: str, isolation: str, tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text(CARD)
    (tmp_path / "defense.py").write_text(CODE)
    words = ["--attack", attack, "--defense", str(tmp_path), "--isolation", isolation, "--budget", "8"]
    done = CliRunner().invoke(app, ["run", "--task", "sr", *words, "--out", str(tmp_path / "runs")])
    record = read_record(next(tmp_path.glob("runs/*/record.json")))
    assert record.status == "failed"
    assert record.reason.startswith("guard_output of the defense 'a/b' returned values from ")
    assert (record.account.answered, record.incidents) == (0, ())
    assert done.exit_code == 3
    assert "guard_output of the defense 'a/b'" in " ".join(done.output.split())
    assert "Traceback" not in done.output
