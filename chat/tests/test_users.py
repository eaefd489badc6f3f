"""Accounts."""

import pytest

from chat import actions
from chat.errors import BadInput
from chat.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def test_control_characters_in_a_display_name_are_not_stored(ada):
    user = actions.create_user(
        ada, username="linus", password="a penguin named", display_name="Li\x00nus \ud800"
    )
    assert User.objects.get(pk=user.pk).display_name == "Li nus"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"display_name": "d" * 81}, "displayName"),
        ({"username": "li\x00nus"}, "username"),
        ({"email": "li\x00nus@example.org"}, "email"),
        ({"password": "a penguin \ud800 named"}, "password"),
    ],
)
def test_what_cannot_be_stored_is_told_by_its_field(ada, wrong, field):
    with pytest.raises(BadInput) as refused:
        actions.create_user(ada, **({"username": "linus", "password": "a penguin named"} | wrong))
    assert list(refused.value.fields) == [field]
    assert User.objects.count() == 1


def test_who_was_here_is_noted_for_all_at_once(ada, grace, guest, django_assert_num_queries):
    with django_assert_num_queries(3):  # begin, update, commit
        actions.touch_last_seen([ada.pk, grace.pk])
    seen = dict(User.objects.values_list("username", "last_seen_at"))
    assert seen["ada"] and seen["grace"] and seen["guest"] is None
