"""A real PDF of any length, its words from Python's own documentation, its layout that of a plain report."""

import random
import re
from pathlib import Path
from pydoc_data.topics import topics

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus.flowables import Flowable

WORDS_PER_PAGE = 400
SEED = 20


def write_pdf(path: Path, *, pages: int, last_words: str) -> None:
    """Write `pages` pages of about 400 words; the last one ends in `last_words`, the rest is always the same."""
    style = getSampleStyleSheet()
    draw = random.Random(SEED)
    sentences = _sentences()
    flow: list[Flowable] = []
    for page in range(1, pages + 1):
        flow.append(Paragraph(f"{page}. {_title(draw.choice(sentences))}", style["Heading2"]))
        flow += [Paragraph(text, style["BodyText"]) for text in _page(draw, sentences)]
        flow += [Spacer(1, 6), PageBreak()]
    flow.insert(-1, Paragraph(f"The last words of this report are {last_words}.", style["BodyText"]))
    SimpleDocTemplate(str(path), pagesize=A4, title="Report of a benchmark").build(flow)


def _page(draw: random.Random, sentences: list[str]) -> list[str]:
    """Paragraphs of about 80 words."""
    paragraphs: list[str] = []
    words = 0
    while words < WORDS_PER_PAGE:
        paragraph: list[str] = []
        while sum(len(sentence.split()) for sentence in paragraph) < 80:
            paragraph.append(draw.choice(sentences))
        paragraphs.append(" ".join(paragraph))
        words += len(paragraphs[-1].split())
    return paragraphs


def _sentences() -> list[str]:
    """Sentences of prose: no code, no markup, 6 to 30 words."""
    prose = " ".join(" ".join(topics[name].split()) for name in sorted(topics))
    found = re.findall(r"(?<=[.:] )[A-Z][^.:<>&|_=*`]{30,220}\.(?= [A-Z])", prose)
    return [sentence for sentence in found if 6 <= len(sentence.split()) <= 30]


def _title(sentence: str) -> str:
    return " ".join(sentence.split()[:6]).rstrip(",.")
