-- Working tables of sending. The truth is in the event log; these are its inline views and the dispatcher's cursors.
SET ROLE bsp_owner;

-- One row while a message is on its way: the sweepers' worklist. Inline view of the message streams.
CREATE TABLE bsp.send_queue (
  message_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  account_id uuid NOT NULL,
  campaign_id uuid,
  state smallint NOT NULL,          -- 0 queued, 1 sending, 2 outcome unknown, 3 accepted and nothing heard yet
  owner uuid,                       -- process that makes the call, while state = 1
  due_at timestamptz NOT NULL       -- 0: not before; 1: since; 2: deadline; 3: end of Meta's time-to-live
) WITH (fillfactor = 70);
CREATE INDEX send_queue_due ON bsp.send_queue (state, due_at);
CREATE INDEX send_queue_campaign ON bsp.send_queue (campaign_id, state) WHERE state < 2;
SELECT bsp.secure_by_tenant('bsp.send_queue');

-- Meta's message id -> our message. Inline view of message_accepted.
CREATE TABLE bsp.wamids (
  wamid text PRIMARY KEY,
  organization_id uuid NOT NULL,
  message_id uuid NOT NULL
);
SELECT bsp.secure_by_tenant('bsp.wamids');

-- A launched campaign's audience, copied once, and how far it was turned into messages.
CREATE TABLE bsp.campaign_audience (
  campaign_id uuid NOT NULL,
  ordinal int NOT NULL,             -- from 1
  organization_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  PRIMARY KEY (campaign_id, ordinal)
);
CREATE UNIQUE INDEX campaign_audience_contact ON bsp.campaign_audience (campaign_id, contact_id);
SELECT bsp.secure_by_tenant('bsp.campaign_audience');

CREATE TABLE bsp.campaign_dispatch (
  campaign_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  account_id uuid NOT NULL,
  total int,                        -- null: not frozen yet
  next_ordinal int NOT NULL DEFAULT 1
);
SELECT bsp.secure_by_tenant('bsp.campaign_dispatch');

-- Unique users reached outside the window, per account and rolling day: reserved before sending.
CREATE TABLE bsp.account_budget (
  account_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  window_start timestamptz NOT NULL,
  reserved int NOT NULL
);
SELECT bsp.secure_by_tenant('bsp.account_budget');

-- Statuses whose message we do not know (yet): tried again when its id appears, kept as long as the journal.
CREATE TABLE bsp.parked_statuses (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id uuid NOT NULL,
  wamid text NOT NULL,
  status text NOT NULL,
  item jsonb NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (wamid, status)
);
SELECT bsp.secure_by_tenant('bsp.parked_statuses');

-- The sweepers look across organizations and then act for each by name. SECURITY DEFINER: ids only, no content.
CREATE FUNCTION bsp.sends_due(p_state smallint, p_before timestamptz, p_limit int)
RETURNS TABLE (organization_id uuid, message_id uuid, account_id uuid, campaign_id uuid) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT q.organization_id, q.message_id, q.account_id, q.campaign_id FROM bsp.send_queue q
   WHERE q.state = p_state AND q.due_at <= p_before
     AND (p_state <> 0 OR q.campaign_id IS NULL OR EXISTS (SELECT FROM public.campaigns c WHERE c.id = q.campaign_id AND c.status = 'RUNNING'))
   ORDER BY q.due_at LIMIT p_limit
$$;

CREATE FUNCTION bsp.sending_owners() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT DISTINCT q.owner FROM bsp.send_queue q WHERE q.state = 1 AND q.owner IS NOT NULL $$;

CREATE FUNCTION bsp.sends_of_owner(p_owner uuid, p_before timestamptz, p_limit int)
RETURNS TABLE (organization_id uuid, message_id uuid) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT q.organization_id, q.message_id FROM bsp.send_queue q WHERE q.state = 1 AND q.owner = p_owner AND q.due_at <= p_before LIMIT p_limit $$;

-- Campaigns that need a hand: due, running, or cancelled with people not yet told off.
CREATE FUNCTION bsp.campaigns_to_drive(p_now timestamptz)
RETURNS TABLE (organization_id uuid, campaign_id uuid, status text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT c.organization_id, c.id, c.status FROM public.campaigns c WHERE c.status = 'SCHEDULED' AND c.scheduled_at <= p_now
  UNION ALL
  SELECT c.organization_id, c.id, c.status FROM public.campaigns c WHERE c.status = 'RUNNING'
  UNION ALL
  SELECT c.organization_id, c.id, c.status FROM public.campaigns c JOIN bsp.campaign_dispatch d ON d.campaign_id = c.id
   WHERE c.status = 'CANCELLED' AND (d.next_ordinal <= coalesce(d.total, 0) OR EXISTS (SELECT FROM bsp.send_queue q WHERE q.campaign_id = c.id AND q.state = 0))
$$;
CREATE INDEX campaigns_active ON campaigns (status) WHERE status IN ('SCHEDULED', 'RUNNING', 'CANCELLED');

CREATE FUNCTION bsp.parked_now_known(p_limit int)
RETURNS TABLE (id bigint, organization_id uuid, item jsonb) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT p.id, p.organization_id, p.item FROM bsp.parked_statuses p JOIN bsp.wamids w ON w.wamid = p.wamid AND w.organization_id = p.organization_id LIMIT p_limit $$;

CREATE FUNCTION bsp.parked_drop_before(p_before timestamptz) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS
$$ DELETE FROM bsp.parked_statuses WHERE parked_at < p_before $$;
CREATE INDEX parked_statuses_age ON bsp.parked_statuses (parked_at);
