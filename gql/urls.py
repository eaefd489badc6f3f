"""Addresses for browsers; requests of API clients never reach them (`gql.transports.http`)."""

from django.urls import path

from gql import views

urlpatterns = [path("graphql", views.graphiql), path("graphql/", views.graphiql)]
