"""Measure how common each value of each parameter is among real voices, and write it into the package.

`python -m tools.measure_values CORPUS` takes a file, folder or archive of banks, as `deepdx add` does. The values of
the package come from `dx7-library.zip`, a public collection of 4,131 files. Raise `READER_VERSION` afterwards.
"""

import sys
from pathlib import Path

import numpy as np

import deepdx_core as dx
from deepdx_core.codec.likelihood import STEPS, VALUES
from deepdx_core.codec.packing import MAXIMA
from deepdx_core.voice.parameters import PARAMETER_NAMES


def main() -> None:
    """Count the values of the distinct legal voices of a corpus, and write the table of their log-likelihood ratios."""
    voices = dx.read(sys.argv[1]).filter("valid").unique("sound_id")
    parameters = voices.select(PARAMETER_NAMES).to_numpy()
    counts = np.stack([np.bincount(column, minlength=VALUES) for column in parameters.T])
    seen = counts + 0.5  # no value is impossible
    shares = seen / seen.sum(axis=1, keepdims=True)
    gain = np.log(shares * (MAXIMA[:, None] + 1.0))
    table = np.clip(np.round(gain * STEPS), -127, 127).astype(np.int8)
    np.save(Path(dx.__path__[0]) / "codec" / "voice_values.npy", table)
    print(f"{len(voices):,} voices")


if __name__ == "__main__":
    main()
