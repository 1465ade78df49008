-- What proves something may be added to and read, not altered or removed, by the role that serves requests; docs/decisions/0185. Where retention, archiving or an erasure must
-- touch it, the owner's function does so, for the organization whose transaction it is, and writes down that it did. And no function of the owner is open to PUBLIC.
RESET ROLE;
DO $$ BEGIN
  REVOKE CREATE ON SCHEMA public FROM PUBLIC; -- PostgreSQL 15's default; databases that come from an older one still have it
EXCEPTION WHEN insufficient_privilege THEN RAISE NOTICE 'CREATE on schema public could not be taken from PUBLIC: its owner should';
END $$;
-- For all schemas: the built-in grant to PUBLIC cannot be taken back in one schema only.
ALTER DEFAULT PRIVILEGES FOR ROLE bsp_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
SET ROLE bsp_owner;

-- What the owner's functions did to evidence, each row in the transaction of the deed.
CREATE TABLE bsp.evidence_acts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id uuid NOT NULL,    -- all zeros: of no single organization
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  act text NOT NULL,                -- streams.archived, streams.restored, keys.destroyed, webhook.redacted, webhooks.dropped
  number bigint NOT NULL,           -- of streams, keys, webhooks
  subject text,                     -- journal id with SHA-256 of the body before and after; the day dropped; first of the ids
  database_user text NOT NULL DEFAULT session_user
);
SELECT bsp.secure_by_tenant('bsp.evidence_acts');

-- The owner's functions see every row, so they ask first whether this transaction is the organization's.
CREATE FUNCTION bsp.require_tenant(p_tenant text) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF NOT coalesce(p_tenant = ANY (bsp.tenant_ids()), false) THEN
    RAISE EXCEPTION 'this transaction is not organization %''s (bsp.tenants)', p_tenant USING ERRCODE = 'insufficient_privilege';
  END IF;
END $$;

CREATE OR REPLACE FUNCTION bsp.archive_streams(p_tenant text, p_ids uuid[], p_versions bigint[]) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone uuid[];
BEGIN
  PERFORM bsp.require_tenant(p_tenant);
  WITH put AS (
    UPDATE public.mt_streams t SET is_archived = true FROM unnest(p_ids, p_versions) AS q (id, version)
     WHERE t.tenant_id = p_tenant AND t.id = q.id AND t.version = q.version AND t.is_archived IS NOT TRUE RETURNING t.id)
  SELECT array_agg(put.id) INTO gone FROM put;
  IF gone IS NULL THEN RETURN 0; END IF;
  UPDATE public.mt_events e SET is_archived = true WHERE e.tenant_id = p_tenant AND e.stream_id = ANY (gone) AND e.is_archived IS NOT TRUE;
  INSERT INTO bsp.evidence_acts (organization_id, act, number, subject) VALUES (p_tenant::uuid, 'streams.archived', cardinality(gone), gone[1]::text);
  RETURN cardinality(gone);
END $$;

CREATE OR REPLACE FUNCTION bsp.restore_streams(p_tenant text, p_ids uuid[]) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  back uuid[];
BEGIN
  PERFORM bsp.require_tenant(p_tenant);
  WITH put AS (UPDATE public.mt_streams t SET is_archived = false WHERE t.tenant_id = p_tenant AND t.id = ANY (p_ids) AND t.is_archived RETURNING t.id)
  SELECT array_agg(put.id) INTO back FROM put;
  IF back IS NULL THEN RETURN 0; END IF;
  UPDATE public.mt_events e SET is_archived = false WHERE e.tenant_id = p_tenant AND e.stream_id = ANY (back) AND e.is_archived IS NOT FALSE;
  INSERT INTO bsp.evidence_acts (organization_id, act, number, subject) VALUES (p_tenant::uuid, 'streams.restored', cardinality(back), back[1]::text);
  RETURN cardinality(back);
END $$;

-- Without its key what the log holds of a person cannot be read any more.
CREATE FUNCTION bsp.destroy_keys(p_organization uuid, p_ids uuid[]) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone int;
BEGIN
  PERFORM bsp.require_tenant(p_organization::text);
  DELETE FROM bsp.contact_keys k WHERE k.organization_id = p_organization AND k.contact_id = ANY (p_ids);
  GET DIAGNOSTICS gone = ROW_COUNT;
  IF gone > 0 THEN
    INSERT INTO bsp.evidence_acts (organization_id, act, number, subject) VALUES (p_organization, 'keys.destroyed', gone, p_ids[1]::text);
  END IF;
  RETURN gone;
END $$;

-- As in 0127; the keys go by the owner's hand.
CREATE OR REPLACE FUNCTION bsp.erase_contacts(organization uuid, ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
  WITH gone AS (DELETE FROM contacts c WHERE c.organization_id = organization AND c.id = ANY (ids) RETURNING c.id, c.row_version)
  SELECT coalesce(string_agg(g.id || ':' || g.row_version, ',' ORDER BY g.id), '') INTO found FROM gone g;
  PERFORM set_config('bsp.erased_rows', found, true);
  PERFORM bsp.destroy_keys(organization, ids);
  DELETE FROM bsp.contact_aliases x WHERE x.organization_id = organization AND (x.contact_id = ANY (ids) OR x.into_id = ANY (ids));
  DELETE FROM bsp.list_history h WHERE h.organization_id = organization AND h.contact_id = ANY (ids);
END $$;

-- A person who was erased is kept by the order's trigger alone. The owner sees every organization's rows: it says whose.
CREATE OR REPLACE FUNCTION bsp.note_erased() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM bsp.erased_contacts e WHERE e.organization_id = NEW.organization_id AND e.erasure_id = NEW.contact_id AND NOT e.contact_id = ANY (NEW.contact_ids);
  INSERT INTO bsp.erased_contacts (organization_id, contact_id, erasure_id) SELECT NEW.organization_id, i, NEW.contact_id FROM unnest(NEW.contact_ids) AS i
  ON CONFLICT (organization_id, contact_id) DO UPDATE SET erasure_id = excluded.erasure_id;
  RETURN NULL;
END $$;

-- The journal: what was received, and what an erasure cut out of it.
CREATE OR REPLACE FUNCTION bsp.journal_redact(p_id bigint, p_received_at timestamptz, p_body bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH before AS (SELECT j.id, j.received_at, j.body, j.organization_id FROM bsp.webhook_journal j WHERE j.id = p_id AND j.received_at = p_received_at FOR UPDATE),
    cut AS (UPDATE bsp.webhook_journal j SET body = p_body FROM before b WHERE j.id = b.id AND j.received_at = b.received_at RETURNING j.id)
  INSERT INTO bsp.evidence_acts (organization_id, act, number, subject)
  SELECT coalesce(b.organization_id, '00000000-0000-0000-0000-000000000000'), 'webhook.redacted', 1, format('%s %s %s', b.id, encode(sha256(b.body), 'hex'), encode(sha256(p_body), 'hex'))
    FROM before b JOIN cut c ON c.id = b.id
$$;

CREATE OR REPLACE FUNCTION bsp.journal_make_partitions(p_from date, p_days int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE d date; name text;
BEGIN
  FOR i IN 0 .. p_days - 1 LOOP
    d := p_from + i; name := 'webhook_journal_' || to_char(d, 'YYYYMMDD');
    IF to_regclass('bsp.' || name) IS NULL THEN
      EXECUTE format('CREATE TABLE bsp.%I PARTITION OF bsp.webhook_journal FOR VALUES FROM (%L) TO (%L)', name, d::timestamp AT TIME ZONE 'UTC', (d + 1)::timestamp AT TIME ZONE 'UTC');
      EXECUTE format('REVOKE ALL ON bsp.%I FROM bsp_app', name); -- through the journal only
    END IF;
  END LOOP;
END $$;

-- As in 0136. A week is what Meta repeats for: no caller makes it less.
CREATE OR REPLACE FUNCTION bsp.journal_drop_before(p_before date) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r record; n int := 0; rows bigint;
BEGIN
  FOR r IN SELECT c.relname, to_date(right(c.relname, 8), 'YYYYMMDD') AS day FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
            WHERE s.nspname = 'bsp' AND c.relname ~ '^webhook_journal_[0-9]{8}$' AND to_date(right(c.relname, 8), 'YYYYMMDD') < least(p_before, current_date - 6) LOOP
    CONTINUE WHEN EXISTS (SELECT 1 FROM bsp.webhook_inbox i WHERE i.received_at >= r.day::timestamp AT TIME ZONE 'UTC' AND i.received_at < (r.day + 1)::timestamp AT TIME ZONE 'UTC');
    EXECUTE format('SELECT count(*) FROM bsp.%I', r.relname) INTO rows;
    EXECUTE format('DROP TABLE bsp.%I', r.relname); n := n + 1;
    INSERT INTO bsp.evidence_acts (organization_id, act, number, subject) VALUES ('00000000-0000-0000-0000-000000000000', 'webhooks.dropped', rows, r.day::text);
  END LOOP;
  RETURN n;
END $$;

-- The audit trail as a chain: each act of an organization takes in the hash of the one before it. The head is moved by the trigger alone, also where triggers are switched off.
ALTER TABLE bsp.audit_trail ADD COLUMN position bigint, ADD COLUMN hash bytea;
CREATE TABLE bsp.audit_heads (
  organization_id uuid PRIMARY KEY,
  position bigint NOT NULL,         -- number of acts
  hash bytea NOT NULL               -- of the last one
) WITH (fillfactor = 70);
SELECT bsp.secure_by_tenant('bsp.audit_heads');

-- Fields as <bytes>:<value>, so that nothing can move from one to the next; null is ~,
CREATE FUNCTION bsp.canonical(p_fields text[]) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT string_agg(CASE WHEN f.v IS NULL THEN '~,'::bytea ELSE convert_to(octet_length(convert_to(f.v, 'UTF8')) || ':' || f.v || ',', 'UTF8') END, ''::bytea ORDER BY f.o)
    FROM unnest(p_fields) WITH ORDINALITY AS f (v, o)
$$;

CREATE FUNCTION bsp.act_hash(p_before bytea, a bsp.audit_trail) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(p_before || bsp.canonical(ARRAY['bsp.act.1', a.organization_id::text, a.position::text, a.id::text, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    a.act, a.actor, a.address, a.target_type, a.target_id::text, cardinality(a.changed)::text] || coalesce(a.changed, '{}')))
$$;

CREATE FUNCTION bsp.chain_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE head bsp.audit_heads;
BEGIN
  IF EXISTS (SELECT FROM bsp.audit_trail t WHERE t.organization_id = NEW.organization_id AND t.id = NEW.id) THEN RETURN NULL; END IF; -- noted before
  INSERT INTO bsp.audit_heads AS h (organization_id, position, hash) VALUES (NEW.organization_id, 0, decode(repeat('00', 32), 'hex'))
    ON CONFLICT (organization_id) DO UPDATE SET position = h.position RETURNING * INTO head; -- locked until the commit
  NEW.position := head.position + 1;
  NEW.hash := bsp.act_hash(head.hash, NEW);
  UPDATE bsp.audit_heads h SET position = NEW.position, hash = NEW.hash WHERE h.organization_id = NEW.organization_id;
  RETURN NEW;
END $$;

DO $$
DECLARE a bsp.audit_trail; head bytea; of uuid; n bigint;
BEGIN
  FOR a IN SELECT * FROM bsp.audit_trail ORDER BY organization_id, id LOOP
    IF of IS DISTINCT FROM a.organization_id THEN of := a.organization_id; n := 0; head := decode(repeat('00', 32), 'hex'); END IF;
    n := n + 1;
    a.position := n;
    head := bsp.act_hash(head, a);
    UPDATE bsp.audit_trail t SET position = n, hash = head WHERE t.organization_id = a.organization_id AND t.id = a.id;
    INSERT INTO bsp.audit_heads (organization_id, position, hash) VALUES (of, n, head) ON CONFLICT (organization_id) DO UPDATE SET position = n, hash = head;
  END LOOP;
END $$;
ALTER TABLE bsp.audit_trail ALTER COLUMN position SET NOT NULL, ALTER COLUMN hash SET NOT NULL;
CREATE UNIQUE INDEX audit_trail_position ON bsp.audit_trail (organization_id, position);
CREATE TRIGGER chain_act BEFORE INSERT ON bsp.audit_trail FOR EACH ROW EXECUTE FUNCTION bsp.chain_act();
ALTER TABLE bsp.audit_trail ENABLE ALWAYS TRIGGER chain_act;

-- Rights. Of a stream's row an append moves version and time, nothing else.
REVOKE ALL ON public.mt_events, public.mt_streams, public.transactions, bsp.audit_trail, bsp.audit_heads, bsp.webhook_journal, bsp.webhook_journal_default, bsp.evidence_acts,
  bsp.erased_contacts, bsp.contact_keys FROM bsp_app;
GRANT SELECT, INSERT ON public.mt_events, public.mt_streams, public.transactions, bsp.webhook_journal, bsp.contact_keys TO bsp_app;
GRANT UPDATE (version, "timestamp") ON public.mt_streams TO bsp_app;
GRANT UPDATE (wrapped_key, master_key_id) ON bsp.contact_keys TO bsp_app; -- rotation
GRANT SELECT ON bsp.audit_trail, bsp.audit_heads, bsp.evidence_acts, bsp.erased_contacts TO bsp_app;
GRANT INSERT (organization_id, id, at, act, actor, address, target_type, target_id, changed) ON bsp.audit_trail TO bsp_app;
DO $$
DECLARE t regclass;
BEGIN
  FOR t IN SELECT i.inhrelid::regclass FROM pg_inherits i WHERE i.inhparent = 'bsp.webhook_journal'::regclass LOOP
    EXECUTE format('REVOKE ALL ON %s FROM bsp_app', t);
  END LOOP;
END $$;

-- Whatever the owner made before: not PUBLIC's to execute, and pg_temp last where it runs with the owner's rights (else a temporary table can take a name's place).
DO $$
DECLARE f record; path text;
BEGIN
  FOR f IN SELECT p.oid::regprocedure AS name, p.prosecdef, p.prokind, has_function_privilege('bsp_app', p.oid, 'EXECUTE') AS ours,
                  (SELECT substr(c, 13) FROM unnest(p.proconfig) c WHERE c LIKE 'search\_path=%') AS path
             FROM pg_proc p WHERE p.pronamespace IN ('bsp'::regnamespace, 'public'::regnamespace, (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'documents'))
                              AND p.proowner = 'bsp_owner'::regrole AND p.prokind IN ('f', 'p') LOOP
    EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', f.name);
    IF f.ours THEN EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO bsp_app', f.name); END IF;
    IF f.prosecdef AND coalesce(f.path, '') !~ 'pg_temp"?$' THEN
      path := coalesce(nullif(f.path, ''), 'pg_catalog');
      EXECUTE format('ALTER ROUTINE %s SET search_path = %s, pg_temp', f.name, path);
    END IF;
  END LOOP;
END $$;
