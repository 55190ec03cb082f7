"""A client for Home Assistant's HTTP API that also completes onboarding and logs in.

Decimal numbers in answers are parsed exactly, so that amounts can be compared.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from http.client import HTTPConnection
import json
import time
from typing import Any, Final
from urllib.parse import urlencode

HOST: Final = "127.0.0.1"
DOMAIN: Final = "llm_analytics"

_TOKEN_LASTS: Final = 20 * 60  # of the 30 minutes for which an access token is valid


class RequestError(Exception):
    """Home Assistant refused a request that must succeed; the message says which and why."""

    def __init__(self, message: str, code: str | None = None) -> None:
        """Keep the code that a websocket command was refused with."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an HTTP request; numbers with a decimal point are exact Decimals."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        """Return the body, parsed as JSON."""
        return json.loads(self.text, parse_float=Decimal)


class HomeAssistantClient:
    """A client with one user, for a Home Assistant that listens on a local port."""

    def __init__(
        self, port: int, *, username: str = "demo", password: str = "demo-household"
    ) -> None:
        """Initialize; nothing is sent yet."""
        self.port = port
        self.username = username
        self.password = password
        self._tokens: dict[str, Any] = {}
        self._tokens_until = 0.0

    @property
    def url(self) -> str:
        """Return the URL of the user interface, without a trailing slash."""
        return f"http://{HOST}:{self.port}"

    @property
    def client_id(self) -> str:
        """Return the client ID with which Home Assistant's user interface logs in."""
        return f"{self.url}/"

    # Authentication

    def sign_in(self) -> None:
        """Complete onboarding, which creates the user, or log in as the existing user."""
        steps = self.call("GET", "/api/onboarding", token=None)
        todo = []
        if steps.status == HTTPStatus.OK:  # the path no longer exists once every step is done
            todo = [step["step"] for step in steps.json if not step["done"]]
        if "user" in todo:
            account = {
                "client_id": self.client_id,
                "name": self.username.title(),
                "username": self.username,
                "password": self.password,
                "language": "en",
            }
            code = self._done("POST", "/api/onboarding/users", account, token=None)["auth_code"]
        else:
            code = self._log_in()
        self._fetch_tokens({"grant_type": "authorization_code", "code": code})
        for step in todo:
            if step != "user":
                answers = {"client_id": self.client_id, "redirect_uri": self.client_id}
                body = answers if step == "integration" else {}
                self._done("POST", f"/api/onboarding/{step}", body)

    def _log_in(self) -> str:
        client = {"client_id": self.client_id}
        handler = {"handler": ["homeassistant", None], "redirect_uri": self.client_id}
        flow = self._done("POST", "/auth/login_flow", client | handler, token=None)
        user = {"username": self.username, "password": self.password}
        path = f"/auth/login_flow/{flow['flow_id']}"
        answer = self._done("POST", path, client | user, token=None)
        if answer["type"] != "create_entry":
            raise RequestError(f"the log-in of {self.username} was refused: {answer.get('errors')}")
        return str(answer["result"])

    def _fetch_tokens(self, grant: dict[str, str]) -> None:
        form = urlencode(grant | {"client_id": self.client_id})
        answer = self._done("POST", "/auth/token", form, token=None)
        self._tokens |= answer
        self._tokens_until = time.monotonic() + _TOKEN_LASTS

    @property
    def token(self) -> str:
        """Return an access token that is valid for at least some minutes."""
        if time.monotonic() > self._tokens_until:
            refresh = str(self._tokens["refresh_token"])
            self._fetch_tokens({"grant_type": "refresh_token", "refresh_token": refresh})
        return str(self._tokens["access_token"])

    @property
    def browser_tokens(self) -> str:
        """Return what the user interface stores as ``hassTokens`` in the local storage."""
        return json.dumps(
            {
                "access_token": self.token,
                "refresh_token": self._tokens["refresh_token"],
                "token_type": "Bearer",
                "expires_in": int(self._tokens["expires_in"]),
                "hassUrl": self.url,
                "clientId": self.client_id,
                "expires": int((time.time() + _TOKEN_LASTS) * 1000),
            }
        )

    def lasting_token(self, name: str) -> str:
        """Return a new access token that is valid for ten years; its name must not be in use."""
        command = "auth/long_lived_access_token"
        return str(self.command(command, client_name=name, lifespan=3650))

    def command(self, command: str, **given: object) -> Any:
        """Return the result of a WebSocket command that must succeed."""
        with ThreadPoolExecutor(1) as apart:  # the caller may already run an event loop
            return apart.submit(
                lambda: asyncio.run(self._command({"id": 1, "type": command, **given}))
            ).result()

    async def _command(self, message: dict[str, object]) -> Any:
        from aiohttp import ClientSession  # noqa: PLC0415 - only needed here

        async with (
            ClientSession() as session,
            session.ws_connect(f"{self.url}/api/websocket", max_msg_size=0) as ws,
        ):
            await ws.receive_json()
            await ws.send_json({"type": "auth", "access_token": self.token})
            await ws.receive_json()
            await ws.send_json(message)
            answer = await ws.receive_json()
        if not answer["success"]:
            error = answer["error"]
            raise RequestError(f"{message['type']}: {error}", error["code"])
        return answer["result"]

    def set_up_integration(self) -> None:
        """Complete the config flow of the integration with all defaults, unless it is set up."""
        if self.get(f"/api/config/config_entries/entry?domain={DOMAIN}"):
            return
        flows = "/api/config/config_entries/flow"
        step = self._done("POST", flows, {"handler": DOMAIN})
        while step["type"] == "form" and not step.get("errors"):
            step = self._done("POST", f"{flows}/{step['flow_id']}", {})
        if step["type"] != "create_entry":
            raise RequestError(f"the integration could not be set up: {step}")

    def add_subentry(self, kind: str, *forms: dict[str, object]) -> None:
        """Add a subentry to the integration with its flow, given the input of each form."""
        (entry,) = self.get(f"/api/config/config_entries/entry?domain={DOMAIN}")
        flows = "/api/config/config_entries/subentries/flow"
        step = self._done("POST", flows, {"handler": [entry["entry_id"], kind]})
        for form in forms:
            step = self._done("POST", f"{flows}/{step['flow_id']}", form)
        if step["type"] != "create_entry":
            raise RequestError(f"the {kind} could not be added: {step}")
        self.until_loaded(kind)

    def subentries(self, kind: str) -> list[str]:
        """Return the titles of the integration's subentries of one kind."""
        (entry,) = self.get(f"/api/config/config_entries/entry?domain={DOMAIN}")
        every = self.command("config_entries/subentries/list", entry_id=entry["entry_id"])
        return [subentry["title"] for subentry in every if subentry["subentry_type"] == kind]

    def reload_integration(self) -> None:
        """Load the integration's entry anew, and return when it is loaded."""
        (entry,) = self.get(f"/api/config/config_entries/entry?domain={DOMAIN}")
        self.post(f"/api/config/config_entries/entry/{entry['entry_id']}/reload", {})

    def until_loaded(self, what: str) -> None:
        """Wait until the entry is loaded again after a change."""
        until = time.monotonic() + 60
        states: list[str] = []
        while states[-3:] != ["loaded"] * 3:  # the reload may not have started yet
            if time.monotonic() > until:
                raise RequestError(f"not loaded again with the {what}: {states[-1]}")
            time.sleep(0.3)
            (entry,) = self.get(f"/api/config/config_entries/entry?domain={DOMAIN}")
            states.append(entry["state"])

    # Requests

    def call(
        self, method: str, path: str, body: object = None, *, token: str | None = ""
    ) -> Answer:
        """Send a request and return its answer, whatever the status.

        ``body`` is sent as JSON, or as a form if it is a string. With ``token`` None no token is
        sent, with "" that of the client.
        """
        headers = {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token or self.token}"
        content = None
        if isinstance(body, str):
            content, headers["Content-Type"] = body, "application/x-www-form-urlencoded"
        elif body is not None:
            content, headers["Content-Type"] = json.dumps(body), "application/json"
        connection = HTTPConnection(HOST, self.port, timeout=60)
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            return Answer(response.status, response.read().decode())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """Return the JSON of a GET request that must succeed."""
        return self._done("GET", path)

    def post(self, path: str, body: object) -> Any:
        """Return the JSON of a POST request that must succeed."""
        return self._done("POST", path, body)

    def _done(self, method: str, path: str, body: object = None, *, token: str | None = "") -> Any:
        answer = self.call(method, path, body, token=token)
        if answer.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise RequestError(f"{method} {path}: {answer.status} {answer.text[:500]}")
        return answer.json
