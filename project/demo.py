"""The demo of a first start: four people, three rooms, the assistant, and Parley's own documentation to ask about."""

import json
import os
import secrets
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.db import transaction

from chat import actions as chat_actions
from chat.errors import Conflict
from chat.models import Membership, Room, User
from rag import actions as rag_actions
from rag.selectors import collections_writable_by

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
    """Make the demo where nobody has an account yet, or finish one that was interrupted.

    Returns:
        the passwords by username; {} where there were accounts already, and nothing was done.
    """
    unfinished = _unfinished_file()
    if unfinished.exists():
        passwords = json.loads(unfinished.read_text())
    elif User.objects.filter(is_bot=False).exists():
        return {}
    else:
        passwords = {name: settings.DEMO_PASSWORD or secrets.token_urlsafe(9) for name in _PEOPLE}
        _keep(passwords, unfinished)
    people = _make_people(passwords)
    _make_rooms(people)
    _add_documents(people["ada"])
    unfinished.rename(passwords_file())
    return passwords


def _unfinished_file() -> Path:
    return passwords_file().with_suffix(".unfinished")


def sign_in_hint(new_passwords: dict[str, str]) -> str:
    """What `up` prints about signing in: the passwords at the start that made them, later where they are kept."""
    if new_passwords:
        lines = [f"  {name:6} {password}" for name, password in new_passwords.items()]
        return "\n".join(
            ["Sign in as (passwords are shown this once):", *lines, f"They are kept in {passwords_file()}"]
        )
    if passwords_file().exists():
        return f"Sign in as ada; the passwords are in {passwords_file()}"
    return (
        ""
        if User.objects.filter(is_bot=False).exists()
        else "Make the first admin: manage.py createsuperuser"
    )


def _keep(passwords: dict[str, str], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        json.dump(passwords, file, indent=1)


def _make_people(passwords: dict[str, str]) -> dict[str, User]:
    people = {}
    with transaction.atomic(durable=True):
        for username, display_name in _PEOPLE.items():
            admin = username == "ada"
            user, made = User.objects.get_or_create(
                username=username,
                defaults={
                    "display_name": display_name,
                    "is_guest": username == "guest",
                    "is_staff": admin,
                    "is_superuser": admin,
                },
            )
            if made:
                user.set_password(passwords[username])
                user.save(update_fields=["password"])
            people[username] = user
    people["parley"] = ensure_assistant()
    return people


def _make_rooms(people: dict[str, User]) -> None:
    ada, grace, parley = people["ada"], people["grace"], people["parley"]
    general = _make_room("general", Room.Kind.PUBLIC, "Everything and everybody", people)
    insiders = {name: people[name] for name in ("ada", "grace")}
    _make_room("engineering", Room.Kind.PRIVATE, "How it is built", insiders)
    chat_actions.open_direct_room(ada, other_id=grace.pk)
    chat_actions.post_message(parley, room_id=general.pk, text=WELCOME, client_id="welcome")


def _make_room(name: str, kind: str, topic: str, people: dict[str, User]) -> Room:
    roles = {"ada": Membership.Role.OWNER, "guest": Membership.Role.GUEST}
    with transaction.atomic(durable=True):
        room, _ = Room.objects.get_or_create(
            name=name, defaults={"kind": kind, "topic": topic, "created_by": people["ada"]}
        )
        Membership.objects.bulk_create(
            [Membership(room=room, user=user, role=roles.get(n, "member")) for n, user in people.items()],
            ignore_conflicts=True,
        )
    return room


def _add_documents(owner: User) -> None:
    try:
        collection = rag_actions.create_collection(
            owner, name="Parley", description="How Parley works, and how to run it.", everyone=True
        )
    except Conflict:  # made by a start that was interrupted
        collection = collections_writable_by(owner).get(name="Parley")
    root = Path(settings.BASE_DIR)
    for path in sorted([root / "README.md", *(root / "docs").rglob("*.md")]):
        if path.is_file():
            with path.open("rb") as file:
                name = str(path.relative_to(root))
                rag_actions.upload_document(
                    owner, collection_id=collection.pk, file=File(file, name), filename=path.name, source=name
                )
