"""What a process writes, what it makes durable and what it says, in the order in which it does.

A program is run as a debugger would run it (``ptrace``, by ``ctypes``: nothing has to be
installed), which stops it at every call to the system. Kept are the writes to files of one folder,
when they were forced to the disk, and what was written to the standard output.
"""

import ctypes
from dataclasses import dataclass
import os
from pathlib import Path
import pickle
import platform
import signal
import subprocess
import sys
import tempfile
from typing import Final

_TRACEME, _SETOPTIONS, _SYSCALL, _GET_SYSCALL_INFO = 0, 0x4200, 24, 0x420E
# Mark stops at system calls; follow threads, processes and programs; end all with the tracer.
_OPTIONS: Final = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x100000
_WALL: Final = 0x40000000
_STOP_AT_CALL: Final = signal.SIGTRAP | 0x80
_ENTRY, _EXIT = 1, 2
_MAIN: Final = "import sys; from tests.faults.syscall_trace import main; sys.exit(main())"
_REPOSITORY: Final = Path(__file__).parents[2]

# The numbers of the calls, which differ from machine to machine.
CALLS: Final[dict[str, dict[int, str]]] = {
    "x86_64": {
        1: "write", 18: "pwrite", 74: "sync", 75: "sync", 77: "truncate", 87: "unlink",
        263: "unlinkat",
    },
    "aarch64": {
        64: "write", 68: "pwrite", 82: "sync", 83: "sync", 46: "truncate", 35: "unlinkat",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes written at a place of a file."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file made shorter or longer."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Unlink:
    """A file removed."""

    name: str


@dataclass(frozen=True, slots=True)
class Sync:
    """Everything written to a file so far is on the disk."""

    name: str


@dataclass(frozen=True, slots=True)
class SyncNames:
    """The folder is on the disk: which names there are, and which are no more."""


@dataclass(frozen=True, slots=True)
class Said:
    """Written to the standard output."""

    text: str


type Step = Write | Truncate | Unlink | Sync | SyncNames | Said


class _CallInfo(ctypes.Structure):
    """``struct ptrace_syscall_info`` of the kernel; ``first`` is the number or the answer."""

    _fields_ = (
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("stack", ctypes.c_uint64),
        ("first", ctypes.c_int64),
        ("arguments", ctypes.c_int64 * 6),
        ("more", ctypes.c_uint64),
    )


_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


def _ptrace(request: int, pid: int, address: object = None, data: object = None) -> int:
    answer: int = _libc.ptrace(request, pid, address, data)
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


class Tracer:
    """One program on its way, and the steps that it took."""

    def __init__(self, folder: Path) -> None:
        """Watch the files of one folder."""
        self.folder = folder.resolve()
        self.steps: list[Step] = []
        self._calls = CALLS[platform.machine()]
        self._begun: dict[int, tuple[str, list[int]]] = {}

    def run(self, program: list[str]) -> int:
        """Run a program to its end and return its exit code."""
        child = os.fork()
        if not child:
            _ptrace(_TRACEME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            os.execv(program[0], program)
        os.waitpid(child, 0)
        _ptrace(_SETOPTIONS, child, None, _OPTIONS)
        _ptrace(_SYSCALL, child)
        known = {child}
        while True:
            thread, status = os.waitpid(-1, _WALL)
            if not os.WIFSTOPPED(status):
                if thread == child:
                    return os.waitstatus_to_exitcode(status)
                continue
            stopped_by, passed_on = os.WSTOPSIG(status), 0
            if stopped_by == _STOP_AT_CALL:
                self._at_call(thread)
            elif status >> 16 == 0 and not (stopped_by == signal.SIGSTOP and thread not in known):
                passed_on = stopped_by  # a signal of its own
            known.add(thread)
            try:
                _ptrace(_SYSCALL, thread, None, passed_on)
            except ProcessLookupError:
                continue  # it was killed while it stood

    def _at_call(self, thread: int) -> None:
        info = _CallInfo()
        _ptrace(_GET_SYSCALL_INFO, thread, ctypes.sizeof(info), ctypes.byref(info))
        if info.op == _ENTRY:
            call = self._calls.get(info.first)
            if call is not None:
                self._begun[thread] = call, list(info.arguments)
                if call in {"unlink", "unlinkat"}:
                    self._ended(thread, *self._begun.pop(thread), 0)  # its name is gone afterwards
        elif info.op == _EXIT and thread in self._begun and info.first >= 0:
            self._ended(thread, *self._begun.pop(thread), info.first)

    def _ended(self, thread: int, call: str, arguments: list[int], answer: int) -> None:
        if call in {"unlink", "unlinkat"}:
            path = Path(os.fsdecode(_text(thread, arguments[call == "unlinkat"])))
            if path.parent == self.folder and path.exists():
                self.steps.append(Unlink(path.name))
            return
        place = Path(f"/proc/{thread}/fd/{arguments[0]}")
        if call == "write" and arguments[0] == 1:
            self.steps.append(Said(_memory(thread, arguments[1], answer).decode()))
            return
        path = place.readlink()
        if call == "sync" and path == self.folder:
            self.steps.append(SyncNames())
        if path.parent != self.folder or path.name.endswith("-shm"):
            return
        match call:
            case "sync":
                self.steps.append(Sync(path.name))
            case "truncate":
                self.steps.append(Truncate(path.name, arguments[1]))
            case _:
                offset = arguments[3] if call == "pwrite" else _position(thread, arguments[0])
                data = _memory(thread, arguments[1], answer)
                offset -= 0 if call == "pwrite" else answer
                self.steps.append(Write(path.name, offset, data))


def _memory(thread: int, address: int, size: int) -> bytes:
    with Path(f"/proc/{thread}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(size)


def _text(thread: int, address: int) -> bytes:
    size = 4096 - address % 4096  # not beyond a page that may be the last
    text = _memory(thread, address, size)
    if b"\0" not in text:
        text += _memory(thread, address + size, 4096)
    return text.partition(b"\0")[0]


def _position(thread: int, descriptor: int) -> int:
    first = Path(f"/proc/{thread}/fdinfo/{descriptor}").read_text(encoding="ascii").split()
    return int(first[1])


def record(folder: Path, program: list[str]) -> list[Step]:
    """Run a program to its end, in a process of its own, and return what it did.

    The threads of the process that calls this are left alone: who traces waits for every child.
    """
    with tempfile.NamedTemporaryFile() as kept:
        arguments = [str(folder), kept.name, *program]
        subprocess.run([sys.executable, "-c", _MAIN, *arguments], check=True, cwd=_REPOSITORY)
        steps: list[Step] = pickle.loads(Path(kept.name).read_bytes())
        return steps


def main() -> int:
    """Run a program and keep what it did: FOLDER RECORDING PROGRAM [ARGUMENT...]."""
    folder, recording, *program = sys.argv[1:]
    tracer = Tracer(Path(folder))
    code = tracer.run(program)
    Path(recording).write_bytes(pickle.dumps(tracer.steps))
    return code
