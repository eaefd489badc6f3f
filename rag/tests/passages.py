"""Passages for tests: two documents of a small company."""

from rag.retrieval.passages import Passage

LEAVE = "Leave policy. Employees get 25 days of paid leave per calendar year. Part-time staff get a share."
EXPIRY = "Unused leave expires on 31 March of the next year. Ask the HR desk for exceptions."
COFFEE = "The coffee machine is on the second floor. It is descaled every Friday."


def make_passage(text: str, number: int = 1, *, cosine: float | None = 0.2) -> Passage:
    """A passage whose chunk and document have the id `number`."""
    return Passage(
        chunk_id=number,
        document_id=number,
        document_title=f"Handbook {number}",
        collection_id=1,
        text=text,
        page=number,
        page_end=number,
        heading="Work › Leave",
        score=1.0 / number,
        cosine=cosine,
        bm25=3.0,
    )


PASSAGES = tuple(make_passage(text, number) for number, text in enumerate((LEAVE, EXPIRY, COFFEE), 1))
