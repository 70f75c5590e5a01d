"""`gexbench check` says line by line whether a plug-in keeps to its contract."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gexbench.cli.app import app
from gexbench.errors import CardError

EXAMPLE = Path(__file__).resolve().parents[2] / "submissions" / "example" / "nearest"
ATTACK_LINES = ["card", "plan", "imports", "extract", "budget", "kept", "surrogate", "same seed", "global state"]
DEFENSE_LINES = ["card", "plan", "imports", "shape and range", "same answer", "run", "same seed"]


def _check(folder: Path, *words: str) -> Any:
    result = CliRunner().invoke(app, ["check", str(folder), *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def _findings(folder: Path, code: int) -> Mapping[str, tuple[bool, str]]:
    result = _check(folder, "--json")
    assert result.exit_code == code, result.output
    told = json.loads(result.stdout)
    assert told["passed"] == (code == 0)
    return {line["what"]: (line["passed"], line["detail"]) for line in told["checks"]}


def _write(folder: Path, role: str, code: str, **card: str) -> Path:
    """Write a submission whose class is called It."""
    keys = {"name": "a/b", "summary": "A test.", "entry": f"{role}:It", **card}
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(f"[{role}]\n" + "".join(f'{key} = "{value}"\n' for key, value in keys.items()))
    (folder / f"{role}.py").write_text(code)
    return folder


def _fake_import(name: str) -> str:
    return f"import {name}\n\nclass It:\n    def extract(self, oracle, brief): ...\n"


def test_the_example_passes_every_line() -> None:
    before, folder = dict(os.environ), os.getcwd()
    findings = _findings(EXAMPLE, 0)
    assert list(findings) == ATTACK_LINES
    assert findings["budget"][1].startswith("16 of 16 ")
    assert (dict(os.environ), os.getcwd()) == (before, folder)


def test_an_attack_that_does_all_it_should_not_is_told_so_line_by_line(tmp_path: Path) -> None:
    code = """
import time, torch
from torch import nn
from gexbench.core.oracle import ask
from gexbench.errors import BudgetError

class Net(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale, self.config = scale, {"scale": scale}
        self.gain = nn.Parameter(torch.tensor(1 - time.time_ns() % 10**6 * 1e-7))
    def forward(self, x):
        return (x * self.gain).repeat_interleave(self.scale, -1).repeat_interleave(self.scale, -2)

class It:
    def extract(self, oracle, brief):
        torch.set_grad_enabled(False)
        try:
            ask(oracle, brief.pool[:brief.budget + 1], batch=brief.budget + 1)
        except BudgetError:
            pass
        return Net(brief.scale)
"""
    findings = _findings(_write(tmp_path / "a", "attack", code), 2)
    assert list(findings) == ATTACK_LINES
    wrong = {what: detail for what, (passed, detail) in findings.items() if not passed}
    assert list(wrong) == ["budget", "same seed", "global state"]
    assert "17 images were refused" in wrong["budget"]
    assert wrong["global state"] == "torch's gradient mode was changed to False"


def test_a_surrogate_that_cannot_be_kept_is_told_so_with_the_way_out(tmp_path: Path) -> None:
    code = """
class It:
    def extract(self, oracle, brief):
        return lambda x: oracle.query(x)
"""
    passed, detail = _findings(_write(tmp_path / "a", "attack", code), 2)["kept"]
    assert not passed
    assert "its class 'builtins:function' cannot be imported by name; define it at the top of a module" in detail


def test_a_surrogate_that_cannot_be_built_anew_is_told_so_with_the_place(tmp_path: Path) -> None:
    code = """
from torch import nn

class Net(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = {4: scale}[scale]

class It:
    def extract(self, oracle, brief):
        net = Net(brief.scale)
        net.config = {"scale": 5}
        return net
"""
    passed, detail = _findings(_write(tmp_path / "a", "attack", code), 2)["kept"]
    assert not passed
    assert "Net(**config) raised KeyError: 5; say in its attribute `config`" in detail
    assert detail.endswith("(attack.py:7)")


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("class It:\n    def extract(self, oracle): ...\n", r"cannot be called as extract\(oracle, brief\)"),
        ("class It: ...\n", "has no method extract"),
        ("class That: ...\n", "has no 'It'.*"),
        ("class It\n", r"SyntaxError.*\(attack.py:1\)"),
        ("\n\n1 / 0\n", r"ZeroDivisionError: division by zero \(attack.py:3\)"),
        (_fake_import("no_such_package"), r"cannot import 'no_such_package'.*"),
        ("import os\nos._exit(0)\n", "its process went away"),
    ],
)
def test_an_entry_that_does_not_import_is_told_so_with_the_place(code: str, detail: str, tmp_path: Path) -> None:
    findings = _findings(_write(tmp_path / "a", "attack", code), 2)
    assert list(findings) == ATTACK_LINES[:3]
    assert not findings["imports"][0]
    assert re.search(detail, findings["imports"][1]), findings


def test_code_of_a_plug_in_never_runs_in_the_bench(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    code = f"import os\nopen({str(witness)!r}, 'w').write(str(os.getppid()))\nclass It: ...\n"
    _findings(_write(tmp_path / "a", "attack", code), 2)
    assert not witness.exists() or int(witness.read_text()) != os.getppid()


@pytest.mark.parametrize(
    ("card", "detail"),
    [
        ({"name": "nearest"}, "needs a namespace"),
        ({"sumary": "x"}, "did you mean summary"),
        ({"entry": "attack.It"}, "entry"),
    ],
)
def test_a_card_that_is_wrong_is_told_so_before_anything_runs(
    card: Mapping[str, str], detail: str, tmp_path: Path
) -> None:
    findings = _findings(_write(tmp_path / "a", "attack", "1 / 0", **card), 2)
    assert list(findings) == ["card"]
    assert detail in findings["card"][1]


def test_an_attack_of_a_kind_no_task_has_is_told_so(tmp_path: Path) -> None:
    folder = _write(tmp_path / "a", "attack", "1 / 0")
    (folder / "card.toml").write_text((folder / "card.toml").read_text() + 'needs = ["discriminator"]\n')
    findings = _findings(folder, 2)
    assert list(findings) == ["card", "plan"]
    assert "discriminator" in findings["plan"][1]


def test_an_option_for_the_check_that_the_card_does_not_have_is_told_so(tmp_path: Path) -> None:
    folder = _write(tmp_path / "a", "attack", "1 / 0")
    (folder / "card.toml").write_text((folder / "card.toml").read_text() + "[attack.profile.check]\nsteps = 1\n")
    passed, detail = _findings(folder, 2)["card"]
    assert not passed
    assert "profile.check sets 'steps', which is no option" in detail


def test_a_folder_without_a_card_and_one_that_is_not_there_are_errors(tmp_path: Path) -> None:
    assert "no card of an attack or a defense" in _findings(tmp_path, 2)["card"][1]
    with pytest.raises(CardError, match="no folder of cards"):
        _check(tmp_path / "nowhere")


def test_a_new_defense_passes_every_line(tmp_path: Path) -> None:
    CliRunner().invoke(app, ["new", "defense", "a/b", "--in", str(tmp_path)])
    findings = _findings(tmp_path / "a/b", 0)
    assert list(findings) == DEFENSE_LINES
    assert "psnr-rgb" in findings["run"][1]


@pytest.mark.slow
def test_a_new_attack_passes_every_line(tmp_path: Path) -> None:
    CliRunner().invoke(app, ["new", "attack", "a/b", "--in", str(tmp_path)])
    assert list(_findings(tmp_path / "a/b", 0)) == ATTACK_LINES


DEFENSES: dict[str, tuple[str, str, str]] = {
    "too small": ("y[..., 1:]", "shape and range", r"guard_output returned .*\(1, 3, 96, 127\)"),
    "too bright": ("y + 1", "shape and range", "outside .0,1."),
    "nan": ("y / 0 * 0", "shape and range", "outside .0,1."),
    "nothing": ("None", "shape and range", "returned NoneType"),
    "own dice": ("(y + torch.rand(())).clamp(0, 1)", "same answer", "draw from history.generator"),
}


@pytest.mark.parametrize(("answer", "what", "detail"), DEFENSES.values(), ids=DEFENSES)
def test_a_defense_that_breaks_its_contract_is_told_so(answer: str, what: str, detail: str, tmp_path: Path) -> None:
    code = f"""
import torch
from gexbench.core.defense import Defense

class It(Defense):
    def guard_output(self, x, y, history):
        return {answer}
"""
    findings = _findings(_write(tmp_path / "a", "defense", code), 2)
    passed, told = findings[what]
    assert not passed
    assert re.search(detail, told)
    assert list(findings)[-1] == what


def test_lines_are_for_people_and_end_with_a_sum(tmp_path: Path) -> None:
    result = _check(_write(tmp_path / "a", "attack", "class It: ...\n"))
    lines = result.stdout.splitlines()
    assert result.exit_code == 2
    assert lines[0].startswith("✓ a/b  card: ")
    assert lines[2].startswith("✗ a/b  imports: ")
    assert lines[-1] == "1 of 3 checks failed"


def test_check_of_a_folder_of_cards_looks_at_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "attacks").mkdir()
    for name in ("one", "two"):
        card: dict[str, Any] = {"name": f"a/{name}", "summary": "A test.", "entry": f"{name}:It"}
        text = "".join(f'{key} = "{value}"\n' for key, value in card.items())
        (tmp_path / "attacks" / f"{name}.toml").write_text(text)
        (tmp_path / f"{name}.py").write_text("class It: ...\n")
    told = json.loads(_check(tmp_path, "--json").stdout)
    assert [line["subject"] for line in told["checks"] if not line["passed"]] == ["a/one", "a/two"]


TRAINED = """
import torch
from gexbench.core.defense import Defense

class It(Defense):
    def prepare(self, victim, owner, place):
        assert 0 < len(owner) <= 8
        return {"shift": torch.zeros(3, 1, 1)%s}
    def guard_output(self, x, y, history):
        return y + self.prepared["shift"] + 0 * self.key[0]
"""


def test_a_defense_is_prepared_twice_on_a_few_images_and_answers_with_what_it_made(tmp_path: Path) -> None:
    folder = _write(tmp_path / "a", "defense", TRAINED % "")
    (folder / "card.toml").write_text((folder / "card.toml").read_text() + "prepares = true\n")
    findings = _findings(folder, 0)
    assert findings["prepare again"] == (True, "prepared twice, it gave the same bits")
    assert findings["run"][0]
    assert list(findings)[3:] == ["prepare", "prepare again", *DEFENSE_LINES[3:]]


@pytest.mark.parametrize(
    ("more", "prepares", "what", "told"),
    [
        (
            ' + torch.rand((), generator=torch.Generator().manual_seed(__import__("time").time_ns()))',
            True,
            "prepare again",
            "other bits; draw from a generator of place.seed alone",
        ),
        (" / [][0]", True, "prepare", r"prepare of the defense 'a/b' raised IndexError: .* \(defense.py:8\)"),
        ("", False, "imports", "has a prepare, and its card does not say prepares = true"),
    ],
    ids=["chance", "raises", "hidden"],
)
def test_what_is_wrong_with_a_preparation_is_told_so(
    tmp_path: Path, more: str, prepares: bool, what: str, told: str
) -> None:
    folder = _write(tmp_path / "a", "defense", TRAINED % more)
    (folder / "card.toml").write_text((folder / "card.toml").read_text() + f"prepares = {str(prepares).lower()}\n")
    passed, detail = _findings(folder, 2)[what]
    assert not passed
    assert re.search(told, detail)


CLAIMING = """
from gexbench.core.defense import Claim, Defense

class It(Defense):
    def guard_output(self, x, y, history):
        return (y + 0.02).clamp(0, 1)

    def claim(self, outputs, trial):
        brighter = float(sum((a - b).mean() for a, b in zip(outputs, trial.plain)))
        return Claim(brighter, p=0.001 if brighter > 0.01 else 0.5)
"""


@pytest.mark.parametrize(
    ("card", "passed", "detail"),
    [
        ("claims = true\n", True, "marked answers score 0.0"),
        ("", False, "the class has a claim, and its card does not say claims = true"),
    ],
)
def test_a_defense_that_claims_is_judged_on_its_own_answers(
    card: str, passed: bool, detail: str, tmp_path: Path
) -> None:
    path = _write(tmp_path / "a", "defense", CLAIMING)
    file = path / "card.toml"
    file.write_text(file.read_text().replace("[defense]\n", f"[defense]\n{card}"))
    found = _findings(path, 0 if passed else 2)["claim"]
    assert found[0] is passed
    assert detail in found[1]


def test_a_defense_whose_claim_breaks_is_told_so(tmp_path: Path) -> None:
    path = _write(tmp_path / "a", "defense", CLAIMING.replace("Claim(brighter", "Claim(brighter / 0"))
    file = path / "card.toml"
    file.write_text(file.read_text().replace("[defense]\n", "[defense]\nclaims = true\n"))
    passed, detail = _findings(path, 2)["run"]
    assert not passed
    assert detail.startswith("claim of the defense 'a/b' raised ZeroDivisionError")
