"""The page about a stored model for people, `README.md` beside it: data, licence, measures, limits."""

from collections import Counter
from html import escape

from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.display import printable
from deepdx_core.generation.voice_model import VoiceModel

MODEL_README = "README.md"

_KINDS = {
    "writer": "a transformer that writes each voice from a training voice, and a critic that chooses among candidates",
    "gan": "a conditional GAN that makes voices from noise, and a critic that chooses among candidates",
}


def describe_model(model: VoiceModel) -> str:
    """Return the page as Markdown. It depends on the model alone."""
    summary = model.summary
    counts = Counter(model.labels[label] for label in model.voices.labels.tolist())
    labels = ", ".join(f"{escape(printable(label))} {counts[label]:,}" for label in model.labels)
    bits = summary.validation_loss
    loss = "" if bits is None else f"| bits a validation voice, given its parent | {bits:.1f} |\n"
    settings = "\n".join(f"| {name} | {value} |" for name, value in dict(model.config).items())
    return f"""# Model {summary.fingerprint[:16]}

Kind `{model.kind}`: {_KINDS[model.kind]}. It makes voices for the Yamaha DX7. `model.safetensors` holds the weights and
the training voices, `model.json` everything else; neither can run code.

## Data

{summary.voices:,} voices of the training split of the corpus that it was trained on: {labels}. Data version
`{summary.data_version[:16]}`, code version `{summary.code_version}`.

The corpus is a user's own collection. Deep DX does not know the licences of its voices, and states none: whoever shares
the model shares the parameters of those voices.

## Measures

On validation voices, of families that it was not trained on, before the critic selects:

| measure | value |
|---|---|
| training steps | {summary.steps:,} |
{loss}| C2ST of generated voices; .5 is like real ones | {summary.validation_c2st:.3f} |
| area under the ROC curve of the critic | {summary.critic_area:.3f} |

Its measures after selection, its role and the reason are in the table `models`; the evaluation on test voices is in
`model_evaluation`.

## Limits

- It knows its own labels only, and voices of one operator set at a time: no performances, no microtuning.
- Voices that differ from a training voice in {MAX_DIFFERING} parameters or fewer are rejected when a bank is generated,
  unless copies are allowed. Further similarity to somebody's voice is possible.
- Measures hold for corpora like its own.

## Settings

| setting | value |
|---|---|
{settings}
"""
