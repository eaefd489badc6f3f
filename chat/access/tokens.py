"""simplejwt with sign-ins: every token of a sign-in carries its id (`sid`), so that revoking it ends them all."""

from typing import Any, cast

from django.db import transaction
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer, TokenRefreshSerializer
from rest_framework_simplejwt.tokens import RefreshToken, Token, UntypedToken
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from chat import actions
from chat.errors import UNUSABLE

SIGN_IN_CLAIM = "sid"


class SignInSerializer(TokenObtainPairSerializer):
    """`{username, password}` -> `{access, refresh}` of a new sign-in."""

    @classmethod
    def get_token(cls, user: Any) -> Token:
        token = super().get_token(user)
        token[SIGN_IN_CLAIM] = actions.begin_sign_in(user).pk
        return token


class RefreshSerializer(TokenRefreshSerializer):
    """`{refresh}` -> `{access, refresh}`. The token given is spent; the sign-in stays the same.

    A token that was spent before ends its sign-in (RFC 9700, section 4.14.2).
    """

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        claims = UntypedToken(attrs["refresh"])  # spent ones pass here
        sign_in_id = claims.get(SIGN_IN_CLAIM) or 0
        with transaction.atomic(durable=True):
            if not actions.hold_sign_in(sign_in_id):
                raise InvalidToken("This sign-in has ended. Sign in again.")
            try:
                return super().validate(attrs)
            except TokenError as error:
                problem = InvalidToken(str(error))
        actions.end_reused_sign_in(sign_in_id, token_id=claims["jti"])
        raise problem


class SignInView(TokenObtainPairView):
    """`{username, password}` -> `{access, refresh}`."""

    takes = '{"username": "...", "password": "..."}'


class RefreshView(TokenRefreshView):
    """`{refresh}` -> `{access, refresh}`."""

    takes = '{"refresh": "..."}'


class RevokeView(APIView):
    """`{refresh}` -> 204. The sign-in ends: its refresh token is spent and its access tokens are refused at once."""

    takes = RefreshView.takes

    def post(self, request: Request) -> Response:
        raw: Any = request.data.get("refresh") if isinstance(request.data, dict) else None
        try:
            token = RefreshToken(cast(Any, raw if isinstance(raw, str) else ""))  # None would make a new one
        except TokenError as error:
            raise InvalidToken(str(error)) from None
        actions.end_sign_in(token.get(SIGN_IN_CLAIM) or 0, token=token)
        return Response(status=204)

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"  # without one, REST framework turns a 401 into a 403


_CODES = {
    400: "BAD_USER_INPUT",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    413: "PAYLOAD_TOO_LARGE",
    429: "RATE_LIMITED",
}


# What is no request in JSON is told what one looks like.
_NO_JSON = (exceptions.MethodNotAllowed, exceptions.UnsupportedMediaType, exceptions.ParseError)


def json_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """Errors of the token endpoints in the form every other transport has: `{error: {code, message, fields?}}`."""
    if not isinstance(error, exceptions.APIException):
        return None
    detail = error.detail
    problem: dict[str, Any] = {"code": _CODES.get(error.status_code, "BAD_USER_INPUT")}
    if isinstance(error, exceptions.ValidationError) and isinstance(detail, dict):
        problem["message"] = UNUSABLE
        problem["fields"] = {name: " ".join(map(str, reasons)) for name, reasons in detail.items()}
    elif isinstance(error, _NO_JSON):
        takes = context["view"].takes
        problem["message"] = (
            f"POST {takes} to this address, with the header `Content-Type: application/json`."
        )
    else:
        problem["message"] = str(detail.get("detail", error) if isinstance(detail, dict) else detail)
    headers = {"WWW-Authenticate": "Bearer"} if error.status_code == 401 else {}
    return Response({"error": problem}, status=error.status_code, headers=headers)
