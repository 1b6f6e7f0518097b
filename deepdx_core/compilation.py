"""Compilation of functions with numba, and the folders that keep the compiled code.

Compiling takes some seconds, loading from a folder half a second. The name of a folder contains a digest of the
sources: numba itself compares only the file of a function, and misses changes in the functions and tables it uses.
"""

import hashlib
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numba.core.config
from platformdirs import user_cache_path

Int = Any
"""An integer in compiled code; numba infers its width."""

_Function = TypeVar("_Function", bound=Callable[..., Any])

_ROOT = 0

# Neither divisions by zero nor indices out of bounds occur; checks for them would double the time.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "boundscheck": False}


def jit(function: _Function) -> _Function:
    """Mark a function to be compiled with the function that calls it."""
    return cast(_Function, numba.njit(**_OPTIONS)(function))


def inline(function: _Function) -> _Function:
    """Mark a function to be inlined: a call would keep a loop from SIMD."""
    return cast(_Function, numba.njit(inline="always", **_OPTIONS)(function))


@dataclass(frozen=True)
class CompiledCode:
    """Compiled code in a folder of its own.

    name: begins the name of the folder. what: the code, in words, for messages. sources: the files to compile.
    """

    name: str
    what: str
    sources: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """The folder: in NUMBA_CACHE_DIR where that is set, else in the user's cache."""
        base = os.environ.get("NUMBA_CACHE_DIR")
        digest = hashlib.sha256(numba.__version__.encode())
        for path in (Path(__file__), *sorted(self.sources)):
            digest.update(path.read_bytes())
        return (Path(base) if base else user_cache_path("deepdx")) / f"{self.name}-{digest.hexdigest()[:16]}"

    def exists(self) -> bool:
        """Return True if the code has been compiled already."""
        return any(name.endswith(".nbc") for *_, names in os.walk(self.folder) for name in names)

    def compile(self, function: _Function, signature: Any) -> _Function:
        """Return a function compiled for a signature, or loaded from the folder.

        Damaged files there are replaced. Warns if the folder cannot be used, and compiles in memory.
        """
        folder = self.folder
        try:
            _make_private(folder)
            try:
                return _compile_in(folder, function, signature)
            except OSError:
                raise
            except Exception:  # a damaged file of compiled code fails in any way
                shutil.rmtree(folder)
                _make_private(folder)
                return _compile_in(folder, function, signature)
        except Exception as error:
            warnings.warn(
                f"{folder}: {error}. Without this folder each process compiles {self.what} again, which takes some "
                "seconds; NUMBA_CACHE_DIR sets another place.",
                RuntimeWarning,
                stacklevel=2,
            )
        return cast(_Function, numba.njit(signature, **_OPTIONS)(function))


def _make_private(folder: Path) -> None:
    """Make a folder, or check it. Compiled code is loaded as pickles: nobody else may write there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid not in (os.geteuid(), _ROOT):
        raise PermissionError("it belongs to another user")
    if status.st_mode & 0o022:
        raise PermissionError("others may write there")


def _compile_in(folder: Path, function: _Function, signature: Any) -> _Function:
    with _cache_in(folder):
        return cast(_Function, numba.njit(signature, cache=True, **_OPTIONS)(function))


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    # numba has only a global setting for the folder, and reads it when it wraps a function.
    config: Any = numba.core.config
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before
