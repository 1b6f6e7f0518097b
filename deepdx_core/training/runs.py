"""How a run is kept reproducible, on whatever device, and whole where it is interrupted."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def best_device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def mixed_precision(device: torch.device, wanted: bool) -> torch.autocast:
    """Matrix products in bfloat16 while this context lasts, if it is wanted and the device is fast at it."""
    fast = device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and fast)


@contextmanager
def reproducible(threads: int) -> Iterator[None]:
    """Have torch compute the same way each time; what was set before is set again."""
    threads_before = torch.get_num_threads()
    strict_before = torch.get_deterministic_debug_mode()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(strict_before)
        torch.set_num_threads(threads_before)


@contextmanager
def interrupts_held() -> Iterator[threading.Event]:
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


def tensors_of(networks: dict[str, torch.nn.Module], optimizers: dict[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
    """All that networks and optimizers hold, as named tensors on the CPU."""
    tensors: dict[str, Tensor] = {}
    for owner, network in networks.items():
        tensors |= {f"{owner}/{name}": tensor for name, tensor in network.state_dict().items()}
    for owner, optimizer in optimizers.items():
        for number, entry in optimizer.state_dict()["state"].items():
            tensors |= {f"{owner}/{number}/{name}": tensor for name, tensor in entry.items()}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def restore(
    tensors: dict[str, Tensor],
    networks: dict[str, torch.nn.Module],
    optimizers: dict[str, torch.optim.Optimizer],
) -> None:
    """Put back what `tensors_of` took."""
    for owner, network in networks.items():
        network.load_state_dict({name: tensors[f"{owner}/{name}"] for name in network.state_dict()})
    for owner, optimizer in optimizers.items():
        entries: dict[int, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            if key.startswith(f"{owner}/"):
                _, number, name = key.split("/")
                entries.setdefault(int(number), {})[name] = tensor
        optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})


def follow(average: torch.nn.Module, network: torch.nn.Module, decay: float, step: int) -> None:
    """Move an average of weights towards a network's; early on it is short, not to hold on to untrained weights."""
    decay = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:  # a batch norm counts its batches
                mean.copy_(value)
