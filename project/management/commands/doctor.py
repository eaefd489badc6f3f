"""`manage.py doctor`."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from project.doctor import examine


class Command(BaseCommand):
    """Exit code 1 when a check failed."""

    help = "Check configuration, database, queue, embedder and model endpoint; one line each."
    requires_system_checks: list[str] = []  # it runs them itself

    def handle(self, *args: Any, **options: Any) -> None:
        failed = False
        for finding in examine():
            mark = self.style.SUCCESS("ok  ") if finding.ok else self.style.ERROR("FAIL")
            self.stdout.write(f"{mark}  {finding.name + ':':<16} {finding.text}")
            failed = failed or not finding.ok
        if failed:
            sys.exit(1)
