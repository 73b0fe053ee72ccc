-- The secret of the link that lets others read a conversation. Null: it is not shared.
alter table conversation add column share_token text unique;
