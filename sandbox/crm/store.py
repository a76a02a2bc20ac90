"""Rows of the CRM's tables, written and changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox import moments
from sandbox.crm.objects import OBJECTS
from sandbox.crm.records import ContactDraft, LeadDraft


def contact_row(contact: ContactDraft) -> tuple[Any, ...]:
    """Values in the order of Contact's fields."""
    return (
        contact.id,
        contact.account_id,
        contact.salutation,
        contact.first,
        contact.middle,
        contact.last,
        contact.email,
        contact.phone,
        contact.mobile,
        contact.birth,
        contact.street,
        contact.city,
        contact.state,
        contact.postal_code,
        contact.country,
        contact.loyalty_id,
        int(contact.opted_out),
        contact.source,
        moments.salesforce(contact.created),
        moments.salesforce(contact.modified),
        int(contact.is_deleted),
    )


def lead_row(lead: LeadDraft) -> tuple[Any, ...]:
    """Values in the order of Lead's fields."""
    return (
        lead.id,
        lead.first,
        lead.last,
        lead.company,
        lead.email,
        lead.phone,
        lead.city,
        lead.postal_code,
        lead.country,
        lead.status,
        lead.source,
        lead.converted_to.id if lead.converted_to else None,
        moments.salesforce(lead.created),
        moments.salesforce(lead.modified),
        int(lead.is_deleted),
    )


def insert(connection: sqlite3.Connection, name: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Add rows given in the order of the object's fields."""
    fields = OBJECTS[name].fields
    connection.executemany(f"insert into {name} ({', '.join(fields)}) values ({', '.join('?' * len(fields))})", rows)


def update(connection: sqlite3.Connection, name: str, record_id: str, values: Mapping[str, Any], *, modified: int) -> bool:
    """Change fields of one record; its SystemModstamp (and that alone) says when, and never goes back. False if it is gone or unknown."""
    assignments = ", ".join([*(f"{field} = ?" for field in values), "SystemModstamp = max(SystemModstamp, ?)"])
    done = connection.execute(
        f"update {name} set {assignments} where Id = ? and IsDeleted = 0", [*values.values(), moments.salesforce(modified), record_id]
    )
    return done.rowcount == 1
