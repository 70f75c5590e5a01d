"""The two parties of a run as the bench sees them, and their in-process form for debugging."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gexbench.cards.entry import load_entry
from gexbench.core.attack import Progress, Surrogate
from gexbench.engine.attacker.process import infer, latent_size, make_brief, save_surrogate
from gexbench.engine.service.ledger import Ledger
from gexbench.engine.service.meter import Meter
from gexbench.engine.service.process import answer_test, draw_test, open_desk
from gexbench.errors import RunFailed
from gexbench.plan import Plan
from gexbench.record import Account


@dataclass
class Journal:
    """What happens while the parties run: progress as it comes, incidents by text, the attack's own small report."""

    tick: Progress
    incidents: list[str] = field(default_factory=list)
    report: dict[str, float | int | str] = field(default_factory=dict)
    peak_memory: dict[str, int] = field(default_factory=dict)

    def note(self, incidents: object) -> None:
        """Add incidents once each, whatever an untrusted process sent."""
        for text in incidents if isinstance(incidents, list) else []:
            line = str(text)[:300]
            if line not in self.incidents and len(self.incidents) < 50:
                self.incidents.append(line)


@dataclass(frozen=True)
class Start:
    """What both parties are started with: the plan, the files, the hardware."""

    plan: Plan
    service_files: Mapping[str, Any]
    brief: Mapping[str, Any]
    device: str
    threads: int


class ServiceParty(Protocol):
    """The service, from the bench."""

    def close(self) -> Account: ...
    def answer(self, x: Tensor) -> Mapping[str, Tensor]: ...
    def draw(self, first: int, n: int) -> Mapping[str, Tensor]: ...
    def stop(self) -> None: ...


class ContenderParty(Protocol):
    """The contender, from the bench; latent_size: what its surrogate says it takes, after extract()."""

    latent_size: int | None

    def extract(self) -> None: ...
    def infer(self, x: Tensor) -> Tensor: ...
    def save(self, folder: Path) -> str: ...
    def stop(self) -> None: ...


class LocalService:
    """A service in this process: no boundary, for debugging."""

    def __init__(self, start: Start) -> None:
        ledger = Ledger(Path(start.service_files["ledger"]), start.plan.id, start.plan.budget)
        desk = open_desk(start.plan, dict(start.service_files), torch.device(start.device))
        self.meter = Meter(desk, ledger)

    def close(self) -> Account:
        """Refuse questions from now on and return the account."""
        self.meter.close()
        return self.meter.ledger.account()

    def answer(self, x: Tensor) -> Mapping[str, Tensor]:
        """Return unmetered answers to test inputs (N,3,h,w) uint8."""
        return answer_test(self.meter.desk, x)

    def draw(self, first: int, n: int) -> Mapping[str, Tensor]:
        """Return unmetered images number `first` and on, which are never sold."""
        return draw_test(self.meter.desk, first, n)

    def stop(self) -> None:
        """Close the ledger."""
        self.meter.ledger.close()


class LocalContender:
    """An attack in this process: no boundary, for debugging; its errors become a RunFailed with the cause attached."""

    def __init__(self, start: Start, service: LocalService, journal: Journal) -> None:
        self._start, self._service, self._journal = start, service, journal
        self._surrogate: Surrogate | None = None
        self.latent_size: int | None = None

    def extract(self) -> None:
        """Run the attack."""
        brief = make_brief(self._start.brief, self._journal.tick)
        code = self._start.brief.get("code")
        attack = load_entry(self._start.brief["entry"], Path(code) if code else None)()
        surrogate = self._guard(lambda: attack.extract(self._service.meter, brief))
        if isinstance(surrogate, nn.Module):
            surrogate.eval()
        self._surrogate, self.latent_size = surrogate, latent_size(surrogate)
        self._journal.report.update(getattr(attack, "report", {}))

    def infer(self, x: Tensor) -> Tensor:
        """Return the surrogate's raw output for (N,3,h,w) uint8, or for latents (N,d) float32."""
        surrogate = self._surrogate
        if surrogate is None:
            raise RunFailed("no surrogate yet")
        result: Tensor = self._guard(lambda: infer(surrogate, x, torch.device(self._start.device)))
        return result

    def save(self, folder: Path) -> str:
        """Save the surrogate's weights below `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        surrogate = self._surrogate
        return "" if surrogate is None else str(self._guard(lambda: save_surrogate(surrogate, folder)))

    def stop(self) -> None:
        """Nothing to stop."""

    @staticmethod
    def _guard(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except RunFailed:
            raise  # the defense's fault, met while the attack asked
        except Exception as error:
            raise RunFailed(f"the attack raised {type(error).__name__}: {error}") from error
