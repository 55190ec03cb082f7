"""Processes that are started quickly, heard, and killed."""

from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
import time
from typing import Any

import pytest_socket

# A fork of a process that has imported everything starts at once, and is a process all the same.
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.faults.workloads"])


class Victim:
    """A process that is killed, and all that it told until then."""

    def __init__(self, target: Any, *arguments: Any) -> None:
        # The sockets by which processes of one machine find each other; tests may have no others.
        pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
        self.pipe, told = PROCESSES.Pipe(duplex=False)
        self.process = PROCESSES.Process(target=target, args=(*arguments, told))
        self.process.start()
        told.close()

    def killed(self, *, after: int, pause: float) -> Iterator[tuple[Any, ...]]:
        """Yield what is told; kill it some seconds after it has told so much."""
        count = 0
        pipe: Connection = self.pipe
        try:
            while True:
                try:
                    told = pipe.recv()
                except EOFError:
                    break
                yield told
                count += 1
                if count == after:
                    time.sleep(pause)
                    self.process.kill()  # what is in the pipe still comes
        finally:
            self.process.kill()
            self.process.join()
            pipe.close()
        assert self.process.exitcode == -9, "it ended by itself"

    def heard(self) -> list[tuple[Any, ...]]:
        """Return all that is told by one that is left to end by itself."""
        told = []
        with suppress(EOFError):
            while True:
                told.append(self.pipe.recv())
        self.process.join()
        self.pipe.close()
        assert self.process.exitcode == 0
        return told
