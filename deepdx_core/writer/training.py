"""The writer's training: steps, validation, early stopping, checkpoints.

On a CPU, the same data and settings give the same writer, bit for bit, interrupted or not: the random numbers of a step
are a function of (seed, step), and a checkpoint holds everything else that the next step depends on.
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

from deepdx_core.arrays import Float64Array
from deepdx_core.dataset.arrays import Voices, generated_voices, joint_families, sample_rows
from deepdx_core.evaluation.metrics.c2st import c2st
from deepdx_core.training.checkpoints import read_checkpoint, write_checkpoint
from deepdx_core.training.runs import (
    best_device,
    collect_tensors,
    interrupts_deferred,
    mixed_precision,
    reproducible,
    restore_tensors,
    update_average,
)
from deepdx_core.writer.batches import TrainingSet, draw_batch, make_batch, make_conditions
from deepdx_core.writer.conditions import Conditions
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.history import HISTORY, best_validation
from deepdx_core.writer.layout import from_sequence
from deepdx_core.writer.model import Writer, bits_per_voice, upgrade_keys
from deepdx_core.writer.parents import SAMPLING_SLACK, Parents, draw_parents
from deepdx_core.writer.sampling import write_voices

CHECKPOINT = "writer.safetensors"

_WARM_UP = 200  # steps, or a tenth of all
_FEWEST_VALIDATIONS = 6
_MAX_VALIDATED = 1000  # voices of the validation split
_MAX_GRADIENT_NORM = 10.0
_VALIDATION_BATCH = 128


@dataclass(frozen=True)
class TrainingProgress:
    """Progress of a run: `step` of at most `steps`. Losses are in bits per voice; nan before the first validation."""

    step: int
    steps: int
    training_loss: float
    validation_loss: float
    validation_c2st: float


def train_writer(
    train: Voices,
    validation: Voices,
    parents: tuple[Parents, Parents],
    labels: int,
    config: WriterConfig,
    fingerprint: str,
    checkpoint_dir: Path,
    progress: Callable[[TrainingProgress], None],
) -> tuple[Writer, Float64Array]:
    """Train a writer, and return it with the history of the run, `float64[validations, 4]`, columns as in `HISTORY`.

    The averaged weights of the best validation are kept. parents: of the training voices and of the validation voices,
    both as rows of the training voices. A checkpoint with the same fingerprint is resumed. On Ctrl-C,
    the current step is finished and saved. Raises FloatingPointError if the loss diverges.
    """
    checkpoint = checkpoint_dir / CHECKPOINT
    steps = config.steps_for(len(train))
    validate_every = min(config.validate_every, math.ceil(steps / _FEWEST_VALIDATIONS))
    with reproducible(config.threads), interrupts_deferred() as interrupted, torch.random.fork_rng():
        run = _Run(TrainingSet.from_voices(train, parents[0]), train, validation, parents[1], labels, steps, config)
        if (state := read_checkpoint(checkpoint, fingerprint)) is not None:
            with suppress(ValueError):  # a checkpoint that does not fit is ignored
                run.restore(state)
        try:
            while run.step < steps and not run.out_of_patience():
                loss = run.training_step()
                _require_finite(loss, run.step)
                if run.step % validate_every == 0 or run.step == steps:
                    run.validate()
                    write_checkpoint(checkpoint, fingerprint, run.state())
                progress(TrainingProgress(run.step, steps, loss, *run.last_validation()))
                if interrupted.is_set():
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            write_checkpoint(checkpoint, fingerprint, run.state())
            raise
    return run.best.to("cpu").eval(), run.history.numpy()


def make_optimizer(writer: Writer, learning_rate: float) -> torch.optim.Adam:
    """Return an optimizer of the writer's weights. No weight decay: there is no overfitting for it to cure."""
    return torch.optim.Adam(writer.parameters(), learning_rate, betas=(0.9, 0.98))


def descend(loss: Tensor, writer: Writer, optimizer: torch.optim.Adam) -> None:
    """Take a step down the gradient of a loss. The gradient is clipped."""
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(writer.parameters(), _MAX_GRADIENT_NORM)
    optimizer.step()


def _require_finite(loss: float, step: int) -> None:
    if not math.isfinite(loss):
        raise FloatingPointError(f"training diverged in step {step}: lower the learning rate")


class _Run:
    """The mutable state of a run, after `step` steps."""

    def __init__(
        self,
        training_set: TrainingSet,
        train: Voices,
        validation: Voices,
        parents: Parents,
        labels: int,
        steps: int,
        config: WriterConfig,
    ) -> None:
        self.config, self.steps, self.training_set, self.train = config, steps, training_set, train
        self.validated_rows = sample_rows(len(validation), _MAX_VALIDATED, config.seed)
        self.validated = validation[self.validated_rows]
        self.validation_set = TrainingSet.from_voices(validation, parents)
        self.device = best_device()
        torch.manual_seed(config.seed)
        self.writer = Writer(labels, config).to(self.device)
        self.average, self.best = copy.deepcopy(self.writer), copy.deepcopy(self.writer)
        self.optimizer = make_optimizer(self.writer, config.learning_rate)
        self.history = torch.zeros(0, len(HISTORY), dtype=torch.float64)
        self.recent = torch.zeros(2, dtype=torch.float64)  # sum and number of the losses since the last validation
        self.step = 0

    def training_step(self) -> float:
        """Do a step and return its loss in bits per voice."""
        config = self.config
        random = np.random.default_rng([config.seed, self.step])
        torch.manual_seed(int(random.integers(1 << 62)))
        warm_up = min(1.0, (self.step + 1) / min(_WARM_UP, math.ceil(self.steps / 10)))
        cosine = (1 + math.cos(math.pi * self.step / self.steps)) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * warm_up * (0.02 + 0.98 * cosine)
        batch = draw_batch(self.training_set, config.batch_size, config, random)
        self.writer.train()
        loss = self._bits_per_voice(self.writer, *batch).mean()
        descend(loss, self.writer, self.optimizer)
        update_average(self.average, self.writer, config.ema_decay, self.step)
        self.step += 1
        self.recent += torch.tensor([loss.item(), 1.0])
        return loss.item()

    def validate(self) -> None:
        """Add a row to the history, and keep the averaged weights if they are the best so far."""
        self.average.eval()
        random = np.random.default_rng([self.config.seed, 0, 1])  # the same parents each time
        bits = []
        with torch.no_grad():
            for rows in np.array_split(self.validated_rows, math.ceil(len(self.validated) / _VALIDATION_BATCH)):
                batch = make_batch(self.validation_set, self.training_set, rows, random)
                bits.append(self._bits_per_voice(self.average, *batch))
        loss = torch.cat(bits).mean().item()
        _require_finite(loss, self.step)
        row = [self.step, self.recent[0] / self.recent[1], loss, self._c2st(random)]
        self.history = torch.cat([self.history, torch.tensor([row], dtype=torch.float64)])
        self.recent = torch.zeros_like(self.recent)
        if best_validation(self.history.numpy()) == len(self.history) - 1:
            self.best.load_state_dict(self.average.state_dict())

    def _bits_per_voice(self, writer: Writer, voices: Tensor, conditions: Conditions) -> Tensor:
        with mixed_precision(self.device, self.config.mixed):
            return bits_per_voice(writer, voices.to(self.device), conditions.to(self.device))

    def _c2st(self, random: np.random.Generator) -> float:
        """Return the C2ST of voices written with the averaged weights, against the validation voices."""
        parents = replace(self.training_set.parents, slack=SAMPLING_SLACK)
        drawn = draw_parents(self.train.labels, parents, self.validated.labels, random)
        conditions = make_conditions(self.training_set, *drawn, self.validated.labels).to(self.device)
        parameters = from_sequence(write_voices(self.average, conditions, random).cpu().numpy())
        groups = joint_families(generated_voices(parameters, self.validated.labels), self.validated)
        return c2st(parameters, self.validated.parameters, groups, self.config.seed).value

    def last_validation(self) -> tuple[float, float]:
        """Return the loss and the C2ST of the last validation, nan before the first one."""
        loss, area = self.history[-1, 2:].tolist() if len(self.history) else (math.nan, math.nan)
        return loss, area

    def out_of_patience(self) -> bool:
        """Return True after `patience` validations in a row without an improvement."""
        count = len(self.history)
        return count > 0 and count - 1 - best_validation(self.history.numpy()) >= self.config.patience

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on, as named tensors."""
        own = {"step": torch.tensor(self.step), "history": self.history, "recent": self.recent}
        return own | collect_tensors(self._networks(), {"optimizer": self.optimizer})

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue from a state. Raises ValueError, with nothing changed, if the state does not fit this run.

        Tensors may have the names of an earlier version.
        """
        state = upgrade_keys(state)
        history, step = state.get("history", torch.empty(0)), state.get("step", torch.empty(0))
        fixed = {name: tensor for name, tensor in state.items() if name != "history"}
        if {name: (tensor.shape, tensor.dtype) for name, tensor in fixed.items()} != self._expected_tensors():
            raise ValueError("a tensor is missing, unknown or of another shape or type")
        if history.dtype != torch.float64 or history.shape != (len(history), len(HISTORY)):
            raise ValueError(f"history must have the columns {', '.join(HISTORY)}")
        if not all(tensor.isfinite().all() for tensor in fixed.values()) or not 0 < int(step) <= self.steps:
            raise ValueError("a number is out of range")
        self.step, self.history, self.recent = int(step), history, state["recent"]
        restore_tensors(state, self._networks(), {"optimizer": self.optimizer})

    def _expected_tensors(self) -> dict[str, tuple[torch.Size, torch.dtype]]:
        """Return the shape and type of every tensor of `state` except the history, after at least one step."""
        tensors = {"step": torch.tensor(self.step), "recent": self.recent} | collect_tensors(self._networks(), {})
        expected = {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
        for number, weights in enumerate(self.writer.parameters()):  # as Adam names its state
            expected[f"optimizer/{number}/step"] = (torch.Size(), torch.float32)
            expected |= {
                f"optimizer/{number}/{moment}": (weights.shape, weights.dtype) for moment in ("exp_avg", "exp_avg_sq")
            }
        return expected

    def _networks(self) -> dict[str, torch.nn.Module]:
        return {"writer": self.writer, "average": self.average, "best": self.best}
