"""Versions of the code's results. Raise a version whenever the same input gives another result.

Results of an earlier version are computed again. So a change of behavior must raise a version, and a reworded docstring
must not. `tests/test_versions.py` holds the results of each version and names the one to raise.
"""

READER_VERSION = 3
"""`raw_files`, `dumps` and `synth_messages` from the same files: recognition of voices, limits, the wording of reasons.

Version 2 tells records one by one, finds them at a stride, and reads dumps in text of all notations, coded payloads,
damaged archives and disks. Version 3 reads databases by SQLite and disks by HFS and ISO 9660, and judges spoiled dumps
one by one.
"""

CONVERSION_VERSION = 2
"""`converted_voices`, `supplements` and `performances` from the same messages: laws between synths, losses."""

CURATION_VERSION = 3
"""`decoded_voices`, `unique_voices`, `families`, `verdicts`, splits and training set from the same dumps.

Version 2 has a judge of corruption that is part of the package; a new one is a new version. Version 3 tells voices that
were converted from other synths.
"""

ENGINE_VERSION = 1
"""Samples of the engine: the same voice and note give the same ones."""

FEATURES_VERSION = 1
"""`audio_features` from the same sounds: features, and the clips they are computed from.

Covers definitions elsewhere too: `BAND_EDGES`, `CONTOUR_HELD` and `CONTOUR_AFTER` in `tables.audio`, `CARRIERS` in
`voice.columns`. The engine has a version of its own.
"""

MAP_VERSION = 1
"""`sound_map` from the same audio features. The network is part of the package; a new one is a new version."""

SPECTRA_VERSION = 1
"""The cache of spectra that recordings are compared with, from the same sounds."""

LABELS_VERSION = 3
"""`labeled_voices` from the same sounds and names. Version 1 used audio features, too.

Version 3 has a judge of labels that is part of the package; a new one is a new version.
"""

MODEL_VERSION = 7
"""Parents, writer and critics from the same training set and configuration; voices sampled from the same model.

Version 3 has a critic by ear. Version 4 tells the writer distances with noise, and trains it against critics. Version 5
shows it how the voice so far relates to its parent and among its operators. Since version 7, candidates compete for all
places of a bank.
"""
