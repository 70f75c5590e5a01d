from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from record_factory import Records, changed

from boards.conftest import MakeBoard
from gexbench.boards.latex import latex, to_latex
from gexbench.boards.sections import page
from gexbench.boards.sheet import Column, Page, Sheet

ODD = "[1] * 95 % & _x_ #1 $ {a} \\input{x} ~^ ± × − ∞ ↑ ↓ → ◆ — – … < > ` | “é” Łódź 漢字 ² ☃ --x---y"


@pytest.fixture
def shown(records: Records, board_of: MakeBoard) -> Page:
    """Return a page with two ranked rows, a control and a defense."""
    runs = [
        *records.seeds((26.0, 27.0, 28.0)),
        *records.seeds((30.0, 30.1, 30.2), c=20.0, attack="copycat"),
        *records.seeds((40.0, 40.0, 40.0), attack="bicubic"),
        records.make(defense="jpeg"),
    ]
    return page(board_of(*runs))


def tables(text: str) -> list[str]:
    return re.findall(r"\\begin{table}\n(.*?)\\end{table}", text, re.DOTALL)


def test_a_table_is_a_float_with_rules_a_caption_and_a_label_of_its_own(shown: Page) -> None:
    found = tables(to_latex(shown))
    assert len(found) == to_latex(shown).count(r"\begin{table}") == 6
    for table in found:
        parts = (r"\caption{", r"\label{tab:", r"\begin{tabular}", r"\toprule", r"\midrule", r"\bottomrule")
        places = [table.index(part) for part in (*parts, r"\end{tabular}")]
        assert places == sorted(places)
        columns = len(re.search(r"\\begin{tabular}{([lr]+)}", table)[1])  # type: ignore[index]
        assert {line.count(" & ") + 1 for line in table.splitlines() if line.endswith(r"\\")} == {columns}
    labels = [re.search(r"\\label{(.*)}", table)[1] for table in found]  # type: ignore[index]
    assert labels[:2] == ["tab:sr-mini-100", "tab:sr-mini-100-jpeg"]
    assert len(set(labels)) == len(labels)


def test_a_caption_names_task_profile_budget_and_defense(shown: Page) -> None:
    first, second = (table.splitlines()[0] for table in tables(to_latex(shown))[:2])
    assert r"\caption{sr@1 at profile mini, 100 queries (the ranked budget), no defense. B compares" in first
    assert "against jpeg" in second
    assert r"psnr-y, dB $\uparrow$" in first


def test_the_best_of_the_ranked_rows_is_bold_in_each_column_with_the_digits_of_the_page(shown: Page) -> None:
    first = tables(to_latex(shown))[0]
    assert r"1 a & copycat & \textbf{29.60 $\pm$ 0.10} &" in first
    assert r"2 b & srresnet & 26.5 $\pm$ 1.0 &" in first
    assert r"--- & bicubic & 39.50 &" in first
    best = shown.sheets[1].best
    titles = [column.title for column in shown.sheets[1].columns]
    assert {(row, titles[at]) for row, at in best} == {
        *((0, title) for title in ("B", "B set5", "B set14")),
        *((1, title) for title in ("C set5", "C set14")),
    }


def test_where_lower_is_better_the_lowest_is_bold(records: Records, board_of: MakeBoard) -> None:
    runs = [*records.seeds((26.0, 27.0, 28.0)), *records.seeds((30.0, 30.1, 30.2), attack="copycat")]
    lower = [
        changed(run, "plan.metrics", tuple(c.model_copy(update={"higher_is_better": False}) for c in run.plan.metrics))
        for run in runs
    ]
    assert r"1 a & srresnet & \textbf{26.5 $\pm$ 1.0}" in to_latex(page(board_of(*lower)))


def test_rows_that_look_the_same_are_bold_together(records: Records, board_of: MakeBoard) -> None:
    runs = [*records.seeds((26.0, 27.0, 28.0)), *records.seeds((26.0, 27.0, 28.001), attack="copycat")]
    assert to_latex(page(board_of(*runs))).count(r"\textbf{26.5 $\pm$ 1.0}") == 2


def test_what_is_not_ranked_stands_below_a_line(shown: Page) -> None:
    lines = tables(to_latex(shown))[0].splitlines()
    assert lines[lines.index(next(line for line in lines if "bicubic" in line)) - 1] == r"\midrule"


def test_folded_tables_and_the_least_needed_columns_are_left_out(shown: Page) -> None:
    text = to_latex(shown)
    assert "How the numbers" not in text
    assert r"rank & attack & B & seeds & queries & USD & marks \\" in text


def test_specials_are_escaped_and_what_fonts_lack_is_made_plainer() -> None:
    assert latex("95 % & _x_ #1 $") == r"95 \% \& \_x\_ \#1 \$"
    assert latex("\\input{x}\n") == r"\textbackslash{}input\{x\} "
    assert latex("--a---b") == "-{}-a-{}-{}-b"
    assert latex("é Łódź 漢 ² ☃ −1") == "é Łódź ? 2 ? $-$1"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_it_compiles_whatever_stands_in_it(shown: Page, tmp_path: Path) -> None:
    rows = ((ODD, ODD), (ODD, ODD), ("*" + ODD, ODD))
    odd = Sheet(ODD, columns=(Column(ODD), Column(ODD, False)), rows=rows, below=(ODD,), bullets=(ODD,))
    body = to_latex(Page(ODD, (), "", (*shown.sheets, odd)))
    head = "\\documentclass{article}\n\\usepackage{booktabs,graphicx}\n\\begin{document}\n"
    (tmp_path / "paper.tex").write_text(f"{head}{body}\\end{{document}}\n", encoding="utf-8")
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in (tmp_path / "paper.log").read_text(errors="replace")
