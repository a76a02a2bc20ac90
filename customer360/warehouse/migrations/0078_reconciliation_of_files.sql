-- File sets are reconciled by their files.
alter table ops.reconciliation add column unit text not null default 'rows' check (unit in ('rows', 'files'));
alter table ops.reconciliation alter column unit drop default;
comment on column ops.reconciliation.unit is 'What is counted: rows; or files, whose raw_rows are those that were taken in.';
