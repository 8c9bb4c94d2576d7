"""Converted weights against the code that they come from, on photographs and noise.

``python -m benchmarks.conversions [DEPTH...] [--tpu FOLDER] [--save FILE]``: with PyTorch and timm
installed; FOLDER has resnet_model.py and resnet_layers.py of tensorflow/tpu, without which its row
is left out. The original network (tf_keras's, timm's, the TPU code's) gets weights at random,
batch-norm statistics too, and says what it sees; ``convert_weights`` takes them elsewhere; Keras
without rsinspect, on each backend, or timm says what it sees then. Every step is a process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

SIZES = {50: 160, 101: 192, 152: 256, 200: 256, 270: 256, 350: 320, 420: 320}
BACKENDS = ("tensorflow", "jax", "torch")

KERAS = """
import sys
sys.modules["rsinspect"] = None
import keras, numpy as np
said = keras.saving.load_model(sys.argv[1]).predict(np.load(sys.argv[2]), verbose=0)
np.save(sys.argv[3], said)
"""

TIMM = """
import sys, numpy as np, timm, torch
model = timm.create_model(f"resnetrs{sys.argv[4]}", checkpoint_path=sys.argv[1]).eval()
with torch.inference_mode():
    images = torch.from_numpy(np.load(sys.argv[2]).transpose(0, 3, 1, 2).copy())
    np.save(sys.argv[3], model(images).softmax(-1).numpy())
"""

TIMM_FRESH = """
import sys, timm, torch
torch.manual_seed(5)
model = timm.create_model(f"resnetrs{sys.argv[2]}")
for name, value in model.state_dict().items():
    kind = name.rpartition(".")[2]
    if value.ndim >= 2:
        gain = 9 if name == "fc.weight" else 1
        value.normal_(0, (2 * gain / value[0].numel()) ** 0.5)
    elif kind == "running_var" or (kind == "weight" and "fc" not in name):
        value.uniform_(0.5, 1.5).mul_(0.2 if name.endswith("bn3.weight") and "layer" in name else 1)
    elif kind in ("bias", "running_mean"):
        value.normal_(0, 0.1)
torch.save(model.state_dict(), sys.argv[1])
"""

KERAS_2 = """
import sys, numpy as np
from tests.keras_oracles import original
depth, size = int(sys.argv[4]), int(sys.argv[5])
model = original(depth, input_shape=(size, size, 3))
model.save_weights(sys.argv[1])
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
"""

TPU = """
import sys, numpy as np
sys.path.insert(0, sys.argv[6])
import tensorflow.compat.v1 as tf
tf.disable_eager_execution()
import resnet_model
from tests.tpu_checkpoint import drawn
depth, size, given = int(sys.argv[4]), int(sys.argv[5]), np.load(sys.argv[2])
image = tf.placeholder(tf.float32, (len(given), size, size, 3))
logits = resnet_model.resnet_v1(
    depth, 1000, data_format="channels_last", use_resnetd_stem=True, resnetd_shortcut=True,
    replace_stem_max_pool=True, se_ratio=0.25, dropout_rate=0.25, bn_momentum=0)(image, False)
rng = np.random.default_rng(11)
with tf.Session() as session:
    every = tf.global_variables()
    values = {v.initializer.inputs[1]: drawn(rng, v) for v in every}
    session.run([v.initializer for v in every], values)
    tf.train.Saver().save(session, sys.argv[1])
    np.save(sys.argv[3], session.run(tf.nn.softmax(logits), {image: given}))
"""


def run(program: str, *arguments: object, backend: str = "tensorflow", alone: bool = False) -> None:
    """Run a program to its end, without rsinspect where it is to be alone."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_USE_LEGACY_KERAS": "1",
                   "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}  # fmt: skip
    if alone:
        environment.pop("PYTHONPATH", None)
        environment.pop("TF_USE_LEGACY_KERAS", None)
    command = [sys.executable, "-c", program, *map(str, arguments)]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def pictures(size: int) -> Any:
    """Three photographs that packages ship, and two images of noise: (5, size, size, 3)."""
    from matplotlib.cbook import get_sample_data
    from sklearn.datasets import load_sample_images

    from rsinspect.images.photograph import photograph
    from rsinspect.images.preprocessing import prepared

    portrait = get_sample_data("grace_hopper.jpg", asfileobj=False)
    photographs = [photograph(str(portrait))]
    photographs += [photograph(pixels) for pixels in load_sample_images().images]
    noise = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3))
    seen = [prepared(each, size) for each in photographs]
    return np.concatenate((*seen, noise)).astype("float32")


class Bench:
    """Conversions of one depth, in a folder.

    Args:
        depth: Of the network.
        folder: For what is written.
    """

    def __init__(self, depth: int, folder: Path) -> None:
        from rsinspect.images.preprocessing import normalised

        self.depth, self.size, self.folder = depth, SIZES[depth], folder
        self.rows: list[dict[str, Any]] = []
        raw = pictures(self.size)
        np.save(folder / "raw.npy", raw)
        np.save(folder / "normalised.npy", normalised(raw))

    def compare(
        self, source: str, by: str, program: str, file: Path, pixels: str, **how: Any
    ) -> None:
        """Let one side say what it sees, and compare it with what the original said."""
        said = self.folder / "said.npy"
        run(program, file, self.folder / f"{pixels}.npy", said, self.depth, self.size, **how)
        ours, original = np.load(said), np.load(self.folder / f"{source}.npy")
        top = [set(np.argsort(-each)[:5]) for each in ours]
        expected = [set(np.argsort(-each)[:5]) for each in original]
        self.rows.append({
            "depth": self.depth, "size": self.size, "from": source, "to": by,
            "images": len(ours),
            "largest_probability": float(original.max()),
            "largest_difference": float(np.abs(ours - original).max()),
            "same_top_5": sum(a == b for a, b in zip(top, expected, strict=True)),
        })  # fmt: skip
        print(json.dumps(self.rows[-1]), flush=True)

    def keras(self, source: str, file: Path, pixels: str) -> None:
        """Let Keras alone say what it sees, on each backend."""
        for backend in BACKENDS:
            self.compare(
                source, f"Keras 3, {backend}", KERAS, file, pixels, backend=backend, alone=True
            )

    def converted(self, source: Path, name: str, **how: Any) -> Path:
        """Convert a file."""
        import rsinspect

        output = self.folder / name
        rsinspect.convert_weights(source, output, model=f"{self.depth}@{self.size}", **how)
        return output

    def from_keras_2(self) -> None:
        """tf_keras to Keras 3 and timm, and back."""
        file = self.folder / "keras_2.h5"
        run(
            KERAS_2,
            file,
            self.folder / "raw.npy",
            self.folder / "tf_keras.npy",
            self.depth,
            self.size,
        )
        model = self.converted(file, "a.keras")
        self.keras("tf_keras", model, "raw")
        state = self.converted(model, "a.safetensors")
        self.compare("tf_keras", "timm", TIMM, state, "normalised", alone=True)
        self.same(file, self.converted(state, "back.h5"))

    def from_timm(self) -> None:
        """timm to Keras 3, and back."""
        file = self.folder / "timm.pth"
        run(TIMM_FRESH, file, self.depth, alone=True)
        run(
            TIMM,
            file,
            self.folder / "normalised.npy",
            self.folder / "timm.npy",
            self.depth,
            alone=True,
        )
        model = self.converted(file, "b.keras")
        self.keras("timm", model, "raw")
        self.same(file, self.converted(model, "back.pth"))

    def from_tpu(self, code: str) -> None:
        """The TPU code to Keras 3."""
        checkpoint, said = self.folder / "model.ckpt", self.folder / "tpu.npy"
        run(TPU, checkpoint, self.folder / "normalised.npy", said, self.depth, self.size, code)
        index = checkpoint.with_name("model.ckpt.index")
        self.keras("tpu", self.converted(index, "c.keras", preprocessing=False), "normalised")

    def same(self, before: Path, after: Path) -> None:
        """Tell whether what went there and back is the same, bit for bit."""
        from rsinspect.checkpoints.tensor_file import tensor_file

        with tensor_file(before) as one, tensor_file(after) as two:
            equal = [*one.tensors] == [*two.tensors] and all(
                one.read(name).tobytes() == two.read(name).tobytes() for name in one.tensors
            )
            row = {"depth": self.depth, "from": before.name, "there_and_back": equal,
                   "tensors": len(one.tensors)}  # fmt: skip
        self.rows.append(row)
        print(json.dumps(row), flush=True)


def main() -> None:
    """Convert and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("depths", nargs="*", type=int, default=[50, 152])
    parser.add_argument("--tpu")
    parser.add_argument("--save")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for depth in options.depths:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(depth, Path(folder))
            bench.from_keras_2()
            bench.from_timm()
            if options.tpu:
                bench.from_tpu(options.tpu)
            rows += bench.rows
    if options.save:
        Path(options.save).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
