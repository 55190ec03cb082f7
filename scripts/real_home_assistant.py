"""A real Home Assistant on this machine: prepared, started, signed in to, stopped.

``scripts/develop`` and the end-to-end tests start Home Assistant with this one class, so what the
tests see is what a developer sees. It listens on 127.0.0.1 only, keeps everything in one folder
and asks nothing of the network beyond the packages that Home Assistant installs for itself.
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
    """Return a port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


class RealHomeAssistant(HomeAssistantClient):
    """One Home Assistant with its configuration folder; also the client that talks to it."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        time_zone: str = "Europe/Berlin",
        say: Callable[[str], None] = lambda _: None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Describe it; nothing is written or started yet."""
        super().__init__(port)
        self.folder = folder
        self.time_zone = time_zone
        self.say = say
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log_file(self) -> Path:
        """Return where everything goes that Home Assistant prints."""
        return self.folder / "output.log"

    # Starting and stopping

    def __enter__(self) -> Self:
        """Start it and get it ready."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def in_use(self) -> bool:
        """Tell whether a Home Assistant runs in the folder now, whoever started it."""
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
        """Write the configuration, and link the integration in; what is there is kept."""
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
        # The address to listen on is no longer read from the YAML configuration. The store's
        # first format has only what is set here; Home Assistant migrates it as it starts.
        http = {"server_host": [HOST], "server_port": self.port}
        (storage / "http").write_text(_stored("http", 1, http), encoding="utf-8")
        onboarding = storage / "onboarding"
        if not onboarding.exists():
            # This step of the onboarding would set up a weather service, radio stations and the
            # like, which ask the internet.
            onboarding.write_text(
                _stored("onboarding", 4, {"done": ["core_config"]}), encoding="utf-8"
            )

    def start(self, seconds: float = 300) -> None:
        """Start it, sign in, set the integration up.

        The first start on a machine installs Home Assistant's own packages, which takes minutes;
        later ones take seconds. Raises StartError if that fails or takes longer than ``seconds``.
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
                # -P: what it finds is in its configuration folder, not where it was started.
                [PYTHON, "-P", "-m", "homeassistant", "--config", self.folder],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Tools installed beside this Python (uv) are found by Home Assistant's installer.
                env=os.environ
                | dict(self.environment)
                | {
                    "SETUP_PORT": str(self.port),
                    "PATH": f"{PYTHON.parent}{os.pathsep}{os.environ.get('PATH', '')}",
                    "PYTHONPATH": "",
                    "VIRTUAL_ENV": str(PYTHON.parent.parent),
                },
                # Ctrl-C in a terminal is for the program that started it, which then ends it.
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
        """End it as a service manager does (SIGTERM), and return its exit code."""
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
        """End it at once (SIGKILL), as a power cut would."""
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
            if now - said > 10:  # noqa: PLR2004 - seconds without a word
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
        """Return the end of what Home Assistant printed."""
        text = self.log_file.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])


def _stored(key: str, version: int, data: object) -> str:
    return json.dumps({"version": version, "minor_version": 1, "key": key, "data": data})
