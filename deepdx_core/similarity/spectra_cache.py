"""Spectra of all sounds at middle C, kept in a file of the home: those of new sounds are added, the others reused."""

import hashlib
import logging
from contextlib import suppress

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from deepdx_core.arrays import Float32Array, UInt8Array
from deepdx_core.files import written_whole
from deepdx_core.home import Home
from deepdx_core.progress import Report
from deepdx_core.similarity.spectra import BANDS, RANGE_DB, render_spectra
from deepdx_core.sound.rendering import engine_version
from deepdx_core.versions import SPECTRA_VERSION

NOTE, VELOCITY = 60, 100
STARTS = (0, 9000)
"""First samples of the two windows of a spectrum: the attack, and from 0.2 s on."""

STEP_DB = RANGE_DB / 250
"""Decibels by unit of a stored level."""

_ID_BYTES = 10
_VERSION = f"{engine_version()}, spectra {SPECTRA_VERSION}"
_CHUNK = 2048  # sounds


def load_spectra(home: Home, sound_ids: list[str], parameters: UInt8Array, report: Report) -> UInt8Array:
    """Return the spectra of sounds, `uint8[n, 2 * BANDS]`, in steps of `STEP_DB`. Render those that are not stored.

    parameters: `uint8[n, 145]`, all in range. A damaged file is made anew. One that cannot be written is no error.
    """
    ids = np.frombuffer(bytes.fromhex("".join(sound_ids)), np.uint8).reshape(-1, _ID_BYTES)
    known = _read(home)
    rows = np.array([known[0].get(sound_id, -1) for sound_id in map(bytes, ids)], np.int64)
    spectra = np.empty((len(ids), len(STARTS) * BANDS), np.uint8)
    spectra[rows >= 0] = known[1][rows[rows >= 0]]
    missing = np.flatnonzero(rows < 0)
    for start in range(0, len(missing), _CHUNK):
        report("sounds rendered for comparison", start, len(missing))
        some = missing[start : start + _CHUNK]
        notes, velocities = np.full(len(some), NOTE), np.full(len(some), VELOCITY)
        spectra[some] = to_bytes(render_spectra(parameters[some], notes, velocities, STARTS))
    if len(missing):
        report("sounds rendered for comparison", len(missing), len(missing))
        try:
            with written_whole(home.spectra, set_aside=True) as temporary:
                metadata = {"version": _VERSION, "digest": _digest(ids, spectra)}
                save_file({"ids": ids, "spectra": spectra}, temporary, metadata)
        except OSError as error:
            logging.getLogger("deepdx").warning(f"{home.spectra}: cannot be written: {error.strerror}")
    return spectra


def to_bytes(spectra: Float32Array) -> UInt8Array:
    """Return spectra, `float32[n, windows, BANDS]`, in steps of `STEP_DB`, `uint8[n, windows * BANDS]`."""
    return np.round(spectra.reshape(len(spectra), -1) / np.float32(STEP_DB)).astype(np.uint8)


def _digest(*arrays: UInt8Array) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _read(home: Home) -> tuple[dict[bytes, int], UInt8Array]:
    """Return the stored spectra, and the row of each sound; none if there is no file, or a damaged or older one."""
    with suppress(OSError, SafetensorError, ValueError, KeyError, TypeError):
        if home.spectra.is_file():
            with safe_open(home.spectra, "numpy") as file:
                ids, spectra = file.get_tensor("ids"), file.get_tensor("spectra")
                metadata = file.metadata() or {}
            shapes = (len(ids), _ID_BYTES), (len(ids), len(STARTS) * BANDS)
            known = {"version": _VERSION, "digest": _digest(ids, spectra)}
            if metadata == known and (ids.shape, spectra.shape) == shapes and ids.dtype == spectra.dtype == np.uint8:
                return {bytes(sound_id): row for row, sound_id in enumerate(ids)}, spectra
    return {}, np.empty((0, len(STARTS) * BANDS), np.uint8)
