"""The CRM's objects and fields: what may be queried, and the tables behind it."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.crm import ids


@dataclass(frozen=True, slots=True)
class SObject:
    """One object. Field types are Salesforce's: id, reference, string, picklist, email, phone, boolean, date, datetime."""

    name: str
    prefix: str
    fields: dict[str, str]

    def field(self, name: str) -> str | None:
        """The field's proper spelling, or None: SOQL does not heed case."""
        return self._spelling.get(name.lower())

    @property
    def _spelling(self) -> dict[str, str]:
        return {field.lower(): field for field in self.fields}


_AUDIT = {"CreatedDate": "datetime", "SystemModstamp": "datetime", "IsDeleted": "boolean"}

OBJECTS: dict[str, SObject] = {
    "Contact": SObject(
        "Contact",
        ids.CONTACT,
        {
            "Id": "id",
            "AccountId": "reference",
            "Salutation": "picklist",
            "FirstName": "string",
            "MiddleName": "string",
            "LastName": "string",
            "Email": "email",
            "Phone": "phone",
            "MobilePhone": "phone",
            "Birthdate": "date",
            "MailingStreet": "string",
            "MailingCity": "string",
            "MailingState": "string",
            "MailingPostalCode": "string",
            "MailingCountry": "string",
            "Loyalty_Id__c": "string",
            "HasOptedOutOfEmail": "boolean",
            "LeadSource": "picklist",
            **_AUDIT,
        },
    ),
    "Lead": SObject(
        "Lead",
        ids.LEAD,
        {
            "Id": "id",
            "FirstName": "string",
            "LastName": "string",
            "Company": "string",
            "Email": "email",
            "Phone": "phone",
            "City": "string",
            "PostalCode": "string",
            "Country": "string",
            "Status": "picklist",
            "LeadSource": "picklist",
            "ConvertedContactId": "reference",
            **_AUDIT,
        },
    ),
    "Account": SObject(
        "Account",
        ids.ACCOUNT,
        {
            "Id": "id",
            "Name": "string",
            "Type": "picklist",
            "Industry": "picklist",
            **_AUDIT,
        },
    ),
}
# How contracts call them.
BY_CONTRACT_NAME = {"contacts": "Contact", "leads": "Lead", "accounts": "Account"}


def named(name: str) -> SObject | None:
    """The object of that name in any case, or under its contract's name; None if there is none."""
    for known, item in OBJECTS.items():
        if known.lower() == name.lower():
            return item
    found = BY_CONTRACT_NAME.get(name.lower())
    return OBJECTS[found] if found else None


def create_tables() -> str:
    """The script that makes the tables. Booleans are 0 and 1, moments text in Salesforce's form, which sorts like time."""
    script = ""
    for item in OBJECTS.values():
        columns = ", ".join(
            f"{name} {'integer' if kind == 'boolean' else 'text'}" + (" unique" if name == "Id" else "")
            for name, kind in item.fields.items()
        )
        script += f"create table {item.name} (row_number integer primary key, {columns});\n"
        script += f"create index {item.name}_by_change on {item.name} (SystemModstamp, Id);\n"
    return script
