"""Versions of the code by its results: raise one with every change of what is computed from the same input.

Caches and models of an earlier version are computed again, so a reworded docstring must not raise a version, and a
change of behavior must. `tests/test_versions.py` holds the results of each version and names the one to raise.
"""

READER_VERSION = 1
"""`raw_files` and `dumps` from the same files: what counts as a voice, limits, the wording of reasons."""

CURATION_VERSION = 1
"""`decoded_voices`, `unique_voices`, `families`, `verdicts`, splits and training set from the same dumps."""

FEATURES_VERSION = 1
"""`audio_features` from the same sounds: features, and the clips they are computed from.

Also of definitions elsewhere: `BAND_EDGES`, `CONTOUR_HELD` and `CONTOUR_AFTER` in the tables, `CARRIERS` in
`voice.columns`. The renderer has a version of its own.
"""

LABELS_VERSION = 1
"""`labeled_voices` from the same sounds, names and features."""

MODEL_VERSION = 2
"""Parents, writer and critic from the same training set and configuration.

Version 1 was known by a digest of its code. It differed only in runs of less than six times `validate_every` steps,
which it validated less often.
"""
