"""`gexbench defense`: which defenses there are, and preparing one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from defense_factory import submission
from typer.testing import CliRunner, Result

from gexbench.cli.app import app
from gexbench.errors import AssetMissing, GexbenchError, PlanError

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("defense")


@pytest.fixture(scope="module")
def toy(base: Path) -> Path:
    return submission(base / "trained")


@pytest.fixture(autouse=True)
def home(base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEXBENCH_HOME", str(base / "home"))
    return base / "home"


def invoke(*words: str) -> Result:
    result = RUNNER.invoke(app, ["defense", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def prepare(toy: Path, *words: str) -> Result:
    return invoke("prepare", str(toy), "--task", "sr", "--device", "cpu", "--set-defense", "steps=2", *words)


def listed(toy: Path) -> Any:
    rows = json.loads(invoke("list", "--registry", str(toy), "--json").stdout)["defenses"]
    return {row.pop("name"): row for row in rows}


def test_preparing_prints_file_hash_and_seconds_and_the_second_call_finds_it(toy: Path, home: Path) -> None:
    assert listed(toy)["toy/trained"]["prepared_for"] == []
    first = prepare(toy).stdout.splitlines()
    file = Path(first[0])
    assert file.is_relative_to(home / "prepared")
    assert first[1] == f"sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}"
    assert first[2].startswith("prepared for srgan-mini in ")
    again = json.loads(prepare(toy, "--json").stdout)
    assert again.pop("seconds") > 0
    assert again == {
        "schema_version": 1,
        "defense": "toy/trained", "victim": "srgan-mini", "path": str(file), "sha256": first[1].removeprefix("sha256 "),
        "cached": True,
    }  # fmt: skip
    assert listed(toy)["toy/trained"]["prepared_for"] == ["srgan-mini"]
    assert "prepared for srgan-mini" in invoke("list", "--registry", str(toy)).stdout
    file.write_bytes(b"altered")
    with pytest.raises(AssetMissing, match=r"prepared.safetensors was altered"):
        prepare(toy)


def test_the_list_says_what_each_is_for_and_what_it_does(toy: Path) -> None:
    rows = listed(toy)
    assert rows["gaussian-noise"]["moments"] == ["guard_output"]
    assert rows["gaussian-noise"]["prepares"] is False
    assert rows["toy/trained"]["moments"] == ["prepare", "guard_output"]
    assert rows["toy/trained"]["kinds"] == ["image-to-image"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("jpeg", "--task", "sr"), "the defense 'jpeg' prepares nothing"),
        (("jpg", "--task", "sr"), "no defense named 'jpg'"),
        (("jpeg", "--task", "sr", "--set-defense", "qualty=3"), "'qualty'"),
        (("jpeg", "--task", "rs"), "no task named 'rs'"),
        (("jpeg", "--task", "sr", "--victim", "srgan"), "'srgan'"),
    ],
)
def test_what_cannot_be_prepared_is_refused_in_one_line(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(GexbenchError) as refused:
        invoke("prepare", *words)
    assert told in str(refused.value)


def test_a_sampling_task_refuses_what_is_for_images(toy: Path) -> None:
    with pytest.raises(PlanError, match="works on image-to-image tasks"):
        invoke("prepare", str(toy), "--task", "latent-fidelity")
