"""A small contract that is legal, to be broken one way at a time."""

from __future__ import annotations

from typing import Any

import yaml

LEGAL: dict[str, Any] = yaml.safe_load(
    """
apiVersion: v3.1.0
kind: DataContract
id: club
name: Club
version: 1.0.0
status: active
description: {purpose: Members of the club.}
team: {name: club-data, members: [{username: club@example.com, role: owner}]}
servers:
  - {server: club, type: postgresql}
slaProperties:
  - {property: schedule, value: "15 2 * * *"}
  - {property: freshness, value: 36, unit: h}
roles:
  - {role: c360_transformer, access: read}
schema:
  - name: members
    dataGranularityDescription: one row per member
    customProperties:
      - {property: entity, value: {kind: person}}
      - {property: extract, value: {cursor: changed_at, lookback: 15m, deletes: {flag: is_gone}}}
    properties:
      - {name: member_id, logicalType: integer, primaryKey: true, required: true, classification: internal}
      - {name: email, logicalType: string, semanticType: email, classification: personal.contact}
      - {name: is_checked, logicalType: boolean, classification: internal, customProperties: [{property: verifies, value: email}]}
      - {name: is_gone, logicalType: boolean, classification: internal}
      - {name: changed_at, logicalType: timestamp, classification: internal}
  - name: visits
    dataGranularityDescription: one row per visit
    properties:
      - {name: visit_id, logicalType: integer, primaryKey: true, required: true, classification: internal}
      - name: member_id
        logicalType: integer
        classification: internal
        relationships: [{type: foreignKey, to: club.members.member_id}]
      - {name: seen_at, logicalType: timestamp, classification: internal}
"""
)
