-- Rebuilding a view beside the one that serves (docs/decisions/0085). A copy has a row of its own in bsp.projections, named {view}+next, for as long as its rebuild is under way.
SET ROLE bsp_owner;

ALTER TABLE bsp.projections
  ADD COLUMN started_at timestamptz,                              -- of a copy: when its rebuild was asked for
  ADD COLUMN numbers_per_second double precision NOT NULL DEFAULT 0,   -- numbers of the log gone through, those of other types included
  DROP CONSTRAINT projections_request_check,
  ADD CONSTRAINT projections_request_check CHECK (request IN ('pause', 'resume', 'rebuild', 'cancel', 'retry'));

-- Of a view that is written by several connections at once: how far each part of its keys is, when that is further than the view's own sequence (a page half written).
CREATE TABLE bsp.projection_parts (
  name text NOT NULL,
  part int NOT NULL,
  sequence bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (name, part)
) WITH (fillfactor = 50);

-- The copies of counters: empty but while a rebuild is under way.
CREATE TABLE bsp.campaign_progress_next (LIKE bsp.campaign_progress INCLUDING ALL);

CREATE TABLE bsp.contact_counters_next (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  total_messages_sent int NOT NULL,
  total_messages_received int NOT NULL,
  last_interaction timestamptz NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE bsp.account_counters_next (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  daily_sent_count int NOT NULL,
  limit_reset_date timestamptz NOT NULL
) WITH (fillfactor = 50);

SELECT bsp.secure_by_tenant('bsp.campaign_progress_next');
SELECT bsp.secure_by_tenant('bsp.contact_counters_next');
SELECT bsp.secure_by_tenant('bsp.account_counters_next');
GRANT TRUNCATE ON bsp.campaign_progress_next, bsp.contact_counters_next, bsp.account_counters_next TO bsp_app;

-- The documents are too many to be copied at the swap: their copies are tables that change names with the old ones. bsp_app may not make tables, so the owner's functions do, for
-- these three tables and no others.
CREATE FUNCTION documents.view_tables() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$ SELECT ARRAY['conversations', 'messages', 'message_logs'] $$;

CREATE FUNCTION documents.drop_next() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY documents.view_tables() LOOP
    EXECUTE format('DROP TABLE IF EXISTS documents.%I', t || '_next');
  END LOOP;
END $$;

CREATE FUNCTION documents.begin_next() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t text;
BEGIN
  PERFORM documents.drop_next();
  FOREACH t IN ARRAY documents.view_tables() LOOP
    EXECUTE format('CREATE TABLE documents.%I (LIKE documents.%I INCLUDING ALL)', t || '_next', t);
    PERFORM bsp.secure_by_tenant(format('documents.%I', t || '_next')::regclass);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON documents.%I TO bsp_app', t || '_next');
  END LOOP;
END $$;

-- In the caller's transaction. The tables change names, and their indexes too, so that after any number of rebuilds everything is called as it was made. Readers wait for the moment
-- that the transaction takes; if a long reader holds a table, we give up after two seconds and are called again, rather than let all readers queue behind us.
CREATE FUNCTION documents.swap_next() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  t text;
  names text[];
  defs text[];
  made record;
BEGIN
  FOREACH t IN ARRAY documents.view_tables() LOOP
    IF (SELECT array_agg((a.attname, a.atttypid) ORDER BY a.attnum)::text FROM pg_attribute a WHERE a.attrelid = format('documents.%I', t)::regclass AND a.attnum > 0 AND NOT a.attisdropped)
       IS DISTINCT FROM
       (SELECT array_agg((a.attname, a.atttypid) ORDER BY a.attnum)::text FROM pg_attribute a WHERE a.attrelid = format('documents.%I', t || '_next')::regclass AND a.attnum > 0 AND NOT a.attisdropped) THEN
      RAISE EXCEPTION 'documents.%_next was made before a change of the schema: begin the rebuild again', t;
    END IF;
    SELECT array_agg(c.relname ORDER BY c.relname), array_agg(regexp_replace(pg_get_indexdef(c.oid), '^CREATE.* USING', '') ORDER BY c.relname)
      INTO names, defs FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = format('documents.%I', t)::regclass;
    EXECUTE format('DROP TABLE documents.%I', t);
    EXECUTE format('ALTER TABLE documents.%I RENAME TO %I', t || '_next', t);
    FOR made IN SELECT c.relname, regexp_replace(pg_get_indexdef(c.oid), '^CREATE.* USING', '') AS def FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = format('documents.%I', t)::regclass LOOP
      EXECUTE format('ALTER INDEX documents.%I RENAME TO %I', made.relname, names[array_position(defs, made.def)]);
    END LOOP;
  END LOOP;
END $$;

REVOKE EXECUTE ON FUNCTION documents.drop_next(), documents.begin_next(), documents.swap_next() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION documents.drop_next(), documents.begin_next(), documents.swap_next() TO bsp_app;
