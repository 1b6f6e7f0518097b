"""Audio from the server, spectrograms and dumps."""

import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from deepdx_core.codec.reader import read
from deepdx_core.sound.loudness import measure_loudness


@pytest.fixture(scope="module")
def sound(client):
    return client.get("/api/sounds", params={"q": "E.PIANO 3"}).json()["sounds"][0]


def samples(response):
    assert response.headers["content-type"] == "audio/wav"
    return soundfile.read(io.BytesIO(response.content), dtype="float32")[0]


def test_audio_is_the_phrase_at_the_common_loudness(client, sound):
    clip = samples(client.get(f"/api/sounds/{sound['sound_id']}/audio.wav"))
    assert len(clip) == 3 * 44_100
    assert measure_loudness(clip[None])[0] == pytest.approx(-23, abs=0.5)


def test_a_note_has_its_own_length_and_pitch(client, sound):
    path = f"/api/sounds/{sound['sound_id']}/audio.wav"
    low, high = (samples(client.get(path, params={"note": note, "seconds": 1})) for note in (48, 72))
    assert len(low) == 44_100

    def centroid(clip):
        power = np.abs(np.fft.rfft(clip)) ** 2
        return (power * np.arange(len(power))).sum() / power.sum()

    assert centroid(high) > 1.5 * centroid(low)


@pytest.mark.parametrize("parameters", [{"note": 128}, {"velocity": 0}, {"seconds": 11}, {"seconds": 0}])
def test_values_out_of_range_are_refused(client, sound, parameters):
    assert client.get(f"/api/sounds/{sound['sound_id']}/audio.wav", params=parameters).status_code == 422


def test_the_spectrogram_is_a_picture_that_is_not_blank(client, sound):
    response = client.get(f"/api/sounds/{sound['sound_id']}/spectrogram.png")
    picture = np.asarray(Image.open(io.BytesIO(response.content)))
    assert picture.shape == (160, 480)
    assert picture.max() == 255
    assert picture.std() > 10


def test_the_dump_decodes_to_the_voice(client, sound):
    data = client.get(f"/api/sounds/{sound['sound_id']}/voice.syx", params={"channel": 3}).content
    (segment,) = read(data).segments
    assert (len(data), data[2], segment.checksum) == (163, 3, "right")
    assert data[6:151] == bytes.fromhex(sound["parameters"])
