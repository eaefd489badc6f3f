"""strawberry-django with its optimizer: relay connections, which it prefetches with a window function."""

from collections.abc import Iterable

import strawberry
import strawberry_django
from django.core.wsgi import get_wsgi_application
from django.urls import path
from strawberry import auto, relay
from strawberry.django.views import GraphQLView
from strawberry_django.optimizer import DjangoOptimizerExtension
from strawberry_django.relay import DjangoListConnection
from tables import Message, Room, User, rooms_of, signed_in


@strawberry_django.type(User)
class UserType(relay.Node):
    username: auto
    display_name: auto


@strawberry_django.type(Message)
class MessageType(relay.Node):
    text: auto
    created_at: auto
    author: UserType


@strawberry_django.type(Room)
class RoomType(relay.Node):
    name: auto
    messages: DjangoListConnection[MessageType] = strawberry_django.connection()


@strawberry.type
class Query:
    @strawberry_django.field
    def me(self, info: strawberry.Info) -> UserType:
        return info.context.request.user

    @strawberry_django.connection(DjangoListConnection[RoomType])
    def rooms(self, info: strawberry.Info) -> Iterable[Room]:
        return rooms_of(info.context.request.user)


schema = strawberry.Schema(query=Query, extensions=[DjangoOptimizerExtension])
urlpatterns = [path("graphql", signed_in(GraphQLView.as_view(schema=schema)))]
application = get_wsgi_application()
