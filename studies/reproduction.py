"""The experiment of the blog "Deep DX", repeated: a conditional GAN on voices as 16x16 images, 400 epochs.

`python -m studies.reproduction [HOME] [--voices N] [--epochs N] [--classes label|algorithm] [--seed N]
[--set NAME=VALUE ...] [--to FOLDER]` trains the GAN without the two classifiers that are ours, on training voices of
the home, or on N of them. It prints measures against validation voices eight times on the way, and writes a bank for
each class and pictures of images to FOLDER. The home is only read.

The algorithm is always a condition, and each voice gets the one that was asked for: with algorithms as classes, all
voices are of their class.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.writer import write_bank
from deepdx_core.dataset.arrays import generated_voices, joint_families, sample_rows, splits_from_training_set
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.evaluation.metrics.c2st import c2st
from deepdx_core.evaluation.metrics.label_agreement import fit_label_classifier
from deepdx_core.evaluation.metrics.prdc import prdc
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.encoding import encode
from deepdx_core.gan.sampling import TrainedGan
from deepdx_core.gan.training import train
from deepdx_core.home import Home, find_home
from deepdx_core.labels.taxonomy import load_taxonomy
from deepdx_core.progress import silent
from deepdx_core.sound.audibility import is_inaudible
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import INDEX, VMEM_VOICES

_VALIDATED = 1000
_COLUMNS = ("epoch", "minutes", "C2ST", "precision", "recall", "density", "coverage", "DCR", "class", "inaudible")


def draw_images(path: Path, voices: UInt8Array, columns: int = 8) -> None:
    """Write a picture with the 16x16 image of each voice, enlarged."""
    from PIL import Image

    images = np.pad((encode(voices) + 1) * 127.5, ((0, 0), (1, 1), (1, 1)), constant_values=255)  # [n, 18, 18]
    rows = len(images) // columns
    sheet = images[: rows * columns].reshape(rows, columns, 18, 18).transpose(0, 2, 1, 3).reshape(rows * 18, -1)
    picture = Image.fromarray(sheet.astype(np.uint8))
    picture.resize((picture.width * 5, picture.height * 5), Image.Resampling.NEAREST).save(path)


def main() -> None:
    """Train the GAN and print a row of measures at each eighth of the training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, nargs="?")
    parser.add_argument("--voices", type=int)
    parser.add_argument("--epochs", type=int, default=400)
    parser.add_argument("--classes", choices=("label", "algorithm"), default="label")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--to", type=Path)
    arguments = parser.parse_args()
    home = Home(arguments.home) if arguments.home else find_home()
    labels = load_taxonomy().labels
    splits = splits_from_training_set(Tables(home).read("training_set"), labels)
    training = splits.train[sample_rows(len(splits.train), arguments.voices or len(splits.train), arguments.seed)]
    validation = splits.validation[sample_rows(len(splits.validation), _VALIDATED, arguments.seed)]
    by_label = arguments.classes == "label"
    classes, held_out = (
        part.labels if by_label else part.parameters[:, INDEX["algorithm"]].astype(np.int64)
        for part in (training, validation)
    )
    names = labels if by_label else tuple(f"Algorithm {number + 1}" for number in range(32))
    blog = {"seed": arguments.seed, "label_weight": 0.0, "algorithm_weight": 0.0}
    chosen = {name: json.loads(value) for name, value in (setting.split("=") for setting in arguments.set)}
    config = GanConfig(**{**blog, **chosen})
    config = config.replace(steps=math.ceil(arguments.epochs * len(training) / config.batch_size))
    classifier = fit_label_classifier(splits.train, arguments.seed)
    began = time.perf_counter()
    table = Table(*_COLUMNS, box=None)

    def validate(gan: TrainedGan) -> float:
        voices = gan.generate(held_out, np.random.default_rng(arguments.seed))
        groups = joint_families(generated_voices(voices, held_out), validation)
        area = c2st(voices, validation.parameters, groups, arguments.seed).value
        found = prdc(voices, validation.parameters)
        agree = classifier.agrees(voices, held_out) if by_label else voices[:, INDEX["algorithm"]] == held_out
        epoch = arguments.epochs * (len(table.rows) + 1) / 8
        row = [f"{epoch:.0f}", f"{(time.perf_counter() - began) / 60:.1f}"]
        row += [f"{value:.2f}" for value in (area, *(part.mean() for part in found))]
        row.append(f"{np.median(distances_to_closest(voices, training.parameters)):.0f}")
        row += [f"{agree.mean():.2f}", f"{is_inaudible(voices).mean():.3f}"]
        table.add_row(*row)
        print(*row, flush=True)
        return area

    gan, _ = train(training.parameters, classes, len(names), config, silent, validate)
    Console(width=140).print(f"{len(training):,} voices, {config.steps:,} steps of {config.batch_size}", table)
    if arguments.to:
        arguments.to.mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(names):
            voices = gan.sample(np.full(VMEM_VOICES, number), arguments.seed)
            slots = text_to_names([f"{name[:7]:7}{slot:3}" for slot in range(1, VMEM_VOICES + 1)])
            (arguments.to / f"{name.lower().replace(' ', '-')}.syx").write_bytes(write_bank(voices, slots))
        mixed = np.resize(np.arange(len(names)), 64)
        draw_images(arguments.to / "generated.png", gan.sample(mixed, arguments.seed))
        draw_images(arguments.to / "real.png", training.parameters[:64])


if __name__ == "__main__":
    main()
