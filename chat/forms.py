"""Forms of the chat pages. What a value may be is decided by the actions; forms carry labels and the first look."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm

from chat.models import Room


class SignInForm(AuthenticationForm):
    """Username and password; wrong ones are told without saying which was wrong."""

    error_messages = {
        "invalid_login": "That username and password do not match.",
        "inactive": "This account is switched off.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs |= {"autocomplete": "username", "spellcheck": "false"}
        if self.is_bound and not self.is_valid():
            for field in self.fields.values():
                field.widget.attrs |= {"aria-invalid": "true", "aria-describedby": "sign-in-problem"}


class NewPasswordForm(PasswordChangeForm):
    """The old password, and a new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in (("old_password", "Current password"), ("new_password1", "New password"),
                            ("new_password2", "New password again")):  # fmt: skip
            self.fields[name].label = label
            self.fields[name].widget.attrs.pop("autofocus", None)  # the page is more than this form


class JoinForm(forms.Form):
    """One's own account, by invitation. `password_again` is compared here; the rest is for the action to say."""

    username = forms.CharField(
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "spellcheck": "false", "autocapitalize": "none"}
        )
    )
    display_name = forms.CharField(
        label="Your name", required=False, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.CharField(required=False, widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    password = forms.CharField(
        help_text="At least ten characters, and not a common password.",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label="Password again",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("password_again") not in (None, values.get("password")):
            self.add_error("password_again", "The two passwords differ.")
        return values


class RoomForm(forms.Form):
    """A new room. No field has a greatest length of its own: a browser would cut a pasted text without a word."""

    name = forms.CharField(widget=forms.TextInput(attrs={"autocomplete": "off"}))
    topic = forms.CharField(required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    kind = forms.ChoiceField(
        label="Who can find it",
        choices=[(Room.Kind.PUBLIC, "Everyone"), (Room.Kind.PRIVATE, "Only people who are added")],
        initial=Room.Kind.PUBLIC,
    )
