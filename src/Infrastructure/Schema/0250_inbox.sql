-- The inbox beside its documents: what decisions, campaigns and workers must know at once, notes, teams, canned replies. docs/decisions/0250, 0251, 0252.
SET ROLE bsp_owner;

-- A row for each conversation of which somebody decided something; written in the append's own transaction. No foreign keys: the lanes leave triggers out.
CREATE TABLE bsp.inbox_states (
  conversation_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  account_id uuid NOT NULL,
  contact_id uuid NOT NULL,               -- all zeros: a group
  status text NOT NULL DEFAULT 'active',
  assigned_to uuid,
  team_id uuid,
  queued_at timestamptz,                  -- since when it waits for a member of its team
  snoozed_until timestamptz,
  waiting_since timestamptz               -- the customer's first message that nobody has answered; known from when there is a row
) WITH (fillfactor = 80);
CREATE INDEX inbox_states_contact ON bsp.inbox_states (contact_id);
CREATE INDEX inbox_states_spam ON bsp.inbox_states (contact_id) WHERE status = 'spam';
CREATE INDEX inbox_states_assigned ON bsp.inbox_states (organization_id, assigned_to) WHERE assigned_to IS NOT NULL AND status = 'active';
CREATE INDEX inbox_states_queue ON bsp.inbox_states (team_id, queued_at, conversation_id) WHERE queued_at IS NOT NULL AND status = 'active' AND snoozed_until IS NULL;
CREATE INDEX inbox_states_snoozed ON bsp.inbox_states (snoozed_until) WHERE snoozed_until IS NOT NULL;
SELECT bsp.secure_by_tenant('bsp.inbox_states');

CREATE TABLE bsp.conversation_notes (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  key_id uuid NOT NULL,                   -- the text is sealed: without the key it is erased
  data text NOT NULL,
  user_id uuid,
  author text NOT NULL,
  mentions uuid[] NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX conversation_notes_conversation ON bsp.conversation_notes (conversation_id, created_at DESC, id DESC);
CREATE INDEX conversation_notes_contact ON bsp.conversation_notes (contact_id);
CREATE INDEX conversation_notes_age ON bsp.conversation_notes USING brin (created_at);
SELECT bsp.secure_by_tenant('bsp.conversation_notes');

CREATE TABLE bsp.mentions (
  user_id uuid NOT NULL,
  note_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  seen_at timestamptz,
  PRIMARY KEY (user_id, note_id)
);
CREATE INDEX mentions_conversation ON bsp.mentions (conversation_id, user_id) WHERE seen_at IS NULL;
CREATE INDEX mentions_age ON bsp.mentions USING brin (created_at);
SELECT bsp.secure_by_tenant('bsp.mentions');

-- What Meta is still to be told: up to which message a person has read. One row a conversation, for a later mark covers all before it.
CREATE TABLE bsp.read_marks (
  conversation_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  account_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  wamid text NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE INDEX read_marks_due ON bsp.read_marks (due_at);
CREATE INDEX read_marks_contact ON bsp.read_marks (contact_id);
SELECT bsp.secure_by_tenant('bsp.read_marks');

CREATE TABLE bsp.teams (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  name text NOT NULL,
  assignment text NOT NULL CHECK (assignment IN ('manual', 'round_robin', 'least_busy')),
  capacity int CHECK (capacity BETWEEN 1 AND 1000),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  row_version bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX teams_name ON bsp.teams (organization_id, name);
SELECT bsp.secure_by_tenant('bsp.teams');

CREATE TABLE bsp.team_members (
  team_id uuid NOT NULL REFERENCES bsp.teams ON DELETE CASCADE,
  user_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  given_at timestamptz,                   -- when they were last given a conversation: whose turn it is
  PRIMARY KEY (team_id, user_id)
);
SELECT bsp.secure_by_tenant('bsp.team_members');

CREATE TABLE bsp.team_accounts (
  account_id uuid PRIMARY KEY,            -- a number's new conversations go to one team
  team_id uuid NOT NULL REFERENCES bsp.teams ON DELETE CASCADE,
  organization_id uuid NOT NULL
);
CREATE INDEX team_accounts_team ON bsp.team_accounts (team_id);
SELECT bsp.secure_by_tenant('bsp.team_accounts');

CREATE TABLE bsp.canned_replies (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  shortcut text NOT NULL,
  text text NOT NULL,
  language text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  row_version bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX canned_replies_shortcut ON bsp.canned_replies (organization_id, shortcut);
SELECT bsp.secure_by_tenant('bsp.canned_replies');

-- The workers know no organization: the owner's functions tell them where there is something to do, with ids alone.
CREATE FUNCTION bsp.due_snoozes(p_now timestamptz, p_limit int) RETURNS TABLE (organization_id uuid, conversation_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  SELECT s.organization_id, s.conversation_id FROM bsp.inbox_states s WHERE s.snoozed_until IS NOT NULL AND s.snoozed_until <= p_now ORDER BY s.snoozed_until LIMIT p_limit
$$;

-- Takes marks that are due and keeps others from them for a while; the worker that is killed in between is followed by another.
CREATE FUNCTION bsp.take_read_marks(p_now timestamptz, p_until timestamptz, p_limit int)
RETURNS TABLE (organization_id uuid, conversation_id uuid, account_id uuid, wamid text, attempts int)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH due AS (SELECT m.conversation_id FROM bsp.read_marks m WHERE m.due_at <= p_now ORDER BY m.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE bsp.read_marks r SET due_at = p_until, attempts = r.attempts + 1 FROM due WHERE r.conversation_id = due.conversation_id
  RETURNING r.organization_id, r.conversation_id, r.account_id, r.wamid, r.attempts
$$;

-- Organizations whose teams have somebody to serve: something in a queue, or given to somebody.
CREATE FUNCTION bsp.organizations_with_teams(p_limit int) RETURNS TABLE (organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  SELECT DISTINCT t.organization_id FROM bsp.teams t WHERE t.assignment <> 'manual' LIMIT p_limit
$$;

CREATE FUNCTION bsp.sweep_inbox(p_notes_before timestamptz, p_mentions_before timestamptz, p_limit int) RETURNS int
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH old AS (SELECT id FROM bsp.conversation_notes WHERE created_at < p_notes_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       notes AS (DELETE FROM bsp.conversation_notes n USING old WHERE n.id = old.id RETURNING 1),
       seen AS (SELECT user_id, note_id FROM bsp.mentions WHERE created_at < p_mentions_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM bsp.mentions m USING seen WHERE (m.user_id, m.note_id) = (seen.user_id, seen.note_id) RETURNING 1)
  SELECT ((SELECT count(*) FROM notes) + (SELECT count(*) FROM gone))::int
$$;

REVOKE ALL ON FUNCTION bsp.due_snoozes(timestamptz, int), bsp.take_read_marks(timestamptz, timestamptz, int), bsp.organizations_with_teams(int), bsp.sweep_inbox(timestamptz, timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.due_snoozes(timestamptz, int), bsp.take_read_marks(timestamptz, timestamptz, int), bsp.organizations_with_teams(int), bsp.sweep_inbox(timestamptz, timestamptz, int) TO bsp_app;

-- What the list of conversations is filtered by lies beside the document: a page that keeps few looks at columns, not into JSON.
ALTER TABLE documents.conversations
  ADD COLUMN priority text,
  ADD COLUMN team_id uuid,
  ADD COLUMN unread int,
  ADD COLUMN window_until timestamptz,
  ADD COLUMN snoozed_until timestamptz,
  ADD COLUMN tags jsonb;
UPDATE documents.conversations SET priority = doc ->> 'priority', unread = (doc ->> 'unread_count')::int, window_until = (doc ->> 'window_until')::timestamptz,
  tags = coalesce(doc -> 'tags', '[]');
CREATE INDEX conversations_unread ON documents.conversations (organization_id, last_message_at DESC, _id DESC) WHERE unread > 0;
CREATE INDEX conversations_mine ON documents.conversations (organization_id, assigned_to, last_message_at DESC, _id DESC) WHERE assigned_to <> '00000000-0000-0000-0000-000000000000';
