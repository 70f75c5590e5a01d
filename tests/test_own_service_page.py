"""docs/your-own-service.md, followed from an empty folder as it is written."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

from gexbench.cards.catalog import check
from gexbench.cards.own import signature_of
from gexbench.cards.schema import VictimCard

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "your-own-service.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_leads_from_a_generator_to_a_record(tmp_path: Path) -> None:
    (script,), (commands,) = blocks("python"), blocks("console")
    (tmp_path / "make_generator.py").write_text(script)
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    for line in commands.splitlines():
        program, *words = shlex.split(line)
        start = [sys.executable, *(["-m", "gexbench"] if program == "gexbench" else [])]
        done = subprocess.run(
            [*start, *words], cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}
        )
        assert done.returncode == 0, done.stderr
    assert len([*tmp_path.glob("runs/*/record.json")]) == 1


def test_the_card_of_the_page_is_one() -> None:
    (text,) = blocks("toml")
    card = check(VictimCard, tomllib.loads(text), Path("faces.toml"))
    assert signature_of(card).gives == (-1, 1)
