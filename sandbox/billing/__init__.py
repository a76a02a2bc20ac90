"""Billing, in the shape of Stripe: customers, invoices, charges, and the events that tell of their changes."""
