"""The classifiers of the C2ST, and voices as they see them. Each kind may find what the other overlooks."""

from typing import TYPE_CHECKING

import numpy as np

from deepdx_core.arrays import Float32Array, UInt8Array
from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.voice.parameters import PARAMETERS

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline

_CATEGORICAL = [i for i, parameter in enumerate(PARAMETERS) if parameter.categorical]
_NETWORKS = 8
_INPUTS = 0.3  # share that each network sees
_WIDTH = 128
_EPOCHS = 20


def boosted_trees(seed: int) -> "HistGradientBoostingClassifier":
    """Return gradient boosted trees, not yet fitted."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(early_stopping=False, random_state=seed)


def networks(seed: int) -> "Pipeline":
    """Return small neural networks whose probabilities are averaged, not yet fitted.

    Inputs are standardized. A missing value becomes the mean, beside an input that says so. Each network sees its own
    share of the inputs: together they are about as sensitive as boosted trees, and a single network is less.
    """
    from sklearn.ensemble import BaggingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = MLPClassifier((_WIDTH,), max_iter=_EPOCHS, random_state=seed)
    several = BaggingClassifier(network, _NETWORKS, max_features=_INPUTS, bootstrap=False, random_state=seed)
    return make_pipeline(
        StandardScaler(), SimpleImputer(strategy="constant", fill_value=0, add_indicator=True), several
    )


def encode_parameters(parameters: UInt8Array) -> Float32Array:
    """Return voices `uint8[n, 145]` as networks see them, `float32[n, k]`.

    Values from 0 to 1; whether each is at either end of its range, or as in INIT VOICE; and a column for each value of
    parameters without an order.
    """
    ends = [parameters == 0, parameters == MAXIMA, parameters == INIT_VOICE]
    values = [parameters[:, [i]] == np.arange(MAXIMA[i] + 1) for i in _CATEGORICAL]
    return np.concatenate([parameters / MAXIMA, *ends, *values], axis=1).astype(np.float32)
