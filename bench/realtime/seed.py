"""`python -m bench.realtime.seed USERS`: people, rooms and some history in an empty, migrated database.

Prints JSON: the tokens and what `bench.realtime.seeding.Seed` names. A process of its own, since it needs Django.
"""

import json
import sys
from datetime import timedelta
from pathlib import Path

import django
from django.db import connection, transaction

HALLS = 20
POSTERS = 50
MATES = 10
HISTORY_MESSAGES = 20_000
TOKEN_LIFETIME = timedelta(hours=3)
BOT, MENTION = "benchbot", "mate0"
# The rooms in which posts are measured have few members besides those who post, as rooms do.
_ROOMS = """
insert into chat_room (name, topic, kind, version)
    select 'hall ' || n, '', 'private', 0 from generate_series(1, %(halls)s) n
    union all select 'desk ' || n, '', 'private', 0 from generate_series(1, %(posters)s) n
    union all values ('floor', '', 'private', 0), ('archive', '', 'private', %(history)s);
insert into chat_membership (room_id, user_id, role, last_read_version)
    select r.id, u.id, 'member', 0 from chat_room r, chat_user u where r.name like 'hall %%' and not u.is_bot;
insert into chat_membership (room_id, user_id, role, last_read_version)
    select r.id, u.id, 'member', 0 from chat_room r, chat_user u
    where r.name = 'floor' and u.id = any(%(poster_ids)s || %(mate_ids)s::bigint[]);
insert into chat_membership (room_id, user_id, role, last_read_version)
    select r.id, u.id, 'member', 0 from chat_room r join unnest(%(poster_ids)s::bigint[]) with ordinality p(id, n)
    on r.name = 'desk ' || p.n join chat_user u on u.id = p.id or u.id = any(%(mate_ids)s);
insert into chat_message (room_id, author_id, client_id, version, posted_version, text, html)
    select r.id, (%(poster_ids)s::bigint[])[1 + n %% %(posters)s], 'history-' || n, n, n, repeat('x', 100),
        '<p>' || repeat('x', 100) || '</p>'
    from chat_room r, generate_series(1, %(history)s) n where r.name = 'archive';
"""


def main() -> None:
    """Make them, and print what was made."""
    django.setup()
    from chat.models import Room

    tokens, posters, mates = _make_people(max(int(sys.argv[1]), POSTERS))
    values = {
        "halls": HALLS, "posters": POSTERS, "history": HISTORY_MESSAGES, "poster_ids": posters, "mate_ids": mates,
    }  # fmt: skip
    with connection.cursor() as cursor:
        with transaction.atomic():
            for statement in filter(str.strip, _ROOMS.split(";")):
                cursor.execute(statement, values)
        cursor.execute((Path(__file__).parent / "peers" / "post_message.sql").read_text())
        cursor.execute("vacuum analyze")
    ids = dict(Room.objects.values_list("name", "pk"))
    made = {
        "tokens": tokens,
        "halls": [ids[f"hall {n}"] for n in range(1, HALLS + 1)],
        "floor": ids["floor"],
        "desks": [ids[f"desk {n}"] for n in range(1, POSTERS + 1)],
        "mention": MENTION,
        "bot": BOT,
    }
    print(json.dumps(made))


def _make_people(count: int) -> tuple[list[str], list[int], list[int]]:
    """`count` users with a sign-in each, ten who are only mentioned, and a bot with a job.

    Returns:
        the tokens, the ids of those who post, the ids of those who do not.
    """
    from rest_framework_simplejwt.tokens import AccessToken

    from chat.access.tokens import SIGN_IN_CLAIM
    from chat.models import SignIn, User

    names = [f"bench{n}" for n in range(count)]
    people = User.objects.bulk_create([User(username=name, password=f"!{name}") for name in names])
    mates = [MENTION, *(f"mate{n}" for n in range(1, MATES))]
    others = User.objects.bulk_create([User(username=name, password="!") for name in mates])
    User.objects.create(username=BOT, is_bot=True, bot_task="bench.nothing", password="!")
    tokens = []
    for user, sign_in in zip(
        people, SignIn.objects.bulk_create([SignIn(user=u) for u in people]), strict=True
    ):
        token = AccessToken.for_user(user)
        token[SIGN_IN_CLAIM] = sign_in.pk
        token.set_exp(lifetime=TOKEN_LIFETIME)
        tokens.append(str(token))
    return tokens, [user.pk for user in people[:POSTERS]], [user.pk for user in others]


if __name__ == "__main__":
    main()
