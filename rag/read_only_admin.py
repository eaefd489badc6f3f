"""What admin pages have in common: rows that only the program writes, columns, and who may see others' words."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only the program writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def rounded(name: str, digits: int) -> Callable[[Any], str]:
    """A column or read-only field that shows the float `name` with so many digits after the point."""

    @admin.display(description=name.replace("_", " "), ordering=name)
    def column(row: Any) -> str:
        value = getattr(row, name)
        return "-" if value is None else f"{value:.{digits}f}"

    return column


def may_read_everything(request: HttpRequest) -> bool:
    """Whether passages of any document may be shown."""
    return request.user.has_perm("rag.view_chunk")


def may_read_messages(request: HttpRequest) -> bool:
    """Whether the words of messages in any room may be shown."""
    return request.user.has_perm("chat.view_message")
