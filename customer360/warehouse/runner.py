"""How the embedded server's programs are run. PostgreSQL refuses to run as root, so root needs an ordinary user for it:

- `DirectRunner`: we are an ordinary user already.
- `NamespaceRunner`: root, where user namespaces are allowed. Inside the namespace our own user has an ordinary number; outside nothing
  changes, so binaries and data may lie anywhere root may go.
- `UserRunner`: root elsewhere (many containers). The programs run as an ordinary user of the system. What that user cannot reach (a
  checkout below /root) is kept in /var/lib/customer360 instead; permissions of existing folders are never widened.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import IO

from customer360.errors import UserError

_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}  # nothing of the caller's PG* variables
_PREFERRED_USERS = ("postgres", "daemon", "nobody")
_REACHABLE = Path("/var/lib/customer360")


class RunnerError(UserError):
    """No way was found to run the embedded server."""


class DirectRunner:
    """Runs the programs as the calling user."""

    def __init__(self, binaries: Path) -> None:
        self.binaries = binaries
        self.scratch: Path | None = None  # where files for the programs go; None: the system's folder

    def run(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        """Run a program to its end."""
        return subprocess.run([*self._prefix(), *command], env=_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, check=False)

    def spawn(self, command: list[str], *, cwd: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a server that outlives the caller; its process id is that of the program itself."""
        return subprocess.Popen(
            [*self._prefix(), *command], env=_ENVIRONMENT, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def place(self, folder: Path) -> Path:
        """Where the new data folder is to be made."""
        return folder

    def publish(self, fresh: Path, target: Path) -> None:
        """Let a finished data folder appear at `target`, at once."""
        fresh.rename(target)

    def own(self, path: Path) -> None:
        """Let the programs read a file that the caller wrote."""

    def remove(self, folder: Path) -> None:
        """Remove a half-made data folder."""
        shutil.rmtree(folder, ignore_errors=True)

    def _prefix(self) -> list[str]:
        return []


class NamespaceRunner(DirectRunner):
    """Runs the programs in a user namespace in which root has an ordinary user's number."""

    def _prefix(self) -> list[str]:
        return _namespace_command(ordinary_user())


class UserRunner(DirectRunner):
    """Runs the programs as another user of the system."""

    def __init__(self, binaries: Path, user: pwd.struct_passwd) -> None:
        super().__init__(_reachable_copy(binaries, user))
        self._user = user
        self.scratch = Path("/var/tmp")  # noqa: S108  # mkstemp makes names of its own there, mode 0600

    def run(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        """Run a program to its end."""
        return subprocess.run(
            command, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd="/",
            user=self._user.pw_uid, group=self._user.pw_gid, extra_groups=[],
        )  # fmt: skip

    def spawn(self, command: list[str], *, cwd: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a server that outlives the caller."""
        return subprocess.Popen(
            command, env=_ENVIRONMENT, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            user=self._user.pw_uid, group=self._user.pw_gid, extra_groups=[],
        )  # fmt: skip

    def place(self, folder: Path) -> Path:
        """The folder itself where the user can reach it, else a new one that it can."""
        if not _can_reach(folder.parent, self._user):
            _REACHABLE.mkdir(mode=0o755, exist_ok=True)
            folder = _REACHABLE / f"{folder.name.strip('.')}-{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        return folder

    def publish(self, fresh: Path, target: Path) -> None:
        """Rename it, or link to it from `target` when it is elsewhere."""
        if fresh.parent == target.parent:
            fresh.rename(target)
        else:
            target.unlink(missing_ok=True)
            target.symlink_to(fresh, target_is_directory=True)

    def own(self, path: Path) -> None:
        """Give the file to the user."""
        os.chown(path, self._user.pw_uid, self._user.pw_gid)


Runner = DirectRunner


def choose_runner(binaries: Path, folder: Path) -> Runner:
    """The way to run the programs here, for data at or below `folder`.

    A data folder stays with the way it was made: one that belongs to another user is run as that user.
    """
    if os.geteuid() != 0:
        return DirectRunner(binaries)
    owner = folder.stat().st_uid if (folder / "PG_VERSION").exists() else 0
    if owner != 0:
        return UserRunner(binaries, pwd.getpwuid(owner))
    if namespaces_work():
        return NamespaceRunner(binaries)
    if (folder / "PG_VERSION").exists():
        raise RunnerError(f"{folder} belongs to root and user namespaces are not allowed here; give it to an ordinary user with chown -R")
    return UserRunner(binaries, ordinary_user())


@functools.cache
def ordinary_user() -> pwd.struct_passwd:
    """The user that a root caller's server runs as. Raises RunnerError when the system knows none but root."""
    for name in _PREFERRED_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    for entry in pwd.getpwall():
        if entry.pw_uid != 0:
            return entry
    raise RunnerError("PostgreSQL does not run as root and there is no other user here; add one, or run as another user")


@functools.cache
def namespaces_work() -> bool:
    """Whether root may make user namespaces here."""
    if shutil.which("unshare") is None:
        return False
    probe = subprocess.run([*_namespace_command(ordinary_user()), "id", "-u"], capture_output=True, check=False, env=_ENVIRONMENT)
    return probe.returncode == 0 and probe.stdout.strip() == str(ordinary_user().pw_uid).encode()


def _namespace_command(user: pwd.struct_passwd) -> list[str]:
    return ["unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}", "--"]


def _can_reach(folder: Path, user: pwd.struct_passwd) -> bool:
    """Whether the user may go to the folder: every folder on the way is open to it."""
    probe = subprocess.run(
        ["test", "-x", str(folder)], check=False, cwd="/", user=user.pw_uid, group=user.pw_gid, extra_groups=[], env=_ENVIRONMENT
    )
    return probe.returncode == 0


def _reachable_copy(binaries: Path, user: pwd.struct_passwd) -> Path:
    """The programs, copied once to where the user can run them if it cannot run them where they are."""
    if _can_reach(binaries / "postgres", user) and _can_reach(binaries, user):
        return binaries
    install = binaries.parent
    stamp = (binaries / "postgres").stat()
    target = _REACHABLE / f"{install.name}-{stamp.st_size:x}-{int(stamp.st_mtime):x}"
    if not target.exists():
        _REACHABLE.mkdir(mode=0o755, exist_ok=True)
        fresh = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
        shutil.copytree(install, fresh, symlinks=True, ignore=shutil.ignore_patterns("include"))
        fresh.chmod(0o755)
        try:
            fresh.rename(target)
        except OSError:  # another process was quicker
            shutil.rmtree(fresh, ignore_errors=True)
    return target / "bin"
