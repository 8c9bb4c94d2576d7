"""What a summary of a file costs: ``python benchmarks/files.py [NAME ...]``.

Saves networks of keras.applications as ``.keras`` files and prints, pair by pair in one run, the
ratios of ``rsinspect summary NAME.keras`` to ``rsinspect summary 420``, and of Keras that loads the
same file and prints its own summary to ``rsinspect``. A thousand layers should cost at most 1.5
times a published ResNet-RS, and Keras at least 20 times as much. Absolute times drift; ratios hold.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from startup import PROGRAM, compare

SAVE = """
import sys, keras
model = getattr(keras.applications, sys.argv[1])(weights=None)
model.save(sys.argv[2])
print(len(model.layers))
"""
LOAD = "import sys, keras; keras.saving.load_model(sys.argv[1], compile=False).summary()"


def main() -> None:
    """Compare for each network."""
    for name in sys.argv[1:] or ("EfficientNetV2L", "NASNetLarge"):
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / f"{name}.keras"
            command = [sys.executable, "-c", SAVE, name, str(path)]
            layers = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            print(f"{name}: {layers.strip()} layers, {path.stat().st_size / 1e6:.0f} MB")
            ours = [*PROGRAM, "summary", str(path)]
            compare("summary of the file", ours, [*PROGRAM, "summary", "420"], than="420")
            keras = [sys.executable, "-c", LOAD, str(path)]
            compare("Keras's own", keras, ours, than="ours", rounds=3)


if __name__ == "__main__":
    main()
