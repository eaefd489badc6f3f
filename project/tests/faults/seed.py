"""People, rooms and access tokens for one run, printed as JSON: `python -m project.tests.faults.seed PEOPLE ROOMS`.

A process of its own: it uses the database of a running `up`, while the tests' own Django has another one.
"""

import json
import secrets
import sys
from typing import Any


def seed(people: int, rooms: int) -> dict[str, Any]:
    """Make them, everybody a member of each room; gives `{tokens: [...], rooms: [id, ...]}`."""
    from chat import actions
    from chat.access.tokens import SignInSerializer
    from chat.models import Membership, User

    name = secrets.token_hex(4)
    users = [User.objects.create_user(f"{name}-{n}", is_staff=n == 0) for n in range(people)]
    made = [actions.create_room(users[0], name=f"faults {name} {n}") for n in range(rooms)]
    Membership.objects.bulk_create(Membership(room=room, user=user) for room in made for user in users[1:])
    tokens: list[Any] = [SignInSerializer.get_token(user) for user in users]
    return {"tokens": [str(token.access_token) for token in tokens], "rooms": [str(room.pk) for room in made]}


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps(seed(*map(int, sys.argv[1:]))))
