"""A run on a victim behind an address, from its first question to a record."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_service import Reply, Service, as_png, enlarged, running

import gexbench
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.sandbox.rules import support
from gexbench.engine.service.http_victim import PROBES
from gexbench.errors import EndpointError, GexbenchError, PlanError
from gexbench.record import RunRecord, read_record

ROOT = Path(__file__).resolve().parents[3]
CHEATS = ROOT / "tests" / "cheats"
BUDGET, KEY = 16, "GEXBENCH_KEY_TEST"
CARD = """
name = "me/service"
summary = "A service."
task_kind = "image-to-image"
backend = "http"
scale = 4
dataset = "photos-mini"
[endpoint]
url = "{url}"
price = 0.002
tries = 1
headers = {{ Authorization = "{key}" }}
"""

sandboxed = pytest.mark.skipif(support().landlock_abi < 1, reason="this system has no Landlock")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(KEY, "Bearer s3cret")


@pytest.fixture
def service() -> Iterator[Service]:
    with running() as made:
        yield made


def run(victim: str, folder: Path, attack: str = "asker", **more: Any) -> RunRecord:
    return gexbench.run(
        "cheat/quick", f"cheat/{attack}", victim=victim, out=folder, budget=str(BUDGET), registry=(CHEATS,), **more
    )


def carded(service: Service, folder: Path) -> str:
    file = folder / "service.toml"
    file.write_text(CARD.format(url=service.url, key=KEY))
    return str(file)


def test_a_run_is_asked_scored_paid_and_recorded(service: Service, tmp_path: Path) -> None:
    record = run(carded(service, tmp_path), tmp_path / "runs")
    assert (record.status, record.incidents, record.account.answered) == ("ok", (), BUDGET)
    assert record.bill is not None
    assert record.bill.calls == record.bill.tries == len(service.bodies) - PROBES  # the first were before the run
    assert record.bill.watched == 2 * PROBES
    assert record.bill.paid_usd == round(record.bill.calls * 0.002, 6)
    asked = Counter(service.bodies)
    assert {n for body, n in asked.items() if body not in service.bodies[:PROBES]} == {1}
    assert service.headers["Authorization"] == "Bearer s3cret"
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"s3cret" in path.read_bytes()]


def start(service: Service, folder: Path) -> subprocess.Popen[bytes]:
    words = ["--task", "cheat/quick", "--attack", "cheat/asker", "--registry", str(CHEATS), "--budget", str(BUDGET)]
    command = [sys.executable, "-m", "gexbench", "run", *words, "--victim", carded(service, folder)]
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [*command, "--out", str(folder / "runs")], env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("last", [14, 25])
def test_a_run_killed_over_http_goes_on_and_nothing_is_paid_twice(service: Service, tmp_path: Path, last: int) -> None:
    """Kill it in the middle of a batch, and while the test is asked."""
    waiting: list[subprocess.Popen[bytes]] = []
    answered: list[bytes] = []

    def kill(body: bytes) -> Reply:
        if len(service.bodies) == last and waiting:
            os.kill(waiting.pop().pid, signal.SIGKILL)
            return Reply(b"", 500)
        answered.append(body)
        return as_png(body)

    service.reply = kill
    first = start(service, tmp_path)
    waiting.append(first)
    _, told = first.communicate(timeout=300)
    assert first.returncode == -signal.SIGKILL, told.decode()
    before = [*answered]
    assert len(before) == last - 1
    again = start(service, tmp_path)
    _, told = again.communicate(timeout=300)
    assert again.returncode == 0, told.decode()
    probes = service.bodies[:PROBES]
    twice = [body for body, n in Counter(answered).items() if n > 1 and body not in probes]
    assert not twice
    (file,) = tmp_path.glob("runs/*/record.json")
    record = read_record(file)
    assert (record.account.answered, record.account.sessions) == (BUDGET, 2)
    assert record.bill is not None
    assert record.bill.calls == len(answered) - PROBES
    assert record.bill.tries == record.bill.calls + 1  # the one that was under way


def test_one_that_goes_down_ends_the_run_in_one_line_and_it_goes_on_later(service: Service, tmp_path: Path) -> None:
    service.reply = lambda body: as_png(body) if len(service.bodies) < 15 else Reply(b"<html>", 503)
    victim = carded(service, tmp_path)
    with pytest.raises(EndpointError, match="did not answer: 1 try: HTTP 503") as error:
        run(victim, tmp_path / "runs")
    assert "the same command goes on" in error.value.hint
    (folder,) = (tmp_path / "runs").iterdir()
    assert RunFolder(folder).ledger.is_file()
    assert not RunFolder(folder).record.exists()
    assert "s3cret" not in (folder / "service.log").read_text()
    service.reply = as_png
    record = run(victim, tmp_path / "runs")
    assert (record.status, record.account.answered) == ("ok", BUDGET)
    assert record.bill is not None
    assert record.bill.tries == record.bill.calls + 1


def test_one_that_changes_while_it_is_asked_is_an_incident(service: Service, tmp_path: Path) -> None:
    service.reply = lambda body: Reply(enlarged(body, shift=0 if len(service.bodies) < 15 else 20))
    record = run(service.url, tmp_path / "runs", isolation="none")
    (incident,) = record.incidents
    assert incident.startswith("the victim is no longer what it was at the start: it answers a question otherwise")


def test_one_that_has_changed_since_it_was_first_met_is_refused_before_a_question(
    service: Service, tmp_path: Path
) -> None:
    service.reply = lambda body: Reply(enlarged(body, shift=0 if len(service.bodies) <= PROBES else 20))
    with pytest.raises(EndpointError, match="is no longer what it was: it answers a question otherwise") as error:
        run(service.url, tmp_path / "runs", isolation="none")
    assert "gexbench victim probe" in error.value.hint
    assert len(service.bodies) == 2 * PROBES


def refused(victim: str, folder: Path) -> str:
    with pytest.raises(GexbenchError) as error:
        run(victim, folder / "runs", isolation="none")
    assert "\n" not in str(error.value)
    assert error.value.hint
    assert not [*folder.glob("runs/*/record.json")]
    return f"{type(error.value).__name__}: {error.value}"


def test_what_does_not_answer_as_the_task_wants_is_refused_before_the_first_question(
    service: Service, tmp_path: Path
) -> None:
    service.reply = lambda body: Reply(enlarged(body, scale=2))
    assert "PlanError: victim 'own/127-0-0-1-" in (told := refused(service.url, tmp_path))
    assert "its card says a scale of 4" in told or "not (1, 3" in told


def test_a_web_page_and_a_missing_key_are_one_line_before_any_folder(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.reply = lambda _: Reply(b"<!doctype html><p>Sign in")
    assert "answered with a web page (HTML), not with a PNG" in refused(service.url, tmp_path)
    monkeypatch.delenv(KEY)
    assert f"PlanError: the environment variable {KEY}" in refused(carded(service, tmp_path), tmp_path)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "address", ["ftp://example.org/x", "http://me:s3cret@example.org/", "http://example.org/?s3cret"]
)
def test_what_is_no_address_is_refused_unasked(address: str, tmp_path: Path) -> None:
    told = refused(address, tmp_path)
    assert told.startswith("PlanError: --victim is no address")
    assert "s3cret" not in told


@sandboxed
def test_attack_and_defense_get_no_network_and_no_key(service: Service, tmp_path: Path) -> None:
    wanted = {"port": int(service.url.split(":")[2].partition("/")[0]), "key": KEY}
    record = run(
        carded(service, tmp_path),
        tmp_path / "runs",
        "caller",
        options=wanted,
        defense="cheat/eavesdropper",
        defense_options=wanted,
    )
    assert record.status == "ok", record.reason
    (file,) = tmp_path.glob("runs/*/defense/*/found.json")
    defense = json.loads(file.read_text())
    attack = {key: record.attack_report[key] for key in defense}
    assert (attack.pop("sockets"), defense.pop("sockets")) == ("2", "1")  # bench and oracle; the service
    for name, told in {**attack, **{f"{key} ": value for key, value in defense.items()}}.items():
        assert str(told).startswith("refused"), f"{name}: {told}"
    assert {*Counter(service.bodies).values()} <= {1, 3}  # nobody else asked


def test_weights_cannot_be_had_of_it(service: Service, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="there are answers alone"):
        run(service.url, tmp_path, defense="fingerprint")
