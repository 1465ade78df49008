-- The messaging limit as Meta counts it: unique users outside the window in a moving day, shared by the numbers of a portfolio. Whoever is
-- beyond it waits. docs/decisions/0320
SET ROLE bsp_owner;

ALTER TABLE campaigns
  ADD COLUMN on_limit text NOT NULL DEFAULT 'wait' CHECK (on_limit IN ('wait', 'skip')), -- own: those beyond the messaging limit
  ADD COLUMN send_until timestamptz;                                                     -- own: nobody is sent to afterwards

-- What the audience's cursor waits for (waiting_for_limit, waiting_for_template), when it is expected to go on, and when it is looked at
-- next; held_seen: most messages of the campaign that Meta held for quality assessment at one time and of which nothing was heard.
ALTER TABLE bsp.campaign_dispatch
  ADD COLUMN waits_for text,
  ADD COLUMN waits_until timestamptz,
  ADD COLUMN look_at timestamptz,
  ADD COLUMN held_seen int NOT NULL DEFAULT 0;

-- waits_for: what a queued message waits for; held: accepted, and Meta holds it for quality assessment.
ALTER TABLE bsp.send_queue
  ADD COLUMN waits_for text,
  ADD COLUMN held boolean NOT NULL DEFAULT false;
CREATE INDEX send_queue_waiting ON bsp.send_queue (account_id, due_at, message_id) WHERE waits_for = 'waiting_for_limit' AND state = 0;
CREATE INDEX send_queue_held ON bsp.send_queue (campaign_id) WHERE held;
-- What is ahead of a campaign's cursor is counted without those that wait for a day.
CREATE INDEX send_queue_ahead ON bsp.send_queue (campaign_id) WHERE state < 2 AND waits_for IS NULL;
CREATE INDEX send_queue_waits ON bsp.send_queue (campaign_id, waits_for) WHERE state = 0 AND waits_for IS NOT NULL;
DROP INDEX bsp.send_queue_campaign;

ALTER TABLE bsp.campaign_progress ADD COLUMN waiting int NOT NULL DEFAULT 0;      -- pending, and waits for room or a person's cap
ALTER TABLE bsp.campaign_progress_next ADD COLUMN waiting int NOT NULL DEFAULT 0;

-- How many users a portfolio has reached in the last day. Its row is the lock under which room is given. No row: counted from the log.
CREATE TABLE bsp.portfolios (
  organization_id uuid NOT NULL,
  portfolio text NOT NULL,           -- the organization's meta_business_id, else the number's WABA
  used int NOT NULL,
  PRIMARY KEY (organization_id, portfolio)
) WITH (fillfactor = 50);
SELECT bsp.secure_by_tenant('bsp.portfolios');

-- Who they are. A place ends a day after the last message (and a little, for the time between taking it and Meta's word).
CREATE TABLE bsp.reached (
  organization_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  portfolio text NOT NULL,
  message_id uuid,                   -- whose place it is: given back when nothing came of that message
  until timestamptz NOT NULL,
  earlier timestamptz,               -- when it would end without that message; null: with it it began
  PRIMARY KEY (organization_id, contact_id, portfolio)
);
-- Of no use to whoever does not ask for times: a look by contacts has the primary key alone (docs/decisions/0150).
CREATE INDEX reached_until ON bsp.reached (organization_id, portfolio, until) WHERE until > '-infinity';
SELECT bsp.secure_by_tenant('bsp.reached');

-- Messages that came to nothing, noted in the transaction that says so; whoever takes room next gives their places back.
CREATE TABLE bsp.reach_returns (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id uuid NOT NULL,
  portfolio text NOT NULL,
  contact_id uuid NOT NULL,
  message_id uuid NOT NULL
);
CREATE INDEX reach_returns_portfolio ON bsp.reach_returns (organization_id, portfolio, id);
SELECT bsp.secure_by_tenant('bsp.reach_returns');

CREATE FUNCTION bsp.portfolio_of(p_business text, p_waba text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT coalesce(nullif(p_business, ''), p_waba) $$;

-- Counts a portfolio from the log: templates that Meta took, or may have taken, or that have their place already and are about to leave, in
-- the last day. Reads the day's events once; SECURITY DEFINER, because the day's begin is found among all organizations' numbers.
CREATE FUNCTION bsp.count_reach(p_organization uuid, p_portfolio text, p_now timestamptz, p_hold interval) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = bsp, pg_temp SET enable_seqscan = off AS $$
DECLARE
  since timestamptz := p_now - p_hold;
  low bigint; high bigint; middle bigint; seen bigint; seen_at timestamptz; accounts uuid[]; n int;
BEGIN
  IF (p_organization = ANY (bsp.tenants())) IS NOT TRUE THEN
    RAISE EXCEPTION 'not an organization of this transaction' USING ERRCODE = '42501';
  END IF;
  SELECT array_agg(a.id) INTO accounts FROM public.whatsapp_accounts a JOIN public.organizations o ON o.id = a.organization_id
   WHERE a.organization_id = p_organization AND bsp.portfolio_of(o.meta_business_id, a.meta_waba_id) = p_portfolio;
  SELECT e.seq_id INTO low FROM public.mt_events e ORDER BY e.seq_id LIMIT 1;
  SELECT e.seq_id + 1 INTO high FROM public.mt_events e ORDER BY e.seq_id DESC LIMIT 1;
  WHILE low < high LOOP
    middle := (low + high) / 2;
    SELECT e.seq_id, e."timestamp" INTO seen, seen_at FROM public.mt_events e WHERE e.seq_id >= middle ORDER BY e.seq_id LIMIT 1;
    IF seen_at < since - interval '5 minutes' THEN low := seen + 1; ELSE high := middle; END IF;
  END LOOP;
  DELETE FROM bsp.reached r WHERE r.organization_id = p_organization AND r.portfolio = p_portfolio;
  INSERT INTO bsp.reached (organization_id, contact_id, portfolio, message_id, until)
  SELECT p_organization, x.contact, p_portfolio, x.message, x.at + p_hold FROM (
    SELECT DISTINCT ON (y.contact) y.contact, y.message, y.at FROM (
      SELECT (e.data -> 'ref' ->> 'contact_id')::uuid AS contact, e.stream_id AS message, e."timestamp" AS at
        FROM public.mt_events e
       WHERE e.seq_id >= low AND e.tenant_id = p_organization::text AND e."timestamp" > since
         AND (e.type IN ('message_accepted', 'message_outcome_unknown')
              OR (e.type = 'message_queued' AND e."timestamp" > p_now - interval '2 minutes'))
         AND e.data -> 'ref' ->> 'type' = 'template' AND (e.data -> 'ref' ->> 'account_id')::uuid = ANY (accounts)
         AND NOT EXISTS (SELECT FROM public.mt_events f
                          WHERE f.tenant_id = e.tenant_id AND f.stream_id = e.stream_id AND f.version > e.version
                            AND f.type IN ('message_failed', 'message_rejected', 'message_cancelled', 'message_deferred'))) y
     ORDER BY y.contact, y.at DESC) x
      ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;
REVOKE ALL ON FUNCTION bsp.count_reach(uuid, text, timestamptz, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.count_reach(uuid, text, timestamptz, interval) TO bsp_app;

-- How much room a portfolio has, and when there is some again when it has none (null: not within the day). Holds the portfolio's row.
CREATE FUNCTION bsp.reach_room(p_organization uuid, p_portfolio text, p_limit int, p_now timestamptz, p_hold interval)
RETURNS TABLE (room int, next_at timestamptz) LANGUAGE plpgsql SET search_path = bsp, pg_temp AS $$
DECLARE
  page CONSTANT int := 2000;         -- places looked at in one statement
  before int; now_used int; gone int; contacts uuid[]; messages uuid[]; places tid[];
BEGIN
  -- Rows are looked up one by one by the key, or in the order of their index, and changed where they were found: what the planner thought
  -- of the table when it was empty does not matter. The portfolio's row keeps them where they are.
  SELECT p.used INTO now_used FROM bsp.portfolios p WHERE p.organization_id = p_organization AND p.portfolio = p_portfolio FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO bsp.portfolios (organization_id, portfolio, used) VALUES (p_organization, p_portfolio, 0) ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS gone = ROW_COUNT;
    SELECT p.used INTO now_used FROM bsp.portfolios p WHERE p.organization_id = p_organization AND p.portfolio = p_portfolio FOR UPDATE;
    IF gone = 1 THEN now_used := bsp.count_reach(p_organization, p_portfolio, p_now, p_hold); END IF;
  END IF;
  before := now_used;

  WITH back AS (
    DELETE FROM bsp.reach_returns d WHERE d.ctid = ANY (ARRAY(
      SELECT i.ctid FROM bsp.reach_returns i WHERE i.organization_id = p_organization AND i.portfolio = p_portfolio
       ORDER BY i.id LIMIT page))
    RETURNING d.contact_id, d.message_id)
  SELECT array_agg(b.contact_id), array_agg(b.message_id) INTO contacts, messages FROM back b;
  IF contacts IS NOT NULL THEN
    SELECT array_agg(k.place) INTO places FROM unnest(contacts, messages) AS u (contact, message)
     CROSS JOIN LATERAL (
       SELECT r.ctid AS place, r.message_id FROM bsp.reached r
        WHERE r.organization_id = p_organization AND r.contact_id = u.contact AND r.portfolio = p_portfolio OFFSET 0) k
     WHERE k.message_id = u.message;
    WITH dead AS (
      DELETE FROM bsp.reached r WHERE r.ctid = ANY (places) AND coalesce(r.earlier <= p_now, true) RETURNING 1)
    SELECT count(*) INTO gone FROM dead;
    now_used := now_used - gone;
    UPDATE bsp.reached r SET until = r.earlier, earlier = NULL, message_id = NULL WHERE r.ctid = ANY (places) AND r.earlier > p_now;
  END IF;

  FOR i IN 1..10 LOOP
    SELECT array_agg(o.place) INTO places FROM (
      SELECT r.ctid AS place FROM bsp.reached r
       WHERE r.organization_id = p_organization AND r.portfolio = p_portfolio AND r.until <= p_now AND r.until > '-infinity'
       ORDER BY r.until LIMIT page) o;
    EXIT WHEN places IS NULL;
    WITH dead AS (DELETE FROM bsp.reached r WHERE r.ctid = ANY (places) RETURNING 1) SELECT count(*) INTO gone FROM dead;
    now_used := now_used - gone;
    EXIT WHEN cardinality(places) < page;
  END LOOP;

  IF now_used <> before OR gone IS NOT NULL THEN
    now_used := greatest(now_used, 0);
    UPDATE bsp.portfolios p SET used = now_used
     WHERE p.organization_id = p_organization AND p.portfolio = p_portfolio AND p.used <> now_used;
  END IF;
  room := greatest(p_limit - now_used, 0);
  IF room = 0 THEN
    SELECT r.until INTO next_at FROM bsp.reached r
     WHERE r.organization_id = p_organization AND r.portfolio = p_portfolio AND r.until > '-infinity'
     ORDER BY r.until OFFSET greatest(now_used - p_limit, 0) LIMIT 1;
  END IF;
  RETURN NEXT;
END $$;

-- Takes places for users, in their order, for as many as there is room. granted: one for each, true also for who has a place already.
-- p_until: when a place taken now ends; a place that ends before p_fresh is prolonged to it.
CREATE FUNCTION bsp.take_reach(p_organization uuid, p_portfolio text, p_limit int, p_contacts uuid[], p_messages uuid[], p_now timestamptz,
  p_hold interval, p_fresh timestamptz)
RETURNS TABLE (granted boolean[], next_at timestamptz) LANGUAGE plpgsql SET search_path = bsp, pg_temp AS $$
DECLARE
  left_over int; added int;
BEGIN
  SELECT r.room, r.next_at INTO left_over, next_at FROM bsp.reach_room(p_organization, p_portfolio, p_limit, p_now, p_hold) r;
  WITH asked AS (
    SELECT a.contact, a.message, a.n, k.until, k.message_id, k.place
      FROM unnest(p_contacts, p_messages) WITH ORDINALITY AS a (contact, message, n)
      LEFT JOIN LATERAL (
        SELECT r.until, r.message_id, r.ctid AS place FROM bsp.reached r
         WHERE r.organization_id = p_organization AND r.contact_id = a.contact AND r.portfolio = p_portfolio OFFSET 0) k ON true),
  fresh AS (
    SELECT f.contact, f.message, row_number() OVER (ORDER BY f.n) AS place
      FROM (SELECT DISTINCT ON (a.contact) a.contact, a.message, a.n FROM asked a WHERE a.until IS NULL ORDER BY a.contact, a.n) f),
  taken AS (
    INSERT INTO bsp.reached (organization_id, contact_id, portfolio, message_id, until)
    SELECT p_organization, f.contact, p_portfolio, f.message, p_now + p_hold FROM fresh f WHERE f.place <= left_over
    RETURNING contact_id),
  prolonged AS (
    UPDATE bsp.reached r SET until = greatest(r.until, p_now + p_hold),
        message_id = (p_messages)[array_position(p_contacts, r.contact_id)],
        earlier = CASE WHEN r.message_id IS NOT DISTINCT FROM (p_messages)[array_position(p_contacts, r.contact_id)]
                       THEN r.earlier ELSE r.until END
     WHERE r.ctid = ANY (ARRAY(SELECT a.place FROM asked a
                                WHERE a.until IS NOT NULL AND (a.until < p_fresh OR a.message_id IS DISTINCT FROM a.message)))
    RETURNING 1)
  SELECT array_agg(a.until IS NOT NULL OR t.contact_id IS NOT NULL ORDER BY a.n), (SELECT count(*) FROM taken) INTO granted, added
    FROM asked a LEFT JOIN taken t ON t.contact_id = a.contact, (SELECT count(*) FROM prolonged) p;
  IF added > 0 THEN
    UPDATE bsp.portfolios p SET used = p.used + added WHERE p.organization_id = p_organization AND p.portfolio = p_portfolio;
  END IF;
  IF next_at IS NULL AND added = left_over THEN
    SELECT r.until INTO next_at FROM bsp.reached r
     WHERE r.organization_id = p_organization AND r.portfolio = p_portfolio AND r.until > '-infinity' ORDER BY r.until LIMIT 1;
  END IF;
  RETURN NEXT;
END $$;

-- Whoever was unlimited was not counted: the next look counts from the log.
CREATE FUNCTION bsp.forget_reach() RETURNS trigger LANGUAGE plpgsql SET search_path = bsp, pg_temp AS $$
BEGIN
  DELETE FROM bsp.portfolios p WHERE p.organization_id = NEW.organization_id;
  RETURN NULL;
END $$;
CREATE TRIGGER whatsapp_accounts_limited AFTER UPDATE OF messaging_limit ON whatsapp_accounts FOR EACH ROW
  WHEN (OLD.messaging_limit = 2147483647 AND NEW.messaging_limit <> 2147483647) EXECUTE FUNCTION bsp.forget_reach();

-- As before (0060), with the campaign's states in which messages may leave as an argument: the rule itself is Campaign.SendingStatuses.
CREATE FUNCTION bsp.sends_due(p_state smallint, p_before timestamptz, p_limit int, p_statuses text[])
RETURNS TABLE (organization_id uuid, message_id uuid, account_id uuid, campaign_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT q.organization_id, q.message_id, q.account_id, q.campaign_id FROM bsp.send_queue q
   WHERE q.state = p_state AND q.due_at <= p_before
     AND (p_state <> 0 OR q.campaign_id IS NULL
          OR EXISTS (SELECT FROM public.campaigns c WHERE c.id = q.campaign_id AND c.status = ANY (p_statuses)))
   ORDER BY q.due_at LIMIT p_limit
$$;
REVOKE ALL ON FUNCTION bsp.sends_due(smallint, timestamptz, int, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.sends_due(smallint, timestamptz, int, text[]) TO bsp_app;

-- Accounts with messages that wait for room: each is looked up in the index of those that wait, never a message more.
CREATE FUNCTION bsp.limit_waiters() RETURNS TABLE (organization_id uuid, account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE each AS (
    (SELECT q.account_id, q.organization_id FROM bsp.send_queue q WHERE q.waits_for = 'waiting_for_limit' AND q.state = 0
      ORDER BY q.account_id LIMIT 1)
    UNION ALL
    SELECT n.account_id, n.organization_id FROM each e
     CROSS JOIN LATERAL (SELECT q.account_id, q.organization_id FROM bsp.send_queue q
                          WHERE q.waits_for = 'waiting_for_limit' AND q.state = 0 AND q.account_id > e.account_id
                          ORDER BY q.account_id LIMIT 1) n)
  SELECT e.organization_id, e.account_id FROM each e
$$;
REVOKE ALL ON FUNCTION bsp.limit_waiters() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.limit_waiters() TO bsp_app;

-- Waiting messages of an account for which there is room now: due at once.
CREATE FUNCTION bsp.wake_waiters(p_organization uuid, p_account uuid, p_count int, p_now timestamptz, p_statuses text[])
RETURNS TABLE (message_id uuid, campaign_id uuid) LANGUAGE sql VOLATILE SET search_path = bsp, pg_temp AS $$
  UPDATE bsp.send_queue q SET due_at = p_now WHERE q.ctid = ANY (ARRAY(
    SELECT w.ctid FROM bsp.send_queue w
     WHERE w.waits_for = 'waiting_for_limit' AND w.state = 0 AND w.account_id = p_account AND (w.organization_id = p_organization) IS TRUE
       AND (w.campaign_id IS NULL OR EXISTS (SELECT FROM public.campaigns c WHERE c.id = w.campaign_id AND c.status = ANY (p_statuses)))
     ORDER BY w.due_at, w.message_id LIMIT p_count))
  RETURNING q.message_id, q.campaign_id
$$;

-- As before (0060), by the indexes that a campaign's messages have now.
CREATE OR REPLACE FUNCTION bsp.campaigns_to_drive(p_now timestamptz)
RETURNS TABLE (organization_id uuid, campaign_id uuid, status text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT c.organization_id, c.id, c.status FROM public.campaigns c WHERE c.status = 'SCHEDULED' AND c.scheduled_at <= p_now
  UNION ALL
  SELECT c.organization_id, c.id, c.status FROM public.campaigns c WHERE c.status = 'RUNNING'
  UNION ALL
  SELECT c.organization_id, c.id, c.status FROM public.campaigns c JOIN bsp.campaign_dispatch d ON d.campaign_id = c.id
   WHERE c.status = 'CANCELLED' AND (d.next_ordinal <= coalesce(d.total, 0)
      OR EXISTS (SELECT FROM bsp.send_queue q WHERE q.campaign_id = c.id AND q.state = 0 AND q.waits_for IS NULL)
      OR EXISTS (SELECT FROM bsp.send_queue q WHERE q.campaign_id = c.id AND q.state = 0 AND q.waits_for IS NOT NULL))
$$;
