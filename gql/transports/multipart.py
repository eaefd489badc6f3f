"""Uploads: the GraphQL multipart request specification. Bodies and files go to temporary files, not to memory."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, cast

import orjson
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation, TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.http import parse_header_parameters

from chat.errors import BadInput, DomainError, PayloadTooLarge, bad_input
from gql.protection.bytes import check_json

FILES_MAX = 20
EPILOGUE_MAX_BYTES = 1000  # after which nothing may follow the closing boundary, which is at most 70 long


@dataclass(frozen=True, slots=True)
class MultipartRequest:
    """`operations` with its files put where `map` says. Leaving the `with` block deletes the files."""

    operations: Any
    files: list[UploadedFile]

    def __enter__(self) -> "MultipartRequest":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for file in self.files:
            file.close()


async def read_multipart(
    content_type: str, receive: Callable[[], Awaitable[dict[str, Any]]], *, limit_bytes: int
) -> MultipartRequest | None:
    """Read the request's body; None if the client went away.

    Raises:
        PayloadTooLarge: more than `limit_bytes`, or more than `FILES_MAX` files.
        BadInput: no multipart request in the sense of the specification.
    """
    with await asyncio.to_thread(TemporaryFile) as body:
        length, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            length += len(message.get("body", b""))
            if length > limit_bytes:
                raise PayloadTooLarge(f"An upload may have at most {limit_bytes:,} bytes.")
            await asyncio.to_thread(body.write, message.get("body", b""))
            more = message.get("more_body", False)
        return await asyncio.to_thread(_parse, content_type, length, body)


def _parse(content_type: str, length: int, body: Any) -> MultipartRequest:
    _check_end(content_type, length, body)
    meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": length}
    try:
        fields, by_name = MultiPartParser(meta, body, [TemporaryFileUploadHandler()], "utf-8").parse()
    except RequestDataTooBig:
        raise PayloadTooLarge("The fields beside the files have too many bytes.") from None
    except TooManyFilesSent:
        raise PayloadTooLarge(f"A request may have at most {FILES_MAX} files.") from None
    except (MultiPartParserError, SuspiciousOperation) as error:
        raise BadInput(f"The multipart body cannot be read: {error}") from None
    files = cast(list[UploadedFile], [file for _, several in by_name.lists() for file in several])
    try:
        if len(files) > FILES_MAX:
            raise PayloadTooLarge(f"A request may have at most {FILES_MAX} files.")
        if len(by_name) < len(files):
            raise BadInput("Each file must have a name of its own.")
        operations = _load(fields, "operations")
        _place_files(operations, _load(fields, "map"), cast(dict[str, UploadedFile], by_name.dict()))
    except DomainError:
        for file in files:
            file.close()
        raise
    return MultipartRequest(operations, files)


def _check_end(content_type: str, length: int, body: Any) -> None:
    """Django's parser takes a file that was cut off for a whole one. Afterwards the body is at its beginning."""
    boundary = parse_header_parameters(content_type)[1].get("boundary", "")
    body.seek(max(0, length - EPILOGUE_MAX_BYTES))
    if not boundary or f"--{boundary}--".encode() not in body.read():
        raise BadInput("The multipart body is not complete.")
    body.seek(0)


def _load(fields: Any, name: str) -> Any:
    text = fields.get(name, "")
    check_json(text)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise bad_input(name, "must be a form field with JSON, before the files") from None
    if not isinstance(value, dict):
        raise bad_input(name, "must be a JSON object")
    return value


def _place_files(operations: Any, places: dict[str, Any], files: dict[str, UploadedFile]) -> None:
    """Put each file in place of the null that `map` names, such as `{"0": ["variables.input.file"]}`."""
    if files.keys() - places.keys():
        raise bad_input("map", "must name every file")
    for name, paths in places.items():
        if name not in files:
            raise bad_input("map", f"names {name!r}, which is not among the files")
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise bad_input("map", "must give a list of paths for each file")
        for path in paths:
            _place(operations, path, files[name])


def _place(operations: Any, path: str, file: UploadedFile) -> None:
    problem = bad_input("map", f"{path!r} is no null of the operations")
    *parents, last = path.split(".")
    target = operations
    for part in parents:
        target = _child(target, part, problem)
    if _child(target, last, problem) is not None:
        raise problem
    target[int(last) if isinstance(target, list) else last] = file


def _child(value: Any, part: str, problem: BadInput) -> Any:
    if isinstance(value, dict) and part in value:
        return value[part]
    if isinstance(value, list) and part.isdecimal() and len(part) < 6 and int(part) < len(value):
        return value[int(part)]
    raise problem
