"""Training: losses, steps, checkpoints. What the networks are and how a model is stored stands elsewhere.

On a CPU the same data and settings give the same model, bit for bit, interrupted or not: the random numbers of a step
are a function of (seed, step), and a checkpoint holds all else that the next step depends on.

The discriminator has a batch norm. With a spectral norm in its place, all else equal, the generator covered a fifth as
much of the voices held out (recall 0.11, not 0.50). The hinge loss and cross entropy did equally well.
"""

import copy
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, relu

from deepdx_core.codec.packing import Bytes
from deepdx_core.gan.checkpoints import read_checkpoint, run_fingerprint, write_checkpoint
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.encoding import encode
from deepdx_core.gan.model import TrainingSummary, VoiceModel
from deepdx_core.gan.networks import Discriminator, Generator
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX

CHECKPOINT = "checkpoint.safetensors"

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TrainingProgress:
    """How far a run is: `step` of `steps` are done; the losses are those of that step."""

    step: int
    steps: int
    discriminator_loss: float
    generator_loss: float


@dataclass(frozen=True)
class TrainingResult:
    """The model, and the losses of every step: `float32[steps, 2]`, the discriminator's and the generator's."""

    model: VoiceModel
    history: npt.NDArray[np.float32]


def train(
    parameters: Bytes,
    label_ids: Ids,
    labels: tuple[str, ...],
    config: GanConfig,
    checkpoint_dir: Path,
    progress: Callable[[TrainingProgress], None],
) -> TrainingResult:
    """Train on legal voices `uint8[n, 145]`, whose labels are places in `labels`, `int64[n]`.

    A checkpoint in `checkpoint_dir` is taken up if it belongs to the same data, settings and code, and is otherwise
    replaced. `progress` is called after every step. On Ctrl-C the step under way is finished and kept.
    Raises FloatingPointError where the losses grow without bounds.
    """
    if len(parameters) == 0 or label_ids.shape != (len(parameters),):
        raise ValueError(f"expected as many labels as voices and at least one, got {len(label_ids)}, {len(parameters)}")
    if label_ids.min() < 0 or label_ids.max() >= len(labels):
        raise ValueError(f"label ids must be within 0 to {len(labels) - 1}")
    fingerprint = run_fingerprint(parameters, label_ids, labels, config)
    checkpoint = checkpoint_dir / CHECKPOINT
    with _reproducible(config.threads), _interrupts_held() as interrupted:
        run = _Run(parameters, label_ids, len(labels), config)
        if (state := read_checkpoint(checkpoint, fingerprint)) is not None:
            run.restore(state)
        try:
            while run.step < config.steps:
                run.advance()
                losses = run.history[run.step - 1].tolist()
                if not np.isfinite(losses).all():
                    raise FloatingPointError(f"training diverged in step {run.step}: lower the learning rates")
                if run.step % config.checkpoint_every == 0 or run.step == config.steps:
                    write_checkpoint(checkpoint, fingerprint, run.state())
                progress(TrainingProgress(run.step, config.steps, *losses))
                if interrupted.is_set():
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            write_checkpoint(checkpoint, fingerprint, run.state())
            raise
    pair_counts = np.zeros((len(labels), len(ALGORITHMS)), dtype=np.int64)
    np.add.at(pair_counts, (label_ids, parameters[:, INDEX["algorithm"]]), 1)
    last = run.history[-max(1, config.steps // 10) :].mean(dim=0).tolist()
    summary = TrainingSummary(len(parameters), fingerprint, *last)
    generator = run.average.to("cpu").eval()
    return TrainingResult(VoiceModel(config, labels, pair_counts, summary, generator), run.history.numpy())


class _Run:
    """All that changes during a run; `step` steps are done."""

    def __init__(self, parameters: Bytes, label_ids: Ids, labels: int, config: GanConfig) -> None:
        self.config = config
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        algorithms = parameters[:, INDEX["algorithm"]].astype(np.int64)
        self.images, self.label_ids, self.algorithms = (
            torch.from_numpy(array).to(self.device) for array in (encode(parameters), label_ids, algorithms)
        )
        self.thresholds = _thresholds(label_ids)
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.generator = Generator(config.noise_size, labels, config.width).to(self.device)
            self.discriminator = Discriminator(labels, config.width).to(self.device)
        self.average = copy.deepcopy(self.generator)
        self.generator_optimizer, self.discriminator_optimizer = (
            torch.optim.Adam(network.parameters(), rate, betas=(0.5, 0.99))
            for network, rate in (
                (self.generator, config.generator_learning_rate),
                (self.discriminator, config.discriminator_learning_rate),
            )
        )
        self.history = torch.zeros(config.steps, 2)
        self.step = 0

    def advance(self) -> None:
        """Do a step: the discriminator learns, then the generator, then the average follows."""
        random = np.random.default_rng([self.config.seed, self.step])
        discriminator_loss = self._learn_to_tell(random)
        generator_loss = self._learn_to_make(random)
        with torch.no_grad():
            # Early on the average is short, so that it does not hold on to the untrained weights.
            decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
            for mean, value in zip(
                self.average.state_dict().values(), self.generator.state_dict().values(), strict=True
            ):
                if mean.is_floating_point():
                    mean.lerp_(value, 1 - decay)
                else:  # the batch norm counts its batches
                    mean.copy_(value)
        self.history[self.step] = torch.stack([discriminator_loss, generator_loss])
        self.step += 1

    def _learn_to_tell(self, random: np.random.Generator) -> Tensor:
        drawn, wished = self._draw(random), self._draw(random)
        with torch.no_grad():
            made = self._make(random, wished)
        real, fake = self.discriminator(self.images[drawn]), self.discriminator(made)
        loss = relu(1 - real.realness).mean() + relu(1 + fake.realness).mean()
        loss = loss + self._classification(real.labels, real.algorithms, drawn)
        return _descend(self.discriminator_optimizer, loss)

    def _learn_to_make(self, random: np.random.Generator) -> Tensor:
        wished = self._draw(random)
        judged = self.discriminator(self._make(random, wished))
        obedience = self._classification(judged.labels, judged.algorithms, wished)
        return _descend(self.generator_optimizer, self.config.generator_obedience * obedience - judged.realness.mean())

    def _draw(self, random: np.random.Generator) -> Tensor:
        """Places of a batch of training voices, whose conditions are also what is wished of the generator."""
        drawn = self.thresholds.searchsorted(random.random(self.config.batch_size), side="right")
        return torch.from_numpy(drawn).to(self.device)  # [batch_size]

    def _make(self, random: np.random.Generator, wished: Tensor) -> Tensor:
        noise = random.standard_normal((len(wished), self.config.noise_size), dtype=np.float32)
        images: Tensor = self.generator(
            torch.from_numpy(noise).to(self.device), self.label_ids[wished], self.algorithms[wished]
        )
        return images  # [batch_size, 16, 16]

    def _classification(self, labels: Tensor, algorithms: Tensor, truth: Tensor) -> Tensor:
        of_label = cross_entropy(labels, self.label_ids[truth])
        of_algorithm = cross_entropy(algorithms, self.algorithms[truth])
        return self.config.label_weight * of_label + self.config.algorithm_weight * of_algorithm

    def _networks(self) -> dict[str, torch.nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    def state(self) -> dict[str, Tensor]:
        """All that the next step depends on, as named tensors."""
        tensors = {"step": torch.tensor(self.step), "history": self.history}
        for owner, network in self._networks().items():
            tensors |= {f"{owner}/{name}": tensor for name, tensor in network.state_dict().items()}
        for owner, optimizer in self._optimizers().items():
            for number, entry in optimizer.state_dict()["state"].items():
                tensors |= {f"{owner}/{number}/{name}": tensor for name, tensor in entry.items()}
        return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from where `state` was taken."""
        self.step = int(state["step"])
        self.history = state["history"]
        for owner, network in self._networks().items():
            network.load_state_dict({name: state[f"{owner}/{name}"] for name in network.state_dict()})
        for owner, optimizer in self._optimizers().items():
            entries: dict[int, dict[str, Tensor]] = {}
            for key, tensor in state.items():
                if key.startswith(f"{owner}/"):
                    _, number, name = key.split("/")
                    entries.setdefault(int(number), {})[name] = tensor
            optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})


def _thresholds(label_ids: Ids) -> npt.NDArray[np.float64]:
    """The cumulated chance of each voice, `float64[n]`, to be drawn: by the square root of how many its label has.

    Drawn evenly, a thin label is hardly seen; with labels drawn evenly, its few voices come so often that they are
    learnt by heart. The square root is the middle.
    """
    chances = np.bincount(label_ids)[label_ids] ** -0.5
    thresholds = np.cumsum(chances / chances.sum())
    thresholds[-1] = 1.0
    return np.asarray(thresholds)


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@contextmanager
def _reproducible(threads: int) -> Iterator[None]:
    """Have torch compute the same way each time; what was set before is set again."""
    threads_before = torch.get_num_threads()
    strict_before = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(strict_before)
        torch.set_num_threads(threads_before)


@contextmanager
def _interrupts_held() -> Iterator[threading.Event]:
    """Ctrl-C sets the event rather than stop the run between two halves of a step. Only the main thread hears it."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    before = signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
