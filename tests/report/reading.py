"""Reads a report as a browser would: its elements, its data, and the text that a person sees."""

import json
from html.parser import HTMLParser


class Read(HTMLParser):
    """What is in an HTML file: (tag, attributes) of each element, the content of scripts, and the visible text."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = tag
            if tag == "script":
                self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            attributes, before = self.scripts[-1]
            self.scripts[-1] = attributes, before + data
        elif not self._inside:
            self.words.append(data)

    @property
    def text(self) -> str:
        """All that is visible, with single spaces."""
        return " ".join(" ".join(self.words).split())

    def data(self, id: str):
        """The JSON in the script of this id."""
        return json.loads(next(content for attributes, content in self.scripts if attributes.get("id") == id))
