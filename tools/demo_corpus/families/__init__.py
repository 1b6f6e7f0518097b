"""Patch sheets of all families, by kind."""

from tools.demo_corpus.families.basses import BASSES
from tools.demo_corpus.families.effects import EFFECTS
from tools.demo_corpus.families.keys import KEYS
from tools.demo_corpus.families.orchestra import ORCHESTRA
from tools.demo_corpus.families.organs import ORGANS
from tools.demo_corpus.families.percussion import PERCUSSION
from tools.demo_corpus.families.plucked import PLUCKED
from tools.demo_corpus.families.synths import SYNTHS

FAMILIES = (*KEYS, *ORGANS, *BASSES, *PLUCKED, *ORCHESTRA, *SYNTHS, *PERCUSSION, *EFFECTS)
"""Every family of the corpus."""
