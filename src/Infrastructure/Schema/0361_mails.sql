-- Mails to people of organizations: a row each, written in the transaction of what they tell. docs/decisions/0362.
SET ROLE bsp_owner;

CREATE TABLE bsp.mails (
  id uuid PRIMARY KEY,                    -- also its Message-Id: who receives it twice can tell
  organization_id uuid NOT NULL,
  kind text NOT NULL,
  recipient text NOT NULL,
  content text,                           -- sealed under the master key, for it may hold a token; null once it is sent or given up
  status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'sent', 'failed')),
  attempts int NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL,            -- waiting: when it is tried (again); a lease while it is being sent
  expires_at timestamptz NOT NULL,        -- waiting: after this it tells nothing that is still true
  error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz,
  CHECK (status <> 'waiting' OR content IS NOT NULL)
) WITH (fillfactor = 80);
CREATE INDEX mails_organization ON bsp.mails (organization_id, id);
CREATE INDEX mails_due ON bsp.mails (due_at) WHERE status = 'waiting';
CREATE INDEX mails_age ON bsp.mails USING brin (created_at);
SELECT bsp.secure_by_tenant('bsp.mails');

-- The sender knows no organization. Of one organization only so many at once: a thousand mails of one leave the others their turn.
CREATE FUNCTION bsp.take_mails(p_now timestamptz, p_until timestamptz, p_limit int, p_each int)
RETURNS TABLE (organization_id uuid, id uuid, kind text, recipient text, content text, attempts int, created_at timestamptz, expires_at timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH next AS (SELECT m.id, m.organization_id, m.due_at FROM bsp.mails m WHERE m.status = 'waiting' AND m.due_at <= p_now ORDER BY m.due_at LIMIT 500),
       turn AS (SELECT n.id, n.due_at, row_number() OVER (PARTITION BY n.organization_id ORDER BY n.due_at) AS place FROM next n),
       mine AS (SELECT t.id FROM turn t WHERE t.place <= p_each ORDER BY t.place, t.due_at LIMIT p_limit),
       due AS (SELECT m.id FROM bsp.mails m JOIN mine USING (id) WHERE m.status = 'waiting' AND m.due_at <= p_now FOR UPDATE OF m SKIP LOCKED)
  UPDATE bsp.mails r SET due_at = p_until, attempts = r.attempts + 1 FROM due WHERE r.id = due.id
  RETURNING r.organization_id, r.id, r.kind, r.recipient, r.content, r.attempts, r.created_at, r.expires_at
$$;

CREATE FUNCTION bsp.sweep_mails(p_before timestamptz, p_limit int) RETURNS int
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH old AS (SELECT m.id FROM bsp.mails m WHERE m.created_at < p_before AND m.status <> 'waiting' LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM bsp.mails m USING old WHERE m.id = old.id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;
REVOKE ALL ON FUNCTION bsp.take_mails(timestamptz, timestamptz, int, int), bsp.sweep_mails(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.take_mails(timestamptz, timestamptz, int, int), bsp.sweep_mails(timestamptz, int) TO bsp_app;
