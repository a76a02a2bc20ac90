"""Customer 360: from the source systems' raw records to one golden record per customer. Never imports airflow."""
