"""graphene-django as its tutorial has it: DjangoObjectTypes, resolvers that ask the relation, its own view."""

import graphene
from django.core.wsgi import get_wsgi_application
from django.urls import path
from graphene_django import DjangoObjectType
from graphene_django.views import GraphQLView
from tables import Message, Room, User, rooms_of, signed_in


class UserType(DjangoObjectType):
    class Meta:
        model = User
        fields = ("id", "username", "display_name")


class MessageType(DjangoObjectType):
    class Meta:
        model = Message
        fields = ("id", "text", "created_at", "author")


class MessageEdge(graphene.ObjectType):
    node = graphene.Field(MessageType)


class MessageConnection(graphene.ObjectType):
    edges = graphene.List(MessageEdge)


class RoomType(DjangoObjectType):
    messages = graphene.Field(MessageConnection, first=graphene.Int(required=True))

    class Meta:
        model = Room
        fields = ("id", "name")

    def resolve_messages(room, info, first):
        return {"edges": [{"node": message} for message in room.messages.all()[:first]]}


class RoomEdge(graphene.ObjectType):
    node = graphene.Field(RoomType)


class RoomConnection(graphene.ObjectType):
    edges = graphene.List(RoomEdge)


class Query(graphene.ObjectType):
    me = graphene.Field(UserType)
    rooms = graphene.Field(RoomConnection, first=graphene.Int(required=True))

    def resolve_me(root, info):
        return info.context.user

    def resolve_rooms(root, info, first):
        return {"edges": [{"node": room} for room in rooms_of(info.context.user)[:first]]}


urlpatterns = [path("graphql", signed_in(GraphQLView.as_view(schema=graphene.Schema(query=Query))))]
application = get_wsgi_application()
