-- A day of the journal is kept beyond retention while webhooks of it wait to be carried out: dropping it lost what they say, and left the inbox pointing at nothing.
SET ROLE bsp_owner;

CREATE OR REPLACE FUNCTION bsp.journal_drop_before(p_before date) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE r record; n int := 0;
BEGIN
  FOR r IN SELECT c.relname, to_date(right(c.relname, 8), 'YYYYMMDD') AS day FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
            WHERE s.nspname = 'bsp' AND c.relname ~ '^webhook_journal_[0-9]{8}$' AND to_date(right(c.relname, 8), 'YYYYMMDD') < p_before LOOP
    CONTINUE WHEN EXISTS (SELECT 1 FROM bsp.webhook_inbox i WHERE i.received_at >= r.day::timestamp AT TIME ZONE 'UTC' AND i.received_at < (r.day + 1)::timestamp AT TIME ZONE 'UTC');
    EXECUTE format('DROP TABLE bsp.%I', r.relname); n := n + 1;
  END LOOP;
  RETURN n;
END $$;
