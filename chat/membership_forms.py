"""Memberships in Django admin, by the rules of `chat.actions.memberships`.

The admin saves a page's forms in a transaction of its own, in which no action can run: its forms check what an
action would.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet, ModelForm

from chat.actions.memberships import NEEDS_OWNER, check_role, require_other_owner
from chat.errors import BadInput, Conflict
from chat.models import Membership, Room


def lock_room(room_id: int) -> None:
    """Memberships are read and changed under the lock of their room, which lasts until the page's transaction ends."""
    Room.objects.select_for_update().get(pk=room_id)


class MembershipForm(ModelForm):
    """A membership among those of its room."""

    class Meta:
        model = Membership
        fields = ("user", "room", "role")

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        person = values.get("user") or (self.instance.user if self.instance.pk else None)
        if person is not None and "role" in values:
            try:
                values["role"] = check_role(person, values["role"])
            except BadInput as error:
                self.add_error("role", error.message)
        return values


class OneMembershipForm(MembershipForm):
    """A membership on a page of its own, where no other can be made an owner instead."""

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if self.instance.pk and values.get("role", Membership.Role.OWNER) != Membership.Role.OWNER:
            lock_room(self.instance.room_id)
            try:
                require_other_owner(Membership.objects.get(pk=self.instance.pk))
            except Conflict as error:
                self.add_error("role", error.message)
        return values


class MembershipFormSet(BaseInlineFormSet):
    """All memberships of a room: where people had an owner, they have one afterwards."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors) or self.instance.pk is None:
            return
        lock_room(self.instance.pk)
        before = Membership.objects.filter(room=self.instance).select_related("user")
        after = [form.cleaned_data for form in self.forms if form.cleaned_data and not self._goes(form)]
        people = [values["role"] for values in after if _is_person(values["user"])]
        had_owner = any(_is_person(one.user) and one.role == Membership.Role.OWNER for one in before)
        if had_owner and people and Membership.Role.OWNER not in people:
            raise ValidationError(NEEDS_OWNER)

    def _goes(self, form: ModelForm) -> bool:
        return bool(form.cleaned_data.get("DELETE"))


def _is_person(user: Any) -> bool:
    return user.is_active and not user.is_bot
