"""`gexbench new`: a working submission or card to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

Role = Literal["attack", "defense"]
Layout = Literal["one", "paired", "unpaired"]

app = typer.Typer(no_args_is_help=True, help="Write something that works as it is, to start from.")
Name = Annotated[str, typer.Argument(help="Its name with your namespace in front, such as alice/mykd.")]
Kind = Annotated[
    str | None, typer.Option(help="The kind of task it is for: image-to-image, if none is named, or sampling.")
]
Into = Annotated[Path | None, typer.Option("--in", help="Where; submissions/ if there is one, else here.")]
Cards = Annotated[Path, typer.Option("--in", help="Your folder of cards, which other commands take as --registry.")]
CARDS = Path("cards")


@app.command("attack")
def new_attack(name: Name, kind: Kind = None, into: Into = None) -> None:
    """Write an attack: card, code, README.

    Example: `gexbench new attack alice/mykd`
    """
    _new("attack", name, kind, into)


@app.command("defense")
def new_defense(name: Name, kind: Kind = None, into: Into = None) -> None:
    """Write a defense: card, code, README.

    Example: `gexbench new defense alice/wobble`
    """
    _new("defense", name, kind, into)


@app.command("dataset")
def new_dataset(
    name: Name,
    source: Annotated[Path, typer.Option("--from", help="A folder of images, or a zip of one.")],
    layout: Annotated[
        Layout, typer.Option(help="one: photos alone; paired: input/ and target/; unpaired: photo/ and style/.")
    ] = "one",
    sides: Annotated[str | None, typer.Option(help="What the two folders are called, such as blur,sharp.")] = None,
    strip: Annotated[str, typer.Option(help="What is taken off the ends of names of pairs: _in,_out.")] = "",
    scale: Annotated[int, typer.Option(help="Side of an answer over side of its question.", min=1)] = 1,
    side: Annotated[int, typer.Option(help="Questions become squares of so many pixels a side.", min=8)] = 64,
    into: Cards = CARDS,
) -> None:
    """Write the card of a data set of your own images, with splits by rule, and the list of their hashes.

    Nothing is written where an image cannot be read, names do not pair, or a split would be empty.

    Example: `gexbench new dataset me/photos --layout unpaired --from pictures/`
    """
    from gexbench.cli.new_cards import Wanted, write_dataset
    from gexbench.cli.progress import Ticker

    wanted = Wanted(source, layout, tuple(sides.split(",")) if sides else None, strip, scale, side)
    with Ticker() as ticker:
        lines = write_dataset(card_place("dataset", name, into), name, wanted, ticker.tick)
    typer.echo("\n".join(lines))
    _next([f"gexbench new task {name} --dataset {name}{_elsewhere(into)}"])


@app.command("victim")
def new_victim(
    name: Name,
    source: Annotated[
        str,
        typer.Option(
            "--from", help="A TorchScript or ONNX file, a pipeline's folder, an address, or a card that says more."
        ),
    ],
    dataset: Annotated[str | None, typer.Option(help="What it learned from, if that is a data set here.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="What a pipeline is called with, such as num_inference_steps=20.")
    ] = None,
    into: Cards = CARDS,
) -> None:
    """Look at a service of your own and write its card, with the file that it is known by beside it.

    One behind an address is asked some twenty times, and known from then on by what it answered.

    Example: `gexbench new victim me/enlarger --from generator.pt`
    """
    from gexbench.cli.new_victim import write_victim
    from gexbench.engine.store.own_victim import called_with, own_victim, taskless

    place = card_place("victim", name, into)
    filed = called_with(own_victim(source, taskless()), set_ or [])
    typer.echo("\n".join(write_victim(place, name, filed, dataset)))
    _next([f"gexbench new task {name} --victim {name} --dataset NAME{_elsewhere(into)}"])


@app.command("task")
def new_task(
    name: Name,
    dataset: Annotated[str, typer.Option(help="A data set, yours or one that is packaged.")] = "scenes-mini",
    victim: Annotated[str | None, typer.Option(help="Whom to copy; a packaged one that fits, if left out.")] = None,
    into: Cards = CARDS,
) -> None:
    """Write the card of a task: a service that takes images, asked with a data set's pool, scored on its tests.

    With a victim that draws it is a task of that kind, whose images are held against the set's tests.

    Example: `gexbench new task me/paint --dataset me/photos`
    """
    from gexbench.cli.new_cards import write_task

    typer.echo(f"wrote {write_task(card_place('task', name, into), name, dataset, victim)}")
    registry = _quoted(into)
    _next(
        [
            f"gexbench new board {name} --task {name}{_elsewhere(into)}",
            f"gexbench run --registry {registry} --task {name} --attack single-pair",
        ]
    )


@app.command("board")
def new_board(
    name: Name,
    task: Annotated[str | None, typer.Option(help="A task of yours; one of the board's name, if left out.")] = None,
    into: Cards = CARDS,
) -> None:
    """Write the card of a leaderboard of a task of yours.

    Example: `gexbench new board me/paint`
    """
    from gexbench.cli.new_cards import write_board

    typer.echo(f"wrote {write_board(card_place('board', name, into), name, task or name)}")
    registry, root = _quoted(into), _quoted(into / "leaderboards")
    _next(
        [
            f"gexbench board add runs/{(task or name).replace('/', '.')}-* --registry {registry} --dir {root}",
            f"gexbench board build {name} --registry {registry} --dir {root}",
        ]
    )


def _new(role: Role, name: str, kind: str | None, into: Path | None) -> None:
    template = _template(role, kind)
    folder = _place(role, name, into)
    files = _written(role, name, folder, template)
    commands = [line for line in (folder / "README.md").read_text("utf-8").splitlines() if line.startswith("gexbench ")]
    typer.echo(f"wrote {folder}: {', '.join(files)}")
    _next(commands)


def _next(commands: list[str]) -> None:
    typer.echo("next:\n" + "\n".join(f"  {command}" for command in commands))


def _elsewhere(into: Path) -> str:
    return "" if into == CARDS else f" --in {_quoted(into)}"


def card_place(kind: str, name: str, into: Path) -> Path:
    """Return the file to write; raises GexbenchError for a bad name or a file that is there already."""
    from gexbench.errors import GexbenchError

    _refuse_name(kind, name)
    path = into / f"{kind}s" / f"{name.split('/')[1]}.toml"
    if path.exists() or path.is_symlink():
        raise GexbenchError(f"{path} is there already", "choose another name, or another place with --in")
    return path


def _template(role: Role, kind: str | None) -> Traversable:
    """Return the folder of a template; raises GexbenchError for a kind of task that there is none for."""
    from importlib.resources import files
    from typing import get_args

    from gexbench.cards.fields import TaskKindName
    from gexbench.errors import GexbenchError, nearest

    kinds: tuple[str, ...] = get_args(TaskKindName)
    chosen = kinds[0] if kind is None else kind
    template = files("gexbench.templates").joinpath(role, chosen)
    if chosen not in kinds or not template.is_dir():
        raise GexbenchError(f"--kind {chosen!r} is no kind of task with a template", nearest(chosen, kinds))
    return template


def _place(role: Role, name: str, into: Path | None) -> Path:
    """Return the folder to make; raises GexbenchError for a bad name or a folder that is there already."""
    from gexbench.errors import GexbenchError

    _refuse_name(role, name)
    folder = (into or Path("submissions" if Path("submissions").is_dir() else ".")) / name
    if folder.exists() or folder.is_symlink():
        raise GexbenchError(f"{folder} is there already", "choose another name, or another place with --in")
    return folder


def _refuse_name(role: str, name: str) -> None:
    import re

    from gexbench.cards.fields import NAME
    from gexbench.errors import GexbenchError

    if not re.fullmatch(f"{NAME}/{NAME}", name) or len(name) > 80:
        hint = f"at most 80 small letters, digits and hyphens: {_tidied(name)[:80]}"
        raise GexbenchError(f"{name!r} is not a name for your {role}", hint)


def _tidied(name: str) -> str:
    import re

    parts = [re.sub("[^a-z0-9]+", "-", part.lower()).strip("-") for part in name.split("/")]
    parts = [part for part in parts if part]
    return "/".join(parts[-2:] if len(parts) > 1 else ["yourname", *(parts or ["mine"])])


def _written(role: Role, name: str, folder: Path, template: Traversable) -> list[str]:
    """Write a template under another name; returns the files. Raises OutputError."""
    from gexbench.files import atomic_write

    names = ("card.toml", f"{role}.py", "README.md")
    for file in names:
        text = template.joinpath(file).read_text(encoding="utf-8")
        text = text.replace("me/mine", name).replace(f"Mine{role.capitalize()}", _class_name(role, name))
        atomic_write(folder / file, text.replace("FOLDER", _quoted(folder)).encode())
    return list(names)


def _class_name(role: Role, name: str) -> str:
    title = "".join(part.capitalize() for part in name.split("/")[1].split("-"))
    return title + role.capitalize() if title[0].isalpha() else role.capitalize() + title


def _quoted(folder: Path) -> str:
    import shlex

    return shlex.quote(str(folder))
