from django.apps import AppConfig


class RagConfig(AppConfig):
    name = "rag"
    verbose_name = "Documents and answers"

    def ready(self) -> None:
        from rag import socket_events  # import models, which are there only now
        from rag.jobs import queue_figures  # import models, which are there only now

        socket_events.register()
        queue_figures.register()
