-- What stewards need: decisions bound to the evidence they were taken on, the queue of what to decide, and who did what when.
-- A run and a steward never update the same row: a run reads a snapshot for minutes, and a row changed meanwhile would break it.

alter table identity.decision
    drop column evidence_hash,
    drop column reopened_at,
    add column evidence_l bytea,
    add column evidence_r bytea;
comment on column identity.decision.evidence_l is
    'Keyed hash of the identity fields of record_id_l when the decision was taken (evidence_r: of record_id_r). Null: taken before
     hashes were kept; such a decision is never reopened.';

-- grain: one row per standing decision whose records are no longer what was decided on
create table identity.decision_reopening (
    decision_id uuid primary key,
    reopened_at timestamptz not null default now()
);
comment on table identity.decision_reopening is
    'Identity fields of a record changed since the decision: it stands until it is taken again, and is in the queue. Written by runs.';

-- grain: one row per question to a steward: two records, and why they are asked about
create table identity.review_item (
    record_id_l       text not null,
    record_id_r       text not null,
    kind              text not null check (kind in ('grey_zone', 'cut', 'weak_link', 'contradiction')),
    customer_id_l     uuid not null,
    customer_id_r     uuid not null,
    probability       double precision not null check (probability between 0 and 1),
    pairs             integer not null,             -- pairs of records that ask the same: between these customers, or inside this one
    records_at_stake  integer not null,             -- records that would change customer
    records_concerned integer not null,             -- records of the customer, or of both
    since             timestamptz not null default now(),
    primary key (record_id_l, record_id_r, kind),
    check (record_id_l < record_id_r)
);
comment on table identity.review_item is
    'What the evidence leaves open, kept by runs for the components they touch. One row stands for all pairs between the same two
     customers. Decisions and postponements are not in it: the queue leaves out what they settle (customer360.identity.stewardship).';
create index review_item_by_right on identity.review_item (record_id_r);

-- grain: one row per pair of records put off
create table identity.postponement (
    record_id_l  text not null,
    record_id_r  text not null,
    until        timestamptz not null,
    postponed_by text not null,
    reason       text not null,
    postponed_at timestamptz not null default now(),
    primary key (record_id_l, record_id_r),
    check (record_id_l < record_id_r)
);

-- grain: one row per thing done to a pair of records
create table identity.steward_action (
    action_id   bigint generated always as identity primary key,
    at          timestamptz not null default clock_timestamp(),
    action      text not null check (action in ('decided', 'withdrawn', 'postponed', 'resumed', 'reopened', 'closed_again')),
    record_id_l text not null,
    record_id_r text not null,
    decision_id uuid,
    verdict     text check (verdict in ('must_link', 'cannot_link')),
    until       timestamptz,
    actor       text not null,                      -- who says so; `identity` where a run did it
    login       text not null default session_user, -- whose connection it was
    reason      text
);
comment on table identity.steward_action is
    'Who did what when, and why. Rows are only ever added; the privacy role may blank a reason, for erasure.';
create index steward_action_by_pair on identity.steward_action (record_id_l, record_id_r);

create function identity.keep_steward_action() returns trigger
language plpgsql as $$
begin
    if tg_op = 'UPDATE' and current_user = 'c360_privacy'
       and (new.action_id, new.at, new.action, new.record_id_l, new.record_id_r, new.actor, new.login)
         = (old.action_id, old.at, old.action, old.record_id_l, old.record_id_r, old.actor, old.login)
       and (new.decision_id, new.verdict, new.until) is not distinct from (old.decision_id, old.verdict, old.until) then
        return new;
    end if;
    raise exception 'identity.steward_action is only added to' using errcode = 'insufficient_privilege';
end
$$;
create trigger keep_steward_action before update or delete on identity.steward_action
for each row execute function identity.keep_steward_action();
create trigger keep_steward_actions before truncate on identity.steward_action
for each statement execute function identity.keep_steward_action();

grant insert, update, delete on identity.postponement to c360_steward;
grant insert on identity.steward_action to c360_steward;
revoke update, delete, truncate on identity.steward_action from c360_transformer;
grant update (reason) on identity.steward_action to c360_privacy;
grant update, delete on identity.postponement, identity.review_item, identity.decision_reopening to c360_privacy;
