-- A bulk run's blocking keys wait in the index's list of pending entries, which every look-up of a key would read from end to end.
-- An incremental run makes thousands of look-ups, so it has the list taken into the index first; that is the owner's to do.
create function identity.flush_block_keys() returns bigint
language sql security definer set search_path = pg_catalog
as $$ select gin_clean_pending_list('identity.record_by_block_key'::regclass) $$;
comment on function identity.flush_block_keys() is 'Takes pending blocking keys into their index. Called by identity runs.';
revoke all on function identity.flush_block_keys() from public;
grant execute on function identity.flush_block_keys() to c360_transformer;
