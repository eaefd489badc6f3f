"""`manage.py problems`: the error log as lines."""

from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand

from rag.models import Problem
from rag.problems.lines import lines


class Command(BaseCommand):
    help = "Print what failed and how to correct it: - [YYYY-MM-DD] [category] Error: what | Correct: how"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=30, help="of how many days (30)")
        parser.add_argument("--category", choices=Problem.Category.values, help="of this category only")

    def handle(self, *args: Any, days: int, category: str | None, **options: Any) -> None:
        problems = Problem.objects.filter(last_seen__gte=datetime.now(UTC) - timedelta(days=days))
        if category:
            problems = problems.filter(category=category)
        for line in lines(problems):
            self.stdout.write(line)
