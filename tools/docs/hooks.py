"""Hooks of `mkdocs build`: generated pages, and links to files of the repository."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.docs import reference

ROOT = Path(__file__).resolve().parents[2]
FROM_ROOT = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
"""Pages of the site that are files in the root of the repository."""
ROOMS = "<!-- rooms -->"
"""Placeholder in a page for the list of rooms."""

_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for page, file in FROM_ROOT.items():
        files.append(File.generated(config, page, content=(ROOT / file).read_text(encoding="utf-8")))
    for page, make in reference.PAGES.items():
        files.append(File.generated(config, f"reference/{page}", content=make()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in the list of rooms, and rewrite links for the site."""
    return rewrite_links(markdown.replace(ROOMS, reference.rooms()), page.file.src_uri)


def rewrite_links(markdown: str, page: str) -> str:
    """Point links to pages at the site, and replace links to other files of the repository by the files' paths.

    page: path of the page below `docs`. Raises PluginError if a linked file does not exist.
    """
    file = ROOT / FROM_ROOT[page] if page in FROM_ROOT else ROOT / "docs" / page
    own_page = {ROOT / name: other for other, name in FROM_ROOT.items()}

    def replaced(match: re.Match[str]) -> str:
        text, link, anchor = match.groups()
        if re.match(r"[a-z]+:", link):
            return match[0]
        target = (file.parent / link).resolve()
        if target in own_page:
            return f"[{text}]({own_page[target]}{anchor or ''})"
        if target.is_relative_to(ROOT / "docs"):
            return f"[{text}]({target.relative_to(ROOT / 'docs')}{anchor or ''})" if page in FROM_ROOT else match[0]
        if not target.exists():
            raise PluginError(f"{page}: {link} does not exist")
        path = target.relative_to(ROOT).as_posix()
        return f"`{path}`" if text.strip("`") in path else f"{text} (`{path}`)"

    return _LINK.sub(replaced, markdown)
