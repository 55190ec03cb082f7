"""A disk that loses its current: what of a program's writes is still there afterwards.

What was written to a file before it was last forced to the disk is there. Of what was written
later anything may be: each sector of it or not, in any order, as a cache leaves it. The same holds
for names, which are on the disk once the folder was forced there: until then a file that was
removed may be there again, and a new one missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
import random

from .syscall_trace import Said, Step, Sync, SyncNames, Truncate, Unlink, Write

_SECTOR = 512


@dataclass
class _File:
    """One file of a name; a file of the same name made later is another."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write | Truncate] = field(default_factory=list)

    def do(self, step: Write | Truncate) -> None:
        self.pending.append(step)

    def sync(self) -> None:
        for step in self.pending:
            _apply(self.durable, step)
        self.pending.clear()

    def left(self, luck: random.Random) -> bytes:
        """Return what of it is on the disk."""
        found = bytearray(self.durable)
        share = luck.choice((0.0, 0.3, 0.7, 1.0))
        for step in self.pending:
            if isinstance(step, Truncate):
                if luck.random() < share:
                    _apply(found, step)
                continue
            for start in range(0, len(step.data), _SECTOR):
                if luck.random() < share:
                    data = step.data[start : start + _SECTOR]
                    _apply(found, Write(step.name, step.offset + start, data))
        return bytes(found)


def _apply(content: bytearray, step: Write | Truncate) -> None:
    if isinstance(step, Truncate):
        del content[step.size :]
        content.extend(bytes(step.size - len(content)))
        return
    content.extend(bytes(max(0, step.offset - len(content))))
    content[step.offset : step.offset + len(step.data)] = step.data


class Disk:
    """The files of one folder, as the steps of a program leave them."""

    def __init__(self) -> None:
        """Begin with an empty folder."""
        # By name: the file there is now, and the one that the disk still has; or none.
        self._now: dict[str, _File | None] = {}
        self._before: dict[str, _File | None] = {}

    def do(self, steps: Sequence[Step]) -> None:
        """Take some more steps."""
        for step in steps:
            match step:
                case Write() | Truncate():
                    self._file(step.name).do(step)
                case Sync():
                    self._file(step.name).sync()
                case SyncNames():
                    self._before.clear()
                case Unlink():
                    self._before.setdefault(step.name, self._now.get(step.name))
                    self._now[step.name] = None
                case Said():
                    pass

    def _file(self, name: str) -> _File:
        file = self._now.get(name)
        if file is None:
            file = self._now[name] = _File()
            self._before.setdefault(name, None)
        return file

    def cut(self, folder: Path, luck: random.Random) -> None:
        """Write into a folder what is left when the current goes now."""
        for name, now in self._now.items():
            file = luck.choice((now, self._before[name])) if name in self._before else now
            if file is not None:
                (folder / name).write_bytes(file.left(luck))
