"""The engine's samples, compared with golden digests and with dexed-py.

After an intended change of samples, raise ENGINE_VERSION in `deepdx_core/versions.py` and run
DEEPDX_GOLDEN=renew python -m pytest tests/sound/test_engine_golden.py -n 0. New cases need only the second step.
"""

import os

import numpy as np

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.sound.rendering import render
from deepdx_core.versions import ENGINE_VERSION
from deepdx_core.voice.parameters import PARAMETERS
from tests.support.engine_cases import CASES, digest_samples, groups, read_golden, write_golden
from tests.support.oracle import Oracle

RENEW = "DEEPDX_GOLDEN=renew python -m pytest tests/sound/test_engine_golden.py -n 0"

CONTINUOUS = {
    *("break_point", "left_depth", "right_depth", "transpose"),
    *("lfo_delay", "lfo_pitch_depth", "lfo_amp_depth"),
}
"""Parameters that the engine computes with, without a table: some of their values are enough."""


def test_samples_change_only_with_the_version_of_the_engine():
    found = {}
    for group in groups(CASES):
        samples = render(group.voices, group.notes, group.velocities, group.seconds, group.held)
        assert samples.shape == (len(group.names), group.samples)
        found |= {name: (group.samples, digest_samples(row)) for name, row in zip(group.names, samples, strict=True)}
    version, golden = read_golden()
    changed = sorted(name for name in found.keys() & golden.keys() if found[name] != golden[name])
    assert not changed or version < ENGINE_VERSION, (
        f"samples changed in {len(changed)} cases, among them {changed[:5]}: undo the change of the engine, or raise "
        f"ENGINE_VERSION and then: {RENEW}"
    )
    if os.environ.get("DEEPDX_GOLDEN") == "renew":
        write_golden(ENGINE_VERSION, {case.name: found[case.name] for case in CASES})
        return
    assert version == ENGINE_VERSION, f"the version was raised: {RENEW}"
    assert found.keys() == golden.keys(), f"cases were added or removed: {RENEW}"


def test_dexed_py_gives_the_golden_samples():
    oracle = Oracle()
    differing = []
    _, golden = read_golden()
    for case in CASES:
        samples = oracle.render(case.voice, case.note, case.velocity, case.held, case.seconds)
        if (len(samples), digest_samples(samples)) != golden[case.name]:
            differing.append(case.name)
    assert differing == []


def test_cases_have_names_of_their_own():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))


def test_cases_cover_every_value_of_every_parameter_with_a_table():
    voices = np.stack([case.voice for case in CASES])
    assert (voices <= MAXIMA).all()
    values = {}
    for column, parameter in enumerate(PARAMETERS):
        kind = parameter.name.split("_", 1)[1] if parameter.name.startswith("op") else parameter.name
        values.setdefault(kind.rstrip("_1234"), set()).update(voices[:, column].tolist())
    maxima = {p.name.rstrip("_1234"): p.maximum for p in PARAMETERS if not p.name.startswith(("op2", "op3", "op4"))}
    missing = {
        kind: sorted(set(range(maximum + 1)) - values[kind])
        for name, maximum in maxima.items()
        if (kind := name.removeprefix("op1_")) in values and kind not in CONTINUOUS
    }
    assert {kind: absent for kind, absent in missing.items() if absent} == {}
