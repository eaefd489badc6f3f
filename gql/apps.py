from django.apps import AppConfig


class GqlConfig(AppConfig):
    name = "gql"
    verbose_name = "GraphQL"

    def ready(self) -> None:
        from gql.requests.manifest import trusted_documents

        trusted_documents()  # a file that cannot be used stops the start
