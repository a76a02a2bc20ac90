-- A file that nobody wrote since is known by its listing; its content alone says whether it was taken in.
create table ops.source_file_name (
    system       text  not null,
    object       text  not null,
    path         text  not null,
    version      text  not null,                  -- size, time of change and tag, as the folder listed them
    content_hash bytea not null,                  -- means something only while ops.source_file knows it
    seen_at      timestamptz not null default now(),
    primary key (system, object, path)
);
comment on table ops.source_file_name is 'What content lay under a name, so that it is not hashed at every run. Written by customer360.load in the landing transaction.';
