"""Parley's tables, as models of the Django peers, and who asks."""

from collections.abc import Callable

import django
import jwt
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

django.setup()

from django.db import models  # noqa: E402  # they need what is set up


class User(models.Model):
    username = models.TextField()
    display_name = models.TextField()
    is_active = models.BooleanField()

    class Meta:
        app_label, managed, db_table = "bench", False, "chat_user"


class Room(models.Model):
    name = models.TextField()
    archived_at = models.DateTimeField(null=True)
    members = models.ManyToManyField(User, through="Membership")

    class Meta:
        app_label, managed, db_table = "bench", False, "chat_room"
        ordering = ("name",)


class Membership(models.Model):
    room = models.ForeignKey(Room, models.CASCADE)
    user = models.ForeignKey(User, models.CASCADE)

    class Meta:
        app_label, managed, db_table = "bench", False, "chat_membership"


class Message(models.Model):
    room = models.ForeignKey(Room, models.CASCADE, related_name="messages")
    author = models.ForeignKey(User, models.CASCADE)
    text = models.TextField()
    posted_version = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        app_label, managed, db_table = "bench", False, "chat_message"
        ordering = ("posted_version",)


def signed_in(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view, for requests with a token that holds; the account is looked up, as simplejwt does."""

    def check(request: HttpRequest) -> HttpResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])
            request.user = User.objects.get(pk=claims["user_id"], is_active=True)
        except (jwt.InvalidTokenError, User.DoesNotExist):
            return JsonResponse({"errors": [{"message": "unauthenticated"}]}, status=401)
        return view(request)

    check.csrf_exempt = True
    return check


def rooms_of(user: User) -> "models.QuerySet[Room]":
    """The rooms the user is in, by name."""
    return Room.objects.filter(members=user, archived_at=None)
