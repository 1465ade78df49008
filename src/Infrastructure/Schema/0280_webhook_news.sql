-- A cursor that somebody owns is told of news, too: an owner goes on reading while it delivers, and stays for a moment when it is done.
-- docs/decisions/0280
SET ROLE bsp_owner;

-- As bsp.wake_webhooks, and says who was woken: owner null: it is due, for whoever takes it first. Invoker's rights, rows in the order in
-- which bsp.advance_webhooks takes them.
CREATE FUNCTION bsp.wake_webhooks_of(p_organizations uuid[], p_types text[], p_up_to bigint[], p_now timestamptz)
RETURNS TABLE (woken_id uuid, woken_owner uuid) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE w record;
BEGIN
  FOR i IN 1 .. coalesce(array_length(p_organizations, 1), 0) LOOP
    FOR w IN SELECT c.webhook_id FROM bsp.webhook_cursors c
              WHERE c.organization_id = p_organizations[i] AND c.woken < p_up_to[i] AND c.types && string_to_array(p_types[i], ',')
              ORDER BY c.organization_id, c.webhook_id LOOP
      UPDATE bsp.webhook_cursors c SET woken = greatest(c.woken, p_up_to[i]),
             due_at = CASE WHEN c.owner IS NULL AND NOT c.blocked THEN least(coalesce(c.due_at, p_now), p_now) ELSE c.due_at END
       WHERE c.webhook_id = w.webhook_id RETURNING c.webhook_id, c.owner INTO woken_id, woken_owner;
      IF FOUND THEN RETURN NEXT; END IF;
    END LOOP;
  END LOOP;
END $$;

-- Which of these are still this process's to deliver, and may be, until when, and up to where there is news. A time that is far enough is
-- not put off again: a thousand endpoints that hang are a thousand looks, not a thousand writes.
CREATE FUNCTION bsp.keep_webhooks(p_owner uuid, p_ids uuid[], p_terms bigint[], p_versions bigint[], p_now timestamptz,
  p_until timestamptz)
RETURNS TABLE (kept_id uuid, kept_until timestamptz, kept_woken bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE due timestamptz; news bigint;
BEGIN
  FOR i IN 1 .. coalesce(array_length(p_ids, 1), 0) LOOP
    CONTINUE WHEN bsp.webhook_may(p_ids[i], p_now) IS DISTINCT FROM 'active'
      OR NOT EXISTS (SELECT 1 FROM public.webhooks w WHERE w.id = p_ids[i] AND w.row_version = p_versions[i]);
    SELECT c.due_at, c.woken INTO due, news FROM bsp.webhook_cursors c
     WHERE c.webhook_id = p_ids[i] AND c.owner = p_owner AND c.term = p_terms[i];
    CONTINUE WHEN NOT FOUND;
    IF due < p_until - interval '6 seconds' THEN
      UPDATE bsp.webhook_cursors c SET due_at = p_until
       WHERE c.webhook_id = (SELECT d.webhook_id FROM bsp.webhook_cursors d
                              WHERE d.webhook_id = p_ids[i] AND d.owner = p_owner AND d.term = p_terms[i] FOR UPDATE SKIP LOCKED)
      RETURNING c.due_at INTO due; -- none: somebody writes it at this moment; put off the next time
      IF NOT FOUND THEN
        SELECT c.due_at INTO due FROM bsp.webhook_cursors c
         WHERE c.webhook_id = p_ids[i] AND c.owner = p_owner AND c.term = p_terms[i];
        CONTINUE WHEN NOT FOUND;
      END IF;
    END IF;
    kept_id := p_ids[i]; kept_until := due; kept_woken := news;
    RETURN NEXT;
  END LOOP;
END $$;

-- As before; when it was last triggered is noted once a second, not with every page of deliveries.
CREATE OR REPLACE FUNCTION bsp.advance_webhooks(p_ids uuid[], p_terms bigint[], p_sequences bigint[], p_delivered bigint[],
  p_failed bigint[], p_latency bigint[], p_held int[], p_now timestamptz) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
DECLARE n int;
BEGIN
  FOR i IN 1 .. coalesce(array_length(p_ids, 1), 0) LOOP
    UPDATE bsp.webhook_cursors c SET sequence = greatest(c.sequence, p_sequences[i]), delivered = c.delivered + p_delivered[i],
           failed = c.failed + p_failed[i], latency_ms = c.latency_ms + p_latency[i], held_keys = p_held[i],
           last_success_at = CASE WHEN p_delivered[i] > 0 THEN p_now ELSE c.last_success_at END,
           last_failure_at = CASE WHEN p_failed[i] > 0 THEN p_now ELSE c.last_failure_at END
     WHERE c.webhook_id = p_ids[i] AND c.term = p_terms[i] AND c.owner IS NOT NULL;
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n = 1 THEN
      IF p_delivered[i] + p_failed[i] > 0 THEN
        UPDATE public.webhooks w SET last_triggered = p_now
         WHERE w.id = p_ids[i] AND coalesce(w.last_triggered < p_now - interval '1 second', true);
      END IF;
      RETURN NEXT p_ids[i];
    END IF;
  END LOOP;
END $$;

-- As before, but a suspended organization's endpoints are looked at again when it is activated, not every fifteen seconds each.
CREATE OR REPLACE FUNCTION bsp.claim_webhooks(p_owner uuid, p_now timestamptz, p_until timestamptz, p_limit int)
RETURNS TABLE (webhook_id uuid, organization_id uuid, may text, url text, secret text, previous_secret text,
  previous_secret_until timestamptz, headers text, events text, payload text, api_version text, account_ids uuid[], campaign_ids uuid[],
  rate_per_second int, concurrency int, epoch int, sequence bigint, term bigint, failures int, first_failed_at timestamptz, held_keys int,
  row_version bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE due record; judged text;
BEGIN
  FOR due IN SELECT c.webhook_id FROM bsp.webhook_cursors c WHERE c.due_at <= p_now ORDER BY c.due_at LIMIT p_limit
             FOR UPDATE SKIP LOCKED LOOP
    judged := bsp.webhook_may(due.webhook_id, p_now);
    IF judged IN ('inactive', 'organization') THEN
      UPDATE bsp.webhook_cursors c SET owner = NULL, term = c.term + 1, due_at = NULL WHERE c.webhook_id = due.webhook_id;
      CONTINUE;
    END IF;
    UPDATE bsp.webhook_cursors c SET owner = p_owner, term = c.term + 1, due_at = p_until WHERE c.webhook_id = due.webhook_id;
    RETURN QUERY SELECT w.id, w.organization_id, judged, w.url, w.secret, w.previous_secret, w.previous_secret_until, w.headers,
        w.events::text, w.payload, w.api_version, w.account_ids, w.campaign_ids, w.rate_per_second, w.concurrency, c.epoch, c.sequence,
        c.term, c.failures, c.first_failed_at, c.held_keys, w.row_version
      FROM bsp.webhook_cursors c JOIN public.webhooks w ON w.id = c.webhook_id WHERE c.webhook_id = due.webhook_id;
  END LOOP;
END $$;

CREATE FUNCTION bsp.wake_webhooks_of_organization() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE w record;
BEGIN
  FOR w IN SELECT c.webhook_id FROM bsp.webhook_cursors c WHERE c.organization_id = NEW.id ORDER BY c.webhook_id LOOP
    UPDATE bsp.webhook_cursors c SET due_at = now()
     WHERE c.webhook_id = w.webhook_id AND c.due_at IS NULL AND c.owner IS NULL AND c.types <> '{}';
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER wake_webhooks AFTER UPDATE OF status ON public.organizations
  FOR EACH ROW WHEN (NEW.status = 'active' AND OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION bsp.wake_webhooks_of_organization();
-- How many events of these types lie behind a place of the organization's log, up to a bound; more: there may be others beyond. Invoker's
-- rights: row-level security holds.
CREATE FUNCTION bsp.webhook_waiting(p_organization uuid, p_after bigint, p_types text[], p_limit int, OUT waiting int, OUT more boolean)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE final bigint := bsp.fence();
BEGIN
  SELECT count(e.seq_id), count(e.seq_id) = p_limit OR coalesce(min(e.version) FILTER (WHERE e.seq_id IS NULL) < final, false)
    INTO waiting, more
    FROM bsp.read_organization(p_organization::text, p_after, final, p_types, NULL, NULL, p_limit) e;
END $$;

REVOKE ALL ON FUNCTION bsp.keep_webhooks(uuid, uuid[], bigint[], bigint[], timestamptz, timestamptz),
  bsp.wake_webhooks_of_organization() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.keep_webhooks(uuid, uuid[], bigint[], bigint[], timestamptz, timestamptz) TO bsp_app;
