-- Airflow's metadata beside the warehouse; analysts log in to the warehouse alone.
create database airflow;
revoke connect on database airflow from public;
