-- Roles and what each may do. None can log in: customer360.warehouse.roles.grant_login gives a login with a password.
-- Roles belong to the cluster, so another database of it may have made them already.

do $$
declare
    wanted text;
begin
    foreach wanted in array array['c360_loader', 'c360_transformer', 'c360_service', 'c360_analyst', 'c360_steward', 'c360_privacy'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception
                when duplicate_object or unique_violation then null;  -- made by a migration of another database meanwhile
                when insufficient_privilege then
                    raise exception 'role % does not exist and % may not create it', wanted, current_user
                        using hint = format('as an administrator: create role %I; grant %I to %I with admin option', wanted, wanted, current_user);
            end;
        end if;
        -- the owner takes these roles with SET ROLE and keeps its own rights over what they own
        if not pg_has_role(current_user, wanted, 'SET') or not pg_has_role(current_user, wanted, 'USAGE') then
            execute format('grant %I to %I with set true, inherit true', wanted, current_user);
        end if;
    end loop;
end
$$;

-- Nobody gets anything for being there.
revoke create on schema public from public;

-- ------------------------------------------------------------------------------------------------- loader
grant usage, create on schema landing, raw, raw_history to c360_loader;
grant usage on schema quarantine, ops to c360_loader;
grant select, insert, update, delete on all tables in schema quarantine, ops to c360_loader;

-- -------------------------------------------------------------------------------------------- transformer
-- raw and raw_history tables are granted one by one, as their contract says (customer360.warehouse.tables).
grant usage on schema raw, raw_history, ops to c360_transformer;
grant select on all tables in schema ops to c360_transformer;
grant insert, update, delete on ops.consumer_offset, ops.incident, ops.notification, ops.lease to c360_transformer;
grant usage on schema identity to c360_transformer;
grant select, insert, update, delete, truncate on all tables in schema identity to c360_transformer;
grant usage, create on schema staging, intermediate, marts to c360_transformer;

-- ---------------------------------------------------------------------------- who reads what is published
grant usage on schema marts to c360_analyst, c360_service, c360_steward, c360_privacy;
grant usage on schema intermediate to c360_service, c360_steward, c360_privacy;
grant usage on schema identity to c360_service, c360_steward, c360_privacy;
grant select on all tables in schema identity to c360_service, c360_steward, c360_privacy;
grant insert, update on identity.decision to c360_steward;
grant usage on schema quarantine, ops to c360_steward, c360_privacy;
grant select on all tables in schema ops to c360_service, c360_steward, c360_privacy;
grant select, update on quarantine.row to c360_steward;
grant usage on schema ops to c360_service;
grant usage on schema raw, raw_history to c360_steward, c360_privacy;
grant usage on schema activation to c360_service, c360_privacy;
grant usage on schema landing, staging to c360_privacy;
grant usage, create on schema privacy to c360_privacy;

-- Erasure reaches every copy.
grant select, update, delete on quarantine.row to c360_privacy;
grant update, delete on all tables in schema identity to c360_privacy;

-- What dbt makes later, as the transformer, is readable without a grant in every model.
alter default privileges for role c360_transformer in schema marts grant select on tables to c360_analyst, c360_service, c360_steward, c360_privacy;
alter default privileges for role c360_transformer in schema intermediate grant select on tables to c360_service, c360_steward, c360_privacy;
alter default privileges for role c360_transformer in schema staging grant select on tables to c360_privacy;

-- What later migrations add as the owner follows the same rule.
alter default privileges in schema ops, quarantine grant select, insert, update, delete on tables to c360_loader;
alter default privileges in schema ops grant select on tables to c360_transformer, c360_service, c360_steward, c360_privacy;
alter default privileges in schema identity grant select, insert, update, delete, truncate on tables to c360_transformer;
alter default privileges in schema identity grant select on tables to c360_service, c360_steward, c360_privacy;

-- ------------------------------------------------------------------------------------------------ masking
-- A view's function calls run as the reader, so one view serves both. Plain SQL, so that the planner inlines them.
create function marts.may_see_personal() returns boolean
language sql stable parallel safe
return pg_has_role(current_user, 'c360_transformer', 'USAGE')
    or pg_has_role(current_user, 'c360_service', 'USAGE')
    or pg_has_role(current_user, 'c360_steward', 'USAGE')
    or pg_has_role(current_user, 'c360_privacy', 'USAGE');
comment on function marts.may_see_personal() is 'Whether the reader may see personal values: transformer, service, steward, privacy, and the owner, who holds them all.';

create function marts.mask(value text) returns text
language sql stable parallel safe
return case when marts.may_see_personal() then value when value is not null then '***' end;
comment on function marts.mask(text) is 'The value, or *** for a reader who may not see it. Nulls stay nulls.';

create function marts.mask(value date) returns date
language sql stable parallel safe
return case when marts.may_see_personal() then value end;
comment on function marts.mask(date) is 'The value, or null for a reader who may not see it.';

create function marts.mask(value timestamptz) returns timestamptz
language sql stable parallel safe
return case when marts.may_see_personal() then value end;
comment on function marts.mask(timestamptz) is 'The value, or null for a reader who may not see it.';

create function marts.mask(value numeric) returns numeric
language sql stable parallel safe
return case when marts.may_see_personal() then value end;
comment on function marts.mask(numeric) is 'The value, or null for a reader who may not see it.';

create function marts.mask(value jsonb) returns jsonb
language sql stable parallel safe
return case when marts.may_see_personal() then value end;
comment on function marts.mask(jsonb) is 'The value, or null for a reader who may not see it.';

grant execute on all functions in schema marts to c360_analyst, c360_service, c360_steward, c360_privacy, c360_transformer;
