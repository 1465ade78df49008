-- Customer webhooks: an endpoint is a cursor over its organization's log. Nothing is copied into a queue; what is kept beside the cursor is who failed, and a log of attempts.
SET ROLE bsp_owner;

ALTER TABLE public.webhooks
  ADD COLUMN payload text NOT NULL DEFAULT 'full' CHECK (payload IN ('full', 'thin')),
  ADD COLUMN api_version text NOT NULL DEFAULT '2026-11-01',
  ADD COLUMN account_ids uuid[] NOT NULL DEFAULT '{}',                                     -- empty: every account
  ADD COLUMN campaign_ids uuid[] NOT NULL DEFAULT '{}',                                    -- empty: every campaign
  ADD COLUMN headers text,                                                                 -- sealed JSON object; null: none
  ADD COLUMN rate_per_second int CHECK (rate_per_second BETWEEN 1 AND 1000),               -- null: as fast as it answers
  ADD COLUMN concurrency int NOT NULL DEFAULT 8 CHECK (concurrency BETWEEN 1 AND 32),
  ADD COLUMN previous_secret text,                                                         -- sealed; signs beside the present one until
  ADD COLUMN previous_secret_until timestamptz,
  ADD COLUMN status_exact text NOT NULL DEFAULT 'active' CHECK (status_exact IN ('active', 'paused', 'disabled')),
  ADD COLUMN disabled_reason text,
  ADD COLUMN disabled_at timestamptz,
  ADD COLUMN created_by_user uuid,                                                         -- whoever made it or enabled it last; both null: the platform
  ADD COLUMN created_by_key uuid;
UPDATE public.webhooks SET status_exact = 'paused' WHERE status = 'inactive';
CREATE INDEX webhooks_created_by_key ON public.webhooks (created_by_key) WHERE created_by_key IS NOT NULL;

CREATE TABLE bsp.webhook_cursors (
  webhook_id uuid PRIMARY KEY REFERENCES public.webhooks (id) ON DELETE CASCADE,
  organization_id uuid NOT NULL,
  epoch int NOT NULL,                      -- of the numbers below
  sequence bigint NOT NULL,                -- everything up to here was delivered, is held for its key, or is nothing of the endpoint's
  woken bigint NOT NULL DEFAULT 0,         -- the last event that may concern it
  types text[] NOT NULL DEFAULT '{}',      -- stored names that may concern it; empty while it is inactive
  catalogue text NOT NULL DEFAULT '',      -- the catalogue from which they were taken
  due_at timestamptz,                      -- when somebody is to look at it; while it has an owner: until when; null: nothing to do
  owner uuid,                              -- the process that delivers
  term bigint NOT NULL DEFAULT 0,          -- grows with every owner and whenever it is taken from one: fences
  blocked boolean NOT NULL DEFAULT false,  -- new events do not make it due before due_at
  failures int NOT NULL DEFAULT 0,         -- rounds in a row in which the endpoint as a whole failed
  first_failed_at timestamptz,
  last_error text,
  held_keys int NOT NULL DEFAULT 0,
  delivered bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  latency_ms bigint NOT NULL DEFAULT 0,    -- of those delivered, added up
  last_success_at timestamptz,
  last_failure_at timestamptz
) WITH (fillfactor = 60);
CREATE INDEX webhook_cursors_due ON bsp.webhook_cursors (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_cursors_organization ON bsp.webhook_cursors (organization_id, webhook_id);
SELECT bsp.secure_by_tenant('bsp.webhook_cursors');

-- A key (conversation, contact, campaign, …) whose first undelivered event fails: its events wait here, its neighbours go on.
CREATE TABLE bsp.webhook_held_keys (
  webhook_id uuid NOT NULL REFERENCES public.webhooks (id) ON DELETE CASCADE,
  organization_id uuid NOT NULL,
  key uuid NOT NULL,
  attempts int NOT NULL,
  first_failed_at timestamptz NOT NULL,
  next_at timestamptz NOT NULL,
  last_error text,
  PRIMARY KEY (webhook_id, key)
);
SELECT bsp.secure_by_tenant('bsp.webhook_held_keys');

CREATE TABLE bsp.webhook_held_events (
  webhook_id uuid NOT NULL REFERENCES public.webhooks (id) ON DELETE CASCADE,
  organization_id uuid NOT NULL,
  key uuid NOT NULL,
  sequence bigint NOT NULL,
  PRIMARY KEY (webhook_id, key, sequence)
);
SELECT bsp.secure_by_tenant('bsp.webhook_held_events');

-- Attempts, by the day of their ids (UUIDv7: the time comes first), dropped after 30 days. Bodies are not kept: they are made of the log each time.
CREATE TABLE bsp.webhook_deliveries (
  webhook_id uuid NOT NULL,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  event_id uuid NOT NULL,
  event_type text NOT NULL,
  epoch int NOT NULL,
  sequence bigint NOT NULL,                -- 0: a test, of no event
  attempt int NOT NULL,
  cause text NOT NULL CHECK (cause IN ('live', 'retry', 'redelivery', 'test')),
  outcome text NOT NULL,                   -- delivered, or the word of what went wrong
  status int,                              -- HTTP's; null: no answer
  latency_ms int NOT NULL,
  answer text,                             -- the first bytes; sealed as {"key_id","data"} where the event is about a person
  answer_sealed boolean NOT NULL DEFAULT false,
  next_at timestamptz,
  at timestamptz NOT NULL,
  PRIMARY KEY (webhook_id, id)
) PARTITION BY RANGE (id);
SELECT bsp.secure_by_tenant('bsp.webhook_deliveries');

CREATE FUNCTION bsp.uuid_of_day(p_day date) RETURNS uuid LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT (lpad(to_hex((extract(epoch FROM p_day::timestamp) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

CREATE FUNCTION bsp.webhook_deliveries_make_partitions(p_from date, p_days int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE d date; name text;
BEGIN
  FOR i IN 0 .. least(p_days, 10) - 1 LOOP
    d := p_from + i; name := 'webhook_deliveries_' || to_char(d, 'YYYYMMDD');
    IF to_regclass('bsp.' || name) IS NULL THEN
      EXECUTE format('CREATE TABLE bsp.%I PARTITION OF bsp.webhook_deliveries FOR VALUES FROM (%L) TO (%L)', name, bsp.uuid_of_day(d), bsp.uuid_of_day(d + 1));
      EXECUTE format('ALTER TABLE bsp.%I ENABLE ROW LEVEL SECURITY', name);
      EXECUTE format('REVOKE ALL ON bsp.%I FROM bsp_app', name); -- through the whole only
    END IF;
  END LOOP;
EXCEPTION WHEN duplicate_table THEN NULL; -- another process was faster
END $$;

CREATE FUNCTION bsp.webhook_deliveries_drop_before(p_before date) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r record; n int := 0;
BEGIN
  FOR r IN SELECT c.relname FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
            WHERE s.nspname = 'bsp' AND c.relname ~ '^webhook_deliveries_[0-9]{8}$' AND to_date(right(c.relname, 8), 'YYYYMMDD') < p_before LOOP
    EXECUTE format('DROP TABLE IF EXISTS bsp.%I', r.relname); n := n + 1;
  END LOOP;
  RETURN n;
END $$;
SELECT bsp.webhook_deliveries_make_partitions(current_date - 1, 5);

-- Whether an endpoint may be told anything now: 'active', or why not. Its organization works, it is switched on, and whoever stands behind it still may.
CREATE FUNCTION bsp.webhook_may(p_webhook uuid, p_now timestamptz) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN w.status <> 'active' THEN 'inactive'
    WHEN o.status <> 'active' THEN 'organization'
    WHEN w.created_by_user IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM public.users u WHERE u.id = w.created_by_user AND u.status = 'active' AND u.role IN ('admin', 'super_admin')) THEN 'creator'
    WHEN w.created_by_key IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM public.api_keys k WHERE k.id = w.created_by_key AND k.permissions = 'admin' AND k.revoked_at IS NULL AND coalesce(k.expires_at > p_now, true)) THEN 'creator'
    ELSE 'active' END
  FROM public.webhooks w JOIN public.organizations o ON o.id = w.organization_id WHERE w.id = p_webhook
$$;

-- Takes what is due, of any organization. Row by row, so that no plan depends on statistics; whoever is locked is somebody else's. A suspended organization's endpoints are looked at again in 15 s.
CREATE FUNCTION bsp.claim_webhooks(p_owner uuid, p_now timestamptz, p_until timestamptz, p_limit int)
RETURNS TABLE (webhook_id uuid, organization_id uuid, may text, url text, secret text, previous_secret text, previous_secret_until timestamptz, headers text, events text, payload text, api_version text,
  account_ids uuid[], campaign_ids uuid[], rate_per_second int, concurrency int, epoch int, sequence bigint, term bigint, failures int, first_failed_at timestamptz, held_keys int, row_version bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE due record; judged text;
BEGIN
  FOR due IN SELECT c.webhook_id FROM bsp.webhook_cursors c WHERE c.due_at <= p_now ORDER BY c.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED LOOP
    judged := bsp.webhook_may(due.webhook_id, p_now);
    IF judged IN ('inactive', 'organization') THEN
      UPDATE bsp.webhook_cursors c SET owner = NULL, term = c.term + 1, due_at = CASE WHEN judged = 'organization' THEN p_now + interval '15 seconds' END WHERE c.webhook_id = due.webhook_id;
      CONTINUE;
    END IF;
    UPDATE bsp.webhook_cursors c SET owner = p_owner, term = c.term + 1, due_at = p_until WHERE c.webhook_id = due.webhook_id;
    RETURN QUERY SELECT w.id, w.organization_id, judged, w.url, w.secret, w.previous_secret, w.previous_secret_until, w.headers, w.events::text, w.payload, w.api_version,
        w.account_ids, w.campaign_ids, w.rate_per_second, w.concurrency, c.epoch, c.sequence, c.term, c.failures, c.first_failed_at, c.held_keys, w.row_version
      FROM bsp.webhook_cursors c JOIN public.webhooks w ON w.id = c.webhook_id WHERE c.webhook_id = due.webhook_id;
  END LOOP;
END $$;

-- Which of these are still this process's to deliver, and may be: their time is put off. Whoever is not answered stops.
CREATE FUNCTION bsp.renew_webhooks(p_owner uuid, p_ids uuid[], p_terms bigint[], p_versions bigint[], p_now timestamptz, p_until timestamptz) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE n int;
BEGIN
  FOR i IN 1 .. coalesce(array_length(p_ids, 1), 0) LOOP
    CONTINUE WHEN bsp.webhook_may(p_ids[i], p_now) IS DISTINCT FROM 'active' OR NOT EXISTS (SELECT 1 FROM public.webhooks w WHERE w.id = p_ids[i] AND w.row_version = p_versions[i]);
    UPDATE bsp.webhook_cursors c SET due_at = p_until
     WHERE c.webhook_id = (SELECT d.webhook_id FROM bsp.webhook_cursors d WHERE d.webhook_id = p_ids[i] AND d.owner = p_owner AND d.term = p_terms[i] FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n = 1 THEN
      RETURN NEXT p_ids[i];
    ELSIF EXISTS (SELECT 1 FROM bsp.webhook_cursors d WHERE d.webhook_id = p_ids[i] AND d.owner = p_owner AND d.term = p_terms[i]) THEN
      RETURN NEXT p_ids[i]; -- somebody writes it at this moment: still ours, put off the next time
    END IF;
  END LOOP;
END $$;

-- Events have come that may concern endpoints of these organizations. One runner a shard calls it; rows in the order in which bsp.advance_webhooks takes them. Invoker's rights: row-level security holds.
CREATE FUNCTION bsp.wake_webhooks(p_organizations uuid[], p_types text[], p_up_to bigint[], p_now timestamptz) RETURNS int LANGUAGE plpgsql AS $$
DECLARE w record; n int := 0;
BEGIN
  FOR i IN 1 .. coalesce(array_length(p_organizations, 1), 0) LOOP
    FOR w IN SELECT c.webhook_id FROM bsp.webhook_cursors c
              WHERE c.organization_id = p_organizations[i] AND c.woken < p_up_to[i] AND c.types && string_to_array(p_types[i], ',') ORDER BY c.organization_id, c.webhook_id LOOP
      UPDATE bsp.webhook_cursors c SET woken = greatest(c.woken, p_up_to[i]),
             due_at = CASE WHEN c.owner IS NULL AND NOT c.blocked THEN least(coalesce(c.due_at, p_now), p_now) ELSE c.due_at END
       WHERE c.webhook_id = w.webhook_id;
      n := n + 1;
    END LOOP;
  END LOOP;
  RETURN n;
END $$;

-- What owners have done since they last said so. Answers whose cursor moved: an owner whose term is over is not among them, and what it meant to write is not written. In the order of organization and id.
CREATE FUNCTION bsp.advance_webhooks(p_ids uuid[], p_terms bigint[], p_sequences bigint[], p_delivered bigint[], p_failed bigint[], p_latency bigint[], p_held int[], p_now timestamptz) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
DECLARE n int;
BEGIN
  FOR i IN 1 .. coalesce(array_length(p_ids, 1), 0) LOOP
    UPDATE bsp.webhook_cursors c SET sequence = greatest(c.sequence, p_sequences[i]), delivered = c.delivered + p_delivered[i], failed = c.failed + p_failed[i], latency_ms = c.latency_ms + p_latency[i], held_keys = p_held[i],
           last_success_at = CASE WHEN p_delivered[i] > 0 THEN p_now ELSE c.last_success_at END, last_failure_at = CASE WHEN p_failed[i] > 0 THEN p_now ELSE c.last_failure_at END
     WHERE c.webhook_id = p_ids[i] AND c.term = p_terms[i] AND c.owner IS NOT NULL;
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n = 1 THEN
      IF p_delivered[i] + p_failed[i] > 0 THEN
        UPDATE public.webhooks w SET last_triggered = p_now WHERE w.id = p_ids[i];
      END IF;
      RETURN NEXT p_ids[i];
    END IF;
  END LOOP;
END $$;

-- The owner has nothing more to do. p_pause: not before then, whatever comes (the endpoint failed, or too much is held); p_next: a held key's next turn.
CREATE FUNCTION bsp.release_webhook(p_id uuid, p_term bigint, p_now timestamptz, p_pause timestamptz, p_next timestamptz, p_failures int, p_first_failed timestamptz, p_error text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE n int;
BEGIN
  UPDATE bsp.webhook_cursors c SET owner = NULL, blocked = p_pause IS NOT NULL, failures = p_failures, first_failed_at = p_first_failed, last_error = p_error,
         due_at = coalesce(p_pause, CASE WHEN c.woken > c.sequence THEN p_now ELSE p_next END)
   WHERE c.webhook_id = p_id AND c.term = p_term AND c.owner IS NOT NULL;
  GET DIAGNOSTICS n = ROW_COUNT;
  IF n = 1 THEN
    UPDATE public.webhooks w SET retry_count = p_failures WHERE w.id = p_id AND w.retry_count <> p_failures;
  END IF;
  RETURN n = 1;
END $$;

-- The number before the first event appended at or after a time, as closely as numbers follow time (writers overlap by seconds): to begin at a time, begin a minute before it. Of the whole shard: a number, nothing else.
CREATE FUNCTION bsp.log_sequence_at(p_time timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE low bigint := 0; high bigint; mid bigint; found record;
BEGIN
  SELECT e.seq_id INTO high FROM public.mt_events e ORDER BY e.seq_id DESC LIMIT 1;
  IF high IS NULL THEN RETURN 0; END IF;
  WHILE low < high LOOP
    mid := (low + high) / 2;
    SELECT e.seq_id, e.timestamp AS at INTO found FROM public.mt_events e WHERE e.seq_id > mid ORDER BY e.seq_id LIMIT 1;
    IF found.seq_id IS NULL OR found.at >= p_time THEN high := mid; ELSE low := found.seq_id; END IF;
  END LOOP;
  RETURN low;
END $$;

-- Endpoints whose stored names were taken from another catalogue than this release's.
CREATE FUNCTION bsp.webhooks_outdated(p_catalogue text, p_limit int) RETURNS TABLE (webhook_id uuid, organization_id uuid, events text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT w.id, w.organization_id, w.events::text FROM bsp.webhook_cursors c JOIN public.webhooks w ON w.id = c.webhook_id
   WHERE c.catalogue <> p_catalogue AND w.status = 'active' LIMIT p_limit
$$;

REVOKE ALL ON FUNCTION bsp.webhooks_outdated(text, int), bsp.webhook_may(uuid, timestamptz), bsp.claim_webhooks(uuid, timestamptz, timestamptz, int), bsp.renew_webhooks(uuid, uuid[], bigint[], bigint[], timestamptz, timestamptz),
  bsp.log_sequence_at(timestamptz), bsp.webhook_deliveries_make_partitions(date, int), bsp.webhook_deliveries_drop_before(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.webhooks_outdated(text, int), bsp.webhook_may(uuid, timestamptz), bsp.claim_webhooks(uuid, timestamptz, timestamptz, int), bsp.renew_webhooks(uuid, uuid[], bigint[], bigint[], timestamptz, timestamptz),
  bsp.log_sequence_at(timestamptz), bsp.webhook_deliveries_make_partitions(date, int), bsp.webhook_deliveries_drop_before(date) TO bsp_app;
