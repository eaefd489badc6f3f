"""People, rooms and messages in Django admin. Messages are written through actions, so they are read-only here."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, BaseUserCreationForm
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator

from chat import actions
from chat.actions.memberships import require_other_owner
from chat.invitations import GUEST_WITHOUT_ROOM, hash_token, new_token
from chat.membership_forms import MembershipForm, MembershipFormSet, OneMembershipForm, lock_room
from chat.models import Attachment, Invitation, Membership, Mention, Message, Reaction, Room, SignIn, User


class NewUserForm(BaseUserCreationForm):
    class Meta:
        model = User
        fields = ("username", "display_name", "email")


class PasswordForm(AdminPasswordChangeForm):
    """An admin gives somebody another password, or none: that ends what was signed in with the old one."""

    user: User

    def save(self, commit: bool = True) -> User:
        password = self.cleaned_data["password1"] if self.cleaned_data["set_usable_password"] else None
        return actions.change_password(self.user, password=password)


@admin.register(User)
class PersonAdmin(UserAdmin):
    add_form = NewUserForm
    change_password_form = PasswordForm
    list_display = (
        "username",
        "display_name",
        "email",
        "is_active",
        "is_superuser",
        "is_guest",
        "is_bot",
        "last_seen_at",
    )
    list_filter = ("is_active", "is_superuser", "is_staff", "is_guest", "is_bot")
    search_fields = ("username", "display_name", "email")
    readonly_fields = ("last_seen_at", "last_login", "date_joined")
    actions = ("end_sign_ins",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("display_name", "email")}),
        ("Bot", {"fields": ("is_bot", "bot_task")}),
        (
            "Access",
            {"fields": ("is_active", "is_guest", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Dates", {"fields": ("last_seen_at", "last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {"classes": ("wide",), "fields": ("username", "display_name", "email", "password1", "password2")},
        ),
    )

    @admin.action(description="End all sign-ins by token of the selected people")
    def end_sign_ins(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        ended = actions.end_all_sign_ins(queryset.values_list("pk", flat=True))
        self.message_user(request, f"{ended} sign-ins ended.")


def shortened(path: str, *, characters: int = 40) -> Callable[[Any], str]:
    """A column with what `path` (a field, "room", or one of it, "room__name") leads to, cut to so many characters."""

    @admin.display(description=path.partition("__")[0], ordering=path)
    def column(row: Any) -> str:
        for name in path.split("__"):
            row = getattr(row, name)
        return Truncator(row).chars(characters)

    return column


class MembershipInline(admin.TabularInline):
    model = Membership
    form = MembershipForm
    formset = MembershipFormSet
    extra = 0
    autocomplete_fields = ("user",)
    readonly_fields = ("last_read_version", "joined_at")


@admin.register(Room)
class RoomAdmin(admin.ModelAdmin):
    list_display = ("name", "kind", "member_count", "version", "created_at", "archived_at")
    list_filter = ("kind", ("archived_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "topic")
    readonly_fields = ("version", "created_by", "created_at")
    inlines = (MembershipInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # One careless choice here would open what was said in private.
        return (*self.readonly_fields, "kind") if obj is not None else self.readonly_fields

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        return () if obj is not None and obj.kind == Room.Kind.DIRECT else self.inlines

    def get_queryset(self, request: HttpRequest) -> QuerySet[Room]:
        return super().get_queryset(request).annotate(counted_members=Count("memberships"))

    @admin.display(description="members", ordering="counted_members")
    def member_count(self, room: Any) -> int:
        return room.counted_members


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only the program writes: to be read and, where the model allows it, deleted."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReactionInline(admin.TabularInline):
    model = Reaction
    verbose_name_plural = "reactions"
    fields = readonly_fields = ("emoji", "user", "created_at")
    extra = 0
    can_delete = False  # a row that goes raises the version of its message: actions.remove_reaction
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reaction]:
        return super().get_queryset(request).select_related("user").order_by("pk")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        shortened("room__name"),
        shortened("author__username"),
        "kind",
        "status",
        "beginning",
        "version",
        "created_at",
    )
    list_filter = ("kind", "status", "room", ("deleted_at", admin.EmptyFieldListFilter))
    list_select_related = ("room", "author")
    search_fields = ("text", "author__username")
    date_hierarchy = "created_at"
    exclude = ("reactions",)  # the rows of the inline, counted
    inlines = (ReactionInline,)

    @admin.display(description="text")
    def beginning(self, message: Message) -> str:
        return message.text[:80]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a message's place in its room must stay: actions.delete_message takes the words away


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    form = OneMembershipForm
    list_display = (
        shortened("user__username"),
        shortened("room__name"),
        "role",
        "last_read_version",
        "joined_at",
    )
    list_filter = ("role", "room")
    list_select_related = ("user", "room")
    search_fields = ("user__username", "room__name")
    autocomplete_fields = ("user", "room")
    readonly_fields = ("last_read_version", "joined_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "user", "room") if obj is not None else self.readonly_fields

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions_of_all: dict[str, Any] = super().get_actions(request)
        actions_of_all.pop("delete_selected", None)  # several at once are removed on the page of their room
        return actions_of_all

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Raises Conflict, which becomes a page, for the only owner of others."""
        lock_room(obj.room_id)
        require_other_owner(obj)
        super().delete_model(request, obj)


@admin.register(Mention)
class MentionAdmin(ReadOnlyAdmin):
    list_display = ("user", "message")
    list_select_related = ("user", "message__author")
    search_fields = ("user__username",)


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin):
    list_display = ("user", "created_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    search_fields = ("user__username",)
    actions = ("revoke",)

    @admin.action(description="End the selected sign-ins")
    def revoke(self, request: HttpRequest, queryset: QuerySet[SignIn]) -> None:
        ended = actions.end_sign_ins(queryset.values_list("pk", flat=True))
        self.message_user(request, f"{ended} sign-ins ended.")


@admin.register(Attachment)
class AttachmentAdmin(ReadOnlyAdmin):
    list_display = (
        "filename",
        "media_type",
        "size_bytes",
        shortened("owner__username"),
        shortened("room__name"),
        "created_at",
    )
    list_filter = ("media_type", ("message", admin.EmptyFieldListFilter))
    list_select_related = ("owner", "room")
    search_fields = ("filename", "owner__username")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # it goes with its message: actions.delete_message


class InvitationForm(ModelForm):
    class Meta:
        model = Invitation
        fields = ("note", "max_uses", "expires_at", "is_guest", "rooms")
        help_texts = {
            "is_guest": "Guests see only the rooms they are in, and what is shared with those: choose a room below.",
            "rooms": "Where the accounts are members from the beginning. Guests need at least one.",
        }

    def clean_expires_at(self) -> datetime:
        expires_at: datetime = self.cleaned_data["expires_at"]
        if expires_at <= timezone.now():
            raise ValidationError("This time has passed.")
        return expires_at

    def clean(self) -> dict[str, Any]:
        """As actions.create_invitation: a guest needs a room."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("is_guest") and not values.get("rooms"):
            self.add_error("rooms", GUEST_WITHOUT_ROOM)
        return values


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Links with which people make their own accounts. A link is shown once, when its invitation was made."""

    form = InvitationForm
    list_display = ("__str__", "is_guest", "uses", "max_uses", "expires_at", "revoked_at", "created_by")
    list_filter = ("is_guest", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("created_by",)
    search_fields = ("note", "created_by__username")
    filter_horizontal = ("rooms",)
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)  # as actions.create_invitation

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # withdrawn, it still says whom it was for

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"expires_at": timezone.now() + actions.INVITATION_LASTS}

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = (
            Room.objects.filter(archived_at=None).exclude(kind=Room.Kind.DIRECT).order_by("name")
        )
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        """In the admin's own transaction, with the rooms of the form: hence no action."""
        token = new_token()
        obj.token_hash, obj.created_by = hash_token(token), cast(User, request.user)
        super().save_model(request, obj, form, change)
        address = request.build_absolute_uri(reverse("join", args=[token]))
        self.message_user(
            request,
            format_html("Send this link to whom you invite. It is not shown again: <code>{}</code>", address),
        )

    @admin.action(description="Withdraw the selected invitations")
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        withdrawn = actions.revoke_invitations(
            cast(User, request.user), queryset.values_list("pk", flat=True)
        )
        self.message_user(request, f"{withdrawn} invitations withdrawn.")
