-- Backfill: a window of an object, or all of it, loaded again from its source or from the archive, in turns between the live loads.
alter table ops.load drop constraint load_kind_check;
alter table ops.load add constraint load_kind_check check (kind in ('incremental', 'full', 'sweep', 'replay', 'backfill'));

-- grain: one row per backfill
create table ops.backfill (
    backfill_id      bigint generated always as identity primary key,
    system           text        not null,
    object           text        not null,
    origin           text        not null check (origin in ('source', 'archive')),
    since            text,                      -- of the cursor, inclusive; of the publication where there is no cursor
    until            text,                      -- exclusive
    state            text        not null default 'open' check (state in ('open', 'done', 'refused', 'cancelled')),
    place            text,                      -- what was read last: a file of the archive, or 'source' once all of it was
    published_before bigint      not null default 0,  -- rows of raw from later loads are newer than those that wait now
    rows_read        bigint      not null default 0,
    rows_outside     bigint      not null default 0,  -- outside the window
    rows_older       bigint      not null default 0,  -- of a key that was read, or is in raw, in a newer version
    started_at       timestamptz not null default clock_timestamp(),
    finished_at      timestamptz
);
comment on table ops.backfill is
    'Backfills and how far each has come. Written by customer360.load.backfill. What was read and not loaded yet waits in landing with
     _load_id = -backfill_id; its loads name it in work ->> ''backfill''.';
create unique index backfill_one_open on ops.backfill (system, object) where state = 'open';
