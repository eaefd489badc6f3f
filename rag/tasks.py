"""Jobs of documents and answers. Enqueued by name in the transaction of what they are about."""

from procrastinate import App


def on_app_ready(app: App) -> None:
    """Called by Procrastinate's Django integration once the app is ready."""
