"""The demo of a first start: complete, made once, and finished by the next start where one was interrupted."""

import json
import stat

import pytest

from chat.models import Membership, Message, Room, User
from chat.selectors import rooms_of
from project import demo
from rag.models import Collection, Document

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.DEMO_PASSWORD = ""
    return tmp_path


def test_the_demo_has_the_people_rooms_and_documents_that_are_promised():
    passwords = demo.load_demo()

    assert set(passwords) == {"ada", "grace", "linus", "guest"}
    assert User.objects.get(username="ada").is_superuser
    assert User.objects.get(username="grace").check_password(passwords["grace"])
    assert {room.name for room in rooms_of(User.objects.get(username="guest"))} == {"general"}
    engineering = Room.objects.get(name="engineering")
    assert set(engineering.memberships.values_list("user__username", flat=True)) == {"ada", "grace"}
    assert Membership.objects.get(user__username="guest").role == "guest"
    assert Collection.objects.get(name="Parley").everyone
    assert Document.objects.filter(source="README.md").exists()


def test_the_passwords_are_kept_for_their_owner_only(data_dir):
    passwords = demo.load_demo()
    path = data_dir / "demo.json"
    assert json.loads(path.read_text()) == passwords
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "shown this once" in demo.sign_in_hint(passwords) and passwords["ada"] in demo.sign_in_hint(
        passwords
    )
    assert passwords["ada"] not in demo.sign_in_hint({})


def test_a_second_start_changes_nothing():
    demo.load_demo()
    assert demo.load_demo() == {}
    assert Message.objects.count() == 1 and User.objects.filter(is_bot=False).count() == 4


def test_an_interrupted_demo_is_finished_by_the_next_start(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(demo, "_add_documents", lambda owner: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            demo.load_demo()

    passwords = demo.load_demo()

    assert User.objects.get(username="ada").check_password(passwords["ada"])
    assert Document.objects.exists() and Room.objects.count() == 3 and Message.objects.count() == 1


def test_without_the_demo_there_is_an_assistant_and_a_hint():
    demo.ensure_assistant()
    assert "createsuperuser" in demo.sign_in_hint({})
