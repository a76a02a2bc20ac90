"""Prepare Airflow's metadata database: migrate it, create roles and users. `python -m customer360_airflow.initialise USERS.json`.

One process instead of `airflow db migrate` and one `airflow users create` per user: each of those imports all of Airflow again
(6-10 s). USERS.json is a list of {"username", "password", "role", "first_name", "last_name", "email"}; it holds passwords, so
keep it at mode 0600. May be run again: users get the password and the role of the file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def migrate() -> None:
    """Create or upgrade the metadata database (the auth manager's tables included)."""
    from airflow.utils import db

    db.initdb()


ANALYST = "Analyst"


def create_roles(manager: Any) -> None:
    """Airflow's roles, and one that may also see the pages of plugins: the data documentation is one, and a Viewer's menu has none."""
    from airflow.providers.fab.www.security import permissions

    manager.sync_roles()
    seen = [*manager.VIEWER_PERMISSIONS, (permissions.ACTION_CAN_READ, permissions.RESOURCE_PLUGIN)]
    manager.bulk_sync_roles([{"role": ANALYST, "perms": seen}])


def create_users(users: list[dict[str, str]]) -> None:
    """Create each user, or give an existing one the password and role of the list. Raises LookupError on an unknown role."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as appbuilder:
        manager = appbuilder.sm
        create_roles(manager)
        for user in users:
            role = manager.find_role(user["role"])
            if role is None:
                raise LookupError(f"Airflow has no role {user['role']!r} for user {user['username']!r}")
            known = manager.find_user(user["username"])
            if known:
                known.roles = [role]
                manager.update_user(known)
                manager.reset_password(known.id, user["password"])
            else:
                manager.add_user(user["username"], user["first_name"], user["last_name"], user["email"], role, user["password"])


def main() -> None:
    """Command line entry."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m customer360_airflow.initialise USERS.json")
    migrate()
    create_users(json.loads(Path(sys.argv[1]).read_text()))


if __name__ == "__main__":
    main()
