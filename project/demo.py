"""The demo of a first start: four people, three rooms, the assistant, and Parley's own documentation to ask about."""

import json
import os
import secrets
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.db import transaction

from chat import actions as chat_actions
from chat.models import Membership, Room, User
from rag import actions as rag_actions

WELCOME = (
    "Hello! I answer from the documents of this team, and show where each answer stands. "
    "Try: `@parley how do I set an API key?` or drop a PDF into this room and ask about it."
)
_PEOPLE = {"ada": "Ada Lovelace", "grace": "Grace Hopper", "linus": "Linus Torvalds", "guest": "Guest"}


def ensure_assistant() -> User:
    """The assistant `@parley`, which every installation has."""
    return chat_actions.create_bot(username="parley", display_name="Parley", task="rag.answer")


def passwords_file() -> Path:
    """Where the demo passwords are kept: `{username: password}`, readable by the owner only."""
    return Path(settings.DATA_DIR) / "demo.json"


def load_demo() -> dict[str, str]:
    """Make the demo where nobody has an account yet.

    Returns:
        the passwords by username; {} where there were accounts already, and nothing was done.
    """
    if User.objects.filter(is_bot=False).exists():
        return {}
    passwords = {name: settings.DEMO_PASSWORD or secrets.token_urlsafe(9) for name in _PEOPLE}
    _keep(passwords)
    people = _make_people(passwords)
    _make_rooms(people)
    _add_documents(people["ada"])
    return passwords


def sign_in_hint(new_passwords: dict[str, str]) -> str:
    """What `up` prints about signing in: the passwords at the start that made them, later where they are kept."""
    if new_passwords:
        lines = [f"  {name:6} {password}" for name, password in new_passwords.items()]
        return "\n".join(["Sign in as (passwords are shown this once):", *lines, f"They are kept in {passwords_file()}"])
    if passwords_file().exists():
        return f"Sign in as ada; the passwords are in {passwords_file()}"
    return "" if User.objects.filter(is_bot=False).exists() else "Make the first admin: manage.py createsuperuser"


def _keep(passwords: dict[str, str]) -> None:
    path = passwords_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        json.dump(passwords, file, indent=1)


def _make_people(passwords: dict[str, str]) -> dict[str, User]:
    with transaction.atomic(durable=True):
        people = {}
        for username, display_name in _PEOPLE.items():
            user = User(username=username, display_name=display_name, is_guest=username == "guest")
            user.is_staff = user.is_superuser = username == "ada"
            user.set_password(passwords[username])
            user.save()
            people[username] = user
    people["parley"] = ensure_assistant()
    return people


def _make_rooms(people: dict[str, User]) -> None:
    ada, grace = people["ada"], people["grace"]
    with transaction.atomic(durable=True):
        general = Room.objects.create(name="general", topic="Everything and everybody", created_by=ada)
        engineering = Room.objects.create(
            name="engineering", topic="How it is built", kind=Room.Kind.PRIVATE, created_by=ada
        )
        roles = {"ada": Membership.Role.OWNER, "guest": Membership.Role.GUEST}
        Membership.objects.bulk_create(
            [
                Membership(room=general, user=user, role=roles.get(name, "member"))
                for name, user in people.items()
            ]
            + [
                Membership(room=engineering, user=people[name], role=roles.get(name, "member"))
                for name in ("ada", "grace")
            ]
        )
    chat_actions.open_direct_room(ada, other_id=grace.pk)
    chat_actions.post_message(people["parley"], room_id=general.pk, text=WELCOME)


def _add_documents(owner: User) -> None:
    collection = rag_actions.create_collection(
        owner, name="Parley", description="How Parley works, and how to run it.", everyone=True
    )
    root = Path(settings.BASE_DIR)
    for path in sorted([root / "README.md", *(root / "docs").rglob("*.md")]):
        if path.is_file():
            with path.open("rb") as file:
                name = str(path.relative_to(root))
                rag_actions.upload_document(
                    owner, collection_id=collection.pk, file=File(file, name), filename=path.name, source=name
                )
