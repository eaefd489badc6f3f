"""Documents are kept by their text: the latest, within bounds, and only valid ones."""

import pytest

from gql.documents import Documents, InvalidDocument

A, B, C = "{ me { id } }", "{ me { username } }", "{ me { displayName } }"


def known(documents: Documents, *texts: str) -> list[bool]:
    return [documents.find(text) is not None for text in texts]


async def test_a_document_is_prepared_once():
    documents = Documents()
    prepared = await documents.add(A)

    assert documents.find(A) is prepared
    assert documents.find(A + " ") is None


async def test_the_documents_that_were_used_last_are_kept():
    documents = Documents(capacity=2)
    await documents.add(A)
    await documents.add(B)
    documents.find(A)
    await documents.add(C)

    assert known(documents, A, B, C) == [True, False, True]


async def test_their_characters_are_bounded_together():
    documents = Documents(max_characters=len(A) + len(C))
    for text in (A, B, A, C, C):
        await documents.add(text)

    assert known(documents, A, B, C) == [False, False, True]
    await documents.add(A)
    assert known(documents, A, B, C) == [True, False, True]


async def test_what_is_refused_or_very_long_is_not_kept():
    documents = Documents()
    with pytest.raises(InvalidDocument):
        await documents.add("{ nothing }")
    await documents.add('{ user(id: "' + "1" * 20_000 + '") { id } }')

    assert len(documents) == 0


async def test_hundreds_of_documents_leave_no_more_than_the_bounds():
    documents = Documents(capacity=10)
    for number in range(300):
        await documents.add(f"query Q{number} {{ me {{ id }} }}")

    assert len(documents) == 10
