-- What was done with quarantined rows, by whom and why: each step kept, none overwritten.
create table quarantine.action (
    action_id     bigint generated always as identity primary key,
    quarantine_id bigint      not null references quarantine.row on delete cascade,
    at            timestamptz not null default clock_timestamp(),
    action        text        not null check (action in ('asked', 'replayed', 'waived', 'reopened')),
    by            text        not null,
    why           text,
    corrected     text[]      not null default '{}'   -- names of corrected fields; never a value
);
comment on table quarantine.action is 'Trail of quarantine. A person''s request is written by customer360.load.quarantine, a change of state by the trigger on quarantine.row.';
create index quarantine_action_by_row on quarantine.action (quarantine_id, action_id);
grant select, insert on quarantine.action to c360_steward, c360_privacy, c360_loader;
grant delete on quarantine.action to c360_loader, c360_privacy;

-- In the database, so that no way of settling a row can leave it out.
create function quarantine.note_action() returns trigger language plpgsql as $$
begin
    insert into quarantine.action (quarantine_id, action, by, why)
    values (new.quarantine_id, case new.state when 'open' then 'reopened' else new.state end, coalesce(new.settled_by, 'unknown'), new.note);
    return null;
end $$;
create trigger quarantine_row_settled after update of state on quarantine.row
    for each row when (old.state is distinct from new.state) execute function quarantine.note_action();

insert into quarantine.action (quarantine_id, at, action, by, why)
select quarantine_id, coalesce(settled_at, opened_at), state, coalesce(settled_by, 'unknown'), note from quarantine.row where state <> 'open';
