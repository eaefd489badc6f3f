"""`manage.py up`."""

import argparse
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from project.supervisor import add_arguments


class Command(BaseCommand):
    """Shown by `manage.py help`; run, `manage.py` itself hands over to the supervisor without Django."""

    help = "Start PostgreSQL, Valkey, web processes and job workers, and watch over them until told to stop."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Reached through `call_command` only."""
        arguments = ["--web", str(options["web"]), "--jobs", str(options["jobs"])]
        arguments += ["--no-demo"] if options["no_demo"] else []
        os.execv(sys.executable, [sys.executable, "manage.py", "up", *arguments])
