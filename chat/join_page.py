"""The page behind an invitation's link: whoever holds it makes an account there and is signed in."""

from django.contrib import messages as notices
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from chat import actions
from chat.errors import BadInput, NotFound, RateLimited
from chat.forms import JoinForm
from chat.invitations import access_invitation
from chat.limiting import limits
from chat.limiting.limits import network_of
from chat.middleware import STATUS_OF

TEMPLATE = "account/join.html"
_FORM_FIELDS = {"displayName": "display_name"}  # the others are called as the action calls them


@sensitive_post_parameters("password", "password_again")
@never_cache
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """A form for a new account; 404 with the reason for a link that opens nothing, or nothing any more."""
    if request.user.is_authenticated:
        notices.info(request, f"You have an account and are signed in as {request.user.get_username()}.")
        return redirect("home")
    form = JoinForm(request.POST if request.method == "POST" else None)
    try:
        access_invitation(token)
        if request.method == "POST" and form.is_valid():
            return _make_account(request, token, form)
    except NotFound as error:
        return render(request, TEMPLATE, {"problem": error.message}, status=404)
    except RateLimited as error:
        form.add_error(None, error.message)
        return render(request, TEMPLATE, {"form": form}, status=STATUS_OF[error.code])
    except BadInput as error:
        for field, problem in error.fields.items():
            # The validators write sentences, the other checks how the value must be.
            text = problem if problem.endswith(".") else f"This {problem}."
            name = _FORM_FIELDS.get(field, field)
            form.add_error(name if name in form.fields else None, text)
    return render(request, TEMPLATE, {"form": form}, status=200 if request.method == "GET" else 400)


def _make_account(request: HttpRequest, token: str, form: JoinForm) -> HttpResponse:
    limits.check("signups", address=network_of(request.META.get("REMOTE_ADDR", "")))
    values = {name: value for name, value in form.cleaned_data.items() if name != "password_again"}
    login(request, actions.accept_invitation(token=token, **values))
    return redirect("home")
