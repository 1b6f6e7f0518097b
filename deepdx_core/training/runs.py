"""Determinism, interrupts and state of training runs, on any device."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


def best_device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def mixed_precision(device: torch.device, enabled: bool) -> torch.autocast:
    """Return a context for matrix products in bfloat16, if enabled and the device is fast at it."""
    # CPUs are fast at bfloat16 if they have AVX512_BF16, as every CPU with AMX has. The older public query,
    # `torch.backends.cpu.get_cpu_capability`, does not distinguish AVX512 with it from AVX512 without.
    fast = device.type != "cpu" or torch.cpu.get_capabilities().get("avx512_bf16", False)
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled and fast)


@contextmanager
def reproducible(threads: int) -> Iterator[None]:
    """Make torch deterministic on the given number of CPU threads. All settings are restored afterwards."""
    threads_before = torch.get_num_threads()
    mode_before = torch.get_deterministic_debug_mode()
    memory: Any = torch.utils.deterministic  # its properties have no types
    fill_before = memory.fill_uninitialized_memory
    torch.set_num_threads(threads)
    # `use_deterministic_algorithms` does the same, but also imports torch's compiler, which takes a second.
    torch.set_deterministic_debug_mode("error")
    memory.fill_uninitialized_memory = False  # no result is read before it is written
    try:
        yield
    finally:
        memory.fill_uninitialized_memory = fill_before
        torch.set_deterministic_debug_mode(mode_before)
        torch.set_num_threads(threads_before)


@contextmanager
def interrupts_deferred() -> Iterator[threading.Event]:
    """Let Ctrl-C set the event instead of stopping the run in the middle of a step.

    Signals reach the main thread only. In any other thread the event is never set.
    """
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    before = signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def collect_tensors(
    networks: dict[str, torch.nn.Module], optimizers: dict[str, torch.optim.Optimizer]
) -> dict[str, Tensor]:
    """Return the state of networks and optimizers as tensors on the CPU, named `owner/name` or `owner/number/name`."""
    tensors: dict[str, Tensor] = {}
    for owner, network in networks.items():
        tensors |= {f"{owner}/{name}": tensor for name, tensor in network.state_dict().items()}
    for owner, optimizer in optimizers.items():
        for number, entry in optimizer.state_dict()["state"].items():
            tensors |= {f"{owner}/{number}/{name}": tensor for name, tensor in entry.items()}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def restore_tensors(
    tensors: dict[str, Tensor],
    networks: dict[str, torch.nn.Module],
    optimizers: dict[str, torch.optim.Optimizer],
) -> None:
    """Load the tensors of `collect_tensors` into networks and optimizers."""
    for owner, network in networks.items():
        network.load_state_dict({name: tensors[f"{owner}/{name}"] for name in network.state_dict()})
    for owner, optimizer in optimizers.items():
        entries: dict[int, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            if key.startswith(f"{owner}/"):
                _, number, name = key.split("/")
                entries.setdefault(int(number), {})[name] = tensor
        optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})


def update_average(average: torch.nn.Module, network: torch.nn.Module, decay: float, step: int) -> None:
    """Move the moving average of a network's weights towards them.

    The decay is lower in the first steps, so that the average does not hold on to untrained weights.
    """
    decay = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:  # the number of batches that a batch norm has seen
                mean.copy_(value)
