from django.apps import AppConfig


class GqlConfig(AppConfig):
    name = "gql"
    verbose_name = "GraphQL"
