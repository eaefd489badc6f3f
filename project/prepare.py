"""What `up` does once per start before anybody is served: migrations, and the demo on the first start.

`python -m project.prepare [--wait-fd N] [--no-demo]`, a process of its own, so that the supervisor stays
without Django. Prints how to sign in.
"""

import argparse
import os
import sys


def main() -> int:
    """Exit code 0 when the database is ready to be served."""
    parser = argparse.ArgumentParser(prog="python -m project.prepare", description=__doc__)
    parser.add_argument("--wait-fd", type=int, help="a pipe from which a byte says that the database runs")
    parser.add_argument("--no-demo", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    import django

    django.setup()
    if options.wait_fd is not None and not os.read(options.wait_fd, 1):
        return 1
    migrate()
    print(load_demo(wanted=not options.no_demo), flush=True)
    return 0


def migrate() -> None:
    """Bring the database's tables up to date; a database that is so already costs only a look."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)


def load_demo(*, wanted: bool) -> str:
    """Ensure the assistant and, where wanted and nobody has an account yet, the demo; gives what to print."""
    from project import demo

    demo.ensure_assistant()
    return demo.sign_in_hint(demo.load_demo() if wanted else {})


if __name__ == "__main__":
    sys.exit(main())
