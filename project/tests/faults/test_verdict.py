"""The verdict finds what it is there to find."""

from dataclasses import replace

import pytest

from project.tests.faults.verdict import Changed, ClientLog, Content, Sent, Stored, judge, report

ROOM = "7"


def stored(number: int, posted: int, version: int = 0, text: str = "hello", **fields) -> Stored:
    values = {"client_id": f"c{number}", "content": Content(text, "final", False), **fields}
    return Stored(str(number), ROOM, posted, version or posted, **values)


def wire(message: Stored, version: int = 0) -> dict:
    return {
        "id": message.message_id,
        "roomId": message.room_id,
        "version": version or message.version,
        "text": message.content.text,
        "status": message.content.status,
        "deletedAt": "2026-01-01T00:00:00Z" if message.content.deleted else None,
    }


FIRST, SECOND, THIRD = stored(1, 1), stored(2, 2), stored(3, 3)
ALL = [FIRST, SECOND, THIRD]


def log(*events: tuple[str, Stored] | tuple[str, Stored, int], joined: int = 0) -> ClientLog:
    client = ClientLog("ada")
    client.join(ROOM, joined)
    for name, message, *version in events:
        client.add(name, wire(message, *version))
    return client


def news(*messages: Stored) -> list[tuple[str, Stored]]:
    return [("new-message", message) for message in messages]


def acknowledged(message: Stored, *earlier) -> Sent:
    return Sent("grace", message.client_id, ROOM, "hello", [*earlier, {"ok": True, "message": wire(message)}])


POSTS = [acknowledged(message) for message in ALL]


def refused(client_id: str, code: str) -> Sent:
    return Sent("grace", client_id, ROOM, "hello", [{"ok": False, "error": {"code": code}}])


def problems(client: ClientLog, *, messages=ALL, sent=POSTS, changed=()) -> list[str]:
    return [str(problem) for problem in judge(messages, [client], sent, changed)]


def test_a_run_without_a_fault_has_no_problem():
    assert problems(log(*news(FIRST, SECOND, THIRD))) == []


def test_who_joined_later_is_due_only_what_came_later():
    assert problems(log(*news(THIRD), joined=2)) == []


def test_a_message_that_was_not_seen_is_lost():
    assert problems(log(*news(FIRST, THIRD))) == ["ada: 1 lost: message 2 version 2"]


def test_clients_that_share_a_problem_share_its_line():
    first, second = log(*news(FIRST, THIRD)), log(*news(FIRST, THIRD))
    second.name = "linus"

    assert report(judge(ALL, [first, second], POSTS)) == "ada, linus: 1 lost: message 2 version 2"


def test_a_final_state_that_was_not_seen_is_lost():
    edited = replace(FIRST, version=4, content=Content("better", "final", False))

    found = problems(
        log(("new-message", FIRST, 1), *news(SECOND, THIRD)),
        messages=[edited, SECOND, THIRD],
    )

    assert found == ["ada: 1 lost: message 1 version 4"]


def test_a_change_missed_while_away_is_told_once_in_its_last_state():
    edited = stored(1, 1, 4)

    assert problems(log(*news(SECOND, THIRD, edited)), messages=[edited, SECOND, THIRD]) == []


def test_a_version_that_came_twice_is_doubled():
    found = problems(log(*news(FIRST, SECOND), ("message-updated", SECOND), *news(THIRD)))

    assert found == ["ada: 1 doubled: message 2 version 2 2 times"]


def test_a_version_that_came_late_is_out_of_order():
    found = problems(log(*news(SECOND, FIRST, THIRD)))

    assert found == ["ada: 1 out of order: message 1 version 1 after version 2 of room 7"]


def test_a_message_that_is_new_a_second_time_is_told():
    edited = stored(1, 1, 4)

    found = problems(
        log(("new-message", FIRST, 1), *news(SECOND, THIRD, edited)), messages=[edited, SECOND, THIRD]
    )

    assert found == ["ada: 1 told under the wrong name: message 1 version 4 as new-message"]


def test_a_message_that_was_changed_before_a_client_heard_of_it_may_be_new_or_not():
    edited = stored(1, 1, 4)
    messages = [edited, SECOND, THIRD]

    as_new = problems(log(*news(SECOND, THIRD, edited)), messages=messages)
    as_update = problems(log(*news(SECOND, THIRD), ("message-updated", edited)), messages=messages)

    assert (as_new, as_update) == ([], [])


def test_a_message_that_is_never_new_is_told():
    found = problems(log(*news(FIRST), ("message-updated", SECOND), *news(THIRD)))

    assert found == ["ada: 1 told under the wrong name: message 2 version 2 as message-updated"]


def test_a_message_that_does_not_exist_is_told():
    found = problems(log(*news(FIRST, SECOND, THIRD, stored(4, 4))))

    assert found == ["ada: 1 not as stored: message 4 version 4 does not exist"]


def test_another_content_than_the_stored_one_is_told():
    other = replace(THIRD, content=Content("another", "final", False))

    [found] = problems(log(*news(FIRST, SECOND, other)))

    assert found.startswith("ada: 1 not as stored: message 3 version 3 Content(text='another'")


def test_an_acknowledged_message_must_be_stored():
    found = problems(log(*news(FIRST, SECOND)), messages=[FIRST, SECOND])

    assert found == ["grace: 1 wrong acknowledgements: c3 was acknowledged as message 3, which is not stored"]


def test_two_acknowledgements_of_one_post_must_name_one_message():
    sent = [*POSTS[:2], acknowledged(THIRD, {"ok": True, "message": wire(stored(9, 9))})]

    found = problems(log(*news(*ALL)), sent=sent)

    assert found == ["grace: 1 wrong acknowledgements: c3 was acknowledged as message 9, which is not stored"]


def test_a_refused_post_must_not_be_stored():
    found = problems(log(*news(*ALL)), sent=[*POSTS[:2], refused("c3", "FORBIDDEN")])

    assert found == ["grace: 1 wrong acknowledgements: c3 was refused and is stored"]


@pytest.mark.parametrize("earlier", [None, {"ok": False, "error": {"code": "UNAVAILABLE"}}])
def test_an_unanswered_post_may_be_stored_but_must_be_settled(earlier):
    answered = acknowledged(THIRD, earlier)
    left = Sent("grace", "c3", ROOM, "hello", [earlier])

    assert problems(log(*news(*ALL)), sent=[*POSTS[:2], answered]) == []
    assert problems(log(*news(*ALL)), sent=[*POSTS[:2], left]) == [
        "grace: 1 wrong acknowledgements: c3 was never settled (1 tries)"
    ]


def test_a_post_that_is_stored_twice_is_told():
    twin = stored(4, 4, client_id="c3")

    found = problems(log(*news(*ALL, twin)), messages=[*ALL, twin])

    assert found == ["database: 1 stored twice: c3"]


def test_a_stored_message_that_nobody_sent_is_told():
    found = problems(log(*news(*ALL)), sent=POSTS[:2])

    assert found == ["database: 1 stored that nobody sent: c3"]


def test_what_the_assistant_posts_has_no_sender():
    answer = stored(4, 4, client_id="")

    assert problems(log(*news(*ALL, answer)), messages=[*ALL, answer]) == []


def test_ids_that_do_not_follow_the_order_of_posting_are_told():
    early = stored(2, 9)

    found = problems(log(*news(THIRD, early)), messages=[early, THIRD], sent=[POSTS[1], POSTS[2]])

    assert found[0] == "database: 1 posted out of the order of ids: message 2 in room 7"


def test_an_acknowledged_edit_must_be_stored():
    answer = {"ok": True, "message": {**wire(FIRST), "version": 4, "text": "better"}}

    found = problems(log(*news(*ALL)), changed=[Changed("grace", "1", "better", [None, answer])])

    assert found == ["grace: 1 wrong acknowledgements: message 1 version 4 is not stored"]


def test_a_change_must_be_answered_in_the_end():
    found = problems(log(*news(*ALL)), changed=[Changed("grace", "1", None, [None, None])])

    assert found == ["grace: 1 wrong acknowledgements: the change of message 1 was never answered"]
