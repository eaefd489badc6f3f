"""Where GraphQL over WebSocket is mounted. Over HTTP it stands in front of Django (`gql.http.GraphQLEndpoint`)."""

from django.urls import re_path

from gql.consumers import GraphQLConsumer

websocket_urlpatterns = [re_path(r"^graphql/?$", GraphQLConsumer.as_asgi())]
