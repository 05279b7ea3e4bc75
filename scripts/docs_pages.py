"""The pages of the documentation that lie outside of docs/: a hook of MkDocs, see mkdocs.yml."""

import inspect
import re
from pathlib import Path

from griffe import Docstring
from mkdocs.structure.files import File

PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md",
}
"""Of the repository: a file, and where it is in the site. `models/` is as it is."""


def on_files(files, config):
    """Add the pages, with links as they are from where the page is in the site."""
    root = Path(config.config_file_path).parent
    for name, place in PAGES.items():
        text = (root / name).read_text()
        files.append(File.generated(config, place, content=re.sub(r"\]\(docs/", "](", text)))
    for path in sorted((root / "models").iterdir()):
        if path.suffix in (".md", ".jpg", ".png", ".svg"):
            files.append(_model_file(config, root, path))
    return files


def _model_file(config, root, path):
    place = path.relative_to(root).as_posix()
    if path.suffix != ".md":
        return File.generated(config, place, abs_src_path=str(path))
    text = (
        path.read_text().replace("](../docs/", "](../").replace("](../README.md", "](../index.md")
    )
    return File.generated(config, place, content=text)


def on_page_markdown(markdown, page, config, files):
    """Put the engine's docstrings where its page names it: mkdocstrings reads no compiled class."""
    if "<!-- engine -->" not in markdown:
        return markdown
    from ffmpeg_style import Engine

    parts = ["## Engine", _told(Engine)]
    for name in ("__call__", "submit", "close"):
        parts += [f"### Engine.{name}", _told(getattr(Engine, name))]
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
