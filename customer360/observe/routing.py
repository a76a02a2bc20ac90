"""Which channel hears of what, and how often: `alerts.yaml`, strictly read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from customer360.errors import UserError

FILE = "alerts.yaml"
Channel = Literal["slack", "mail"]


class RoutingError(UserError):
    """alerts.yaml cannot be used; the message names the field and the fix."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Channels(_Strict):
    """Channels by severity; an empty list tells nobody."""

    critical: tuple[Channel, ...] = ("slack", "mail")
    warning: tuple[Channel, ...] = ("slack",)


class Routing(_Strict):
    """All of alerts.yaml; what it leaves out has these values."""

    channels: Channels = Channels()
    together_minutes: Annotated[float, Field(ge=0, le=24 * 60)] = 5
    remind_after_hours: Annotated[float, Field(ge=0)] = 24

    @property
    def together(self) -> timedelta:
        """How long incidents of one cause wait for each other after a notice."""
        return timedelta(minutes=self.together_minutes)

    @property
    def remind_after(self) -> timedelta | None:
        """After how long an open critical incident is told again; None for never."""
        return timedelta(hours=self.remind_after_hours) if self.remind_after_hours else None

    def severities(self, channel: str) -> list[str]:
        """What a channel hears of. A channel this file does not know hears of everything."""
        given: Mapping[str, tuple[str, ...]] = {"critical": self.channels.critical, "warning": self.channels.warning}
        is_known = channel in ("slack", "mail")
        return [severity for severity, channels in given.items() if channel in channels or not is_known]


def read_routing(path: Path) -> Routing:
    """The settings at `path`; the defaults where there is no such file. Raises RoutingError."""
    try:
        given: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Routing()
    except (OSError, yaml.YAMLError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise RoutingError(f"{path.name}{line}: cannot be read as YAML; mend it, or take the file away to have the defaults") from None
    try:
        return Routing.model_validate(given or {})
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg'].lower()}" for one in error.errors())
        raise RoutingError(
            f"{path.name}: {told}. Known are channels (critical, warning: lists of slack and mail), together_minutes, remind_after_hours"
        ) from None
