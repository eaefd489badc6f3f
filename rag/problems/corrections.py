"""What the program knows of how to correct a failure, by its code. Pure."""

from datetime import date

CORRECTIONS = {
    "MODEL_OVERLOADED": "Ask again later; add a further language model as a fallback.",
    "MODEL_RATE_LIMITED": "Ask the provider for a higher limit, or add a further language model as a fallback.",
    "MODEL_TIMEOUT": "Ask again later; a model of one's own may need a faster machine or shorter answers.",
    "MODEL_UNAVAILABLE": "Ask again later; the provider's status page may tell more.",
    "MODEL_UNREACHABLE": "Check ANTHROPIC_BASE_URL and the network; `manage.py doctor` tries it.",
    "MODEL_INTERRUPTED": "Ask again; if it goes on, look for a proxy between that cuts long answers off.",
    "MODEL_EMPTY": "Ask again; try another language model.",
    "MODEL_ACCESS": "Check ANTHROPIC_API_KEY.",
    "MODEL_BILLING": "Check the account with the provider.",
    "MODEL_NOT_FOUND": "Check ANTHROPIC_MODEL and the rows of Language models.",
    "MODEL_REQUEST": "See the worker's log for what the server did not understand.",
    "MODEL_REQUEST_TOO_LARGE": "Use a model with a larger context, or a shorter prompt template.",
    "MODEL_REFUSED": "Ask differently.",
    "BUDGET_EXCEEDED": "Raise the budget, or wait until it renews.",
    "ANSWER_INTERRUPTED": "See why workers end: their log, or the memory of the machine.",
    "EMBEDDING_FAILED": "Check EMBEDDINGS_URL, EMBEDDINGS_API_KEY and EMBEDDINGS_MODEL; then retry the document.",
    "NO_FILE": "Upload the document again.",
    "TOO_LARGE": "Split the file.",
    "TIMEOUT": "Split the file, or give the worker's machine more time.",
    "CORRUPT": "Open the file with the program it comes from and save it again.",
    "NEEDS_OCR": "Install Tesseract on the workers' machines, then retry the document.",
    "UNSUPPORTED_TYPE": "Save it as one of the types that are read (docs/documents.md).",
    "URL_REFUSED": "Only public pages are fetched.",
    "URL_STATUS": "See in a browser what the page answers.",
    "URL_UNREACHABLE": "Check the address and the network of the workers.",
    "ENCRYPTED": "Save the file without its password.",
    "INTERNAL": "A defect of Parley: the worker's log has it.",
}


def correction_of(code: str, written: str = "") -> str:
    """What an admin wrote, else what is known of the code, else that nothing is."""
    return written or CORRECTIONS.get(code, "not known yet")


def as_line(day: date, category: str, what: str, correction: str) -> str:
    """`- [2026-11-23] [tool] Error: what | Correct: how`, on one line whatever the texts hold."""
    texts = [" ".join(text.split()).replace("|", "/") for text in (what, correction)]
    return f"- [{day.isoformat()}] [{category}] Error: {texts[0]} | Correct: {texts[1]}"
