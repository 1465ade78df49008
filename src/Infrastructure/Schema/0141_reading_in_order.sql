-- Where nobody has analyzed the log yet (a new database, until autovacuum comes), the planner found an organization's events by its index on (tenant_id, stream_id, version) and sorted all of them for each
-- block: 2.5 s for a page of 1,000 in a log of 4.5 million, instead of 24 ms. Without a sort only the primary key gives the order that is asked for.
SET ROLE bsp_owner;

ALTER FUNCTION bsp.read_organization(text, bigint, bigint, text[], text, text, int, text[]) SET enable_sort = off;
