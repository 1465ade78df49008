-- What is kept for how long (docs/decisions/0340), and how far the work of it is. A policy row is there only for who differs from the specification.
SET ROLE bsp_owner;

CREATE TABLE bsp.retention_policies (
  organization_id uuid PRIMARY KEY,
  message_content_days int,         -- null: the specification's, as in RetentionRules
  message_logs_days int,
  ai_conversations_days int,
  updated_at timestamptz NOT NULL DEFAULT now(),
  row_version bigint NOT NULL DEFAULT 0
);
SELECT bsp.secure_by_tenant('bsp.retention_policies');

-- Nothing of a held organization or contact goes. Rows stay when a hold is released: they say who held what, and why.
CREATE TABLE bsp.legal_holds (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  contact_id uuid,                  -- null: everything of the organization
  reason text NOT NULL,
  placed_at timestamptz NOT NULL,
  placed_by text NOT NULL,
  released_at timestamptz,
  released_by text
);
CREATE INDEX legal_holds_organization ON bsp.legal_holds (organization_id, id);
CREATE UNIQUE INDEX legal_holds_once ON bsp.legal_holds (organization_id, coalesce(contact_id, '00000000-0000-0000-0000-000000000000')) WHERE released_at IS NULL;
SELECT bsp.secure_by_tenant('bsp.legal_holds');

-- One row a kind of data: who is at it, when it is due again, what it came to. Of no organization.
CREATE TABLE bsp.retention_rounds (
  kind text PRIMARY KEY,
  due_at timestamptz NOT NULL,
  leased_by uuid,
  leased_until timestamptz,
  started_at timestamptz,
  completed_at timestamptz,
  gone bigint NOT NULL DEFAULT 0,         -- of the last round
  gone_total bigint NOT NULL DEFAULT 0,
  failures int NOT NULL DEFAULT 0,        -- in a row
  error text                              -- of the last one; null: it worked
) WITH (fillfactor = 50);

-- Organizations that have a policy or a hold of their own: few. The worker names each of the others by the specification's times.
CREATE FUNCTION bsp.retention_exceptions()
RETURNS TABLE (organization_id uuid, message_content_days int, message_logs_days int, ai_conversations_days int, held boolean, contacts uuid[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT o.id, max(p.message_content_days), max(p.message_logs_days), max(p.ai_conversations_days), coalesce(bool_or(h.id IS NOT NULL AND h.contact_id IS NULL), false),
         coalesce(array_agg(h.contact_id) FILTER (WHERE h.contact_id IS NOT NULL), '{}') || coalesce(array_agg(x.into_id) FILTER (WHERE x.into_id IS NOT NULL), '{}')
    FROM (SELECT p.organization_id AS id FROM bsp.retention_policies p UNION SELECT h.organization_id FROM bsp.legal_holds h WHERE h.released_at IS NULL) o
    LEFT JOIN bsp.retention_policies p ON p.organization_id = o.id
    LEFT JOIN bsp.legal_holds h ON h.organization_id = o.id AND h.released_at IS NULL
    LEFT JOIN bsp.contact_aliases x ON x.contact_id = h.contact_id -- merged since: their messages are the other's by now
   GROUP BY o.id
$$;

-- Of all but those who differ: theirs go by their own times.
CREATE OR REPLACE FUNCTION documents.sweep_logs(p_before timestamptz, p_limit int) RETURNS int
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
  WITH old AS (SELECT l._id FROM documents.message_logs l WHERE l.created_at < p_before
                  AND NOT EXISTS (SELECT FROM bsp.retention_policies p WHERE p.organization_id = l.organization_id AND p.message_logs_days IS NOT NULL)
                  AND NOT EXISTS (SELECT FROM bsp.legal_holds h WHERE h.organization_id = l.organization_id AND h.contact_id IS NULL AND h.released_at IS NULL)
                LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM documents.message_logs d USING old WHERE d._id = old._id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;

-- Archives of what was deleted: sealed objects in object storage, and where in them a conversation lies; docs/decisions/0341.
CREATE TABLE bsp.archives (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  kind text NOT NULL,                     -- messages, ai_conversations
  state text NOT NULL CHECK (state IN ('writing', 'kept')),
  object_key text NOT NULL UNIQUE,
  dictionary smallint NOT NULL,           -- which of ours it is compressed with
  bytes bigint NOT NULL DEFAULT 0,
  json_bytes bigint NOT NULL DEFAULT 0,   -- of the documents, before
  sha256 bytea,                           -- of the object
  documents int NOT NULL DEFAULT 0,
  contents int NOT NULL DEFAULT 0,        -- of events, that went
  contents_sha256 bytea,
  kept_sequence bigint,                   -- of its event: views that have read it have taken the documents away
  first_position bigint,                  -- packed, of the documents
  last_position bigint,
  first_at timestamptz,
  last_at timestamptz,
  before timestamptz NOT NULL,
  started_at timestamptz NOT NULL,
  kept_at timestamptz
);
CREATE INDEX archives_organization ON bsp.archives (organization_id, kind, id);
SELECT bsp.secure_by_tenant('bsp.archives');

CREATE TABLE bsp.archive_parts (
  organization_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  archive_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  starts_at bigint NOT NULL,              -- byte of the object at which the contact's piece begins
  length int NOT NULL,
  messages int NOT NULL,
  PRIMARY KEY (organization_id, conversation_id, archive_id, contact_id)
);
CREATE INDEX archive_parts_archive ON bsp.archive_parts (archive_id);
SELECT bsp.secure_by_tenant('bsp.archive_parts');

-- Conversations that were brought back are left alone until then.
CREATE TABLE bsp.archive_restores (
  organization_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  restored_at timestamptz NOT NULL,
  until timestamptz NOT NULL,
  messages int NOT NULL,
  PRIMARY KEY (organization_id, conversation_id)
);
SELECT bsp.secure_by_tenant('bsp.archive_restores');

-- Events whose sealed content was taken out, with the hashes of the body before and after: the sealed days are proven by the former. Added to by the owner's function alone.
CREATE TABLE bsp.retired_contents (
  seq_id bigint PRIMARY KEY,
  organization_id uuid NOT NULL,
  archive_id uuid NOT NULL,
  was bytea NOT NULL,                     -- SHA-256 of the body as it was sealed
  kept bytea NOT NULL                     -- and of what is left of it
);
CREATE INDEX retired_contents_archive ON bsp.retired_contents (archive_id, seq_id);
SELECT bsp.secure_by_tenant('bsp.retired_contents');
REVOKE ALL ON bsp.retired_contents FROM bsp_app;
GRANT SELECT ON bsp.retired_contents TO bsp_app;

CREATE FUNCTION bsp.content_field(p_type text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE p_type WHEN 'message_queued' THEN 'content' WHEN 'message_received' THEN 'content' WHEN 'message_auto_replied' THEN 'content' WHEN 'message_analysed' THEN 'words'
    WHEN 'conversation_auto_answered' THEN 'exchange' WHEN 'conversation_handed_over' THEN 'exchange' WHEN 'conversation_left_silent' THEN 'exchange' END
$$;

-- Takes the sealed content out of the events of these streams, of these types and before this time, and writes down what was there. The archive must be one that is being written in
-- this transaction's organization: nothing goes that is in none. One look-up a stream, whatever the planner knows.
CREATE FUNCTION bsp.retire_contents(p_organization uuid, p_archive uuid, p_streams uuid[], p_types text[], p_before timestamptz) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  gone int;
BEGIN
  PERFORM bsp.require_tenant(p_organization::text);
  PERFORM 1 FROM bsp.archives a WHERE a.id = p_archive AND a.organization_id = p_organization AND a.state = 'writing' FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'archive % is none that is being written', p_archive USING ERRCODE = 'insufficient_privilege'; END IF;
  WITH old AS MATERIALIZED (
    SELECT e.seq_id, e.data, jsonb_set(e.data, ARRAY[bsp.content_field(e.type), 'data'], '""') AS kept
      FROM unnest(p_streams) AS s (id) CROSS JOIN LATERAL (
        SELECT e.seq_id, e.data, e.type FROM public.mt_events e
         WHERE e.tenant_id = p_organization::text AND e.stream_id = s.id AND e.type = ANY (p_types) AND e.timestamp < p_before
           AND e.data #>> ARRAY[bsp.content_field(e.type), 'data'] <> '' OFFSET 0) e
  ), changed AS (
    UPDATE public.mt_events t SET data = o.kept FROM old o WHERE t.seq_id = o.seq_id
    RETURNING t.seq_id, sha256(convert_to(o.data::text, 'UTF8')) AS was, sha256(convert_to(o.kept::text, 'UTF8')) AS kept
  )
  INSERT INTO bsp.retired_contents (seq_id, organization_id, archive_id, was, kept) SELECT c.seq_id, p_organization, p_archive, c.was, c.kept FROM changed c;
  GET DIAGNOSTICS gone = ROW_COUNT;
  IF gone > 0 THEN
    INSERT INTO bsp.evidence_acts (organization_id, act, number, subject) VALUES (p_organization, 'contents.retired', gone, p_archive::text);
  END IF;
  RETURN gone;
END $$;

-- SHA-256 over number, hash before and hash after of each, in the order of numbers; null: none.
CREATE FUNCTION bsp.retired_digest(p_archive uuid) RETURNS bytea LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT sha256(string_agg(int8send(r.seq_id) || r.was || r.kept, ''::bytea ORDER BY r.seq_id)) FROM bsp.retired_contents r WHERE r.archive_id = p_archive
$$;

-- What the log's audit compares: what lies here beside what the archive's own event, which is sealed with its day, says of it.
CREATE FUNCTION bsp.retired_archives(p_tenant text)
RETURNS TABLE (tenant_id text, archive_id uuid, contents bigint, digest text, told_seq bigint, told_contents bigint, told_digest text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.organization_id::text, r.archive_id, r.contents, encode(bsp.retired_digest(r.archive_id), 'hex'), e.seq_id, (e.data ->> 'contents')::bigint, e.data ->> 'contents_sha256'
    FROM (SELECT c.organization_id, c.archive_id, count(*) AS contents FROM bsp.retired_contents c WHERE p_tenant IS NULL OR c.organization_id = p_tenant::uuid
           GROUP BY c.organization_id, c.archive_id) r
    LEFT JOIN LATERAL (SELECT e.seq_id, e.data FROM public.mt_events e WHERE e.tenant_id = r.organization_id::text AND e.stream_id = r.archive_id AND e.type = 'archive_kept'
                        ORDER BY e.version DESC LIMIT 1) e ON true
   ORDER BY r.archive_id
$$;

-- As in 0186, with the two hashes of what was taken out.
DROP FUNCTION bsp.read_sealable(bigint, bigint, text, int);
CREATE FUNCTION bsp.read_sealable(p_after bigint, p_up_to bigint, p_tenant text, p_limit int)
RETURNS TABLE (seq_id bigint, id uuid, tenant_id varchar, stream_id uuid, version bigint, type varchar, "timestamp" timestamptz, mt_dotnet_type varchar, correlation_id varchar, causation_id varchar,
               user_name varchar, headers bytea, data bytea, bdata bytea, was bytea, kept bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  SELECT e.seq_id, e.id, e.tenant_id, e.stream_id, e.version, e.type, e.timestamp, e.mt_dotnet_type, e.correlation_id, e.causation_id, e.user_name,
         convert_to(e.headers::text, 'UTF8'), convert_to(e.data::text, 'UTF8'), e.bdata, r.was, r.kept
    FROM public.mt_events e LEFT JOIN bsp.retired_contents r ON r.seq_id = e.seq_id
   WHERE e.seq_id > p_after AND e.seq_id <= p_up_to AND (p_tenant IS NULL OR e.tenant_id = p_tenant) ORDER BY e.seq_id LIMIT p_limit
$$;

-- Whether a contact, or their whole organization, is held: asked by whoever would erase or delete them.
CREATE FUNCTION bsp.is_held(p_organization uuid, p_contacts uuid[]) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM bsp.legal_holds h WHERE h.organization_id = p_organization AND h.released_at IS NULL AND (h.contact_id IS NULL OR h.contact_id = ANY (p_contacts)))
$$;

REVOKE ALL ON FUNCTION bsp.retention_exceptions(), documents.sweep_logs(timestamptz, int), bsp.content_field(text), bsp.retire_contents(uuid, uuid, uuid[], text[], timestamptz),
  bsp.retired_digest(uuid), bsp.retired_archives(text), bsp.read_sealable(bigint, bigint, text, int), bsp.is_held(uuid, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.retention_exceptions(), documents.sweep_logs(timestamptz, int), bsp.retire_contents(uuid, uuid, uuid[], text[], timestamptz),
  bsp.retired_digest(uuid), bsp.retired_archives(text), bsp.read_sealable(bigint, bigint, text, int), bsp.is_held(uuid, uuid[]) TO bsp_app;
-- The documents' own sweeps of messages, conversations and AI histories are no more: they go when their archive is kept, by an event.
DROP FUNCTION documents.sweep_messages(timestamptz, int);
DROP FUNCTION documents.sweep_conversations(timestamptz, int);
DROP FUNCTION documents.sweep_ai(timestamptz, int);
