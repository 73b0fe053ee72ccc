-- What is printed on the page, where that differs from its number: "iv", or "2" on the fourth.
alter table chunk add column page_label text;
