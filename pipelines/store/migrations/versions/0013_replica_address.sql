-- Where a browser on its machine reaches a web server: an address with its port.
alter table replica add column address text;
