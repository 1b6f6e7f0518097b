"""Decoded voices and their distinct sounds."""

import hashlib

import numpy as np
import polars as pl
from hypothesis import given, settings

from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.packing import INIT_VOICE, USED_BITS, pack_vced, pack_vmem
from deepdx_core.codec.writer import frame, write_bank
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.exact import unique_sounds
from deepdx_core.dedup.repair import RepairSettings
from deepdx_core.intake.survey import survey
from deepdx_core.tables.curation import UniqueVoices
from deepdx_core.tables.decoding import DecodedVoices
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES
from tests.support.voices import legal_voices, random_voices


def decoded(folder, *files):
    folder.mkdir(exist_ok=True)
    for number, data in enumerate(files):
        (folder / f"{number:03}.syx").write_bytes(data)
    return DecodedVoices.validate(decode_dumps(survey(folder).dumps))


def test_a_sound_id_is_a_digest_that_anyone_can_compute():
    assert sound_ids(INIT_VOICE[None]) == [hashlib.sha256(INIT_VOICE.tobytes()).hexdigest()[:20]]


def test_slots_keep_their_order_names_and_parameters(tmp_path):
    parameters, names = random_voices(32, seed=3)
    voices = decoded(tmp_path, write_bank(parameters, names))
    assert voices["slot"].to_list() == list(range(1, 33))
    np.testing.assert_array_equal(voices.select(PARAMETER_NAMES).to_numpy(), parameters)
    assert voices["name"].to_list() == [n.tobytes().decode() for n in names]
    assert voices["valid"].all()


def test_findings_name_the_rule_the_parameter_and_the_value(tmp_path):
    packed = pack_vmem(*random_voices(32, seed=4))
    packed[0, 14] = 100  # output level of operator 6
    packed[1, 12] = (15 << 3) | (packed[1, 12] & 7)  # detune of operator 6
    packed[1, 117] = 49  # transpose
    packed[2] = 0
    packed[3, 11] |= 0x80  # the scaling curves of operator 6
    packed[3, 120] = 255
    voices = decoded(tmp_path, frame(9, packed.tobytes()))
    assert voices["findings"].head(5).to_list() == [
        [{"rule": "out-of-range", "parameter": "op6_output_level", "value": 100}],
        [
            {"rule": "out-of-range", "parameter": "op6_detune", "value": 15},
            {"rule": "out-of-range", "parameter": "transpose", "value": 49},
        ],
        [{"rule": "all-zero", "parameter": None, "value": None}],
        [
            {"rule": "byte-over-127", "parameter": "op6_left_curve", "value": int(packed[3, 11])},
            {"rule": "byte-over-127", "parameter": "name", "value": 255},
        ],
        [],
    ]
    assert voices["valid"].to_list() == [False] * 4 + [True] * 28
    assert voices["sound_id"].is_null().to_list() == [False] * 3 + [True] + [False] * 28


def test_equal_voices_in_several_formats_and_under_several_names_are_one_sound(tmp_path):
    parameters, _ = random_voices(1, seed=5)
    first, second = text_to_names(["WARM PAD"]), text_to_names(["MY PAD"])
    unused_bits = pack_vmem(parameters, second) | (~USED_BITS & 0x7F)
    voices = decoded(
        tmp_path,
        write_bank(parameters, first),
        write_bank(parameters, first, channel=9),
        frame(0, pack_vced(parameters, second).tobytes()),
        frame(9, np.tile(unused_bits, (32, 1)).tobytes()),
    )
    sounds = UniqueVoices.validate(unique_sounds(voices, RepairSettings()))
    (sound,) = sounds.filter(pl.col("sound_id") == sound_ids(parameters)[0]).iter_rows(named=True)
    assert (sound["names"], sound["name_counts"]) == (["MY PAD", "WARM PAD"], [2, 2])
    assert (sound["slots"], sound["files"]) == (35, 4)
    assert len(sounds) == 2  # and INIT VOICE, which fills the banks


def test_a_sound_lists_its_carriers_and_their_envelope_levels_4(tmp_path):
    parameters, names = random_voices(32, seed=6)
    parameters[:, INDEX["algorithm"]] = np.arange(32)
    sounds = unique_sounds(decoded(tmp_path, write_bank(parameters, names)), RepairSettings())
    for sound in sounds.iter_rows(named=True):
        carriers = ALGORITHMS[sound["algorithm"]].carriers
        assert tuple(sound["carriers"]) == carriers
        assert sound["carrier_levels_4"] == [sound[f"op{operator}_eg_level_4"] for operator in carriers]


@settings(max_examples=20)
@given(legal_voices(most=32))
def test_legal_voices_are_valid_in_both_formats(tmp_path_factory, voices):
    folder = tmp_path_factory.mktemp("banks")
    singles = b"".join(frame(0, row.tobytes()) for row in pack_vced(*voices))
    found = decoded(folder, write_bank(*voices), singles)
    # All zero is in range, but not a sound.
    assert found.filter(~pl.col("valid"))["findings"].explode().struct.field("rule").is_in(["all-zero"]).all()
    of_format = {key: set(part["sound_id"]) for (key,), part in found.partition_by("format", as_dict=True).items()}
    assert of_format["vced"] <= of_format["vmem"]


def test_sounds_do_not_depend_on_the_order_of_voices(tmp_path):
    voices = decoded(tmp_path, *(write_bank(*random_voices(32, seed=s)) for s in range(4)))
    shuffled = voices.sample(fraction=1, shuffle=True, seed=1)
    assert unique_sounds(shuffled, RepairSettings()).equals(unique_sounds(voices, RepairSettings()))


def test_no_files_give_no_voices_and_no_sounds(tmp_path):
    voices = decoded(tmp_path)
    assert voices.is_empty()
    assert unique_sounds(voices, RepairSettings()).is_empty()
