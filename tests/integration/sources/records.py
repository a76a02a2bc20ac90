"""Good records of every object of CRM, web and mail tool, in many languages: what no suite may refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

BEGINNING = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)

# Names and addresses that naive checks trip over; all of them are real forms.
PEOPLE = [
    ("José María", "Ñúñez", "jose@example.es", "+34 600 123 456", "Madrid", "España"),
    ("佳子", "高橋", "takahashi@例え.jp", "090-1234-5678", "東京", "日本"),
    ("Đorđe", "Јовановић", "djordje+news@example.rs", "(011) 123-4567 ext. 89", "Београд", "Srbija"),
    ("O", "Ng", "o@ng.example", "852 2345 6789", "香港", "HK"),
    ("Jennifer", "Null", "j.null@example.com", "1-800-555-0199", "N/A, Ohio", "USA"),
    ("محمد", "عبد الله", "محمد@example.ae", "٠٥٠١٢٣٤٥٦٧", "دبي", "AE"),
    ("Anne-Marie", "d'Arc-O'Neill", "o'neill@example.ie", "353 1 234 5678", "Baile Átha Cliath", "Éire"),
    ("สมชาย", "ใจดี", "somchai@example.co.th", "02-123-4567", "กรุงเทพฯ", "TH"),
    ("Björk", "Guðmundsdóttir", " bjork@example.is", "555 1234", "Reykjavík", "IS"),
    (None, "?", None, None, None, None),
    ("Li", "Wei", "UPPER@EXAMPLE.CN", "+86 138 0013 8000", "北京", "CN"),
    ("Zoë", "van den Berg", "z@b.nl", "020-1234567", "'s-Hertogenbosch", "NL"),
]


def moment(number: int) -> str:
    """A time of change as Salesforce writes it, a second apart."""
    return (BEGINNING + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def salesforce_id(prefix: str, number: int) -> str:
    return f"{prefix}5g00{number:08d}AAA"


def _audit(number: int) -> dict[str, Any]:
    return {"CreatedDate": moment(number), "SystemModstamp": moment(number), "IsDeleted": number % 100 == 99}


def contact(number: int) -> dict[str, Any]:
    first, last, email, phone, city, country = PEOPLE[number % len(PEOPLE)]
    return {
        "attributes": {"type": "Contact", "url": f"/services/data/v61.0/sobjects/Contact/{number}"},
        "Id": salesforce_id("003", number),
        "AccountId": salesforce_id("001", number // 3) if number % 2 else None,
        "Salutation": None,
        "FirstName": first,
        "MiddleName": None,
        "LastName": f"{last}-{number % 40}",
        "Email": f"{number}.{email.strip()}" if email else None,
        "Phone": phone,
        "MobilePhone": None,
        "Birthdate": f"{1930 + number % 80}-02-28" if number % 2 else None,
        "MailingStreet": f"{city} {number}" if city else None,
        "MailingCity": city,
        "MailingState": None,
        "MailingPostalCode": "SW1A 1AA",
        "MailingCountry": country,
        "Loyalty_Id__c": f"L{number:07d}" if number % 2 else None,
        "HasOptedOutOfEmail": number % 7 == 0,
        "LeadSource": "Web",
        **_audit(number),
    }


def lead(number: int) -> dict[str, Any]:
    first, last, email, phone, city, country = PEOPLE[number % len(PEOPLE)]
    converted = number % 5 == 0
    return {
        "Id": salesforce_id("00Q", number),
        "FirstName": first,
        "LastName": f"{last}-{number % 40}",
        "Company": "[not provided]",
        "Email": f"{number}.{email.strip()}" if email else None,
        "Phone": phone,
        "City": city,
        "PostalCode": None,
        "Country": country,
        "Status": "Closed - Converted" if converted else "Open - Not Contacted",
        "LeadSource": "Trade Show",
        "ConvertedContactId": salesforce_id("003", number) if converted else None,
        **_audit(number),
    }


def account(number: int) -> dict[str, Any]:
    return {
        "Id": salesforce_id("001", number),
        "Name": f"{PEOPLE[number % len(PEOPLE)][1]} {number % 50} 株式会社",
        "Type": "household" if number % 3 else "business",
        "Industry": None,
        **_audit(number),
    }


def web_event(number: int) -> dict[str, Any]:
    happened = BEGINNING + timedelta(seconds=number)
    received = happened + (timedelta(hours=30) if number % 50 == 7 else timedelta(milliseconds=-200))  # offline phones, fast clocks
    event: dict[str, Any] = {
        "messageId": f"ajs-{number:016x}",
        "anonymousId": f"visitor-{number % 97}",
        "userId": str(number % 31) if number % 3 == 0 else None,
        "context": {"ip": "192.0.2.7", "userAgent": "Mozilla/5.0", "locale": "ja-JP", "campaign": {"source": "Bücher", "medium": "cpc"}},
        "timestamp": happened.isoformat().replace("+00:00", "Z"),
        "receivedAt": received.isoformat().replace("+00:00", "Z"),
    }
    kind = number % 4
    if kind == 0:
        return event | {"type": "page", "properties": {"path": "/", "referrer": ""}}
    if kind == 1:
        return event | {"type": "track", "event": "Product Viewed", "properties": {"product_id": number, "colour": "rouge"}}
    if kind == 2:
        return event | {"type": "track", "event": "Order Completed", "properties": {"order_id": number, "revenue": 0.00}}
    email = PEOPLE[number % len(PEOPLE)][2]
    return event | {"type": "identify", "userId": str(number % 31), "traits": {"email": email, "firstName": "佳子"}}


SUBSCRIBER_COLUMNS = [
    "subscriber_id",
    "email",
    "first_name",
    "last_name",
    "city",
    "country",
    "status",
    "double_opt_in",
    "subscribed_at",
    "updated_at",
]
ENGAGEMENT_COLUMNS = ["event_id", "subscriber_id", "campaign_id", "campaign_name", "event_type", "url", "bounce_type", "occurred_at"]


def subscriber(number: int) -> list[str]:
    first, last, email, _, city, country = PEOPLE[number % len(PEOPLE)]
    status = ("subscribed", "subscribed", "unsubscribed", "bounced", "complained")[number % 5]
    at = (BEGINNING + timedelta(seconds=number)).isoformat().replace("+00:00", "Z")
    address = f"{number}.{(email or 'x@example.com').strip()}"
    return [f"sub_{number:06d}", address, first or "", f'{last}, "Dr."', city or "", country or "", status, "true", at, at]


def engagement(number: int) -> list[str]:
    kind = ("sent", "delivered", "opened", "clicked", "bounced", "unsubscribed")[number % 6]
    at = (BEGINNING + timedelta(seconds=number)).isoformat().replace("+00:00", "Z")
    url = "https://shop.example/新着?utm=1" if kind == "clicked" else ""
    return [f"ev_{number:08d}", f"sub_{number % 200:06d}", "cmp_1", "Été – „alles“", kind, url, "soft" if kind == "bounced" else "", at]
