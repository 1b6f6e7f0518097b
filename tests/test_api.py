"""The front door of the library: results, errors and imports."""

import subprocess
import sys
import zipfile

import numpy as np
import polars as pl
import pytest

import deepdx_core as dx
from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.database.build import build_database
from deepdx_core.files import OutputError
from deepdx_core.state.store import open_state
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.paths import DEMO
from tests.support.voices import random_voices

BANK = DEMO / "Keys" / "EPIANOS1.syx"
OUT_OF_RANGE = DEMO / "From the net" / "out_of_range.syx"


def test_importing_the_package_imports_no_library():
    code = "import sys; before = set(sys.modules); import deepdx_core; print(*sorted(sys.modules.keys() - before))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "polars", "duckdb", "torch"} & set(result.stdout.split())


def test_only_the_dataset_imports_torch():
    code = "import sys, deepdx_core as dx; dx.read, dx.write_bank, dx.load_corpus; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_exported_name_exists():
    assert all(getattr(dx, name) for name in dx.__all__)
    assert set(dx.__all__) <= set(dir(dx))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dx.nothing


def test_a_bank_is_read_and_comes_back_byte_for_byte(tmp_path):
    voices = dx.read(BANK)
    assert voices.columns[:5] == ["path", "member", "offset", "slot", "name"]
    assert voices["slot"].to_list() == list(range(1, 33))
    dx.write_bank(tmp_path / "copy.syx", voices)
    assert (tmp_path / "copy.syx").read_bytes() == BANK.read_bytes()


def test_folders_and_archives_are_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "banks.zip", "w") as archive:
        archive.write(BANK, "inner.syx")
    (tmp_path / "letter.txt").write_text("no voices here")
    voices = dx.read(tmp_path)
    assert voices["member"].unique().to_list() == ["inner.syx"]
    assert voices.height == 32
    assert dx.read(tmp_path / "letter.txt").is_empty()


def test_a_path_that_cannot_be_read_is_named_with_the_reason(tmp_path):
    with pytest.raises(dx.ReadError, match=r"missing\.syx: cannot be read: No such file"):
        dx.read(tmp_path / "missing.syx")
    with pytest.raises(dx.DeepDXError, match="empty folder"):
        dx.read(tmp_path)


def test_arrays_are_written_as_banks_filled_with_init_voice(tmp_path):
    parameters, names = random_voices(33)
    dx.write_bank(tmp_path / "a.syx", parameters, names, channel=3)
    voices = dx.read(tmp_path / "a.syx")
    assert np.array_equal(voices.select(PARAMETER_NAMES).to_numpy()[:33], parameters)
    assert np.array_equal(voices.select(PARAMETER_NAMES).to_numpy()[63], INIT_VOICE)
    assert voices["channel"].unique().to_list() == [3]
    dx.write_bank(tmp_path / "b.syx", parameters[:1].astype(int).tolist(), ["Bells"])
    assert dx.read(tmp_path / "b.syx")["name"][0] == "Bells"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"algorithm": pl.lit(32)}, r"voice 1 \(.+\): algorithm is 32, its range is 0 to 31; 31 more"),
        ({"transpose": pl.lit(-1)}, "transpose is -1"),
        ({"transpose": pl.lit(1.5)}, r"transpose is 1\.5"),
        ({"lfo_wave": pl.when(pl.col("slot") != 7).then("lfo_wave")}, r"voice 7 \(.+\): lfo_wave is missing"),
    ],
)
def test_an_illegal_parameter_is_named_and_nothing_is_written(tmp_path, change, message):
    with pytest.raises(dx.WriteError, match=message):
        dx.write_bank(tmp_path / "out.syx", dx.read(BANK).with_columns(**change))
    assert not list(tmp_path.iterdir())


def test_voices_out_of_range_are_refused_until_filtered(tmp_path):
    voices = dx.read(OUT_OF_RANGE)
    with pytest.raises(dx.WriteError, match=r"voice 4 .+; 3 more voices"):
        dx.write_bank(tmp_path / "out.syx", voices)
    dx.write_bank(tmp_path / "out.syx", voices.filter("valid"))
    assert dx.read(tmp_path / "out.syx")["valid"].all()


def test_wrong_shapes_and_missing_columns_are_named(tmp_path):
    parameters, names = random_voices(2)
    with pytest.raises(dx.WriteError, match="do not fit 1 names"):
        dx.write_bank(tmp_path / "out.syx", parameters, names[:1])
    with pytest.raises(dx.WriteError, match="no voices to write"):
        dx.write_bank(tmp_path / "out.syx", dx.read(BANK).clear())
    with pytest.raises(dx.WriteError, match="no column for feedback"):
        dx.write_bank(tmp_path / "out.syx", dx.read(BANK).drop("feedback"))


def test_a_file_is_overwritten_only_by_force(tmp_path):
    path = tmp_path / "out.syx"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        dx.write_bank(path, dx.read(BANK))
    assert path.read_text() == "mine"
    dx.write_bank(path, dx.read(BANK), force=True)
    assert path.read_bytes() == BANK.read_bytes()


def test_a_corpus_is_queried(home):
    open_state(home, print)
    splits = pl.DataFrame(
        [("0" * 20, "train", "allotted with its family", True)],
        schema=TABLES["training_splits"].column_names(),
        orient="row",
    )
    tables = Tables(home)
    tables.write("training_splits", splits)
    build_database(home.database, tables)
    for corpus in (dx.load_corpus(), dx.load_corpus(home.root), dx.load_corpus(str(home.root))):
        with corpus:
            assert corpus.table("training_splits").equals(splits)
            assert corpus.sql("SELECT count(*) AS n FROM training_splits")["n"].to_list() == [1]
            with pytest.raises(dx.DeepDXError, match="does not exist"):
                corpus.table('x" UNION SELECT 1 --')


def test_a_home_without_a_corpus_is_named(home):
    with pytest.raises(dx.DeepDXError, match=r"no corpus yet \(.*corpus\.duckdb\): run `deepdx run` first"):
        dx.load_corpus()


def test_voices_of_a_frame_are_rendered():
    voices = dx.read(BANK)
    audio = dx.render(voices, note=(48, 60), seconds=0.1)
    assert audio.shape == (32, 4410) and audio.dtype == np.float32
    assert np.array_equal(audio, dx.render(voices.select(PARAMETER_NAMES).to_numpy(), (48, 60), seconds=0.1))
    bent = dx.render(voices, seconds=0.1, controllers=dx.Controllers(pitch_bend=2))
    assert not np.array_equal(bent, dx.render(voices, seconds=0.1))
    with pytest.raises(ValueError, match=r"voice 0: .* its range is"):
        dx.render(dx.read(OUT_OF_RANGE).filter(~pl.col("valid")))
    unread = voices.with_columns(algorithm=pl.when(pl.col("slot") > 1).then("algorithm"))
    with pytest.raises(ValueError, match="algorithm is missing in some of the 32 voices"):
        dx.render(unread)
    with pytest.raises(ValueError, match="no column for algorithm, feedback"):
        dx.render(voices.drop("algorithm", "feedback"))
    with pytest.raises(ValueError, match=r"expected uint8\[n, 145\], got int64\[1, 145\]"):
        dx.render([[0] * 145])
