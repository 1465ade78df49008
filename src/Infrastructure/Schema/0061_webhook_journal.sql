-- Every signed webhook, raw, before anything is done with it. Directory database. Partitions are made ahead and dropped by JournalPartitions.cs.
SET ROLE bsp_owner;

CREATE TABLE bsp.webhook_journal (
  id bigint GENERATED ALWAYS AS IDENTITY,
  received_at timestamptz NOT NULL,
  organization_id uuid,             -- set when it came to an organization's own address
  remote_address text,
  user_agent text,
  headers jsonb NOT NULL,
  signature text NOT NULL,          -- verdict: which secret verified it
  body_sha256 text NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (received_at, id)
) PARTITION BY RANGE (received_at);
ALTER TABLE bsp.webhook_journal ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE TABLE bsp.webhook_journal_default PARTITION OF bsp.webhook_journal DEFAULT;
CREATE INDEX webhook_journal_id ON bsp.webhook_journal (id);

-- Not yet worked off. Deleted in the transaction that holds the row while its commands are carried out.
CREATE TABLE bsp.webhook_inbox (
  journal_id bigint PRIMARY KEY,
  received_at timestamptz NOT NULL
);

-- What could not be understood or routed, by reason; the raw body stays in the journal.
CREATE TABLE bsp.webhook_notes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  journal_id bigint NOT NULL,
  received_at timestamptz NOT NULL,
  field text,
  reason text NOT NULL,             -- not_json, no_envelope, unknown_number, unhandled_field, failed
  detail text,
  noted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_notes_at ON bsp.webhook_notes (noted_at);

-- Daily partitions are made and dropped by the owner's functions, so that bsp_app needs no DDL rights.
CREATE FUNCTION bsp.journal_make_partitions(p_from date, p_days int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE d date; name text;
BEGIN
  FOR i IN 0 .. p_days - 1 LOOP
    d := p_from + i; name := 'webhook_journal_' || to_char(d, 'YYYYMMDD');
    IF to_regclass('bsp.' || name) IS NULL THEN
      EXECUTE format('CREATE TABLE bsp.%I PARTITION OF bsp.webhook_journal FOR VALUES FROM (%L) TO (%L)', name, d::timestamp AT TIME ZONE 'UTC', (d + 1)::timestamp AT TIME ZONE 'UTC');
      EXECUTE format('GRANT SELECT, INSERT ON bsp.%I TO bsp_app', name);
    END IF;
  END LOOP;
END $$;

CREATE FUNCTION bsp.journal_drop_before(p_before date) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE r record; n int := 0;
BEGIN
  FOR r IN SELECT c.relname FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
            WHERE s.nspname = 'bsp' AND c.relname ~ '^webhook_journal_[0-9]{8}$' AND to_date(right(c.relname, 8), 'YYYYMMDD') < p_before LOOP
    EXECUTE format('DROP TABLE bsp.%I', r.relname); n := n + 1;
  END LOOP;
  RETURN n;
END $$;
