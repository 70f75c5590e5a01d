"""`gexbench victim`: the models that are copied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexbench.cli.options import Registry

if TYPE_CHECKING:
    from gexbench.cards.own import Facts

app = typer.Typer(no_args_is_help=True, help="Look after victims.\n\nExample: `gexbench victim train srgan-mini`")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_victims(registry: Registry = None, json: Json = False) -> None:
    """List victims and whether their weights are here.

    Example: `gexbench victim list`
    """
    from gexbench.cards.catalog import Catalog
    from gexbench.cards.schema import VictimCard
    from gexbench.cli.output import print_json
    from gexbench.engine.store.victim_weights import weights_path
    from gexbench.errors import AssetMissing

    catalog, rows = Catalog.load(registry or ()), []
    for name, filed in catalog.all(VictimCard).items():
        try:
            weights_path(filed.card, catalog)
            state = "fetched" if filed.card.asset else "ships" if filed.card.weights else "trained here"
        except AssetMissing:
            state = "not fetched" if filed.card.asset else "not trained"
        rows.append({"name": name, "weights": state, "summary": filed.card.summary})
    if json:
        print_json({"victims": rows})
        return
    for row in rows:
        typer.echo(f"{row['name']:14} {row['weights']:13} {row['summary']}")


@app.command("probe")
def probe(
    victim: Annotated[
        str, typer.Argument(help="A TorchScript or ONNX file, a pipeline's folder, an address, or a victim's card.")
    ],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="What a pipeline is called with, such as num_inference_steps=20.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what a victim of your own is: kind, sides, scale, range of its answers, whether they repeat, and speed.

    It is opened in a sandboxed process, as in a run. One behind an address is known from now on by what it answers now.

    Example: `gexbench victim probe generator.pt`
    """
    import tempfile

    from gexbench.cli.output import print_json
    from gexbench.engine.checks.probe_victim import probe_victim
    from gexbench.engine.store.own_victim import called_with, own_victim, taskless

    filed = called_with(own_victim(victim, taskless()), set_ or [])
    with tempfile.TemporaryDirectory(prefix="gexbench-probe-") as place:
        facts = probe_victim(filed, Path(place))
    if json:
        print_json({"facts": facts.model_dump(mode="json")})
        return
    for word, line in _lines(facts):
        typer.echo(f"{word:10} {line}")


def _lines(facts: Facts) -> Iterator[tuple[str, str]]:
    yield "victim", f"{facts.name}, {facts.backend}, sha256 {facts.sha256[:12]}…"
    yield "kind", "draws images from latents" if facts.draws else "answers images with images"
    if facts.draws:
        yield "latents", f"{facts.latent_size} long"
        yield "images", " x ".join(map(str, reversed(facts.drawn or ()))) + " px"
    else:
        yield "takes", f"squares of {', '.join(map(str, facts.sides))} px" + (" and others" if facts.any_shape else "")
        yield "scale", f"x{facts.scale}"
    fits = f", so gives = {list(facts.gives)}" if facts.gives else ", which no usual range holds"
    yield "values", f"{facts.least:.3g} to {facts.most:.3g}{fits}"
    yield "answers", "the same each time" if facts.deterministic else "another each time for the same question"
    if facts.calls:
        yield "calls", f"{facts.calls} for all this, and a few that it is known by from now on"
    yield "speed", f"{facts.images_per_second:g} images a second at {facts.timed_at} px"


@app.command("train")
def train(
    name: Annotated[str, typer.Argument(help="A victim, see `gexbench victim list`.")],
    to: Annotated[Path | None, typer.Option(help="Where the weights go; by default where runs look for them.")] = None,
    registry: Registry = None,
    json: Json = False,
) -> None:
    """Train a victim from its owner's images as its card says; a stopped training goes on.

    For a victim that ships, the result is compared with the shipped weights by hash. Several GPUs or machines train one
    victim together: `torchrun --nproc-per-node 4 -m gexbench victim train srgan`.

    Example: `gexbench victim train srgan-mini --to srgan-mini.safetensors`
    """
    import os

    from gexbench.cards.catalog import Catalog
    from gexbench.cards.schema import VictimCard
    from gexbench.cli.output import print_json
    from gexbench.cli.progress import Ticker

    catalog = Catalog.load(registry or ())
    card = catalog.get(VictimCard, name)
    beside = "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("RANK", "0") != "0"
    with Ticker(silent=json or beside) as ticker:
        from gexbench.engine.run.train_victim import train_victim

        path, sha256 = train_victim(card, catalog, to, ticker.tick)
    if beside:  # of several processes one speaks
        return
    same = sha256 == card.weights.sha256 if card.weights else None
    if json:
        print_json({"victim": name, "path": str(path), "sha256": sha256, "equals_shipped": same})
        return
    typer.echo(f"{path}\nsha256 {sha256}")
    if same is not None:
        typer.echo(
            "equal to the shipped weights, bit for bit"
            if same
            else "not bit-equal to the shipped weights (other machine or versions)"
        )


@app.command("convert")
def convert(
    file: Annotated[Path, typer.Argument(help="A pickle as the authors of StyleGAN2 publish them.")],
    to: Annotated[Path, typer.Option(help="The safetensors file to write.")],
    json: Json = False,
) -> None:
    """Turn an official StyleGAN2 pickle into a victim's weights, without running it; prints the [net] of its card.

    Below it stands in what the images may differ from those of the authors' code.

    Example: `gexbench victim convert ffhq.pkl --to ffhq.safetensors`
    """
    import hashlib

    from gexbench.cli.output import print_json
    from gexbench.engine.store.convert import to_safetensors
    from gexbench.engine.store.stylegan_pickle import DIFFERENCES, gan_from_stylegan2
    from gexbench.errors import AssetMissing
    from gexbench.files import atomic_write

    if not file.exists() and not file.is_symlink():
        raise AssetMissing(f"no file at {file}", "give the path of the downloaded pickle")
    net, state = gan_from_stylegan2(file)
    content = to_safetensors(state)
    atomic_write(to, content)
    sha256 = hashlib.sha256(content).hexdigest()
    if json:
        print_json({"path": str(to), "sha256": sha256, "net": net, "differences": list(DIFFERENCES)})
        return
    lines = [f"{to}\nsha256 {sha256}\n\n[net]", *(f"{name} = {value}" for name, value in net.items()), ""]
    typer.echo("\n".join([*lines, *(f"# {line}" for line in DIFFERENCES)]))
