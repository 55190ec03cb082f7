"""A real Home Assistant on this machine: prepare it, start it, log in, stop it.

``scripts/develop`` and the end-to-end tests start Home Assistant with the same class, so the tests
have the environment of a developer. It listens on 127.0.0.1 only, keeps everything in one folder,
and uses the network only for the packages that Home Assistant installs for itself.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
import fcntl
from http import HTTPStatus
from http.client import HTTPException
import json
import os
from pathlib import Path
import signal
import socket
import subprocess
import time
from types import MappingProxyType
from typing import Final, Self

from scripts.home_assistant_client import DOMAIN, HOST, HomeAssistantClient

REPOSITORY: Final = Path(__file__).resolve().parent.parent
PYTHON: Final = REPOSITORY / ".venv-develop" / "bin" / "python"

_CONFIGURATION: Final = """\
homeassistant:
  name: Sample household
  time_zone: {time_zone}
  country: DE
  currency: EUR
  unit_system: metric
config:
frontend:
history:
logbook:
recorder:
logger:
  default: warning
  logs:
    custom_components.{domain}: info
    # What is not installed here and not needed: ffmpeg, libturbojpeg.
    haffmpeg: critical
    homeassistant.components.camera.img_util: critical
"""


class StartError(Exception):
    """Home Assistant did not start; the message says why."""


def free_port() -> int:
    """Return a local port that is not in use."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Return whether a server could listen on a port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


class RealHomeAssistant(HomeAssistantClient):
    """A Home Assistant with its configuration folder, and the client for it."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        time_zone: str = "Europe/Berlin",
        say: Callable[[str], None] = lambda _: None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Initialize; nothing is written or started yet."""
        super().__init__(port)
        self.folder = folder
        self.time_zone = time_zone
        self.say = say
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log_file(self) -> Path:
        """Return the path of the output of Home Assistant."""
        return self.folder / "output.log"

    # Start and stop

    def __enter__(self) -> Self:
        """Start Home Assistant and wait until it is ready."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop Home Assistant."""
        self.stop()

    def in_use(self) -> bool:
        """Return whether a Home Assistant runs in the folder, regardless of who started it."""
        lock = self.folder / ".ha_run.lock"
        if not lock.exists():
            return False
        with lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    def prepare(self) -> None:
        """Write the configuration and link the integration; an existing configuration is kept."""
        storage = self.folder / ".storage"
        storage.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "configuration.yaml"
        if not configuration.exists():
            configuration.write_text(
                _CONFIGURATION.format(time_zone=self.time_zone, domain=DOMAIN), encoding="utf-8"
            )
        components = self.folder / "custom_components"
        components.mkdir(exist_ok=True)
        link = components / DOMAIN
        if not link.is_symlink() or not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(REPOSITORY / "custom_components" / DOMAIN)
        # The server address is no longer read from the YAML configuration. Version 1 of the store
        # has only these keys; Home Assistant migrates it at startup.
        http = {"server_host": [HOST], "server_port": self.port}
        (storage / "http").write_text(_stored("http", 1, http), encoding="utf-8")
        onboarding = storage / "onboarding"
        if not onboarding.exists():
            # This onboarding step would set up integrations that use the internet, such as those
            # for the weather and for radio stations.
            onboarding.write_text(
                _stored("onboarding", 4, {"done": ["core_config"]}), encoding="utf-8"
            )

    def start(self, seconds: float = 300) -> None:
        """Start Home Assistant, log in and set up the integration.

        The first start on a machine installs Home Assistant's own packages, which takes minutes;
        later starts take seconds. Raises StartError after a failure or after ``seconds``.
        """
        if not PYTHON.exists():
            raise StartError(f"{PYTHON.parent.parent.name} is missing: run scripts/setup develop")
        if not is_free(self.port):
            raise StartError(f"something else listens on {HOST}:{self.port}")
        if self.in_use():
            raise StartError(f"another Home Assistant runs in {self.folder}")
        until = time.monotonic() + seconds
        self.prepare()
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(
                # -P: import from its configuration folder, not from the current folder.
                [PYTHON, "-P", "-m", "homeassistant", "--config", self.folder],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # PATH: Home Assistant's installer finds the tools of this environment (uv).
                env=os.environ
                | dict(self.environment)
                | {
                    "SETUP_PORT": str(self.port),
                    "PATH": f"{PYTHON.parent}{os.pathsep}{os.environ.get('PATH', '')}",
                    "PYTHONPATH": "",
                    "VIRTUAL_ENV": str(PYTHON.parent.parent),
                },
                # Ctrl-C only reaches the program that started it, which then stops it.
                start_new_session=True,
            )
        try:
            self._wait("Home Assistant answers", until, self._answers)
            self.sign_in()
            self._wait("everything is set up", until, self._is_running)
            self.set_up_integration()
        except BaseException:
            self.kill()
            raise

    def stop(self, seconds: float = 60) -> int | None:
        """Stop it as a service manager does (SIGTERM), and return its exit code."""
        if self.process is None:
            return None
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.say(f"Home Assistant did not stop within {seconds:.0f} s; ending it the hard way")
            self.kill()
            return None
        finally:
            self.process = None

    def kill(self) -> None:
        """Kill it immediately (SIGKILL), as a power failure would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _wait(self, what: str, until: float, ready: Callable[[], bool]) -> None:
        started = said = time.monotonic()
        while not ready():
            now = time.monotonic()
            if self.process is None or self.process.poll() is not None:
                raise StartError(f"Home Assistant ended while starting:\n{self.log_tail()}")
            if now > until:
                raise StartError(f"waited in vain until {what}:\n{self.log_tail()}")
            if now - said > 10:  # noqa: PLR2004 - seconds without a message
                said = now
                self.say(f"waiting until {what} ({now - started:.0f} s so far)")
            time.sleep(0.1)

    def _answers(self) -> bool:
        with suppress(OSError, HTTPException):
            return self.call("GET", "/manifest.json", token=None).status == HTTPStatus.OK
        return False

    def _is_running(self) -> bool:
        return bool(self.get("/api/config")["state"] == "RUNNING")

    def log_tail(self, lines: int = 40) -> str:
        """Return the last lines of the output of Home Assistant."""
        text = self.log_file.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])


def _stored(key: str, version: int, data: object) -> str:
    return json.dumps({"version": version, "minor_version": 1, "key": key, "data": data})
