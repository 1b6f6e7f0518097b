"""The pages of the documentation before generation, and the code in them."""

import re
import shlex

from tests.support.paths import ROOT

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
}
"""Text of each page, by its path in the repository."""


def blocks(language):
    """Return every distinct block of code in a language, in order of page and place."""
    fence = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return list(dict.fromkeys(block for text in PAGES.values() for block in fence.findall(text)))


def commands():
    """Return every distinct command of the shell blocks, without comments."""
    lines = (line for block in blocks("sh") for line in block.splitlines() if line.strip())
    return list(dict.fromkeys(shlex.join(shlex.split(line, comments=True)) for line in lines))


def inline_code():
    """Yield every piece of inline code outside of blocks, with its page."""
    for page, text in PAGES.items():
        without_blocks = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        for code in re.findall(r"`([^`]+)`", without_blocks):
            yield page, " ".join(code.split())
