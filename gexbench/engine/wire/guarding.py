"""The protocol between the service and the defense's process.

    bench → preparer     Prepare → Progress any number of times, then Prepared; once, and Stop ends it
    preparer → bench     Ready when it can take an order; Failed in place of any answer, and then it ends
    service → defense    StartDefense → Defends; once, first
                         Harden → Hardened; at most once, next
                         GuardOne → Guarded; any number of times, one image each
                         Stop ends it
    bench → defense      StartDefense → Defends; once, first, in a process that has seen nothing of a run
                         AskQuestions → Questions; at most once, next
                         Judge → Judged; any number of times, one model each
                         Stop ends it
    defense → service    DefenseFailed in place of any answer

What a defense is sent about a question of the test is as what it is sent about a client's. What it sends is a claim,
and a message that is malformed or out of turn fails the run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator
from torch import Tensor

from gexbench.cards.fields import OptionValue
from gexbench.engine.wire.messages import Line, Message, Name, Text
from gexbench.ownership import Scored

MOST_QUESTIONS = 1024
"""Questions that suspects are asked: of more, the first."""


def _few(value: object) -> object:
    return tuple(value[:8]) if isinstance(value, list | tuple) else value


class Prepare(Message):
    """Prepare a defense for a victim; see core.defense.Place.

    entry, code, options: as in StartDefense. victim, net, weights, digest: the victim's entry and net, its file and
    that file's SHA-256. owner, style: stored images, None where there are none.
    """

    op = "prepare"
    entry: str
    code: Path | None
    options: dict[str, OptionValue]
    victim: str
    net: dict[str, Any]
    weights: Path
    digest: str
    owner: Path
    style: Path | None
    scale: int
    assets: dict[str, Path]
    device: str
    precision: str
    threads: int
    seed: int
    workdir: Path


class Prepared(Message):
    """What the defense prepared, as the bytes of a safetensors file."""

    op = "prepared"
    content: Tensor


class StartDefense(Message):
    """The defense that a process is to run; code: the folder of a plug-in's modules, None for an installed package.

    key: 32 bytes in hex. prepared: the file of what it prepared, None where it prepares nothing.
    """

    op = "start-defense"
    entry: str
    code: Path | None = None
    options: dict[str, OptionValue]
    device: str
    threads: int
    key: str = ""
    prepared: Path | None = None


class Defends(Message):
    """The defense is made; moments: the methods that its class overrides, and no other need be called."""

    op = "defends"
    moments: Annotated[tuple[Name, ...], BeforeValidator(_few)]


class Harden(Message):
    """Harden a victim: its entry and net, its weights as the bytes of a safetensors file, the owner's stored images."""

    op = "harden"
    entry: str
    net: dict[str, Any]
    weights: Tensor
    owner: Path


class Hardened(Message):
    """The weights of the victim to deploy, as the bytes of a safetensors file, and its class; the code stays behind."""

    op = "hardened"
    weights: Tensor
    class_path: Line


class GuardOne(Message):
    """Call a moment about one image: `x` and for guard_output `y`, 8-bit images, or a latent in float32.

    answered, seed: what the history is made of; see core.defense.History.
    """

    op = "guard"
    moment: str
    x: Tensor
    y: Tensor | None = None
    answered: int
    seed: int


class Guarded(Message):
    """What the moment returned, still to be looked at."""

    op = "guarded"
    made: Tensor


class AskQuestions(Message):
    """Choose what suspects are asked; asked, common: stored images, see core.defense.Defense.questions."""

    op = "ask-questions"
    asked: Path
    common: Path


class Questions(Message):
    """What suspects are asked: 8-bit images of mixed sizes, as the bytes of a safetensors file, in their order."""

    op = "questions"
    images: Tensor


class Judge(Message):
    """Conclude what a model's outputs say; all three are stored images, `questions` None where services draw."""

    op = "judge"
    outputs: Path
    questions: Path | None = None
    plain: Path


class Judged(Message):
    """What the defense concluded; see core.defense.Claim."""

    op = "judged"
    claim: Scored


class DefenseFailed(Message):
    """The defense raised, or returned what is no tensor; reason: what it did, to follow its name."""

    op = "defense-failed"
    reason: Text
