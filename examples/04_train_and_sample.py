"""Train a small model on the bundled digits, keep it as a run folder, load it again and sample.

    python examples/04_train_and_sample.py [FOLDER] [STEPS]

Thirty steps take seconds and give blots of ink. For digits pass 1000 for STEPS and wait a few minutes.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import reverie
from reverie.images import save_images
from reverie.training import Callbacks

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="reverie-"))
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 30

reverie.train(
    "digits",
    folder / "run",
    steps=steps,
    seed=0,
    settings={"network.width": 24, "training.batch": 64, "training.log_every": 10},
    callbacks=Callbacks(on_step=lambda done, total: print(f"step {done} of {total}") if done % 10 == 0 else None, log=print),
)

model = reverie.load(folder / "run")
pixels = model.sample(25, seed=1)  # uint8 [25, 8, 8, 1]
assert np.array_equal(pixels[:10], model.sample(10, seed=1)), "sample i depends on (seed, i) alone"
print("written:", save_images(pixels, folder / "samples.png"), "and the run folder", folder / "run")
