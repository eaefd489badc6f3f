"""How long the job queues are."""

from collections.abc import Mapping

from django.db import connection

from chat.ops.figures import register_shared_figures

_NAMES = {"todo": "waiting", "doing": "running", "failed": "failed"}


def jobs_by_queue() -> dict[str, dict[str, int]]:
    """How many jobs there are of each queue and status. Finished ones count for as long as they are kept."""
    counts: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "select queue_name, status, count(*) from procrastinate_jobs group by 1, 2 order by 1, 2"
        )
        for queue, status, count in cursor.fetchall():
            counts.setdefault(queue, {})[status] = count
    return counts


def _on_the_live_page() -> Mapping[str, Mapping[str, int]]:
    found: dict[str, dict[str, int]] = {"answers": {}, "documents": {}} | jobs_by_queue()
    return {
        queue: {name: statuses.get(status, 0) for status, name in _NAMES.items()}
        for queue, statuses in found.items()
    }


def register() -> None:
    """Show them on the admin's live page."""
    register_shared_figures("jobs", _on_the_live_page)
