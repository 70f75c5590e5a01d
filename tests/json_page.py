# ruff: noqa: E501
"""docs/json.md, from the models of what is written and printed; run as a script it writes the page."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from gexbench import comparison, ownership, plan, record, verification
from gexbench.cards import own

PAGE = Path(__file__).resolve().parent.parent / "docs" / "json.md"
HEAD = """\
# JSON documents

This page is for users of scripts that read what gexbench writes. After it you know every field of a record, of a comparison of
two sets of images, and of a verdict.

Every command with `--json` prints one document on stdout, in ASCII, and nothing else there; `gexbench sweep` prints one a line. Each document has a
`schema_version`. It goes up when a key is removed or changes its meaning; new keys may be added without that. An error prints
`{"schema_version": 1, "error": …, "hint": …, "exit_code": …}` on stdout and the same as text on stderr. Infinite values, such as
the PSNR of identical images, are the texts `"Infinity"` and `"-Infinity"`.

| command | document |
|---|---|
| `gexbench run`, `gexbench show RUN` | a [record](#runrecord) |
| `gexbench run` with lists | `records`, a list of records, and `failed`, a list of `run`, `budget`, `seed`, `reason` |
| `gexbench sweep` | **one document a line**, one for each run as it ends: `run`, `id`, `status`, `reason`, `earlier`, `seconds`, what was run, the main metric's `scores`, `record`, its path or null |
| `gexbench sweep --dry-run` | `forecast`: `runs`, `done`, `hours`, `seconds`, `untimed`, `own`, `usd`, `disk`, `unsized` |
| `gexbench score` | a [comparison](#comparison), or a [reference comparison](#referencecomparison) with `--backend reference` |
| `gexbench verify` | a [verdict](#verdict), and `signed`, the path of a signature or null |
| `gexbench verify` of a submission | `submission`, `digest`, `outcome`, `verdicts`, and `signed`, the path of its verdict or null |
| `gexbench submit` | `submission`, `folder`, `digest` |
| `gexbench show RUN` of a run without a record | `unfinished`: `run`, `answered`, `budget`, `extracted`, `running` |
| `gexbench list` | by kind of card, a list of `name`, `version`, `summary` |
| `gexbench show CARD` | by kind, the card with all its keys |
| `gexbench board show` | `board`, `task`, and `tables` with their rows |
| `gexbench board add`, `gexbench board build` | `added`, `already`, lists of paths, and `skipped`, lines; `pages`, a list of `path` and `written` |
| `gexbench board retire` | `retired`, the path where the record lies now |
| `gexbench data list`, `victim list`, `assets list`, `defense list` | `datasets`, `victims`, `assets`, `defenses`: a list of rows |
| `gexbench victim probe` | `facts`: what the victim is, see [facts](#facts) |
| `gexbench study make` | `study`, `key_sha256`, `folder`, `pages`, a list of paths |
| `gexbench study report` | `answer`, `counted` and `everyone` (effect, intervals, p, variances, power), `left_out`, `anchors`, `answers_sha256`, and what the key says |
| `gexbench check`, `gexbench doctor` | `checks` or `findings`: a list of what was looked at, and whether it is in order |

This page is made from the code by `python tests/json_page.py`.
"""
GROUPS: dict[str, tuple[type[BaseModel], ...]] = {
    "A record": (
        record.RunRecord,
        record.Score,
        record.Floor,
        record.Passport,
        record.HonestCost,
        record.Account,
        record.Nearness,
        record.Provenance,
        ownership.Ownership,
        ownership.Scored,
        ownership.Innocent,
        plan.Plan,
    ),
    "A comparison": (
        comparison.Comparison,
        comparison.Measurement,
        comparison.PairValue,
        comparison.Side,
        comparison.ReferenceComparison,
        comparison.ReferenceScore,
    ),
    "A victim of your own": (own.Facts,),
    "A verdict": (
        verification.Verdict,
        verification.Difference,
        verification.Redrawn,
        verification.ReferenceDifference,
    ),
}


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([HEAD, *(line for title, models in GROUPS.items() for line in _group(title, models))])


def _group(title: str, models: tuple[type[BaseModel], ...]) -> Iterator[str]:
    yield f"## {title}\n"
    for model in models:
        yield f"### {model.__name__}\n"
        yield f"{inspect.cleandoc(model.__doc__ or '')}\n"
        yield "| field | type | when absent |\n|---|---|---|"
        for name, field in model.model_fields.items():
            absent = "refused" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
            yield f"| `{name}` | `{_annotation(model, name)}` | {absent} |"
        yield ""


def _annotation(model: type[BaseModel], name: str) -> str:
    """Return a field's type as its class says it, which may be one that the model builds on."""
    for each in model.__mro__:
        if name in (found := inspect.get_annotations(each)):
            return " ".join(str(found[name]).split()).replace("|", "\\|")
    raise KeyError(name)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
