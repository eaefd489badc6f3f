"""The `Upload` scalar of the GraphQL multipart request specification."""

from typing import Any, NoReturn

import graphene
from django.core.files.uploadedfile import UploadedFile
from graphql import GraphQLError


class Upload(graphene.Scalar):
    """A file of a `multipart/form-data` request; its variable is null in `operations` and named in `map`."""

    @staticmethod
    def serialize(value: Any) -> NoReturn:
        raise GraphQLError("An Upload cannot be read.")

    @staticmethod
    def parse_value(value: Any) -> UploadedFile:
        if not isinstance(value, UploadedFile):
            raise GraphQLError("An Upload must be a file of a multipart/form-data request.")
        return value

    @staticmethod
    def parse_literal(node: Any, _variables: Any = None) -> NoReturn:
        raise GraphQLError("An Upload must be given as a variable.")
