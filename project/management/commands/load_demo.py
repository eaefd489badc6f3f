from typing import Any

from django.core.management.base import BaseCommand

from project.demo import load_demo, passwords_file


class Command(BaseCommand):
    help = "Makes the demo people, rooms and documents, where nobody has an account yet."

    def handle(self, *args: Any, **options: Any) -> None:
        passwords = load_demo()
        if not passwords:
            self.stdout.write("There are accounts already: nothing was changed.")
        for username, password in passwords.items():
            self.stdout.write(f"  {username:8} {password}")
        if passwords:
            self.stdout.write(f"Kept in {passwords_file()}")
