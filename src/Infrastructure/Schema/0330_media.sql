-- Files: what organizations upload to send, and what customers send. Contents lie sealed in object storage; here is what is known of them. docs/decisions/0330.
SET ROLE bsp_owner;

CREATE TABLE bsp.media (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  source text NOT NULL CHECK (source IN ('upload', 'link', 'message')),
  status text NOT NULL CHECK (status IN ('waiting', 'ready', 'failed', 'deleted')),
  account_id uuid,                        -- the number that received it; null: it is the organization's own
  contact_id uuid,                        -- who sent it: erased with them; null: the organization's own
  message_id uuid,
  kind text NOT NULL CHECK (kind IN ('image', 'video', 'audio', 'document', 'sticker')),
  mime_type text,
  bytes bigint NOT NULL DEFAULT 0 CHECK (bytes >= 0),
  sha256 bytea,
  object_key text,
  key_id uuid,                            -- the content's key, sealed under the contact's (or the organization's): without it nobody reads the content
  key_data text,
  name_key_id uuid,                       -- the file's name, sealed the same way; null: it has none
  name_data text,
  meta_media_id text,                     -- of a message: what Meta calls it
  attempts int NOT NULL DEFAULT 0,
  due_at timestamptz,                     -- waiting: when it is tried (again)
  error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  stored_at timestamptz,
  CHECK (status <> 'ready' OR (object_key IS NOT NULL AND key_id IS NOT NULL AND sha256 IS NOT NULL AND mime_type IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX media_organization ON bsp.media (organization_id, id);
CREATE INDEX media_same ON bsp.media (organization_id, sha256) WHERE contact_id IS NULL AND status = 'ready';
CREATE INDEX media_due ON bsp.media (due_at) WHERE status = 'waiting';
CREATE INDEX media_contact ON bsp.media (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX media_deleted ON bsp.media (created_at) WHERE status = 'deleted';
SELECT bsp.secure_by_tenant('bsp.media');
CREATE POLICY account ON bsp.media AS RESTRICTIVE
  USING ((SELECT bsp.account()) IS NULL OR account_id IS NULL OR account_id = (SELECT bsp.account()));

-- What Meta calls a file of ours that was uploaded for a number; 30 days long.
CREATE TABLE bsp.media_at_meta (
  media_id uuid NOT NULL REFERENCES bsp.media ON DELETE CASCADE,
  phone_number_id text NOT NULL,
  organization_id uuid NOT NULL,
  meta_media_id text NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (media_id, phone_number_id)
);
SELECT bsp.secure_by_tenant('bsp.media_at_meta');

-- Bytes that an organization has stored: one row each, so that two uploads at once cannot pass the quota together.
CREATE TABLE bsp.media_usage (
  organization_id uuid PRIMARY KEY,
  bytes bigint NOT NULL DEFAULT 0
);
SELECT bsp.secure_by_tenant('bsp.media_usage');

-- Objects to be removed from object storage. A key stands here before anything is stored under it, and leaves with the row that says whose it is:
-- so whatever a killed process stored is removed, and nothing that is anybody's.
CREATE TABLE bsp.object_removals (
  object_key text PRIMARY KEY,
  organization_id uuid NOT NULL,
  due_at timestamptz NOT NULL,
  attempts int NOT NULL DEFAULT 0
);
CREATE INDEX object_removals_due ON bsp.object_removals (due_at);
SELECT bsp.secure_by_tenant('bsp.object_removals');

-- The workers know no organization. Of one organization only so many at once: a thousand files of one leave the others their turn.
CREATE FUNCTION bsp.take_media(p_now timestamptz, p_until timestamptz, p_limit int, p_each int)
RETURNS TABLE (organization_id uuid, id uuid, account_id uuid, contact_id uuid, kind text, meta_media_id text, attempts int, created_at timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH next AS (SELECT m.id, m.organization_id, m.due_at FROM bsp.media m WHERE m.status = 'waiting' AND m.due_at <= p_now ORDER BY m.due_at LIMIT 500),
       turn AS (SELECT n.id, n.due_at, row_number() OVER (PARTITION BY n.organization_id ORDER BY n.due_at) AS place FROM next n),
       mine AS (SELECT t.id FROM turn t WHERE t.place <= p_each ORDER BY t.place, t.due_at LIMIT p_limit),
       due AS (SELECT m.id FROM bsp.media m JOIN mine USING (id) WHERE m.status = 'waiting' AND m.due_at <= p_now FOR UPDATE OF m SKIP LOCKED)
  UPDATE bsp.media r SET due_at = p_until, attempts = r.attempts + 1 FROM due WHERE r.id = due.id
  RETURNING r.organization_id, r.id, r.account_id, r.contact_id, r.kind, r.meta_media_id, r.attempts, r.created_at
$$;

CREATE FUNCTION bsp.take_object_removals(p_now timestamptz, p_until timestamptz, p_limit int)
RETURNS TABLE (organization_id uuid, object_key text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH due AS (SELECT o.object_key FROM bsp.object_removals o WHERE o.due_at <= p_now ORDER BY o.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE bsp.object_removals r SET due_at = p_until, attempts = r.attempts + 1 FROM due WHERE r.object_key = due.object_key
  RETURNING r.organization_id, r.object_key
$$;

-- What was deleted is remembered for as long as Meta may repeat the message that it came with.
CREATE FUNCTION bsp.sweep_media(p_before timestamptz, p_limit int) RETURNS int
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH old AS (SELECT m.id FROM bsp.media m WHERE m.status = 'deleted' AND m.created_at < p_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM bsp.media m USING old WHERE m.id = old.id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;

REVOKE ALL ON FUNCTION bsp.take_media(timestamptz, timestamptz, int, int), bsp.take_object_removals(timestamptz, timestamptz, int), bsp.sweep_media(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.take_media(timestamptz, timestamptz, int, int), bsp.take_object_removals(timestamptz, timestamptz, int), bsp.sweep_media(timestamptz, int) TO bsp_app;
