-- What readers marked as wrong waits for review, as pairs of liked answers do. What is there already
-- was kept by an admin. Ids continue those of pairs, because people review both in one list.
alter table wrong_passage
    add column id bigint not null unique default nextval('pair_id_seq'),
    add column status text not null default 'accepted'
        check (status in ('accepted', 'review', 'rejected')),
    add column reviewed_by text,
    add column reviewed_at timestamptz;
