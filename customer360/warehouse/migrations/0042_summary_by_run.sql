-- One summary per newest run: looking twice at the same customers must not make them the measure of themselves.
create unique index run_summary_by_run on identity.run_summary (run_id);
comment on column identity.run_summary.run_id is 'The newest run that the summary has seen; a summary taken again after the same run replaces the row.';
