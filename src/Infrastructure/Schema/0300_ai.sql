-- Answers and analyses by machines: settings, what waits to be read or answered, what was spent, shadows. docs/decisions/0300, 0301, 0302.
SET ROLE bsp_owner;

CREATE TABLE bsp.ai_settings (
  organization_id uuid PRIMARY KEY,
  analysis boolean NOT NULL DEFAULT false,
  auto_reply boolean NOT NULL DEFAULT false,
  settings jsonb NOT NULL DEFAULT '{}',
  api_key text,                           -- sealed under the master key
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  row_version bigint NOT NULL DEFAULT 1,
  CHECK (analysis OR NOT auto_reply)
);
SELECT bsp.secure_by_tenant('bsp.ai_settings');

-- Whose turn it is: one row an organization for which something waits. Whoever takes it works for that organization alone, so that
-- a slow model of one is waited for by nobody else.
CREATE TABLE bsp.ai_turns (
  organization_id uuid PRIMARY KEY,
  due_at timestamptz,                     -- when the first of its work is due; null: nothing waits
  leased_until timestamptz
) WITH (fillfactor = 50);
CREATE INDEX ai_turns_due ON bsp.ai_turns (due_at) WHERE due_at IS NOT NULL;
SELECT bsp.secure_by_tenant('bsp.ai_turns');

-- Messages that are still to be analysed; deleted by the append of the analysis.
CREATE TABLE bsp.ai_work (
  message_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  due_at timestamptz NOT NULL,
  attempts int NOT NULL DEFAULT 0
) WITH (fillfactor = 80);
CREATE INDEX ai_work_due ON bsp.ai_work (organization_id, due_at);
SELECT bsp.secure_by_tenant('bsp.ai_work');

-- Bursts of a customer's messages that wait for one decision; what was decided on is taken out by the append of the decision.
CREATE TABLE bsp.ai_bursts (
  conversation_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  account_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  first_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  sequence bigint NOT NULL,               -- place in the log of its last message
  messages uuid[] NOT NULL,               -- the latest 20
  attempts int NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX ai_bursts_due ON bsp.ai_bursts (organization_id, due_at);
CREATE INDEX ai_bursts_contact ON bsp.ai_bursts (contact_id);
SELECT bsp.secure_by_tenant('bsp.ai_bursts');

-- What models took in a calendar month, UTC. Reserved: of calls under way, and of those of which nobody knows how they ended.
CREATE TABLE bsp.ai_usage (
  organization_id uuid NOT NULL,
  month text NOT NULL,
  cost numeric(18, 6) NOT NULL DEFAULT 0,
  reserved numeric(18, 6) NOT NULL DEFAULT 0,
  calls bigint NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (organization_id, month)
) WITH (fillfactor = 50);
SELECT bsp.secure_by_tenant('bsp.ai_usage');

-- Instructions as they went to models, by their hash, which is what events name.
CREATE TABLE bsp.ai_prompts (
  organization_id uuid NOT NULL,
  hash text NOT NULL,
  text text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, hash)
);
SELECT bsp.secure_by_tenant('bsp.ai_prompts');

-- A day of the log through other instructions or another model, without sending.
CREATE TABLE bsp.ai_shadows (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  day date NOT NULL,
  status text NOT NULL CHECK (status IN ('planning', 'running', 'completed', 'failed', 'cancelled')),
  settings jsonb NOT NULL,
  api_key text,
  bursts_max int NOT NULL,
  bursts int NOT NULL DEFAULT 0,
  done int NOT NULL DEFAULT 0,
  failed int NOT NULL DEFAULT 0,
  truncated boolean NOT NULL DEFAULT false,
  error text,
  leased_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz
) WITH (fillfactor = 50);
CREATE INDEX ai_shadows_organization ON bsp.ai_shadows (organization_id, id);
CREATE INDEX ai_shadows_open ON bsp.ai_shadows (created_at) WHERE status IN ('planning', 'running');
SELECT bsp.secure_by_tenant('bsp.ai_shadows');

CREATE TABLE bsp.ai_shadow_items (
  shadow_id uuid NOT NULL REFERENCES bsp.ai_shadows ON DELETE CASCADE,
  ordinal int NOT NULL,
  organization_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  at timestamptz NOT NULL,                -- by the log's clock
  messages uuid[] NOT NULL,               -- the burst
  history uuid[] NOT NULL,                -- what came before, oldest first
  actual text NOT NULL,                   -- reply, handover, silent, person or none
  actual_reason text,
  actual_message uuid,                    -- the answer that was given
  action text,                            -- of the shadow; null: not done yet
  reason text,
  intent text,
  distance real,                          -- of the two answers, 0 equal to 1 nothing in common; null: there are not two
  input_tokens int,
  output_tokens int,
  cost numeric(18, 6),
  latency_ms int,
  key_id uuid,                            -- the shadow's answer, sealed under the contact's key
  data text,
  done_at timestamptz,
  PRIMARY KEY (shadow_id, ordinal)
);
CREATE INDEX ai_shadow_items_open ON bsp.ai_shadow_items (shadow_id, ordinal) WHERE done_at IS NULL;
SELECT bsp.secure_by_tenant('bsp.ai_shadow_items');

-- The workers know no organization: the owner's functions tell them whose turn it is, with ids alone.
CREATE FUNCTION bsp.take_ai_turns(p_now timestamptz, p_until timestamptz, p_limit int) RETURNS TABLE (organization_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH due AS (SELECT t.organization_id FROM bsp.ai_turns t
                WHERE t.due_at IS NOT NULL AND t.due_at <= p_now AND (t.leased_until IS NULL OR t.leased_until <= p_now)
                ORDER BY t.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE bsp.ai_turns r SET leased_until = p_until FROM due WHERE r.organization_id = due.organization_id RETURNING r.organization_id
$$;

CREATE FUNCTION bsp.take_ai_shadow(p_now timestamptz, p_until timestamptz) RETURNS TABLE (organization_id uuid, id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH due AS (SELECT s.id FROM bsp.ai_shadows s
                WHERE s.status IN ('planning', 'running') AND (s.leased_until IS NULL OR s.leased_until <= p_now)
                ORDER BY s.created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  UPDATE bsp.ai_shadows r SET leased_until = p_until FROM due WHERE r.id = due.id RETURNING r.organization_id, r.id
$$;

-- How much waits, and since when, for metrics; and what is old.
CREATE FUNCTION bsp.ai_waiting(p_now timestamptz) RETURNS TABLE (organizations bigint, overdue_seconds double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  SELECT count(*), coalesce(extract(epoch FROM p_now - min(t.due_at)), 0)::double precision FROM bsp.ai_turns t WHERE t.due_at <= p_now
$$;

CREATE FUNCTION bsp.sweep_ai(p_shadows_before timestamptz, p_limit int) RETURNS int
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH old AS (SELECT s.id FROM bsp.ai_shadows s WHERE s.created_at < p_shadows_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM bsp.ai_shadows s USING old WHERE s.id = old.id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;
CREATE INDEX ai_shadows_age ON bsp.ai_shadows USING brin (created_at);

REVOKE ALL ON FUNCTION bsp.take_ai_turns(timestamptz, timestamptz, int), bsp.take_ai_shadow(timestamptz, timestamptz),
  bsp.ai_waiting(timestamptz), bsp.sweep_ai(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.take_ai_turns(timestamptz, timestamptz, int), bsp.take_ai_shadow(timestamptz, timestamptz),
  bsp.ai_waiting(timestamptz), bsp.sweep_ai(timestamptz, int) TO bsp_app;

-- AI histories are rebuilt with the conversations that they belong to. A rebuild that is under way knows nothing of them: it is given up.
CREATE INDEX ai_conversations_contact ON documents.ai_conversations (contact_id);
CREATE INDEX ai_conversations_organization ON documents.ai_conversations (organization_id, updated_at DESC);
CREATE INDEX ai_conversations_age ON documents.ai_conversations (updated_at);
SELECT documents.drop_next();
DELETE FROM bsp.projections WHERE name = 'conversations.v1+next';
CREATE OR REPLACE FUNCTION documents.view_tables() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY['conversations', 'messages', 'message_logs', 'ai_conversations']
$$;

CREATE FUNCTION documents.sweep_ai(p_before timestamptz, p_limit int) RETURNS int
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH old AS (SELECT _id FROM documents.ai_conversations WHERE updated_at < p_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM documents.ai_conversations d USING old WHERE d._id = old._id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;
REVOKE EXECUTE ON FUNCTION documents.sweep_ai(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION documents.sweep_ai(timestamptz, int) TO bsp_app;

-- The process manager ai_work.v1 begins where the log ends now: nobody is answered who wrote before there was somebody to answer.
INSERT INTO bsp.projections (name, sequence)
  SELECT 'ai_work.v1', CASE WHEN is_called THEN last_value ELSE 0 END FROM public.mt_events_sequence;
