-- A version that quarantine has dealt with, in whatever way, is recognised when the lookback reads it again.
create index quarantine_known on quarantine.row (system, object, record_key);
drop index quarantine.quarantine_by_key;
