"""Scores of a run with a metric of sets: absent with a reason where it is not defined."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import record_factory
from feature_factory import noise, quiet, write_net, write_registry
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import Main, MetricCard
from gexbench.engine.kinds.evidence import TestEvidence as Shown
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.measure import Prepared, prepare
from gexbench.engine.scoring.score import honest_cost, score
from gexbench.plan import Plan
from gexbench.record import Score

METRICS = ("psnr-rgb", "fid", "lpips-alex")


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Return cards of metrics on the tiny extractor, with its weights in GEXBENCH_HOME."""
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    write_net(tmp_path / "home")
    return write_registry(tmp_path / "registry")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Return a plan whose task is scored by PSNR, FID and LPIPS."""
    records = record_factory.Records(record_factory.write_registry(tmp_path / "tasks"))
    task = {"metrics": METRICS, "honest_cost": ("psnr-rgb", "fid")}
    made = records.plan(seed=3)
    return made.model_copy(update={"task": made.task.model_copy(update=task)})


@pytest.fixture
def prepared(catalog: Catalog) -> Prepared:
    """Return those of the metrics whose weights are here."""
    return prepare([catalog.get(MetricCard, name) for name in METRICS], catalog)


def _shown(count: int) -> Shown:
    def images(first: int) -> tuple[record_factory.Any, ...]:
        return tuple(noise(seed) for seed in range(first, first + count))

    names = tuple(str(index) for index in range(count))
    return Shown(names, images(0), images(100), images(200), None, images(300))


def _scored(
    plan: Plan, prepared: Prepared, catalog: Catalog, **tests: Shown
) -> tuple[dict[tuple[str, str, str], Score], dict[str, str]]:
    scores, absent = score(plan, prepared, tests, Collector(catalog, "cpu"), quiet)
    return {(each.test, each.compare, each.metric): each for each in scores}, absent


def test_every_metric_scores_every_comparison_of_every_split(plan: Plan, prepared: Prepared, catalog: Catalog) -> None:
    scores, absent = _scored(plan, prepared, catalog, set5=_shown(5), set14=_shown(14))
    expected = {(test, side, metric) for test in ("set5", "set14") for side in "ABC" for metric in ("psnr-rgb", "fid")}
    assert set(scores) == expected
    assert set(absent) == {"lpips-alex"}
    fid = scores["set14", "B", "fid"]
    assert (fid.n, fid.seed, fid.higher_is_better) == (14, 3, False)
    assert fid.floor is None
    assert fid.se is not None
    assert fid.se > 0.0
    assert fid.passport.settings["features.extractor"] == "colours"
    assert scores["set14", "B", "psnr-rgb"].floor is None


def test_where_the_truth_is_of_a_style_only_the_copy_is_paired_and_the_others_have_a_floor(
    plan: Plan, catalog: Catalog
) -> None:
    names = ("fid", "kid")
    task = plan.task.model_copy(update={"metrics": names, "truth": "style"})
    prepared = prepare([catalog.get(MetricCard, name) for name in names], catalog)
    shown = _shown(8)
    copied = replace(shown, surrogate=shown.victim)
    scores, _ = _scored(plan.model_copy(update={"task": task}), prepared, catalog, set5=copied)
    assert {side: scores["set5", side, "fid"].floor is None for side in "ABC"} == {"A": False, "B": True, "C": False}
    rounding = abs(1e-9 * scores["set5", "A", "kid"].value)
    assert scores["set5", "B", "kid"].value == pytest.approx(0.0, abs=rounding)
    assert scores["set5", "B", "fid"].value == pytest.approx(0.0, abs=1e-6)
    assert all(score.se is not None for score in scores.values())


def test_a_metric_that_is_not_defined_is_absent_with_split_and_reason(
    plan: Plan, prepared: Prepared, catalog: Catalog
) -> None:
    scores, absent = _scored(plan, prepared, catalog, one=_shown(1), many=_shown(6))
    assert ("one", "A", "psnr-rgb") in scores
    assert ("many", "C", "fid") in scores
    assert ("one", "A", "fid") not in scores
    assert absent["fid"].startswith("one, ")
    assert "needs 2 or more" in absent["fid"]


def test_the_victim_control_has_no_b(plan: Plan, prepared: Prepared, catalog: Catalog) -> None:
    scores, _ = _scored(plan, prepared, catalog, set5=replace(_shown(5), surrogate=None))
    assert {side for _, side, _ in scores} == {"A", "C"}
    assert scores["set5", "A", "fid"].value == scores["set5", "C", "fid"].value


def test_where_nobody_knows_a_truth_there_is_b_alone(plan: Plan, prepared: Prepared, catalog: Catalog) -> None:
    blind = plan.model_copy(update={"task": plan.task.model_copy(update={"truth": "none"})})
    scores, absent = _scored(blind, prepared, catalog, set5=replace(_shown(5), truth=()))
    assert {side for _, side, _ in scores} == {"B"}
    assert set(absent) == {"lpips-alex"}
    assert scores["set5", "B", "fid"].floor is None


def test_answers_to_honest_users_are_scored_by_sets_too(plan: Plan, prepared: Prepared, catalog: Catalog) -> None:
    shown = _shown(5)
    guarded = replace(shown, guarded=tuple(noise(seed) for seed in range(400, 405)))
    collector = Collector(catalog, "cpu")
    costs = honest_cost(plan, prepared, {"set5": guarded}, collector, quiet)
    assert [cost.metric for cost in costs] == ["psnr-rgb", "fid"]
    assert honest_cost(plan, prepared, {"set5": shown}, collector, quiet) == ()


def test_where_a_task_names_no_cost_it_is_in_the_metric_that_ranks(
    plan: Plan, prepared: Prepared, catalog: Catalog
) -> None:
    task = plan.task.model_copy(update={"kind": "sampling", "honest_cost": (), "main": Main(metric="fid", compare="B")})
    drawing, collector = plan.model_copy(update={"task": task}), Collector(catalog, "cpu")
    shown = _shown(5)

    def cost(guarded: tuple[Tensor, ...]) -> list[tuple[str, float, int]]:
        tests = {"figures": replace(shown, guarded=guarded)}
        return [(c.metric, c.value, c.n) for c in honest_cost(drawing, prepared, tests, collector, quiet)]

    ((metric, value, n),) = cost(tuple(noise(seed) for seed in range(400, 405)))
    assert (metric, n) == ("fid", 5)
    assert value > 0
    assert cost(shown.victim) == [("fid", pytest.approx(0.0, abs=1e-6), 5)]


def test_a_cost_is_of_all_users_where_some_are_spared(plan: Plan, prepared: Prepared, catalog: Catalog) -> None:
    shown, collector = _shown(4), Collector(catalog, "cpu")
    spoiled = tuple(255 - image for image in shown.victim)

    def cost(guarded: tuple[Tensor, ...]) -> float:
        tests = {"set5": replace(shown, guarded=guarded)}
        return next(c.value for c in honest_cost(plan, prepared, tests, collector, quiet) if c.metric == "psnr-rgb")

    all_of_them = cost(spoiled)
    assert cost((*shown.victim[:2], *spoiled[2:])) == pytest.approx(all_of_them + 10 * math.log10(2), abs=1)
    assert cost(shown.victim) == math.inf


def test_where_the_truth_is_a_style_only_metrics_of_sets_compare_with_it(
    plan: Plan, prepared: Prepared, catalog: Catalog
) -> None:
    task = plan.task.model_copy(update={"truth": "style"})
    shown = _shown(6)
    shown = replace(shown, truth=(*shown.truth, noise(500), noise(501)))
    scores, _ = _scored(plan.model_copy(update={"task": task}), prepared, catalog, photos=shown)
    sides = {(side, metric) for _, side, metric in scores}
    assert sides == {("A", "fid"), ("B", "fid"), ("C", "fid"), ("B", "psnr-rgb")}
    assert scores["photos", "C", "fid"].n == 6


def _with(plan: Plan, *metrics: str) -> Plan:
    """Return the plan with metrics of its profile alone."""
    profile = plan.scale.model_copy(update={"extra_metrics": metrics})
    task = plan.task.model_copy(update={"metrics": ("psnr-rgb",), "profile": {plan.profile.name: profile}})
    return plan.model_copy(update={"task": task})


@pytest.fixture
def more(catalog: Catalog) -> Prepared:
    """Return a metric of images alone and one of what was queried."""
    return prepare([catalog.get(MetricCard, name) for name in ("alone", "kept")], catalog)


def test_images_alone_are_the_victims_in_a_and_the_surrogates_in_c(
    plan: Plan, more: Prepared, catalog: Catalog
) -> None:
    scores, absent = _scored(_with(plan, "alone"), more, catalog, set5=_shown(5))
    assert {side for _, side, _ in scores} == {"A", "C"}
    assert scores["set5", "A", "alone"].value != scores["set5", "C", "alone"].value
    assert absent == {}


def test_what_was_queried_is_held_against_in_b_alone(plan: Plan, more: Prepared, catalog: Catalog) -> None:
    shown = _shown(5)
    assert shown.surrogate is not None
    shown = replace(shown, queried=shown.surrogate[:4], unqueried=tuple(noise(seed) for seed in range(600, 604)))
    scores, absent = _scored(_with(plan, "kept"), more, catalog, set5=shown)
    assert set(scores) == {("set5", "B", "kept")}
    assert scores["set5", "B", "kept"].value >= 0.8
    assert absent == {}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "set5, B: kept is not defined here: it needs to know which images were queried"),
        ({"queried": (), "unqueried": ()}, "set5, B: kept is not defined here: the run queried 0 images"),
        ({"surrogate": None}, "set5, B: the victim is no copy, and nothing was queried"),
    ],
    ids=["a service that takes images", "a control that asks nothing", "the victim"],
)
def test_where_nothing_was_queried_the_reason_is_said(
    plan: Plan, more: Prepared, catalog: Catalog, changes: dict[str, object], why: str
) -> None:
    scores, absent = _scored(_with(plan, "kept"), more, catalog, set5=replace(_shown(5), **changes))
    assert scores == {}
    assert absent["kept"].startswith(why)
