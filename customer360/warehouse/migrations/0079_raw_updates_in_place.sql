-- Tables of raw that were made before new ones left room in their pages for a row's next version, and had its load in a B-tree, which
-- keeps PostgreSQL from using that room (see customer360.warehouse.tables). Pages that are full stay so until vacuum makes room in them.
do $$
declare
    held record;
    old_index regclass;
begin
    for held in
        select c.oid, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'raw' and c.relkind = 'r'
          and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = '_load_id' and not a.attisdropped)
    loop
        for old_index in
            select i.indexrelid from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam
            join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
            where i.indrelid = held.oid and m.amname = 'btree' and i.indnatts = 1 and a.attname = '_load_id'
        loop
            execute format('drop index %s', old_index);
        end loop;
        execute format('alter table %I.%I set (fillfactor = 90)', held.nspname, held.relname);
        execute format(
            'create index on %I.%I using brin (_load_id) with (pages_per_range = 4, autosummarize = on)', held.nspname, held.relname
        );
    end loop;
end
$$;
