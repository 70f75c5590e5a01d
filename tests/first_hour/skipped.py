"""Which commands of README and docs the stranger leaves out, and why; and which end otherwise than with 0."""

from __future__ import annotations

INSTALLS = "the stranger has installed the wheel already; .ci/run does what the page says, word for word"
TRAINS = "trains for minutes"
DOWNLOADS = "downloads weights, or needs those that were downloaded"
AGAIN = "does what another command did, under another name"
LACKS = "needs what a run of minutes leaves"
OWN = "wants images of one's own; tests/cli/test_own_data.py runs the page, word for word"
SERVICE = "wants a generator of one's own; tests/test_own_service_page.py runs the page, word for word"
SUBMITS = "trains, and signs with a maintainer's key; tests/submission/test_page.py runs the page, word for word"

FILE = "wants the file that the page shows, and trains for minutes; tests/sweeps/test_file.py plans it, word for word"

FILES = (
    "wants files that were downloaded, or another's images; tests/cli/test_data_files.py does the same with small ones"
)

SKIPPED = {
    "gexbench new attack alice/mykd --in attacks": SUBMITS,
    "gexbench check attacks/alice/mykd": SUBMITS,
    "gexbench run --task sr --attack attacks/alice/mykd --seeds 0-4 --set steps=300": SUBMITS,
    "gexbench submit runs/sr-alice.mykd-* --as alice --registry attacks/alice/mykd": SUBMITS,
    'ssh-keygen -q -t ed25519 -N "" -C zoe -f maintainer.key': SUBMITS,
    "cat maintainer.key.pub >> leaderboards/MAINTAINERS": SUBMITS,
    "gexbench verify submissions/alice/mykd-sr --sample 5 --sign maintainer.key": SUBMITS,
    "gexbench board add submissions/alice/mykd-sr": SUBMITS,
    "gexbench board build sr": SUBMITS,
    (
        'gexbench board retire leaderboards/sr/records/sr-… --state withdrawn --reason "its pool held test images"'
    ): SUBMITS,
    (
        "gexbench board retire leaderboards/sr/records/sr-… --state superseded --by leaderboards/sr/records/sr-… "
        '--reason "a fault in the code"'
    ): SUBMITS,
    "gexbench submit runs/sr-yourname.yourattack-* --as yourname --registry submissions/yourname/yourattack": SUBMITS,
    "gexbench verify submissions/yourname/yourattack-sr": SUBMITS,
    "export GEXBENCH_DATA=~/data": FILES,
    "gexbench data prepare sr-small downloads/": FILES,
    "gexbench data prepare sr-small BSR_bsds500.tgz SelfExSR-master.zip T91.zip": FILES,
    "gexbench data prepare monet2photo-small monet2photo.zip BSR_bsds500.tgz": FILES,
    "gexbench data prepare photos-128 monet2photo.zip BSR_bsds500.tgz": FILES,
    "gexbench data prepare cifar10-small CIFAR-10-images-master.zip": FILES,
    "gexbench assets fetch dcgan-faces-64": DOWNLOADS,
    (
        "gexbench data prepare selfie2anime-small --as me/faces selfie2anime/trainA,selfie2anime/testA,"
        "selfie2anime/pool,selfie2anime/bench=dcgan-faces-64 selfie2anime/trainB,selfie2anime/testB=cartoons/"
    ): FILES,
    "gexbench data prepare rooms-small --as me/rooms rooms/bedroom=bedrooms/ rooms/kitchen=kitchens/": FILES,
    "gexbench new task me/selfie --dataset me/faces --victim ugatit-anime-small": FILES,
    "gexbench new board me/selfie": FILES,
    "gexbench run --registry cards --task me/selfie --attack pix2pix": FILES,
    "gexbench data unpack saved/ --to pictures": FILES,
    "gexbench new dataset me/deblur --layout paired --sides blur,sharp --from pictures": FILES,
    "python make_generator.py": SERVICE,
    "gexbench victim probe generator.pt": SERVICE,
    "python serve.py &": SERVICE,
    "gexbench study make runs/monet2photo-… --to study": LACKS,
    "gexbench study make runs/monet2photo-… runs/monet2photo-… --to study --margin 0.5": LACKS,
    "gexbench study report study answers-*.csv --to report.html": LACKS,
    "gexbench new dataset me/photos --layout one --scale 4 --from pictures": SERVICE,
    "gexbench new victim me/enlarger --from generator.pt": SERVICE,
    "gexbench new task me/enlarge --dataset me/photos --victim me/enlarger": SERVICE,
    "gexbench new board me/enlarge": SERVICE,
    "gexbench run --registry cards --task me/enlarge --attack srresnet --seeds 0-4 --set steps=300": SERVICE,
    "gexbench run --registry cards --task me/enlarge --attack bicubic --seeds 0-4": SERVICE,
    "gexbench board add runs/me.enlarge-* --registry cards --dir boards": SERVICE,
    "gexbench board build me/enlarge --registry cards --dir boards": SERVICE,
    "gexbench board show me/enlarge --registry cards --dir boards": SERVICE,
    "gexbench new victim me/exported --from generator.onnx": SERVICE,
    "gexbench new task me/export --dataset me/photos --victim me/exported": SERVICE,
    "gexbench new board me/export": SERVICE,
    "gexbench run --registry cards --task me/export --attack srresnet --set steps=300": SERVICE,
    "gexbench board add runs/me.export-* --registry cards --dir boards": SERVICE,
    "gexbench board build me/export --registry cards --dir boards": SERVICE,
    "gexbench victim probe http://127.0.0.1:8000/enlarge": SERVICE,
    "gexbench new victim me/served --from http://127.0.0.1:8000/enlarge": SERVICE,
    "gexbench new task me/serve --dataset me/photos --victim me/served": SERVICE,
    "gexbench new board me/serve": SERVICE,
    "gexbench run --registry cards --task me/serve --attack srresnet --set steps=300": SERVICE,
    "gexbench board add runs/me.serve-* --registry cards --dir boards": SERVICE,
    "gexbench board build me/serve --registry cards --dir boards": SERVICE,
    "gexbench run --task sr --attack srresnet --victim generator.pt --budget 128 --set steps=50": SERVICE,
    "gexbench new dataset me/photos --layout unpaired --from pictures": OWN,
    "gexbench new task me/paint --dataset me/photos": OWN,
    "gexbench new board me/paint": OWN,
    "gexbench data verify me/photos --registry cards": OWN,
    "gexbench run --registry cards --task me/paint --attack pix2pix --set steps=500": OWN,
    "gexbench run --registry cards --task me/paint --attack identity": OWN,
    "gexbench board add runs/me.paint-* --registry cards --dir boards": OWN,
    "gexbench board build me/paint --registry cards --dir boards": OWN,
    "gexbench board show me/paint --registry cards --dir boards": OWN,
    "gexbench new dataset me/deblur --layout paired --sides blur,sharp --from pairs": OWN,
    "gexbench new dataset me/large --layout one --scale 4 --from photos.zip": OWN,
    "gexbench data pin me/photos --registry cards": OWN,
    "gexbench assets fetch multistyle26 fid-inception lpips-alex": DOWNLOADS,
    "gexbench assets fetch dat-light-x4 realesr-animevideov3-x4": DOWNLOADS,
    "gexbench run --task style --attack pix2pix": DOWNLOADS,
    "gexbench run --task sr --profile wild --attack srresnet": DOWNLOADS,
    "gexbench run --task sr --profile wild --victim realesr-animevideov3-x4 --attack srresnet": DOWNLOADS,
    "pip install .": INSTALLS,
    'pip install ".[dev]"': INSTALLS,
    "python -m pytest": INSTALLS,
    "gexbench run --task sr --attack srresnet": f"{TRAINS}; .ci/run does it",
    "gexbench run --task sr --attack srresnet --seed 1 --budget 50% --set augment=flip": TRAINS,
    "gexbench run --task sr --attack srresnet --defense jpeg": TRAINS,
    "gexbench run --task sr --attack srresnet --defense jpeg --strengths": TRAINS,
    "gexbench run --task sr --attack srresnet,bicubic --defense none,jpeg --seeds 0-4": TRAINS,
    "gexbench sweep --tasks sr --attacks srresnet,bicubic --defenses none,jpeg --seeds 0-4": TRAINS,
    "gexbench sweep campaign.toml --executor local --jobs 4": FILE,
    "gexbench sweep campaign.toml --executor ray --address auto": FILE,
    (
        "gexbench sweep campaign.toml --executor slurm --jobs 64 --slurm slurm_partition=gpu --slurm gpus_per_node=1 "
        "--slurm timeout_min=240"
    ): FILE,
    "gexbench run --task monet2photo --attack pix2pix": TRAINS,
    "gexbench run --task monet2photo --attack pix2pix --set purify=jpeg --defense spread-spectrum": TRAINS,
    "gexbench run --task selfie2anime --attack pix2pix": TRAINS,
    "gexbench run --task latent-fidelity --attack sngan": TRAINS,
    "gexbench run --task latent-accuracy --attack mh-subsample": TRAINS,
    "gexbench run --task stylegan-transfer --attack stylegan-transfer": TRAINS,
    "gexbench curve --task monet2photo --attack pix2pix": TRAINS,
    "gexbench curve --task latent-fidelity --attack sngan": TRAINS,
    "gexbench cross --task latent-fidelity --victims sngan-figures-mini,pggan-figures-mini --attacks sngan,pggan": (
        TRAINS
    ),
    "gexbench run --task stylegan-transfer --attack stylegan-transfer --profile paper --dataset lsun-classrooms-256": (
        "needs LSUN and a victim that the reader trained"
    ),
    "gexbench site build --to site --parquet": "wants pyarrow, an extra",
    "torchrun --nproc-per-node 4 -m gexbench victim train srgan": "wants several GPUs and the papers' data",
    "gexbench innocents make monet2photo-mini --jobs 2": TRAINS,
    "gexbench innocents make sr-mini --jobs 2": TRAINS,
    "gexbench ownership --run runs/monet2photo-… --questions ask/": LACKS,
    "gexbench ownership --run runs/monet2photo-… --suspect answers/": LACKS,
    "gexbench ownership --run runs/sr-defended --questions questions": LACKS,
    "gexbench ownership --run runs/sr-defended --suspect answers": LACKS,
    "gexbench board add runs/sr-srresnet-*": LACKS,
    "gexbench score samples/ photos.zip --metric fid,kid": DOWNLOADS,
    "gexbench score a/ b/ --metric fid,ssim-rgb --backend reference": DOWNLOADS,
    "gexbench assets fetch fid-inception lpips-alex": DOWNLOADS,
    "gexbench assets fetch fid-inception lpips-alex lpips-vgg": DOWNLOADS,
    "gexbench score samples/ photos.zip": DOWNLOADS,
    "gexbench score samples/ photos/ --metric fid,precision,recall,lpips-alex": DOWNLOADS,
    "gexbench score samples/ photos/ --metric fid --json": DOWNLOADS,
    "gexbench score samples/ photos/ --metric fid,ssim-rgb,lpips-alex --backend reference": DOWNLOADS,
    "gexbench assets bundle weights.tar fid-inception lpips-alex lpips-vgg": DOWNLOADS,
    "gexbench assets unbundle weights.tar": DOWNLOADS,
    "gexbench verify leaderboards/sr/records/sr-bicubic-mini-b512-s0-d627b12e.json --sign ~/.ssh/id_ed25519": (
        "signs with a maintainer's key"
    ),
    "gexbench check submissions/yourname/yourattack": AGAIN,
    "gexbench run --task sr --attack submissions/yourname/yourattack": AGAIN,
    "gexbench run --task sr --attack bicubic --defense gaussian-noise --set-defense sigma=8": AGAIN,
    "gexbench defense prepare fingerprint --task monet2photo": TRAINS,
    "gexbench run --task latent-fidelity --attack submissions/alice/mygan": TRAINS,
    "gexbench run --task latent-fidelity --attack sngan --defense submissions/alice/cut": TRAINS,
    "gexbench run --task sr --attack bicubic --defense none,jpeg --strengths": "four runs like the one before it",
}
"""By command: the reason."""

ENDS = {
    "gexbench assets fetch fid-inception --offline": 4,
    "gexbench data verify sr-small": 4,
    "gexbench verify leaderboards/sr/records/sr-bicubic-mini-b512-s0-d627b12e.json": 4,
}
"""By command: the exit code where it is not 0. A stranger has no weights of metrics and no data of `small`."""
