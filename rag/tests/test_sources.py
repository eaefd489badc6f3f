"""Paths of files in a folder that was chosen."""

import pytest

from chat.errors import BadInput
from rag.ingestion.sources import folder_path


@pytest.mark.parametrize("path", ["", "leave.pdf", "guides/2026/leave.pdf", "a b/ü (1).md"])
def test_a_path_in_a_folder_stays_as_it_is(path):
    assert folder_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../secret",
        "a/../b",
        "a//b",
        "a/",
        "./a",
        "a\\b",
        "C:\\a",
        "a\x00b",
        " a",
        "a\nb",
        "a/" * 250,
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path):
    with pytest.raises(BadInput):
        folder_path(path)


def test_a_path_that_is_too_long_is_refused():
    with pytest.raises(BadInput) as refusal:
        folder_path("a/" * 250 + "b")
    assert "500" in refusal.value.fields["source"]
