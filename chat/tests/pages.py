"""Asking for the chat pages by their names."""

from django.urls import reverse


def page(client, name, *args, **query):
    return client.get(reverse(name, args=args), query)
