"""The admin's retrieval lab: any query with the eyes of any user or room, for who may see all passages."""

from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from chat.models import Room, User
from rag.retrieval.audience import Audience
from rag.retrieval.lab import try_search
from rag.retrieval.search import QUESTION_MAX_CHARACTERS

SHOWN_CANDIDATES = 50


class LabForm(forms.Form):
    """Who asks what. Without a user and a room everything is searched."""

    q = forms.CharField(label="Query", max_length=QUESTION_MAX_CHARACTERS)
    user = forms.CharField(
        label="As user", required=False, max_length=150, help_text="A user name: what that person finds."
    )
    room = forms.CharField(
        label="As room",
        required=False,
        max_length=80,
        help_text="A name or number: what the assistant finds there.",
    )

    def clean_user(self) -> User | None:
        name = self.cleaned_data["user"].strip().removeprefix("@")
        if not name:
            return None
        found = User.objects.filter(username__iexact=name).first()
        if found is None:
            raise forms.ValidationError("There is no such user.")
        return found

    def clean_room(self) -> Room | None:
        name = self.cleaned_data["room"].strip().removeprefix("#")
        if not name:
            return None
        meant = Q(name__iexact=name)
        if name.isascii() and name.isdecimal() and len(name) < 18:
            meant |= Q(pk=int(name))
        found = list(Room.objects.filter(meant)[:2])
        if len(found) != 1:
            raise forms.ValidationError(
                "There are several: give its number." if found else "There is no such room."
            )
        return found[0]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("user") and cleaned.get("room"):
            raise forms.ValidationError("Choose a user or a room, not both.")
        return cleaned

    def audience(self) -> Audience:
        """Of a valid form."""
        user, room = self.cleaned_data["user"], self.cleaned_data["room"]
        if user:
            return Audience.of_user(user)
        return Audience.of_room(room.pk) if room else Audience.everything()


def lab_page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """The form and, with `?q=`, what the search did.

    Raises:
        PermissionDenied: for staff who may not see passages in the admin.
    """
    if not request.user.has_perm("rag.view_chunk"):
        raise PermissionDenied
    form = LabForm(request.GET or None)
    trial = try_search(form.audience(), form.cleaned_data["q"]) if form.is_valid() else None
    context = {
        **site.each_context(request),
        "title": "Retrieval lab",
        "form": form,
        "trial": trial,
        "candidates": trial.candidates[:SHOWN_CANDIDATES] if trial else [],
    }
    return TemplateResponse(request, "admin/retrieval_lab.html", context)
