-- What an incremental run looks up by value, so that it reads no table of identity whole.

create index identifier_refusal_by_value on identity.identifier_refusal (value_hash);
create index decision_by_right on identity.decision (record_id_r) where withdrawn_at is null;
