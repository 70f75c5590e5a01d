"""Pages that hold all they need and do not say which arm a picture is of."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from study_factory import RULES, WISH, make_arms

from gexbench.errors import OutputError
from gexbench.study.arms import Arms
from gexbench.study.key import PAGES
from gexbench.study.pages import Made, data_url, make


def pages(folder: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted((folder / PAGES).iterdir())]


def data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    told: dict[str, Any] = json.loads(found.group(1))
    return told


def swapped(arms: Arms) -> Arms:
    return Arms(arms.task, arms.profile, arms.sides[::-1], arms.names, arms.sources, arms.pictures[::-1], arms.truth)


def test_a_page_names_no_run_source_task_arm_or_seed(folder: Path, made: Made) -> None:
    for page in pages(folder):
        text = re.sub(r"data:image/png;base64,[\w+/=]+", "", page)
        told = [made.key.seed, made.key.task, *made.key.sources, *(side.run for side in made.key.sides)]
        roles = ["surrogate", "victim", '"role"', '"arm"', "rated", "untranslated", "true-style", "gexbench"]
        assert [word for word in told + roles if word in text] == []


def test_every_picture_is_as_long_as_the_others_and_holds_pixels_alone(folder: Path) -> None:
    for page in pages(folder):
        files = [base64.b64decode(url.partition(",")[2]) for url in data(page)["pictures"]]
        assert len({len(file) for file in files}) == 1
        assert {tuple(kinds(file)) for file in files} == {(b"IHDR", b"IDAT", b"IEND")}


def kinds(file: bytes) -> list[bytes]:
    found, at = [], 8
    while at < len(file):
        size = int.from_bytes(file[at : at + 4], "big")
        found.append(file[at + 4 : at + 8])
        at += 12 + size
    return found


def test_pages_whose_arms_are_swapped_differ_in_pictures_and_the_studys_name_alone(tmp_path: Path) -> None:
    make(make_arms(), WISH, RULES, tmp_path / "one")
    make(swapped(make_arms()), WISH, RULES, tmp_path / "other")
    for one, other in zip(pages(tmp_path / "one"), pages(tmp_path / "other"), strict=True):
        assert one != other
        first, second = data(one), data(other)
        assert first.pop("study") != second.pop("study")
        assert len(first.pop("pictures")) == len(second.pop("pictures"))
        assert first == second


def test_items_show_the_pictures_that_the_key_says(folder: Path, made: Made) -> None:
    arms = make_arms()
    for group, page in zip(made.key.groups, pages(folder), strict=True):
        told = data(page)
        for item, shown in zip(group.items, told["items"], strict=True):
            assert item.id == shown["id"]
            if item.arm is None:
                continue
            at = list(arms.names).index(item.source)
            assert told["pictures"][shown["source"]] == data_url(arms.sources[at])
            assert told["pictures"][shown["result"]] == data_url(arms.pictures["ab".index(item.arm)][at])


def test_a_page_asks_nobody_and_runs_its_own_script_alone(folder: Path) -> None:
    for page in pages(folder):
        text = re.sub(r"data:image/png;base64,[\w+/=]+", "", page)
        assert re.findall(r"https?:|//[a-z]|src=|@import|url\(|fetch|XMLHttp|<link", text) == []
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
        assert policy
        assert policy.group(1).startswith("default-src 'none'")
        assert "unsafe" not in policy.group(1)
        script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
        assert script
        digest = base64.b64encode(hashlib.sha256(script.group(1).encode()).digest()).decode()
        assert f"script-src &#39;sha256-{digest}&#39;" in page or f"script-src 'sha256-{digest}'" in page


def test_the_same_seed_gives_the_same_bytes_and_a_question_is_text(tmp_path: Path) -> None:
    rules = RULES.model_copy(update={"question": "</script><b>How?"})
    for name in ("one", "two"):
        make(make_arms(), WISH, rules, tmp_path / name)
    files = [{p.name: p.read_bytes() for p in (tmp_path / n).rglob("*.*") if p.is_file()} for n in ("one", "two")]
    assert files[0] == files[1]
    assert "<b>" not in pages(tmp_path / "one")[0]
    assert data(pages(tmp_path / "one")[0])["question"] == "</script><b>How?"


def test_a_study_is_named_by_the_digest_of_its_key(folder: Path, made: Made) -> None:
    assert hashlib.sha256((folder / "key.json").read_bytes()).hexdigest().startswith(made.study)
    assert {data(page)["study"] for page in pages(folder)} == {made.study}


def test_a_study_is_never_written_over(folder: Path) -> None:
    with pytest.raises(OutputError, match="not empty"):
        make(make_arms(), WISH, RULES, folder)


def test_an_image_of_one_colour_is_no_shorter_than_noise() -> None:
    flat, noise = torch.zeros(3, 9, 9, dtype=torch.uint8), torch.randint(0, 256, (3, 9, 9), dtype=torch.uint8)
    assert len(data_url(flat)) == len(data_url(noise))
