"""One HTTP session for one API: retries, fresh tokens, errors in our words. Built on dlt's client; no dlt pipeline.

Nothing here logs or raises an address with credentials, a token, or what the API said about a row.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

import requests
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.rest_client.auth import AuthConfigBase, OAuth2ClientCredentials
from dlt.sources.rest_api.config_setup import create_auth
from requests.exceptions import ChunkedEncodingError, ConnectionError, ContentDecodingError, RequestException, Timeout

from customer360.extract import json_documents
from customer360.extract.protocol import SourceRefused, SourceUnavailable

_RETRIED_ERRORS = (ConnectionError, Timeout, ChunkedEncodingError, ContentDecodingError)
_RETRIED_STATUS = (408, 429, *range(500, 600))
_LIMIT_CODES = {"REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW", "QUERY_TIMEOUT"}
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one request is tried before the source counts as down. Seconds."""

    attempts: int = 4
    first_pause: float = 1.0  # doubled after each attempt
    longest_pause: float = 60.0  # also of a Retry-After
    connect_timeout: float = 10.0
    read_timeout: float = 120.0


class ApiError(Exception):
    """The API refused a request for a reason of its own. `message` may quote the request and is not for people's eyes."""

    def __init__(self, status: int, code: str | None, message: str) -> None:
        super().__init__(f"status {status}" + (f", {code}" if code else ""))
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A connection's URI taken apart: where the API is, and who we are."""

    origin: str  # scheme://host:port
    base_url: str
    user: str | None
    password: str | None
    refresh_token: str | None = None

    @classmethod
    def of(cls, uri: str, location: str, system: str) -> Address:
        """Raises SourceRefused, without the URI, if it is none."""
        try:
            parts = urlsplit(uri)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not host:
            raise SourceRefused(f"{system}: the connection is no address of the form https://client_id:client_secret@host")
        origin = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}" + (f":{port}" if port else "")
        return cls(
            origin=origin,
            base_url=origin + parts.path.rstrip("/") + ("/" + location.strip("/") if location.strip("/") else ""),
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            refresh_token=dict(parse_qsl(parts.query)).get("refresh_token"),
        )


def authentication(declared: Mapping[str, Any] | str | None, address: Address, system: str, patience: Patience) -> AuthConfigBase | None:
    """The dlt authentication object for a contract's `client.auth`, with the secrets of the connection."""
    if declared is None:
        return None
    config: dict[str, Any] = {"type": declared} if isinstance(declared, str) else dict(declared)
    kind = config.get("type", "bearer")
    secret = address.password or address.user
    if not secret:
        raise SourceRefused(f"{system}: the connection holds no credentials; write https://client_id:client_secret@host")
    if kind == "oauth2_client_credentials":
        config |= {
            "client_id": address.user,
            "client_secret": address.password or "",
            "access_token_url": urljoin(address.origin, str(config.get("access_token_url", "/oauth2/token"))),
            "session": _retrying(patience),
        }
    elif kind == "bearer":
        config["token"] = secret
    elif kind == "api_key":
        config["api_key"] = secret
    elif kind == "http_basic":
        config |= {"username": address.user or "", "password": address.password or ""}
    if kind == "oauth2_client_credentials" and address.refresh_token:
        data = {**config.get("access_token_request_data", {}), "grant_type": "refresh_token", "refresh_token": address.refresh_token}
        return RefreshedToken(**{key: value for key, value in config.items() if key != "type"} | {"access_token_request_data": data})
    auth: AuthConfigBase | None = create_auth(config)
    return auth


class RefreshedToken(OAuth2ClientCredentials):  # type: ignore[misc]  # dlt's types are skipped
    """OAuth 2 with a refresh token in place of the client's own standing. One that the server replaces is used from then on in this run."""

    def parse_access_token(self, response_json: Any) -> str:
        """The access token of an answer."""
        if replaced := response_json.get("refresh_token"):
            self.access_token_request_data["refresh_token"] = str(replaced)
        return str(super().parse_access_token(response_json))


def open_session(system: str, auth: AuthConfigBase | None, patience: Patience) -> requests.Session:
    """A session whose every answer is a good one: anything else raises SourceUnavailable, SourceRefused or ApiError.

    Cut connections, timeouts, 5xx and 429 are tried again with growing pauses, or as long as `Retry-After` says. An
    expired token is replaced once. Answers parse their JSON without rounding a number.
    """
    session = _retrying(patience)
    send = session.send

    def send_well(request: requests.PreparedRequest, **options: Any) -> requests.Response:
        try:
            response = send(request, **options)
            if response.status_code == 401 and isinstance(auth, OAuth2ClientCredentials):
                auth.access_token = None
                auth(request)
                response = send(request, **options)
        except RequestException as error:
            raise as_ours(system, error) from None
        _check(system, response)
        response.json = functools.cache(lambda **_: _page(system, response))  # type: ignore[method-assign]  # dlt asks twice
        return response

    session.send = send_well  # type: ignore[method-assign]  # as dlt itself wraps it for its retries
    return session


def sign_in(system: str, auth: AuthConfigBase | None) -> None:
    """Get the first token, so that refused credentials are told apart from a refused request."""
    if isinstance(auth, OAuth2ClientCredentials) and auth.access_token is None:
        try:
            auth.obtain_token()
        except RequestException as error:
            raise as_ours(system, error) from None


def _retrying(patience: Patience) -> requests.Session:
    client = Client(
        request_timeout=(patience.connect_timeout, patience.read_timeout),
        raise_for_status=False,
        status_codes=_RETRIED_STATUS,
        exceptions=_RETRIED_ERRORS,
        request_max_attempts=patience.attempts,
        request_backoff_factor=patience.first_pause,
        request_max_retry_delay=patience.longest_pause,
    )
    session: requests.Session = client.session
    return session


def as_ours(system: str, error: RequestException) -> SourceUnavailable | SourceRefused:
    """An error of the connection, or of the token's endpoint, in words that hold no address."""
    status = error.response.status_code if error.response is not None else None
    if status is not None and status < 500 and status not in (408, 429):
        return SourceRefused(f"{system}: the credentials of the connection were refused (status {status})")
    if status is not None:
        return SourceUnavailable(f"{system}: signing in failed with status {status}", retry_after=_retry_after(error.response))
    return SourceUnavailable(f"{system}: cannot be reached ({type(error).__name__})")


def origin_of(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port, the port written out."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _check(system: str, response: requests.Response) -> None:
    status = response.status_code
    if status < 400:
        return
    code, message = _complaint(response)
    if status == 401:
        raise SourceRefused(f"{system}: the credentials of the connection were refused (status 401)")
    if status in _RETRIED_STATUS or code in _LIMIT_CODES:
        raise SourceUnavailable(f"{system}: answered {status}" + (f", {code}" if code else ""), retry_after=_retry_after(response))
    raise ApiError(status, code, message)


def _complaint(response: requests.Response) -> tuple[str | None, str]:
    """Code and text of an error answer: `[{"errorCode": …, "message": …}]`, or an object with `code`/`error`, or neither."""
    try:
        body = json.loads(response.content)
    except ValueError:
        return None, ""
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, dict):
        return None, ""
    nested = first.get("error")
    said = nested if isinstance(nested, dict) else first
    code = next((said[key] for key in ("errorCode", "code", "error", "type") if isinstance(said.get(key), str)), None)
    return (code if code and _CODE.fullmatch(code) else None), str(said.get("message") or said.get("error_description") or "")


def _page(system: str, response: requests.Response) -> Any:
    try:
        return json_documents.parse_page(response.content)
    except json_documents.NotADocument:
        raise SourceUnavailable(f"{system}: answered {response.status_code} with something that is no JSON") from None


def _retry_after(response: requests.Response | None) -> float | None:
    header = response.headers.get("Retry-After", "") if response is not None else ""
    if header.isdigit():
        return float(Decimal(header))
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
