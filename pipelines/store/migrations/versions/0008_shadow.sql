-- What a candidate could not answer is told as well; such a row has no passages of its own.
alter table shadow_result add column fault text;
create index shadow_result_message on shadow_result (message_id);
