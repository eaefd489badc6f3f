"""Collects the blocks of a document and knows the headings that each stands below."""

from __future__ import annotations

from rag.parsing.document import Block, one_line
from rag.parsing.errors import too_large

# About 4000 pages. More is a data dump: nobody asks questions of it, and it holds up everybody's uploads.
MAX_CHARACTERS = 12_000_000

MAX_BLOCKS = 200_000
MAX_HEADING_CHARACTERS = 300


class BlockBuilder:
    """Takes the pieces of a document in reading order.

    Every method raises ParsingError (TOO_LARGE) once the document holds more than `max_characters` or MAX_BLOCKS.
    """

    def __init__(self, *, max_characters: int = MAX_CHARACTERS) -> None:
        self._blocks: list[Block] = []
        self._sections: list[tuple[int, str]] = []  # (level, title) of the open sections, outermost first
        self._items_open = False
        self._characters_left = max_characters

    def build(self) -> tuple[Block, ...]:
        return tuple(self._blocks)

    def open_section(self, level: int, title: str) -> None:
        """Put what follows below `title`, in place of open sections of this level or deeper."""
        title = one_line(title)[:MAX_HEADING_CHARACTERS]
        self._close_sections(level)
        if title:
            self._sections.append((level, title))

    def add_heading(self, level: int, text: str, page: int | None = None) -> None:
        """Add a heading (outermost level is lowest) and put what follows below it."""
        text = one_line(text)
        if len(text) > MAX_HEADING_CHARACTERS:  # a paragraph that was made large, not a title
            self.add_paragraph(text, page)
        elif text:
            self._close_sections(level)
            self._append(text, page, is_heading=True)
            self._sections.append((level, text))

    def add_paragraph(self, text: str, page: int | None = None) -> None:
        """Add prose: every run of white space in it becomes one space."""
        self._append(" ".join(text.split()), page)

    def add_item(self, text: str, page: int | None = None, *, mark: str = "•", depth: int = 0) -> None:
        """Add an item of a list; items that follow each other become lines of one block."""
        text = " ".join(text.split())
        if not text:
            return
        line = f"{'  ' * min(depth, 8)}{mark} {text}"
        if self._items_open and self._blocks:
            last = self._blocks.pop()
            self._append(f"{last.text}\n{line}", last.page, already_counted=len(last.text))
        else:
            self._append(line, page)
        self._items_open = True

    def add_table(self, rows: list[list[str]], page: int | None = None) -> None:
        """Add a table as one block: a line per row, cells separated by " | "."""
        lines = (" | ".join(" ".join(cell.split()) for cell in row) for row in rows)
        self._append("\n".join(line for line in lines if line.strip(" |")), page)

    def add_verbatim(self, text: str, page: int | None = None) -> None:
        """Add text whose line breaks and indentation mean something."""
        self._append(text.strip("\n"), page)

    def _close_sections(self, level: int) -> None:
        while self._sections and self._sections[-1][0] >= level:
            self._sections.pop()

    def _append(
        self, text: str, page: int | None, *, is_heading: bool = False, already_counted: int = 0
    ) -> None:
        self._items_open = False
        if not text.strip():
            return
        self._characters_left -= len(text) - already_counted
        if self._characters_left < 0 or len(self._blocks) >= MAX_BLOCKS:
            raise too_large()
        self._blocks.append(Block(text, page, tuple(title for _, title in self._sections), is_heading))
