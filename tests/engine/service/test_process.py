"""The service's process answers the attack and the bench; nothing that the attack says ends it."""

from __future__ import annotations

import hashlib
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from gexbench.cards.schema import DefenseCard
from gexbench.core.defense import Defense, History
from gexbench.engine.attacker.oracle import over
from gexbench.engine.defender import process as defender_process
from gexbench.engine.service import process
from gexbench.engine.service.ledger import Ledger, is_shut
from gexbench.engine.wire.frames import Channel, Frame, pair
from gexbench.engine.wire.image_file import store_images
from gexbench.engine.wire.messages import (
    Answer,
    AnswerUnmetered,
    Asked,
    Broken,
    Closed,
    CloseOracle,
    DrawUnmetered,
    Incident,
    Message,
    OpenService,
    Query,
    Ready,
    Refused,
    Sample,
    ShowQueried,
    Stop,
    Unmetered,
    receive,
    send,
)
from gexbench.errors import QueryError
from gexbench.plan import Plan
from gexbench.record import Account

from ..toy_orders import HANG, catalog, open_service, plan

WEIGHTS = safetensors.torch.save({"level": torch.tensor([1.0])})
ANY = (Ready, Asked, Incident, Closed, Unmetered, Broken)
BUDGET = 5


class Negative(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return (self.level - x).repeat_interleave(4, -1).repeat_interleave(4, -2)


class Victim:
    def build(self, options: Mapping[str, Any]) -> nn.Module:
        return Negative()


class Stumbling(Defense):
    """Stumbles over black images."""

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        return y if float(x.max()) > 0 else y * float("nan")


class Drawing(nn.Module):
    """Three numbers are a colour."""

    latent_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.zeros(1))

    def forward(self, z: Tensor) -> Tensor:
        return (self.level * torch.sigmoid(z))[:, :, None, None].expand(-1, 3, 8, 8)


class Drawer:
    def build(self, options: Mapping[str, Any]) -> nn.Module:
        return Drawing()


class Keeping(Defense):
    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        return y


def drawing_plan() -> Plan:
    """Return a plan of a service that draws, behind a defense, and is scored on four images."""
    made, toy = plan("latent-fidelity", "sngan"), toy_plan("Keeping")
    victim = made.victim.model_copy(update={"entry": f"{__name__}:Drawer", "net": {}})
    scale = made.scale.model_copy(update={"samples": 4, "side": 8})
    task = made.task.model_copy(update={"profile": {made.profile.name: scale}})
    changes = {"task": task, "victim": victim, "defense": toy.defense, "victim_weights": toy.victim_weights}
    return made.model_copy(update={**changes, "budget": BUDGET})


def toy_plan(defense: str | None = None) -> Plan:
    """Return a plan of super-resolution whose victim is the one above."""
    made = plan()
    victim = made.victim.model_copy(update={"entry": f"{__name__}:Victim", "net": {}})
    guard = None
    if defense:
        guard = catalog().get(DefenseCard, "jpeg").model_copy(update={"entry": f"{__name__}:{defense}"})
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    wide = {made.profile.name: made.scale.model_copy(update={"largest": 1 << 16})}
    task = made.task.model_copy(update={"profile": {**made.task.profile, **wide}})
    changes = {"task": task, "victim": victim, "defense": guard, "victim_weights": digest, "budget": BUDGET}
    return made.model_copy(update=changes)


class Sides:
    """Bench and attacker, who speak to a service's process, which here is a thread."""

    def __init__(self, bench: Channel, attacker: Channel, oracle: Channel, argv: list[str]) -> None:
        self.bench, self.attacker = bench, attacker
        self.oracle = oracle  # the service's own end
        for end in (bench, attacker):
            end.end.settimeout(HANG)
        self.codes: list[int] = []
        self.thread = threading.Thread(target=lambda: self.codes.append(process.main(argv)))

    def order(self, message: Message) -> Message | None:
        """Send the service a message from the bench and return what comes next."""
        send(self.bench, message)
        return self.told()

    def told(self) -> Message | None:
        """Return the next message to the bench."""
        return receive(self.bench, *ANY)

    def asked(self, question: Message) -> Answer | Refused | None:
        """Ask as the attack does and return the answer."""
        send(self.attacker, question)
        return receive(self.attacker, Answer, Refused)

    def end(self) -> int:
        self.thread.join(HANG)
        return self.codes[0]


@pytest.fixture
def defended() -> None:
    """Have a defense's process beside the service; see sides."""


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Sides]:
    """Both sides; where the test asks for it, a defense's process, which here is a thread, too, is at the third."""
    with ExitStack() as stack:
        (bench, control), (attacker, oracle), (guard, defense) = pair(), pair(), pair()
        ends = {"5": control, "6": oracle, "7": guard, "8": defense}
        for channel in (bench, control, attacker, oracle, guard, defense):
            stack.callback(channel.close)
        monkeypatch.setattr(Channel, "inherited", lambda fd: ends[str(fd)])
        monkeypatch.setattr(process.linux, "shield", lambda: None)
        monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
        made = Sides(bench, attacker, oracle, ["5", "6", "7"] if "defended" in request.fixturenames else ["5", "6"])
        defender = threading.Thread(target=lambda: defender_process.main(["8"]))
        if "defended" in request.fixturenames:
            defender.start()
            stack.callback(defender.join)
            stack.callback(guard.end.shutdown, socket.SHUT_RDWR)
        stack.callback(made.thread.join)
        stack.callback(bench.end.shutdown, socket.SHUT_RDWR)  # first, so that a thread that still listens ends
        made.thread.start()
        yield made


@pytest.fixture
def opened(sides: Sides, tmp_path: Path) -> Sides:
    """Both sides of a service that is ready."""
    assert sides.order(order(tmp_path)) == Ready()
    return sides


def order(folder: Path, defense: str | None = None) -> OpenService:
    (folder / "victim.safetensors").write_bytes(WEIGHTS)
    return open_service(folder, plan=toy_plan(defense))


def images(count: int = 1, level: int = 100, side: int = 16) -> Query:
    return Query(x=torch.arange(level, level + count).to(torch.uint8)[:, None, None, None].repeat(1, 3, side, side))


def account(**counts: int) -> Closed:
    answered, refused = counts.get("answered", 0), counts.get("refused", 0)
    return Closed(account=Account(budget=BUDGET, asked=answered + refused, sessions=1, **counts))


def test_a_question_is_answered_and_the_bench_hears_what_was_spent(opened: Sides) -> None:
    answer = opened.asked(images(2))
    assert isinstance(answer, Answer)
    assert answer.y.shape == (2, 3, 64, 64)
    assert (answer.y.unique().tolist(), answer.remaining) == ([154, 155], 3)
    assert opened.told() == Asked(spent=2)
    opened.asked(images(2, level=7))
    assert opened.told() == Asked(spent=4)


@pytest.mark.parametrize(
    ("question", "beyond", "counted"),
    [
        (images(BUDGET + 1), True, BUDGET + 1),
        (images(side=4), False, 1),
        (Sample(n=1), False, 1),
        (Sample(n=["\ud800"]), False, 0),
    ],
    ids=["over the budget", "too small", "of another kind", "no question"],
)
def test_a_refused_question_costs_nothing_and_the_bench_hears_nothing(
    opened: Sides, question: Query | Sample, beyond: bool, counted: int
) -> None:
    refused = opened.asked(question)
    assert isinstance(refused, Refused)
    assert (refused.over, refused.remaining) == (beyond, BUDGET)
    assert opened.order(CloseOracle()) == account(refused=counted)


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (Frame("burn"), "the oracle cannot read this: 'burn' where 'query' or 'sample' was due"),
        (CloseOracle().frame(), "the oracle cannot read this: 'close' where 'query' or 'sample' was due"),
        (Frame("query", {"x": "an image"}), "the oracle cannot read this: 'query' is malformed: x: Input should be"),
        (Frame("sample", {"n": 1, "\ud800\n": 2}), "the oracle cannot read this: 'sample' is malformed: "),
    ],
    ids=["unknown", "the bench's", "malformed", "no text"],
)
def test_what_no_attack_may_say_is_refused_and_costs_nothing(opened: Sides, frame: Frame, told: str) -> None:
    opened.attacker.send(frame)
    refused = receive(opened.attacker, Refused)
    assert refused is not None
    assert refused.message.startswith(told)
    assert (refused.over, refused.remaining, refused.hint) == (False, BUDGET, "use oracle.query or oracle.sample")
    assert isinstance(opened.asked(images()), Answer)
    assert opened.told() == Asked(spent=1)
    assert opened.order(CloseOracle()) == account(answered=1)


@pytest.mark.parametrize("rubbish", [b"\xff" * 64, b"\x08" + bytes(15)], ids=["too long", "no frame"])
def test_garbage_closes_the_oracle_with_an_incident_and_the_bench_is_still_served(
    opened: Sides, rubbish: bytes
) -> None:
    opened.attacker.end.sendall(rubbish)
    incident = opened.told()
    assert isinstance(incident, Incident)
    assert incident.text.startswith("the oracle's socket carried no frame: ")
    assert isinstance(opened.order(AnswerUnmetered(x=images().x)), Unmetered)
    assert opened.oracle.fileno() == -1
    with pytest.raises(QueryError, match="the oracle has"):  # and waits for no answer in vain
        over(opened.attacker)(images())
    assert opened.order(CloseOracle()) == account()
    send(opened.bench, Stop())
    assert opened.end() == 0


def test_an_attack_that_leaves_off_within_a_message_does_not_keep_the_bench_waiting(
    sides: Sides, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "STALLED", 0.01)
    assert sides.order(order(tmp_path)) == Ready()
    sides.attacker.end.sendall(b"\x08")
    incident = sides.told()
    assert isinstance(incident, Incident)
    assert incident.text == "the oracle's socket carried no frame: a frame was not through after 0 s"
    assert sides.order(CloseOracle()) == account()


def test_an_attack_that_does_not_take_its_answer_does_not_keep_the_bench_waiting(
    sides: Sides, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "STALLED", 0.01)
    assert sides.order(order(tmp_path)) == Ready()
    send(sides.attacker, images(2, side=256))
    incident = sides.told()
    assert isinstance(incident, Incident)
    assert incident.text.endswith("a frame was not through after 0 s")
    assert sides.order(CloseOracle()) == account(answered=2)


def test_an_attack_that_is_gone_is_no_incident(opened: Sides) -> None:
    opened.asked(images())
    opened.attacker.close()
    assert opened.told() == Asked(spent=1)
    assert opened.order(CloseOracle()) == account(answered=1)


def test_after_the_oracle_is_closed_every_question_is_refused_and_the_account_stays(opened: Sides) -> None:
    opened.asked(images(3))
    opened.told()
    assert opened.order(CloseOracle()) == account(answered=3)
    refused = opened.asked(images(2))
    assert isinstance(refused, Refused)
    assert refused.message == "the oracle has closed: the attack has ended"
    assert opened.order(CloseOracle()) == account(answered=3, refused=2)


@pytest.mark.parametrize("for_evidence", [False, True])
def test_the_ledger_is_shut_for_later_sessions_where_evidence_comes_next(
    opened: Sides, tmp_path: Path, for_evidence: bool
) -> None:
    assert opened.order(CloseOracle(for_evidence=for_evidence)) == account()
    assert is_shut(tmp_path / "ledger.sqlite") == for_evidence


def test_answers_to_the_test_are_not_counted(opened: Sides) -> None:
    x = images(BUDGET + 3).x
    answers = opened.order(AnswerUnmetered(x=x))
    assert isinstance(answers, Unmetered)
    assert torch.equal(answers.plain[:, :, ::4, ::4], 255 - x)
    assert answers.guarded is None
    assert opened.order(CloseOracle()) == account()


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (
            images().frame(),
            "'query' where 'close' or 'answer-unmetered' or 'draw-unmetered' or 'show-queried' or 'settle' or 'stop'",
        ),
        (Frame("burn"), "'burn' where "),
        (Frame("draw-unmetered", {"first": "no"}), "'draw-unmetered' is malformed: first: "),
    ],
    ids=["out of turn", "unknown", "malformed"],
)
def test_a_message_that_is_not_due_from_the_bench_is_told_in_one_line_and_ends_the_service(
    opened: Sides, frame: Frame, told: str
) -> None:
    opened.bench.send(frame)
    broken = opened.told()
    assert isinstance(broken, Broken)
    assert broken.message.startswith(f"the service cannot read its orders: {told}")
    assert (broken.kind, broken.hint, "\n" in broken.message) == ("GexbenchError", "a bug; report it", False)
    assert opened.end() == 1


@pytest.mark.parametrize("frame", [CloseOracle().frame(), images().frame(), Frame("open", {"plan": 3})])
def test_nothing_comes_before_the_order_to_open(sides: Sides, frame: Frame) -> None:
    sides.bench.send(frame)
    broken = sides.told()
    assert isinstance(broken, Broken)
    assert broken.message.startswith(f"the service cannot read its orders: {frame.op!r} ")
    assert sides.end() == 1


def test_an_order_this_kind_of_service_does_not_take_is_told_by_its_class(opened: Sides) -> None:
    broken = opened.order(DrawUnmetered(first=0, n=1))
    assert isinstance(broken, Broken)
    assert (broken.kind, broken.hint) == ("QueryError", "send test inputs")


def test_a_victim_that_cannot_be_opened_is_told_in_place_of_ready(sides: Sides, tmp_path: Path) -> None:
    asked = order(tmp_path)
    asked.weights.unlink()
    broken = sides.order(asked)
    assert isinstance(broken, Broken)
    assert (broken.kind, broken.message) == ("AssetMissing", f"no victim weights at {asked.weights}")
    assert broken.hint.startswith("train it: gexbench victim train")
    assert sides.end() == 1


@pytest.mark.usefixtures("defended")
def test_a_defense_that_stumbles_is_told_and_answers_no_question_after_it(sides: Sides, tmp_path: Path) -> None:
    assert sides.order(order(tmp_path, defense="Stumbling")) == Ready()
    assert isinstance(sides.asked(images(2)), Answer)
    assert sides.told() == Asked(spent=2)
    send(sides.attacker, images(level=0))
    broken = sides.told()
    assert isinstance(broken, Broken)
    assert (broken.kind, broken.message[:37]) == ("RunFailed", "guard_output of the defense 'jpeg' re")
    assert isinstance(sides.asked(images()), Refused)
    closed = sides.order(CloseOracle())
    assert isinstance(closed, Closed)
    assert closed.account == account(answered=2, refused=1).account
    assert closed.delay is not None
    assert closed.delay > 0


@pytest.mark.usefixtures("defended")
def test_the_places_of_the_tests_questions_are_drawn_of_what_the_defense_is_not_told(
    sides: Sides, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, started = list[bytes](), list[Message]()
    stream, start = process.stream, defender_process.Defender._start
    monkeypatch.setattr(process, "stream", lambda *words: (drawn.append(words[3]), stream(*words))[1])
    monkeypatch.setattr(
        defender_process.Defender, "_start", lambda self, order: (started.append(order), start(self, order))[1]
    )
    given = {"secret": "5e" * 32, "key": "6b" * 32}
    assert sides.order(order(tmp_path, defense="Stumbling").model_copy(update=given)) == Ready()
    assert drawn[0].startswith(b"\x5e" * 32)
    assert "6b" * 32 in started[0].model_dump_json()
    assert "5e5e" not in started[0].model_dump_json()


@pytest.mark.usefixtures("defended")
def test_a_service_that_draws_draws_for_the_test_behind_its_defense(sides: Sides, tmp_path: Path) -> None:
    assert sides.order(order(tmp_path).model_copy(update={"plan": drawing_plan()})) == Ready()
    assert isinstance(sides.asked(Sample(n=2)), Answer)
    assert sides.told() == Asked(spent=2)
    tested = sides.order(DrawUnmetered(first=0, n=4))
    assert isinstance(tested, Unmetered)
    assert tested.guarded is not None
    assert torch.equal(tested.guarded, tested.plain)
    assert len(tested.plain.flatten(1).unique(dim=0)) == 4


class Brighter(Defense):
    """Deploys a victim that starts from another level."""

    def harden(self, victim: nn.Module, owner: Any) -> nn.Module:
        victim.level.data.fill_(0.25 * len(owner))  # type: ignore[operator, union-attr]
        return victim


class Trojan(Negative):
    """Hides code where it answers."""

    def forward(self, x: Tensor) -> Tensor:
        raise AssertionError("foreign code in the service")


class Hiding(Defense):
    def harden(self, victim: nn.Module, owner: Any) -> nn.Module:
        return Trojan()


class Patching(Defense):
    """Hides code in the very object."""

    def harden(self, victim: nn.Module, owner: Any) -> nn.Module:
        victim.forward = Trojan().forward  # type: ignore[method-assign]
        victim.register_forward_hook(lambda *_: 1 / 0)
        return victim


def hardening(folder: Path, defense: str) -> OpenService:
    store_images(folder / "owner.safetensors", [torch.zeros(3, 8, 8)] * 3)
    return order(folder, defense).model_copy(update={"owner": folder / "owner.safetensors"})


@pytest.mark.usefixtures("defended")
def test_a_hardened_victim_answers_clients_and_a_clean_one_the_test(sides: Sides, tmp_path: Path) -> None:
    assert sides.order(hardening(tmp_path, "Brighter")) == Ready()
    answer = sides.asked(images(1))
    assert isinstance(answer, Answer)
    assert answer.y.unique().tolist() == [round(0.75 * 255) - 100]
    assert sides.told() == Asked(spent=1)
    tested = sides.order(AnswerUnmetered(x=images(1, level=7).x))
    assert isinstance(tested, Unmetered)
    assert tested.guarded is not None
    assert (tested.plain.unique().tolist(), tested.guarded.unique().tolist()) == ([248], [184])
    shown = sides.order(ShowQueried(place=0))
    assert isinstance(shown, Unmetered)
    assert shown.guarded is not None
    assert (shown.plain.unique().tolist(), shown.guarded.unique().tolist()) == ([155], [91])


@pytest.mark.usefixtures("defended")
def test_a_network_of_another_class_is_refused_by_the_defenses_name(sides: Sides, tmp_path: Path) -> None:
    broken = sides.order(hardening(tmp_path, "Hiding"))
    assert isinstance(broken, Broken)
    assert broken.kind == "RunFailed"
    assert broken.message.startswith(f"harden of the defense 'jpeg' returned a {__name__}:Trojan, not a ")


@pytest.mark.usefixtures("defended")
def test_code_that_a_defense_puts_on_the_network_stays_behind(sides: Sides, tmp_path: Path) -> None:
    assert sides.order(hardening(tmp_path, "Patching")) == Ready()
    answer = sides.asked(images(1))
    assert isinstance(answer, Answer)
    assert answer.y.unique().tolist() == [155]
    assert sides.told() == Asked(spent=1)


@pytest.mark.usefixtures("defended")
def test_a_defense_that_cannot_be_made_is_told_in_place_of_ready(sides: Sides, tmp_path: Path) -> None:
    broken = sides.order(order(tmp_path, "Nobody"))
    assert isinstance(broken, Broken)
    assert broken.message.startswith("the defense 'jpeg' cannot be opened: module ")


@pytest.mark.usefixtures("defended")
def test_nothing_is_hardened_without_the_owners_images(sides: Sides, tmp_path: Path) -> None:
    assert sides.order(order(tmp_path, "Hiding")) == Ready()


@pytest.mark.parametrize("ending", ["stop", "gone"])
def test_it_ends_when_the_bench_says_so_or_goes_away(opened: Sides, tmp_path: Path, ending: str) -> None:
    opened.asked(images(2))
    assert opened.told() == Asked(spent=2)
    if ending == "stop":
        send(opened.bench, Stop())
    else:
        opened.bench.end.shutdown(socket.SHUT_WR)
    assert opened.end() == 0
    ledger = Ledger(tmp_path / "ledger.sqlite", toy_plan().id, BUDGET)
    assert ledger.spent == 2
    ledger.close()


def test_without_a_word_from_the_bench_it_just_ends(sides: Sides) -> None:
    sides.bench.end.shutdown(socket.SHUT_WR)
    assert sides.end() == 1
    assert select.select([sides.bench], [], [], 0)[0] == []
