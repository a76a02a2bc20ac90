"""HTTP services of the platform. Each stands on the pipeline and the steps below it; Airflow is not needed."""
