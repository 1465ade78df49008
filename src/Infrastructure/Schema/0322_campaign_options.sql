-- Triggered campaigns, retries of the failed, error budgets. docs/decisions/0322, 0323
SET ROLE bsp_owner;

ALTER TABLE campaigns
  ADD COLUMN options jsonb,          -- own: what it says beyond the specification; null: nothing
  ADD COLUMN retry_of uuid,          -- own: the campaign whose failed members these are
  ADD COLUMN trigger_keys text[];    -- own: what its trigger listens to: a tag, a list's id, plain keywords
CREATE INDEX campaigns_retry_of ON campaigns (retry_of) WHERE retry_of IS NOT NULL;

-- What running campaigns listen to. Inline view of the campaign streams.
CREATE TABLE bsp.campaign_triggers (
  campaign_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  account_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('tag_added', 'keyword', 'list_joined')),
  key text NOT NULL,
  armed_at timestamptz NOT NULL,
  PRIMARY KEY (campaign_id, key)
);
CREATE INDEX campaign_triggers_armed ON bsp.campaign_triggers (organization_id, kind, key);
SELECT bsp.secure_by_tenant('bsp.campaign_triggers');

-- What happened and was not answered yet. Written in the transaction in which it happens, taken out in the one that answers it.
CREATE TABLE bsp.campaign_causes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  campaign_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  cause text NOT NULL DEFAULT 'cause/' || gen_random_uuid(), -- tells it from every other of the contact
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX campaign_causes_next ON bsp.campaign_causes (campaign_id, id);
SELECT bsp.secure_by_tenant('bsp.campaign_causes');

-- Each cause that was answered, once, and what came of it: the audience of a triggered campaign.
CREATE TABLE bsp.campaign_firings (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  campaign_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  cause text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('queued', 'skipped', 'cooldown', 'outside')),
  message_id uuid,                   -- null: nothing was made (cooldown, outside the audience)
  at timestamptz NOT NULL,
  CONSTRAINT campaign_firings_values CHECK (id > 0 AND contact_id <> '00000000-0000-0000-0000-000000000000')
);
CREATE UNIQUE INDEX campaign_firings_cause ON bsp.campaign_firings (campaign_id, contact_id, cause)
  WHERE contact_id <> '00000000-0000-0000-0000-000000000000';
CREATE UNIQUE INDEX campaign_firings_order ON bsp.campaign_firings (campaign_id, id) WHERE id > 0 AND message_id IS NOT NULL;
SELECT bsp.secure_by_tenant('bsp.campaign_firings');

-- When a triggered campaign last sent to somebody.
CREATE TABLE bsp.campaign_cooldowns (
  campaign_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  last_at timestamptz NOT NULL,
  PRIMARY KEY (campaign_id, contact_id)
);
SELECT bsp.secure_by_tenant('bsp.campaign_cooldowns');

-- Failed members of a campaign, and the one retry that each is in.
CREATE TABLE bsp.campaign_retries (
  source_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  retry_id uuid NOT NULL,
  PRIMARY KEY (source_id, contact_id)
);
CREATE INDEX campaign_retries_retry ON bsp.campaign_retries (retry_id, contact_id);
SELECT bsp.secure_by_tenant('bsp.campaign_retries');

-- Failures by Meta's code, counted by send_consequences.v1; base: those before the last resumption; judged: as of the last look.
CREATE TABLE bsp.campaign_errors (
  campaign_id uuid NOT NULL,
  code int NOT NULL,
  organization_id uuid NOT NULL,
  failures int NOT NULL,
  base int NOT NULL DEFAULT 0,
  judged int NOT NULL DEFAULT 0,
  PRIMARY KEY (campaign_id, code)
);
SELECT bsp.secure_by_tenant('bsp.campaign_errors');
-- Outcomes and failures before the last resumption: they are no more counted.
ALTER TABLE bsp.campaign_dispatch
  ADD COLUMN budget_outcomes int NOT NULL DEFAULT 0,
  ADD COLUMN budget_failed int NOT NULL DEFAULT 0;

-- A contact got tags. Rows are there only for what a running campaign listens to. Merging two contacts is nobody's getting a tag.
CREATE FUNCTION bsp.note_tags() RETURNS trigger LANGUAGE plpgsql SET search_path = bsp, pg_temp AS $$
DECLARE
  before jsonb := '[]';
BEGIN
  IF NOT EXISTS (SELECT FROM bsp.campaign_triggers t WHERE t.organization_id = NEW.organization_id AND t.kind = 'tag_added')
     OR current_setting('bsp.no_causes', true) = 'on' THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' THEN before := OLD.tags; END IF;
  INSERT INTO bsp.campaign_causes (campaign_id, organization_id, contact_id)
  SELECT t.campaign_id, t.organization_id, NEW.id
    FROM (SELECT DISTINCT e.tag FROM jsonb_array_elements_text(NEW.tags) AS e (tag) WHERE NOT before @> to_jsonb(e.tag)) g
   CROSS JOIN LATERAL (SELECT x.campaign_id, x.organization_id FROM bsp.campaign_triggers x
                        WHERE x.organization_id = NEW.organization_id AND x.kind = 'tag_added' AND x.key = g.tag OFFSET 0) t;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION bsp.note_tags() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.note_tags() TO bsp_app;
CREATE TRIGGER note_tags_made AFTER INSERT ON contacts FOR EACH ROW WHEN (NEW.tags <> '[]') EXECUTE FUNCTION bsp.note_tags();
CREATE TRIGGER note_tags_changed AFTER UPDATE OF tags ON contacts FOR EACH ROW WHEN (NEW.tags IS DISTINCT FROM OLD.tags)
  EXECUTE FUNCTION bsp.note_tags();

-- Contacts were put into lists.
CREATE FUNCTION bsp.note_joined() RETURNS trigger LANGUAGE plpgsql SET search_path = bsp, pg_temp AS $$
BEGIN
  IF current_setting('bsp.no_causes', true) = 'on' THEN RETURN NULL; END IF;
  INSERT INTO bsp.campaign_causes (campaign_id, organization_id, contact_id)
  SELECT t.campaign_id, i.organization_id, i.contact_id
    FROM (SELECT DISTINCT c.organization_id, c.list_id FROM changed c) l
   CROSS JOIN LATERAL (SELECT x.campaign_id FROM bsp.campaign_triggers x
                        WHERE x.organization_id = l.organization_id AND x.kind = 'list_joined' AND x.key = l.list_id::text OFFSET 0) t
    JOIN changed i ON i.list_id = l.list_id
   ORDER BY i.contact_id;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION bsp.note_joined() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.note_joined() TO bsp_app;
CREATE TRIGGER note_joined AFTER INSERT ON contact_list_items REFERENCING NEW TABLE AS changed FOR EACH STATEMENT
  EXECUTE FUNCTION bsp.note_joined();

-- As before (0320); a triggered campaign is looked at only when there is something to do for it.
CREATE OR REPLACE FUNCTION bsp.campaigns_to_drive(p_now timestamptz)
RETURNS TABLE (organization_id uuid, campaign_id uuid, status text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT c.organization_id, c.id, c.status FROM public.campaigns c WHERE c.status = 'SCHEDULED' AND c.scheduled_at <= p_now
  UNION ALL
  SELECT c.organization_id, c.id, c.status FROM public.campaigns c WHERE c.status = 'RUNNING'
     AND (c.type <> 'TRIGGERED' OR c.send_until <= p_now
          OR EXISTS (SELECT FROM bsp.campaign_causes k WHERE k.campaign_id = c.id OFFSET 0)
          OR EXISTS (SELECT FROM bsp.campaign_errors e WHERE e.campaign_id = c.id AND e.failures <> e.judged OFFSET 0)
          OR EXISTS (SELECT FROM bsp.send_queue q WHERE q.campaign_id = c.id AND q.held OFFSET 0)
          OR EXISTS (SELECT FROM bsp.campaign_dispatch d WHERE d.campaign_id = c.id AND d.held_seen <> 0 OFFSET 0))
  UNION ALL
  SELECT c.organization_id, c.id, c.status FROM public.campaigns c JOIN bsp.campaign_dispatch d ON d.campaign_id = c.id
   WHERE c.status = 'CANCELLED' AND (d.next_ordinal <= coalesce(d.total, 0)
      OR EXISTS (SELECT FROM bsp.send_queue q WHERE q.campaign_id = c.id AND q.state = 0 AND q.waits_for IS NULL)
      OR EXISTS (SELECT FROM bsp.send_queue q WHERE q.campaign_id = c.id AND q.state = 0 AND q.waits_for IS NOT NULL))
$$;

-- The process manager begins where the log ends now.
INSERT INTO bsp.projections (name, sequence)
SELECT 'campaign_keywords.v1', CASE WHEN is_called THEN last_value ELSE 0 END FROM public.mt_events_sequence;
