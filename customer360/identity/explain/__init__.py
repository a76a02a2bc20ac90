"""Why two records are one customer or are not, and what a customer consists of: for the command, the service and pages alike.

`pair.explain_pair` and `customer.explain_customer` read the database by index alone; `text`, `document` and `page` show what they found.
"""
