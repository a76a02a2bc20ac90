-- The review queue follows its own limit: changing it asks other questions, but decides nobody's identity.
alter table identity.run add column weak_link_below double precision;
comment on column identity.run.weak_link_below is
    'The limit below which a link that holds a customer together is asked about. When it changes, the next run refreshes the whole queue.';
