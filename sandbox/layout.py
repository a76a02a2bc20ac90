"""Where the sandbox keeps its state: everything below `$C360_HOME/sandbox`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders and files of one sandbox below a platform home."""

    home: Path

    @property
    def root(self) -> Path:
        """The sandbox's own folder."""
        return self.home / "sandbox"

    @property
    def world(self) -> Path:
        """SQLite: persons, records, CRM tables, subscribers, faults, alert messages."""
        return self.root / "world.sqlite"

    @property
    def shop(self) -> Path:
        """Data directory of the shop's PostgreSQL cluster."""
        return self.root / "shop"

    @property
    def web(self) -> Path:
        """Object folder of the web collector; event files lie in `events/`."""
        return self.root / "web"

    @property
    def email(self) -> Path:
        """Export folder of the mail tool: `subscribers/`, `engagement/`."""
        return self.root / "email"

    @property
    def marketing(self) -> Path:
        """Marketing's bucket, as a folder: `leads/`, `campaigns/`, `responses/`, `social/`."""
        return self.root / "marketing"

    @property
    def surveys(self) -> Path:
        """What the survey tool's SFTP server shows: `respondents/`, `answers/`."""
        return self.root / "surveys"

    @property
    def sftp_key(self) -> Path:
        """The SFTP server's private key."""
        return self.root / "sftp_host_key"

    @property
    def bus_log(self) -> Path:
        """What the warehouses' broker says."""
        return self.root / "bus.log"

    @property
    def truth(self) -> Path:
        """The truth file."""
        return self.root / "truth" / "records.csv"

    @property
    def mails(self) -> Path:
        """Mails the SMTP sink received, one .eml each."""
        return self.root / "mails"

    @property
    def slack(self) -> Path:
        """Messages the Slack endpoint received, one JSON line each."""
        return self.root / "slack.jsonl"

    @property
    def processes(self) -> Path:
        """Records of the processes we started."""
        return self.root / "processes"

    @property
    def log(self) -> Path:
        """What the sandbox server says."""
        return self.root / "server.log"
