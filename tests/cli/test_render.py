"""`deepdx render` and `deepdx play`: files, names, levels, selections, multisamples, and messages."""

import os
import re
import struct
import subprocess
import sys
import types
from functools import partial

import numpy as np
import pytest
import soundfile

from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.codec.writer import write_banks
from deepdx_core.sound.loudness import PEAK, find_peaks, measure_loudness
from deepdx_core.sound.rendering import SAMPLE_RATE, render
from tests.support.cli import run_deepdx
from tests.support.paths import DEMO, ROOT
from tests.support.voices import init_voice, random_voices

BANK = DEMO / "Keys" / "EPIANOS1.syx"
NET = DEMO / "From the net"
SHORT = ("--seconds", "0.5")


@pytest.fixture
def deepdx(monkeypatch, tmp_path, capsys, compiled_engine):
    """`run_deepdx` in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPDX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")
    return partial(run_deepdx, capsys)


def write_bank_file(path, voices, names=None):
    voices = np.atleast_2d(voices)
    names = [f"VOICE {i}" for i in range(len(voices))] if names is None else names
    path.write_bytes(b"".join(write_banks(voices, text_to_names(names))))
    return path


def audio_of(path):
    audio, rate = soundfile.read(path, dtype="float32")
    assert rate == SAMPLE_RATE
    return audio


def names_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_bank_becomes_a_folder_with_a_clip_per_voice(deepdx, tmp_path):
    code, output, errors = deepdx("render", BANK, "-o", "out")
    assert (code, output, errors) == (0, "out/EPIANOS1: 32 clips\n", "")
    names = names_in(tmp_path / "out")
    assert len(names) == 32
    assert names[0] == "EPIANOS1/01 E.PIANO 3.wav"
    clips = np.stack([audio_of(tmp_path / "out" / name) for name in names])
    assert clips.shape[1] == 3 * SAMPLE_RATE
    assert np.ptp(measure_loudness(clips)) < 0.5
    assert find_peaks(clips).max() <= PEAK * 1.0001


def test_notes_are_rendered_one_by_one(deepdx, tmp_path):
    write_bank_file(tmp_path / "a.syx", INIT_VOICE)
    assert deepdx("render", "a.syx:1", "-o", "out", "--notes", "C2, 69,f#6", "--seconds", "2")[0] == 0
    names = names_in(tmp_path / "out")
    assert names == [f"a/01 VOICE 0 {note}.wav" for note in ("A4", "C2", "F#6")]
    for name, hertz in zip(names, (440, 65.41, 1479.98), strict=True):
        audio = audio_of(tmp_path / "out" / name)[:SAMPLE_RATE]
        assert np.abs(np.fft.rfft(audio * np.hanning(len(audio)))).argmax() == pytest.approx(hertz, abs=1)


@pytest.mark.parametrize("audio_format", ["wav", "flac", "mp3", "ogg"])
def test_every_format_decodes_back_and_has_the_same_bytes_twice(deepdx, tmp_path, audio_format):
    for out in ("a", "b"):
        assert deepdx("render", f"{BANK}:1-3", "-o", out, "--format", audio_format, *SHORT)[0] == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert len(contents(tmp_path / "a")) == 3
    for name in names_in(tmp_path / "a"):
        assert name.endswith(f".{audio_format}")
        assert len(audio_of(tmp_path / "a" / name)) == SAMPLE_RATE // 2


def test_original_levels_keep_their_relation(deepdx, tmp_path):
    voices = np.stack([init_voice(op1_output_level=level) for level in (99, 80, 60)])
    write_bank_file(tmp_path / "a.syx", voices)
    options = ("--level", "original", "--notes", "60", *SHORT)
    assert deepdx("render", "a.syx:1-3", "-o", "out", *options)[0] == 0
    clips = np.stack([audio_of(tmp_path / "out" / name) for name in names_in(tmp_path / "out")])
    expected = render(voices, 60, 100, 0.5)
    np.testing.assert_allclose(clips, expected * (PEAK / np.abs(expected).max()), atol=2e-7)


@pytest.mark.parametrize("level", ["matched", "original"])
@pytest.mark.parametrize("phrase", ["chord", "arpeggio", "auto"])
def test_six_carriers_at_full_level_do_not_clip(deepdx, tmp_path, phrase, level):
    loud = init_voice(algorithm=31, **{f"op{n}_{p}": v for n in range(1, 7) for p, v in LOUD.items()})
    write_bank_file(tmp_path / "a.syx", loud, ["SAW PAD"])
    options = ("--phrase", phrase, "--level", level, "--velocity", "127", "--seconds", "1")
    assert deepdx("render", "a.syx:1", "-o", "out", *options)[0] == 0
    (name,) = names_in(tmp_path / "out")
    peak = np.abs(audio_of(tmp_path / "out" / name)).max()
    assert 0.05 < peak <= PEAK * 1.0001


LOUD = {"output_level": 99, "velocity_sensitivity": 7}


def test_silence_stays_silent(deepdx, tmp_path):
    write_bank_file(tmp_path / "a.syx", init_voice(op1_output_level=0))
    for level in ("matched", "original"):
        assert deepdx("render", "a.syx:1", "-o", level, "--level", level, *SHORT)[0] == 0
        (name,) = names_in(tmp_path / level)
        assert not audio_of(tmp_path / level / name).any()


def test_one_file_has_the_clips_of_a_bank_and_labels(deepdx, tmp_path):
    code, output, _ = deepdx("render", f"{BANK}:1,5-6", "-o", "out", "--one-file", "--notes", "C3,C4", *SHORT)
    assert (code, output) == (0, "out/EPIANOS1.wav: 6 clips\n")
    assert names_in(tmp_path / "out") == ["EPIANOS1.txt", "EPIANOS1.wav"]
    assert deepdx("render", f"{BANK}:1,5-6", "-o", "single", "--notes", "C3,C4", *SHORT)[0] == 0
    whole = audio_of(tmp_path / "out" / "EPIANOS1.wav")
    for line in (tmp_path / "out" / "EPIANOS1.txt").read_text().splitlines():
        start, end, label = line.split("\t")
        part = whole[round(float(start) * SAMPLE_RATE) : round(float(end) * SAMPLE_RATE)]
        np.testing.assert_array_equal(part, audio_of(tmp_path / "single" / "EPIANOS1" / f"{label}.wav"))
    assert len(whole) == 6 * SAMPLE_RATE // 2


@pytest.mark.parametrize("audio_format", ["flac", "mp3", "ogg"])
def test_one_file_is_the_same_twice_in_every_format(deepdx, tmp_path, audio_format):
    for out in ("a", "b"):
        assert deepdx("render", f"{BANK}:1-4", "-o", out, "--one-file", "--format", audio_format, *SHORT)[0] == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert len(audio_of(tmp_path / "a" / f"EPIANOS1.{audio_format}")) == 4 * SAMPLE_RATE // 2


def test_one_file_holds_32_voices(deepdx, tmp_path):
    write_bank_file(tmp_path / "a.syx", random_voices(64)[0])
    assert deepdx("render", "a.syx", "-o", "out", "--one-file", "--seconds", "0.1")[0] == 0
    assert names_in(tmp_path / "out") == ["a-01.txt", "a-01.wav", "a-02.txt", "a-02.wav"]
    assert "33 VOICE 32" in (tmp_path / "out" / "a-02.txt").read_text().splitlines()[0]


def test_hostile_names_are_made_safe_and_stay_within_the_folder(deepdx, tmp_path):
    names = ["../../../x", "..", "CON", "a/b\\c:d*?", 'q"<>|', "", "SAME", "same", "end. ", "\x00\x1b[31m"]
    inner = tmp_path / "in"
    inner.mkdir()
    for name in ("CON.syx", "con.SYX", "x\n\x1b[31m.syx", "bank. .syx", "é" * 60 + ".syx"):
        write_bank_file(inner / name, np.tile(INIT_VOICE, (len(names), 1)), names)
    code, output, _ = deepdx("render", "in", "-o", "out", "--seconds", "0.1")
    assert code == 0
    assert "\x1b" not in output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]
    written = names_in(tmp_path / "out")
    assert len(written) == 5 * 32
    assert len({name.casefold() for name in written}) == len(written)
    for name in written:
        folder, file = name.split("/")
        for part in (folder, file):
            assert re.fullmatch(r"[\w &'()+,.!-]+", part)
            assert part == part.strip(" .")
            assert not re.match(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", part, re.IGNORECASE)
            assert len(part.encode()) < 255


def test_banks_of_the_same_name_get_numbers(deepdx, tmp_path):
    for folder in ("x", "y", "z"):
        (tmp_path / folder).mkdir()
        write_bank_file(tmp_path / folder / "BANK.syx", INIT_VOICE)
    assert deepdx("render", "x", "y/BANK.syx:1", "z/BANK.syx:2", "-o", "out", "--seconds", "0.1")[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["BANK", "BANK (2)", "BANK (3)"]
    assert names_in(tmp_path / "out" / "BANK (3)") == ["02 INIT VOICE.wav"]


def test_dumps_in_one_file_are_numbered_through(deepdx, tmp_path):
    write_bank_file(tmp_path / "a.syx", random_voices(40)[0])
    assert deepdx("render", "a.syx:8", "-o", "out", "--seconds", "0.1")[0] == 0
    assert names_in(tmp_path / "out" / "a") == ["08 VOICE 7.wav", "40 VOICE 39.wav"]


def test_broken_files_and_voices_out_of_range_are_named_and_stop_nothing(deepdx, tmp_path):
    inputs = (NET / "out_of_range.syx", "missing.syx", NET / "nothing.syx", f"{BANK}:1")
    code, output, errors = deepdx("render", *inputs, "-o", "out", "--seconds", "0.1")
    assert code == 1
    assert output.splitlines()[-1] == "out/EPIANOS1: 1 clip"
    assert "out_of_range.syx: slot 18 (SEQ BASS 2): not rendered: lfo_wave is 7, its range is 0 to 5" in errors
    assert "missing.syx: cannot be read: No such file or directory" in errors
    assert "nothing.syx: no voices: empty file" in errors
    assert not any("18 SEQ BASS" in name for name in names_in(tmp_path / "out"))


def test_a_slot_that_is_not_there_is_named(deepdx, tmp_path):
    code, _, errors = deepdx("render", f"{BANK}:33", "-o", "out")
    assert code == 1
    assert errors == f"{BANK}: no slot 33\ndeepdx: no voices to render\n"
    assert not (tmp_path / "out").exists()


def test_a_file_whose_name_ends_like_a_slot_is_read(deepdx, tmp_path):
    write_bank_file(tmp_path / "a:1", random_voices(32)[0])
    assert deepdx("render", "a:1", "-o", "out", "--seconds", "0.1")[0] == 0
    assert len(names_in(tmp_path / "out")) == 32
    assert deepdx("render", "a:1:2", "-o", "two", "--seconds", "0.1")[0] == 0
    assert len(names_in(tmp_path / "two")) == 1


@pytest.mark.parametrize("options", [(), ("--one-file",), ("--level", "original"), ("--sfz", "--every", "24")])
def test_existing_files_are_overwritten_only_with_force(deepdx, tmp_path, options):
    command = ("render", f"{BANK}:1-2", "-o", "out", "--seconds", "0.1", *options)
    assert deepdx(*command)[0] == 0
    before = contents(tmp_path / "out")
    victim = sorted(before)[-1]
    (tmp_path / "out" / victim).write_text("mine")
    for name in set(before) - {victim}:
        (tmp_path / "out" / name).unlink()
    code, output, errors = deepdx(*command)
    assert (code, output) == (1, "")
    assert errors == f"deepdx: out/{victim}: exists already; nothing was written (--force overwrites)\n"
    assert names_in(tmp_path / "out") == [victim]
    assert deepdx(*command, "--force")[0] == 0
    assert contents(tmp_path / "out") == before


def test_the_folder_must_be_writable_and_its_parent_exist(deepdx, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir(mode=0o500)
    for output, reason in (("a/b", "No such file or directory"), ("file", "File exists")):
        code, _, errors = deepdx("render", BANK, "-o", output, *SHORT)
        assert (code, errors) == (1, f"deepdx: {output}: cannot be created: {reason}\n")
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    code, _, errors = deepdx("render", BANK, "-o", "full", *SHORT)
    assert (code, errors) == (1, "deepdx: full/EPIANOS1: cannot be created: Permission denied\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--notes", "H2"), "'H2' is neither a note from C-1 to G9"),
        (("--notes", "C4,,C5"), "'' is neither a note"),
        (("--notes", "128"), "'128' is neither a note"),
        (("--notes", ",".join(map(str, range(13)))), "13 notes; the most are 12"),
        (("--notes", "C4", "--phrase", "chord"), "cannot be combined with --notes"),
        (("--velocity", "0"), "Input should be"),
        (("--velocity", "128"), "Input should be"),
        (("--seconds", "0"), "Input should be"),
        (("--seconds", "61"), "Input should be"),
        (("--seconds", "nan"), "Input should be"),
        (("--seconds", "inf"), "Input should be"),
        (("--format", "aac"), "'aac' is not one of"),
        (("--sfz", "--one-file"), "excludes --notes"),
        (("--sfz", "--format", "mp3"), "excludes --notes"),
        (("--sfz", "--every", "0"), "Input should be"),
    ],
)
def test_invalid_options_are_a_usage_error(deepdx, tmp_path, options, message):
    code, _, errors = deepdx("render", BANK, "-o", "out", *options)
    assert code == 2
    assert message in errors
    assert not list(tmp_path.iterdir())


def test_invalid_slots_are_a_usage_error(deepdx):
    for slots in ("0", "9-7", "1,,2"):
        code, _, errors = deepdx("render", f"{BANK}:{slots}", "-o", "out")
        assert code == 2
        assert "is neither a slot, counted from 1, nor a range" in errors


def regions(sfz):
    _, header, *lines = sfz.read_text().splitlines()
    assert header == "<global> amp_veltrack=0"
    for line in lines:
        opcodes, path = re.fullmatch("<region> (.*) sample=(.*)", line).groups()
        yield {name: value for name, _, value in (o.partition("=") for o in opcodes.split())}, sfz.parent / path


def test_a_multisample_has_an_sfz_file_with_loops_that_wav_files_have_too(deepdx, tmp_path):
    voices = np.stack([INIT_VOICE, init_voice(op1_velocity_sensitivity=7, op1_eg_rate_3=30, op1_eg_level_3=0)])
    write_bank_file(tmp_path / "a.syx", voices, ["Organ/1", "organ_1"])
    code, output, _ = deepdx("render", "a.syx:1-2", "-o", "out", "--sfz", "--every", "12", "--velocities", "2")
    assert code == 0
    assert output == "out/Organ_1.sfz: 8 samples, 8 with a loop\nout/organ_1 (2).sfz: 16 samples, 0 with a loop\n"
    for name, looped in (("Organ_1", True), ("organ_1 (2)", False)):
        levels = []
        for opcodes, path in regions(tmp_path / "out" / f"{name}.sfz"):
            wav = path.read_bytes()
            sampler = wav[wav.index(b"smpl") + 8 :]
            assert struct.unpack_from("<I", sampler, 12)[0] == int(opcodes["pitch_keycenter"])
            assert struct.unpack_from("<I", sampler, 28)[0] == looped
            audio = audio_of(path)
            levels.append(np.abs(audio).max())
            if looped:
                start, end = struct.unpack_from("<2I", sampler, 36 + 8)
                assert (start, end) == (int(opcodes["loop_start"]), int(opcodes["loop_end"]))
                assert end < len(audio)
                assert abs(audio[end] - audio[start - 1]) < 1e-6
        assert max(levels) == pytest.approx(PEAK, rel=1e-3)
        if not looped:
            assert min(levels) < max(levels) / 2  # velocity is in the samples
    assert deepdx("render", "a.syx:1", "-o", "flac", "--sfz", "--every", "24", "--format", "flac")[0] == 0
    assert all(path.is_file() and path.suffix == ".flac" for _, path in regions(tmp_path / "flac" / "Organ_1.sfz"))


def test_voices_whose_names_end_like_an_sfz_file_stay_apart(deepdx, tmp_path):
    write_bank_file(tmp_path / "a.syx", np.tile(INIT_VOICE, (3, 1)), ["a.sfz", "a", "A.SFZ"])
    code, _, errors = deepdx("render", "a.syx:1-3", "-o", "out", "--sfz", "--every", "24", "--seconds", "0.1")
    assert (code, errors) == (0, "")
    expected = ["A_SFZ (2)", "A_SFZ (2).sfz", "a", "a.sfz", "a_sfz", "a_sfz.sfz"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == expected


LIMITED = """
import resource, signal, sys
from deepdx_pipeline.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
main()
"""


@pytest.mark.parametrize(
    ("options", "file"),
    [((), "out/EPIANOS1/01 E.PIANO 3.wav"), (("--one-file",), "out/EPIANOS1.wav"), (("--sfz",), "out/E.PIANO 3/")],
)
def test_a_disk_that_refuses_a_file_is_an_error_that_names_it(options, file, tmp_path):
    command = [sys.executable, "-c", LIMITED, "render", f"{BANK}:1", "-o", "out", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DEEPDX_HOME": "home", "COLUMNS": "300"}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert f"{file}" in line and re.search("cannot be written: (File too large|the disk is full or fails)$", line)
    assert names_in(tmp_path / "out") == []


@pytest.fixture
def player(monkeypatch):
    """Install a sounddevice that collects clips instead of playing them."""
    module = types.ModuleType("sounddevice")
    module.played, module.stopped, module.interrupt_at = [], False, None

    def play(clip, rate, blocking):
        assert (rate, blocking) == (SAMPLE_RATE, True)
        if len(module.played) == module.interrupt_at:
            raise KeyboardInterrupt
        module.played.append(clip)

    def stop():
        module.stopped = True

    module.play, module.stop, module.check_output_settings = play, stop, lambda **_: None
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def test_a_bank_is_played_voice_by_voice(deepdx, player, tmp_path):
    code, output, _ = deepdx("play", f"{BANK}:1-3", *SHORT)
    assert (code, output) == (0, "01 E.PIANO 3\n02 E.PIANO 2\n03 EL PIANO\n")
    assert deepdx("render", f"{BANK}:1-3", "-o", "out", *SHORT)[0] == 0
    for clip, name in zip(player.played, names_in(tmp_path / "out"), strict=True):
        np.testing.assert_allclose(clip, audio_of(tmp_path / "out" / name), atol=2e-7)


def test_a_voice_is_played_at_each_note(deepdx, player):
    code, output, _ = deepdx("play", f"{BANK}:5", "--notes", "C2,C4", *SHORT)
    assert (code, output) == (0, "05 EPIANO 2 C2\n05 EPIANO 2 C4\n")
    assert len(player.played) == 2


def test_ctrl_c_stops_playing_quietly(deepdx, player):
    player.interrupt_at = 1
    code, output, errors = deepdx("play", BANK, *SHORT)
    assert (code, output, errors) == (130, "01 E.PIANO 3\n02 E.PIANO 2\n", "")
    assert player.stopped


def test_without_sounddevice_the_error_names_the_extra(deepdx, monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    code, _, errors = deepdx("play", BANK)
    assert code == 1
    assert "pip install 'deepdx[play]'" in errors


def test_without_portaudio_or_an_output_the_error_says_so(deepdx, player, monkeypatch, tmp_path):
    def fail(**_):
        raise RuntimeError("Error querying device -1")

    player.check_output_settings = fail
    code, _, errors = deepdx("play", BANK)
    assert (code, errors) == (1, "deepdx: there is no audio output here: Error querying device -1\n")
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice")
    monkeypatch.syspath_prepend(tmp_path)
    code, _, errors = deepdx("play", BANK)
    assert code == 1
    assert "the library PortAudio" in errors
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)


def test_an_output_that_fails_is_an_error(deepdx, player):
    def fail(*_, **__):
        raise RuntimeError("unplugged")

    player.play = fail
    code, _, errors = deepdx("play", BANK, *SHORT)
    assert (code, errors) == (1, "deepdx: the audio output failed: unplugged\n")
