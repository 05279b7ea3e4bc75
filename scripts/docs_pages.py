"""The pages of the documentation that lie outside of docs/: a hook of MkDocs, see mkdocs.yml."""

import inspect
import re
from pathlib import Path

from griffe import Docstring
from mkdocs.structure.files import File

PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""Of the repository, as they are; so is `models/`."""
README_PAGES = {"pipeline.md": ("In a pipeline", "Build"), "training.md": ("Train",)}
"""The sections of README.md that are pages of their own; the others are the first page."""
ICON = "ffmpeg_style/live/static/icon.svg"


def on_files(files, config):
    """Add the pages, with links as they are from where the page is in the site."""
    root = Path(config.config_file_path).parent
    pages = {name: (root / name).read_text() for name in PAGES} | _readme_pages(root)
    for place, text in pages.items():
        files.append(File.generated(config, place, content=re.sub(r"\]\(docs/", "](", text)))
    files.append(File.generated(config, "icon.svg", abs_src_path=str(root / ICON)))
    for path in sorted((root / "models").iterdir()):
        if path.suffix in (".md", ".jpg", ".png", ".svg"):
            files.append(_model_file(config, root, path))
    return files


def _readme_pages(root):
    """README.md as pages; the first section of a page is its title."""
    head, *sections = re.split("^## ", (root / "README.md").read_text(), flags=re.M)
    texts = {section.partition("\n")[0]: section for section in sections}
    pages = {
        place: "# " + "## ".join(texts.pop(title) for title in titles)
        for place, titles in README_PAGES.items()
    }
    return pages | {"index.md": "## ".join([head, *texts.values()])}


def _model_file(config, root, path):
    place = path.relative_to(root).as_posix()
    if path.suffix != ".md":
        return File.generated(config, place, abs_src_path=str(path))
    text = (
        path.read_text().replace("](../docs/", "](../").replace("](../README.md", "](../index.md")
    )
    return File.generated(config, place, content=text)


def on_page_markdown(markdown, page, config, files):
    """Put the engine's docstrings where its page names it: mkdocstrings reads no compiled class.

    Links from docs/ to models/ are as in the repository, where they are side by side.
    """
    markdown = markdown.replace("](../models/", "](models/")
    if "<!-- engine -->" not in markdown:
        return markdown
    from ffmpeg_style import Engine

    parts = ["## Engine", _told(Engine)]
    for name in ("__call__", "submit", "close"):
        parts += [f"### `Engine.{name}`", _told(getattr(Engine, name))]
    return markdown.replace("<!-- engine -->", "\n\n".join(parts))


def _told(subject):
    """A docstring as Markdown: its text, and lists of what it lists."""
    parsed = Docstring(inspect.getdoc(subject)).parse("google", warnings=False)
    return "\n\n".join(_section(section) for section in parsed)


def _section(section):
    if section.kind.value == "text":
        return section.value
    if section.kind.value == "admonition":
        return section.value.contents
    title = f"**{section.kind.value.capitalize()}**"
    return "\n".join([title, "", *(_line(item) for item in section.value)])


def _line(item):
    name = getattr(item, "name", "") or getattr(item, "annotation", "")
    return f"- `{name}`: {item.description}" if name else f"- {item.description}"
