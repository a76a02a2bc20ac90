"""The CRM: an HTTP service in the shape of Salesforce's REST query API, its tables in SQLite."""
