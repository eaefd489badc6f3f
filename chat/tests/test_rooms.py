"""Names and topics of rooms."""

import pytest

from chat import actions
from chat.errors import BadInput
from chat.models import Room

pytestmark = pytest.mark.django_db(transaction=True)


def test_control_characters_in_names_and_topics_are_not_stored(ada):
    room = actions.create_room(ada, name="# pla\x00ns\n", topic="what\x00 is\x1b\ud800 next")
    actions.update_room(ada, room_id=room.pk, name="sch\x00emes")

    assert (Room.objects.get().name, Room.objects.get().topic) == ("sch emes", "what is next")
    assert actions.update_room(ada, room_id=room.pk, topic="\x00\n").topic == ""


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "\x00"}, "name"),
        ({"name": "n" * 81}, "name"),
        ({"name": "#"}, "name"),
        ({"topic": "t" * 251}, "topic"),
    ],
)
def test_what_is_too_long_or_empty_is_refused_and_not_cut(ada, general, announced, wrong, field):
    with pytest.raises(BadInput) as refused:
        actions.create_room(ada, **({"name": "plans"} | wrong))
    assert list(refused.value.fields) == [field]

    with pytest.raises(BadInput):
        actions.update_room(ada, room_id=general.pk, **({"name": "other", "topic": "new"} | wrong))

    assert (Room.objects.get().name, Room.objects.get().topic, announced) == ("general", "", [])
