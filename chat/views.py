"""The chat pages. Each works without JavaScript; scripts then keep it live over Socket.IO."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib import messages as notices
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from chat import actions
from chat.errors import BadInput, Conflict, DomainError, Forbidden, NotFound
from chat.forms import NewPasswordForm, RoomForm, SignInForm
from chat.limiting import limits
from chat.limiting.limits import network_of
from chat.middleware import STATUS_OF
from chat.models import Membership, Message, Room, User
from chat.reactions import FREQUENT
from chat.selectors import (
    access_message,
    access_room,
    is_manager,
    latest_messages,
    memberships_of,
    mentionable_users,
    message_payload,
    rooms_of,
    user_payload,
    users_visible_to,
)
from chat.timeline import timeline_rows

PAGE_MESSAGES = 50
LAST_ROOM_KEPT = timedelta(days=365)
_KINDS_TO_START_IN = (Room.Kind.PUBLIC, Room.Kind.PRIVATE, Room.Kind.DIRECT)


class SignIn(auth_views.LoginView):
    """The sign-in page. It says how a demo is entered, and that a new installation has nobody yet."""

    template_name = "account/sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        people = User.objects.filter(is_bot=False, is_active=True)
        demo = Path(settings.DATA_DIR) / "demo.json"
        return super().get_context_data(has_people=people.exists(), is_demo=demo.exists(), **kwargs)


class SignOut(auth_views.LogoutView):
    """Signs out by POST only."""


class Account(LoginRequiredMixin, auth_views.PasswordChangeView):
    """One's own account: a new password, which ends every sign-in but this one (sessions, tokens, connections)."""

    template_name = "account/account.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("account")
    extra_context = {"section": "account"}

    def form_valid(self, form: Any) -> HttpResponse:
        notices.success(self.request, "Your password is changed. Everywhere else you are signed out now.")
        return super().form_valid(form)


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Where browsers look that were shown no page with a link to the drawing."""
    return redirect(static("chat/favicon.svg"))


def user_of(request: HttpRequest) -> User:
    """The signed-in user of a page behind `login_required`."""
    assert isinstance(request.user, User)
    return request.user


def _charge(request: HttpRequest, limit: str) -> None:
    """Count one of `limit` (chat.limiting.limits.LIMITS) for the user and the address.

    Raises:
        RateLimited: there are too many.
    """
    address = network_of(request.META.get("REMOTE_ADDR", ""))
    limits.check(limit, user_id=user_of(request).pk, address=address)


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The room read last in this browser, else the best of one's own to begin in, else the list of rooms."""
    user = user_of(request)
    own: list[Any] = [room for room in rooms_of(user) if room.is_member]  # annotated there
    if not own:
        return redirect("rooms")
    last = request.COOKIES.get(_last_room_cookie(user), "")
    return redirect(
        "room", next((room.pk for room in own if str(room.pk) == last), min(own, key=_as_start).pk)
    )


def _as_start(room: Any) -> tuple[int, bool, int]:
    """Where to begin: public rooms before private and direct ones, those with news first, the oldest of equals."""
    return _KINDS_TO_START_IN.index(room.kind), room.unread == 0, room.pk


def _last_room_cookie(user: User) -> str:
    # A cookie, not the session: it survives signing out, and reading a page writes nothing to the database.
    return f"last-room-{user.pk}"


def _remember_room(request: HttpRequest, response: HttpResponse, room: Room) -> HttpResponse:
    name = _last_room_cookie(user_of(request))
    if request.COOKIES.get(name) != str(room.pk):
        response.set_cookie(
            name,
            str(room.pk),
            max_age=LAST_ROOM_KEPT,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response


@require_http_methods(["GET", "POST"])
@login_required
def rooms(request: HttpRequest) -> HttpResponse:
    """Every room the user may read, with a way in; and a form for a new one."""
    user = user_of(request)
    form = RoomForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            room = actions.create_room(user, **form.cleaned_data)
        except Conflict as error:
            form.add_error("name", error.message)
        except BadInput as error:
            for field, problem in error.fields.items():
                form.add_error(field if field in form.fields else None, f"This {problem}.")
        else:
            return redirect("room", room.pk)
    listed = [room for room in rooms_of(user) if room.kind != Room.Kind.DIRECT]
    return render(request, "chat/rooms.html", {"rooms": listed, "form": form, "section": "rooms"})


@require_GET
@login_required
def room(request: HttpRequest, room_id: int) -> HttpResponse:
    """A room: its newest messages, or with `?before=<place>` the page that ends before that place."""
    room = access_room(user_of(request), room_id)
    template = "chat/_messages.html" if request.headers.get("X-Fragment") else "chat/room.html"
    return _remember_room(request, render(request, template, _room_context(request, room)), room)


def _room_context(request: HttpRequest, room: Room, draft: str = "") -> dict[str, object]:
    """What the page of a room shows; `draft` is a text that could not be posted and stands in the composer again."""
    user = user_of(request)
    membership = Membership.objects.filter(room=room, user=user).first()
    before = request.GET.get("before", "")
    cursor = int(before) if before.isdecimal() and len(before) < 18 else None
    found = latest_messages(room, limit=PAGE_MESSAGES + 1, before=cursor)
    shown = found[-PAGE_MESSAGES:]
    is_history = cursor is not None
    return {
        "room": room,
        "membership": membership,
        "may_add_files": membership is not None and membership.role != "guest" and not user.is_guest,
        "rows": timeline_rows(shown, user, membership if cursor is None else None),
        "earlier": shown[0].posted_version if len(found) > PAGE_MESSAGES else None,
        "is_history": is_history,
        "is_quiet": not is_history and all(message.kind == Message.Kind.SYSTEM for message in found),
        "manages": is_manager(user, membership),
        "may_react": membership is not None and room.archived_at is None,
        "frequent_emoji": FREQUENT,
        "people": [user_payload(person) for person in mentionable_users(room)],
        "client_id": str(uuid4()),
        "draft": draft,
        "max_characters": settings.MESSAGE_MAX_CHARACTERS,
    }


@require_POST
@login_required
def post_message(request: HttpRequest, room_id: int) -> HttpResponse:
    """A message from the room's form; a form sent twice posts once. One that is refused keeps what was typed."""
    user = user_of(request)
    client_id, text = request.POST.get("client_id") or None, request.POST.get("text", "")
    try:
        _charge(request, "messages")
        actions.post_message(user, room_id=room_id, text=text, client_id=client_id)
    except NotFound:
        raise
    except DomainError as error:
        notices.error(request, error.message)
        context = _room_context(request, access_room(user, room_id), draft=text)
        return render(request, "chat/room.html", context, status=STATUS_OF.get(error.code, 500))
    return redirect(reverse("room", args=[room_id]) + "#composer")


@require_POST
@login_required
def join(request: HttpRequest, room_id: int) -> HttpResponse:
    actions.join_room(user_of(request), room_id=room_id)
    return redirect("room", room_id)


@require_POST
@login_required
def leave(request: HttpRequest, room_id: int) -> HttpResponse:
    actions.leave_room(user_of(request), room_id=room_id)
    return redirect("rooms")


@require_POST
@login_required
def mark_read(request: HttpRequest, room_id: int) -> HttpResponse:
    """For readers without JavaScript, and for a script whose page is going: it gives the `version` that was seen."""
    user = user_of(request)
    seen = request.POST.get("version", "")
    version = int(seen) if seen.isdecimal() and len(seen) < 18 else access_room(user, room_id).version
    actions.mark_read(user, room_id=room_id, version=version)
    return HttpResponse(status=204) if seen else redirect("room", room_id)


@require_http_methods(["GET", "POST"])
@login_required
def members(request: HttpRequest, room_id: int) -> HttpResponse:
    """Who is in the room; its owners and moderators add and remove people here."""
    user = user_of(request)
    room = access_room(user, room_id)
    if request.method == "POST":
        if "remove" in request.POST:
            actions.remove_member(user, room_id=room_id, user_id=request.POST["remove"])
        else:
            actions.add_member(user, room_id=room_id, user_id=request.POST.get("add", ""))
        return redirect("members", room_id)
    memberships = list(memberships_of(room))
    own = next((membership for membership in memberships if membership.user_id == user.pk), None)
    may_manage = is_manager(user, own) and room.kind != Room.Kind.DIRECT
    present = [membership.user_id for membership in memberships]
    addable = users_visible_to(user).exclude(pk__in=present).order_by("username") if may_manage else []
    template = "chat/_members.html" if request.headers.get("X-Fragment") else "chat/members.html"
    context = {
        "room": room,
        "memberships": memberships,
        "own": own,
        "manages": may_manage,
        "addable": addable,
    }
    return render(request, template, context)


@require_GET
@login_required
def people(request: HttpRequest) -> HttpResponse:
    """Everybody the user can see, each one click from a direct message."""
    everybody = users_visible_to(user_of(request)).order_by("is_bot", "username")
    return render(request, "chat/people.html", {"people": everybody, "section": "people"})


@require_POST
@login_required
def open_direct(request: HttpRequest, user_id: int) -> HttpResponse:
    room = actions.open_direct_room(user_of(request), other_id=user_id)
    return redirect("room", room.pk)


@require_GET
@login_required
def message(request: HttpRequest, message_id: int) -> JsonResponse:
    """The message's wire form: a script that missed a piece of a running answer starts again from here."""
    return JsonResponse(message_payload(access_message(user_of(request), message_id)))


@require_http_methods(["GET", "POST"])
@login_required
def edit_message(request: HttpRequest, message_id: int) -> HttpResponse:
    """Change or delete one's own message."""
    user = user_of(request)
    found = access_message(user, message_id)
    back = redirect(reverse("room", args=[found.room_id]) + f"#message-{found.pk}")
    text = request.POST.get("text", found.text)
    context = {"message": found, "room": found.room, "text": text}
    if request.method == "GET":
        if found.author_id != user.pk or found.deleted_at or found.kind != Message.Kind.PERSON:
            return back
        return render(request, "chat/edit_message.html", context)
    try:
        _charge(request, "changes")
        if "delete" in request.POST:
            actions.delete_message(user, message_id=message_id)
        else:
            actions.edit_message(user, message_id=message_id, text=text)
    except (NotFound, Forbidden):
        raise
    except DomainError as error:
        notices.error(request, error.message)
        return render(request, "chat/edit_message.html", context, status=STATUS_OF.get(error.code, 500))
    return back


@require_http_methods(["GET", "POST"])
@login_required
def react(request: HttpRequest, message_id: int) -> HttpResponse:
    """Add a reaction (`react`), or take one's own back (`unreact`); the page offers frequent emoji and a field."""
    user = user_of(request)
    found = access_message(user, message_id)
    back = redirect(reverse("room", args=[found.room_id]) + f"#message-{found.pk}")
    context = {"message": found, "room": found.room, "frequent_emoji": FREQUENT}
    if request.method == "GET":
        return back if found.deleted_at else render(request, "chat/react.html", context)
    try:
        _charge(request, "changes")
        if "unreact" in request.POST:
            actions.remove_reaction(user, message_id=message_id, emoji=request.POST["unreact"])
        else:
            actions.add_reaction(user, message_id=message_id, emoji=request.POST.get("react", "").strip())
    except (NotFound, Forbidden):
        raise
    except DomainError as error:
        notices.error(request, error.message)
        return render(request, "chat/react.html", context, status=STATUS_OF.get(error.code, 500))
    return back


@require_GET
@login_required
def sidebar(request: HttpRequest) -> HttpResponse:
    """The room list alone, for a page that finds itself out of date."""
    current = request.GET.get("room", "")
    room = Room(pk=int(current)) if current.isdecimal() and len(current) < 18 else None
    return render(
        request, "chat/sidebar_fragment.html", {"room": room, "section": request.GET.get("section", "")}
    )
