"""The engine in JavaScript: samples in node, the AudioWorklet and the synthesizer in headless Chromium."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from deepdx_core.sound.rendering import Controllers, render
from tests.support.browser import CHROMIUM, open_page, serve
from tests.support.engine_cases import CASES, digest_samples, read_golden
from tests.support.paths import ROOT
from tests.support.voices import init_voice, random_voices
from tools.engine_tables import TARGET, format_tables

FOLDER = TARGET.parent
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
needs_chromium = pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"there is no {CHROMIUM}")

RENDER = """
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
const { render } = await import(process.argv[1]);
const found = JSON.parse(readFileSync(0)).map(({ voice, note, velocity, seconds, held, controllers }) => {
  const samples = render(Uint8Array.from(voice), note, velocity, seconds, held, controllers);
  const integers = Int32Array.from(samples, (sample) => sample * 4096);
  return [samples.length, createHash("sha256").update(new Uint8Array(integers.buffer)).digest("hex")];
});
console.log(JSON.stringify(found));
"""


def render_in_node(cases):
    """Render cases (dicts of JSON) in node, and return number and digest of the samples of each."""
    command = [NODE, "--input-type=module", "--eval", RENDER, str(FOLDER / "voice.js")]
    result = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, check=True)
    return [(count, digest) for count, digest in json.loads(result.stdout)]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page in Chromium that can play events."""
    with serve(FOLDER) as address, open_page(f"{address}/package.json", tmp_path_factory.mktemp("chromium")) as page:
        page.run((ROOT / "tests" / "support" / "playing.js").read_text())
        yield page


def to_js(voice):
    return json.dumps(voice.tolist())


def test_the_tables_are_generated_from_the_python_modules():
    assert TARGET.read_text() == format_tables(), "run: python -m tools.engine_tables"


@needs_node
def test_samples_in_node_are_the_golden_ones():
    _, golden = read_golden()
    found = render_in_node([vars(case) | {"voice": case.voice.tolist()} for case in CASES])
    assert [case.name for case, result in zip(CASES, found, strict=True) if result != golden[case.name]] == []


@needs_node
def test_controllers_act_as_in_python():
    random = np.random.default_rng(5)
    cases, expected = [], []
    for voice in random_voices(40, seed=11)[0]:
        bend, wheel, aftertouch, breath = (float(drawn) for drawn in random.random(4))
        python = Controllers(24 * bend - 12, wheel, aftertouch, breath if breath > 0.3 else None)
        note = int(random.integers(30, 90))
        samples = render(voice[None], note, 100, 0.5, 0.3, controllers=python)[0]
        expected.append((len(samples), digest_samples(samples)))
        javascript = {"pitchBend": python.pitch_bend, "wheel": wheel, "aftertouch": aftertouch, "breath": python.breath}
        cases.append(
            {
                "voice": voice.tolist(),
                "note": note,
                "velocity": 100,
                "seconds": 0.5,
                "held": 0.3,
                "controllers": javascript,
            }
        )
    assert render_in_node(cases) == expected


@needs_node
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("voice, 128", "note is 128, its range is 0 to 127"),
        ("voice, 60.5", "note is 60.5, it must be an integer"),
        ("voice, 60, 0", "velocity is 0, its range is 1 to 127"),
        ("voice, 60, 100, NaN", "seconds is NaN, its range is"),
        ("voice, 60, 100, 1e9", "seconds is 1000000000, its range is"),
        ("voice, 60, 100, 1, -1", "held is -1, its range is"),
        ("voice, 60, 100, 1, 1, {wheel: 2}", "wheel is 2, its range is 0 to 1"),
        ("voice, 60, 100, 1, 1, {pitchBend: -13}", "pitchBend is -13, its range is -12 to 12"),
        ("voice, 60, 100, 1, 1, {foot: 1}", "foot is not a controller"),
        ("voice.fill(100)", "op6_eg_rate_1 is 100, its range is 0 to 99"),
        ("voice.subarray(1)", "voice is Uint8Array of 144, it must be a Uint8Array of 145 parameters"),
    ],
)
def test_illegal_arguments_are_named(arguments, message):
    script = f"""
    const {{ render }} = await import(process.argv[1]);
    const voice = new Uint8Array(145);
    try {{ render({arguments}); }} catch (error) {{ console.log(error.name, error.message); }}
    """
    command = [NODE, "--input-type=module", "--eval", script, str(FOLDER / "voice.js")]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.startswith(f"FieldError {message}")


@needs_chromium
@pytest.mark.parametrize("name", ["algorithm 4", "algorithm 16", "algorithm 32", "demo voice 3"])
def test_a_note_of_the_worklet_has_the_golden_samples(page, name):
    case = next(case for case in CASES if case.name == name)
    count, digest = read_golden()[1][name]
    key_up = -(-round(case.held * 44_100) // 64) / 2
    assert key_up % 1 == 0, "the key must come up where the worklet looks at messages"
    found = page.run(f"""
        const quanta = Math.ceil({count} / QUANTUM);
        const {{ samples }} = await play(quanta, [
            [0, (synth) => {{
                synth.loadVoice(Uint8Array.from({to_js(case.voice)}));
                synth.noteOn({case.note}, {case.velocity});
            }}],
            [{key_up}, (synth) => synth.noteOff({case.note})],
        ]);
        const integers = Int32Array.from(samples.slice(0, {count}));
        const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", integers));
        return [samples.every(Number.isInteger), Array.from(hash)];
    """)
    assert found == [True, list(bytes.fromhex(digest))]


SLOW = init_voice(op1_eg_rate_4=30, op1_eg_rate_2=40, op1_eg_level_2=80, op1_eg_level_3=80, pitch_mod_sensitivity=5)


@needs_chromium
def test_a_note_takes_the_place_of_a_silent_one_else_the_oldest_released_one_else_the_oldest(page):
    first = page.run(f"""
        const voice = Uint8Array.from({to_js(SLOW)});
        const short = Uint8Array.from({to_js(init_voice(op1_eg_rate_4=99))});
        const keys = Array.from({{ length: 16 }}, (_, index) => 40 + index);
        const found = await play(200, [
            [0, (synth) => {{
                synth.loadVoice(voice);
                for (const key of keys.slice(0, 15)) synth.noteOn(key);
                synth.loadVoice(short);
                synth.noteOn(90);
                synth.loadVoice(voice);
            }}],
            [5, (synth) => synth.noteOff(90)],
            [20, (synth) => {{ synth.noteOff(45); synth.noteOff(43); }}],
            [30, (synth) => synth.noteOn(55)], // in place of 90, which is silent by now
            [40, (synth) => synth.noteOn(80)], // of 43, the older of the two
            [60, (synth) => synth.noteOn(81)], // of 45
            [80, (synth) => synth.noteOn(82)], // of 40, the oldest
        ]);
        const notes = keys.map((note) => ({{ voice, note }}));
        Object.assign(notes[3], {{ up: 20, to: 40 }});
        Object.assign(notes[5], {{ up: 20, to: 60 }});
        Object.assign(notes[0], {{ to: 80 }});
        notes[15].from = 30;
        notes.push({{ voice: short, note: 90, up: 5 }});
        notes.push({{ voice, note: 80, from: 40 }}, {{ voice, note: 81, from: 60 }}, {{ voice, note: 82, from: 80 }});
        return firstDifference(found, expect(200, notes));
    """)
    assert first == -1


@needs_chromium
def test_the_pedal_sustains_keys_that_are_up(page):
    first = page.run(f"""
        const voice = Uint8Array.from({to_js(SLOW)});
        const found = await play(200, [
            [0, (synth) => {{ synth.loadVoice(voice); synth.noteOn(50); synth.noteOn(60); }}],
            [20, (synth) => synth.sustain(true)],
            [40, (synth) => synth.noteOff(60)],
            [60, (synth) => synth.noteOn(60, 50)], // the first 60 sounds on
            [90, (synth) => synth.sustain(false)],
            [120, (synth) => synth.allNotesOff()],
            [180, (synth) => synth.allSoundOff()],
        ]);
        return firstDifference(found, expect(200, [
            {{ voice, note: 50, up: 120, to: 180 }},
            {{ voice, note: 60, up: 90, to: 180 }},
            {{ voice, note: 60, velocity: 50, from: 60, up: 120, to: 180 }},
        ]));
    """)
    assert first == -1


@needs_chromium
def test_controllers_move_sounding_notes_and_a_new_voice_does_not(page):
    modulated = init_voice(
        lfo_speed=80, lfo_delay=99, op1_amp_mod_sensitivity=3, lfo_wave=4, op1_eg_rate_4=40, pitch_mod_sensitivity=6
    )
    first = page.run(f"""
        const voice = Uint8Array.from({to_js(modulated)});
        const other = Uint8Array.from({to_js(SLOW)});
        const positions = [
            [20, {{ wheel: 0.7 }}], [40, {{ pitchBend: -1.5 }}], [60, {{ aftertouch: 1 }}], [80, {{ breath: 0.6 }}],
            [100, {{ wheel: 0, aftertouch: 0 }}], [120, {{ breath: null }}],
        ];
        const found = await play(160, [
            [0, (synth) => {{ synth.loadVoice(voice); synth.noteOn(57); }}],
            [50, (synth) => synth.loadVoice(other)],
            [70, (synth) => synth.noteOn(64)],
            ...positions.map(([quantum, controllers]) => [quantum, (synth) => synth.setControllers(controllers)]),
        ]);
        const notes = [{{ voice, note: 57 }}, {{ voice: other, note: 64, from: 70 }}];
        return firstDifference(found, expect(160, notes, positions));
    """)
    assert first == -1


@needs_chromium
def test_a_finished_note_leaves_silence(page):
    found = page.run(f"""
        const voice = Uint8Array.from({to_js(init_voice(op1_eg_rate_4=90))});
        const {{ samples }} = await play(100, [
            [0, (synth) => {{ synth.loadVoice(voice); synth.noteOn(57); }}],
            [20, (synth) => synth.noteOff(57)],
        ]);
        return samples.findLastIndex((sample) => sample !== 0);
    """)
    assert 20 * 128 < found < 90 * 128


@needs_chromium
def test_illegal_messages_are_answered_and_change_nothing(page):
    illegal = {
        "null": "there is no message of type undefined",
        "{ type: 'dump' }": "there is no message of type dump",
        "{ type: { toString: 1 } }": "there is no message of type an object",
        "{ type: 'noteOn', note: 60, velocity: 128 }": "velocity is 128, its range is 1 to 127",
        "{ type: 'noteOn', note: '60', velocity: 1 }": "note is 60, it must be a number",
        "{ type: 'noteOff', note: NaN }": "note is NaN, its range is 0 to 127",
        "{ type: 'sustain' }": "isDown must be true or false",
        "{ type: 'level', level: Infinity }": "level is Infinity, its range is 0 to 1",
        "{ type: 'controllers' }": "controllers is undefined, it must be an object",
        "{ type: 'controllers', controllers: { wheel: 0.5, breath: -1 } }": "breath is -1, its range is 0 to 1",
        "{ type: 'voice', voice: new Uint8Array(144) }": (
            "voice is Uint8Array of 144, it must be a Uint8Array of 145 parameters"
        ),
        "{ type: 'voice', voice: new Uint8Array(145).fill(99) }": "op6_left_curve is 99, its range is 0 to 3",
    }
    first, errors = page.run(f"""
        const voice = Uint8Array.from({to_js(SLOW)});
        const found = await play(100, [
            [0, (synth) => {{
                synth.node.port.postMessage({{ type: "noteOn", note: 60, velocity: 100 }});
                synth.loadVoice(voice);
                synth.noteOn(50);
            }}],
            [40, (synth) => [{", ".join(illegal)}].forEach((message) => synth.node.port.postMessage(message))],
        ]);
        return [firstDifference(found, expect(100, [{{ voice, note: 50 }}])), found.errors];
    """)
    assert first == -1
    assert errors == ["no voice is loaded", *illegal.values()]


@needs_chromium
def test_midi_messages_become_messages_of_the_synthesizer(page):
    sent = page.run("""
        const synth = await DX7.create(new OfflineAudioContext(1, 128, 44100));
        const sent = [];
        synth.node.port.postMessage = ({ type, ...fields }) => sent.push([type, ...Object.values(fields)]);
        const messages = [
            [0x93, 60, 100], [0x93, 60, 0], [0x80, 61, 64], [0xb0, 1, 127], [0xb0, 2, 0], [0xb0, 64, 64],
            [0xb0, 64, 63], [0xb0, 7, 100], [0xb0, 123, 0], [0xb0, 120, 0], [0xd0, 127], [0xe0, 0, 0], [0xe0, 0, 64],
            [0xf8], [0xc0, 5], [0xb0, 121, 0],
        ];
        for (const message of messages) synth.midi(Uint8Array.from(message));
        for (const message of [[], [0x90, 60], [60, 60, 60], [0x90, 200, 1]]) {
            try { synth.midi(Uint8Array.from(message)); } catch (error) { sent.push(error.message); }
        }
        return sent;
    """)
    assert sent == [
        ["noteOn", 60, 100],
        ["noteOff", 60],
        ["noteOff", 61],
        ["controllers", {"wheel": 1}],
        ["controllers", {"breath": 0}],
        ["sustain", True],
        ["sustain", False],
        ["allNotesOff"],
        ["allSoundOff"],
        ["controllers", {"aftertouch": 1}],
        ["controllers", {"pitchBend": -2}],
        ["controllers", {"pitchBend": 0}],
        ["controllers", {"pitchBend": 0, "wheel": 0, "aftertouch": 0, "breath": None}],
        ["sustain", False],
        "status is undefined, it must be a number",
        "data byte is undefined, it must be a number",
        "status is 60, its range is 128 to 255",
        "data byte is 200, its range is 0 to 127",
    ]


@needs_chromium
def test_the_context_must_run_at_the_rate_of_the_engine(page):
    found = page.run("""
        const found = [(await DX7.create()).node.context.sampleRate];
        await DX7.create(new OfflineAudioContext(1, 128, 48000)).catch((error) => found.push(error.message));
        return found;
    """)
    assert found[0] == 44_100
    assert found[1].startswith("the context runs at 48000 Hz, the engine only at 44100 Hz")
