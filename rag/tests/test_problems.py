"""The error log: one row for each kind of failure, with how to correct it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from rag.actions.problems import advice_on, note_problem
from rag.models import Problem
from rag.problems.corrections import as_line

db = pytest.mark.django_db(transaction=True)


@db
def test_a_failure_that_comes_again_is_counted_with_its_latest_words():
    note_problem("tool", "MODEL_TIMEOUT", "It took 90 s.", place="claude")
    first = Problem.objects.get()
    note_problem("tool", "MODEL_TIMEOUT", "It took 95 s.", place="claude")
    note_problem("tool", "MODEL_TIMEOUT", "It took 91 s.", place="qwen")
    again = Problem.objects.get(place="claude")
    assert (again.count, again.what, again.first_seen) == (2, "It took 95 s.", first.first_seen)
    assert again.last_seen > first.last_seen
    assert Problem.objects.count() == 2


@db
def test_failures_at_the_same_time_are_all_counted():
    def fail(_number):
        note_problem("code", "INTERNAL", "no")
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fail, range(40)))
    assert Problem.objects.get().count == 40


@db
def test_what_is_too_long_is_cut():
    note_problem("config", "X" * 99, "y" * 999, place="z" * 999)
    problem = Problem.objects.get()
    assert (len(problem.code), len(problem.what), len(problem.place)) == (40, 500, 200)


@db
def test_what_cannot_be_noted_is_logged(caplog):
    note_problem("longer than it may be", "X", "no")
    assert "could not be noted" in caplog.text


@db
def test_the_command_prints_lines_of_the_last_days():
    note_problem("tool", "MODEL_ACCESS", "The key is\nrefused | now.", place="claude")
    note_problem("code", "INTERNAL", "old")
    Problem.objects.filter(code="INTERNAL").update(last_seen=datetime.now(UTC) - timedelta(days=31))
    out = StringIO()
    call_command("problems", stdout=out)
    day = datetime.now(UTC).date().isoformat()
    assert out.getvalue() == (
        f"- [{day}] [tool] Error: MODEL_ACCESS (claude): The key is refused / now. | "
        "Correct: Check ANTHROPIC_API_KEY.\n"
    )
    out = StringIO()
    call_command("problems", "--category", "agent", stdout=out)
    assert out.getvalue() == ""


@given(st.text(), st.text())
def test_a_line_is_one_line_of_two_parts(what, correction):
    line = as_line(date(2026, 11, 23), "tool", what, correction)
    assert len(line.splitlines()) == 1
    assert line.count("|") == 1


@db
def test_an_admin_writes_corrections_and_advice_and_downloads_lines(admin_client):
    note_problem("tool", "MODEL_TIMEOUT", "It took 90 s.", place="claude")
    problem = Problem.objects.get()
    page = f"/admin/rag/problem/{problem.pk}/change/"
    assert "needs a faster machine" not in admin_client.get(page).content.decode()
    admin_client.post(page, {"correction": "Restart the server.", "advice": "Ask Ada."})
    assert advice_on("MODEL_TIMEOUT") == "Ask Ada."
    assert advice_on("MODEL_ACCESS") == ""
    assert "Restart the server." in admin_client.get("/admin/rag/problem/").content.decode()
    chosen = {"_selected_action": [problem.pk], "action": "export_lines"}
    assert "Correct: Restart the server." in admin_client.post("/admin/rag/problem/", chosen).content.decode()
    assert admin_client.get("/admin/rag/problem/add/").status_code == 403
