"""A record's numbers in the form in which the Hugging Face Hub takes results, `.eval_results/*.yaml` of a model.

Source: Hugging Face, docs/hub/eval-results.md and eval_results.yaml of hub-docs, read on 2026-11-30. An entry must name
a data set of the Hub that is a benchmark. The Hub has none of ours, and none is made up: the task stands there by its
own name, and the file says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from gexbench.boards.label import attack_label, defense_label
from gexbench.boards.row import metric_card
from gexbench.boards.sections import COMPARES
from gexbench.foreign_text import PARAGRAPH, shown
from gexbench.record import RunRecord, Score

HEAD = """\
# The numbers of one run, for .eval_results/ of a model repository on the Hugging Face Hub.
# dataset.id is the task's own name: the Hub has no data set of it. Put there the id of one that holds the benchmark.
"""


def eval_results(record: RunRecord) -> str:
    """Return the scores of a run as YAML, an entry a number."""
    return HEAD + ("".join(_entry(record, score) for score in record.scores) or "[]\n")


def _entry(record: RunRecord, score: Score) -> str:
    plan = record.plan
    scale = (f"{plan.task.name}@{plan.task.version}", plan.profile.name, str(plan.budget), defense_label(plan))
    what = (score.compare, score.metric, score.test)
    lines = (
        "- dataset:",
        f"    id: {_text(plan.task.name.replace('/', '.'))}",
        f"    task_id: {_text(' '.join(word for word in (*scale, *what) if word))}",
        f"  value: {_number(score.value)}",
        f"  date: {_text(record.started)}",
        "  evaluation_framework: gexbench",
        f"  notes: {_text('; '.join(_notes(record, score)))}",
    )
    return "\n".join(lines) + "\n"


def _notes(record: RunRecord, score: Score) -> Iterator[str]:
    plan, card = record.plan, metric_card(record, score.metric)
    yield f"{COMPARES[score.compare]}, {card.unit}, {'higher' if card.higher_is_better else 'lower'} is better"
    yield f"attack {attack_label(plan)} on victim {plan.victim.name}, seed {plan.seed}"
    yield f"{record.account.answered} answers against {defense_label(plan) or 'no defense'}, {score.n} images"
    yield f"record {record.id}"


def _text(text: str) -> str:
    """Return a text as YAML, quoted as in JSON."""
    return json.dumps(shown(text, PARAGRAPH), ensure_ascii=False)


def _number(value: float) -> str:
    """Return a number as YAML 1.1 and 1.2 both read it, which want a point before an exponent."""
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    digits, e, power = repr(value).partition("e")
    return digits + ("" if "." in digits else ".0") + e + power
