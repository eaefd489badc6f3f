"""The page that finds passages of documents by words and meaning, and says why each was found."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chat.limiting.limits import check, network_of
from chat.text import clean_text
from rag.models import Collection, Document
from rag.pages.search_form import ChosenFilters, Offer, offer_to, read_filters
from rag.retrieval.excerpts import Result, results_of
from rag.retrieval.passages import passage_url
from rag.retrieval.reasons import Correction, Reasons, corrections_of, reasons_of
from rag.retrieval.search import Audience, search_passages
from rag.selectors import documents_readable_by

QUERY_MAX_CHARACTERS = 500
PAGE_RESULTS = 10
MOST_RESULTS = 50  # the order further down says little
_ON_THE_WAY = (Document.Status.QUEUED, Document.Status.PARSING)


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A passage as the list shows it; `collection` is None if it was taken from the reader meanwhile."""

    result: Result
    collection: Collection | None
    reasons: Reasons
    url: str
    narrower_url: str


@require_safe
@login_required
def search_documents(request: HttpRequest) -> HttpResponse:
    """Passages for `?q=`, ten on each `?page=`; narrowed by `collection`, `document`, `kind`, `by`, `from`, `until`."""
    user: Any = request.user
    query = clean_text(request.GET.get("q", ""))[:QUERY_MAX_CHARACTERS]
    if query:
        check("searches", user_id=user.pk, address=network_of(request.META.get("REMOTE_ADDR", "")))
    chosen = read_filters(user, request.GET.dict())
    offer = offer_to(user)
    results, corrections = _results(user, query, chosen) if query else ([], [])
    page = _page_number(request.GET.get("page", ""), len(results))
    shown = results[(page - 1) * PAGE_RESULTS : page * PAGE_RESULTS]
    choice = {"q": query, **chosen.values}
    context = {
        "section": "search",
        "kind": "documents",
        "query": query,
        "chosen": chosen,
        "offer": offer,
        "has_documents": bool(offer.kinds),
        "on_the_way": documents_readable_by(user).filter(status__in=_ON_THE_WAY).count(),
        "corrections": corrections,
        "rows": [_row(result, query, corrections, choice, offer) for result in shown],
        "count": len(results),
        "previous_url": _address(choice, page - 1) if page > 1 else None,
        "next_url": _address(choice, page + 1) if page * PAGE_RESULTS < len(results) else None,
        "first_number": (page - 1) * PAGE_RESULTS + 1,
        "last_number": (page - 1) * PAGE_RESULTS + len(shown),
        "unfiltered_url": f"?{urlencode({'q': query})}" if chosen.values else None,
        "everywhere_url": _address({name: value for name, value in choice.items() if name != "document"}),
    }
    return render(request, "rag/search.html", context)


def _results(user: Any, query: str, chosen: ChosenFilters) -> tuple[list[Result], list[Correction]]:
    found = search_passages(Audience.of_user(user), query, top_k=MOST_RESULTS, filters=chosen.filters)
    corrections = corrections_of(query, found.corrections, found.passages)
    meant = " ".join([query, *(correction.meant for correction in corrections)])
    return results_of(meant, found.passages), corrections


def _row(
    result: Result, query: str, corrections: list[Correction], choice: dict[str, str], offer: Offer
) -> FoundRow:
    passage = result.passage
    return FoundRow(
        result=result,
        collection=next((one for one in offer.collections if one.pk == passage.collection_id), None),
        reasons=reasons_of(query, corrections, passage),
        url=passage_url(passage, (result.start, result.end)),
        narrower_url=_address(choice | {"document": str(passage.document_id)}),
    )


def _address(choice: dict[str, str], page: int = 1) -> str:
    return f"?{urlencode(choice | ({'page': str(page)} if page > 1 else {}))}"


def _page_number(value: str, count: int) -> int:
    """The page that is asked for, between the first and the last that has results."""
    wanted = int(value) if value.isascii() and value.isdecimal() and len(value) < 4 else 1
    return max(1, min(wanted, -(-count // PAGE_RESULTS)))
