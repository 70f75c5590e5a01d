"""A study's report as text and as one page that holds its figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gexbench.foreign_text import shown
from gexbench.study.analysis import TRAPS, Finding, Report, told
from gexbench.study.answers import anchor
from gexbench.study.effect import LARGEST
from gexbench.study.figures import by_image, intervals, scores
from gexbench.study.key import Key
from gexbench.study.pages import csp_hash, environment, raw, template_text

Rows = Sequence[tuple[str, str]]


def text(report: Report) -> str:
    """Return the report for a terminal."""
    lines = [f"study {report.study}: {report.answer} within {report.key.rules.margin:g} points", ""]
    for title, rows in sections(report):
        lines += [title, *(f"  {name:34} {value}" for name, value in rows), ""]
    return "\n".join([*lines, "traps", *(f"  - {trap}" for trap in TRAPS)])


def html(report: Report) -> str:
    """Return the report as one page that asks nobody for anything."""
    style = template_text("report.css")
    main = report.kept or report.everyone
    return (
        environment()
        .get_template("report.html")
        .render(
            style=raw(style),
            style_hash=csp_hash(style),
            report=report,
            sections=list(sections(report)),
            figures=[
                (intervals(report), "The effect with its intervals, and the margin that was set beforehand."),
                (scores(main), "How often each score was given: arm a first, arm b second."),
                (
                    by_image(main),
                    "The effect of each image: how far it reaches apart decides how many images are needed.",
                ),
            ],
            traps=TRAPS,
            question=shown(report.key.rules.question),
        )
    )


def sections(report: Report) -> Iterator[tuple[str, Rows]]:
    """Yield titles and lines of names and values."""
    yield "what was compared", _compared(report)
    if report.kept:
        yield "raters whom no rule leaves out", _lines(report.kept, report.key)
    yield "everyone", _lines(report.everyone, report.key)
    yield "left out by the rules", [(code, "; ".join(why)) for code, why in report.left_out.items()] or [("nobody", "")]
    yield "pooled, as in the paper (every rating counts as independent)", _pooled(report.kept or report.everyone)


def _compared(report: Report) -> Rows:
    key = report.key
    rows = [(f"arm {arm}", f"{side.model} of {shown(side.run)}") for arm, side in zip("ab", key.sides, strict=True)]
    ends = [(role, anchor(report.counted, key, role)) for role in ("untranslated", "true-style")]
    return [
        ("question", shown(key.rules.question)),
        ("raters who answered", f"{len(report.raters)} of {report.invited}"),
        *rows,
        ("margin, set beforehand", f"{key.rules.margin:g} points"),
        *((f"anchors, {role}", "-" if mean is None else f"{mean:.2f}") for role, mean in ends),
    ]


def _lines(found: Finding, key: Key) -> Rows:
    facts, variances = told(found, key), found.effect.shares
    raters, images = facts["raters_a_page_needed"], facts["images_needed"]
    return [
        ("raters by page, images", f"{facts['raters'][0]} and {facts['raters'][1]}, {facts['images']}"),
        ("means of a and b", f"{found.means[0]:.3f}, {found.means[1]:.3f}"),
        ("effect, b less a", f"{found.test.value:+.3f}, d {found.effect.d:+.3f}"),
        ("95 % interval", _pair(facts["interval_95"])),
        ("90 % interval, for equivalence", _pair(facts["interval_90"])),
        ("two-way bootstrap, 95 %", _pair(facts["bootstrap_95"])),
        ("p of no difference", f"{facts['p_difference']:.3g}"),
        ("p of no equivalence", f"{facts['p_equivalence']:.3g}"),
        ("correlation within rater, picture", f"{variances.of_raters:.3f}, {variances.of_images:.3f}"),
        ("difference seen with 80 %", "-" if facts["detectable"] is None else f"{facts['detectable']:.3f} points"),
        ("power to show equivalence", f"{100 * facts['power']:.0f} %"),
        ("raters a page for 80 %", _needed(raters)),
        ("or images for 80 %", _needed(images)),
    ]


def _pooled(found: Finding) -> Rows:
    paper = found.independent
    if paper is None:
        return [("all ratings of an arm are one", "")]
    return [
        ("Welch", f"t {paper.t:.3f}, p {paper.p:.3g}"),
        ("two one-sided tests at d 0.3", f"p {paper.outside:.3g}"),
        ("Cohen's d", f"{paper.d:+.3f}"),
    ]


def _pair(ends: Sequence[float] | None) -> str:
    return "-" if ends is None else f"{ends[0]:+.3f} to {ends[1]:+.3f}"


def _needed(count: int | None) -> str:
    return f"over {LARGEST}" if count is None else str(count)
