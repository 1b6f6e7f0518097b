"""The sheets of all families, by kind."""

from deepdx_core.demo.families.basses import BASSES
from deepdx_core.demo.families.effects import EFFECTS
from deepdx_core.demo.families.keys import KEYS
from deepdx_core.demo.families.orchestra import ORCHESTRA
from deepdx_core.demo.families.organs import ORGANS
from deepdx_core.demo.families.percussion import PERCUSSION
from deepdx_core.demo.families.plucked import PLUCKED
from deepdx_core.demo.families.synths import SYNTHS

FAMILIES = (*KEYS, *ORGANS, *BASSES, *PLUCKED, *ORCHESTRA, *SYNTHS, *PERCUSSION, *EFFECTS)
"""Every family of the corpus."""
