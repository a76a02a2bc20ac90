-- What the steps of a load have learned so far, so that a killed load goes on where it was.
alter table ops.load add column work jsonb not null default '{}';
comment on column ops.load.work is
    'form: typed or text landing; whole: the read was a snapshot of everything; missing: declared fields the source lacks;
     key_is_unique; diffed: the rows that change nothing have left; seconds: per step. Never a value.';
