"""The program of ``scripts/develop``: runs a Home Assistant with a sample household."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus
import json
from pathlib import Path
import shutil
import signal
import sys
import time
from zoneinfo import ZoneInfo

from scripts.home_assistant_client import DOMAIN, RequestError
from scripts.real_home_assistant import REPOSITORY, RealHomeAssistant, StartError
from scripts.sample_dashboard import add_dashboard, make_first_page, statistics_appear
from scripts.sample_household import first_day, sample_household

SEED = 1
BATCH = 1_000
LAST_PORT = 65_535
RESTART = 100  # exit code with which Home Assistant requests a restart
API = f"/api/{DOMAIN}"


def main() -> int:
    """Run the program and return its exit code."""
    options = _options()
    home = RealHomeAssistant(options.config, port=options.port, say=say)
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C; SIGHUP: terminal closed
        signal.signal(number, _interrupt)
    try:
        if options.reset:
            _reset(home)
        while _run(home, sample=options.sample) == RESTART:
            say("Home Assistant asked for a restart")
    except (OSError, RequestError, StartError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopping Home Assistant")
        home.stop()
        say("stopped")
    finally:
        home.stop()  # also if printing fails because the terminal is closed
    return 0


def say(text: str) -> None:
    """Print a message immediately."""
    print(f"[develop] {text}", flush=True)


def _options() -> Namespace:
    parser = ArgumentParser(prog="scripts/develop", add_help=False)
    parser.add_argument("--port", type=_port, default=8123)
    parser.add_argument("--no-sample", dest="sample", action="store_false")
    parser.add_argument("--reset", action="store_true")
    parser.add_argument("--config", type=Path, default=REPOSITORY / "config")
    options = parser.parse_args()
    options.config = options.config.resolve()
    if options.config.exists() and not options.config.is_dir():
        parser.error(f"argument --config: {options.config} is not a folder")
    return options


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= LAST_PORT:
        raise ArgumentTypeError(f"not a port from 1 to {LAST_PORT}: {text!r}")
    return int(text)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _reset(home: RealHomeAssistant) -> None:
    if home.in_use():
        raise StartError(f"another Home Assistant runs in {home.folder}")
    if home.folder.exists():
        say(f"removing {home.folder}")
        shutil.rmtree(home.folder)


def _run(home: RealHomeAssistant, *, sample: bool) -> int:
    """Start Home Assistant, fill it, show it, and return its exit code once it ends."""
    started = time.monotonic()
    say("starting Home Assistant (its first start here installs packages: a minute or two)")
    home.start()
    say(f"Home Assistant is ready after {time.monotonic() - started:.0f} s")
    if sample:
        _fill(home)
    _show(home)
    assert home.process is not None
    code = home.process.wait()
    say(f"Home Assistant ended with exit code {code}")
    return code


def _fill(home: RealHomeAssistant) -> None:
    """Add the dashboard and what the sample household did, so that it shows all of it."""
    if is_new := add_dashboard(home):
        say("added the dashboard of docs/dashboard.yaml and the budget it shows")
    make_first_page(home)
    if _record_sample(home):
        home.reload_integration()  # which writes the statistics of earlier hours at once
    if is_new and not statistics_appear(home):
        say("its charts are empty: the long-term statistics are not written yet")


@dataclass(slots=True)
class _Progress:
    """How far the sample household is recorded, kept in the configuration folder."""

    path: Path
    first: date
    until: datetime | None = None

    @classmethod
    def load(cls, folder: Path, now: datetime, zone: ZoneInfo) -> _Progress:
        path = folder / "sample_household.json"
        if not path.exists():
            return cls(path, first_day(now, zone))
        stored = json.loads(path.read_text(encoding="utf-8"))
        until = stored["until"]
        return cls(
            path,
            date.fromisoformat(stored["first"]),
            datetime.fromisoformat(until) if until else None,
        )

    def save(self) -> None:
        until = self.until.isoformat() if self.until else None
        text = json.dumps({"first": self.first.isoformat(), "until": until})
        self.path.write_text(text, encoding="utf-8")


def _record_sample(home: RealHomeAssistant) -> int:
    """Record the requests of the sample household since the last run; return how many are new."""
    zone = ZoneInfo(home.get("/api/config")["time_zone"])
    now = datetime.now(UTC)
    progress = _Progress.load(home.folder, now, zone)
    progress.save()
    since = progress.until.astimezone(zone).date() if progress.until else None
    events = [
        event
        for event in sample_household(SEED, now, zone, first=progress.first, since=since)
        # The last one is sent again, because another may have the same timestamp.
        if not progress.until or datetime.fromisoformat(str(event["timestamp"])) >= progress.until
    ]
    say(f"recording the sample household from {progress.until or progress.first} to now")
    new = 0
    for start in range(0, len(events), BATCH):
        batch = events[start : start + BATCH]
        new += home.post(f"{API}/usage", {"events": batch})["recorded"]
        progress.until = datetime.fromisoformat(str(batch[-1]["timestamp"]))
        progress.save()
        say(f"recorded {start + len(batch):,} of {len(events):,} requests ({new:,} of them new)")
    return new


def _lasting_token(home: RealHomeAssistant) -> str:
    """Return the access token of an earlier start, or a new one."""
    path = home.folder / ".develop-token"
    if path.exists():
        token = path.read_text(encoding="utf-8")
        if home.call("GET", "/api/", token=token).status == HTTPStatus.OK:
            return token
    token = home.lasting_token(f"scripts/develop {datetime.now(UTC):%Y-%m-%d %H:%M:%S}")
    path.touch(mode=0o600)
    path.write_text(token, encoding="utf-8")
    return token


def _show(home: RealHomeAssistant) -> None:
    """Print how to log in, and a summary of the usage."""
    token = _lasting_token(home)
    summary = home.get(f"{API}/summary")
    print(f"""
  Home Assistant   {home.url}
  user, password   {home.username}, {home.password}
  configuration    {home.folder}
  log              {home.log_file}

  curl -H 'Authorization: Bearer {token}' {home.url}{API}/summary
""")
    print(f"  {'':10}{'requests':>10}{'tokens':>14}{'cost (USD)':>14}{'unpriced':>10}")
    for period in ("today", "week", "month"):
        row = summary[period]
        print(
            f"  {period:10}{row['requests']:>10,}{row['tokens']:>14,}"
            f"{row['cost_estimate']:>14,.4f}{row['unpriced_requests']:>10,}"
        )
    print(
        "\n  Ctrl-C ends Home Assistant; start again and everything is still there.\n", flush=True
    )


if __name__ == "__main__":
    sys.exit(main())
