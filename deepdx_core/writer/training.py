"""How the writer learns: voices, each with a parent, and the loss; validation; early stopping; checkpoints.

On a CPU the same data and settings give the same writer, bit for bit, interrupted or not: the random numbers of a step
are a function of (seed, step), and a checkpoint holds all else that the next step depends on.
"""

import copy
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from deepdx_core.arrays import Float64Array, Int64Array
from deepdx_core.dataset.arrays import Voices, generated_voices, joint_families, sample_rows
from deepdx_core.evaluation.metrics.c2st import c2st
from deepdx_core.training.checkpoints import read_checkpoint, write_checkpoint
from deepdx_core.training.runs import (
    best_device,
    follow,
    interrupts_held,
    mixed_precision,
    reproducible,
    restore,
    tensors_of,
)
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.layout import PLACES, SYMMETRIES, unwritten, written
from deepdx_core.writer.model import Conditions, Writer
from deepdx_core.writer.parents import TO_WRITE, Parents
from deepdx_core.writer.sampling import write_voices

CHECKPOINT = "writer.safetensors"

HISTORY = ("step", "training_loss", "validation_loss", "validation_c2st")
"""Columns of a run's history: losses in bits a voice; of the C2ST, see `deepdx_core.evaluation.metrics.c2st`."""

_WARM_UP = 200  # steps, or a tenth of all
_FEWEST_VALIDATIONS = 6
_TRIED = 1000  # voices of the validation split
_LARGEST_GRADIENT = 10.0
_AT_ONCE = 128  # voices of the validation split


@dataclass(frozen=True)
class TrainingProgress:
    """How far a run is: `step` of at most `steps`; the loss in bits a voice; nan before the first validation."""

    step: int
    steps: int
    training_loss: float
    validation_loss: float
    validation_c2st: float


@dataclass(frozen=True)
class TrainingSet:
    """Voices to learn from, `int64[n, 145]` as they are written, with their labels and parents.

    drawn: the cumulated chance of each to be drawn, by the square root of its family's size: so that a voice of which
    there are a hundred versions is not learned a hundred times, nor once only.
    """

    voices: Tensor
    labels: Tensor
    parents: Parents
    drawn: Float64Array

    @classmethod
    def of(cls, voices: Voices, parents: Parents) -> "TrainingSet":
        """The lessons in some voices."""
        _, family, sizes = np.unique(voices.families, return_inverse=True, return_counts=True)
        chances = sizes[family] ** -0.5
        drawn = np.cumsum(chances / chances.sum())
        drawn[-1] = 1.0
        return cls(torch.from_numpy(written(voices.parameters)), torch.from_numpy(voices.labels), parents, drawn)


def train_writer(
    train: Voices,
    validation: Voices,
    parents: tuple[Parents, Parents],
    labels: int,
    config: WriterConfig,
    fingerprint: str,
    checkpoint_dir: Path,
    progress: Callable[[TrainingProgress], None],
) -> tuple[Writer, np.ndarray]:
    """A writer, and how its training went, `float64[validations, 4]`, as `HISTORY` says.

    parents: of the training voices and of those of validation, both among the training voices. What is kept are the
    averaged weights of the validation at which voices could least be told from real ones. A checkpoint of the same
    fingerprint is taken up. On Ctrl-C the step under way is finished and kept. Raises FloatingPointError where the
    losses grow without bounds.
    """
    checkpoint = checkpoint_dir / CHECKPOINT
    steps = min(config.steps, max(1, config.passes * len(train) // config.batch_size))
    validate_every = min(config.validate_every, math.ceil(steps / _FEWEST_VALIDATIONS))
    with reproducible(config.threads), interrupts_held() as interrupted, torch.random.fork_rng():
        run = _Run(TrainingSet.of(train, parents[0]), train, validation, parents[1], labels, steps, config)
        if (state := read_checkpoint(checkpoint, fingerprint)) is not None:
            with suppress(ValueError):  # one that was tampered with is as good as none
                run.restore(state)
        try:
            while run.step < steps and not run.done():
                loss = run.advance()
                _require_finite(loss, run.step)
                if run.step % validate_every == 0 or run.step == steps:
                    run.validate()
                    write_checkpoint(checkpoint, fingerprint, run.state())
                progress(TrainingProgress(run.step, steps, loss, *run.validated()))
                if interrupted.is_set():
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            write_checkpoint(checkpoint, fingerprint, run.state())
            raise
    return run.best.to("cpu").eval(), run.history.numpy()


def best_validation(history: Float64Array) -> int:
    """Which validation of a history is kept: where voices could least be told from real ones.

    Of equally good ones, and where that is nan, as it is for few voices, the one of the lowest loss.
    """
    return int(np.lexsort((history[:, 2], history[:, 3]))[0])


def _require_finite(loss: float, step: int) -> None:
    if not math.isfinite(loss):
        raise FloatingPointError(f"training diverged in step {step}: lower the learning rate")


class _Run:
    """All that changes during a run; `step` steps are done."""

    def __init__(
        self,
        lessons: TrainingSet,
        train: Voices,
        validation: Voices,
        parents: Parents,
        labels: int,
        steps: int,
        config: WriterConfig,
    ) -> None:
        self.config, self.steps, self.lessons, self.train = config, steps, lessons, train
        self.tried_rows = sample_rows(len(validation), _TRIED, config.seed)
        self.tried = validation[self.tried_rows]
        self.tests = TrainingSet.of(validation, parents)
        self.device = best_device()
        torch.manual_seed(config.seed)
        self.writer = Writer(labels, config.width, config.depth, config.heads, config.dropout).to(self.device)
        self.average, self.best = copy.deepcopy(self.writer), copy.deepcopy(self.writer)
        # No decay of weights: in so few passes nothing overfits that it could cure.
        self.optimizer = torch.optim.Adam(self.writer.parameters(), config.learning_rate, betas=(0.9, 0.98))
        self.history = torch.zeros(0, len(HISTORY), dtype=torch.float64)
        self.recent = torch.zeros(2, dtype=torch.float64)  # sum of losses since the last validation, and their number
        self.step = 0

    def advance(self) -> float:
        """Do a step; its loss in bits a voice."""
        config = self.config
        random = np.random.default_rng([config.seed, self.step])
        torch.manual_seed(int(random.integers(1 << 62)))
        rising = min(1.0, (self.step + 1) / min(_WARM_UP, math.ceil(self.steps / 10)))
        falling = (1 + math.cos(math.pi * self.step / self.steps)) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * rising * (0.02 + 0.98 * falling)
        drawn = self.lessons.drawn.searchsorted(random.random(config.batch_size), side="right")
        voices, asked = _make_batch(self.lessons, self.lessons, drawn, random, config.orphans, config.moved)
        self.writer.train()
        loss = self._bits(self.writer, voices, asked).mean()
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.writer.parameters(), _LARGEST_GRADIENT)
        self.optimizer.step()
        follow(self.average, self.writer, config.ema_decay, self.step)
        self.step += 1
        self.recent += torch.tensor([loss.item(), 1.0])
        return loss.item()

    def validate(self) -> None:
        """Try the averaged weights on voices of the validation split; keep them if none were better."""
        self.average.eval()
        random = np.random.default_rng([self.config.seed, self.step, 1])
        found = []
        with torch.no_grad():
            for rows in np.array_split(self.tried_rows, math.ceil(len(self.tried) / _AT_ONCE)):
                voices, asked = _make_batch(self.tests, self.lessons, rows, random, 0, 0)
                found.append(self._bits(self.average, voices, asked))
        loss = torch.cat(found).mean().item()
        _require_finite(loss, self.step)
        row = torch.tensor([self.step, self.recent[0] / self.recent[1], loss, self._told(random)], dtype=torch.float64)
        self.history, self.recent = torch.cat([self.history, row[None]]), torch.zeros_like(self.recent)
        if best_validation(self.history.numpy()) == len(self.history) - 1:
            self.best.load_state_dict(self.average.state_dict())

    def _bits(self, writer: Writer, voices: Tensor, asked: Conditions) -> Tensor:
        with mixed_precision(self.device, self.config.mixed):
            return bits(writer, voices.to(self.device), Conditions(*(wish.to(self.device) for wish in asked)))

    def _told(self, random: np.random.Generator) -> float:
        """How well written voices are told from those of validation."""
        nearer = replace(self.lessons.parents, slack=TO_WRITE)
        likenesses = draw_parents(self.train.labels, nearer, self.tried.labels, random)
        asked = make_conditions(self.lessons, *likenesses, self.tried.labels)
        asked = Conditions(*(wish.to(self.device) for wish in asked))
        parameters = unwritten(write_voices(self.average, asked, random).cpu().numpy())
        groups = joint_families(generated_voices(parameters, self.tried.labels), self.tried)
        return c2st(parameters, self.tried.parameters, groups, self.config.seed)[0]

    def validated(self) -> tuple[float, float]:
        """What the last validation found: loss and C2ST."""
        loss, told = self.history[-1, 2:].tolist() if len(self.history) else (math.nan, math.nan)
        return loss, told

    def done(self) -> bool:
        """Whether so many validations as patience allows brought nothing better."""
        found = len(self.history)
        return found > 0 and found - 1 - best_validation(self.history.numpy()) >= self.config.patience

    def state(self) -> dict[str, Tensor]:
        """All that the next step depends on, as named tensors."""
        own = {"step": torch.tensor(self.step), "history": self.history, "recent": self.recent}
        return own | tensors_of(self._networks(), {"optimizer": self.optimizer})

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from where `state` was taken. Raises ValueError, with nothing changed, where it is of no such run."""
        history, step = state.get("history", torch.empty(0)), state.get("step", torch.empty(0))
        fixed = {name: tensor for name, tensor in state.items() if name != "history"}
        if {name: (tensor.shape, tensor.dtype) for name, tensor in fixed.items()} != self._layout():
            raise ValueError("a tensor is missing, unknown or of another shape or type")
        if history.dtype != torch.float64 or history.shape != (len(history), len(HISTORY)):
            raise ValueError(f"history must have the columns {', '.join(HISTORY)}")
        if not all(tensor.isfinite().all() for tensor in fixed.values()) or not 0 < int(step) <= self.steps:
            raise ValueError("a number is out of its range")
        self.step, self.history, self.recent = int(step), history, state["recent"]
        restore(state, self._networks(), {"optimizer": self.optimizer})

    def _layout(self) -> dict[str, tuple[torch.Size, torch.dtype]]:
        """Shape and type of every tensor of `state` but the history, once a step is done."""
        tensors = {"step": torch.tensor(self.step), "recent": self.recent} | tensors_of(self._networks(), {})
        layout = {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
        for number, weights in enumerate(self.writer.parameters()):  # as Adam keeps them
            layout[f"optimizer/{number}/step"] = (torch.Size(), torch.float32)
            layout |= {
                f"optimizer/{number}/{mean}": (weights.shape, weights.dtype) for mean in ("exp_avg", "exp_avg_sq")
            }
        return layout

    def _networks(self) -> dict[str, torch.nn.Module]:
        return {"writer": self.writer, "average": self.average, "best": self.best}


def draw_parents(
    labels: Int64Array, parents: Parents, wanted: Int64Array, random: np.random.Generator
) -> tuple[Int64Array, Int64Array]:
    """For each wanted label a parent, as a row of the training voices, and in how many parameters to differ from it.

    As real voices have them: a training voice of this label is drawn and then forgotten but for its parent. A label
    that none has is any label. What is drawn for one hangs on no other that is wanted.
    """
    chances, rows = random.random(len(wanted)), np.empty(len(wanted), dtype=np.int64)
    for label in np.unique(wanted):
        (places,), (own,) = np.nonzero(wanted == label), np.nonzero(labels == label)
        own = own if len(own) else np.arange(len(labels))
        rows[places] = own[(chances[places] * len(own)).astype(np.int64)]
    return parents.draw(rows, random.random(len(rows)))


def _make_batch(
    lessons: TrainingSet,
    among: TrainingSet,
    rows: Int64Array,
    random: np.random.Generator,
    orphans: float,
    moved: float,
) -> tuple[Tensor, Conditions]:
    """Voices of the lessons, and what a writer has to be asked for to write them."""
    parents, differing = lessons.parents.draw(rows, random.random(len(rows)))
    differing = np.where(random.random(len(rows)) < orphans, -1, differing)
    asked = make_conditions(among, parents, differing, lessons.labels[rows].numpy())
    voices = lessons.voices[rows]
    if moved:
        order = np.tile(np.arange(PLACES), (len(rows), 1))
        for i in np.flatnonzero(random.random(len(rows)) < moved):
            symmetries = SYMMETRIES[voices[i, 0]]
            order[i] = symmetries[random.integers(len(symmetries))]
        order_ = torch.from_numpy(order)
        is_moved = (order_ != torch.arange(PLACES)).any(dim=1)
        voices = voices.gather(1, order_)
        asked = asked._replace(parents=asked.parents.gather(1, order_), moved=is_moved)
    return voices, asked


def make_conditions(among: TrainingSet, parents: Int64Array, differing: Int64Array, labels: Int64Array) -> Conditions:
    """Wishes for voices of these labels, each with a parent, as a row of `among`."""
    rows = torch.from_numpy(parents)
    return Conditions(
        among.voices[rows],
        torch.from_numpy(differing),
        torch.from_numpy(labels),
        among.labels[rows],
        torch.zeros(len(rows), dtype=torch.bool),
    )


def bits(writer: Writer, voices: Tensor, asked: Conditions) -> Tensor:
    """Bits it takes to tell each voice, `float32[n]`, given its parent and in how many parameters they differ."""
    scores = writer(voices, asked)
    losses = cross_entropy(scores.flatten(0, 1), voices.flatten(), reduction="none").view(voices.shape)
    return losses.sum(dim=1) / math.log(2)
