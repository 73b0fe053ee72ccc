-- Figures of the questions of a week, kept when the questions themselves are erased.
create table question_week (
    -- Its Monday, by UTC.
    week date primary key,
    questions int not null,
    not_found int not null,
    liked int not null,
    disliked int not null,
    -- Mean share of passages in which a shadow and the serving version agreed. Null: no shadow ran.
    agreed real,
    -- Median distance of a question to the nearest training question, and of held-out questions to
    -- compare with. Null: there were too few.
    distance real,
    expected real,
    measured_at timestamptz not null default now()
);
