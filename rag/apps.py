from django.apps import AppConfig


class RagConfig(AppConfig):
    name = "rag"
    verbose_name = "Documents and answers"

    def ready(self) -> None:
        from rag import socket_events  # imports models, which are there only now

        socket_events.register()
