"""The shop's tables. Keys and references are enforced; what the shop's form lets through is not (a grown system, not a model one)."""

from __future__ import annotations

# table → columns as (name, type), the key first
TABLES: dict[str, tuple[tuple[str, str], ...]] = {
    "customers": (
        ("customer_id", "bigint"),
        ("email", "text"),
        ("email_verified", "boolean"),
        ("first_name", "text"),
        ("last_name", "text"),
        ("birth_date", "date"),
        ("gender", "text"),
        ("phone", "text"),
        ("loyalty_id", "text"),
        ("crm_contact_id", "text"),
        ("locale", "text"),
        ("marketing_consent", "boolean"),
        ("is_deleted", "boolean"),
        ("created_at", "timestamptz"),
        ("updated_at", "timestamptz"),
    ),
    "addresses": (
        ("address_id", "bigint"),
        ("customer_id", "bigint"),
        ("kind", "text"),
        ("street", "text"),
        ("house_number", "text"),
        ("postal_code", "text"),
        ("city", "text"),
        ("region", "text"),
        ("country", "text"),
        ("is_deleted", "boolean"),
        ("created_at", "timestamptz"),
        ("updated_at", "timestamptz"),
    ),
    "products": (
        ("product_id", "bigint"),
        ("sku", "text"),
        ("name", "text"),
        ("category", "text"),
        ("brand", "text"),
        ("price", "numeric(12,2)"),
        ("currency", "text"),
        ("is_active", "boolean"),
        ("is_deleted", "boolean"),
        ("created_at", "timestamptz"),
        ("updated_at", "timestamptz"),
    ),
    "carts": (
        ("cart_id", "bigint"),
        ("customer_id", "bigint"),
        ("anonymous_id", "text"),
        ("status", "text"),
        ("item_count", "integer"),
        ("total_amount", "numeric(12,2)"),
        ("currency", "text"),
        ("created_at", "timestamptz"),
        ("updated_at", "timestamptz"),
    ),
    "orders": (
        ("order_id", "bigint"),
        ("order_number", "text"),
        ("customer_id", "bigint"),
        ("cart_id", "bigint"),
        ("status", "text"),
        ("channel", "text"),
        ("currency", "text"),
        ("subtotal_amount", "numeric(12,2)"),
        ("shipping_amount", "numeric(12,2)"),
        ("discount_amount", "numeric(12,2)"),
        ("total_amount", "numeric(12,2)"),
        ("shipping_address_id", "bigint"),
        ("ordered_at", "timestamptz"),
        ("is_deleted", "boolean"),
        ("updated_at", "timestamptz"),
    ),
    "order_lines": (
        ("order_id", "bigint"),
        ("line_number", "integer"),
        ("product_id", "bigint"),
        ("quantity", "integer"),
        ("unit_price", "numeric(12,2)"),
        ("discount_amount", "numeric(12,2)"),
        ("line_amount", "numeric(12,2)"),
        ("updated_at", "timestamptz"),
    ),
    "payments": (
        ("payment_id", "bigint"),
        ("order_id", "bigint"),
        ("method", "text"),
        ("status", "text"),
        ("amount", "numeric(12,2)"),
        ("currency", "text"),
        ("paid_at", "timestamptz"),
        ("updated_at", "timestamptz"),
    ),
    "shipments": (
        ("shipment_id", "bigint"),
        ("order_id", "bigint"),
        ("carrier", "text"),
        ("tracking_code", "text"),
        ("status", "text"),
        ("shipped_at", "timestamptz"),
        ("delivered_at", "timestamptz"),
        ("updated_at", "timestamptz"),
    ),
    "returns": (
        ("return_id", "bigint"),
        ("order_id", "bigint"),
        ("line_number", "integer"),
        ("quantity", "integer"),
        ("reason", "text"),
        ("refund_amount", "numeric(12,2)"),
        ("returned_at", "timestamptz"),
        ("updated_at", "timestamptz"),
    ),
}

KEYS: dict[str, tuple[str, ...]] = {table: (columns[0][0],) for table, columns in TABLES.items()} | {
    "order_lines": ("order_id", "line_number")
}

# (table, columns, referenced table)
REFERENCES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("addresses", ("customer_id",), "customers"), ("carts", ("customer_id",), "customers"), ("orders", ("customer_id",), "customers"),
    ("orders", ("cart_id",), "carts"), ("orders", ("shipping_address_id",), "addresses"), ("order_lines", ("order_id",), "orders"),
    ("order_lines", ("product_id",), "products"), ("payments", ("order_id",), "orders"), ("shipments", ("order_id",), "orders"),
    ("returns", ("order_id", "line_number"), "order_lines"),
)  # fmt: skip


def columns(table: str) -> tuple[str, ...]:
    """Column names of a table, in order."""
    return tuple(name for name, _ in TABLES[table])


def create_tables() -> list[str]:
    """Statements that make the bare tables, for a bulk load."""
    return [f"create table public.{table} ({', '.join(f'{name} {kind}' for name, kind in cols)})" for table, cols in TABLES.items()]


def finish_tables() -> list[str]:
    """Statements for after the bulk load: keys, references, the index on the change time that incremental readers need."""
    statements = []
    for table, key in KEYS.items():
        statements.append(f"alter table public.{table} add primary key ({', '.join(key)})")
        statements.append(f"create index {table}_by_change on public.{table} (updated_at)")
    for table, cols, target in REFERENCES:
        statements.append(f"alter table public.{table} add foreign key ({', '.join(cols)}) references public.{target}")
    # Carts are followed by their changes, the other tables are asked for by the time of the last one.
    statements += ["alter table public.carts replica identity full", "create publication customer360 for table public.carts"]
    # A reference needs an index on its own side, or deleting and looking up is a scan.
    statements += [
        "create index customers_by_email on public.customers (lower(email))",
        "create index addresses_by_customer on public.addresses (customer_id)",
        "create index orders_by_customer on public.orders (customer_id)",
        "create index payments_by_order on public.payments (order_id)",
        "create index shipments_by_order on public.shipments (order_id)",
        "create index returns_by_order on public.returns (order_id)",
    ]
    return statements
