"""A sweep as a file says it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gexbench.errors import PlanError
from gexbench.sweeps.file import read_sweep, seeds_of, sweep_of
from gexbench.sweeps.plans import plan_all

WHOLE = """
tasks = "sr, monet2photo"
attacks = ["srresnet", "bicubic"]
profiles = ["mini"]
defenses = ["none", "jpeg"]
budgets = [128, "50%"]
seeds = ["0-2", 7]
device = "cpu"
registry = "cards"

[options]
steps = [100, 200]
lr = 1e-3
layers = [[1, 2], [3]]

[[exclude]]
attack = "bicubic"
budget = ["50%"]
"""


def test_a_file_says_it_all(tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(WHOLE)
    sweep = read_sweep(tmp_path / "sweep.toml")
    assert (sweep.tasks, sweep.attacks) == (("sr", "monet2photo"), ("srresnet", "bicubic"))
    assert (sweep.defenses, sweep.budgets, sweep.seeds) == ([None, "jpeg"], ("128", "50%"), [0, 1, 2, 7])
    assert sweep.options == {"steps": ("100", "200"), "lr": ("0.001",), "layers": ("1,2", "3")}
    assert sweep.exclude == ({"attack": ("bicubic",), "budget": ("50%",)},)
    assert (sweep.base.device, sweep.base.folders) == ("cpu", (Path("cards"),))


def test_one_value_is_a_list_of_one_and_all_is_all() -> None:
    sweep = sweep_of({"tasks": "sr", "attacks": "bicubic", "seeds": 3, "budgets": "all", "deadline": 5})
    assert (sweep.tasks, sweep.seeds, sweep.budgets, sweep.base.deadline) == (("sr",), [3], "all", 5.0)
    assert sweep_of({"tasks": "sr", "attacks": "bicubic", "seeds": "all"}).seeds == "all"


@pytest.mark.parametrize("words", [("a",), ("3-1",), ("-1",), ("0-",), ("0-1000000",), ("1.5",), ("all", "1")])
def test_other_seeds_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(PlanError, match="seeds"):
        seeds_of(words)


@pytest.mark.parametrize(
    ("table", "told", "hint"),
    [
        ({"tasks": "sr"}, "attacks: Field required", "docs"),
        ({"tasks": "sr", "attacks": ","}, "attacks names none", "attacks ="),
        ({"tasks": "sr", "attacks": "x", "seed": 1}, "seed: unknown key", "seeds"),
        ({"tasks": "sr", "attacks": "x", "seeds": True}, "seeds", ""),
        ({"tasks": {"a": 1}, "attacks": "x"}, "tasks", ""),
        ({"tasks": "sr", "attacks": "x", "options": {"steps": []}}, "options.steps", ""),
        ({"tasks": "sr", "attacks": "x", "options": {"steps": {"a": 1}}}, "options.steps", ""),
        ({"tasks": "sr", "attacks": "x", "isolation": "off"}, "isolation", ""),
        ({"tasks": "sr", "attacks": "x", "exclude": {"attack": "x"}}, "exclude", ""),
    ],
)
def test_what_is_wrong_is_named_with_its_key(table: dict[str, Any], told: str, hint: str) -> None:
    with pytest.raises(PlanError) as refused:
        sweep_of(table, "f.toml: ")
    assert str(refused.value).startswith(f"f.toml: {told}")
    assert hint in refused.value.hint


@pytest.mark.parametrize("content", [b"tasks = [", b"\xff\xfe", b"[" * 5000])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.toml").write_bytes(content)
    with pytest.raises(PlanError, match=r"x.toml is not valid TOML"):
        read_sweep(tmp_path / "x.toml")
    with pytest.raises(PlanError, match="cannot read the sweep"):
        read_sweep(tmp_path)


def test_the_file_that_the_docs_show_is_planned_as_it_stands(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
    (tmp_path / "campaign.toml").write_text(page.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    plans = plan_all(read_sweep(tmp_path / "campaign.toml"))[1]
    assert Counter(plan.attack.name for plan in plans) == {"srresnet": 60, "bicubic": 10}
