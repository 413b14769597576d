"""What MkDocs asks for while it builds the site: the pages that are made from the code."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from reference_pages import pages

DOCS = Path(__file__).resolve().parent
DECISIONS = "decisions/index.md"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give every page that the menu does not name a place among the how-to pages."""
    named = str(config.nav)
    more = [page.name for page in sorted(DOCS.glob("*.md")) if page.name not in named]
    for section in config.nav or ():
        section.get("How to", []).extend(more)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made here."""
    for path, text in {**pages(), DECISIONS: decisions_page()}.items():
        files.append(File.generated(config, path, content=text))
    return files


def decisions_page() -> str:
    """The list of decisions, by the first line of each."""
    rows = []
    for note in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        title = note.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        rows.append(f"- [{title}]({note.name})")
    return "# Decisions\n\nWhat was decided, when, and why.\n\n" + "\n".join(rows) + "\n"
