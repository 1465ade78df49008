-- Generated, never edited: what the numbered files of src/Infrastructure/Schema and Marten's own tables come to. PostgreSQL 15, by pg_dump.
-- After a new file, and when two branches that added files meet: BSP_WRITE_SCHEMAS=1 ./test CurrentSchema
-- Partitions that the application makes day by day are left out.

CREATE SCHEMA bsp;

ALTER SCHEMA bsp OWNER TO bsp_owner;

CREATE SCHEMA documents;

ALTER SCHEMA documents OWNER TO bsp_owner;

CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA public;

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

CREATE FUNCTION bsp.account() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('bsp.account', true), '')::uuid $$;

ALTER FUNCTION bsp.account() OWNER TO bsp_owner;

CREATE TABLE bsp.audit_trail (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    act text NOT NULL,
    actor text NOT NULL,
    address text,
    target_type text NOT NULL,
    target_id uuid,
    changed text[],
    "position" bigint NOT NULL,
    hash bytea NOT NULL
);

ALTER TABLE bsp.audit_trail OWNER TO bsp_owner;

CREATE FUNCTION bsp.act_hash(p_before bytea, a bsp.audit_trail) RETURNS bytea
    LANGUAGE sql STABLE
    AS $$
  SELECT sha256(p_before || bsp.canonical(ARRAY['bsp.act.1', a.organization_id::text, a.position::text, a.id::text, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    a.act, a.actor, a.address, a.target_type, a.target_id::text, cardinality(a.changed)::text] || coalesce(a.changed, '{}')))
$$;

ALTER FUNCTION bsp.act_hash(p_before bytea, a bsp.audit_trail) OWNER TO bsp_owner;

CREATE FUNCTION bsp.advance_webhooks(p_ids uuid[], p_terms bigint[], p_sequences bigint[], p_delivered bigint[], p_failed bigint[], p_latency bigint[], p_held integer[], p_now timestamp with time zone) RETURNS SETOF uuid
    LANGUAGE plpgsql
    AS $$
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

ALTER FUNCTION bsp.advance_webhooks(p_ids uuid[], p_terms bigint[], p_sequences bigint[], p_delivered bigint[], p_failed bigint[], p_latency bigint[], p_held integer[], p_now timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.ai_waiting(p_now timestamp with time zone) RETURNS TABLE(organizations bigint, overdue_seconds double precision)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  SELECT count(*), coalesce(extract(epoch FROM p_now - min(t.due_at)), 0)::double precision FROM bsp.ai_turns t WHERE t.due_at <= p_now
$$;

ALTER FUNCTION bsp.ai_waiting(p_now timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.announce() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
  lowest bigint;
BEGIN
  SELECT last_value + is_called::int INTO lowest FROM public.mt_events_sequence;
  PERFORM pg_advisory_xact_lock_shared((16979::bigint << 48) | lowest);       -- 16979 = 'BS'
  RETURN lowest;
END $$;

ALTER FUNCTION bsp.announce() OWNER TO bsp_owner;

CREATE FUNCTION bsp.append(p_tenants text, p_at timestamp with time zone, s_tenant text[], s_id uuid[], s_type text[], c_items integer[], c_claim uuid[], c_correlation text[], c_causation text[], c_user text[], i_call integer[], i_stream integer[], i_expected bigint[], i_count integer[], e_item integer[], e_nth integer[], e_id uuid[], e_type text[], e_dotnet text[], e_data jsonb[], OUT verdicts integer[], OUT versions bigint[], OUT seqs bigint[]) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE
  stored bigint[];            -- -1: no such stream
  running bigint[];           -- while calls are judged one after another
  closed boolean[];
  item int := 0;
  stream int;
  verdict int;
  events int := 0;
  created int := 0;
  moved int := 0;
  affected int;
BEGIN
  IF p_tenants IS NOT NULL THEN PERFORM set_config('bsp.tenants', p_tenants, true); END IF;
  SELECT array_agg(CASE WHEN t.id IS NULL THEN -1 ELSE coalesce(t.version, 0) END ORDER BY s.o), array_agg(coalesce(t.is_archived, false) ORDER BY s.o)
    INTO stored, closed
    FROM unnest(s_tenant, s_id) WITH ORDINALITY AS s (tenant, id, o)
    LEFT JOIN LATERAL (SELECT t.id, t.version, t.is_archived FROM public.mt_streams t WHERE t.tenant_id = s.tenant AND t.id = s.id OFFSET 0) t ON true;
  running := stored;
  verdicts := array_fill(0, ARRAY[cardinality(c_items)]);
  versions := array_fill(0::bigint, ARRAY[cardinality(i_call)]);

  FOR c IN 1 .. cardinality(c_items) LOOP
    verdict := 0;
    FOR i IN item + 1 .. item + c_items[c] LOOP
      stream := i_stream[i];
      versions[i] := greatest(running[stream], 0);
      IF closed[stream] THEN verdict := 2;
      ELSIF verdict = 0 AND i_expected[i] <> versions[i] THEN verdict := 1;
      END IF;
    END LOOP;
    IF verdict = 0 THEN
      FOR i IN item + 1 .. item + c_items[c] LOOP
        stream := i_stream[i];
        IF running[stream] < 0 THEN created := created + 1; ELSIF running[stream] = stored[stream] THEN moved := moved + 1; END IF;
        running[stream] := versions[i] + i_count[i];
        events := events + i_count[i];
      END LOOP;
    ELSE
      verdicts[c] := verdict;
    END IF;
    item := item + c_items[c];
  END LOOP;

  seqs := '{}';
  IF events = 0 THEN RETURN; END IF;

  IF created > 0 THEN
    INSERT INTO public.mt_streams (tenant_id, id, type, version, timestamp, created, is_archived)
    SELECT s.tenant, s.id, s.type, running[s.o], p_at, p_at, false
      FROM unnest(s_tenant, s_id, s_type) WITH ORDINALITY AS s (tenant, id, type, o)
     WHERE stored[s.o] < 0 AND running[s.o] > 0
        ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS affected = ROW_COUNT;
    IF affected <> created THEN RAISE EXCEPTION 'a stream was created meanwhile' USING ERRCODE = '40001'; END IF;
  END IF;

  PERFORM bsp.announce();
  WITH written AS (
    INSERT INTO public.mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type, correlation_id, causation_id, user_name, is_archived)
    SELECT nextval('public.mt_events_sequence'), e.id, s_id[i_stream[e.item]], versions[e.item] + e.nth, e.data, e.type, p_at, s_tenant[i_stream[e.item]], e.dotnet,
           c_correlation[i_call[e.item]], c_causation[i_call[e.item]], c_user[i_call[e.item]], false
      FROM unnest(e_item, e_nth, e_id, e_type, e_dotnet, e_data) AS e (item, nth, id, type, dotnet, data)
     WHERE verdicts[i_call[e.item]] = 0
    RETURNING seq_id)
  SELECT array_agg(w.seq_id) INTO seqs FROM written w;

  IF moved > 0 THEN
    UPDATE public.mt_streams t SET version = running[s.o], timestamp = p_at
      FROM unnest(s_tenant, s_id) WITH ORDINALITY AS s (tenant, id, o)
     WHERE stored[s.o] >= 0 AND running[s.o] > stored[s.o] AND t.tenant_id = s.tenant AND t.id = s.id AND coalesce(t.version, 0) = stored[s.o] AND t.is_archived IS NOT TRUE;
    GET DIAGNOSTICS affected = ROW_COUNT;
    IF affected <> moved THEN RAISE EXCEPTION 'a stream was moved meanwhile' USING ERRCODE = '40001'; END IF;
  END IF;

  IF c_claim IS NOT NULL THEN
    UPDATE bsp.idempotency_keys k SET work_done = true FROM unnest(c_claim, verdicts) AS q (claim, verdict) WHERE q.verdict = 0 AND k.claim_id = q.claim;
  END IF;
END $$;

ALTER FUNCTION bsp.append(p_tenants text, p_at timestamp with time zone, s_tenant text[], s_id uuid[], s_type text[], c_items integer[], c_claim uuid[], c_correlation text[], c_causation text[], c_user text[], i_call integer[], i_stream integer[], i_expected bigint[], i_count integer[], e_item integer[], e_nth integer[], e_id uuid[], e_type text[], e_dotnet text[], e_data jsonb[], OUT verdicts integer[], OUT versions bigint[], OUT seqs bigint[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.append_batch(p_tenants text, p_at timestamp with time zone, p_in_order boolean, t_name text[], n_type text[], n_dotnet text[], s_tenant integer[], s_id uuid[], s_type text[], s_expected bigint[], s_version bigint[], c_items integer[], c_claim uuid[], c_correlation text[], c_causation text[], c_user text[], i_call integer[], i_stream integer[], i_expected bigint[], i_count integer[], e_item integer[], e_nth integer[], e_id uuid[], e_name integer[], e_data jsonb[], OUT verdicts integer[], OUT versions bigint[], OUT seqs bigint[]) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE
  stored bigint[];            -- -1: no such stream
  running bigint[];           -- while calls are judged one after another
  closed boolean[];
  item int := 0;
  stream int;
  verdict int;
  events int := 0;
  created int := 0;
  moved int := 0;
  affected int;
  existing int;
BEGIN
  IF p_tenants IS NOT NULL THEN PERFORM set_config('bsp.tenants', p_tenants, true); END IF;

  IF p_in_order THEN
    SELECT count(*) FILTER (WHERE s.expected > 0), count(t.id) INTO existing, affected
      FROM unnest(s_tenant, s_id, s_expected) AS s (tenant, id, expected)
      LEFT JOIN LATERAL (SELECT t.id FROM public.mt_streams t
        WHERE s.expected > 0 AND t.tenant_id = t_name[s.tenant] AND t.id = s.id AND coalesce(t.version, 0) = s.expected AND t.is_archived IS NOT TRUE OFFSET 0) t ON true;
    p_in_order := existing = affected;
  END IF;
  IF p_in_order THEN
    IF existing < cardinality(s_id) THEN
      INSERT INTO public.mt_streams (tenant_id, id, type, version, timestamp, created, is_archived)
      SELECT t_name[s.tenant], s.id, s.type, s.version, p_at, p_at, false FROM unnest(s_tenant, s_id, s_type, s_expected, s_version) AS s (tenant, id, type, expected, version)
       WHERE s.expected = 0
          ON CONFLICT DO NOTHING;
      GET DIAGNOSTICS affected = ROW_COUNT;
      IF affected <> cardinality(s_id) - existing THEN RAISE EXCEPTION 'a stream that was to be new exists' USING ERRCODE = '40001'; END IF;
    END IF;

    PERFORM bsp.announce();
    WITH written AS (
      INSERT INTO public.mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type, correlation_id, causation_id, user_name, is_archived)
      SELECT nextval('public.mt_events_sequence'), e.id, s_id[i_stream[e.item]], i_expected[e.item] + e.nth, e.data, n_type[e.name], p_at, t_name[s_tenant[i_stream[e.item]]], n_dotnet[e.name],
             c_correlation[i_call[e.item]], c_causation[i_call[e.item]], c_user[i_call[e.item]], false
        FROM unnest(e_item, e_nth, e_id, e_name, e_data) AS e (item, nth, id, name, data)
      RETURNING seq_id)
    SELECT array_agg(w.seq_id) INTO seqs FROM written w;

    IF existing > 0 THEN
      UPDATE public.mt_streams t SET version = s.version, timestamp = p_at FROM unnest(s_tenant, s_id, s_expected, s_version) AS s (tenant, id, expected, version)
       WHERE s.expected > 0 AND t.tenant_id = t_name[s.tenant] AND t.id = s.id AND coalesce(t.version, 0) = s.expected AND t.is_archived IS NOT TRUE;
      GET DIAGNOSTICS affected = ROW_COUNT;
      IF affected <> existing THEN RAISE EXCEPTION 'a stream was moved meanwhile' USING ERRCODE = '40001'; END IF;
    END IF;

    IF c_claim IS NOT NULL THEN UPDATE bsp.idempotency_keys k SET work_done = true WHERE k.claim_id = ANY (c_claim); END IF;
    RETURN;
  END IF;

  SELECT array_agg(CASE WHEN t.id IS NULL THEN -1 ELSE coalesce(t.version, 0) END ORDER BY s.o), array_agg(coalesce(t.is_archived, false) ORDER BY s.o)
    INTO stored, closed
    FROM unnest(s_tenant, s_id) WITH ORDINALITY AS s (tenant, id, o)
    LEFT JOIN LATERAL (SELECT t.id, t.version, t.is_archived FROM public.mt_streams t WHERE t.tenant_id = t_name[s.tenant] AND t.id = s.id OFFSET 0) t ON true;
  running := stored;
  verdicts := array_fill(0, ARRAY[cardinality(c_items)]);
  versions := array_fill(0::bigint, ARRAY[cardinality(i_call)]);

  FOR c IN 1 .. cardinality(c_items) LOOP
    verdict := 0;
    FOR i IN item + 1 .. item + c_items[c] LOOP
      stream := i_stream[i];
      versions[i] := greatest(running[stream], 0);
      IF closed[stream] THEN verdict := 2;
      ELSIF verdict = 0 AND i_expected[i] <> versions[i] THEN verdict := 1;
      END IF;
    END LOOP;
    IF verdict = 0 THEN
      FOR i IN item + 1 .. item + c_items[c] LOOP
        stream := i_stream[i];
        IF running[stream] < 0 THEN created := created + 1; ELSIF running[stream] = stored[stream] THEN moved := moved + 1; END IF;
        running[stream] := versions[i] + i_count[i];
        events := events + i_count[i];
      END LOOP;
    ELSE
      verdicts[c] := verdict;
    END IF;
    item := item + c_items[c];
  END LOOP;

  seqs := '{}';
  IF events = 0 THEN RETURN; END IF;

  IF created > 0 THEN
    INSERT INTO public.mt_streams (tenant_id, id, type, version, timestamp, created, is_archived)
    SELECT t_name[s.tenant], s.id, s.type, running[s.o], p_at, p_at, false
      FROM unnest(s_tenant, s_id, s_type) WITH ORDINALITY AS s (tenant, id, type, o)
     WHERE stored[s.o] < 0 AND running[s.o] > 0
        ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS affected = ROW_COUNT;
    IF affected <> created THEN RAISE EXCEPTION 'a stream was created meanwhile' USING ERRCODE = '40001'; END IF;
  END IF;

  PERFORM bsp.announce();
  WITH written AS (
    INSERT INTO public.mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type, correlation_id, causation_id, user_name, is_archived)
    SELECT nextval('public.mt_events_sequence'), e.id, s_id[i_stream[e.item]], versions[e.item] + e.nth, e.data, n_type[e.name], p_at, t_name[s_tenant[i_stream[e.item]]], n_dotnet[e.name],
           c_correlation[i_call[e.item]], c_causation[i_call[e.item]], c_user[i_call[e.item]], false
      FROM unnest(e_item, e_nth, e_id, e_name, e_data) AS e (item, nth, id, name, data)
     WHERE verdicts[i_call[e.item]] = 0
    RETURNING seq_id)
  SELECT array_agg(w.seq_id) INTO seqs FROM written w;

  IF moved > 0 THEN
    UPDATE public.mt_streams t SET version = running[s.o], timestamp = p_at
      FROM unnest(s_tenant, s_id) WITH ORDINALITY AS s (tenant, id, o)
     WHERE stored[s.o] >= 0 AND running[s.o] > stored[s.o] AND t.tenant_id = t_name[s.tenant] AND t.id = s.id AND coalesce(t.version, 0) = stored[s.o] AND t.is_archived IS NOT TRUE;
    GET DIAGNOSTICS affected = ROW_COUNT;
    IF affected <> moved THEN RAISE EXCEPTION 'a stream was moved meanwhile' USING ERRCODE = '40001'; END IF;
  END IF;

  IF c_claim IS NOT NULL THEN
    UPDATE bsp.idempotency_keys k SET work_done = true FROM unnest(c_claim, verdicts) AS q (claim, verdict) WHERE q.verdict = 0 AND k.claim_id = q.claim;
  END IF;
END $$;

ALTER FUNCTION bsp.append_batch(p_tenants text, p_at timestamp with time zone, p_in_order boolean, t_name text[], n_type text[], n_dotnet text[], s_tenant integer[], s_id uuid[], s_type text[], s_expected bigint[], s_version bigint[], c_items integer[], c_claim uuid[], c_correlation text[], c_causation text[], c_user text[], i_call integer[], i_stream integer[], i_expected bigint[], i_count integer[], e_item integer[], e_nth integer[], e_id uuid[], e_name integer[], e_data jsonb[], OUT verdicts integer[], OUT versions bigint[], OUT seqs bigint[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.append_one(p_tenants text, p_at timestamp with time zone, p_tenant text, p_stream uuid, p_stream_type text, p_expected bigint, p_claim uuid, p_correlation text, p_causation text, p_user text, e_id uuid[], e_type text[], e_dotnet text[], e_data jsonb[], OUT verdict integer, OUT version bigint, OUT seqs bigint[]) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE
  stored bigint;
  closed boolean;
  created boolean := false;
  seq bigint;
BEGIN
  IF p_tenants IS NOT NULL THEN PERFORM set_config('bsp.tenants', p_tenants, true); END IF;
  verdict := 0;
  version := 0;
  seqs := '{}';

  IF p_expected IS DISTINCT FROM 0 THEN
    SELECT coalesce(t.version, 0), coalesce(t.is_archived, false) INTO stored, closed FROM public.mt_streams t WHERE t.tenant_id = p_tenant AND t.id = p_stream;
    version := coalesce(stored, 0);
    IF closed THEN verdict := 2; RETURN; END IF;
    IF p_expected <> version THEN verdict := 1; RETURN; END IF;
  END IF;

  IF stored IS NULL THEN
    INSERT INTO public.mt_streams (tenant_id, id, type, version, timestamp, created, is_archived)
    VALUES (p_tenant, p_stream, p_stream_type, cardinality(e_id), p_at, p_at, false) ON CONFLICT DO NOTHING;
    created := FOUND;
    IF NOT created THEN
      SELECT coalesce(t.version, 0), coalesce(t.is_archived, false) INTO stored, closed FROM public.mt_streams t WHERE t.tenant_id = p_tenant AND t.id = p_stream;
      IF NOT FOUND OR p_expected IS NULL THEN RAISE EXCEPTION 'the stream was created meanwhile' USING ERRCODE = '40001'; END IF;
      version := stored;
      IF closed THEN verdict := 2; RETURN; END IF;
      IF p_expected <> version THEN verdict := 1; RETURN; END IF;
    END IF;
  END IF;

  PERFORM bsp.announce();
  IF cardinality(e_id) = 1 THEN
    INSERT INTO public.mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type, correlation_id, causation_id, user_name, is_archived)
    VALUES (nextval('public.mt_events_sequence'), e_id[1], p_stream, append_one.version + 1, e_data[1], e_type[1], p_at, p_tenant, e_dotnet[1], p_correlation, p_causation, p_user, false)
    RETURNING seq_id INTO seq;
    seqs := ARRAY[seq];
  ELSE
    WITH written AS (
      INSERT INTO public.mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type, correlation_id, causation_id, user_name, is_archived)
      SELECT nextval('public.mt_events_sequence'), e.id, p_stream, append_one.version + e.nth, e.data, e.type, p_at, p_tenant, e.dotnet, p_correlation, p_causation, p_user, false
        FROM unnest(e_id, e_type, e_dotnet, e_data) WITH ORDINALITY AS e (id, type, dotnet, data, nth)
      RETURNING seq_id)
    SELECT array_agg(w.seq_id) INTO seqs FROM written w;
  END IF;

  IF NOT created THEN
    UPDATE public.mt_streams t SET version = append_one.version + cardinality(e_id), timestamp = p_at
     WHERE t.tenant_id = p_tenant AND t.id = p_stream AND coalesce(t.version, 0) = stored AND t.is_archived IS NOT TRUE;
    IF NOT FOUND THEN RAISE EXCEPTION 'the stream was moved meanwhile' USING ERRCODE = '40001'; END IF;
  END IF;

  IF p_claim IS NOT NULL THEN UPDATE bsp.idempotency_keys k SET work_done = true WHERE k.claim_id = p_claim; END IF;
END $$;

ALTER FUNCTION bsp.append_one(p_tenants text, p_at timestamp with time zone, p_tenant text, p_stream uuid, p_stream_type text, p_expected bigint, p_claim uuid, p_correlation text, p_causation text, p_user text, e_id uuid[], e_type text[], e_dotnet text[], e_data jsonb[], OUT verdict integer, OUT version bigint, OUT seqs bigint[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.apply_suppressions(organization uuid, identities text[], hashes bytea[]) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
  named text[] := '{}';
  one text;
  contact uuid;
  changed int := 0;
BEGIN
  FOR i IN 1 .. cardinality(identities) LOOP
    IF EXISTS (SELECT FROM bsp.suppressions s WHERE s.organization_id = organization AND s.identity_hash = hashes[i] AND s.lifted_at IS NULL) THEN named := named || identities[i]; END IF;
  END LOOP;
  FOREACH one IN ARRAY named LOOP
    IF left(one, 1) = '+' THEN SELECT c.id INTO contact FROM contacts c WHERE c.organization_id = organization AND c.phone_number = one;
    ELSE SELECT c.id INTO contact FROM contacts c WHERE c.organization_id = organization AND c.wa_user_id = one;
    END IF;
    UPDATE contacts c SET consent_status = 'OPTED_OUT', consent_updated_at = now(), updated_at = now(), row_version = c.row_version + 1
     WHERE c.organization_id = organization AND c.id = contact AND c.consent_status <> 'OPTED_OUT';
    IF FOUND THEN changed := changed + 1; END IF;
  END LOOP;
  RETURN changed;
END $$;

ALTER FUNCTION bsp.apply_suppressions(organization uuid, identities text[], hashes bytea[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.archive_streams(p_tenant text, p_ids uuid[], p_versions bigint[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  gone uuid[];
BEGIN
  PERFORM bsp.require_tenant(p_tenant);
  WITH put AS (
    UPDATE public.mt_streams t SET is_archived = true FROM unnest(p_ids, p_versions) AS q (id, version)
     WHERE t.tenant_id = p_tenant AND t.id = q.id AND t.version = q.version AND t.is_archived IS NOT TRUE RETURNING t.id)
  SELECT array_agg(put.id) INTO gone FROM put;
  IF gone IS NULL THEN RETURN 0; END IF;
  UPDATE public.mt_events e SET is_archived = true WHERE e.tenant_id = p_tenant AND e.stream_id = ANY (gone) AND e.is_archived IS NOT TRUE;
  INSERT INTO bsp.evidence_acts (organization_id, act, number, subject) VALUES (p_tenant::uuid, 'streams.archived', cardinality(gone), gone[1]::text);
  RETURN cardinality(gone);
END $$;

ALTER FUNCTION bsp.archive_streams(p_tenant text, p_ids uuid[], p_versions bigint[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.arriving_from() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT min(m.range_from) FROM bsp.moves_here m WHERE m.state = 'arriving'
$$;

ALTER FUNCTION bsp.arriving_from() OWNER TO bsp_owner;

CREATE FUNCTION bsp.bounded_custom_fields(fields jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF octet_length(fields::text) > 8192 OR (SELECT count(*) FROM jsonb_object_keys(fields)) > 50 THEN
    RAISE EXCEPTION 'with those that the contact has, custom_fields would have more than 50 keys or 8192 bytes' USING ERRCODE = '22023';
  END IF;
  RETURN fields;
END $$;

ALTER FUNCTION bsp.bounded_custom_fields(fields jsonb) OWNER TO bsp_owner;

CREATE FUNCTION bsp.bounded_tags(tags jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF jsonb_array_length(tags) > 50 THEN
    RAISE EXCEPTION 'with those that the contact has, there would be more than 50 tags' USING ERRCODE = '22023';
  END IF;
  RETURN tags;
END $$;

ALTER FUNCTION bsp.bounded_tags(tags jsonb) OWNER TO bsp_owner;

CREATE FUNCTION bsp.campaigns_to_drive(p_now timestamp with time zone) RETURNS TABLE(organization_id uuid, campaign_id uuid, status text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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

ALTER FUNCTION bsp.campaigns_to_drive(p_now timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.canonical(p_fields text[]) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  SELECT string_agg(CASE WHEN f.v IS NULL THEN '~,'::bytea ELSE convert_to(octet_length(convert_to(f.v, 'UTF8')) || ':' || f.v || ',', 'UTF8') END, ''::bytea ORDER BY f.o)
    FROM unnest(p_fields) WITH ORDINALITY AS f (v, o)
$$;

ALTER FUNCTION bsp.canonical(p_fields text[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.chain_act() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE head bsp.audit_heads;
BEGIN
  IF bsp.is_mover() THEN RETURN NEW; END IF;
  IF EXISTS (SELECT FROM bsp.audit_trail t WHERE t.organization_id = NEW.organization_id AND t.id = NEW.id) THEN RETURN NULL; END IF; -- noted before
  INSERT INTO bsp.audit_heads AS h (organization_id, position, hash) VALUES (NEW.organization_id, 0, decode(repeat('00', 32), 'hex'))
    ON CONFLICT (organization_id) DO UPDATE SET position = h.position RETURNING * INTO head; -- locked until the commit
  NEW.position := head.position + 1;
  NEW.hash := bsp.act_hash(head.hash, NEW);
  UPDATE bsp.audit_heads h SET position = NEW.position, hash = NEW.hash WHERE h.organization_id = NEW.organization_id;
  RETURN NEW;
END $$;

ALTER FUNCTION bsp.chain_act() OWNER TO bsp_owner;

CREATE FUNCTION bsp.charge_stays() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF OLD.entry_id IS NOT NULL AND ((NEW.entry_id, NEW.state, NEW.type, NEW.category, NEW.currency, NEW.amount, NEW.of_reference, NEW.of_kind)
       IS DISTINCT FROM (OLD.entry_id, OLD.state, OLD.type, OLD.category, OLD.currency, OLD.amount, OLD.of_reference, OLD.of_kind) OR NEW.refunded < OLD.refunded) THEN
    RAISE EXCEPTION 'what was posted is not changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;

ALTER FUNCTION bsp.charge_stays() OWNER TO bsp_owner;

CREATE FUNCTION bsp.charging_behind(p_tariff bigint, p_now timestamp with time zone, p_limit integer) RETURNS TABLE(organization_id uuid, stopped boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  (SELECT c.organization_id, true FROM bsp.charging c WHERE c.stopped_after IS NOT NULL AND c.retry_at <= p_now ORDER BY c.retry_at LIMIT p_limit)
  UNION ALL
  (SELECT DISTINCT b.organization_id, false FROM bsp.message_bills b WHERE b.outcome = 'pending' AND b.tariff_version < p_tariff LIMIT p_limit)
$$;

ALTER FUNCTION bsp.charging_behind(p_tariff bigint, p_now timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.charging_trouble() RETURNS TABLE(stopped bigint, pending bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT (SELECT count(*) FROM bsp.charging c WHERE c.stopped_after IS NOT NULL),
         (SELECT count(*) FROM (SELECT FROM bsp.message_bills b WHERE b.outcome = 'pending' LIMIT 100000) p)
$$;

ALTER FUNCTION bsp.charging_trouble() OWNER TO bsp_owner;

CREATE FUNCTION bsp.claim_webhooks(p_owner uuid, p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) RETURNS TABLE(webhook_id uuid, organization_id uuid, may text, url text, secret text, previous_secret text, previous_secret_until timestamp with time zone, headers text, events text, payload text, api_version text, account_ids uuid[], campaign_ids uuid[], rate_per_second integer, concurrency integer, epoch integer, sequence bigint, term bigint, failures integer, first_failed_at timestamp with time zone, held_keys integer, row_version bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION bsp.claim_webhooks(p_owner uuid, p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.contact_words(first_name text, last_name text, email text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT lower(coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || coalesce(email, '')) $$;

ALTER FUNCTION bsp.contact_words(first_name text, last_name text, email text) OWNER TO bsp_owner;

CREATE FUNCTION bsp.contacts_by_user_id(user_ids text[]) RETURNS TABLE(phone_number text, wa_user_id text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  SELECT c.phone_number, c.wa_user_id FROM public.contacts c WHERE c.wa_user_id = ANY (user_ids) AND (c.organization_id = (SELECT bsp.the_tenant())) IS TRUE
$$;

ALTER FUNCTION bsp.contacts_by_user_id(user_ids text[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.content_field(p_type text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  SELECT CASE p_type WHEN 'message_queued' THEN 'content' WHEN 'message_received' THEN 'content' WHEN 'message_auto_replied' THEN 'content' WHEN 'message_analysed' THEN 'words'
    WHEN 'conversation_auto_answered' THEN 'exchange' WHEN 'conversation_handed_over' THEN 'exchange' WHEN 'conversation_left_silent' THEN 'exchange' END
$$;

ALTER FUNCTION bsp.content_field(p_type text) OWNER TO bsp_owner;

CREATE FUNCTION bsp.count_list_items() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  PERFORM 1 FROM contact_lists WHERE id IN (SELECT list_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
  UPDATE contact_lists l SET contact_count = l.contact_count + CASE TG_OP WHEN 'INSERT' THEN c.n ELSE -c.n END, updated_at = now()
  FROM (SELECT list_id, count(*)::int AS n FROM changed GROUP BY list_id) c WHERE l.id = c.list_id;
  INSERT INTO bsp.list_history (organization_id, contact_id, list_id, added) SELECT organization_id, contact_id, list_id, TG_OP = 'INSERT' FROM changed;
  RETURN NULL;
END $$;

ALTER FUNCTION bsp.count_list_items() OWNER TO bsp_owner;

CREATE FUNCTION bsp.count_reach(p_organization uuid, p_portfolio text, p_now timestamp with time zone, p_hold interval) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
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

ALTER FUNCTION bsp.count_reach(p_organization uuid, p_portfolio text, p_now timestamp with time zone, p_hold interval) OWNER TO bsp_owner;

CREATE FUNCTION bsp.destroy_keys(p_organization uuid, p_ids uuid[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  gone int;
BEGIN
  PERFORM bsp.require_tenant(p_organization::text);
  DELETE FROM bsp.contact_keys k WHERE k.organization_id = p_organization AND k.contact_id = ANY (p_ids);
  GET DIAGNOSTICS gone = ROW_COUNT;
  IF gone > 0 THEN
    INSERT INTO bsp.evidence_acts (organization_id, act, number, subject) VALUES (p_organization, 'keys.destroyed', gone, p_ids[1]::text);
  END IF;
  RETURN gone;
END $$;

ALTER FUNCTION bsp.destroy_keys(p_organization uuid, p_ids uuid[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.due_snoozes(p_now timestamp with time zone, p_limit integer) RETURNS TABLE(organization_id uuid, conversation_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  SELECT s.organization_id, s.conversation_id FROM bsp.inbox_states s WHERE s.snoozed_until IS NOT NULL AND s.snoozed_until <= p_now ORDER BY s.snoozed_until LIMIT p_limit
$$;

ALTER FUNCTION bsp.due_snoozes(p_now timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[]) RETURNS TABLE(n bigint, contact_id uuid, other_id uuid)
    LANGUAGE sql
    AS $_$
  SELECT e.n, e.contact_id, e.other_id FROM bsp.ensure_contacts($1, $2, $3, $4, $5, $6, array_fill(NULL::timestamptz, ARRAY[cardinality($2)])) e ORDER BY e.n
$_$;

ALTER FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[], said timestamp with time zone[]) RETURNS TABLE(n bigint, contact_id uuid, other_id uuid, changed_phone text)
    LANGUAGE plpgsql
    AS $$
DECLARE
  known uuid[];
BEGIN
  SELECT array_agg(x.id ORDER BY i.n) INTO known
    FROM unnest(phones, wa_user_ids, said) WITH ORDINALITY AS i (phone, wa, at, n)
    CROSS JOIN LATERAL (
      SELECT c.id, c.wa_user_id FROM contacts c WHERE c.organization_id = organization AND c.phone_number = i.phone OFFSET 0) x
   WHERE CASE WHEN i.wa IS NOT NULL THEN x.wa_user_id = i.wa
     ELSE NOT EXISTS (SELECT FROM bsp.past_identities p
       WHERE p.organization_id = organization AND p.phone_number = i.phone AND p.until >= i.at OFFSET 0) END;
  IF cardinality(known) = cardinality(phones) THEN
    RETURN QUERY SELECT k.n, k.id, NULL::uuid, NULL::text FROM unnest(known) WITH ORDINALITY AS k (id, n);
    RETURN;
  END IF;

  RETURN QUERY SELECT l.n, l.contact_id, l.other_id, l.changed_phone
    FROM bsp.learn_contacts(organization, phones, wa_user_ids, first_names, last_names, new_ids, said) l ORDER BY l.n;
END $$;

ALTER FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[], said timestamp with time zone[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.entitlement_use(p_organization uuid, p_feature text, p_since timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'bsp', 'pg_temp'
    AS $$
BEGIN
  IF NOT coalesce(p_organization = ANY (bsp.tenants()), false) THEN
    RAISE insufficient_privilege USING MESSAGE = 'not an organization of this transaction';
  END IF;
  RETURN CASE p_feature
    WHEN 'numbers' THEN (SELECT count(*) FROM public.whatsapp_accounts a WHERE a.organization_id = p_organization AND a.status <> 'DISCONNECTED')
    WHEN 'users' THEN (SELECT count(*) FROM public.users u WHERE u.organization_id = p_organization AND u.status = 'active')
    WHEN 'api_keys' THEN (SELECT count(*) FROM public.api_keys k WHERE k.organization_id = p_organization AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()))
    WHEN 'webhooks' THEN (SELECT count(*) FROM public.webhooks w WHERE w.organization_id = p_organization)
    WHEN 'campaigns_per_month' THEN (SELECT count(*) FROM public.campaigns c WHERE c.organization_id = p_organization AND c.started_at >= p_since)
    ELSE 0 END;
END $$;

ALTER FUNCTION bsp.entitlement_use(p_organization uuid, p_feature text, p_since timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.erase_contacts(organization uuid, ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE found text;
BEGIN
  WITH gone AS (DELETE FROM contacts c WHERE c.organization_id = organization AND c.id = ANY (ids) RETURNING c.id, c.row_version)
  SELECT coalesce(string_agg(g.id || ':' || g.row_version, ',' ORDER BY g.id), '') INTO found FROM gone g;
  PERFORM set_config('bsp.erased_rows', found, true);
  PERFORM bsp.destroy_keys(organization, ids);
  DELETE FROM bsp.contact_aliases x WHERE x.organization_id = organization AND (x.contact_id = ANY (ids) OR x.into_id = ANY (ids));
  DELETE FROM bsp.list_history h WHERE h.organization_id = organization AND h.contact_id = ANY (ids);
END $$;

ALTER FUNCTION bsp.erase_contacts(organization uuid, ids uuid[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.fence() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
  drawn bigint;
  open_from bigint;
BEGIN
  SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO drawn FROM public.mt_events_sequence;
  SELECT min(((l.classid::bigint & 65535) << 32) | l.objid::bigint) INTO open_from
    FROM pg_locks l
   WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid::bigint >> 16 = 16979 AND l.granted
     AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
  RETURN bsp.last_event(least(drawn, open_from - 1));
END $$;

ALTER FUNCTION bsp.fence() OWNER TO bsp_owner;

CREATE FUNCTION bsp.find_appended(p_tenants text, i_tenant text[], i_stream uuid[], i_last uuid[]) RETURNS TABLE(item integer, version bigint, sequence bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
  PERFORM set_config('bsp.tenants', p_tenants, true);
  RETURN QUERY
    SELECT q.o::int, e.version, e.seq_id
      FROM unnest(i_tenant, i_stream, i_last) WITH ORDINALITY AS q (tenant, stream, last, o)
      JOIN public.mt_events e ON e.tenant_id = q.tenant AND e.stream_id = q.stream AND e.id = q.last;
END $$;

ALTER FUNCTION bsp.find_appended(p_tenants text, i_tenant text[], i_stream uuid[], i_last uuid[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.first_sealable(p_after bigint, p_up_to bigint) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
  SELECT e.timestamp FROM public.mt_events e WHERE e.seq_id > p_after AND e.seq_id <= p_up_to ORDER BY e.seq_id LIMIT 1
$$;

ALTER FUNCTION bsp.first_sealable(p_after bigint, p_up_to bigint) OWNER TO bsp_owner;

CREATE FUNCTION bsp.forget_places_next() RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$TRUNCATE bsp.log_places_next$$;

ALTER FUNCTION bsp.forget_places_next() OWNER TO bsp_owner;

CREATE FUNCTION bsp.forget_reach() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
BEGIN
  DELETE FROM bsp.portfolios p WHERE p.organization_id = NEW.organization_id;
  RETURN NULL;
END $$;

ALTER FUNCTION bsp.forget_reach() OWNER TO bsp_owner;

CREATE FUNCTION bsp.is_held(p_organization uuid, p_contacts uuid[]) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT EXISTS (SELECT FROM bsp.legal_holds h WHERE h.organization_id = p_organization AND h.released_at IS NULL AND (h.contact_id IS NULL OR h.contact_id = ANY (p_contacts)))
$$;

ALTER FUNCTION bsp.is_held(p_organization uuid, p_contacts uuid[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.is_mover() RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT coalesce(current_setting('bsp.mover', true), '') = 'on' AND pg_has_role(session_user, 'bsp_owner', 'MEMBER')
$$;

ALTER FUNCTION bsp.is_mover() OWNER TO bsp_owner;

CREATE FUNCTION bsp.is_moving() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT EXISTS (SELECT FROM bsp.moves_here m WHERE m.state NOT IN ('gone', 'here'))
$$;

ALTER FUNCTION bsp.is_moving() OWNER TO bsp_owner;

CREATE FUNCTION bsp.journal_drop_before(p_before date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE r record; n int := 0; rows bigint;
BEGIN
  FOR r IN SELECT c.relname, to_date(right(c.relname, 8), 'YYYYMMDD') AS day FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
            WHERE s.nspname = 'bsp' AND c.relname ~ '^webhook_journal_[0-9]{8}$' AND to_date(right(c.relname, 8), 'YYYYMMDD') < least(p_before, current_date - 6) LOOP
    CONTINUE WHEN EXISTS (SELECT 1 FROM bsp.webhook_inbox i WHERE i.received_at >= r.day::timestamp AT TIME ZONE 'UTC' AND i.received_at < (r.day + 1)::timestamp AT TIME ZONE 'UTC');
    EXECUTE format('SELECT count(*) FROM bsp.%I', r.relname) INTO rows;
    EXECUTE format('DROP TABLE bsp.%I', r.relname); n := n + 1;
    INSERT INTO bsp.evidence_acts (organization_id, act, number, subject) VALUES ('00000000-0000-0000-0000-000000000000', 'webhooks.dropped', rows, r.day::text);
  END LOOP;
  RETURN n;
END $_$;

ALTER FUNCTION bsp.journal_drop_before(p_before date) OWNER TO bsp_owner;

CREATE FUNCTION bsp.journal_make_partitions(p_from date, p_days integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE d date; name text;
BEGIN
  FOR i IN 0 .. p_days - 1 LOOP
    d := p_from + i; name := 'webhook_journal_' || to_char(d, 'YYYYMMDD');
    IF to_regclass('bsp.' || name) IS NULL THEN
      EXECUTE format('CREATE TABLE bsp.%I PARTITION OF bsp.webhook_journal FOR VALUES FROM (%L) TO (%L)', name, d::timestamp AT TIME ZONE 'UTC', (d + 1)::timestamp AT TIME ZONE 'UTC');
      EXECUTE format('REVOKE ALL ON bsp.%I FROM bsp_app', name); -- through the journal only
    END IF;
  END LOOP;
END $$;

ALTER FUNCTION bsp.journal_make_partitions(p_from date, p_days integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.journal_redact(p_id bigint, p_received_at timestamp with time zone, p_body bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  WITH before AS (SELECT j.id, j.received_at, j.body, j.organization_id FROM bsp.webhook_journal j WHERE j.id = p_id AND j.received_at = p_received_at FOR UPDATE),
    cut AS (UPDATE bsp.webhook_journal j SET body = p_body FROM before b WHERE j.id = b.id AND j.received_at = b.received_at RETURNING j.id)
  INSERT INTO bsp.evidence_acts (organization_id, act, number, subject)
  SELECT coalesce(b.organization_id, '00000000-0000-0000-0000-000000000000'), 'webhook.redacted', 1, format('%s %s %s', b.id, encode(sha256(b.body), 'hex'), encode(sha256(p_body), 'hex'))
    FROM before b JOIN cut c ON c.id = b.id
$$;

ALTER FUNCTION bsp.journal_redact(p_id bigint, p_received_at timestamp with time zone, p_body bytea) OWNER TO bsp_owner;

CREATE FUNCTION bsp.keep_webhooks(p_owner uuid, p_ids uuid[], p_terms bigint[], p_versions bigint[], p_now timestamp with time zone, p_until timestamp with time zone) RETURNS TABLE(kept_id uuid, kept_until timestamp with time zone, kept_woken bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION bsp.keep_webhooks(p_owner uuid, p_ids uuid[], p_terms bigint[], p_versions bigint[], p_now timestamp with time zone, p_until timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.key_phone() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.phone_number IS DISTINCT FROM OLD.phone_number THEN
    NEW.phone_key := bsp.phone_key(NEW.phone_number);
  END IF;
  RETURN NEW;
END $$;

ALTER FUNCTION bsp.key_phone() OWNER TO bsp_owner;

CREATE FUNCTION bsp.known_spellings(organization uuid, phones text[], said timestamp with time zone[]) RETURNS text[]
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF (SELECT bool_or(p ~ '^\+(52|54|55|225|229)') FROM unnest(phones) AS p) IS NOT TRUE THEN
    RETURN phones;
  END IF;

  RETURN (
    SELECT array_agg(CASE WHEN i.other IS NULL THEN i.phone ELSE coalesce(
        (SELECT x.phone_number FROM contacts x WHERE x.organization_id = organization AND x.phone_number = i.phone),
        (SELECT x.phone_number FROM bsp.past_identities x WHERE x.organization_id = organization AND x.phone_number = i.phone AND x.until >= i.at LIMIT 1),
        (SELECT x.phone_number FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.phone_number = i.phone LIMIT 1),
        (SELECT x.phone_number FROM contacts x WHERE x.organization_id = organization AND x.phone_number = i.other),
        (SELECT x.phone_number FROM bsp.past_identities x WHERE x.organization_id = organization AND x.phone_number = i.other AND x.until >= i.at LIMIT 1),
        (SELECT x.phone_number FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.phone_number = i.other LIMIT 1),
        i.first) END ORDER BY i.n)
      FROM (SELECT p.n, p.phone, p.at, first_value(p.phone) OVER (PARTITION BY s.spelled[1] ORDER BY p.n) AS first, CASE WHEN s.spelled[1] = p.phone THEN s.spelled[2] ELSE s.spelled[1] END AS other
              FROM unnest(phones, said) WITH ORDINALITY AS p (phone, at, n) CROSS JOIN LATERAL (SELECT bsp.phone_spellings(p.phone) AS spelled OFFSET 0) s) i);
END $$;

ALTER FUNCTION bsp.known_spellings(organization uuid, phones text[], said timestamp with time zone[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.last_event(p_up_to bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT coalesce((SELECT e.seq_id FROM public.mt_events e WHERE e.seq_id <= p_up_to ORDER BY e.seq_id DESC LIMIT 1), 0)
$$;

ALTER FUNCTION bsp.last_event(p_up_to bigint) OWNER TO bsp_owner;

CREATE FUNCTION bsp.last_sealable(p_after bigint, p_up_to bigint, p_before timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
DECLARE
  reached bigint := p_after;
  step_end bigint;
  step_last bigint;
  beyond boolean;
  found_at bigint;
BEGIN
  LOOP
    SELECT max(s.seq_id), max(s.seq_id) FILTER (WHERE s.timestamp < p_before), bool_and(s.timestamp >= p_before + interval '1 hour')
      INTO step_end, step_last, beyond
      FROM (SELECT e.seq_id, e.timestamp FROM public.mt_events e WHERE e.seq_id > reached AND e.seq_id <= p_up_to ORDER BY e.seq_id LIMIT 200) s;
    EXIT WHEN step_end IS NULL;
    found_at := coalesce(step_last, found_at);
    EXIT WHEN beyond;
    reached := step_end;
  END LOOP;
  RETURN found_at;
END $$;

ALTER FUNCTION bsp.last_sealable(p_after bigint, p_up_to bigint, p_before timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.learn_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[], said timestamp with time zone[]) RETURNS TABLE(n bigint, contact_id uuid, other_id uuid, changed_phone text)
    LANGUAGE plpgsql
    AS $$
DECLARE
  given text[] := phones;
BEGIN
  phones := bsp.known_spellings(organization, phones, said);

  -- in key order, so that two callers with overlapping people wait for each other instead of deadlocking
  INSERT INTO contacts AS c (id, organization_id, phone_number, wa_user_id, first_name, last_name, wa_user_id_said_at)
  SELECT i.new_id, organization, i.phone, i.wa, i.first_name, i.last_name, CASE WHEN i.wa IS NOT NULL THEN i.at END
  FROM unnest(phones, wa_user_ids, first_names, last_names, new_ids, said) AS i (phone, wa, first_name, last_name, new_id, at)
  WHERE NOT EXISTS (SELECT FROM contacts x WHERE x.organization_id = organization AND x.wa_user_id = i.wa OFFSET 0)
    AND NOT EXISTS (SELECT FROM contacts x WHERE x.organization_id = organization AND x.phone_number = i.phone OFFSET 0)
    AND NOT EXISTS (SELECT FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.wa_user_id = i.wa OFFSET 0)
    AND NOT EXISTS (SELECT FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.phone_number = i.phone OFFSET 0)
    AND NOT EXISTS (SELECT FROM bsp.past_identities x WHERE x.organization_id = organization AND x.wa_user_id = i.wa OFFSET 0)
    AND NOT EXISTS (SELECT FROM bsp.past_identities x WHERE x.organization_id = organization AND x.phone_number = i.phone AND x.until >= i.at OFFSET 0)
  ORDER BY i.phone, i.wa
  ON CONFLICT DO NOTHING;

  -- An insert that waited for a merge has just made the absorbed contact anew. The caller tries again.
  IF EXISTS (SELECT FROM unnest(new_ids) AS i (id) CROSS JOIN LATERAL (SELECT c.phone_number, c.wa_user_id FROM contacts c WHERE c.id = i.id OFFSET 0) c
             WHERE EXISTS (SELECT FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.phone_number = c.phone_number OFFSET 0)
                OR EXISTS (SELECT FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.wa_user_id = c.wa_user_id OFFSET 0)) THEN
    RAISE EXCEPTION 'merged meanwhile' USING ERRCODE = 'unique_violation';
  END IF;

  -- An insert that waited for another caller's, who spelled the number otherwise, has done nothing, and nobody is known by this spelling. The caller tries again.
  IF phones IS DISTINCT FROM bsp.known_spellings(organization, given, said) THEN
    RAISE EXCEPTION 'spelled otherwise meanwhile' USING ERRCODE = 'unique_violation';
  END IF;

  RETURN QUERY
  WITH found AS MATERIALIZED (
    SELECT i.n, i.phone, i.wa, i.at, coalesce(by_wa.id, wa_alias.into_id, wa_past.contact_id) AS wa_id, coalesce(phone_past.contact_id, by_phone.id, phone_alias.into_id) AS phone_id,
      by_wa.id IS NULL AND wa_alias.into_id IS NULL AND wa_past.contact_id IS NULL AS lacks_wa, by_phone.id IS NULL AND phone_alias.into_id IS NULL AND phone_past.contact_id IS NULL AS lacks_phone,
      by_wa.phone_number IS NULL AND by_phone.wa_user_id IS NULL AND by_wa.id <> by_phone.id AND phone_past.contact_id IS NULL AS complements
    FROM unnest(phones, wa_user_ids, said) WITH ORDINALITY AS i (phone, wa, at, n)
    LEFT JOIN LATERAL (SELECT x.id, x.phone_number FROM contacts x WHERE x.organization_id = organization AND x.wa_user_id = i.wa OFFSET 0) by_wa ON true
    LEFT JOIN LATERAL (SELECT x.id, x.wa_user_id FROM contacts x WHERE x.organization_id = organization AND x.phone_number = i.phone OFFSET 0) by_phone ON true
    LEFT JOIN LATERAL (SELECT x.into_id FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.wa_user_id = i.wa LIMIT 1) wa_alias ON true
    LEFT JOIN LATERAL (SELECT x.into_id FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.phone_number = i.phone LIMIT 1) phone_alias ON true
    LEFT JOIN LATERAL (SELECT x.contact_id FROM bsp.past_identities x WHERE x.organization_id = organization AND x.wa_user_id = i.wa ORDER BY x.until DESC LIMIT 1) wa_past ON true
    LEFT JOIN LATERAL (SELECT x.contact_id FROM bsp.past_identities x WHERE x.organization_id = organization AND x.phone_number = i.phone AND x.until >= i.at ORDER BY x.until LIMIT 1) phone_past ON true
  ), learned AS (
    UPDATE contacts c SET
      wa_user_id = CASE WHEN l.wa IS NULL OR c.wa_user_id_said_at > l.at THEN c.wa_user_id ELSE l.wa END,
      wa_user_id_said_at = CASE WHEN l.wa IS NULL OR c.wa_user_id_said_at > l.at THEN c.wa_user_id_said_at ELSE coalesce(l.at, now()) END,
      phone_number = coalesce(c.phone_number, l.phone), updated_at = now(), row_version = c.row_version + 1
    FROM (SELECT DISTINCT ON (id) coalesce(f.wa_id, f.phone_id) AS id, CASE WHEN f.lacks_wa THEN f.wa END AS wa, CASE WHEN f.lacks_phone THEN f.phone END AS phone, f.at
          FROM found f WHERE (f.lacks_wa AND f.wa IS NOT NULL) OR (f.lacks_phone AND f.phone IS NOT NULL) ORDER BY id, f.at DESC NULLS LAST, f.n DESC) l
      JOIN contacts o ON o.id = l.id
    WHERE c.id = l.id AND (NOT (l.wa IS NULL OR coalesce(c.wa_user_id_said_at > l.at, false)) OR (c.phone_number IS NULL AND l.phone IS NOT NULL))
    RETURNING c.id, o.wa_user_id AS had, c.wa_user_id AS has, c.wa_user_id_said_at AS at, c.phone_number
  ), passed AS (
    INSERT INTO bsp.past_identities (organization_id, contact_id, wa_user_id, until) SELECT organization, l.id, l.had, l.at FROM learned l WHERE l.had IS NOT NULL AND l.had <> l.has
  )
  SELECT found.n, coalesce(found.wa_id, found.phone_id), CASE WHEN found.complements THEN found.phone_id END, l.phone_number
    FROM found LEFT JOIN learned l ON l.id = coalesce(found.wa_id, found.phone_id) ORDER BY found.n;
END $$;

ALTER FUNCTION bsp.learn_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[], said timestamp with time zone[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.lease_erasure(seconds integer) RETURNS TABLE(organization_id uuid, contact_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  UPDATE bsp.contact_erasures e SET leased_until = now() + make_interval(secs => seconds)
  WHERE e.contact_id = (SELECT o.contact_id FROM bsp.contact_erasures o WHERE o.completed_at IS NULL AND (o.leased_until IS NULL OR o.leased_until < now())
                        ORDER BY o.requested_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING e.organization_id, e.contact_id
$$;

ALTER FUNCTION bsp.lease_erasure(seconds integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.lease_import(owner uuid, seconds integer) RETURNS TABLE(organization_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  UPDATE bsp.imports i SET status = 'running', leased_by = owner, leased_until = now() + make_interval(secs => seconds), updated_at = now()
  WHERE i.id = (SELECT o.id FROM bsp.imports o WHERE o.status IN ('queued', 'running') AND (o.leased_until IS NULL OR o.leased_until < now())
                ORDER BY o.created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING i.organization_id, i.id
$$;

ALTER FUNCTION bsp.lease_import(owner uuid, seconds integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.lease_ledger_audit(p_owner uuid, p_seconds integer) RETURNS TABLE(organization_id uuid, id uuid, attempts integer)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  UPDATE bsp.ledger_audits a SET leased_by = p_owner, leased_until = now() + make_interval(secs => p_seconds), attempts = a.attempts + 1
   WHERE a.id = (SELECT o.id FROM bsp.ledger_audits o WHERE o.status = 'running' AND (o.leased_until IS NULL OR o.leased_until < now())
                 ORDER BY o.created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING a.organization_id, a.id, a.attempts
$$;

ALTER FUNCTION bsp.lease_ledger_audit(p_owner uuid, p_seconds integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.ledger_due_holds(p_at timestamp with time zone, p_after timestamp with time zone, p_after_organization uuid, p_after_reference text, p_limit integer) RETURNS TABLE(organization_id uuid, currency text, reference text, expires_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT h.organization_id, h.currency, h.reference, h.expires_at FROM bsp.ledger_holds h
   WHERE h.state = 'open' AND h.expires_at <= p_at AND (h.expires_at, h.organization_id, h.reference) > (p_after, p_after_organization, p_after_reference)
   ORDER BY h.expires_at, h.organization_id, h.reference LIMIT least(p_limit, 1000)
$$;

ALTER FUNCTION bsp.ledger_due_holds(p_at timestamp with time zone, p_after timestamp with time zone, p_after_organization uuid, p_after_reference text, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.ledger_entry_at(p_tenant text, p_stream uuid, p_size bigint, p_at text) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE low bigint := 0; high bigint := p_size; middle bigint; entry jsonb; found jsonb;
BEGIN
  WHILE low < high LOOP
    middle := (low + high + 1) / 2;
    SELECT jsonb_build_object('position', e.seq_id, 'entry', e.data -> 'entry') INTO entry
      FROM public.mt_events e WHERE e.tenant_id = p_tenant AND e.stream_id = p_stream AND e.version = middle;
    IF entry IS NULL THEN RAISE EXCEPTION 'entry % of stream % is missing', middle, p_stream USING ERRCODE = 'data_corrupted'; END IF;
    IF (entry #>> '{entry,created_at}') COLLATE "C" <= p_at THEN low := middle; found := entry; ELSE high := middle - 1; END IF;
  END LOOP;
  RETURN found;
END $$;

ALTER FUNCTION bsp.ledger_entry_at(p_tenant text, p_stream uuid, p_size bigint, p_at text) OWNER TO bsp_owner;

CREATE FUNCTION bsp.ledger_heads_of_all(p_after_organization uuid, p_after_currency text, p_limit integer) RETURNS TABLE(organization_id uuid, currency text, month text, size bigint, hash text, tree bytea, balance numeric, held numeric)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_sort TO 'off'
    AS $$
  SELECT h.organization_id, h.currency, h.month, h.size, encode(h.hash, 'hex'), h.tree, h.balance, h.held FROM bsp.ledger_heads h
   WHERE (h.organization_id, h.currency) > (p_after_organization, p_after_currency) ORDER BY h.organization_id, h.currency LIMIT least(p_limit, 1000)
$$;

ALTER FUNCTION bsp.ledger_heads_of_all(p_after_organization uuid, p_after_currency text, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.ledger_heads_untold(p_day date, p_after_organization uuid, p_after_currency text, p_limit integer) RETURNS TABLE(organization_id uuid, currency text, message text, key_id text, signature bytea)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_sort TO 'off'
    AS $$
  SELECT h.organization_id, h.currency, h.message, h.key_id, h.signature FROM bsp.ledger_day_heads h
   WHERE h.day = p_day AND (h.organization_id, h.currency) > (p_after_organization, p_after_currency)
     AND NOT EXISTS (SELECT FROM bsp.ledger_heads_told t
                      WHERE t.organization_id = h.organization_id AND t.day = h.day AND t.currency = h.currency OFFSET 0)
   ORDER BY h.organization_id, h.currency LIMIT least(p_limit, 1000)
$$;

ALTER FUNCTION bsp.ledger_heads_untold(p_day date, p_after_organization uuid, p_after_currency text, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.ledger_idle(p_before text, p_after_month text, p_after_organization uuid, p_after_currency text, p_limit integer) RETURNS TABLE(organization_id uuid, currency text, month text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT h.organization_id, h.currency, h.month FROM bsp.ledger_heads h
   WHERE h.month < p_before AND (h.month, h.organization_id, h.currency) > (p_after_month, p_after_organization, p_after_currency)
   ORDER BY h.month, h.organization_id, h.currency LIMIT least(p_limit, 1000)
$$;

ALTER FUNCTION bsp.ledger_idle(p_before text, p_after_month text, p_after_organization uuid, p_after_currency text, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.ledger_make_partitions(p_from date, p_months integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE d date; name text; made int := 0;
BEGIN
  IF p_months NOT BETWEEN 1 AND 24 THEN RAISE EXCEPTION 'at most 24 months at once'; END IF;
  PERFORM pg_advisory_xact_lock(1113679445, 1);
  FOR i IN 0 .. p_months - 1 LOOP
    d := (date_trunc('month', p_from::timestamp) + make_interval(months => i))::date; name := 'transactions_' || to_char(d, 'YYYYMM');
    CONTINUE WHEN to_regclass('public.' || name) IS NOT NULL;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.transactions INCLUDING ALL)', name);
    EXECUTE format('REVOKE ALL ON public.%I FROM bsp_app', name); -- through transactions only
    EXECUTE format('ALTER TABLE public.transactions ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', name,
      bsp.uuid7_floor(d::timestamp AT TIME ZONE 'UTC'), bsp.uuid7_floor((d + interval '1 month')::timestamp AT TIME ZONE 'UTC'));
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;

ALTER FUNCTION bsp.ledger_make_partitions(p_from date, p_months integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.limit_waiters() RETURNS TABLE(organization_id uuid, account_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION bsp.limit_waiters() OWNER TO bsp_owner;

CREATE FUNCTION bsp.log_sequence_at(p_time timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION bsp.log_sequence_at(p_time timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.log_tenants() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  WITH RECURSIVE t AS (
    (SELECT s.tenant_id FROM public.mt_streams s ORDER BY s.tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT s.tenant_id FROM public.mt_streams s WHERE s.tenant_id > t.tenant_id ORDER BY s.tenant_id LIMIT 1) FROM t WHERE t.tenant_id IS NOT NULL)
  SELECT t.tenant_id FROM t WHERE t.tenant_id IS NOT NULL
$$;

ALTER FUNCTION bsp.log_tenants() OWNER TO bsp_owner;

CREATE FUNCTION bsp.merge_contacts(organization uuid, survivor uuid, absorbed uuid, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE s contacts; a contacts; stricter text;
BEGIN
  PERFORM 1 FROM contacts c WHERE c.organization_id = organization AND c.id IN (survivor, absorbed) ORDER BY c.id FOR UPDATE;
  SELECT * INTO s FROM contacts c WHERE c.organization_id = organization AND c.id = survivor;
  SELECT * INTO a FROM contacts c WHERE c.organization_id = organization AND c.id = absorbed;
  IF s.id IS NULL OR a.id IS NULL THEN
    RAISE EXCEPTION 'a contact to be merged is gone' USING ERRCODE = 'no_data_found';
  END IF;

  INSERT INTO contact_list_items (contact_id, list_id, added_at, organization_id)
  SELECT survivor, i.list_id, i.added_at, i.organization_id FROM contact_list_items i WHERE i.contact_id = absorbed ORDER BY i.list_id ON CONFLICT DO NOTHING;
  UPDATE bsp.past_identities p SET contact_id = survivor WHERE p.organization_id = organization AND p.contact_id = absorbed;
  DELETE FROM contacts c WHERE c.organization_id = organization AND c.id = absorbed;
  -- The triggers' own rows of this transaction; a survivor's joining stays where the other's was never noted (before there was a history).
  DELETE FROM bsp.list_history h WHERE h.organization_id = organization AND h.at = now()
     AND (h.contact_id = absorbed AND NOT h.added
       OR h.contact_id = survivor AND h.added AND EXISTS (SELECT FROM bsp.list_history j WHERE j.contact_id = absorbed AND j.list_id = h.list_id AND j.added));
  UPDATE bsp.list_history h SET contact_id = survivor WHERE h.organization_id = organization AND h.contact_id = absorbed;
  UPDATE bsp.contact_aliases x SET into_id = survivor WHERE x.organization_id = organization AND x.into_id = absorbed;
  INSERT INTO bsp.contact_aliases (contact_id, organization_id, into_id, phone_number, wa_user_id, merged_at)
  VALUES (absorbed, organization, survivor, CASE WHEN s.phone_number IS NOT NULL THEN a.phone_number END, CASE WHEN s.wa_user_id IS NOT NULL THEN a.wa_user_id END, at);

  stricter := CASE WHEN 'OPTED_OUT' IN (s.consent_status, a.consent_status) THEN 'OPTED_OUT' WHEN 'PENDING' IN (s.consent_status, a.consent_status) THEN 'PENDING' ELSE 'OPTED_IN' END;
  UPDATE contacts c SET
    phone_number = coalesce(s.phone_number, a.phone_number), wa_user_id = coalesce(s.wa_user_id, a.wa_user_id),
    phone_said_at = CASE WHEN s.phone_number IS NULL THEN a.phone_said_at ELSE s.phone_said_at END, wa_user_id_said_at = CASE WHEN s.wa_user_id IS NULL THEN a.wa_user_id_said_at ELSE s.wa_user_id_said_at END,
    first_name = coalesce(s.first_name, a.first_name), last_name = coalesce(s.last_name, a.last_name), email = coalesce(s.email, a.email),
    custom_fields = a.custom_fields || s.custom_fields,
    tags = CASE WHEN s.tags @> a.tags THEN s.tags ELSE (SELECT jsonb_agg(DISTINCT t) FROM jsonb_array_elements(s.tags || a.tags) AS t) END,
    consent_status = stricter,
    consent_updated_at = CASE WHEN s.consent_status = a.consent_status THEN greatest(s.consent_updated_at, a.consent_updated_at) WHEN s.consent_status = stricter THEN s.consent_updated_at ELSE a.consent_updated_at END,
    last_interaction = greatest(s.last_interaction, a.last_interaction),
    total_messages_received = s.total_messages_received + a.total_messages_received, total_messages_sent = s.total_messages_sent + a.total_messages_sent,
    created_at = least(s.created_at, a.created_at), updated_at = at, row_version = s.row_version + 1,
    import_ids = nullif(coalesce(a.import_ids, '{}') || coalesce(s.import_ids, '{}'), '{}')
  WHERE c.id = survivor;
END $$;

ALTER FUNCTION bsp.merge_contacts(organization uuid, survivor uuid, absorbed uuid, at timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.meta_template_free(meta_id text, template uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  SELECT NOT EXISTS (SELECT FROM public.templates t JOIN public.templates own ON own.organization_id = t.organization_id AND own.id = template WHERE t.meta_template_id = meta_id AND t.id <> template)
$$;

ALTER FUNCTION bsp.meta_template_free(meta_id text, template uuid) OWNER TO bsp_owner;

CREATE TABLE public.mt_events (
    seq_id bigint NOT NULL,
    id uuid NOT NULL,
    stream_id uuid,
    version bigint NOT NULL,
    data jsonb NOT NULL,
    bdata bytea,
    type character varying(500) NOT NULL,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL,
    tenant_id character varying DEFAULT '*DEFAULT*'::character varying,
    mt_dotnet_type character varying,
    correlation_id character varying,
    causation_id character varying,
    headers jsonb,
    user_name character varying,
    is_archived boolean DEFAULT false
);

ALTER TABLE public.mt_events OWNER TO bsp_owner;

CREATE FUNCTION bsp.move_events(p_organization uuid, p_after bigint, p_up_to bigint) RETURNS SETOF public.mt_events
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE noted bigint := coalesce((SELECT p.sequence FROM bsp.projections p WHERE p.name = 'log_places.v1'), 0); block bigint;
BEGIN
  FOR block IN SELECT p.block FROM bsp.log_places p WHERE p.organization_id = p_organization AND p.key = hashtextextended('', 0)
                  AND p.block >= p_after >> 8 AND p.block <= least(p_up_to, noted) >> 8 ORDER BY p.block LOOP
    RETURN QUERY SELECT e.* FROM public.mt_events e
      WHERE e.seq_id > greatest(p_after, (block << 8) - 1) AND e.seq_id <= least(p_up_to, noted, (block << 8) + 255)
        AND e.tenant_id = p_organization::text ORDER BY e.seq_id;
  END LOOP;
  IF p_up_to > noted THEN
    RETURN QUERY SELECT e.* FROM public.mt_events e
      WHERE e.seq_id > greatest(p_after, noted) AND e.seq_id <= p_up_to AND e.tenant_id = p_organization::text ORDER BY e.seq_id;
  END IF;
END $$;

ALTER FUNCTION bsp.move_events(p_organization uuid, p_after bigint, p_up_to bigint) OWNER TO bsp_owner;

CREATE FUNCTION bsp.move_page(p_organization uuid, p_after bigint, p_final bigint, p_blocks integer) RETURNS bigint
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE noted bigint; last_block bigint; blocks int;
BEGIN
  noted := least(p_final, coalesce((SELECT p.sequence FROM bsp.projections p WHERE p.name = 'log_places.v1'), 0));
  IF p_after >= noted THEN RETURN least(p_final, p_after + 50000); END IF;
  SELECT max(b.block), count(*) INTO last_block, blocks FROM (
    SELECT p.block FROM bsp.log_places p WHERE p.organization_id = p_organization AND p.key = hashtextextended('', 0) AND p.block >= p_after >> 8
     ORDER BY p.block LIMIT p_blocks) b;
  RETURN CASE WHEN blocks = p_blocks THEN least(noted, (last_block << 8) + 255) ELSE noted END;
END $$;

ALTER FUNCTION bsp.move_page(p_organization uuid, p_after bigint, p_final bigint, p_blocks integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.moved_away() RETURNS TABLE(organization_id uuid, up_to bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT l.organization_id, l.up_to FROM bsp.moved_numbers_left l
$$;

ALTER FUNCTION bsp.moved_away() OWNER TO bsp_owner;

CREATE FUNCTION bsp.moved_number(p_organization uuid, p_number bigint) RETURNS bigint
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE n bigint := p_number; each record; page record;
BEGIN
  FOR each IN SELECT p.life, min(p.new_from) AS first FROM bsp.moved_pages p WHERE p.organization_id = p_organization GROUP BY p.life ORDER BY p.life LOOP
    CONTINUE WHEN n >= each.first - 1;
    SELECT p.old, p.new_from INTO page FROM bsp.moved_pages p
     WHERE p.organization_id = p_organization AND p.life = each.life AND p.old_from <= n ORDER BY p.old_from DESC LIMIT 1;
    n := CASE WHEN page.old IS NULL THEN each.first - 1
              ELSE page.new_from - 1 + (SELECT count(*) FROM unnest(page.old) AS o WHERE o <= n) END;
  END LOOP;
  RETURN n;
END $$;

ALTER FUNCTION bsp.moved_number(p_organization uuid, p_number bigint) OWNER TO bsp_owner;

CREATE FUNCTION bsp.note_erased() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  DELETE FROM bsp.erased_contacts e WHERE e.organization_id = NEW.organization_id AND e.erasure_id = NEW.contact_id AND NOT e.contact_id = ANY (NEW.contact_ids);
  INSERT INTO bsp.erased_contacts (organization_id, contact_id, erasure_id) SELECT NEW.organization_id, i, NEW.contact_id FROM unnest(NEW.contact_ids) AS i
  ON CONFLICT (organization_id, contact_id) DO UPDATE SET erasure_id = excluded.erasure_id;
  RETURN NULL;
END $$;

ALTER FUNCTION bsp.note_erased() OWNER TO bsp_owner;

CREATE FUNCTION bsp.note_joined() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
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

ALTER FUNCTION bsp.note_joined() OWNER TO bsp_owner;

CREATE FUNCTION bsp.note_places(p_after bigint, p_up_to bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$INSERT INTO bsp.log_places SELECT p.organization_id, p.key, p.block FROM bsp.places_of(p_after, p_up_to) p ON CONFLICT DO NOTHING$$;

ALTER FUNCTION bsp.note_places(p_after bigint, p_up_to bigint) OWNER TO bsp_owner;

CREATE FUNCTION bsp.note_places_next(p_after bigint, p_up_to bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$INSERT INTO bsp.log_places_next SELECT p.organization_id, p.key, p.block FROM bsp.places_of(p_after, p_up_to) p ON CONFLICT DO NOTHING$$;

ALTER FUNCTION bsp.note_places_next(p_after bigint, p_up_to bigint) OWNER TO bsp_owner;

CREATE FUNCTION bsp.note_tags() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
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

ALTER FUNCTION bsp.note_tags() OWNER TO bsp_owner;

CREATE FUNCTION bsp.number_confirmed(p_phone_number_id text, p_organization_id uuid, p_account_id uuid, p_display_digits text) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  UPDATE bsp.directory_numbers d SET proven_at = coalesce(d.proven_at, now()), confirmed_at = now(), doubted_at = NULL, display_digits = p_display_digits, other_entries = (
    SELECT coalesce(array_agg(e), '{}') FROM (SELECT DISTINCT u.e FROM (
      SELECT unnest(d.other_entries) AS e
      UNION ALL SELECT n.waba_id FROM bsp.webhook_notes n WHERE n.released_at IS NULL AND n.phone_number_id = d.phone_number_id AND n.received_at > d.proven_at
      UNION ALL SELECT n.waba_id FROM bsp.webhook_notes n WHERE n.released_at IS NULL AND n.display_digits = d.display_digits AND n.received_at > d.proven_at) u
     WHERE u.e <> d.waba_id LIMIT 8) x)
   WHERE d.phone_number_id = p_phone_number_id AND d.organization_id = p_organization_id AND d.account_id = p_account_id;
  SELECT bsp.webhooks_release(p_phone_number_id)
$$;

ALTER FUNCTION bsp.number_confirmed(p_phone_number_id text, p_organization_id uuid, p_account_id uuid, p_display_digits text) OWNER TO bsp_owner;

CREATE FUNCTION bsp.numbers_doubted_again(p_limit integer) RETURNS SETOF text
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH waiting AS MATERIALIZED (
    SELECT d.phone_number_id, n.waba_id = ANY (d.other_entries) AS accepted FROM bsp.webhook_notes n JOIN bsp.directory_numbers d ON d.phone_number_id = n.phone_number_id
     WHERE n.released_at IS NULL AND n.phone_number_id IS NOT NULL AND n.waba_id <> d.waba_id AND n.received_at > d.proven_at AND d.doubted_at IS NULL
    UNION
    SELECT d.phone_number_id, n.waba_id = ANY (d.other_entries) FROM bsp.webhook_notes n JOIN bsp.directory_numbers d ON d.display_digits = n.display_digits
     WHERE n.released_at IS NULL AND n.display_digits IS NOT NULL AND n.waba_id <> d.waba_id AND n.received_at > d.proven_at AND d.doubted_at IS NULL
    LIMIT p_limit),
  doubted AS (UPDATE bsp.directory_numbers d SET doubted_at = now() WHERE d.phone_number_id IN (SELECT w.phone_number_id FROM waiting w WHERE NOT w.accepted))
  SELECT DISTINCT w.phone_number_id FROM waiting w WHERE w.accepted
$$;

ALTER FUNCTION bsp.numbers_doubted_again(p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.numbers_waited_for(p_limit integer) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  SELECT d.phone_number_id FROM bsp.directory_numbers d WHERE d.proven_at IS NOT NULL AND (
       EXISTS (SELECT FROM bsp.webhook_notes n WHERE n.released_at IS NULL AND n.phone_number_id = d.phone_number_id AND n.waba_id = d.waba_id)
    OR EXISTS (SELECT FROM bsp.webhook_notes n WHERE n.released_at IS NULL AND n.display_digits = d.display_digits AND n.waba_id = d.waba_id)
    OR EXISTS (SELECT FROM bsp.webhook_notes n WHERE n.released_at IS NULL AND n.waba_id = d.waba_id AND n.phone_number_id IS NULL AND n.display_digits IS NULL)) LIMIT p_limit
$$;

ALTER FUNCTION bsp.numbers_waited_for(p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.on_arriving() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF bsp.is_mover() OR NOT EXISTS (SELECT FROM bsp.moves_here m WHERE m.organization_id = TG_ARGV[0]::uuid AND m.state = 'arriving') THEN
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
  END IF;
  IF TG_OP = 'INSERT' THEN
    RAISE EXCEPTION 'organization % is moving to this shard: try again', TG_ARGV[0] USING ERRCODE = 'BM001';
  END IF;
  RETURN NULL;
END $$;

ALTER FUNCTION bsp.on_arriving() OWNER TO bsp_owner;

CREATE FUNCTION bsp.on_leaving() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  org uuid := TG_ARGV[0]::uuid;
  now_state text;
  rel text := format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
  was jsonb; is_now jsonb; own jsonb; before jsonb;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(1299150437, hashtext(TG_ARGV[0]));
  SELECT m.state INTO now_state FROM bsp.moves_here m WHERE m.organization_id = org AND m.role = 'leaving';
  IF now_state IS NULL OR bsp.is_mover() THEN RETURN NULL; END IF;
  IF now_state IN ('frozen', 'gone')
     OR (now_state = 'closing' AND rel = 'public.mt_events' AND TG_OP = 'INSERT' AND coalesce(current_setting('bsp.follows', true), '') <> 'on') THEN
    RAISE EXCEPTION 'organization % is moving to another shard: try again', org USING ERRCODE = 'BM001';
  END IF;
  IF TG_NARGS = 1 OR (rel = 'public.mt_events' AND TG_OP = 'INSERT') THEN RETURN NULL; END IF; -- copied at the end; read by its numbers
  SELECT i.inhparent::regclass::text INTO rel FROM pg_inherits i WHERE i.inhrelid = TG_RELID;
  rel := CASE WHEN rel IS NULL THEN format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME) WHEN rel LIKE '%.%' THEN rel ELSE 'public.' || rel END;
  is_now := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  was := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  SELECT jsonb_object_agg(a, is_now -> a), jsonb_object_agg(a, was -> a) INTO own, before FROM unnest(TG_ARGV[1:]) AS a;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO bsp.move_changes (organization_id, rel, key, delta) VALUES (org, rel, own, CASE TG_OP WHEN 'INSERT' THEN 1 ELSE 0 END);
  END IF;
  IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND before IS DISTINCT FROM own) THEN
    INSERT INTO bsp.move_changes (organization_id, rel, key, delta) VALUES (org, rel, before, CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 0 END);
  END IF;
  RETURN NULL;
END $$;

ALTER FUNCTION bsp.on_leaving() OWNER TO bsp_owner;

CREATE FUNCTION bsp.organizations_with_teams(p_limit integer) RETURNS TABLE(organization_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  SELECT DISTINCT t.organization_id FROM bsp.teams t WHERE t.assignment <> 'manual' LIMIT p_limit
$$;

ALTER FUNCTION bsp.organizations_with_teams(p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.parked_drop_before(p_before timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  DELETE FROM bsp.parked_statuses WHERE parked_at < p_before;
  DELETE FROM bsp.waiting_identity_news WHERE parked_at < p_before;
$$;

ALTER FUNCTION bsp.parked_drop_before(p_before timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.parked_now_known(p_limit integer) RETURNS TABLE(id bigint, organization_id uuid, item jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT k.id, o.organization_id, k.item FROM (SELECT DISTINCT p.organization_id FROM bsp.parked_statuses p) o
   CROSS JOIN LATERAL (SELECT p.id, p.item FROM bsp.parked_statuses p JOIN bsp.wamids w ON w.organization_id = p.organization_id AND w.wamid = p.wamid
                        WHERE p.organization_id = o.organization_id AND p.failures < 3 LIMIT p_limit) k
$$;

ALTER FUNCTION bsp.parked_now_known(p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.parked_trim(p_keep integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  WITH old AS (SELECT p.id, row_number() OVER (PARTITION BY p.organization_id ORDER BY p.id DESC) AS nth FROM bsp.parked_statuses p),
  gone AS (DELETE FROM bsp.parked_statuses p WHERE p.id = ANY (ARRAY(SELECT old.id FROM old WHERE old.nth > p_keep)) RETURNING 1)
  SELECT count(*)::int FROM gone
$$;

ALTER FUNCTION bsp.parked_trim(p_keep integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.phone_key(phone text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$
  SELECT CASE
    WHEN phone !~ '^\+(52|54|55|225|229)' THEN NULL
    WHEN phone ~ '^\+55[1-9][1-9][6-9][0-9]{7}$' THEN left(phone, 5) || '9' || substr(phone, 6)
    WHEN phone ~ '^\+521[2-9][0-9]{9}$' THEN '+52' || substr(phone, 5)
    WHEN phone ~ '^\+54[1-3][0-9]{9}$' THEN '+549' || substr(phone, 4)
    WHEN phone ~ '^\+225[04-9][0-3][0-9]{6}$' THEN '+22501' || substr(phone, 5)
    WHEN phone ~ '^\+225[04-9][4-6][0-9]{6}$' THEN '+22505' || substr(phone, 5)
    WHEN phone ~ '^\+225[04-9][7-9][0-9]{6}$' THEN '+22507' || substr(phone, 5)
    WHEN phone ~ '^\+229[0-9]{8}$' THEN '+22901' || substr(phone, 5)
    ELSE phone
  END
$_$;

ALTER FUNCTION bsp.phone_key(phone text) OWNER TO bsp_owner;

CREATE FUNCTION bsp.phone_spellings(phone text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$
  SELECT CASE
    WHEN k IS NULL THEN ARRAY[phone]
    WHEN k ~ '^\+55[1-9][1-9]9[6-9][0-9]{7}$' THEN ARRAY[k, left(k, 5) || substr(k, 7)]
    WHEN k ~ '^\+52[2-9][0-9]{9}$' THEN ARRAY[k, '+521' || substr(k, 4)]
    WHEN k ~ '^\+549[1-3][0-9]{9}$' THEN ARRAY[k, '+54' || substr(k, 5)]
    WHEN k ~ '^\+225(01[04-9][0-3]|05[04-9][4-6]|07[04-9][7-9])[0-9]{6}$' THEN ARRAY[k, '+225' || substr(k, 7)]
    WHEN k ~ '^\+22901[0-9]{8}$' THEN ARRAY[k, '+229' || substr(k, 7)]
    ELSE ARRAY[phone]
  END FROM (SELECT bsp.phone_key(phone) AS k) AS x
$_$;

ALTER FUNCTION bsp.phone_spellings(phone text) OWNER TO bsp_owner;

CREATE FUNCTION bsp.places_of(p_after bigint, p_up_to bigint) RETURNS TABLE(organization_id uuid, key bigint, block bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  SELECT DISTINCT e.tenant_id::uuid, hashtextextended(k.key, 0), e.seq_id >> 8
    FROM public.mt_events e
   CROSS JOIN LATERAL unnest(ARRAY['', 't:' || e.type, 'c:' || e.correlation_id, 'k:' || e.causation_id]) AS k (key)
   WHERE e.seq_id > p_after AND e.seq_id <= p_up_to AND e.type <> 'tombstone' AND e.tenant_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' AND k.key IS NOT NULL
$_$;

ALTER FUNCTION bsp.places_of(p_after bigint, p_up_to bigint) OWNER TO bsp_owner;

CREATE FUNCTION bsp.portfolio_of(p_business text, p_waba text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT coalesce(nullif(p_business, ''), p_waba) $$;

ALTER FUNCTION bsp.portfolio_of(p_business text, p_waba text) OWNER TO bsp_owner;

CREATE FUNCTION bsp.reach_room(p_organization uuid, p_portfolio text, p_limit integer, p_now timestamp with time zone, p_hold interval) RETURNS TABLE(room integer, next_at timestamp with time zone)
    LANGUAGE plpgsql
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
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

ALTER FUNCTION bsp.reach_room(p_organization uuid, p_portfolio text, p_limit integer, p_now timestamp with time zone, p_hold interval) OWNER TO bsp_owner;

CREATE FUNCTION bsp.read_log(p_after bigint, p_up_to bigint, p_types text[], p_limit integer) RETURNS TABLE(seq_id bigint, id uuid, stream_id uuid, version bigint, type character varying, data jsonb, "timestamp" timestamp with time zone, correlation_id character varying, causation_id character varying, user_name character varying, tenant_id character varying)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT e.seq_id, e.id, e.stream_id, e.version, e.type, CASE WHEN e.bdata IS NULL THEN e.data END, e.timestamp, e.correlation_id, e.causation_id, e.user_name, e.tenant_id
    FROM public.mt_events e
   WHERE e.seq_id > p_after AND e.seq_id <= p_up_to AND (p_types IS NULL OR e.type = ANY (p_types)) AND e.type <> 'tombstone'
   ORDER BY e.seq_id
   LIMIT p_limit
$$;

ALTER FUNCTION bsp.read_log(p_after bigint, p_up_to bigint, p_types text[], p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.read_organization(p_tenant text, p_after bigint, p_up_to bigint, p_types text[], p_correlation text, p_causation text, p_limit integer, p_without text[] DEFAULT NULL::text[]) RETURNS TABLE(seq_id bigint, id uuid, stream_id uuid, version bigint, type character varying, data jsonb, "timestamp" timestamp with time zone, correlation_id character varying, causation_id character varying, user_name character varying, is_archived boolean)
    LANGUAGE plpgsql STABLE
    SET enable_sort TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
  blocks_max CONSTANT int := 2000;          -- bound the time of one statement
  numbers_max CONSTANT int := 50000;
  noted bigint := least(p_up_to, coalesce((SELECT p.sequence FROM bsp.projections p WHERE p.name = 'log_places.v1'), 0));
  looked bigint := p_after;
  keys bigint[];
  block bigint;
  blocks int := 0;
  found int := 0;
  more int;
BEGIN
  keys := CASE
    WHEN p_correlation IS NOT NULL THEN ARRAY[hashtextextended('c:' || p_correlation, 0)]
    WHEN p_causation IS NOT NULL THEN ARRAY[hashtextextended('k:' || p_causation, 0)]
    WHEN p_types IS NOT NULL THEN (SELECT array_agg(hashtextextended('t:' || t, 0)) FROM unnest(p_types) t)
    ELSE ARRAY[hashtextextended('', 0)] END;
  IF looked < noted THEN
    FOR block IN
      SELECT DISTINCT p.block FROM bsp.log_places p
       WHERE p.organization_id = p_tenant::uuid AND p.key = ANY (keys) AND p.block >= p_after >> 8 AND p.block <= noted >> 8 ORDER BY p.block LIMIT blocks_max
    LOOP
      RETURN QUERY
        SELECT e.seq_id, e.id, e.stream_id, e.version, e.type, CASE WHEN e.bdata IS NULL THEN e.data END, e.timestamp, e.correlation_id, e.causation_id, e.user_name, coalesce(e.is_archived, false)
          FROM public.mt_events e
         WHERE e.seq_id > greatest(p_after, (block << 8) - 1) AND e.seq_id <= least(noted, (block << 8) + 255) AND e.tenant_id = p_tenant AND e.type <> 'tombstone'
           AND (p_types IS NULL OR e.type = ANY (p_types)) AND (p_without IS NULL OR e.type <> ALL (p_without)) AND (p_correlation IS NULL OR e.correlation_id = p_correlation) AND (p_causation IS NULL OR e.causation_id = p_causation)
         ORDER BY e.seq_id LIMIT p_limit - found;
      GET DIAGNOSTICS more = ROW_COUNT;
      found := found + more;
      blocks := blocks + 1;
      looked := least(noted, (block << 8) + 255);
      IF found >= p_limit THEN RETURN; END IF;
    END LOOP;
    IF blocks < blocks_max THEN looked := noted; END IF;
  END IF;
  IF blocks < blocks_max AND looked < p_up_to THEN
    RETURN QUERY
      SELECT e.seq_id, e.id, e.stream_id, e.version, e.type, CASE WHEN e.bdata IS NULL THEN e.data END, e.timestamp, e.correlation_id, e.causation_id, e.user_name, coalesce(e.is_archived, false)
        FROM public.mt_events e
       WHERE e.seq_id > looked AND e.seq_id <= least(p_up_to, looked + numbers_max) AND e.tenant_id = p_tenant AND e.type <> 'tombstone'
         AND (p_types IS NULL OR e.type = ANY (p_types)) AND (p_without IS NULL OR e.type <> ALL (p_without)) AND (p_correlation IS NULL OR e.correlation_id = p_correlation) AND (p_causation IS NULL OR e.causation_id = p_causation)
       ORDER BY e.seq_id LIMIT p_limit - found;
    GET DIAGNOSTICS more = ROW_COUNT;
    found := found + more;
    IF found >= p_limit THEN RETURN; END IF;
    looked := least(p_up_to, looked + numbers_max);
  END IF;
  RETURN QUERY SELECT NULL::bigint, NULL::uuid, NULL::uuid, looked, NULL::varchar, NULL::jsonb, NULL::timestamptz, NULL::varchar, NULL::varchar, NULL::varchar, NULL::bool;
END $$;

ALTER FUNCTION bsp.read_organization(p_tenant text, p_after bigint, p_up_to bigint, p_types text[], p_correlation text, p_causation text, p_limit integer, p_without text[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.read_sealable(p_after bigint, p_up_to bigint, p_tenant text, p_limit integer) RETURNS TABLE(seq_id bigint, id uuid, tenant_id character varying, stream_id uuid, version bigint, type character varying, "timestamp" timestamp with time zone, mt_dotnet_type character varying, correlation_id character varying, causation_id character varying, user_name character varying, headers bytea, data bytea, bdata bytea, was bytea, kept bytea)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
  SELECT e.seq_id, e.id, e.tenant_id, e.stream_id, e.version, e.type, e.timestamp, e.mt_dotnet_type, e.correlation_id, e.causation_id, e.user_name,
         convert_to(e.headers::text, 'UTF8'), convert_to(e.data::text, 'UTF8'), e.bdata, r.was, r.kept
    FROM public.mt_events e LEFT JOIN bsp.retired_contents r ON r.seq_id = e.seq_id
   WHERE e.seq_id > p_after AND e.seq_id <= p_up_to AND (p_tenant IS NULL OR e.tenant_id = p_tenant) ORDER BY e.seq_id LIMIT p_limit
$$;

ALTER FUNCTION bsp.read_sealable(p_after bigint, p_up_to bigint, p_tenant text, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.read_seals(p_day date) RETURNS TABLE(tenant_id character varying, day date, n bigint, events bigint, root bytea, previous bytea, acts bigint, acts_hash bytea, sealed_at timestamp with time zone, head bytea, key_id text, signature bytea)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT DISTINCT ON (s.tenant_id COLLATE "C") s.tenant_id, s.day, s.n, s.events, s.root, s.previous, s.acts, s.acts_hash, s.sealed_at, s.head, s.key_id, s.signature
    FROM bsp.log_seals s WHERE p_day IS NULL OR s.day = p_day ORDER BY s.tenant_id COLLATE "C", s.n DESC
$$;

ALTER FUNCTION bsp.read_seals(p_day date) OWNER TO bsp_owner;

CREATE FUNCTION bsp.release_webhook(p_id uuid, p_term bigint, p_now timestamp with time zone, p_pause timestamp with time zone, p_next timestamp with time zone, p_failures integer, p_first_failed timestamp with time zone, p_error text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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

ALTER FUNCTION bsp.release_webhook(p_id uuid, p_term bigint, p_now timestamp with time zone, p_pause timestamp with time zone, p_next timestamp with time zone, p_failures integer, p_first_failed timestamp with time zone, p_error text) OWNER TO bsp_owner;

CREATE FUNCTION bsp.renew_webhooks(p_owner uuid, p_ids uuid[], p_terms bigint[], p_versions bigint[], p_now timestamp with time zone, p_until timestamp with time zone) RETURNS SETOF uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION bsp.renew_webhooks(p_owner uuid, p_ids uuid[], p_terms bigint[], p_versions bigint[], p_now timestamp with time zone, p_until timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.require_tenant(p_tenant text) RETURNS void
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
  IF NOT coalesce(p_tenant = ANY (bsp.tenant_ids()), false) THEN
    RAISE EXCEPTION 'this transaction is not organization %''s (bsp.tenants)', p_tenant USING ERRCODE = 'insufficient_privilege';
  END IF;
END $$;

ALTER FUNCTION bsp.require_tenant(p_tenant text) OWNER TO bsp_owner;

CREATE FUNCTION bsp.reserves_orphaned(p_before timestamp with time zone, p_over timestamp with time zone, p_limit integer) RETURNS TABLE(organization_id uuid, message_id uuid, created_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT r.organization_id, r.message_id, r.created_at FROM (SELECT * FROM bsp.message_reserves x WHERE x.created_at < p_before ORDER BY x.created_at LIMIT 5000) r
   WHERE r.created_at < p_over OR NOT EXISTS (SELECT FROM public.mt_streams s WHERE s.tenant_id = r.organization_id::text AND s.id = r.message_id OFFSET 0) LIMIT p_limit
$$;

ALTER FUNCTION bsp.reserves_orphaned(p_before timestamp with time zone, p_over timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.restore_streams(p_tenant text, p_ids uuid[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  back uuid[];
BEGIN
  PERFORM bsp.require_tenant(p_tenant);
  WITH put AS (UPDATE public.mt_streams t SET is_archived = false WHERE t.tenant_id = p_tenant AND t.id = ANY (p_ids) AND t.is_archived RETURNING t.id)
  SELECT array_agg(put.id) INTO back FROM put;
  IF back IS NULL THEN RETURN 0; END IF;
  UPDATE public.mt_events e SET is_archived = false WHERE e.tenant_id = p_tenant AND e.stream_id = ANY (back) AND e.is_archived IS NOT FALSE;
  INSERT INTO bsp.evidence_acts (organization_id, act, number, subject) VALUES (p_tenant::uuid, 'streams.restored', cardinality(back), back[1]::text);
  RETURN cardinality(back);
END $$;

ALTER FUNCTION bsp.restore_streams(p_tenant text, p_ids uuid[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.retention_exceptions() RETURNS TABLE(organization_id uuid, message_content_days integer, message_logs_days integer, ai_conversations_days integer, held boolean, contacts uuid[])
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT o.id, max(p.message_content_days), max(p.message_logs_days), max(p.ai_conversations_days), coalesce(bool_or(h.id IS NOT NULL AND h.contact_id IS NULL), false),
         coalesce(array_agg(h.contact_id) FILTER (WHERE h.contact_id IS NOT NULL), '{}') || coalesce(array_agg(x.into_id) FILTER (WHERE x.into_id IS NOT NULL), '{}')
    FROM (SELECT p.organization_id AS id FROM bsp.retention_policies p UNION SELECT h.organization_id FROM bsp.legal_holds h WHERE h.released_at IS NULL) o
    LEFT JOIN bsp.retention_policies p ON p.organization_id = o.id
    LEFT JOIN bsp.legal_holds h ON h.organization_id = o.id AND h.released_at IS NULL
    LEFT JOIN bsp.contact_aliases x ON x.contact_id = h.contact_id -- merged since: their messages are the other's by now
   GROUP BY o.id
$$;

ALTER FUNCTION bsp.retention_exceptions() OWNER TO bsp_owner;

CREATE FUNCTION bsp.retire_contents(p_organization uuid, p_archive uuid, p_streams uuid[], p_types text[], p_before timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
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

ALTER FUNCTION bsp.retire_contents(p_organization uuid, p_archive uuid, p_streams uuid[], p_types text[], p_before timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.retired_archives(p_tenant text) RETURNS TABLE(tenant_id text, archive_id uuid, contents bigint, digest text, told_seq bigint, told_contents bigint, told_digest text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT r.organization_id::text, r.archive_id, r.contents, encode(bsp.retired_digest(r.archive_id), 'hex'), e.seq_id, (e.data ->> 'contents')::bigint, e.data ->> 'contents_sha256'
    FROM (SELECT c.organization_id, c.archive_id, count(*) AS contents FROM bsp.retired_contents c WHERE p_tenant IS NULL OR c.organization_id = p_tenant::uuid
           GROUP BY c.organization_id, c.archive_id) r
    LEFT JOIN LATERAL (SELECT e.seq_id, e.data FROM public.mt_events e WHERE e.tenant_id = r.organization_id::text AND e.stream_id = r.archive_id AND e.type = 'archive_kept'
                        ORDER BY e.version DESC LIMIT 1) e ON true
   ORDER BY r.archive_id
$$;

ALTER FUNCTION bsp.retired_archives(p_tenant text) OWNER TO bsp_owner;

CREATE FUNCTION bsp.retired_digest(p_archive uuid) RETURNS bytea
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT sha256(string_agg(int8send(r.seq_id) || r.was || r.kept, ''::bytea ORDER BY r.seq_id)) FROM bsp.retired_contents r WHERE r.archive_id = p_archive
$$;

ALTER FUNCTION bsp.retired_digest(p_archive uuid) OWNER TO bsp_owner;

CREATE FUNCTION bsp.run_without_gap(p_after bigint, p_limit integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT coalesce(max(r.seq_id) FILTER (WHERE r.seq_id = p_after + r.nth), p_after)
    FROM (SELECT q.seq_id, row_number() OVER (ORDER BY q.seq_id) AS nth FROM (SELECT e.seq_id FROM public.mt_events e WHERE e.seq_id > p_after ORDER BY e.seq_id LIMIT p_limit) q) r
$$;

ALTER FUNCTION bsp.run_without_gap(p_after bigint, p_limit integer) OWNER TO bsp_owner;

CREATE TABLE public.contacts (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    phone_number text,
    first_name text,
    last_name text,
    email text,
    custom_fields jsonb DEFAULT '{}'::jsonb NOT NULL,
    tags jsonb DEFAULT '[]'::jsonb NOT NULL,
    consent_status text DEFAULT 'PENDING'::text NOT NULL,
    consent_updated_at timestamp with time zone,
    last_interaction timestamp with time zone,
    total_messages_received integer DEFAULT 0 NOT NULL,
    total_messages_sent integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    wa_user_id text,
    row_version bigint DEFAULT 1 NOT NULL,
    last_import_id uuid,
    import_ids uuid[],
    phone_said_at timestamp with time zone,
    wa_user_id_said_at timestamp with time zone,
    phone_key text,
    CONSTRAINT contacts_consent_status_check CHECK ((consent_status = ANY (ARRAY['OPTED_IN'::text, 'OPTED_OUT'::text, 'PENDING'::text])))
);

ALTER TABLE public.contacts OWNER TO bsp_owner;

CREATE FUNCTION bsp.search_contacts(words text, phone_from text, phone_to text, tag text, consent text, email text, email_words text, custom jsonb, custom_typed jsonb, after_id uuid, after_phone text, row_limit integer) RETURNS SETOF public.contacts
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $_$
DECLARE
  few_max CONSTANT int := 1000;
  tenant uuid := bsp.the_tenant();
  named text := '';
  rest text := '';
  few uuid[];
  peek_rows CONSTANT int := least(1000, greatest(200, 4 * row_limit));
  peeks_max CONSTANT int := 10;
  last_seen uuid;
  met int;
  source text := 'SELECT * FROM public.contacts c WHERE c.organization_id = $1';
BEGIN
  IF words IS NOT NULL THEN named := named || ' AND bsp.contact_words(c.first_name, c.last_name, c.email) LIKE $2'; END IF;
  IF tag IS NOT NULL THEN named := named || ' AND c.tags @> jsonb_build_array($5) AND c.tags <> ''[]'''; END IF;
  IF email IS NOT NULL THEN named := named || ' AND bsp.contact_words(c.first_name, c.last_name, c.email) LIKE $7 AND lower(c.email) = $8'; END IF;
  IF words IS NOT NULL OR email IS NOT NULL THEN named := named || ' AND bsp.contact_words(c.first_name, c.last_name, c.email) <> ''  '''; END IF;
  IF custom IS NOT NULL THEN
    named := named || ' AND c.custom_fields <> ''{}'''
      || CASE WHEN coalesce(custom_typed, custom) = custom THEN ' AND c.custom_fields @> $9' ELSE ' AND (c.custom_fields @> $9 OR c.custom_fields @> $10)' END;
  END IF;
  IF phone_from IS NOT NULL THEN rest := rest || ' AND c.phone_number >= $3 AND starts_with(c.phone_number, $3)'; END IF;
  IF phone_to IS NOT NULL THEN rest := rest || ' AND c.phone_number < $4'; END IF;
  IF consent IS NOT NULL THEN rest := rest || ' AND c.consent_status = $6'; END IF;
  IF after_id IS NOT NULL THEN rest := rest || ' AND c.id > $11'; END IF;
  IF after_phone IS NOT NULL THEN rest := rest || ' AND c.phone_number > $12'; END IF;

  -- What many have is met at once in the order that is asked for: some hundred contacts are looked at before any list of the search indexes is read, and some hundred more as long as that pays.
  IF named <> '' AND email IS NULL AND phone_from IS NULL AND consent IS NULL THEN
    FOR peek IN 1 .. peeks_max LOOP
      EXECUTE 'SELECT c.id FROM public.contacts c WHERE c.organization_id = $1 AND c.id <> ''00000000-0000-0000-0000-000000000000''' || CASE WHEN after_id IS NULL THEN '' ELSE ' AND c.id > $2' END
        || ' ORDER BY c.id OFFSET $3 LIMIT 1' INTO last_seen USING tenant, after_id, peek_rows - 1;
      RETURN QUERY EXECUTE 'SELECT * FROM (SELECT * FROM public.contacts c WHERE c.organization_id = $1 AND c.id <> ''00000000-0000-0000-0000-000000000000'''
        || CASE WHEN after_id IS NULL THEN '' ELSE ' AND c.id > $11' END || ' ORDER BY c.id LIMIT $14) c WHERE true' || named || ' LIMIT $13'
        USING tenant, words, phone_from, phone_to, tag, consent, email_words, email, custom, coalesce(custom_typed, custom), after_id, after_phone, row_limit, peek_rows;
      GET DIAGNOSTICS met = ROW_COUNT;
      IF last_seen IS NULL OR met >= row_limit THEN RETURN; END IF;
      after_id := last_seen;
      row_limit := row_limit - met;
      EXIT WHEN met * 16 < peek_rows;
    END LOOP;
    rest := ' AND c.id > $11';
  END IF;

  IF named <> '' THEN
    EXECUTE 'SELECT array_agg(q.id) FROM (SELECT c.id FROM public.contacts c WHERE c.organization_id = $1' || named || ' LIMIT $13) q' INTO few
      USING tenant, words, phone_from, phone_to, tag, consent, email_words, email, custom, coalesce(custom_typed, custom), after_id, after_phone, few_max + 1;
    IF few IS NULL THEN RETURN; END IF;
    IF cardinality(few) <= few_max THEN
      IF phone_from IS NULL AND consent IS NULL THEN
        few := ARRAY(SELECT i FROM unnest(few) AS i WHERE after_id IS NULL OR i > after_id ORDER BY i LIMIT row_limit);
      END IF;
      source := 'SELECT * FROM public.contacts c WHERE c.id = ANY ($14)';
    END IF;
  END IF;

  IF few IS NULL OR cardinality(few) > few_max THEN
    few := NULL;
    rest := named || rest || CASE WHEN phone_from IS NULL AND consent IS NULL THEN ' AND c.id <> ''00000000-0000-0000-0000-000000000000''' WHEN phone_from IS NULL THEN ' AND c.consent_status <> ''''' ELSE '' END;
  END IF;
  -- Around it OFFSET 0, where few are put in order: else "ORDER BY id LIMIT" is an invitation to walk.
  RETURN QUERY EXECUTE CASE WHEN few IS NULL THEN source || rest ELSE 'SELECT * FROM (' || source || rest || ' OFFSET 0) c' END
    || CASE WHEN phone_from IS NULL THEN ' ORDER BY c.id' ELSE ' ORDER BY c.phone_number' END || ' LIMIT $13'
    USING tenant, words, phone_from, phone_to, tag, consent, email_words, email, custom, coalesce(custom_typed, custom), after_id, after_phone, row_limit, few;
END $_$;

ALTER FUNCTION bsp.search_contacts(words text, phone_from text, phone_to text, tag text, consent text, email text, email_words text, custom jsonb, custom_typed jsonb, after_id uuid, after_phone text, row_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.search_messages(p_tokens integer[], p_before bigint, p_limit integer) RETURNS TABLE(message_id uuid, conversation_id uuid, at bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
DECLARE
  newest_max CONSTANT int := 3000;
  tenant uuid := bsp.the_tenant();
  account uuid := bsp.account();
  found_rows int;
  oldest bigint;
BEGIN
  RETURN QUERY SELECT n.message_id, n.conversation_id, n.at FROM (
      SELECT s.message_id, s.conversation_id, s.at, s.account_id, s.tokens FROM bsp.message_search s WHERE s.organization_id = tenant AND s.at < p_before ORDER BY s.at DESC LIMIT newest_max) n
    WHERE n.tokens @> p_tokens AND (account IS NULL OR n.account_id = account) ORDER BY n.at DESC LIMIT p_limit;
  GET DIAGNOSTICS found_rows = ROW_COUNT;
  IF found_rows < p_limit THEN
    SELECT s.at INTO oldest FROM bsp.message_search s WHERE s.organization_id = tenant AND s.at < p_before ORDER BY s.at DESC OFFSET newest_max - 1 LIMIT 1;
    IF oldest IS NOT NULL THEN
      RETURN QUERY SELECT m.message_id, m.conversation_id, m.at FROM (
          SELECT s.message_id, s.conversation_id, s.at, s.organization_id, s.account_id FROM bsp.message_search s WHERE s.tokens @> p_tokens OFFSET 0) m
        WHERE m.organization_id = tenant AND m.at < oldest AND (account IS NULL OR m.account_id = account) ORDER BY m.at DESC LIMIT p_limit - found_rows;
    END IF;
  END IF;
END $$;

ALTER FUNCTION bsp.search_messages(p_tokens integer[], p_before bigint, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.search_names(p_tokens integer[], p_limit integer) RETURNS TABLE(conversation_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
  SELECT m.conversation_id FROM (SELECT s.conversation_id, s.organization_id, s.account_id FROM bsp.conversation_search s WHERE s.tokens @> p_tokens OFFSET 0) m
   WHERE m.organization_id = bsp.the_tenant() AND (bsp.account() IS NULL OR m.account_id = bsp.account()) LIMIT p_limit
$$;

ALTER FUNCTION bsp.search_names(p_tokens integer[], p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.search_newer(p_tokens integer[], p_conversations uuid[], p_after bigint[], p_limit integer) RETURNS TABLE(message_id uuid, conversation_id uuid, at bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
  SELECT n.message_id, n.conversation_id, n.at FROM unnest(p_conversations, p_after) AS q (conversation, after)
   CROSS JOIN LATERAL (SELECT s.message_id, s.conversation_id, s.at, s.tokens FROM bsp.message_search s
                        WHERE s.conversation_id = q.conversation AND s.at > q.after AND (s.organization_id = bsp.the_tenant()) IS TRUE ORDER BY s.at DESC LIMIT 500) n
   WHERE n.tokens @> p_tokens LIMIT p_limit
$$;

ALTER FUNCTION bsp.search_newer(p_tokens integer[], p_conversations uuid[], p_after bigint[], p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.secure_by_tenant(target regclass) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY tenant ON %s USING (organization_id = ANY ((SELECT bsp.tenants())::uuid[]))', target);
END $$;

ALTER FUNCTION bsp.secure_by_tenant(target regclass) OWNER TO bsp_owner;

CREATE FUNCTION bsp.sending_owners() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ SELECT DISTINCT q.owner FROM bsp.send_queue q WHERE q.state = 1 AND q.owner IS NOT NULL $$;

ALTER FUNCTION bsp.sending_owners() OWNER TO bsp_owner;

CREATE FUNCTION bsp.sends_due(p_state smallint, p_before timestamp with time zone, p_limit integer) RETURNS TABLE(organization_id uuid, message_id uuid, account_id uuid, campaign_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  SELECT q.organization_id, q.message_id, q.account_id, q.campaign_id FROM bsp.send_queue q
   WHERE q.state = p_state AND q.due_at <= p_before
     AND (p_state <> 0 OR q.campaign_id IS NULL OR EXISTS (SELECT FROM public.campaigns c WHERE c.id = q.campaign_id AND c.status = 'RUNNING'))
   ORDER BY q.due_at LIMIT p_limit
$$;

ALTER FUNCTION bsp.sends_due(p_state smallint, p_before timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.sends_due(p_state smallint, p_before timestamp with time zone, p_limit integer, p_statuses text[]) RETURNS TABLE(organization_id uuid, message_id uuid, account_id uuid, campaign_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT q.organization_id, q.message_id, q.account_id, q.campaign_id FROM bsp.send_queue q
   WHERE q.state = p_state AND q.due_at <= p_before
     AND (p_state <> 0 OR q.campaign_id IS NULL
          OR EXISTS (SELECT FROM public.campaigns c WHERE c.id = q.campaign_id AND c.status = ANY (p_statuses)))
   ORDER BY q.due_at LIMIT p_limit
$$;

ALTER FUNCTION bsp.sends_due(p_state smallint, p_before timestamp with time zone, p_limit integer, p_statuses text[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.sends_of_owner(p_owner uuid, p_before timestamp with time zone, p_limit integer) RETURNS TABLE(organization_id uuid, message_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ SELECT q.organization_id, q.message_id FROM bsp.send_queue q WHERE q.state = 1 AND q.owner = p_owner AND q.due_at <= p_before LIMIT p_limit $$;

ALTER FUNCTION bsp.sends_of_owner(p_owner uuid, p_before timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.settle_contacts() RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  SELECT gin_clean_pending_list('public.contacts_words'), gin_clean_pending_list('public.contacts_tags'), gin_clean_pending_list('public.contacts_custom');
  ANALYZE (SKIP_LOCKED) public.contacts (organization_id, phone_number, consent_status);
$$;

ALTER FUNCTION bsp.settle_contacts() OWNER TO bsp_owner;

CREATE FUNCTION bsp.subscriptions_due(p_now timestamp with time zone, p_after timestamp with time zone, p_after_organization uuid, p_limit integer) RETURNS TABLE(organization_id uuid, subscription_id uuid, due_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  SELECT c.organization_id, c.subscription_id, c.due_at FROM bsp.subscription_clock c
   WHERE c.due_at <= p_now AND (c.due_at, c.organization_id) > (p_after, p_after_organization) ORDER BY c.due_at, c.organization_id LIMIT p_limit
$$;

ALTER FUNCTION bsp.subscriptions_due(p_now timestamp with time zone, p_after timestamp with time zone, p_after_organization uuid, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.subscriptions_nudged(p_after uuid, p_limit integer) RETURNS TABLE(organization_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  SELECT DISTINCT n.organization_id FROM bsp.subscription_nudges n WHERE n.organization_id > p_after ORDER BY n.organization_id LIMIT p_limit
$$;

ALTER FUNCTION bsp.subscriptions_nudged(p_after uuid, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.swap_places() RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  DELETE FROM bsp.log_places p WHERE NOT EXISTS (SELECT FROM bsp.log_places_next n WHERE (n.organization_id, n.key, n.block) = (p.organization_id, p.key, p.block));
  INSERT INTO bsp.log_places SELECT * FROM bsp.log_places_next ON CONFLICT DO NOTHING;
  TRUNCATE bsp.log_places_next;
$$;

ALTER FUNCTION bsp.swap_places() OWNER TO bsp_owner;

CREATE FUNCTION bsp.swap_search() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '2s'
    AS $$
DECLARE
  t text;
  own text[];
  other text[];
BEGIN
  FOREACH t IN ARRAY ARRAY['message_search', 'conversation_search'] LOOP
    EXECUTE format('LOCK TABLE bsp.%I, bsp.%I IN ACCESS EXCLUSIVE MODE', t, t || '_next');
    SELECT array_agg(a.relname::text ORDER BY a.relname), array_agg(b.relname::text ORDER BY a.relname) INTO own, other
      FROM pg_index i JOIN pg_class a ON a.oid = i.indexrelid
      JOIN pg_index j ON j.indrelid = format('bsp.%I', t || '_next')::regclass AND j.indkey::text = i.indkey::text AND j.indisprimary = i.indisprimary
      JOIN pg_class b ON b.oid = j.indexrelid AND b.relam = a.relam
     WHERE i.indrelid = format('bsp.%I', t)::regclass;
    EXECUTE format('ALTER TABLE bsp.%I RENAME TO %I', t, t || '_swap');
    EXECUTE format('ALTER TABLE bsp.%I RENAME TO %I', t || '_next', t);
    EXECUTE format('ALTER TABLE bsp.%I RENAME TO %I', t || '_swap', t || '_next');
    FOR n IN 1 .. cardinality(own) LOOP
      EXECUTE format('ALTER INDEX bsp.%I RENAME TO %I', own[n], own[n] || '_swap');
      EXECUTE format('ALTER INDEX bsp.%I RENAME TO %I', other[n], own[n]);
      EXECUTE format('ALTER INDEX bsp.%I RENAME TO %I', own[n] || '_swap', other[n]);
    END LOOP;
  END LOOP;
END $$;

ALTER FUNCTION bsp.swap_search() OWNER TO bsp_owner;

CREATE FUNCTION bsp.sweep_account_notices(p_before timestamp with time zone, p_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH old AS (SELECT id FROM bsp.account_notices WHERE at < p_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM bsp.account_notices n USING old WHERE n.id = old.id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;

ALTER FUNCTION bsp.sweep_account_notices(p_before timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.sweep_ai(p_shadows_before timestamp with time zone, p_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH old AS (SELECT s.id FROM bsp.ai_shadows s WHERE s.created_at < p_shadows_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM bsp.ai_shadows s USING old WHERE s.id = old.id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;

ALTER FUNCTION bsp.sweep_ai(p_shadows_before timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.sweep_imports(p_before timestamp with time zone, p_limit integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE import uuid; gone int; left_over int;
BEGIN
  SELECT i.id INTO import FROM bsp.imports i WHERE i.rejects_kept AND i.status IN ('completed', 'failed') AND i.updated_at < p_before ORDER BY i.updated_at LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF import IS NULL THEN
    RETURN 0;
  END IF;
  DELETE FROM bsp.import_rejects r WHERE r.import_id = import AND r.row IN (SELECT o.row FROM bsp.import_rejects o WHERE o.import_id = import ORDER BY o.row LIMIT p_limit);
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM bsp.import_rows_staged r WHERE r.import_id = import AND r.row IN (SELECT o.row FROM bsp.import_rows_staged o WHERE o.import_id = import ORDER BY o.row LIMIT p_limit);
  GET DIAGNOSTICS left_over = ROW_COUNT;
  IF gone < p_limit AND left_over < p_limit THEN
    UPDATE bsp.imports i SET rejects_kept = false WHERE i.id = import;
  END IF;
  RETURN gone + left_over + 1;
END $$;

ALTER FUNCTION bsp.sweep_imports(p_before timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.sweep_inbox(p_notes_before timestamp with time zone, p_mentions_before timestamp with time zone, p_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH old AS (SELECT id FROM bsp.conversation_notes WHERE created_at < p_notes_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       notes AS (DELETE FROM bsp.conversation_notes n USING old WHERE n.id = old.id RETURNING 1),
       seen AS (SELECT user_id, note_id FROM bsp.mentions WHERE created_at < p_mentions_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM bsp.mentions m USING seen WHERE (m.user_id, m.note_id) = (seen.user_id, seen.note_id) RETURNING 1)
  SELECT ((SELECT count(*) FROM notes) + (SELECT count(*) FROM gone))::int
$$;

ALTER FUNCTION bsp.sweep_inbox(p_notes_before timestamp with time zone, p_mentions_before timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.sweep_mails(p_before timestamp with time zone, p_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH old AS (SELECT m.id FROM bsp.mails m WHERE m.created_at < p_before AND m.status <> 'waiting' LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM bsp.mails m USING old WHERE m.id = old.id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;

ALTER FUNCTION bsp.sweep_mails(p_before timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.sweep_media(p_before timestamp with time zone, p_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH old AS (SELECT m.id FROM bsp.media m WHERE m.status = 'deleted' AND m.created_at < p_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM bsp.media m USING old WHERE m.id = old.id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;

ALTER FUNCTION bsp.sweep_media(p_before timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.sweep_search(p_before timestamp with time zone, p_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  WITH old AS (SELECT message_id FROM bsp.message_search WHERE written_at < p_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM bsp.message_search s USING old WHERE s.message_id = old.message_id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;

ALTER FUNCTION bsp.sweep_search(p_before timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.take_ai_shadow(p_now timestamp with time zone, p_until timestamp with time zone) RETURNS TABLE(organization_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH due AS (SELECT s.id FROM bsp.ai_shadows s
                WHERE s.status IN ('planning', 'running') AND (s.leased_until IS NULL OR s.leased_until <= p_now)
                ORDER BY s.created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  UPDATE bsp.ai_shadows r SET leased_until = p_until FROM due WHERE r.id = due.id RETURNING r.organization_id, r.id
$$;

ALTER FUNCTION bsp.take_ai_shadow(p_now timestamp with time zone, p_until timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.take_ai_turns(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) RETURNS TABLE(organization_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH due AS (SELECT t.organization_id FROM bsp.ai_turns t
                WHERE t.due_at IS NOT NULL AND t.due_at <= p_now AND (t.leased_until IS NULL OR t.leased_until <= p_now)
                ORDER BY t.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE bsp.ai_turns r SET leased_until = p_until FROM due WHERE r.organization_id = due.organization_id RETURNING r.organization_id
$$;

ALTER FUNCTION bsp.take_ai_turns(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.take_mails(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer, p_each integer) RETURNS TABLE(organization_id uuid, id uuid, kind text, recipient text, content text, attempts integer, created_at timestamp with time zone, expires_at timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH next AS (SELECT m.id, m.organization_id, m.due_at FROM bsp.mails m WHERE m.status = 'waiting' AND m.due_at <= p_now ORDER BY m.due_at LIMIT 500),
       turn AS (SELECT n.id, n.due_at, row_number() OVER (PARTITION BY n.organization_id ORDER BY n.due_at) AS place FROM next n),
       mine AS (SELECT t.id FROM turn t WHERE t.place <= p_each ORDER BY t.place, t.due_at LIMIT p_limit),
       due AS (SELECT m.id FROM bsp.mails m JOIN mine USING (id) WHERE m.status = 'waiting' AND m.due_at <= p_now FOR UPDATE OF m SKIP LOCKED)
  UPDATE bsp.mails r SET due_at = p_until, attempts = r.attempts + 1 FROM due WHERE r.id = due.id
  RETURNING r.organization_id, r.id, r.kind, r.recipient, r.content, r.attempts, r.created_at, r.expires_at
$$;

ALTER FUNCTION bsp.take_mails(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer, p_each integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.take_media(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer, p_each integer) RETURNS TABLE(organization_id uuid, id uuid, account_id uuid, contact_id uuid, kind text, meta_media_id text, attempts integer, created_at timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH next AS (SELECT m.id, m.organization_id, m.due_at FROM bsp.media m WHERE m.status = 'waiting' AND m.due_at <= p_now ORDER BY m.due_at LIMIT 500),
       turn AS (SELECT n.id, n.due_at, row_number() OVER (PARTITION BY n.organization_id ORDER BY n.due_at) AS place FROM next n),
       mine AS (SELECT t.id FROM turn t WHERE t.place <= p_each ORDER BY t.place, t.due_at LIMIT p_limit),
       due AS (SELECT m.id FROM bsp.media m JOIN mine USING (id) WHERE m.status = 'waiting' AND m.due_at <= p_now FOR UPDATE OF m SKIP LOCKED)
  UPDATE bsp.media r SET due_at = p_until, attempts = r.attempts + 1 FROM due WHERE r.id = due.id
  RETURNING r.organization_id, r.id, r.account_id, r.contact_id, r.kind, r.meta_media_id, r.attempts, r.created_at
$$;

ALTER FUNCTION bsp.take_media(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer, p_each integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.take_object_removals(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) RETURNS TABLE(organization_id uuid, object_key text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH due AS (SELECT o.object_key FROM bsp.object_removals o WHERE o.due_at <= p_now ORDER BY o.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE bsp.object_removals r SET due_at = p_until, attempts = r.attempts + 1 FROM due WHERE r.object_key = due.object_key
  RETURNING r.organization_id, r.object_key
$$;

ALTER FUNCTION bsp.take_object_removals(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.take_reach(p_organization uuid, p_portfolio text, p_limit integer, p_contacts uuid[], p_messages uuid[], p_now timestamp with time zone, p_hold interval, p_fresh timestamp with time zone) RETURNS TABLE(granted boolean[], next_at timestamp with time zone)
    LANGUAGE plpgsql
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
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

ALTER FUNCTION bsp.take_reach(p_organization uuid, p_portfolio text, p_limit integer, p_contacts uuid[], p_messages uuid[], p_now timestamp with time zone, p_hold interval, p_fresh timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.take_read_marks(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) RETURNS TABLE(organization_id uuid, conversation_id uuid, account_id uuid, wamid text, attempts integer)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH due AS (SELECT m.conversation_id FROM bsp.read_marks m WHERE m.due_at <= p_now ORDER BY m.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE bsp.read_marks r SET due_at = p_until, attempts = r.attempts + 1 FROM due WHERE r.conversation_id = due.conversation_id
  RETURNING r.organization_id, r.conversation_id, r.account_id, r.wamid, r.attempts
$$;

ALTER FUNCTION bsp.take_read_marks(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.take_signups(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) RETURNS TABLE(organization_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH due AS (SELECT s.id FROM bsp.signups s WHERE s.due_at <= p_now ORDER BY s.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE bsp.signups r SET due_at = p_until FROM due WHERE r.id = due.id RETURNING r.organization_id, r.id
$$;

ALTER FUNCTION bsp.take_signups(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.tenant_ids() RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT string_to_array(nullif(current_setting('bsp.tenants', true), ''), ',') $$;

ALTER FUNCTION bsp.tenant_ids() OWNER TO bsp_owner;

CREATE FUNCTION bsp.tenants() RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT string_to_array(nullif(current_setting('bsp.tenants', true), ''), ',')::uuid[] $$;

ALTER FUNCTION bsp.tenants() OWNER TO bsp_owner;

CREATE FUNCTION bsp.the_tenant() RETURNS uuid
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE tenants uuid[] := bsp.tenants();
BEGIN
  IF array_length(tenants, 1) IS DISTINCT FROM 1 THEN
    RAISE EXCEPTION 'a search needs exactly one organization in bsp.tenants' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN tenants[1];
END $$;

ALTER FUNCTION bsp.the_tenant() OWNER TO bsp_owner;

CREATE FUNCTION bsp.unkeyed_contacts(only_organization uuid, after_organization uuid, after_id uuid, row_limit integer) RETURNS TABLE(organization_id uuid, contact_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  SELECT c.organization_id, c.id FROM public.contacts c
   WHERE c.phone_key IS NULL AND c.phone_number ~ '^\+(52|54|55|225|229)'
     AND (c.organization_id, c.id) > (after_organization, after_id) AND c.organization_id <= coalesce(only_organization, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
   ORDER BY c.organization_id, c.id LIMIT row_limit
$$;

ALTER FUNCTION bsp.unkeyed_contacts(only_organization uuid, after_organization uuid, after_id uuid, row_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.unsealed(p_after bigint, p_tenant text) RETURNS TABLE(events bigint, oldest timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT count(*), min(e.timestamp) FROM public.mt_events e WHERE e.seq_id > p_after AND (p_tenant IS NULL OR e.tenant_id = p_tenant)
$$;

ALTER FUNCTION bsp.unsealed(p_after bigint, p_tenant text) OWNER TO bsp_owner;

CREATE FUNCTION bsp.uuid7_floor(p_at timestamp with time zone) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT (lpad(to_hex(floor(extract(epoch FROM p_at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

ALTER FUNCTION bsp.uuid7_floor(p_at timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.uuid_of_day(p_day date) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT (lpad(to_hex((extract(epoch FROM p_day::timestamp) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

ALTER FUNCTION bsp.uuid_of_day(p_day date) OWNER TO bsp_owner;

CREATE FUNCTION bsp.wake_waiters(p_organization uuid, p_account uuid, p_count integer, p_now timestamp with time zone, p_statuses text[]) RETURNS TABLE(message_id uuid, campaign_id uuid)
    LANGUAGE sql
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  UPDATE bsp.send_queue q SET due_at = p_now WHERE q.ctid = ANY (ARRAY(
    SELECT w.ctid FROM bsp.send_queue w
     WHERE w.waits_for = 'waiting_for_limit' AND w.state = 0 AND w.account_id = p_account AND (w.organization_id = p_organization) IS TRUE
       AND (w.campaign_id IS NULL OR EXISTS (SELECT FROM public.campaigns c WHERE c.id = w.campaign_id AND c.status = ANY (p_statuses)))
     ORDER BY w.due_at, w.message_id LIMIT p_count))
  RETURNING q.message_id, q.campaign_id
$$;

ALTER FUNCTION bsp.wake_waiters(p_organization uuid, p_account uuid, p_count integer, p_now timestamp with time zone, p_statuses text[]) OWNER TO bsp_owner;

CREATE FUNCTION bsp.wake_webhooks(p_organizations uuid[], p_types text[], p_up_to bigint[], p_now timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql
    AS $$
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

ALTER FUNCTION bsp.wake_webhooks(p_organizations uuid[], p_types text[], p_up_to bigint[], p_now timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.wake_webhooks_of(p_organizations uuid[], p_types text[], p_up_to bigint[], p_now timestamp with time zone) RETURNS TABLE(woken_id uuid, woken_owner uuid)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION bsp.wake_webhooks_of(p_organizations uuid[], p_types text[], p_up_to bigint[], p_now timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.wake_webhooks_of_organization() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE w record;
BEGIN
  FOR w IN SELECT c.webhook_id FROM bsp.webhook_cursors c WHERE c.organization_id = NEW.id ORDER BY c.webhook_id LOOP
    UPDATE bsp.webhook_cursors c SET due_at = now()
     WHERE c.webhook_id = w.webhook_id AND c.due_at IS NULL AND c.owner IS NULL AND c.types <> '{}';
  END LOOP;
  RETURN NULL;
END $$;

ALTER FUNCTION bsp.wake_webhooks_of_organization() OWNER TO bsp_owner;

CREATE FUNCTION bsp.webhook_deliveries_drop_before(p_before date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE r record; n int := 0;
BEGIN
  FOR r IN SELECT c.relname FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
            WHERE s.nspname = 'bsp' AND c.relname ~ '^webhook_deliveries_[0-9]{8}$' AND to_date(right(c.relname, 8), 'YYYYMMDD') < p_before LOOP
    EXECUTE format('DROP TABLE IF EXISTS bsp.%I', r.relname); n := n + 1;
  END LOOP;
  RETURN n;
END $_$;

ALTER FUNCTION bsp.webhook_deliveries_drop_before(p_before date) OWNER TO bsp_owner;

CREATE FUNCTION bsp.webhook_deliveries_make_partitions(p_from date, p_days integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION bsp.webhook_deliveries_make_partitions(p_from date, p_days integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.webhook_may(p_webhook uuid, p_now timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION bsp.webhook_may(p_webhook uuid, p_now timestamp with time zone) OWNER TO bsp_owner;

CREATE FUNCTION bsp.webhook_waiting(p_organization uuid, p_after bigint, p_types text[], p_limit integer, OUT waiting integer, OUT more boolean) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE final bigint := bsp.fence();
BEGIN
  SELECT count(e.seq_id), count(e.seq_id) = p_limit OR coalesce(min(e.version) FILTER (WHERE e.seq_id IS NULL) < final, false)
    INTO waiting, more
    FROM bsp.read_organization(p_organization::text, p_after, final, p_types, NULL, NULL, p_limit) e;
END $$;

ALTER FUNCTION bsp.webhook_waiting(p_organization uuid, p_after bigint, p_types text[], p_limit integer, OUT waiting integer, OUT more boolean) OWNER TO bsp_owner;

CREATE FUNCTION bsp.webhooks_outdated(p_catalogue text, p_limit integer) RETURNS TABLE(webhook_id uuid, organization_id uuid, events text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT w.id, w.organization_id, w.events::text FROM bsp.webhook_cursors c JOIN public.webhooks w ON w.id = c.webhook_id
   WHERE c.catalogue <> p_catalogue AND w.status = 'active' LIMIT p_limit
$$;

ALTER FUNCTION bsp.webhooks_outdated(p_catalogue text, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION bsp.webhooks_release(p_phone_number_id text) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'bsp', 'pg_temp'
    AS $$
  WITH claim AS (SELECT * FROM bsp.directory_numbers d WHERE d.phone_number_id = p_phone_number_id AND d.proven_at IS NOT NULL),
  waiting AS (
    SELECT n.id, n.waba_id, n.received_at FROM claim c JOIN bsp.webhook_notes n ON n.phone_number_id = c.phone_number_id WHERE n.released_at IS NULL
    UNION
    SELECT n.id, n.waba_id, n.received_at FROM claim c JOIN bsp.webhook_notes n ON n.display_digits = c.display_digits WHERE n.released_at IS NULL
    UNION
    SELECT n.id, n.waba_id, n.received_at FROM claim c JOIN bsp.webhook_notes n ON n.waba_id = c.waba_id WHERE n.released_at IS NULL AND n.phone_number_id IS NULL AND n.display_digits IS NULL),
  freed AS (
    UPDATE bsp.webhook_notes n SET released_at = now() FROM waiting w, claim c
     WHERE n.id = w.id AND (w.waba_id = c.waba_id OR (w.waba_id = ANY (c.other_entries) AND w.received_at > c.proven_at)) RETURNING n.journal_id, n.received_at),
  put AS (
    INSERT INTO bsp.webhook_inbox (journal_id, received_at)
    SELECT DISTINCT f.journal_id, f.received_at FROM freed f WHERE EXISTS (SELECT FROM bsp.webhook_journal j WHERE j.received_at = f.received_at AND j.id = f.journal_id)
    ON CONFLICT DO NOTHING RETURNING 1)
  SELECT count(*)::int FROM put
$$;

ALTER FUNCTION bsp.webhooks_release(p_phone_number_id text) OWNER TO bsp_owner;

CREATE FUNCTION documents.begin_next() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  t text;
BEGIN
  PERFORM documents.drop_next();
  FOREACH t IN ARRAY documents.view_tables() LOOP
    EXECUTE format('CREATE TABLE documents.%I (LIKE documents.%I INCLUDING ALL)', t || '_next', t);
    PERFORM bsp.secure_by_tenant(format('documents.%I', t || '_next')::regclass);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON documents.%I TO bsp_app', t || '_next');
  END LOOP;
END $$;

ALTER FUNCTION documents.begin_next() OWNER TO bsp_owner;

CREATE FUNCTION documents.drop_next() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY documents.view_tables() LOOP
    EXECUTE format('DROP TABLE IF EXISTS documents.%I', t || '_next');
  END LOOP;
END $$;

ALTER FUNCTION documents.drop_next() OWNER TO bsp_owner;

CREATE FUNCTION documents.swap_next() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '2s'
    AS $$
DECLARE
  t text;
  names text[];
  defs text[];
  made record;
BEGIN
  FOREACH t IN ARRAY documents.view_tables() LOOP
    IF (SELECT array_agg((a.attname, a.atttypid) ORDER BY a.attnum)::text FROM pg_attribute a WHERE a.attrelid = format('documents.%I', t)::regclass AND a.attnum > 0 AND NOT a.attisdropped)
       IS DISTINCT FROM
       (SELECT array_agg((a.attname, a.atttypid) ORDER BY a.attnum)::text FROM pg_attribute a WHERE a.attrelid = format('documents.%I', t || '_next')::regclass AND a.attnum > 0 AND NOT a.attisdropped) THEN
      RAISE EXCEPTION 'documents.%_next was made before a change of the schema: begin the rebuild again', t;
    END IF;
    SELECT array_agg(c.relname ORDER BY c.relname), array_agg(regexp_replace(pg_get_indexdef(c.oid), '^CREATE.* USING', '') ORDER BY c.relname)
      INTO names, defs FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = format('documents.%I', t)::regclass;
    EXECUTE format('DROP TABLE documents.%I', t);
    EXECUTE format('ALTER TABLE documents.%I RENAME TO %I', t || '_next', t);
    FOR made IN SELECT c.relname, regexp_replace(pg_get_indexdef(c.oid), '^CREATE.* USING', '') AS def FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = format('documents.%I', t)::regclass LOOP
      EXECUTE format('ALTER INDEX documents.%I RENAME TO %I', made.relname, names[array_position(defs, made.def)]);
    END LOOP;
  END LOOP;
END $$;

ALTER FUNCTION documents.swap_next() OWNER TO bsp_owner;

CREATE FUNCTION documents.sweep_logs(p_before timestamp with time zone, p_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
  WITH old AS (SELECT l._id FROM documents.message_logs l WHERE l.created_at < p_before
                  AND NOT EXISTS (SELECT FROM bsp.retention_policies p WHERE p.organization_id = l.organization_id AND p.message_logs_days IS NOT NULL)
                  AND NOT EXISTS (SELECT FROM bsp.legal_holds h WHERE h.organization_id = l.organization_id AND h.contact_id IS NULL AND h.released_at IS NULL)
                LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM documents.message_logs d USING old WHERE d._id = old._id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;

ALTER FUNCTION documents.sweep_logs(p_before timestamp with time zone, p_limit integer) OWNER TO bsp_owner;

CREATE FUNCTION documents.view_tables() RETURNS text[]
    LANGUAGE sql IMMUTABLE
    AS $$
  SELECT ARRAY['conversations', 'messages', 'message_logs', 'ai_conversations']
$$;

ALTER FUNCTION documents.view_tables() OWNER TO bsp_owner;

CREATE FUNCTION public.mt_archive_stream(streamid uuid, tenantid character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
  update public.mt_streams set is_archived = TRUE where id = streamid  and tenant_id = tenantid;
  update public.mt_events set is_archived = TRUE where stream_id = streamid  and tenant_id = tenantid;
END;
$$;

ALTER FUNCTION public.mt_archive_stream(streamid uuid, tenantid character varying) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_grams_array(words text, use_unaccent boolean DEFAULT false) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE STRICT
    AS $$
        DECLARE
result text[];
        DECLARE
word text;
        DECLARE
clean_word text;
BEGIN
                FOREACH
word IN ARRAY string_to_array(words, ' ')
                LOOP
                     clean_word = regexp_replace(public.mt_safe_unaccent(use_unaccent, word), '[^a-zA-Z0-9]+', '','g');
FOR i IN 1 .. length(clean_word)
                     LOOP
                         result := result || quote_literal(substr(lower(clean_word), i, 1));
                         result
:= result || quote_literal(substr(lower(clean_word), i, 2));
                         result
:= result || quote_literal(substr(lower(clean_word), i, 3));
END LOOP;
END LOOP;

RETURN ARRAY(SELECT DISTINCT e FROM unnest(result) AS a(e) ORDER BY e);
END;
$$;

ALTER FUNCTION public.mt_grams_array(words text, use_unaccent boolean) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_grams_query(text, use_unaccent boolean DEFAULT false) RETURNS tsquery
    LANGUAGE plpgsql IMMUTABLE STRICT
    AS $_$
BEGIN
RETURN (SELECT array_to_string(public.mt_grams_array($1, use_unaccent), ' & ') ::tsquery);
END
$_$;

ALTER FUNCTION public.mt_grams_query(text, use_unaccent boolean) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_grams_vector(text, use_unaccent boolean DEFAULT false) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE STRICT
    AS $_$
BEGIN
RETURN (SELECT array_to_string(public.mt_grams_array($1, use_unaccent), ' ') ::tsvector);
END
$_$;

ALTER FUNCTION public.mt_grams_vector(text, use_unaccent boolean) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_immutable_date(value text) RETURNS date
    LANGUAGE sql IMMUTABLE
    AS $$
select value::date

$$;

ALTER FUNCTION public.mt_immutable_date(value text) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_immutable_time(value text) RETURNS time without time zone
    LANGUAGE sql IMMUTABLE
    AS $$
select value::time

$$;

ALTER FUNCTION public.mt_immutable_time(value text) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_immutable_timestamp(value text) RETURNS timestamp without time zone
    LANGUAGE sql IMMUTABLE
    AS $$
select value::timestamp

$$;

ALTER FUNCTION public.mt_immutable_timestamp(value text) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_immutable_timestamptz(value text) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE
    AS $$
select value::timestamptz

$$;

ALTER FUNCTION public.mt_immutable_timestamptz(value text) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_jsonb_append(jsonb, text[], jsonb, boolean, jsonb DEFAULT NULL::jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    AS $_$
DECLARE
    retval ALIAS FOR $1;
    location ALIAS FOR $2;
    val ALIAS FOR $3;
    if_not_exists ALIAS FOR $4;
    patch_expression ALIAS FOR $5;
    tmp_value jsonb;
BEGIN
    tmp_value = retval #> location;
    IF tmp_value IS NOT NULL AND jsonb_typeof(tmp_value) = 'array' THEN
        CASE
            WHEN NOT if_not_exists THEN
                retval = jsonb_set(retval, location, tmp_value || val, FALSE);
            WHEN patch_expression IS NULL AND jsonb_typeof(val) = 'object' AND NOT tmp_value @> jsonb_build_array(val) THEN
                retval = jsonb_set(retval, location, tmp_value || val, FALSE);
            WHEN patch_expression IS NULL AND jsonb_typeof(val) <> 'object' AND NOT tmp_value @> val THEN
                retval = jsonb_set(retval, location, tmp_value || val, FALSE);
            WHEN patch_expression IS NOT NULL AND jsonb_typeof(patch_expression) = 'array' AND jsonb_array_length(patch_expression) = 0 THEN
                retval = jsonb_set(retval, location, tmp_value || val, FALSE);
            ELSE NULL;
            END CASE;
    END IF;
    RETURN retval;
END;
$_$;

ALTER FUNCTION public.mt_jsonb_append(jsonb, text[], jsonb, boolean, jsonb) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_jsonb_append_key_value(jsonb, text[], jsonb, boolean) RETURNS jsonb
    LANGUAGE plpgsql
    AS $_$
DECLARE
    retval ALIAS FOR $1;
    location ALIAS FOR $2;
    val ALIAS FOR $3;
    if_not_exists ALIAS FOR $4;
    tmp_value jsonb;
    _key text;
BEGIN
    tmp_value = retval #> location;

    IF tmp_value IS NOT NULL AND jsonb_typeof(tmp_value) = 'object' THEN
        CASE
            WHEN NOT if_not_exists THEN
                retval = jsonb_set(retval, location, tmp_value || val, FALSE);
            WHEN NOT tmp_value ?| ARRAY(SELECT jsonb_object_keys(val)) THEN
                retval = jsonb_set(retval, location, tmp_value || val, FALSE);
            ELSE NULL;
        END CASE;
    END IF;
    RETURN retval;
END;
$_$;

ALTER FUNCTION public.mt_jsonb_append_key_value(jsonb, text[], jsonb, boolean) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_jsonb_copy(jsonb, text[], text[]) RETURNS jsonb
    LANGUAGE plpgsql
    AS $_$
DECLARE
    retval ALIAS FOR $1;
    src_path ALIAS FOR $2;
    dst_path ALIAS FOR $3;
    tmp_value jsonb;
BEGIN
    tmp_value = retval #> src_path;
    retval = public.mt_jsonb_fix_null_parent(retval, dst_path);
    RETURN jsonb_set(retval, dst_path, tmp_value::jsonb, TRUE);
END;
$_$;

ALTER FUNCTION public.mt_jsonb_copy(jsonb, text[], text[]) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_jsonb_duplicate(jsonb, text[], jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    AS $_$
DECLARE
    retval ALIAS FOR $1;
    location ALIAS FOR $2;
    targets ALIAS FOR $3;
    tmp_value jsonb;
    target_path text[];
    target text;
BEGIN
    FOR target IN SELECT jsonb_array_elements_text(targets)
    LOOP
        target_path = public.mt_jsonb_path_to_array(target, '\.');
        retval = public.mt_jsonb_copy(retval, location, target_path);
    END LOOP;

    RETURN retval;
END;
$_$;

ALTER FUNCTION public.mt_jsonb_duplicate(jsonb, text[], jsonb) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_jsonb_fix_null_parent(jsonb, text[]) RETURNS jsonb
    LANGUAGE plpgsql
    AS $_$
DECLARE
retval ALIAS FOR $1;
    dst_path ALIAS FOR $2;
    dst_path_segment text[] = ARRAY[]::text[];
    dst_path_array_length integer;
    i integer = 1;
BEGIN
    dst_path_array_length = array_length(dst_path, 1);
    WHILE i <=(dst_path_array_length - 1)
    LOOP
        dst_path_segment = dst_path_segment || ARRAY[dst_path[i]];
        IF retval #> dst_path_segment IS NULL OR retval #> dst_path_segment = 'null'::jsonb THEN
            retval = jsonb_set(retval, dst_path_segment, '{}'::jsonb, TRUE);
        END IF;
        i = i + 1;
    END LOOP;

    RETURN retval;
END;
$_$;

ALTER FUNCTION public.mt_jsonb_fix_null_parent(jsonb, text[]) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_jsonb_increment(jsonb, text[], numeric) RETURNS jsonb
    LANGUAGE plpgsql
    AS $_$
DECLARE
retval ALIAS FOR $1;
    location ALIAS FOR $2;
    increment_value ALIAS FOR $3;
    tmp_value jsonb;
BEGIN
    tmp_value = retval #> location;
    IF tmp_value IS NULL THEN
        tmp_value = to_jsonb(0);
END IF;

RETURN jsonb_set(retval, location, to_jsonb(tmp_value::numeric + increment_value), TRUE);
END;
$_$;

ALTER FUNCTION public.mt_jsonb_increment(jsonb, text[], numeric) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_jsonb_insert(jsonb, text[], jsonb, integer, boolean, jsonb DEFAULT NULL::jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    AS $_$
DECLARE
    retval ALIAS FOR $1;
    location ALIAS FOR $2;
    val ALIAS FOR $3;
    elm_index ALIAS FOR $4;
    if_not_exists ALIAS FOR $5;
    patch_expression ALIAS FOR $6;
    tmp_value jsonb;
BEGIN
    tmp_value = retval #> location;
    IF tmp_value IS NOT NULL AND jsonb_typeof(tmp_value) = 'array' THEN
        IF elm_index IS NULL THEN
            elm_index = jsonb_array_length(tmp_value) + 1;
        END IF;
        CASE
            WHEN NOT if_not_exists THEN
                retval = jsonb_insert(retval, location || elm_index::text, val);
            WHEN patch_expression IS NULL AND jsonb_typeof(val) = 'object' AND NOT tmp_value @> jsonb_build_array(val) THEN
                retval = jsonb_insert(retval, location || elm_index::text, val);
            WHEN patch_expression IS NULL AND jsonb_typeof(val) <> 'object' AND NOT tmp_value @> val THEN
                retval = jsonb_insert(retval, location || elm_index::text, val);
            WHEN patch_expression IS NOT NULL AND jsonb_typeof(patch_expression) = 'array' AND jsonb_array_length(patch_expression) = 0 THEN
                retval = jsonb_insert(retval, location || elm_index::text, val);
            ELSE NULL;
        END CASE;
    END IF;
    RETURN retval;
END;
$_$;

ALTER FUNCTION public.mt_jsonb_insert(jsonb, text[], jsonb, integer, boolean, jsonb) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_jsonb_move(jsonb, text[], text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $_$
DECLARE
    retval ALIAS FOR $1;
    src_path ALIAS FOR $2;
    dst_name ALIAS FOR $3;
    dst_path text[];
    tmp_value jsonb;
BEGIN
    tmp_value = retval #> src_path;
    retval = retval #- src_path;
    dst_path = src_path;
    dst_path[array_length(dst_path, 1)] = dst_name;
    retval = public.mt_jsonb_fix_null_parent(retval, dst_path);
    RETURN jsonb_set(retval, dst_path, tmp_value, TRUE);
END;
$_$;

ALTER FUNCTION public.mt_jsonb_move(jsonb, text[], text) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_jsonb_patch(jsonb, jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    AS $_$
DECLARE
    retval ALIAS FOR $1;
    patchset ALIAS FOR $2;
    patch jsonb;
    patch_path text[];
    patch_expression jsonb;
    value jsonb;
BEGIN
    FOR patch IN SELECT * from jsonb_array_elements(patchset)
    LOOP
        patch_path = public.mt_jsonb_path_to_array((patch->>'path')::text, '\.');

        patch_expression = null;
        IF (patch->>'type') IN ('remove', 'append_if_not_exists', 'insert_if_not_exists') AND (patch->>'expression') IS NOT NULL THEN
            patch_expression = jsonb_path_query_array(retval #> patch_path, (patch->>'expression')::jsonpath);
        END IF;

        CASE patch->>'type'
            WHEN 'set' THEN
                retval = jsonb_set(retval, patch_path, (patch->'value')::jsonb, TRUE);
            WHEN 'delete' THEN
                retval = retval#-patch_path;
            WHEN 'append' THEN
                retval = public.mt_jsonb_append(retval, patch_path, (patch->'value')::jsonb, FALSE);
            WHEN 'append_if_not_exists' THEN
                retval = public.mt_jsonb_append(retval, patch_path, (patch->'value')::jsonb, TRUE, patch_expression);
            WHEN 'append_key_value' THEN
                retval = public.mt_jsonb_append_key_value(retval, patch_path, (patch->'key_value')::jsonb, FALSE);
            WHEN 'append_key_value_if_not_exists' THEN
                retval = public.mt_jsonb_append_key_value(retval, patch_path, (patch->'key_value')::jsonb, TRUE);
            WHEN 'insert' THEN
                retval = public.mt_jsonb_insert(retval, patch_path, (patch->'value')::jsonb, (patch->>'index')::integer, FALSE);
            WHEN 'insert_if_not_exists' THEN
                retval = public.mt_jsonb_insert(retval, patch_path, (patch->'value')::jsonb, (patch->>'index')::integer, TRUE, patch_expression);
            WHEN 'remove' THEN
                retval = public.mt_jsonb_remove(retval, patch_path, COALESCE(patch_expression, (patch->'value')::jsonb));
            WHEN 'remove_key' THEN
                retval = public.mt_jsonb_remove_key(retval, patch_path, (patch->>'key'));
            WHEN 'duplicate' THEN
                retval = public.mt_jsonb_duplicate(retval, patch_path, (patch->'targets')::jsonb);
            WHEN 'rename' THEN
                retval = public.mt_jsonb_move(retval, patch_path, (patch->>'to')::text);
            WHEN 'increment' THEN
                retval = public.mt_jsonb_increment(retval, patch_path, (patch->>'increment')::numeric);
            WHEN 'increment_float' THEN
                retval = public.mt_jsonb_increment(retval, patch_path, (patch->>'increment')::numeric);
            ELSE NULL;
        END CASE;
    END LOOP;
    RETURN retval;
END;
$_$;

ALTER FUNCTION public.mt_jsonb_patch(jsonb, jsonb) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_jsonb_path_to_array(text, character) RETURNS text[]
    LANGUAGE plpgsql
    AS $_$
DECLARE
    location ALIAS FOR $1;
    regex_pattern ALIAS FOR $2;
BEGIN
RETURN regexp_split_to_array(location, regex_pattern)::text[];
END;
$_$;

ALTER FUNCTION public.mt_jsonb_path_to_array(text, character) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_jsonb_remove(jsonb, text[], jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    AS $_$
DECLARE
    retval ALIAS FOR $1;
    location ALIAS FOR $2;
    val ALIAS FOR $3;
    tmp_value jsonb;
    tmp_remove jsonb;
    patch_remove jsonb;
BEGIN
    tmp_value = retval #> location;
    IF tmp_value IS NOT NULL AND jsonb_typeof(tmp_value) = 'array' THEN
        IF jsonb_typeof(val) = 'array' THEN
            tmp_remove = val;
        ELSE
            tmp_remove = jsonb_build_array(val);
        END IF;

        FOR patch_remove IN SELECT * FROM jsonb_array_elements(tmp_remove)
        LOOP
            tmp_value =(SELECT jsonb_agg(elem)
            FROM jsonb_array_elements(tmp_value) AS elem
            WHERE elem <> patch_remove);
        END LOOP;

        IF tmp_value IS NULL THEN
            tmp_value = '[]'::jsonb;
        END IF;
    END IF;
    RETURN jsonb_set(retval, location, tmp_value, FALSE);
END;
$_$;

ALTER FUNCTION public.mt_jsonb_remove(jsonb, text[], jsonb) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_jsonb_remove_key(jsonb, text[], text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $_$
DECLARE
    retval ALIAS FOR $1;
    location ALIAS FOR $2;
    _key ALIAS FOR $3;
    tmp_value jsonb;
    tmp_remove jsonb;
    patch_remove jsonb;
BEGIN
    tmp_value = retval #> location;
    IF tmp_value IS NOT NULL AND jsonb_typeof(tmp_value) = 'object' THEN
        RETURN jsonb_set(retval, location, tmp_value - _key, FALSE);
    END IF;
    RETURN retval;
END;
$_$;

ALTER FUNCTION public.mt_jsonb_remove_key(jsonb, text[], text) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_mark_event_progression(name character varying, last_encountered bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
INSERT INTO public.mt_event_progression (name, last_seq_id, last_updated)
VALUES (name, last_encountered, transaction_timestamp())
ON CONFLICT ON CONSTRAINT pk_mt_event_progression
    DO
UPDATE SET last_seq_id = last_encountered, last_updated = transaction_timestamp();

END;

$$;

ALTER FUNCTION public.mt_mark_event_progression(name character varying, last_encountered bigint) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_mark_progression_with_skip(shard_name character varying, ending_sequence bigint, starting_sequence bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    current_value bigint;
BEGIN
    select last_seq_id into current_value from public.mt_event_progression where name = shard_name;

    IF current_value is null then
        -- Bootstrap the high-water row on first invocation. Previously this branch
        -- returned 0, which left HighWaterAgent.CheckNowAsync polling forever because
        -- statistics.CurrentMark never advanced. Issue #4425.
        INSERT INTO public.mt_event_progression (name, last_seq_id, last_updated)
        VALUES (shard_name, ending_sequence, transaction_timestamp())
        ON CONFLICT ON CONSTRAINT pk_mt_event_progression
            DO UPDATE SET last_seq_id = ending_sequence, last_updated = transaction_timestamp();
        IF ending_sequence > starting_sequence THEN
            -- Idempotent: a rebuild/replay re-marks the same skip (ending_sequence is the
            -- PK). Re-recording an existing gap is a no-op. Conflict target is the PK
            -- constraint (the bare column name collides with the function parameter). #4530.
            insert into public.mt_high_water_skips (ending_sequence, starting_sequence) values (ending_sequence, starting_sequence)
                on conflict on constraint pkey_mt_high_water_skips_ending_sequence do nothing;
        END IF;
        return ending_sequence;
    ELSIF current_value = starting_sequence THEN
        update public.mt_event_progression SET last_seq_id = ending_sequence, last_updated = transaction_timestamp() where shard_name = name;
        insert into public.mt_high_water_skips (ending_sequence, starting_sequence) values (ending_sequence, starting_sequence)
            on conflict on constraint pkey_mt_high_water_skips_ending_sequence do nothing;
        return ending_sequence;
    ELSE
        return current_value;
    END IF;
END
$$;

ALTER FUNCTION public.mt_mark_progression_with_skip(shard_name character varying, ending_sequence bigint, starting_sequence bigint) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_quick_append_events(stream uuid, stream_type character varying, tenantid character varying, event_ids uuid[], event_types character varying[], dotnet_types character varying[], bodies jsonb[], bdatas bytea[], causation_ids character varying[], correlation_ids character varying[], headers jsonb[], user_names character varying[], timestamps timestamp with time zone[], expected_version bigint DEFAULT NULL::bigint) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
	event_version bigint;
	stream_is_archived boolean;
	event_type varchar;
	event_id uuid;
	body jsonb;
	index int;
	seq bigint;
    actual_tenant varchar;
    is_new_stream boolean := false;
	return_value bigint[];
BEGIN
    if expected_version IS NOT NULL then
        -- COALESCE turns the NULL we get for a brand-new stream into 0, so a
        -- FetchForWriting against a non-existent stream (which sets
        -- ExpectedVersionOnServer = 0) and a StartStream(id, version: 0) both
        -- land on the new-stream branch instead of mis-firing the guard.
        select version, is_archived into event_version, stream_is_archived from public.mt_streams where id = stream AND tenant_id = tenantid;
        if COALESCE(event_version, 0) != expected_version then
            RAISE EXCEPTION 'Stream version mismatch on ''%'': expected %, actual %', stream, expected_version, COALESCE(event_version, 0) USING ERRCODE = 'MT003';
        end if;
    else
        select version, is_archived into event_version, stream_is_archived from public.mt_streams where id = stream AND tenant_id = tenantid;
    end if;

	if event_version IS NULL then
		event_version = 0;
		is_new_stream := true;
		-- #5456 follow-up: insert the FINAL version straight away rather than 0 plus a
		-- trailing UPDATE of the row we just wrote in this same transaction. That UPDATE
		-- is a second heap tuple + WAL record per stream creation for no observable gain
		-- -- nothing outside this transaction can see the intermediate 0. The trailing
		-- UPDATE below is skipped for this branch via is_new_stream.
		insert into public.mt_streams (id, type, version, timestamp, tenant_id) values (stream, stream_type, COALESCE(array_length(event_ids, 1), 0), now(), tenantid);
    else
        if stream_is_archived then
            RAISE EXCEPTION 'Attempted to append event to archived stream with Id ''%''.', stream USING ERRCODE = 'MT001';
        end if;
        if tenantid IS NOT NULL then
            select tenant_id into actual_tenant from public.mt_streams where id = stream AND tenant_id = tenantid;
            if actual_tenant != tenantid then
                RAISE EXCEPTION 'The tenantid does not match the existing stream';
            end if;
        end if;
	end if;

	index := 1;
	-- #5062: array_length('{}', 1) is NULL in PostgreSQL, not 0, so a call with an
	-- empty event array used to return ARRAY[NULL] -- a bigint[] whose only element
	-- is NULL, which Npgsql cannot read into long[] ('Cannot read a non-nullable
	-- collection of elements because the returned array contains nulls'). COALESCE
	-- makes the empty case mean what it says: zero events appended, so the final
	-- version is the stream's current version.
	return_value := ARRAY[event_version + COALESCE(array_length(event_ids, 1), 0)];

	foreach event_id in ARRAY event_ids
	loop
        seq := nextval('public.mt_events_sequence');
		return_value := array_append(return_value, seq);

	    event_version := event_version + 1;
		event_type = event_types[index];
		body = bodies[index];

		-- #4515 / #4578 / Phase 2: bdatas[index] carries the binary payload
		-- for events opted in to binary serialization (NULL otherwise).
		-- bodies[index] is the {} JSON placeholder for those events so the
		-- existing data jsonb NOT NULL constraint stays intact.
		insert into public.mt_events
			(seq_id, id, stream_id, version, data, bdata, type, tenant_id, timestamp, mt_dotnet_type, is_archived, causation_id, correlation_id, headers, user_name)
		values
			(seq, event_id, stream, event_version, body, bdatas[index], event_type, tenantid, timestamps[index], dotnet_types[index], FALSE, causation_ids[index], correlation_ids[index], headers[index], user_names[index]);

		index := index + 1;
	end loop;

	-- A brand-new stream already carries its final version from the insert above, so the
	-- UPDATE is only needed when we appended onto a stream that already existed.
	--
	-- #5539: and only when we actually appended something. With ZERO events this was a BLIND write-back
	-- of the version read at the top of the function, and under READ COMMITTED that is a lost update: the
	-- UPDATE waits on a concurrent appender's row lock, the winner commits, the WHERE clause is
	-- re-evaluated against the new row, and `set version = <the stale value>` lands -- leaving
	-- mt_streams.version BELOW the stream's own events. Every later append then computes a version that
	-- already exists and dies on pk_mt_events_stream_and_version, forever, until the row is repaired by
	-- hand. A non-empty call cannot do this: its first INSERT collides with the winner on that same
	-- primary key and rolls the whole thing back, which is why only the empty case was exposed.
	--
	-- Two independent guards, because either alone would have been enough and the cost of both is nil:
	--   * the append count -- appending nothing has nothing to write, so the correct number of statements
	--     is zero rather than one that happens to be harmless;
	--   * greatest(), so the write-back can never LOWER a stream's version whoever calls it. An append
	--     only ever moves a version forward, so this is a no-op on every correct path and a backstop on
	--     any future caller that reads the version and then writes it back.
	if not is_new_stream and COALESCE(array_length(event_ids, 1), 0) > 0 then
		update public.mt_streams set version = greatest(version, event_version), timestamp = now() where id = stream AND tenant_id = tenantid;
	end if;

	return return_value;
END
$$;

ALTER FUNCTION public.mt_quick_append_events(stream uuid, stream_type character varying, tenantid character varying, event_ids uuid[], event_types character varying[], dotnet_types character varying[], bodies jsonb[], bdatas bytea[], causation_ids character varying[], correlation_ids character varying[], headers jsonb[], user_names character varying[], timestamps timestamp with time zone[], expected_version bigint) OWNER TO bsp_owner;

CREATE FUNCTION public.mt_safe_unaccent(use_unaccent boolean, word text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT
    AS $$
BEGIN
IF use_unaccent THEN
    RETURN public.unaccent(word);
ELSE
    RETURN word;
END IF;
END;
$$;

ALTER FUNCTION public.mt_safe_unaccent(use_unaccent boolean, word text) OWNER TO bsp_owner;

CREATE TABLE bsp.account_budget (
    account_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    window_start timestamp with time zone NOT NULL,
    reserved integer NOT NULL
);

ALTER TABLE bsp.account_budget OWNER TO bsp_owner;

CREATE TABLE bsp.account_counters_next (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    daily_sent_count integer NOT NULL,
    limit_reset_date timestamp with time zone NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE bsp.account_counters_next OWNER TO bsp_owner;

CREATE TABLE bsp.account_notices (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    waba_id text NOT NULL,
    account_id uuid,
    field text NOT NULL,
    event text,
    body jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    key bytea NOT NULL
);

ALTER TABLE bsp.account_notices OWNER TO bsp_owner;

CREATE TABLE bsp.ai_bursts (
    conversation_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    first_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    sequence bigint NOT NULL,
    messages uuid[] NOT NULL,
    attempts integer DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE bsp.ai_bursts OWNER TO bsp_owner;

CREATE TABLE bsp.ai_prompts (
    organization_id uuid NOT NULL,
    hash text NOT NULL,
    text text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE bsp.ai_prompts OWNER TO bsp_owner;

CREATE TABLE bsp.ai_settings (
    organization_id uuid NOT NULL,
    analysis boolean DEFAULT false NOT NULL,
    auto_reply boolean DEFAULT false NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    api_key text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    row_version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT ai_settings_check CHECK ((analysis OR (NOT auto_reply)))
);

ALTER TABLE bsp.ai_settings OWNER TO bsp_owner;

CREATE TABLE bsp.ai_shadow_items (
    shadow_id uuid NOT NULL,
    ordinal integer NOT NULL,
    organization_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    messages uuid[] NOT NULL,
    history uuid[] NOT NULL,
    actual text NOT NULL,
    actual_reason text,
    actual_message uuid,
    action text,
    reason text,
    intent text,
    distance real,
    input_tokens integer,
    output_tokens integer,
    cost numeric(18,6),
    latency_ms integer,
    key_id uuid,
    data text,
    done_at timestamp with time zone
);

ALTER TABLE bsp.ai_shadow_items OWNER TO bsp_owner;

CREATE TABLE bsp.ai_shadows (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    day date NOT NULL,
    status text NOT NULL,
    settings jsonb NOT NULL,
    api_key text,
    bursts_max integer NOT NULL,
    bursts integer DEFAULT 0 NOT NULL,
    done integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    truncated boolean DEFAULT false NOT NULL,
    error text,
    leased_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    completed_at timestamp with time zone,
    CONSTRAINT ai_shadows_status_check CHECK ((status = ANY (ARRAY['planning'::text, 'running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
)
WITH (fillfactor='50');

ALTER TABLE bsp.ai_shadows OWNER TO bsp_owner;

CREATE TABLE bsp.ai_turns (
    organization_id uuid NOT NULL,
    due_at timestamp with time zone,
    leased_until timestamp with time zone
)
WITH (fillfactor='50');

ALTER TABLE bsp.ai_turns OWNER TO bsp_owner;

CREATE TABLE bsp.ai_usage (
    organization_id uuid NOT NULL,
    month text NOT NULL,
    cost numeric(18,6) DEFAULT 0 NOT NULL,
    reserved numeric(18,6) DEFAULT 0 NOT NULL,
    calls bigint DEFAULT 0 NOT NULL,
    input_tokens bigint DEFAULT 0 NOT NULL,
    output_tokens bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE bsp.ai_usage OWNER TO bsp_owner;

CREATE TABLE bsp.ai_work (
    message_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    due_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL
)
WITH (fillfactor='80');

ALTER TABLE bsp.ai_work OWNER TO bsp_owner;

CREATE TABLE bsp.archive_parts (
    organization_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    archive_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    starts_at bigint NOT NULL,
    length integer NOT NULL,
    messages integer NOT NULL
);

ALTER TABLE bsp.archive_parts OWNER TO bsp_owner;

CREATE TABLE bsp.archive_progress (
    one boolean DEFAULT true NOT NULL,
    sequence bigint NOT NULL,
    moved_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT archive_progress_one_check CHECK (one)
);

ALTER TABLE bsp.archive_progress OWNER TO bsp_owner;

CREATE TABLE bsp.archive_restores (
    organization_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    restored_at timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    messages integer NOT NULL
);

ALTER TABLE bsp.archive_restores OWNER TO bsp_owner;

CREATE TABLE bsp.archives (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    object_key text NOT NULL,
    dictionary smallint NOT NULL,
    bytes bigint DEFAULT 0 NOT NULL,
    json_bytes bigint DEFAULT 0 NOT NULL,
    sha256 bytea,
    documents integer DEFAULT 0 NOT NULL,
    contents integer DEFAULT 0 NOT NULL,
    contents_sha256 bytea,
    kept_sequence bigint,
    first_position bigint,
    last_position bigint,
    first_at timestamp with time zone,
    last_at timestamp with time zone,
    before timestamp with time zone NOT NULL,
    started_at timestamp with time zone NOT NULL,
    kept_at timestamp with time zone,
    CONSTRAINT archives_state_check CHECK ((state = ANY (ARRAY['writing'::text, 'kept'::text])))
);

ALTER TABLE bsp.archives OWNER TO bsp_owner;

CREATE TABLE bsp.audit_heads (
    organization_id uuid NOT NULL,
    "position" bigint NOT NULL,
    hash bytea NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE bsp.audit_heads OWNER TO bsp_owner;

CREATE TABLE bsp.campaign_audience (
    campaign_id uuid NOT NULL,
    ordinal integer NOT NULL,
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    CONSTRAINT campaign_audience_values CHECK (((ordinal > 0) AND (contact_id <> '00000000-0000-0000-0000-000000000000'::uuid)))
);

ALTER TABLE bsp.campaign_audience OWNER TO bsp_owner;

CREATE TABLE bsp.campaign_causes (
    id bigint NOT NULL,
    campaign_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    cause text DEFAULT ('cause/'::text || gen_random_uuid()) NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE bsp.campaign_causes OWNER TO bsp_owner;

ALTER TABLE bsp.campaign_causes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bsp.campaign_causes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bsp.campaign_cooldowns (
    campaign_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    last_at timestamp with time zone NOT NULL
);

ALTER TABLE bsp.campaign_cooldowns OWNER TO bsp_owner;

CREATE TABLE bsp.campaign_dispatch (
    campaign_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    total integer,
    next_ordinal integer DEFAULT 1 NOT NULL,
    waits_for text,
    waits_until timestamp with time zone,
    look_at timestamp with time zone,
    held_seen integer DEFAULT 0 NOT NULL,
    budget_outcomes integer DEFAULT 0 NOT NULL,
    budget_failed integer DEFAULT 0 NOT NULL
);

ALTER TABLE bsp.campaign_dispatch OWNER TO bsp_owner;

CREATE TABLE bsp.campaign_errors (
    campaign_id uuid NOT NULL,
    code integer NOT NULL,
    organization_id uuid NOT NULL,
    failures integer NOT NULL,
    base integer DEFAULT 0 NOT NULL,
    judged integer DEFAULT 0 NOT NULL
);

ALTER TABLE bsp.campaign_errors OWNER TO bsp_owner;

CREATE TABLE bsp.campaign_firings (
    id bigint NOT NULL,
    campaign_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    cause text NOT NULL,
    outcome text NOT NULL,
    message_id uuid,
    at timestamp with time zone NOT NULL,
    CONSTRAINT campaign_firings_outcome_check CHECK ((outcome = ANY (ARRAY['queued'::text, 'skipped'::text, 'cooldown'::text, 'outside'::text]))),
    CONSTRAINT campaign_firings_values CHECK (((id > 0) AND (contact_id <> '00000000-0000-0000-0000-000000000000'::uuid)))
);

ALTER TABLE bsp.campaign_firings OWNER TO bsp_owner;

ALTER TABLE bsp.campaign_firings ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bsp.campaign_firings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bsp.campaign_holds (
    campaign_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    currency text NOT NULL,
    placed numeric(18,6) NOT NULL,
    unit_max numeric(18,6) NOT NULL,
    included bigint NOT NULL,
    open integer,
    state text DEFAULT 'open'::text NOT NULL,
    raised integer DEFAULT 0 NOT NULL,
    CONSTRAINT campaign_holds_state_check CHECK ((state = ANY (ARRAY['open'::text, 'ended'::text])))
)
WITH (fillfactor='70');

ALTER TABLE bsp.campaign_holds OWNER TO bsp_owner;

CREATE TABLE bsp.campaign_progress (
    campaign_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    total integer DEFAULT 0 NOT NULL,
    queued integer DEFAULT 0 NOT NULL,
    skipped integer DEFAULT 0 NOT NULL,
    pending integer DEFAULT 0 NOT NULL,
    accepted integer DEFAULT 0 NOT NULL,
    unknown integer DEFAULT 0 NOT NULL,
    sent integer DEFAULT 0 NOT NULL,
    delivered integer DEFAULT 0 NOT NULL,
    read integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    rejected integer DEFAULT 0 NOT NULL,
    cancelled integer DEFAULT 0 NOT NULL,
    expired integer DEFAULT 0 NOT NULL,
    unknown_closed integer DEFAULT 0 NOT NULL,
    first_at timestamp with time zone,
    last_at timestamp with time zone,
    waiting integer DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE bsp.campaign_progress OWNER TO bsp_owner;

CREATE TABLE bsp.campaign_progress_next (
    campaign_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    total integer DEFAULT 0 NOT NULL,
    queued integer DEFAULT 0 NOT NULL,
    skipped integer DEFAULT 0 NOT NULL,
    pending integer DEFAULT 0 NOT NULL,
    accepted integer DEFAULT 0 NOT NULL,
    unknown integer DEFAULT 0 NOT NULL,
    sent integer DEFAULT 0 NOT NULL,
    delivered integer DEFAULT 0 NOT NULL,
    read integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    rejected integer DEFAULT 0 NOT NULL,
    cancelled integer DEFAULT 0 NOT NULL,
    expired integer DEFAULT 0 NOT NULL,
    unknown_closed integer DEFAULT 0 NOT NULL,
    first_at timestamp with time zone,
    last_at timestamp with time zone,
    waiting integer DEFAULT 0 NOT NULL
);

ALTER TABLE bsp.campaign_progress_next OWNER TO bsp_owner;

CREATE TABLE bsp.campaign_retries (
    source_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    retry_id uuid NOT NULL
);

ALTER TABLE bsp.campaign_retries OWNER TO bsp_owner;

CREATE TABLE bsp.campaign_triggers (
    campaign_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    armed_at timestamp with time zone NOT NULL,
    CONSTRAINT campaign_triggers_kind_check CHECK ((kind = ANY (ARRAY['tag_added'::text, 'keyword'::text, 'list_joined'::text])))
);

ALTER TABLE bsp.campaign_triggers OWNER TO bsp_owner;

CREATE TABLE bsp.campaign_waves (
    campaign_id uuid NOT NULL,
    wave integer NOT NULL,
    organization_id uuid NOT NULL,
    zone text NOT NULL,
    first_ordinal integer NOT NULL,
    next_ordinal integer NOT NULL,
    last_ordinal integer NOT NULL,
    due_at timestamp with time zone,
    opens_at timestamp with time zone
);

ALTER TABLE bsp.campaign_waves OWNER TO bsp_owner;

CREATE TABLE bsp.canned_replies (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    shortcut text NOT NULL,
    text text NOT NULL,
    language text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    row_version bigint DEFAULT 1 NOT NULL
);

ALTER TABLE bsp.canned_replies OWNER TO bsp_owner;

CREATE TABLE bsp.charge_counters (
    organization_id uuid NOT NULL,
    period text NOT NULL,
    name text NOT NULL,
    count bigint NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE bsp.charge_counters OWNER TO bsp_owner;

CREATE TABLE bsp.charges (
    organization_id uuid NOT NULL,
    reference uuid NOT NULL,
    kind text NOT NULL,
    currency text NOT NULL,
    state text NOT NULL,
    type text,
    category text,
    amount numeric(18,6) NOT NULL,
    refunded numeric(18,6) DEFAULT 0 NOT NULL,
    entry_id uuid,
    of_reference uuid,
    of_kind text,
    evidence jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT charges_amount_check CHECK (((amount >= (0)::numeric) AND (amount < '1000000000000'::numeric))),
    CONSTRAINT charges_category_check CHECK ((category = ANY (ARRAY['message'::text, 'subscription'::text, 'topup'::text, 'refund'::text]))),
    CONSTRAINT charges_check CHECK (((state = 'posted'::text) = (entry_id IS NOT NULL))),
    CONSTRAINT charges_check1 CHECK (((refunded >= (0)::numeric) AND (refunded <= amount))),
    CONSTRAINT charges_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT charges_kind_check CHECK ((kind ~ '^[a-z0-9_]{1,32}$'::text)),
    CONSTRAINT charges_state_check CHECK ((state ~ '^[a-z_]{1,32}$'::text)),
    CONSTRAINT charges_type_check CHECK ((type = ANY (ARRAY['credit'::text, 'debit'::text, 'refund'::text])))
)
WITH (fillfactor='90');

ALTER TABLE bsp.charges OWNER TO bsp_owner;

CREATE TABLE bsp.charging (
    organization_id uuid NOT NULL,
    pages bigint DEFAULT 0 NOT NULL,
    stopped_after bigint,
    stopped_at timestamp with time zone,
    stop_reason text,
    retry_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL
);

ALTER TABLE bsp.charging OWNER TO bsp_owner;

CREATE TABLE bsp.contact_aliases (
    contact_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    into_id uuid NOT NULL,
    phone_number text,
    wa_user_id text,
    merged_at timestamp with time zone NOT NULL
);

ALTER TABLE bsp.contact_aliases OWNER TO bsp_owner;

CREATE TABLE bsp.contact_counters_next (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    total_messages_sent integer NOT NULL,
    total_messages_received integer NOT NULL,
    last_interaction timestamp with time zone NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE bsp.contact_counters_next OWNER TO bsp_owner;

CREATE TABLE bsp.contact_erasures (
    contact_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    contact_ids uuid[] NOT NULL,
    identities text,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    completed_at timestamp with time zone,
    leased_until timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    error text
);

ALTER TABLE bsp.contact_erasures OWNER TO bsp_owner;

CREATE TABLE bsp.contact_keys (
    key_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    wrapped_key bytea NOT NULL,
    master_key_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE bsp.contact_keys OWNER TO bsp_owner;

CREATE TABLE bsp.conversation_notes (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    key_id uuid NOT NULL,
    data text NOT NULL,
    user_id uuid,
    author text NOT NULL,
    mentions uuid[] NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE bsp.conversation_notes OWNER TO bsp_owner;

CREATE TABLE bsp.conversation_search (
    conversation_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    named boolean NOT NULL,
    tokens integer[] NOT NULL
);

ALTER TABLE bsp.conversation_search OWNER TO bsp_owner;

CREATE TABLE bsp.conversation_search_next (
    conversation_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    named boolean NOT NULL,
    tokens integer[] NOT NULL
);

ALTER TABLE bsp.conversation_search_next OWNER TO bsp_owner;

CREATE TABLE bsp.directory_challenges (
    token_hash text NOT NULL,
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

ALTER TABLE bsp.directory_challenges OWNER TO bsp_owner;

CREATE TABLE bsp.directory_emails (
    email text NOT NULL,
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text DEFAULT 'viewer'::text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL
);

ALTER TABLE bsp.directory_emails OWNER TO bsp_owner;

CREATE TABLE bsp.directory_keys (
    key_hash text NOT NULL,
    organization_id uuid NOT NULL,
    key_id uuid NOT NULL,
    permissions text NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    prefix text NOT NULL,
    account_id uuid
);

ALTER TABLE bsp.directory_keys OWNER TO bsp_owner;

CREATE TABLE bsp.directory_numbers (
    phone_number_id text NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    display_digits text NOT NULL,
    waba_id text NOT NULL,
    proven_at timestamp with time zone,
    confirmed_at timestamp with time zone,
    doubted_at timestamp with time zone,
    checked_at timestamp with time zone,
    other_entries text[] DEFAULT '{}'::text[] NOT NULL
);

ALTER TABLE bsp.directory_numbers OWNER TO bsp_owner;

CREATE TABLE bsp.directory_organizations (
    organization_id uuid NOT NULL,
    slug text NOT NULL,
    shard text NOT NULL,
    epoch integer DEFAULT 1 NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    second_factor_roles text[] DEFAULT '{}'::text[] NOT NULL
);

ALTER TABLE bsp.directory_organizations OWNER TO bsp_owner;

CREATE TABLE bsp.directory_second_factors (
    user_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    secret text NOT NULL,
    confirmed_at timestamp with time zone,
    last_step bigint DEFAULT 0 NOT NULL,
    recovery_codes text[] DEFAULT '{}'::text[] NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    locked_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE bsp.directory_second_factors OWNER TO bsp_owner;

CREATE TABLE bsp.directory_sessions (
    token_hash text NOT NULL,
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    kind text DEFAULT 'token'::text NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    ends_at timestamp with time zone,
    address text,
    user_agent text,
    CONSTRAINT directory_sessions_kind_check CHECK ((kind = ANY (ARRAY['token'::text, 'cookie'::text])))
);

ALTER TABLE bsp.directory_sessions OWNER TO bsp_owner;

CREATE TABLE bsp.directory_tokens (
    token_hash text NOT NULL,
    kind text NOT NULL,
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    first_name text,
    last_name text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    invited_by text,
    CONSTRAINT directory_tokens_kind_check CHECK ((kind = ANY (ARRAY['invitation'::text, 'reset'::text])))
);

ALTER TABLE bsp.directory_tokens OWNER TO bsp_owner;

CREATE TABLE bsp.ended_uncharged (
    organization_id uuid NOT NULL,
    message_id uuid NOT NULL
);

ALTER TABLE bsp.ended_uncharged OWNER TO bsp_owner;

CREATE TABLE bsp.erased_contacts (
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    erasure_id uuid NOT NULL
);

ALTER TABLE bsp.erased_contacts OWNER TO bsp_owner;

CREATE TABLE bsp.evidence_acts (
    id bigint NOT NULL,
    organization_id uuid NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    act text NOT NULL,
    number bigint NOT NULL,
    subject text,
    database_user text DEFAULT SESSION_USER NOT NULL
);

ALTER TABLE bsp.evidence_acts OWNER TO bsp_owner;

ALTER TABLE bsp.evidence_acts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bsp.evidence_acts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bsp.idempotency_keys (
    claim_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    caller text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    body_sha256 text NOT NULL,
    resource_id uuid NOT NULL,
    leased_until timestamp with time zone NOT NULL,
    work_done boolean DEFAULT false NOT NULL,
    status integer,
    body bytea,
    headers jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    attempt integer DEFAULT 1 NOT NULL
);

ALTER TABLE bsp.idempotency_keys OWNER TO bsp_owner;

CREATE TABLE bsp.import_rejects (
    import_id uuid NOT NULL,
    "row" integer NOT NULL,
    line integer NOT NULL,
    column_name text,
    reason text NOT NULL,
    fields jsonb NOT NULL,
    organization_id uuid NOT NULL
);

ALTER TABLE bsp.import_rejects OWNER TO bsp_owner;

CREATE TABLE bsp.import_rows_staged (
    import_id uuid NOT NULL,
    "row" integer NOT NULL,
    line integer NOT NULL,
    fields text[] NOT NULL,
    fault text,
    organization_id uuid DEFAULT bsp.the_tenant() NOT NULL
);

ALTER TABLE bsp.import_rows_staged OWNER TO bsp_owner;

CREATE VIEW bsp.import_rows WITH (security_barrier='true') AS
 SELECT import_rows_staged.import_id,
    import_rows_staged."row",
    import_rows_staged.line,
    import_rows_staged.fields,
    import_rows_staged.fault,
    import_rows_staged.organization_id
   FROM bsp.import_rows_staged
  WHERE (import_rows_staged.organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[]));

ALTER TABLE bsp.import_rows OWNER TO bsp_owner;

CREATE TABLE bsp.imports (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    status text NOT NULL,
    columns text[] NOT NULL,
    source text NOT NULL,
    proof text,
    file_sha256 text NOT NULL,
    file_bytes bigint NOT NULL,
    total integer NOT NULL,
    done integer DEFAULT 0 NOT NULL,
    created integer DEFAULT 0 NOT NULL,
    updated integer DEFAULT 0 NOT NULL,
    duplicates integer DEFAULT 0 NOT NULL,
    rejected integer DEFAULT 0 NOT NULL,
    last_row integer DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    error text,
    leased_by uuid,
    leased_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    completed_at timestamp with time zone,
    rejects_kept boolean DEFAULT true NOT NULL,
    CONSTRAINT imports_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'completed'::text, 'failed'::text])))
);

ALTER TABLE bsp.imports OWNER TO bsp_owner;

CREATE TABLE bsp.inbox_states (
    conversation_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    assigned_to uuid,
    team_id uuid,
    queued_at timestamp with time zone,
    snoozed_until timestamp with time zone,
    waiting_since timestamp with time zone
)
WITH (fillfactor='80');

ALTER TABLE bsp.inbox_states OWNER TO bsp_owner;

CREATE TABLE bsp.ledger_audits (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    status text DEFAULT 'running'::text NOT NULL,
    from_month text,
    to_month text,
    entries bigint DEFAULT 0 NOT NULL,
    months integer DEFAULT 0 NOT NULL,
    done jsonb,
    first_fault jsonb,
    checks jsonb DEFAULT '[]'::jsonb NOT NULL,
    error text,
    attempts integer DEFAULT 0 NOT NULL,
    leased_by uuid,
    leased_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    completed_at timestamp with time zone,
    CONSTRAINT ledger_audits_status_check CHECK ((status = ANY (ARRAY['running'::text, 'passed'::text, 'failed'::text])))
);

ALTER TABLE bsp.ledger_audits OWNER TO bsp_owner;

CREATE TABLE bsp.ledger_day_heads (
    organization_id uuid NOT NULL,
    day date NOT NULL,
    currency text NOT NULL,
    place bigint NOT NULL,
    path bytea[] NOT NULL,
    message text NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL
);

ALTER TABLE bsp.ledger_day_heads OWNER TO bsp_owner;

CREATE TABLE bsp.ledger_days (
    day date NOT NULL,
    n bigint NOT NULL,
    heads bigint NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    message text NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL
);

ALTER TABLE bsp.ledger_days OWNER TO bsp_owner;

CREATE TABLE bsp.ledger_days_before (
    organization_id uuid NOT NULL,
    day date NOT NULL,
    n bigint NOT NULL,
    heads bigint NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    message text NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL
);

ALTER TABLE bsp.ledger_days_before OWNER TO bsp_owner;

CREATE TABLE bsp.ledger_heads (
    organization_id uuid NOT NULL,
    currency text NOT NULL,
    first_month text NOT NULL,
    month text NOT NULL,
    size bigint NOT NULL,
    hash bytea NOT NULL,
    balance numeric(18,6) NOT NULL,
    held numeric(18,6) NOT NULL,
    tree bytea NOT NULL,
    last_at timestamp with time zone NOT NULL,
    "position" bigint NOT NULL,
    reserved numeric(18,6) DEFAULT 0 NOT NULL,
    low boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ledger_heads_balance_check CHECK (((balance > '-1000000000000'::numeric) AND (balance < '1000000000000'::numeric))),
    CONSTRAINT ledger_heads_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT ledger_heads_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT ledger_heads_held_check CHECK (((held >= (0)::numeric) AND (held < '1000000000000'::numeric))),
    CONSTRAINT ledger_heads_reserved_check CHECK (((reserved >= (0)::numeric) AND (reserved < '1000000000000'::numeric)))
)
WITH (fillfactor='50');

ALTER TABLE bsp.ledger_heads OWNER TO bsp_owner;

CREATE TABLE bsp.ledger_heads_told (
    organization_id uuid NOT NULL,
    day date NOT NULL,
    currency text NOT NULL
);

ALTER TABLE bsp.ledger_heads_told OWNER TO bsp_owner;

CREATE TABLE bsp.ledger_holds (
    organization_id uuid NOT NULL,
    reference text NOT NULL,
    currency text NOT NULL,
    category text NOT NULL,
    placed numeric(18,6) NOT NULL,
    remaining numeric(18,6) NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT ledger_holds_category_check CHECK ((category = ANY (ARRAY['message'::text, 'subscription'::text, 'topup'::text, 'refund'::text]))),
    CONSTRAINT ledger_holds_check CHECK (((remaining >= (0)::numeric) AND (remaining <= placed))),
    CONSTRAINT ledger_holds_check1 CHECK (((state = 'open'::text) OR (remaining = (0)::numeric))),
    CONSTRAINT ledger_holds_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT ledger_holds_placed_check CHECK (((placed > (0)::numeric) AND (placed < '1000000000000'::numeric))),
    CONSTRAINT ledger_holds_reference_check CHECK (((length(reference) >= 1) AND (length(reference) <= 255))),
    CONSTRAINT ledger_holds_state_check CHECK ((state = ANY (ARRAY['open'::text, 'settled'::text, 'released'::text, 'expired'::text])))
)
WITH (fillfactor='70');

ALTER TABLE bsp.ledger_holds OWNER TO bsp_owner;

CREATE TABLE bsp.ledger_nodes (
    organization_id uuid NOT NULL,
    currency text NOT NULL,
    month text NOT NULL,
    level smallint NOT NULL,
    index bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT ledger_nodes_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT ledger_nodes_index_check CHECK ((index >= 0)),
    CONSTRAINT ledger_nodes_level_check CHECK (((level >= 8) AND (level <= 62)))
);

ALTER TABLE bsp.ledger_nodes OWNER TO bsp_owner;

CREATE TABLE bsp.legal_holds (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    contact_id uuid,
    reason text NOT NULL,
    placed_at timestamp with time zone NOT NULL,
    placed_by text NOT NULL,
    released_at timestamp with time zone,
    released_by text
);

ALTER TABLE bsp.legal_holds OWNER TO bsp_owner;

CREATE TABLE bsp.list_history (
    id bigint NOT NULL,
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    list_id uuid NOT NULL,
    added boolean NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE bsp.list_history OWNER TO bsp_owner;

ALTER TABLE bsp.list_history ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bsp.list_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bsp.log_days (
    day date NOT NULL,
    n bigint NOT NULL,
    after_seq bigint NOT NULL,
    up_to bigint NOT NULL,
    events bigint NOT NULL,
    tenants integer NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    head bytea NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL
);

ALTER TABLE bsp.log_days OWNER TO bsp_owner;

CREATE TABLE bsp.log_key_vouchers (
    key_id text NOT NULL,
    by_key_id text NOT NULL,
    signature bytea NOT NULL
);

ALTER TABLE bsp.log_key_vouchers OWNER TO bsp_owner;

CREATE TABLE bsp.log_keys (
    key_id text NOT NULL,
    public_key bytea NOT NULL,
    first_used_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE bsp.log_keys OWNER TO bsp_owner;

CREATE TABLE bsp.log_leaves (
    day date NOT NULL,
    chunk integer NOT NULL,
    records bytea NOT NULL
);
ALTER TABLE ONLY bsp.log_leaves ALTER COLUMN records SET STORAGE EXTERNAL;

ALTER TABLE bsp.log_leaves OWNER TO bsp_owner;

CREATE TABLE bsp.log_places (
    organization_id uuid NOT NULL,
    key bigint NOT NULL,
    block bigint NOT NULL
);

ALTER TABLE bsp.log_places OWNER TO bsp_owner;

CREATE TABLE bsp.log_places_next (
    organization_id uuid NOT NULL,
    key bigint NOT NULL,
    block bigint NOT NULL
);

ALTER TABLE bsp.log_places_next OWNER TO bsp_owner;

CREATE TABLE bsp.log_seals (
    tenant_id character varying NOT NULL,
    day date NOT NULL,
    n bigint NOT NULL,
    events bigint NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    acts bigint NOT NULL,
    acts_hash bytea NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    head bytea NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL
);

ALTER TABLE bsp.log_seals OWNER TO bsp_owner;

CREATE TABLE bsp.login_attempts (
    subject text NOT NULL,
    attempts integer NOT NULL,
    until timestamp with time zone NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE bsp.login_attempts OWNER TO bsp_owner;

CREATE TABLE bsp.mails (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    kind text NOT NULL,
    recipient text NOT NULL,
    content text,
    status text DEFAULT 'waiting'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    sent_at timestamp with time zone,
    CONSTRAINT mails_check CHECK (((status <> 'waiting'::text) OR (content IS NOT NULL))),
    CONSTRAINT mails_status_check CHECK ((status = ANY (ARRAY['waiting'::text, 'sent'::text, 'failed'::text])))
)
WITH (fillfactor='80');

ALTER TABLE bsp.mails OWNER TO bsp_owner;

CREATE TABLE bsp.markets (
    prefix text NOT NULL,
    countries text NOT NULL,
    market text NOT NULL,
    effective_from timestamp with time zone NOT NULL,
    CONSTRAINT markets_prefix_check CHECK ((prefix ~ '^[0-9]{0,4}$'::text))
);

ALTER TABLE bsp.markets OWNER TO bsp_owner;

CREATE TABLE bsp.media (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    source text NOT NULL,
    status text NOT NULL,
    account_id uuid,
    contact_id uuid,
    message_id uuid,
    kind text NOT NULL,
    mime_type text,
    bytes bigint DEFAULT 0 NOT NULL,
    sha256 bytea,
    object_key text,
    key_id uuid,
    key_data text,
    name_key_id uuid,
    name_data text,
    meta_media_id text,
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone,
    error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    stored_at timestamp with time zone,
    CONSTRAINT media_bytes_check CHECK ((bytes >= 0)),
    CONSTRAINT media_check CHECK (((status <> 'ready'::text) OR ((object_key IS NOT NULL) AND (key_id IS NOT NULL) AND (sha256 IS NOT NULL) AND (mime_type IS NOT NULL)))),
    CONSTRAINT media_kind_check CHECK ((kind = ANY (ARRAY['image'::text, 'video'::text, 'audio'::text, 'document'::text, 'sticker'::text]))),
    CONSTRAINT media_source_check CHECK ((source = ANY (ARRAY['upload'::text, 'link'::text, 'message'::text]))),
    CONSTRAINT media_status_check CHECK ((status = ANY (ARRAY['waiting'::text, 'ready'::text, 'failed'::text, 'deleted'::text])))
)
WITH (fillfactor='80');

ALTER TABLE bsp.media OWNER TO bsp_owner;

CREATE TABLE bsp.media_at_meta (
    media_id uuid NOT NULL,
    phone_number_id text NOT NULL,
    organization_id uuid NOT NULL,
    meta_media_id text NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

ALTER TABLE bsp.media_at_meta OWNER TO bsp_owner;

CREATE TABLE bsp.media_usage (
    organization_id uuid NOT NULL,
    bytes bigint DEFAULT 0 NOT NULL
);

ALTER TABLE bsp.media_usage OWNER TO bsp_owner;

CREATE TABLE bsp.mentions (
    user_id uuid NOT NULL,
    note_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone
);

ALTER TABLE bsp.mentions OWNER TO bsp_owner;

CREATE TABLE bsp.message_bills (
    organization_id uuid NOT NULL,
    message_id uuid NOT NULL,
    participant text NOT NULL,
    account_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    campaign_id uuid,
    message_type text NOT NULL,
    recipient text,
    sent_as text NOT NULL,
    in_window boolean,
    sent_at timestamp with time zone NOT NULL,
    delivered_at timestamp with time zone NOT NULL,
    outcome text NOT NULL,
    amount numeric(18,6) NOT NULL,
    currency text NOT NULL,
    market text,
    category text,
    pricing_type text,
    card text,
    reason text,
    number integer NOT NULL,
    debit_number integer NOT NULL,
    evidence jsonb,
    evidence_at timestamp with time zone,
    evidence_rung smallint NOT NULL,
    takes_included boolean NOT NULL,
    tariff_version bigint NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT message_bills_amount_check CHECK (((amount >= (0)::numeric) AND (amount < '1000000000000'::numeric))),
    CONSTRAINT message_bills_outcome_check CHECK ((outcome = ANY (ARRAY['charged'::text, 'free'::text, 'included'::text, 'pending'::text])))
)
WITH (fillfactor='90');

ALTER TABLE bsp.message_bills OWNER TO bsp_owner;

CREATE TABLE bsp.message_reserves (
    organization_id uuid NOT NULL,
    message_id uuid NOT NULL,
    currency text NOT NULL,
    amount numeric(18,6) NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT message_reserves_amount_check CHECK ((amount > (0)::numeric))
);

ALTER TABLE bsp.message_reserves OWNER TO bsp_owner;

CREATE TABLE bsp.message_search (
    message_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    at bigint NOT NULL,
    written_at timestamp with time zone NOT NULL,
    key bigint NOT NULL,
    tokens integer[] NOT NULL
);

ALTER TABLE bsp.message_search OWNER TO bsp_owner;

CREATE TABLE bsp.message_search_next (
    message_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    at bigint NOT NULL,
    written_at timestamp with time zone NOT NULL,
    key bigint NOT NULL,
    tokens integer[] NOT NULL
);

ALTER TABLE bsp.message_search_next OWNER TO bsp_owner;

CREATE TABLE bsp.move_changes (
    id bigint NOT NULL,
    organization_id uuid NOT NULL,
    rel text NOT NULL,
    key jsonb NOT NULL,
    delta integer NOT NULL
);

ALTER TABLE bsp.move_changes OWNER TO bsp_owner;

ALTER TABLE bsp.move_changes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bsp.move_changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bsp.move_ids (
    organization_id uuid NOT NULL,
    rel text NOT NULL,
    source_id bigint NOT NULL,
    target_id bigint NOT NULL
);

ALTER TABLE bsp.move_ids OWNER TO bsp_owner;

CREATE TABLE bsp.move_tables (
    organization_id uuid NOT NULL,
    rel text NOT NULL,
    source_rows bigint NOT NULL,
    target_rows bigint NOT NULL
);

ALTER TABLE bsp.move_tables OWNER TO bsp_owner;

CREATE TABLE bsp.moved_numbers_left (
    organization_id uuid NOT NULL,
    up_to bigint NOT NULL
);

ALTER TABLE bsp.moved_numbers_left OWNER TO bsp_owner;

CREATE TABLE bsp.moved_pages (
    organization_id uuid NOT NULL,
    life integer NOT NULL,
    old_from bigint NOT NULL,
    old_to bigint NOT NULL,
    new_from bigint NOT NULL,
    old bigint[] NOT NULL,
    hash bytea NOT NULL
);

ALTER TABLE bsp.moved_pages OWNER TO bsp_owner;

CREATE TABLE bsp.moves (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    source text NOT NULL,
    target text NOT NULL,
    state text NOT NULL,
    epoch integer NOT NULL,
    events bigint DEFAULT 0 NOT NULL,
    events_total bigint DEFAULT 0 NOT NULL,
    rows bigint DEFAULT 0 NOT NULL,
    refused_ms integer,
    freezes integer DEFAULT 0 NOT NULL,
    hash bytea,
    checks jsonb,
    error text,
    cancel boolean DEFAULT false NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    switched_at timestamp with time zone,
    due_at timestamp with time zone NOT NULL,
    leased_by uuid,
    leased_until timestamp with time zone,
    CONSTRAINT moves_error_check CHECK ((length(error) <= 500)),
    CONSTRAINT moves_state_check CHECK ((state = ANY (ARRAY['planned'::text, 'copying'::text, 'following'::text, 'frozen'::text, 'proven'::text, 'switched'::text, 'living'::text, 'dropped'::text, 'cancelled'::text])))
);

ALTER TABLE bsp.moves OWNER TO bsp_owner;

CREATE TABLE bsp.moves_here (
    organization_id uuid NOT NULL,
    role text NOT NULL,
    state text NOT NULL,
    move_id uuid NOT NULL,
    range_from bigint DEFAULT 0 NOT NULL,
    range_to bigint DEFAULT 0 NOT NULL,
    here_at timestamp with time zone,
    dropped_at timestamp with time zone,
    CONSTRAINT moves_here_role_check CHECK ((role = ANY (ARRAY['leaving'::text, 'arriving'::text]))),
    CONSTRAINT moves_here_state_check CHECK ((state = ANY (ARRAY['watched'::text, 'closing'::text, 'frozen'::text, 'gone'::text, 'arriving'::text, 'here'::text])))
);

ALTER TABLE bsp.moves_here OWNER TO bsp_owner;

CREATE TABLE bsp.number_registrations (
    organization_id uuid NOT NULL,
    phone_number_id text NOT NULL,
    at timestamp with time zone NOT NULL
);

ALTER TABLE bsp.number_registrations OWNER TO bsp_owner;

CREATE TABLE bsp.object_removals (
    object_key text NOT NULL,
    organization_id uuid NOT NULL,
    due_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL
);

ALTER TABLE bsp.object_removals OWNER TO bsp_owner;

CREATE TABLE bsp.parked_events (
    projection text NOT NULL,
    sequence bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    error text NOT NULL,
    parked_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE bsp.parked_events OWNER TO bsp_owner;

CREATE TABLE bsp.parked_statuses (
    id bigint NOT NULL,
    organization_id uuid NOT NULL,
    wamid text NOT NULL,
    status text NOT NULL,
    item jsonb NOT NULL,
    parked_at timestamp with time zone DEFAULT now() NOT NULL,
    failures integer DEFAULT 0 NOT NULL
);

ALTER TABLE bsp.parked_statuses OWNER TO bsp_owner;

ALTER TABLE bsp.parked_statuses ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bsp.parked_statuses_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bsp.past_identities (
    id bigint NOT NULL,
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    phone_number text,
    wa_user_id text,
    until timestamp with time zone NOT NULL
);

ALTER TABLE bsp.past_identities OWNER TO bsp_owner;

ALTER TABLE bsp.past_identities ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bsp.past_identities_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bsp.portfolios (
    organization_id uuid NOT NULL,
    portfolio text NOT NULL,
    used integer NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE bsp.portfolios OWNER TO bsp_owner;

CREATE TABLE bsp.projection_parts (
    name text NOT NULL,
    part integer NOT NULL,
    sequence bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE bsp.projection_parts OWNER TO bsp_owner;

CREATE TABLE bsp.projections (
    name text NOT NULL,
    sequence bigint DEFAULT 0 NOT NULL,
    state text DEFAULT 'running'::text NOT NULL,
    error text,
    events_per_second double precision DEFAULT 0 NOT NULL,
    request text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    numbers_per_second double precision DEFAULT 0 NOT NULL,
    swapping boolean DEFAULT false NOT NULL,
    CONSTRAINT projections_request_check CHECK ((request = ANY (ARRAY['pause'::text, 'resume'::text, 'rebuild'::text, 'cancel'::text, 'retry'::text]))),
    CONSTRAINT projections_state_check CHECK ((state = ANY (ARRAY['running'::text, 'rebuilding'::text, 'waiting'::text, 'paused'::text, 'stopped'::text])))
)
WITH (fillfactor='50');

ALTER TABLE bsp.projections OWNER TO bsp_owner;

CREATE TABLE bsp.rate_cards (
    id uuid NOT NULL,
    import_id uuid NOT NULL,
    code text NOT NULL,
    currency text NOT NULL,
    effective_from timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE bsp.rate_cards OWNER TO bsp_owner;

CREATE TABLE bsp.rate_rules (
    card text NOT NULL,
    category text NOT NULL,
    pricing_type text NOT NULL,
    charges boolean NOT NULL,
    monthly_allowance bigint,
    assumed_when_missing text,
    CONSTRAINT rate_rules_monthly_allowance_check CHECK ((monthly_allowance > 0))
);

ALTER TABLE bsp.rate_rules OWNER TO bsp_owner;

CREATE TABLE bsp.rates (
    card_id uuid NOT NULL,
    market text NOT NULL,
    category text NOT NULL,
    tier_from bigint NOT NULL,
    tier_to bigint,
    unit_price numeric(18,6) NOT NULL,
    markup_rate numeric(18,6) NOT NULL,
    markup_fixed numeric(18,6) NOT NULL,
    CONSTRAINT rates_check CHECK ((tier_to >= tier_from)),
    CONSTRAINT rates_markup_fixed_check CHECK ((markup_fixed >= (0)::numeric)),
    CONSTRAINT rates_markup_rate_check CHECK ((markup_rate >= (0)::numeric)),
    CONSTRAINT rates_tier_from_check CHECK ((tier_from > 0)),
    CONSTRAINT rates_unit_price_check CHECK ((unit_price >= (0)::numeric))
);

ALTER TABLE bsp.rates OWNER TO bsp_owner;

CREATE TABLE bsp.reach_returns (
    id bigint NOT NULL,
    organization_id uuid NOT NULL,
    portfolio text NOT NULL,
    contact_id uuid NOT NULL,
    message_id uuid NOT NULL
);

ALTER TABLE bsp.reach_returns OWNER TO bsp_owner;

ALTER TABLE bsp.reach_returns ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bsp.reach_returns_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bsp.reached (
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    portfolio text NOT NULL,
    message_id uuid,
    until timestamp with time zone NOT NULL,
    earlier timestamp with time zone
);

ALTER TABLE bsp.reached OWNER TO bsp_owner;

CREATE TABLE bsp.read_marks (
    conversation_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    wamid text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE bsp.read_marks OWNER TO bsp_owner;

CREATE TABLE bsp.reconciled (
    name text NOT NULL,
    sequence bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    different integer NOT NULL
);

ALTER TABLE bsp.reconciled OWNER TO bsp_owner;

CREATE TABLE bsp.reconciliations (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    scope text NOT NULL,
    status text NOT NULL,
    first jsonb,
    rows jsonb NOT NULL,
    started_at timestamp with time zone NOT NULL,
    completed_at timestamp with time zone NOT NULL,
    CONSTRAINT reconciliations_scope_check CHECK ((scope = ANY (ARRAY['whole'::text, 'moved'::text]))),
    CONSTRAINT reconciliations_status_check CHECK ((status = ANY (ARRAY['equal'::text, 'different'::text])))
);

ALTER TABLE bsp.reconciliations OWNER TO bsp_owner;

CREATE TABLE bsp.response_clocks (
    conversation_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    episode integer NOT NULL,
    started_at timestamp with time zone,
    answered boolean NOT NULL,
    resolved boolean NOT NULL,
    waiting_since timestamp with time zone,
    assigned_to uuid,
    team_id uuid
);

ALTER TABLE bsp.response_clocks OWNER TO bsp_owner;

CREATE TABLE bsp.response_clocks_next (
    conversation_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    episode integer NOT NULL,
    started_at timestamp with time zone,
    answered boolean NOT NULL,
    resolved boolean NOT NULL,
    waiting_since timestamp with time zone,
    assigned_to uuid,
    team_id uuid
);

ALTER TABLE bsp.response_clocks_next OWNER TO bsp_owner;

CREATE TABLE bsp.response_times (
    organization_id uuid NOT NULL,
    "position" bigint NOT NULL,
    kind text NOT NULL,
    conversation_id uuid NOT NULL,
    account_id uuid NOT NULL,
    episode integer NOT NULL,
    user_id uuid,
    by text,
    team_id uuid,
    from_at timestamp with time zone NOT NULL,
    at timestamp with time zone NOT NULL,
    seconds bigint NOT NULL,
    business_seconds bigint NOT NULL
);

ALTER TABLE bsp.response_times OWNER TO bsp_owner;

CREATE TABLE bsp.response_times_next (
    organization_id uuid NOT NULL,
    "position" bigint NOT NULL,
    kind text NOT NULL,
    conversation_id uuid NOT NULL,
    account_id uuid NOT NULL,
    episode integer NOT NULL,
    user_id uuid,
    by text,
    team_id uuid,
    from_at timestamp with time zone NOT NULL,
    at timestamp with time zone NOT NULL,
    seconds bigint NOT NULL,
    business_seconds bigint NOT NULL
);

ALTER TABLE bsp.response_times_next OWNER TO bsp_owner;

CREATE TABLE bsp.retention_policies (
    organization_id uuid NOT NULL,
    message_content_days integer,
    message_logs_days integer,
    ai_conversations_days integer,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    row_version bigint DEFAULT 0 NOT NULL
);

ALTER TABLE bsp.retention_policies OWNER TO bsp_owner;

CREATE TABLE bsp.retention_rounds (
    kind text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    leased_by uuid,
    leased_until timestamp with time zone,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    gone bigint DEFAULT 0 NOT NULL,
    gone_total bigint DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    error text
)
WITH (fillfactor='50');

ALTER TABLE bsp.retention_rounds OWNER TO bsp_owner;

CREATE TABLE bsp.retired_contents (
    seq_id bigint NOT NULL,
    organization_id uuid NOT NULL,
    archive_id uuid NOT NULL,
    was bytea NOT NULL,
    kept bytea NOT NULL
);

ALTER TABLE bsp.retired_contents OWNER TO bsp_owner;

CREATE TABLE bsp.schema_migrations (
    file text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE bsp.schema_migrations OWNER TO postgres;

CREATE TABLE bsp.search_keys (
    organization_id uuid NOT NULL,
    wrapped_key bytea NOT NULL,
    master_key_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE bsp.search_keys OWNER TO bsp_owner;

CREATE TABLE bsp.send_queue (
    message_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    campaign_id uuid,
    state smallint NOT NULL,
    owner uuid,
    due_at timestamp with time zone NOT NULL,
    waits_for text,
    held boolean DEFAULT false NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE bsp.send_queue OWNER TO bsp_owner;

CREATE TABLE bsp.sending_switch (
    one boolean DEFAULT true NOT NULL,
    held boolean NOT NULL,
    reason text,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT sending_switch_one_check CHECK (one),
    CONSTRAINT sending_switch_reason_check CHECK ((length(reason) <= 200))
);

ALTER TABLE bsp.sending_switch OWNER TO bsp_owner;

CREATE TABLE bsp.signups (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    waba_id text NOT NULL,
    phone_number_id text NOT NULL,
    status text NOT NULL,
    step text NOT NULL,
    waiting_for text,
    error_code text,
    error text,
    due_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    code text,
    token text,
    pin text,
    account_id uuid,
    facts jsonb DEFAULT '{}'::jsonb NOT NULL,
    done jsonb DEFAULT '[]'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    row_version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT signups_status_check CHECK ((status = ANY (ARRAY['running'::text, 'waiting'::text, 'completed'::text, 'failed'::text])))
);

ALTER TABLE bsp.signups OWNER TO bsp_owner;

CREATE TABLE bsp.snapshots (
    organization_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    version bigint NOT NULL,
    event_id uuid NOT NULL,
    schema text NOT NULL,
    state jsonb NOT NULL,
    taken_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE bsp.snapshots OWNER TO bsp_owner;

CREATE TABLE bsp.statement_days (
    organization_id uuid NOT NULL,
    currency text NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    category text NOT NULL,
    market text NOT NULL,
    account_id text NOT NULL,
    effective_month text NOT NULL,
    count bigint NOT NULL,
    amount numeric(24,6) NOT NULL,
    first_effective timestamp with time zone NOT NULL,
    last_effective timestamp with time zone NOT NULL,
    first_recorded timestamp with time zone NOT NULL,
    last_recorded timestamp with time zone NOT NULL,
    part integer DEFAULT 0 NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE bsp.statement_days OWNER TO bsp_owner;

CREATE TABLE bsp.subscription_clock (
    organization_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    due_at timestamp with time zone,
    status text DEFAULT 'starting'::text NOT NULL,
    suspended_reason text,
    owed numeric(18,6),
    currency text,
    plan_id uuid,
    plan_name text,
    features jsonb DEFAULT '{}'::jsonb NOT NULL,
    period_from timestamp with time zone,
    period_until timestamp with time zone
);

ALTER TABLE bsp.subscription_clock OWNER TO bsp_owner;

CREATE TABLE bsp.subscription_nudges (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    at timestamp with time zone NOT NULL
);

ALTER TABLE bsp.subscription_nudges OWNER TO bsp_owner;

CREATE TABLE bsp.subscription_terms (
    organization_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    from_at timestamp with time zone NOT NULL,
    until_at timestamp with time zone NOT NULL,
    period integer NOT NULL,
    plan_id uuid NOT NULL,
    plan_version bigint NOT NULL,
    plan_code text NOT NULL,
    currency text NOT NULL,
    per_message_price numeric(18,6) NOT NULL,
    included_messages integer NOT NULL
);

ALTER TABLE bsp.subscription_terms OWNER TO bsp_owner;

CREATE TABLE bsp.suppression_keys (
    organization_id uuid NOT NULL,
    wrapped_key bytea NOT NULL,
    master_key_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE bsp.suppression_keys OWNER TO bsp_owner;

CREATE TABLE bsp.suppressions (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    identity_hash bytea NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    reason text NOT NULL,
    lifted_at timestamp with time zone,
    lifted_by uuid,
    CONSTRAINT suppressions_reason_check CHECK ((reason = ANY (ARRAY['deleted'::text, 'erased'::text, 'changed'::text])))
);

ALTER TABLE bsp.suppressions OWNER TO bsp_owner;

CREATE TABLE bsp.tariff_version (
    only_row boolean DEFAULT true NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT tariff_version_only_row_check CHECK (only_row)
);

ALTER TABLE bsp.tariff_version OWNER TO bsp_owner;

CREATE TABLE bsp.team_accounts (
    account_id uuid NOT NULL,
    team_id uuid NOT NULL,
    organization_id uuid NOT NULL
);

ALTER TABLE bsp.team_accounts OWNER TO bsp_owner;

CREATE TABLE bsp.team_members (
    team_id uuid NOT NULL,
    user_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    given_at timestamp with time zone
);

ALTER TABLE bsp.team_members OWNER TO bsp_owner;

CREATE TABLE bsp.teams (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    name text NOT NULL,
    assignment text NOT NULL,
    capacity integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    row_version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT teams_assignment_check CHECK ((assignment = ANY (ARRAY['manual'::text, 'round_robin'::text, 'least_busy'::text]))),
    CONSTRAINT teams_capacity_check CHECK (((capacity >= 1) AND (capacity <= 1000)))
);

ALTER TABLE bsp.teams OWNER TO bsp_owner;

CREATE TABLE bsp.template_names (
    account_id uuid NOT NULL,
    name text NOT NULL,
    language text NOT NULL,
    template_id uuid NOT NULL,
    taken_at timestamp with time zone DEFAULT now() NOT NULL,
    organization_id uuid NOT NULL
);

ALTER TABLE bsp.template_names OWNER TO bsp_owner;

CREATE TABLE bsp.waiting_identity_news (
    id bigint NOT NULL,
    organization_id uuid NOT NULL,
    source text NOT NULL,
    proof text NOT NULL,
    phone_number text,
    wa_user_id text,
    news jsonb NOT NULL,
    said_at timestamp with time zone NOT NULL,
    parked_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE bsp.waiting_identity_news OWNER TO bsp_owner;

ALTER TABLE bsp.waiting_identity_news ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bsp.waiting_identity_news_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bsp.wamids (
    wamid text NOT NULL,
    organization_id uuid NOT NULL,
    message_id uuid NOT NULL
);

ALTER TABLE bsp.wamids OWNER TO bsp_owner;

CREATE TABLE bsp.webhook_cursors (
    webhook_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    epoch integer NOT NULL,
    sequence bigint NOT NULL,
    woken bigint DEFAULT 0 NOT NULL,
    types text[] DEFAULT '{}'::text[] NOT NULL,
    catalogue text DEFAULT ''::text NOT NULL,
    due_at timestamp with time zone,
    owner uuid,
    term bigint DEFAULT 0 NOT NULL,
    blocked boolean DEFAULT false NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    first_failed_at timestamp with time zone,
    last_error text,
    held_keys integer DEFAULT 0 NOT NULL,
    delivered bigint DEFAULT 0 NOT NULL,
    failed bigint DEFAULT 0 NOT NULL,
    latency_ms bigint DEFAULT 0 NOT NULL,
    last_success_at timestamp with time zone,
    last_failure_at timestamp with time zone
)
WITH (fillfactor='60');

ALTER TABLE bsp.webhook_cursors OWNER TO bsp_owner;

CREATE TABLE bsp.webhook_deliveries (
    webhook_id uuid NOT NULL,
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    epoch integer NOT NULL,
    sequence bigint NOT NULL,
    attempt integer NOT NULL,
    cause text NOT NULL,
    outcome text NOT NULL,
    status integer,
    latency_ms integer NOT NULL,
    answer text,
    answer_sealed boolean DEFAULT false NOT NULL,
    next_at timestamp with time zone,
    at timestamp with time zone NOT NULL,
    CONSTRAINT webhook_deliveries_cause_check CHECK ((cause = ANY (ARRAY['live'::text, 'retry'::text, 'redelivery'::text, 'test'::text])))
)
PARTITION BY RANGE (id);

ALTER TABLE bsp.webhook_deliveries OWNER TO bsp_owner;

CREATE TABLE bsp.webhook_held_events (
    webhook_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    key uuid NOT NULL,
    sequence bigint NOT NULL
);

ALTER TABLE bsp.webhook_held_events OWNER TO bsp_owner;

CREATE TABLE bsp.webhook_held_keys (
    webhook_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    key uuid NOT NULL,
    attempts integer NOT NULL,
    first_failed_at timestamp with time zone NOT NULL,
    next_at timestamp with time zone NOT NULL,
    last_error text
);

ALTER TABLE bsp.webhook_held_keys OWNER TO bsp_owner;

CREATE TABLE bsp.webhook_inbox (
    journal_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    lane uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL,
    senders bigint DEFAULT '-1'::integer NOT NULL
);

ALTER TABLE bsp.webhook_inbox OWNER TO bsp_owner;

CREATE TABLE bsp.webhook_journal (
    id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    organization_id uuid,
    remote_address text,
    user_agent text,
    headers jsonb NOT NULL,
    signature text NOT NULL,
    body_sha256 text NOT NULL,
    body bytea NOT NULL,
    lane uuid,
    senders bigint
)
PARTITION BY RANGE (received_at);
ALTER TABLE ONLY bsp.webhook_journal ALTER COLUMN body SET STORAGE EXTERNAL;

ALTER TABLE bsp.webhook_journal OWNER TO bsp_owner;

ALTER TABLE bsp.webhook_journal ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bsp.webhook_journal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bsp.webhook_notes (
    id bigint NOT NULL,
    journal_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    field text,
    reason text NOT NULL,
    detail text,
    noted_at timestamp with time zone DEFAULT now() NOT NULL,
    phone_number_id text,
    waba_id text,
    display_digits text,
    released_at timestamp with time zone
);

ALTER TABLE bsp.webhook_notes OWNER TO bsp_owner;

ALTER TABLE bsp.webhook_notes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME bsp.webhook_notes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE bsp.webhook_set_aside (
    id bigint NOT NULL,
    lane uuid NOT NULL,
    journal_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    organization_id uuid,
    signature text NOT NULL,
    body_sha256 text NOT NULL,
    field text NOT NULL,
    part text NOT NULL,
    body bytea NOT NULL,
    reason text NOT NULL,
    error text,
    attempts integer NOT NULL,
    next_at timestamp with time zone,
    set_aside_at timestamp with time zone DEFAULT now() NOT NULL,
    tried_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY bsp.webhook_set_aside ALTER COLUMN body SET STORAGE EXTERNAL;

ALTER TABLE bsp.webhook_set_aside OWNER TO bsp_owner;

ALTER TABLE bsp.webhook_set_aside ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME bsp.webhook_set_aside_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE documents.ai_conversations (
    _id bytea NOT NULL,
    organization_id uuid NOT NULL,
    "position" bigint NOT NULL,
    contact_id uuid NOT NULL,
    conversation_id bytea NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    doc jsonb NOT NULL
);

ALTER TABLE documents.ai_conversations OWNER TO bsp_owner;

CREATE TABLE documents.conversations (
    _id bytea NOT NULL,
    organization_id uuid NOT NULL,
    "position" bigint NOT NULL,
    contact_id uuid NOT NULL,
    account_id uuid NOT NULL,
    assigned_to uuid,
    status text NOT NULL,
    wa_conversation_id text,
    last_message_at timestamp with time zone,
    expires_at timestamp with time zone,
    doc jsonb NOT NULL,
    priority text,
    team_id uuid,
    unread integer,
    window_until timestamp with time zone,
    snoozed_until timestamp with time zone,
    tags jsonb
);

ALTER TABLE documents.conversations OWNER TO bsp_owner;

CREATE TABLE documents.message_logs (
    _id bytea NOT NULL,
    organization_id uuid NOT NULL,
    "position" bigint NOT NULL,
    message_id bytea NOT NULL,
    event_type text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    doc jsonb NOT NULL
);

ALTER TABLE documents.message_logs OWNER TO bsp_owner;

CREATE TABLE documents.messages (
    _id bytea NOT NULL,
    organization_id uuid NOT NULL,
    "position" bigint NOT NULL,
    conversation_id bytea NOT NULL,
    contact_id uuid NOT NULL,
    campaign_id uuid,
    wa_message_id text,
    status text NOT NULL,
    ai_processed boolean,
    created_at timestamp with time zone NOT NULL,
    doc jsonb NOT NULL,
    amends text
);

ALTER TABLE documents.messages OWNER TO bsp_owner;

CREATE TABLE public.api_keys (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    name text NOT NULL,
    key_hash text NOT NULL,
    key_prefix text NOT NULL,
    permissions text NOT NULL,
    last_used_at timestamp with time zone,
    expires_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    account_id uuid,
    CONSTRAINT api_keys_permissions_check CHECK ((permissions = ANY (ARRAY['read'::text, 'write'::text, 'admin'::text])))
);

ALTER TABLE public.api_keys OWNER TO bsp_owner;

CREATE TABLE public.billing_plans (
    id uuid NOT NULL,
    name text NOT NULL,
    code text NOT NULL,
    description text,
    monthly_price numeric(18,6) NOT NULL,
    per_message_price numeric(18,6) NOT NULL,
    included_messages integer DEFAULT 0 NOT NULL,
    features jsonb DEFAULT '{}'::jsonb NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    currency text DEFAULT 'USD'::text NOT NULL,
    row_version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT billing_plans_included_messages_check CHECK ((included_messages >= 0)),
    CONSTRAINT billing_plans_monthly_price_check CHECK ((monthly_price >= (0)::numeric)),
    CONSTRAINT billing_plans_per_message_price_check CHECK ((per_message_price >= (0)::numeric)),
    CONSTRAINT billing_plans_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text])))
);

ALTER TABLE public.billing_plans OWNER TO bsp_owner;

CREATE TABLE public.campaigns (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    template_id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text NOT NULL,
    description text,
    type text NOT NULL,
    status text NOT NULL,
    audience_segment jsonb NOT NULL,
    total_recipients integer DEFAULT 0 NOT NULL,
    sent_count integer DEFAULT 0 NOT NULL,
    delivered_count integer DEFAULT 0 NOT NULL,
    read_count integer DEFAULT 0 NOT NULL,
    failed_count integer DEFAULT 0 NOT NULL,
    scheduled_at timestamp with time zone,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    metadata jsonb,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    pause_reason text,
    version bigint NOT NULL,
    on_limit text DEFAULT 'wait'::text NOT NULL,
    send_until timestamp with time zone,
    options jsonb,
    retry_of uuid,
    trigger_keys text[],
    hours jsonb,
    local_time text,
    CONSTRAINT campaigns_on_limit_check CHECK ((on_limit = ANY (ARRAY['wait'::text, 'skip'::text]))),
    CONSTRAINT campaigns_status_check CHECK ((status = ANY (ARRAY['DRAFT'::text, 'SCHEDULED'::text, 'RUNNING'::text, 'PAUSED'::text, 'COMPLETED'::text, 'CANCELLED'::text]))),
    CONSTRAINT campaigns_type_check CHECK ((type = ANY (ARRAY['BROADCAST'::text, 'SCHEDULED'::text, 'TRIGGERED'::text])))
);

ALTER TABLE public.campaigns OWNER TO bsp_owner;

CREATE TABLE public.contact_list_items (
    contact_id uuid NOT NULL,
    list_id uuid NOT NULL,
    added_at timestamp with time zone DEFAULT now() NOT NULL,
    organization_id uuid NOT NULL
);

ALTER TABLE public.contact_list_items OWNER TO bsp_owner;

CREATE TABLE public.contact_lists (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    name text NOT NULL,
    description text,
    contact_count integer DEFAULT 0 NOT NULL,
    filters jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    row_version bigint DEFAULT 1 NOT NULL
);

ALTER TABLE public.contact_lists OWNER TO bsp_owner;

CREATE TABLE public.mt_doc_deadletterevent (
    id uuid NOT NULL,
    data jsonb NOT NULL,
    mt_last_modified timestamp with time zone DEFAULT transaction_timestamp(),
    mt_version uuid DEFAULT (md5(((random())::text || (clock_timestamp())::text)))::uuid NOT NULL,
    mt_dotnet_type character varying
);

ALTER TABLE public.mt_doc_deadletterevent OWNER TO bsp_owner;

CREATE TABLE public.mt_event_progression (
    name character varying NOT NULL,
    last_seq_id bigint,
    last_updated timestamp with time zone DEFAULT transaction_timestamp(),
    mode character varying DEFAULT 'none'::character varying,
    rebuild_threshold integer DEFAULT 0,
    assigned_node integer DEFAULT 0,
    heartbeat timestamp with time zone,
    agent_status character varying(20),
    pause_reason text,
    running_on_node integer,
    warning_behind_threshold bigint,
    critical_behind_threshold bigint,
    failure_category character varying(50),
    failure_event_sequence bigint,
    failure_event_type character varying(500),
    failure_event_tenant_id character varying(500)
);

ALTER TABLE public.mt_event_progression OWNER TO bsp_owner;

CREATE TABLE public.mt_event_projection_floors (
    name character varying NOT NULL,
    tenant_id character varying NOT NULL,
    floor bigint NOT NULL,
    last_updated timestamp with time zone DEFAULT transaction_timestamp()
);

ALTER TABLE public.mt_event_projection_floors OWNER TO bsp_owner;

CREATE SEQUENCE public.mt_events_sequence
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE public.mt_events_sequence OWNER TO bsp_owner;

ALTER SEQUENCE public.mt_events_sequence OWNED BY public.mt_events.seq_id;

CREATE TABLE public.mt_high_water_skips (
    ending_sequence bigint NOT NULL,
    starting_sequence bigint NOT NULL,
    "timestamp" timestamp with time zone DEFAULT transaction_timestamp()
);

ALTER TABLE public.mt_high_water_skips OWNER TO bsp_owner;

CREATE TABLE public.mt_streams (
    tenant_id character varying DEFAULT '*DEFAULT*'::character varying NOT NULL,
    id uuid NOT NULL,
    type character varying,
    version bigint,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    is_archived boolean DEFAULT false,
    compacted_version bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='85');

ALTER TABLE public.mt_streams OWNER TO bsp_owner;

CREATE TABLE public.organizations (
    id uuid NOT NULL,
    name text NOT NULL,
    slug text NOT NULL,
    logo_url text,
    meta_business_id text,
    meta_access_token text,
    webhook_verify_token text,
    status text DEFAULT 'active'::text NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    row_version bigint DEFAULT 1 NOT NULL,
    meta_app_secret text,
    CONSTRAINT organizations_status_check CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'inactive'::text])))
);

ALTER TABLE public.organizations OWNER TO bsp_owner;

CREATE TABLE public.subscriptions (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    plan_id uuid NOT NULL,
    status text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    payment_method jsonb,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    status_exact text NOT NULL,
    terms jsonb NOT NULL,
    trial_until timestamp with time zone,
    period integer NOT NULL,
    period_from timestamp with time zone NOT NULL,
    period_until timestamp with time zone NOT NULL,
    included_messages integer NOT NULL,
    owed numeric(18,6),
    next_attempt_at timestamp with time zone,
    cancel_at timestamp with time zone,
    suspended_reason text,
    ended_at timestamp with time zone,
    CONSTRAINT subscriptions_owed_check CHECK ((owed >= (0)::numeric)),
    CONSTRAINT subscriptions_status_check CHECK ((status = ANY (ARRAY['active'::text, 'cancelled'::text, 'expired'::text, 'suspended'::text])))
);

ALTER TABLE public.subscriptions OWNER TO bsp_owner;

CREATE TABLE public.templates (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text NOT NULL,
    meta_template_id text,
    category text NOT NULL,
    language text NOT NULL,
    components jsonb NOT NULL,
    variables jsonb,
    status text NOT NULL,
    rejection_reason text,
    submitted_at timestamp with time zone,
    approved_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    status_exact text NOT NULL,
    quality text DEFAULT 'UNKNOWN'::text NOT NULL,
    deleted_at timestamp with time zone,
    version bigint NOT NULL,
    CONSTRAINT templates_category_check CHECK ((category = ANY (ARRAY['MARKETING'::text, 'UTILITY'::text, 'AUTHENTICATION'::text]))),
    CONSTRAINT templates_status_check CHECK ((status = ANY (ARRAY['DRAFT'::text, 'PENDING'::text, 'APPROVED'::text, 'REJECTED'::text, 'PAUSED'::text])))
);

ALTER TABLE public.templates OWNER TO bsp_owner;

CREATE TABLE public.transactions (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    type text NOT NULL,
    amount numeric(18,6) NOT NULL,
    balance_after numeric(18,6) NOT NULL,
    currency text NOT NULL,
    category text NOT NULL,
    reference_id text,
    description text,
    metadata jsonb,
    created_at timestamp with time zone NOT NULL,
    sequence bigint NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT transactions_amount_check CHECK (((amount > (0)::numeric) AND (amount < '1000000000000'::numeric))),
    CONSTRAINT transactions_balance_after_check CHECK (((balance_after > '-1000000000000'::numeric) AND (balance_after < '1000000000000'::numeric))),
    CONSTRAINT transactions_category_check CHECK ((category = ANY (ARRAY['message'::text, 'subscription'::text, 'topup'::text, 'refund'::text]))),
    CONSTRAINT transactions_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT transactions_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT transactions_previous_hash_check CHECK ((octet_length(previous_hash) = 32)),
    CONSTRAINT transactions_sequence_check CHECK ((sequence > 1)),
    CONSTRAINT transactions_type_check CHECK ((type = ANY (ARRAY['credit'::text, 'debit'::text, 'refund'::text])))
)
PARTITION BY RANGE (id);

ALTER TABLE public.transactions OWNER TO bsp_owner;

CREATE TABLE public.users (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    email text NOT NULL,
    password_hash text,
    first_name text,
    last_name text,
    phone text,
    avatar_url text,
    role text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    last_login timestamp with time zone,
    preferences jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    row_version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['super_admin'::text, 'admin'::text, 'manager'::text, 'agent'::text, 'viewer'::text]))),
    CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text, 'suspended'::text])))
);

ALTER TABLE public.users OWNER TO bsp_owner;

CREATE TABLE public.webhooks (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    name text NOT NULL,
    url text NOT NULL,
    secret text NOT NULL,
    events jsonb DEFAULT '[]'::jsonb NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    retry_count integer DEFAULT 0 NOT NULL,
    last_triggered timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    row_version bigint DEFAULT 1 NOT NULL,
    payload text DEFAULT 'full'::text NOT NULL,
    api_version text DEFAULT '2026-11-01'::text NOT NULL,
    account_ids uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    campaign_ids uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    headers text,
    rate_per_second integer,
    concurrency integer DEFAULT 8 NOT NULL,
    previous_secret text,
    previous_secret_until timestamp with time zone,
    status_exact text DEFAULT 'active'::text NOT NULL,
    disabled_reason text,
    disabled_at timestamp with time zone,
    created_by_user uuid,
    created_by_key uuid,
    CONSTRAINT webhooks_concurrency_check CHECK (((concurrency >= 1) AND (concurrency <= 32))),
    CONSTRAINT webhooks_payload_check CHECK ((payload = ANY (ARRAY['full'::text, 'thin'::text]))),
    CONSTRAINT webhooks_rate_per_second_check CHECK (((rate_per_second >= 1) AND (rate_per_second <= 1000))),
    CONSTRAINT webhooks_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text]))),
    CONSTRAINT webhooks_status_exact_check CHECK ((status_exact = ANY (ARRAY['active'::text, 'paused'::text, 'disabled'::text])))
);

ALTER TABLE public.webhooks OWNER TO bsp_owner;

CREATE TABLE public.whatsapp_accounts (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    phone_number_id text NOT NULL,
    phone_number text NOT NULL,
    display_name text NOT NULL,
    meta_waba_id text NOT NULL,
    quality_rating text DEFAULT 'GREEN'::text NOT NULL,
    messaging_limit integer DEFAULT 250 NOT NULL,
    daily_sent_count integer DEFAULT 0 NOT NULL,
    limit_reset_date timestamp with time zone,
    status text DEFAULT 'PENDING'::text NOT NULL,
    credentials jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    quality_rating_exact text DEFAULT 'UNKNOWN'::text NOT NULL,
    messages_per_second_max integer DEFAULT 80 NOT NULL,
    row_version bigint DEFAULT 1 NOT NULL,
    business_id text,
    coexistence boolean DEFAULT false NOT NULL,
    name_status text,
    requested_name text,
    review_status text,
    restricted_until timestamp with time zone,
    restriction text,
    CONSTRAINT whatsapp_accounts_messages_per_second_max_check CHECK (((messages_per_second_max >= 1) AND (messages_per_second_max <= 10000))),
    CONSTRAINT whatsapp_accounts_messaging_limit_check CHECK ((messaging_limit >= 0)),
    CONSTRAINT whatsapp_accounts_quality_rating_check CHECK ((quality_rating = ANY (ARRAY['GREEN'::text, 'YELLOW'::text, 'RED'::text]))),
    CONSTRAINT whatsapp_accounts_status_check CHECK ((status = ANY (ARRAY['CONNECTED'::text, 'DISCONNECTED'::text, 'PENDING'::text])))
);

ALTER TABLE public.whatsapp_accounts OWNER TO bsp_owner;

ALTER TABLE ONLY bsp.account_budget
    ADD CONSTRAINT account_budget_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY bsp.account_counters_next
    ADD CONSTRAINT account_counters_next_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.account_notices
    ADD CONSTRAINT account_notices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.ai_bursts
    ADD CONSTRAINT ai_bursts_pkey PRIMARY KEY (conversation_id);

ALTER TABLE ONLY bsp.ai_prompts
    ADD CONSTRAINT ai_prompts_pkey PRIMARY KEY (organization_id, hash);

ALTER TABLE ONLY bsp.ai_settings
    ADD CONSTRAINT ai_settings_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY bsp.ai_shadow_items
    ADD CONSTRAINT ai_shadow_items_pkey PRIMARY KEY (shadow_id, ordinal);

ALTER TABLE ONLY bsp.ai_shadows
    ADD CONSTRAINT ai_shadows_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.ai_turns
    ADD CONSTRAINT ai_turns_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY bsp.ai_usage
    ADD CONSTRAINT ai_usage_pkey PRIMARY KEY (organization_id, month);

ALTER TABLE ONLY bsp.ai_work
    ADD CONSTRAINT ai_work_pkey PRIMARY KEY (message_id);

ALTER TABLE ONLY bsp.archive_parts
    ADD CONSTRAINT archive_parts_pkey PRIMARY KEY (organization_id, conversation_id, archive_id, contact_id);

ALTER TABLE ONLY bsp.archive_progress
    ADD CONSTRAINT archive_progress_pkey PRIMARY KEY (one);

ALTER TABLE ONLY bsp.archive_restores
    ADD CONSTRAINT archive_restores_pkey PRIMARY KEY (organization_id, conversation_id);

ALTER TABLE ONLY bsp.archives
    ADD CONSTRAINT archives_object_key_key UNIQUE (object_key);

ALTER TABLE ONLY bsp.archives
    ADD CONSTRAINT archives_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.audit_heads
    ADD CONSTRAINT audit_heads_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY bsp.audit_trail
    ADD CONSTRAINT audit_trail_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY bsp.campaign_causes
    ADD CONSTRAINT campaign_causes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.campaign_cooldowns
    ADD CONSTRAINT campaign_cooldowns_pkey PRIMARY KEY (campaign_id, contact_id);

ALTER TABLE ONLY bsp.campaign_dispatch
    ADD CONSTRAINT campaign_dispatch_pkey PRIMARY KEY (campaign_id);

ALTER TABLE ONLY bsp.campaign_errors
    ADD CONSTRAINT campaign_errors_pkey PRIMARY KEY (campaign_id, code);

ALTER TABLE ONLY bsp.campaign_firings
    ADD CONSTRAINT campaign_firings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.campaign_holds
    ADD CONSTRAINT campaign_holds_pkey PRIMARY KEY (campaign_id);

ALTER TABLE ONLY bsp.campaign_progress_next
    ADD CONSTRAINT campaign_progress_next_pkey PRIMARY KEY (campaign_id);

ALTER TABLE ONLY bsp.campaign_progress
    ADD CONSTRAINT campaign_progress_pkey PRIMARY KEY (campaign_id);

ALTER TABLE ONLY bsp.campaign_retries
    ADD CONSTRAINT campaign_retries_pkey PRIMARY KEY (source_id, contact_id);

ALTER TABLE ONLY bsp.campaign_triggers
    ADD CONSTRAINT campaign_triggers_pkey PRIMARY KEY (campaign_id, key);

ALTER TABLE ONLY bsp.campaign_waves
    ADD CONSTRAINT campaign_waves_pkey PRIMARY KEY (campaign_id, wave);

ALTER TABLE ONLY bsp.canned_replies
    ADD CONSTRAINT canned_replies_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.charge_counters
    ADD CONSTRAINT charge_counters_pkey PRIMARY KEY (organization_id, period, name);

ALTER TABLE ONLY bsp.charges
    ADD CONSTRAINT charges_pkey PRIMARY KEY (organization_id, reference, kind);

ALTER TABLE ONLY bsp.charging
    ADD CONSTRAINT charging_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY bsp.contact_aliases
    ADD CONSTRAINT contact_aliases_pkey PRIMARY KEY (contact_id);

ALTER TABLE ONLY bsp.contact_counters_next
    ADD CONSTRAINT contact_counters_next_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.contact_erasures
    ADD CONSTRAINT contact_erasures_pkey PRIMARY KEY (contact_id);

ALTER TABLE ONLY bsp.contact_keys
    ADD CONSTRAINT contact_keys_organization_id_contact_id_key UNIQUE (organization_id, contact_id);

ALTER TABLE ONLY bsp.contact_keys
    ADD CONSTRAINT contact_keys_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY bsp.conversation_notes
    ADD CONSTRAINT conversation_notes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.conversation_search_next
    ADD CONSTRAINT conversation_search_next_pkey PRIMARY KEY (conversation_id);

ALTER TABLE ONLY bsp.conversation_search
    ADD CONSTRAINT conversation_search_pkey PRIMARY KEY (conversation_id);

ALTER TABLE ONLY bsp.directory_challenges
    ADD CONSTRAINT directory_challenges_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY bsp.directory_emails
    ADD CONSTRAINT directory_emails_pkey PRIMARY KEY (email);

ALTER TABLE ONLY bsp.directory_keys
    ADD CONSTRAINT directory_keys_key_id_key UNIQUE (key_id);

ALTER TABLE ONLY bsp.directory_keys
    ADD CONSTRAINT directory_keys_pkey PRIMARY KEY (key_hash);

ALTER TABLE ONLY bsp.directory_numbers
    ADD CONSTRAINT directory_numbers_pkey PRIMARY KEY (phone_number_id);

ALTER TABLE ONLY bsp.directory_organizations
    ADD CONSTRAINT directory_organizations_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY bsp.directory_organizations
    ADD CONSTRAINT directory_organizations_slug_key UNIQUE (slug);

ALTER TABLE ONLY bsp.directory_second_factors
    ADD CONSTRAINT directory_second_factors_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY bsp.directory_sessions
    ADD CONSTRAINT directory_sessions_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY bsp.directory_tokens
    ADD CONSTRAINT directory_tokens_kind_organization_id_email_key UNIQUE (kind, organization_id, email);

ALTER TABLE ONLY bsp.directory_tokens
    ADD CONSTRAINT directory_tokens_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY bsp.ended_uncharged
    ADD CONSTRAINT ended_uncharged_pkey PRIMARY KEY (organization_id, message_id);

ALTER TABLE ONLY bsp.erased_contacts
    ADD CONSTRAINT erased_contacts_pkey PRIMARY KEY (organization_id, contact_id);

ALTER TABLE ONLY bsp.evidence_acts
    ADD CONSTRAINT evidence_acts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.idempotency_keys
    ADD CONSTRAINT idempotency_keys_organization_id_caller_route_key_key UNIQUE (organization_id, caller, route, key);

ALTER TABLE ONLY bsp.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (claim_id);

ALTER TABLE ONLY bsp.import_rejects
    ADD CONSTRAINT import_rejects_pkey PRIMARY KEY (import_id, "row");

ALTER TABLE ONLY bsp.import_rows_staged
    ADD CONSTRAINT import_rows_staged_pkey PRIMARY KEY (import_id, "row");

ALTER TABLE ONLY bsp.imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.inbox_states
    ADD CONSTRAINT inbox_states_pkey PRIMARY KEY (conversation_id);

ALTER TABLE ONLY bsp.ledger_audits
    ADD CONSTRAINT ledger_audits_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.ledger_day_heads
    ADD CONSTRAINT ledger_day_heads_pkey PRIMARY KEY (organization_id, day, currency);

ALTER TABLE ONLY bsp.ledger_days_before
    ADD CONSTRAINT ledger_days_before_pkey PRIMARY KEY (organization_id, day);

ALTER TABLE ONLY bsp.ledger_days
    ADD CONSTRAINT ledger_days_n_key UNIQUE (n);

ALTER TABLE ONLY bsp.ledger_days
    ADD CONSTRAINT ledger_days_pkey PRIMARY KEY (day);

ALTER TABLE ONLY bsp.ledger_heads
    ADD CONSTRAINT ledger_heads_pkey PRIMARY KEY (organization_id, currency);

ALTER TABLE ONLY bsp.ledger_heads_told
    ADD CONSTRAINT ledger_heads_told_pkey PRIMARY KEY (organization_id, day, currency);

ALTER TABLE ONLY bsp.ledger_holds
    ADD CONSTRAINT ledger_holds_pkey PRIMARY KEY (organization_id, reference);

ALTER TABLE ONLY bsp.ledger_nodes
    ADD CONSTRAINT ledger_nodes_pkey PRIMARY KEY (organization_id, currency, month, level, index);

ALTER TABLE ONLY bsp.legal_holds
    ADD CONSTRAINT legal_holds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.list_history
    ADD CONSTRAINT list_history_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.log_days
    ADD CONSTRAINT log_days_n_key UNIQUE (n);

ALTER TABLE ONLY bsp.log_days
    ADD CONSTRAINT log_days_pkey PRIMARY KEY (day);

ALTER TABLE ONLY bsp.log_days
    ADD CONSTRAINT log_days_up_to_key UNIQUE (up_to);

ALTER TABLE ONLY bsp.log_key_vouchers
    ADD CONSTRAINT log_key_vouchers_pkey PRIMARY KEY (key_id, by_key_id);

ALTER TABLE ONLY bsp.log_keys
    ADD CONSTRAINT log_keys_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY bsp.log_leaves
    ADD CONSTRAINT log_leaves_pkey PRIMARY KEY (day, chunk);

ALTER TABLE ONLY bsp.log_places_next
    ADD CONSTRAINT log_places_next_pkey PRIMARY KEY (organization_id, key, block);

ALTER TABLE ONLY bsp.log_places
    ADD CONSTRAINT log_places_pkey PRIMARY KEY (organization_id, key, block);

ALTER TABLE ONLY bsp.log_seals
    ADD CONSTRAINT log_seals_pkey PRIMARY KEY (tenant_id, day);

ALTER TABLE ONLY bsp.log_seals
    ADD CONSTRAINT log_seals_tenant_id_n_key UNIQUE (tenant_id, n);

ALTER TABLE ONLY bsp.login_attempts
    ADD CONSTRAINT login_attempts_pkey PRIMARY KEY (subject);

ALTER TABLE ONLY bsp.mails
    ADD CONSTRAINT mails_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.markets
    ADD CONSTRAINT markets_pkey PRIMARY KEY (prefix, effective_from);

ALTER TABLE ONLY bsp.media_at_meta
    ADD CONSTRAINT media_at_meta_pkey PRIMARY KEY (media_id, phone_number_id);

ALTER TABLE ONLY bsp.media
    ADD CONSTRAINT media_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.media_usage
    ADD CONSTRAINT media_usage_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY bsp.mentions
    ADD CONSTRAINT mentions_pkey PRIMARY KEY (user_id, note_id);

ALTER TABLE ONLY bsp.message_bills
    ADD CONSTRAINT message_bills_pkey PRIMARY KEY (organization_id, message_id, participant);

ALTER TABLE ONLY bsp.message_reserves
    ADD CONSTRAINT message_reserves_pkey PRIMARY KEY (organization_id, message_id);

ALTER TABLE ONLY bsp.message_search_next
    ADD CONSTRAINT message_search_next_pkey PRIMARY KEY (message_id);

ALTER TABLE ONLY bsp.message_search
    ADD CONSTRAINT message_search_pkey PRIMARY KEY (message_id);

ALTER TABLE ONLY bsp.move_changes
    ADD CONSTRAINT move_changes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.move_ids
    ADD CONSTRAINT move_ids_pkey PRIMARY KEY (organization_id, rel, source_id);

ALTER TABLE ONLY bsp.move_tables
    ADD CONSTRAINT move_tables_pkey PRIMARY KEY (organization_id, rel);

ALTER TABLE ONLY bsp.moved_numbers_left
    ADD CONSTRAINT moved_numbers_left_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY bsp.moved_pages
    ADD CONSTRAINT moved_pages_pkey PRIMARY KEY (organization_id, life, old_from);

ALTER TABLE ONLY bsp.moves_here
    ADD CONSTRAINT moves_here_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY bsp.moves
    ADD CONSTRAINT moves_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.object_removals
    ADD CONSTRAINT object_removals_pkey PRIMARY KEY (object_key);

ALTER TABLE ONLY bsp.parked_events
    ADD CONSTRAINT parked_events_pkey PRIMARY KEY (projection, sequence);

ALTER TABLE ONLY bsp.parked_statuses
    ADD CONSTRAINT parked_statuses_organization_id_wamid_status_key UNIQUE (organization_id, wamid, status);

ALTER TABLE ONLY bsp.parked_statuses
    ADD CONSTRAINT parked_statuses_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.past_identities
    ADD CONSTRAINT past_identities_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.portfolios
    ADD CONSTRAINT portfolios_pkey PRIMARY KEY (organization_id, portfolio);

ALTER TABLE ONLY bsp.projection_parts
    ADD CONSTRAINT projection_parts_pkey PRIMARY KEY (name, part);

ALTER TABLE ONLY bsp.projections
    ADD CONSTRAINT projections_pkey PRIMARY KEY (name);

ALTER TABLE ONLY bsp.rate_cards
    ADD CONSTRAINT rate_cards_code_key UNIQUE (code);

ALTER TABLE ONLY bsp.rate_cards
    ADD CONSTRAINT rate_cards_moment UNIQUE (currency, effective_from);

ALTER TABLE ONLY bsp.rate_cards
    ADD CONSTRAINT rate_cards_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.rate_rules
    ADD CONSTRAINT rate_rules_pkey PRIMARY KEY (card, category, pricing_type);

ALTER TABLE ONLY bsp.rates
    ADD CONSTRAINT rates_pkey PRIMARY KEY (card_id, market, category, tier_from);

ALTER TABLE ONLY bsp.reach_returns
    ADD CONSTRAINT reach_returns_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.reached
    ADD CONSTRAINT reached_pkey PRIMARY KEY (organization_id, contact_id, portfolio);

ALTER TABLE ONLY bsp.read_marks
    ADD CONSTRAINT read_marks_pkey PRIMARY KEY (conversation_id);

ALTER TABLE ONLY bsp.reconciled
    ADD CONSTRAINT reconciled_pkey PRIMARY KEY (name);

ALTER TABLE ONLY bsp.reconciliations
    ADD CONSTRAINT reconciliations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.response_clocks_next
    ADD CONSTRAINT response_clocks_next_pkey PRIMARY KEY (conversation_id);

ALTER TABLE ONLY bsp.response_clocks
    ADD CONSTRAINT response_clocks_pkey PRIMARY KEY (conversation_id);

ALTER TABLE ONLY bsp.response_times_next
    ADD CONSTRAINT response_times_next_pkey PRIMARY KEY (organization_id, "position", kind);

ALTER TABLE ONLY bsp.response_times
    ADD CONSTRAINT response_times_pkey PRIMARY KEY (organization_id, "position", kind);

ALTER TABLE ONLY bsp.retention_policies
    ADD CONSTRAINT retention_policies_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY bsp.retention_rounds
    ADD CONSTRAINT retention_rounds_pkey PRIMARY KEY (kind);

ALTER TABLE ONLY bsp.retired_contents
    ADD CONSTRAINT retired_contents_pkey PRIMARY KEY (seq_id);

ALTER TABLE ONLY bsp.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (file);

ALTER TABLE ONLY bsp.search_keys
    ADD CONSTRAINT search_keys_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY bsp.send_queue
    ADD CONSTRAINT send_queue_pkey PRIMARY KEY (message_id);

ALTER TABLE ONLY bsp.sending_switch
    ADD CONSTRAINT sending_switch_pkey PRIMARY KEY (one);

ALTER TABLE ONLY bsp.signups
    ADD CONSTRAINT signups_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (organization_id, stream_id);

ALTER TABLE ONLY bsp.statement_days
    ADD CONSTRAINT statement_days_pkey PRIMARY KEY (organization_id, currency, day, part, kind, category, market, account_id, effective_month);

ALTER TABLE ONLY bsp.subscription_clock
    ADD CONSTRAINT subscription_clock_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY bsp.subscription_clock
    ADD CONSTRAINT subscription_clock_subscription_id_key UNIQUE (subscription_id);

ALTER TABLE ONLY bsp.subscription_nudges
    ADD CONSTRAINT subscription_nudges_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.subscription_terms
    ADD CONSTRAINT subscription_terms_pkey PRIMARY KEY (organization_id, subscription_id, from_at);

ALTER TABLE ONLY bsp.suppression_keys
    ADD CONSTRAINT suppression_keys_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY bsp.suppressions
    ADD CONSTRAINT suppressions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.tariff_version
    ADD CONSTRAINT tariff_version_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY bsp.team_accounts
    ADD CONSTRAINT team_accounts_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY bsp.team_members
    ADD CONSTRAINT team_members_pkey PRIMARY KEY (team_id, user_id);

ALTER TABLE ONLY bsp.teams
    ADD CONSTRAINT teams_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.template_names
    ADD CONSTRAINT template_names_pkey PRIMARY KEY (account_id, name, language);

ALTER TABLE ONLY bsp.waiting_identity_news
    ADD CONSTRAINT waiting_identity_news_organization_id_source_proof_key UNIQUE (organization_id, source, proof);

ALTER TABLE ONLY bsp.waiting_identity_news
    ADD CONSTRAINT waiting_identity_news_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.wamids
    ADD CONSTRAINT wamids_pkey PRIMARY KEY (organization_id, wamid);

ALTER TABLE ONLY bsp.webhook_cursors
    ADD CONSTRAINT webhook_cursors_pkey PRIMARY KEY (webhook_id);

ALTER TABLE ONLY bsp.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (webhook_id, id);

ALTER TABLE ONLY bsp.webhook_held_events
    ADD CONSTRAINT webhook_held_events_pkey PRIMARY KEY (webhook_id, key, sequence);

ALTER TABLE ONLY bsp.webhook_held_keys
    ADD CONSTRAINT webhook_held_keys_pkey PRIMARY KEY (webhook_id, key);

ALTER TABLE ONLY bsp.webhook_inbox
    ADD CONSTRAINT webhook_inbox_pkey PRIMARY KEY (journal_id);

ALTER TABLE ONLY bsp.webhook_journal
    ADD CONSTRAINT webhook_journal_pkey PRIMARY KEY (received_at, id);

ALTER TABLE ONLY bsp.webhook_notes
    ADD CONSTRAINT webhook_notes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bsp.webhook_set_aside
    ADD CONSTRAINT webhook_set_aside_pkey PRIMARY KEY (id);

ALTER TABLE ONLY documents.ai_conversations
    ADD CONSTRAINT ai_conversations_pkey PRIMARY KEY (_id);

ALTER TABLE ONLY documents.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (_id);

ALTER TABLE ONLY documents.message_logs
    ADD CONSTRAINT message_logs_pkey PRIMARY KEY (_id);

ALTER TABLE ONLY documents.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (_id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.billing_plans
    ADD CONSTRAINT billing_plans_code_key UNIQUE (code);

ALTER TABLE ONLY public.billing_plans
    ADD CONSTRAINT billing_plans_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.campaigns
    ADD CONSTRAINT campaigns_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.contact_list_items
    ADD CONSTRAINT contact_list_items_pkey PRIMARY KEY (list_id, contact_id);

ALTER TABLE ONLY public.contact_lists
    ADD CONSTRAINT contact_lists_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.organizations
    ADD CONSTRAINT organizations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.organizations
    ADD CONSTRAINT organizations_slug_key UNIQUE (slug);

ALTER TABLE ONLY public.mt_event_progression
    ADD CONSTRAINT pk_mt_event_progression PRIMARY KEY (name);

ALTER TABLE ONLY public.mt_doc_deadletterevent
    ADD CONSTRAINT pkey_mt_doc_deadletterevent_id PRIMARY KEY (id);

ALTER TABLE ONLY public.mt_event_projection_floors
    ADD CONSTRAINT pkey_mt_event_projection_floors_name_tenant_id PRIMARY KEY (name, tenant_id);

ALTER TABLE ONLY public.mt_events
    ADD CONSTRAINT pkey_mt_events_seq_id PRIMARY KEY (seq_id);

ALTER TABLE ONLY public.mt_high_water_skips
    ADD CONSTRAINT pkey_mt_high_water_skips_ending_sequence PRIMARY KEY (ending_sequence);

ALTER TABLE ONLY public.mt_streams
    ADD CONSTRAINT pkey_mt_streams_tenant_id_id PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.subscriptions
    ADD CONSTRAINT subscriptions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.templates
    ADD CONSTRAINT templates_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT transactions_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.whatsapp_accounts
    ADD CONSTRAINT whatsapp_accounts_pkey PRIMARY KEY (id);

CREATE INDEX account_notices_age ON bsp.account_notices USING brin (at);

CREATE UNIQUE INDEX account_notices_key ON bsp.account_notices USING btree (organization_id, key);

CREATE INDEX account_notices_waba ON bsp.account_notices USING btree (organization_id, waba_id, id);

CREATE INDEX ai_bursts_contact ON bsp.ai_bursts USING btree (contact_id);

CREATE INDEX ai_bursts_due ON bsp.ai_bursts USING btree (organization_id, due_at);

CREATE INDEX ai_shadow_items_open ON bsp.ai_shadow_items USING btree (shadow_id, ordinal) WHERE (done_at IS NULL);

CREATE INDEX ai_shadows_age ON bsp.ai_shadows USING brin (created_at);

CREATE INDEX ai_shadows_open ON bsp.ai_shadows USING btree (created_at) WHERE (status = ANY (ARRAY['planning'::text, 'running'::text]));

CREATE INDEX ai_shadows_organization ON bsp.ai_shadows USING btree (organization_id, id);

CREATE INDEX ai_turns_due ON bsp.ai_turns USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX ai_work_due ON bsp.ai_work USING btree (organization_id, due_at);

CREATE INDEX archive_parts_archive ON bsp.archive_parts USING btree (archive_id);

CREATE INDEX archives_organization ON bsp.archives USING btree (organization_id, kind, id);

CREATE INDEX audit_trail_act ON bsp.audit_trail USING btree (organization_id, act, id);

CREATE INDEX audit_trail_actor ON bsp.audit_trail USING btree (organization_id, actor, id);

CREATE UNIQUE INDEX audit_trail_position ON bsp.audit_trail USING btree (organization_id, "position");

CREATE UNIQUE INDEX campaign_audience_member ON bsp.campaign_audience USING btree (campaign_id, contact_id) WHERE (contact_id <> '00000000-0000-0000-0000-000000000000'::uuid);

CREATE UNIQUE INDEX campaign_audience_place ON bsp.campaign_audience USING btree (campaign_id, ordinal) WHERE (ordinal > 0);

CREATE INDEX campaign_causes_next ON bsp.campaign_causes USING btree (campaign_id, id);

CREATE UNIQUE INDEX campaign_firings_cause ON bsp.campaign_firings USING btree (campaign_id, contact_id, cause) WHERE (contact_id <> '00000000-0000-0000-0000-000000000000'::uuid);

CREATE UNIQUE INDEX campaign_firings_order ON bsp.campaign_firings USING btree (campaign_id, id) WHERE ((id > 0) AND (message_id IS NOT NULL));

CREATE INDEX campaign_holds_open ON bsp.campaign_holds USING btree (organization_id) WHERE (state = 'open'::text);

CREATE INDEX campaign_retries_retry ON bsp.campaign_retries USING btree (retry_id, contact_id);

CREATE INDEX campaign_triggers_armed ON bsp.campaign_triggers USING btree (organization_id, kind, key);

CREATE UNIQUE INDEX canned_replies_shortcut ON bsp.canned_replies USING btree (organization_id, shortcut);

CREATE INDEX charging_stopped ON bsp.charging USING btree (retry_at) WHERE (stopped_after IS NOT NULL);

CREATE INDEX contact_aliases_into ON bsp.contact_aliases USING btree (into_id);

CREATE INDEX contact_aliases_phone ON bsp.contact_aliases USING btree (organization_id, phone_number) WHERE (phone_number IS NOT NULL);

CREATE INDEX contact_aliases_wa ON bsp.contact_aliases USING btree (organization_id, wa_user_id) WHERE (wa_user_id IS NOT NULL);

CREATE INDEX contact_erasures_open ON bsp.contact_erasures USING btree (organization_id, requested_at) WHERE (completed_at IS NULL);

CREATE INDEX conversation_notes_age ON bsp.conversation_notes USING brin (created_at);

CREATE INDEX conversation_notes_contact ON bsp.conversation_notes USING btree (contact_id);

CREATE INDEX conversation_notes_conversation ON bsp.conversation_notes USING btree (conversation_id, created_at DESC, id DESC);

CREATE INDEX conversation_search_contact ON bsp.conversation_search USING btree (contact_id);

CREATE INDEX conversation_search_next_contact_id_idx ON bsp.conversation_search_next USING btree (contact_id);

CREATE INDEX conversation_search_next_tokens_idx ON bsp.conversation_search_next USING gin (tokens) WITH (fastupdate='on', gin_pending_list_limit='4096');

CREATE INDEX conversation_search_tokens ON bsp.conversation_search USING gin (tokens) WITH (fastupdate='on', gin_pending_list_limit='4096');

CREATE INDEX directory_challenges_end ON bsp.directory_challenges USING btree (expires_at);

CREATE INDEX directory_challenges_user ON bsp.directory_challenges USING btree (user_id);

CREATE UNIQUE INDEX directory_emails_user ON bsp.directory_emails USING btree (user_id);

CREATE INDEX directory_numbers_digits ON bsp.directory_numbers USING btree (display_digits);

CREATE INDEX directory_numbers_open ON bsp.directory_numbers USING btree (checked_at) WHERE ((proven_at IS NULL) OR (doubted_at IS NOT NULL));

CREATE INDEX directory_numbers_waba ON bsp.directory_numbers USING btree (waba_id);

CREATE INDEX directory_sessions_end ON bsp.directory_sessions USING btree (expires_at);

CREATE UNIQUE INDEX directory_sessions_id ON bsp.directory_sessions USING btree (id);

CREATE INDEX directory_sessions_user ON bsp.directory_sessions USING btree (user_id);

CREATE INDEX directory_tokens_end ON bsp.directory_tokens USING btree (expires_at);

CREATE INDEX directory_tokens_user ON bsp.directory_tokens USING btree (user_id);

CREATE INDEX erased_contacts_erasure ON bsp.erased_contacts USING btree (erasure_id);

CREATE INDEX idempotency_keys_age ON bsp.idempotency_keys USING btree (created_at);

CREATE INDEX import_rejects_organization ON bsp.import_rejects USING btree (organization_id, import_id, "row");

CREATE INDEX imports_open ON bsp.imports USING btree (created_at) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX imports_organization ON bsp.imports USING btree (organization_id, id);

CREATE INDEX imports_rejects_kept ON bsp.imports USING btree (updated_at) WHERE (rejects_kept AND (status = ANY (ARRAY['completed'::text, 'failed'::text])));

CREATE INDEX inbox_states_assigned ON bsp.inbox_states USING btree (organization_id, assigned_to) WHERE ((assigned_to IS NOT NULL) AND (status = 'active'::text));

CREATE INDEX inbox_states_contact ON bsp.inbox_states USING btree (contact_id);

CREATE INDEX inbox_states_queue ON bsp.inbox_states USING btree (team_id, queued_at, conversation_id) WHERE ((queued_at IS NOT NULL) AND (status = 'active'::text) AND (snoozed_until IS NULL));

CREATE INDEX inbox_states_snoozed ON bsp.inbox_states USING btree (snoozed_until) WHERE (snoozed_until IS NOT NULL);

CREATE INDEX inbox_states_spam ON bsp.inbox_states USING btree (contact_id) WHERE (status = 'spam'::text);

CREATE INDEX ledger_audits_open ON bsp.ledger_audits USING btree (created_at) WHERE (status = 'running'::text);

CREATE INDEX ledger_audits_organization ON bsp.ledger_audits USING btree (organization_id, id);

CREATE UNIQUE INDEX ledger_audits_running ON bsp.ledger_audits USING btree (organization_id) WHERE (status = 'running'::text);

CREATE INDEX ledger_day_heads_day ON bsp.ledger_day_heads USING btree (day, organization_id, currency);

CREATE INDEX ledger_heads_month ON bsp.ledger_heads USING btree (month, organization_id, currency);

CREATE INDEX ledger_holds_due ON bsp.ledger_holds USING btree (expires_at, organization_id, reference) WHERE (state = 'open'::text);

CREATE INDEX ledger_holds_open ON bsp.ledger_holds USING btree (organization_id, reference) WHERE (state = 'open'::text);

CREATE UNIQUE INDEX legal_holds_once ON bsp.legal_holds USING btree (organization_id, COALESCE(contact_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE (released_at IS NULL);

CREATE INDEX legal_holds_organization ON bsp.legal_holds USING btree (organization_id, id);

CREATE INDEX list_history_contact ON bsp.list_history USING btree (contact_id, at);

CREATE INDEX log_seals_day ON bsp.log_seals USING btree (day, tenant_id);

CREATE INDEX login_attempts_end ON bsp.login_attempts USING btree (until);

CREATE INDEX mails_age ON bsp.mails USING brin (created_at);

CREATE INDEX mails_due ON bsp.mails USING btree (due_at) WHERE (status = 'waiting'::text);

CREATE INDEX mails_organization ON bsp.mails USING btree (organization_id, id);

CREATE INDEX media_contact ON bsp.media USING btree (contact_id) WHERE (contact_id IS NOT NULL);

CREATE INDEX media_deleted ON bsp.media USING btree (created_at) WHERE (status = 'deleted'::text);

CREATE INDEX media_due ON bsp.media USING btree (due_at) WHERE (status = 'waiting'::text);

CREATE INDEX media_organization ON bsp.media USING btree (organization_id, id);

CREATE INDEX media_same ON bsp.media USING btree (organization_id, sha256) WHERE ((contact_id IS NULL) AND (status = 'ready'::text));

CREATE INDEX mentions_age ON bsp.mentions USING brin (created_at);

CREATE INDEX mentions_conversation ON bsp.mentions USING btree (conversation_id, user_id) WHERE (seen_at IS NULL);

CREATE INDEX message_bills_behind ON bsp.message_bills USING btree (tariff_version, organization_id) WHERE (outcome = 'pending'::text);

CREATE INDEX message_bills_pending ON bsp.message_bills USING btree (organization_id, message_id, participant) WHERE (outcome = 'pending'::text);

CREATE INDEX message_reserves_age ON bsp.message_reserves USING btree (created_at);

CREATE INDEX message_search_age ON bsp.message_search USING brin (written_at);

CREATE INDEX message_search_contact ON bsp.message_search USING btree (contact_id);

CREATE INDEX message_search_conversation ON bsp.message_search USING btree (conversation_id, at DESC);

CREATE INDEX message_search_newest ON bsp.message_search USING btree (organization_id, at DESC);

CREATE INDEX message_search_next_contact_id_idx ON bsp.message_search_next USING btree (contact_id);

CREATE INDEX message_search_next_conversation_id_at_idx ON bsp.message_search_next USING btree (conversation_id, at DESC);

CREATE INDEX message_search_next_organization_id_at_idx ON bsp.message_search_next USING btree (organization_id, at DESC);

CREATE INDEX message_search_next_tokens_idx ON bsp.message_search_next USING gin (tokens) WITH (fastupdate='on', gin_pending_list_limit='16384');

CREATE INDEX message_search_next_written_at_idx ON bsp.message_search_next USING brin (written_at);

CREATE INDEX message_search_tokens ON bsp.message_search USING gin (tokens) WITH (fastupdate='on', gin_pending_list_limit='16384');

CREATE INDEX move_changes_of ON bsp.move_changes USING btree (organization_id, rel, id);

CREATE INDEX moves_due ON bsp.moves USING btree (due_at) WHERE (state <> ALL (ARRAY['dropped'::text, 'cancelled'::text]));

CREATE INDEX moves_of ON bsp.moves USING btree (organization_id, asked_at DESC);

CREATE UNIQUE INDEX moves_running ON bsp.moves USING btree (organization_id) WHERE (state <> ALL (ARRAY['living'::text, 'dropped'::text, 'cancelled'::text]));

CREATE INDEX number_registrations_number ON bsp.number_registrations USING btree (organization_id, phone_number_id, at);

CREATE INDEX object_removals_due ON bsp.object_removals USING btree (due_at);

CREATE INDEX parked_statuses_age ON bsp.parked_statuses USING btree (parked_at);

CREATE INDEX past_identities_contact ON bsp.past_identities USING btree (contact_id);

CREATE INDEX past_identities_phone ON bsp.past_identities USING btree (organization_id, phone_number, until) WHERE (phone_number IS NOT NULL);

CREATE INDEX past_identities_wa ON bsp.past_identities USING btree (organization_id, wa_user_id, until) WHERE (wa_user_id IS NOT NULL);

CREATE INDEX rate_cards_import ON bsp.rate_cards USING btree (import_id);

CREATE INDEX reach_returns_portfolio ON bsp.reach_returns USING btree (organization_id, portfolio, id);

CREATE INDEX reached_until ON bsp.reached USING btree (organization_id, portfolio, until) WHERE (until > '-infinity'::timestamp with time zone);

CREATE INDEX read_marks_contact ON bsp.read_marks USING btree (contact_id);

CREATE INDEX read_marks_due ON bsp.read_marks USING btree (due_at);

CREATE INDEX reconciliations_organization ON bsp.reconciliations USING btree (organization_id, id DESC);

CREATE INDEX response_clocks_next_organization_id_waiting_since_idx ON bsp.response_clocks_next USING btree (organization_id, waiting_since) WHERE (waiting_since IS NOT NULL);

CREATE INDEX response_clocks_waiting ON bsp.response_clocks USING btree (organization_id, waiting_since) WHERE (waiting_since IS NOT NULL);

CREATE INDEX response_times_at ON bsp.response_times USING btree (organization_id, at) INCLUDE (kind, user_id, by, team_id, account_id, seconds, business_seconds);

CREATE INDEX response_times_next_organization_id_at_kind_user_id_by_team_idx ON bsp.response_times_next USING btree (organization_id, at) INCLUDE (kind, user_id, by, team_id, account_id, seconds, business_seconds);

CREATE INDEX retired_contents_archive ON bsp.retired_contents USING btree (archive_id, seq_id);

CREATE INDEX send_queue_ahead ON bsp.send_queue USING btree (campaign_id) WHERE ((state < 2) AND (waits_for IS NULL));

CREATE INDEX send_queue_due ON bsp.send_queue USING btree (state, due_at);

CREATE INDEX send_queue_held ON bsp.send_queue USING btree (campaign_id) WHERE held;

CREATE INDEX send_queue_waiting ON bsp.send_queue USING btree (account_id, due_at, message_id) WHERE ((waits_for = 'waiting_for_limit'::text) AND (state = 0));

CREATE INDEX send_queue_waits ON bsp.send_queue USING btree (campaign_id, waits_for) WHERE ((state = 0) AND (waits_for IS NOT NULL));

CREATE INDEX signups_due ON bsp.signups USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE UNIQUE INDEX signups_open ON bsp.signups USING btree (organization_id, phone_number_id) WHERE (status = ANY (ARRAY['running'::text, 'waiting'::text]));

CREATE INDEX signups_organization ON bsp.signups USING btree (organization_id, id);

CREATE INDEX subscription_clock_due ON bsp.subscription_clock USING btree (due_at, organization_id) WHERE (due_at IS NOT NULL);

CREATE INDEX subscription_nudges_organization ON bsp.subscription_nudges USING btree (organization_id);

CREATE INDEX subscription_terms_at ON bsp.subscription_terms USING btree (organization_id, from_at);

CREATE UNIQUE INDEX suppressions_identity ON bsp.suppressions USING btree (organization_id, identity_hash) WHERE (lifted_at IS NULL);

CREATE INDEX team_accounts_team ON bsp.team_accounts USING btree (team_id);

CREATE UNIQUE INDEX teams_name ON bsp.teams USING btree (organization_id, name);

CREATE INDEX template_names_template ON bsp.template_names USING btree (template_id);

CREATE INDEX waiting_identity_news_age ON bsp.waiting_identity_news USING btree (parked_at);

CREATE INDEX waiting_identity_news_phone ON bsp.waiting_identity_news USING btree (organization_id, phone_number) WHERE (phone_number IS NOT NULL);

CREATE INDEX waiting_identity_news_wa ON bsp.waiting_identity_news USING btree (organization_id, wa_user_id) WHERE (wa_user_id IS NOT NULL);

CREATE INDEX webhook_cursors_due ON bsp.webhook_cursors USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX webhook_cursors_organization ON bsp.webhook_cursors USING btree (organization_id, webhook_id);

CREATE INDEX webhook_inbox_lane ON bsp.webhook_inbox USING btree (lane, journal_id);

CREATE INDEX webhook_journal_id ON ONLY bsp.webhook_journal USING btree (id);

CREATE INDEX webhook_notes_at ON bsp.webhook_notes USING btree (noted_at);

CREATE INDEX webhook_notes_waiting_digits ON bsp.webhook_notes USING btree (display_digits) WHERE ((released_at IS NULL) AND (display_digits IS NOT NULL));

CREATE INDEX webhook_notes_waiting_number ON bsp.webhook_notes USING btree (phone_number_id) WHERE ((released_at IS NULL) AND (phone_number_id IS NOT NULL));

CREATE INDEX webhook_notes_waiting_waba ON bsp.webhook_notes USING btree (waba_id) WHERE ((released_at IS NULL) AND (waba_id IS NOT NULL));

CREATE INDEX webhook_set_aside_age ON bsp.webhook_set_aside USING btree (set_aside_at);

CREATE INDEX webhook_set_aside_due ON bsp.webhook_set_aside USING btree (lane, next_at) WHERE (next_at IS NOT NULL);

CREATE INDEX webhook_set_aside_waiting ON bsp.webhook_set_aside USING btree (set_aside_at) WHERE (next_at IS NULL);

CREATE INDEX ai_conversations_age ON documents.ai_conversations USING btree (updated_at);

CREATE INDEX ai_conversations_contact ON documents.ai_conversations USING btree (contact_id);

CREATE INDEX ai_conversations_organization ON documents.ai_conversations USING btree (organization_id, updated_at DESC);

CREATE INDEX conversations_assigned ON documents.conversations USING btree (organization_id, assigned_to, status);

CREATE INDEX conversations_contact ON documents.conversations USING btree (contact_id);

CREATE INDEX conversations_expiry ON documents.conversations USING btree (expires_at);

CREATE INDEX conversations_latest ON documents.conversations USING btree (organization_id, last_message_at DESC, _id DESC);

CREATE INDEX conversations_mine ON documents.conversations USING btree (organization_id, assigned_to, last_message_at DESC, _id DESC) WHERE (assigned_to <> '00000000-0000-0000-0000-000000000000'::uuid);

CREATE INDEX conversations_unread ON documents.conversations USING btree (organization_id, last_message_at DESC, _id DESC) WHERE (unread > 0);

CREATE INDEX conversations_wa ON documents.conversations USING btree (wa_conversation_id) WHERE (wa_conversation_id IS NOT NULL);

CREATE INDEX message_logs_created ON documents.message_logs USING btree (organization_id, created_at DESC);

CREATE INDEX message_logs_expiry ON documents.message_logs USING brin (created_at);

CREATE INDEX message_logs_message ON documents.message_logs USING btree (message_id);

CREATE INDEX message_logs_type ON documents.message_logs USING btree (event_type);

CREATE INDEX messages_ai ON documents.messages USING btree (ai_processed) WHERE (ai_processed IS NOT NULL);

CREATE INDEX messages_amends ON documents.messages USING btree (amends) WHERE (amends IS NOT NULL);

CREATE INDEX messages_campaign ON documents.messages USING btree (campaign_id) WHERE (campaign_id IS NOT NULL);

CREATE INDEX messages_contact ON documents.messages USING btree (contact_id, created_at DESC);

CREATE INDEX messages_conversation ON documents.messages USING btree (conversation_id, created_at, _id);

CREATE INDEX messages_created ON documents.messages USING btree (organization_id, created_at DESC);

CREATE INDEX messages_status ON documents.messages USING btree (status, created_at);

CREATE INDEX messages_wa ON documents.messages USING btree (wa_message_id) WHERE (wa_message_id IS NOT NULL);

CREATE INDEX api_keys_organization ON public.api_keys USING btree (organization_id, id);

CREATE INDEX campaigns_active ON public.campaigns USING btree (status) WHERE (status = ANY (ARRAY['SCHEDULED'::text, 'RUNNING'::text, 'CANCELLED'::text]));

CREATE INDEX campaigns_organization ON public.campaigns USING btree (organization_id, id);

CREATE INDEX campaigns_retry_of ON public.campaigns USING btree (retry_of) WHERE (retry_of IS NOT NULL);

CREATE INDEX contact_list_items_contact ON public.contact_list_items USING btree (contact_id);

CREATE INDEX contact_lists_organization ON public.contact_lists USING btree (organization_id, id);

CREATE INDEX contacts_consent ON public.contacts USING btree (organization_id, consent_status, id) WHERE (consent_status <> ''::text);

CREATE INDEX contacts_custom ON public.contacts USING gin (organization_id, custom_fields jsonb_path_ops) WHERE (custom_fields <> '{}'::jsonb);

CREATE INDEX contacts_organization ON public.contacts USING btree (organization_id, id) WHERE (id <> '00000000-0000-0000-0000-000000000000'::uuid);

CREATE UNIQUE INDEX contacts_organization_id_phone_number_key ON public.contacts USING btree (organization_id, phone_number) WHERE (phone_number IS NOT NULL);

CREATE UNIQUE INDEX contacts_phone_key ON public.contacts USING btree (organization_id, phone_key) WHERE (phone_key IS NOT NULL);

CREATE INDEX contacts_tags ON public.contacts USING gin (organization_id, tags jsonb_path_ops) WHERE (tags <> '[]'::jsonb);

CREATE INDEX contacts_unkeyed ON public.contacts USING btree (organization_id, id) WHERE ((phone_key IS NULL) AND (phone_number ~ '^\+(52|54|55|225|229)'::text));

CREATE UNIQUE INDEX contacts_wa_user_id ON public.contacts USING btree (wa_user_id, organization_id) WHERE (wa_user_id IS NOT NULL);

CREATE INDEX contacts_words ON public.contacts USING gin (organization_id, bsp.contact_words(first_name, last_name, email) public.gin_trgm_ops) WHERE (bsp.contact_words(first_name, last_name, email) <> '  '::text);

CREATE UNIQUE INDEX pk_mt_events_stream_and_version ON public.mt_events USING btree (tenant_id, stream_id, version);

CREATE UNIQUE INDEX subscriptions_one ON public.subscriptions USING btree (organization_id) WHERE (status = ANY (ARRAY['active'::text, 'suspended'::text]));

CREATE INDEX subscriptions_organization ON public.subscriptions USING btree (organization_id, id);

CREATE INDEX subscriptions_plan ON public.subscriptions USING btree (plan_id);

CREATE INDEX templates_meta_name ON public.templates USING btree (organization_id, name, language);

CREATE UNIQUE INDEX templates_meta_template_id ON public.templates USING btree (organization_id, meta_template_id) WHERE (meta_template_id IS NOT NULL);

CREATE UNIQUE INDEX templates_name ON public.templates USING btree (account_id, name, language) WHERE (deleted_at IS NULL);

CREATE INDEX templates_organization ON public.templates USING btree (organization_id, id);

CREATE INDEX transactions_rare ON ONLY public.transactions USING btree (organization_id, category, type, id) WHERE ((type <> 'debit'::text) OR (category <> 'message'::text));

CREATE INDEX transactions_reference ON ONLY public.transactions USING btree (reference_id, organization_id, id) WHERE (reference_id IS NOT NULL);

CREATE INDEX users_organization ON public.users USING btree (organization_id, id);

CREATE INDEX webhooks_created_by_key ON public.webhooks USING btree (created_by_key) WHERE (created_by_key IS NOT NULL);

CREATE INDEX webhooks_organization ON public.webhooks USING btree (organization_id, id);

CREATE UNIQUE INDEX whatsapp_accounts_number ON public.whatsapp_accounts USING btree (organization_id, phone_number_id);

CREATE INDEX whatsapp_accounts_organization ON public.whatsapp_accounts USING btree (organization_id, id);

CREATE TRIGGER chain_act BEFORE INSERT ON bsp.audit_trail FOR EACH ROW EXECUTE FUNCTION bsp.chain_act();

ALTER TABLE bsp.audit_trail ENABLE ALWAYS TRIGGER chain_act;

CREATE TRIGGER charge_stays BEFORE UPDATE ON bsp.charges FOR EACH ROW EXECUTE FUNCTION bsp.charge_stays();

ALTER TABLE bsp.charges ENABLE ALWAYS TRIGGER charge_stays;

CREATE TRIGGER note_erased AFTER INSERT OR UPDATE OF contact_ids ON bsp.contact_erasures FOR EACH ROW EXECUTE FUNCTION bsp.note_erased();

CREATE TRIGGER count_added AFTER INSERT ON public.contact_list_items REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION bsp.count_list_items();

CREATE TRIGGER count_removed AFTER DELETE ON public.contact_list_items REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION bsp.count_list_items();

CREATE TRIGGER key_phone BEFORE INSERT OR UPDATE OF phone_number ON public.contacts FOR EACH ROW WHEN (((new.phone_number ~ '^\+(52|54|55|225|229)'::text) OR (new.phone_key IS NOT NULL))) EXECUTE FUNCTION bsp.key_phone();

CREATE TRIGGER note_joined AFTER INSERT ON public.contact_list_items REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION bsp.note_joined();

CREATE TRIGGER note_tags_changed AFTER UPDATE OF tags ON public.contacts FOR EACH ROW WHEN ((new.tags IS DISTINCT FROM old.tags)) EXECUTE FUNCTION bsp.note_tags();

CREATE TRIGGER note_tags_made AFTER INSERT ON public.contacts FOR EACH ROW WHEN ((new.tags <> '[]'::jsonb)) EXECUTE FUNCTION bsp.note_tags();

CREATE TRIGGER wake_webhooks AFTER UPDATE OF status ON public.organizations FOR EACH ROW WHEN (((new.status = 'active'::text) AND (old.status IS DISTINCT FROM new.status))) EXECUTE FUNCTION bsp.wake_webhooks_of_organization();

CREATE TRIGGER whatsapp_accounts_limited AFTER UPDATE OF messaging_limit ON public.whatsapp_accounts FOR EACH ROW WHEN (((old.messaging_limit = 2147483647) AND (new.messaging_limit <> 2147483647))) EXECUTE FUNCTION bsp.forget_reach();

ALTER TABLE ONLY bsp.ai_shadow_items
    ADD CONSTRAINT ai_shadow_items_shadow_id_fkey FOREIGN KEY (shadow_id) REFERENCES bsp.ai_shadows(id) ON DELETE CASCADE;

ALTER TABLE ONLY bsp.directory_challenges
    ADD CONSTRAINT directory_challenges_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES bsp.directory_organizations(organization_id);

ALTER TABLE ONLY bsp.directory_emails
    ADD CONSTRAINT directory_emails_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES bsp.directory_organizations(organization_id);

ALTER TABLE ONLY bsp.directory_keys
    ADD CONSTRAINT directory_keys_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES bsp.directory_organizations(organization_id);

ALTER TABLE ONLY bsp.directory_numbers
    ADD CONSTRAINT directory_numbers_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES bsp.directory_organizations(organization_id);

ALTER TABLE ONLY bsp.directory_second_factors
    ADD CONSTRAINT directory_second_factors_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES bsp.directory_organizations(organization_id);

ALTER TABLE ONLY bsp.directory_sessions
    ADD CONSTRAINT directory_sessions_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES bsp.directory_organizations(organization_id);

ALTER TABLE ONLY bsp.directory_tokens
    ADD CONSTRAINT directory_tokens_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES bsp.directory_organizations(organization_id);

ALTER TABLE ONLY bsp.erased_contacts
    ADD CONSTRAINT erased_contacts_erasure_id_fkey FOREIGN KEY (erasure_id) REFERENCES bsp.contact_erasures(contact_id) ON DELETE CASCADE;

ALTER TABLE ONLY bsp.import_rejects
    ADD CONSTRAINT import_rejects_import_id_fkey FOREIGN KEY (import_id) REFERENCES bsp.imports(id) ON DELETE CASCADE;

ALTER TABLE ONLY bsp.imports
    ADD CONSTRAINT imports_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id);

ALTER TABLE ONLY bsp.ledger_audits
    ADD CONSTRAINT ledger_audits_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id);

ALTER TABLE ONLY bsp.ledger_day_heads
    ADD CONSTRAINT ledger_day_heads_day_fkey FOREIGN KEY (day) REFERENCES bsp.ledger_days(day) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY bsp.log_days
    ADD CONSTRAINT log_days_key_id_fkey FOREIGN KEY (key_id) REFERENCES bsp.log_keys(key_id);

ALTER TABLE ONLY bsp.log_key_vouchers
    ADD CONSTRAINT log_key_vouchers_by_key_id_fkey FOREIGN KEY (by_key_id) REFERENCES bsp.log_keys(key_id);

ALTER TABLE ONLY bsp.log_key_vouchers
    ADD CONSTRAINT log_key_vouchers_key_id_fkey FOREIGN KEY (key_id) REFERENCES bsp.log_keys(key_id);

ALTER TABLE ONLY bsp.log_leaves
    ADD CONSTRAINT log_leaves_day_fkey FOREIGN KEY (day) REFERENCES bsp.log_days(day) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY bsp.log_seals
    ADD CONSTRAINT log_seals_day_fkey FOREIGN KEY (day) REFERENCES bsp.log_days(day) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY bsp.log_seals
    ADD CONSTRAINT log_seals_key_id_fkey FOREIGN KEY (key_id) REFERENCES bsp.log_keys(key_id);

ALTER TABLE ONLY bsp.media_at_meta
    ADD CONSTRAINT media_at_meta_media_id_fkey FOREIGN KEY (media_id) REFERENCES bsp.media(id) ON DELETE CASCADE;

ALTER TABLE ONLY bsp.past_identities
    ADD CONSTRAINT past_identities_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES public.contacts(id) ON DELETE CASCADE;

ALTER TABLE ONLY bsp.rates
    ADD CONSTRAINT rates_card_id_fkey FOREIGN KEY (card_id) REFERENCES bsp.rate_cards(id);

ALTER TABLE ONLY bsp.subscription_clock
    ADD CONSTRAINT subscription_clock_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id);

ALTER TABLE ONLY bsp.team_accounts
    ADD CONSTRAINT team_accounts_team_id_fkey FOREIGN KEY (team_id) REFERENCES bsp.teams(id) ON DELETE CASCADE;

ALTER TABLE ONLY bsp.team_members
    ADD CONSTRAINT team_members_team_id_fkey FOREIGN KEY (team_id) REFERENCES bsp.teams(id) ON DELETE CASCADE;

ALTER TABLE ONLY bsp.template_names
    ADD CONSTRAINT template_names_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.whatsapp_accounts(id);

ALTER TABLE ONLY bsp.webhook_cursors
    ADD CONSTRAINT webhook_cursors_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES public.webhooks(id) ON DELETE CASCADE;

ALTER TABLE ONLY bsp.webhook_held_events
    ADD CONSTRAINT webhook_held_events_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES public.webhooks(id) ON DELETE CASCADE;

ALTER TABLE ONLY bsp.webhook_held_keys
    ADD CONSTRAINT webhook_held_keys_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES public.webhooks(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.whatsapp_accounts(id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id);

ALTER TABLE ONLY public.campaigns
    ADD CONSTRAINT campaigns_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.whatsapp_accounts(id);

ALTER TABLE ONLY public.campaigns
    ADD CONSTRAINT campaigns_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id);

ALTER TABLE ONLY public.campaigns
    ADD CONSTRAINT campaigns_template_id_fkey FOREIGN KEY (template_id) REFERENCES public.templates(id);

ALTER TABLE ONLY public.contact_list_items
    ADD CONSTRAINT contact_list_items_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES public.contacts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.contact_list_items
    ADD CONSTRAINT contact_list_items_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.contact_lists(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.contact_lists
    ADD CONSTRAINT contact_lists_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id);

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id);

ALTER TABLE ONLY public.mt_events
    ADD CONSTRAINT fkey_mt_events_stream_id_tenant_id FOREIGN KEY (tenant_id, stream_id) REFERENCES public.mt_streams(tenant_id, id);

ALTER TABLE ONLY public.subscriptions
    ADD CONSTRAINT subscriptions_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id);

ALTER TABLE ONLY public.subscriptions
    ADD CONSTRAINT subscriptions_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES public.billing_plans(id);

ALTER TABLE ONLY public.templates
    ADD CONSTRAINT templates_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.whatsapp_accounts(id);

ALTER TABLE ONLY public.templates
    ADD CONSTRAINT templates_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id);

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id);

ALTER TABLE ONLY public.whatsapp_accounts
    ADD CONSTRAINT whatsapp_accounts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id);

CREATE POLICY account ON bsp.account_notices AS RESTRICTIVE USING (((( SELECT bsp.account() AS account) IS NULL) OR (account_id IS NULL) OR (account_id = ( SELECT bsp.account() AS account))));

CREATE POLICY account ON bsp.media AS RESTRICTIVE USING (((( SELECT bsp.account() AS account) IS NULL) OR (account_id IS NULL) OR (account_id = ( SELECT bsp.account() AS account))));

ALTER TABLE bsp.account_budget ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.account_counters_next ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.account_notices ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ai_bursts ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ai_prompts ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ai_settings ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ai_shadow_items ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ai_shadows ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ai_turns ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ai_usage ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ai_work ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.archive_parts ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.archive_restores ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.archives ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.audit_heads ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.audit_trail ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.campaign_audience ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.campaign_causes ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.campaign_cooldowns ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.campaign_dispatch ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.campaign_errors ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.campaign_firings ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.campaign_holds ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.campaign_progress ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.campaign_progress_next ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.campaign_retries ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.campaign_triggers ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.campaign_waves ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.canned_replies ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.charge_counters ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.charges ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.charging ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.contact_aliases ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.contact_counters_next ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.contact_erasures ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.contact_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.conversation_notes ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.conversation_search ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.conversation_search_next ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ended_uncharged ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.erased_contacts ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.evidence_acts ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.idempotency_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.import_rejects ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.imports ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.inbox_states ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ledger_audits ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ledger_day_heads ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ledger_days_before ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ledger_heads ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ledger_heads_told ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ledger_holds ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.ledger_nodes ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.legal_holds ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.list_history ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.log_places ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.log_places_next ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.log_seals ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.mails ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.media ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.media_at_meta ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.media_usage ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.mentions ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.message_bills ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.message_reserves ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.message_search ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.message_search_next ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.move_changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.move_ids ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.move_tables ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.moved_numbers_left ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.moved_pages ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.moves ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.moves_here ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.number_registrations ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.object_removals ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.parked_statuses ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.past_identities ENABLE ROW LEVEL SECURITY;

CREATE POLICY platform ON bsp.moves USING ((current_setting('bsp.platform'::text, true) = 'on'::text));

ALTER TABLE bsp.portfolios ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.reach_returns ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.reached ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.read_marks ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.reconciliations ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.response_clocks ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.response_clocks_next ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.response_times ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.response_times_next ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.retention_policies ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.retired_contents ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.search_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.send_queue ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.signups ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.snapshots ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.statement_days ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.subscription_clock ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.subscription_nudges ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.subscription_terms ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.suppression_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.suppressions ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.team_accounts ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.team_members ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.teams ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.template_names ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON bsp.account_budget USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.account_counters_next USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.account_notices USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ai_bursts USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ai_prompts USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ai_settings USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ai_shadow_items USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ai_shadows USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ai_turns USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ai_usage USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ai_work USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.archive_parts USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.archive_restores USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.archives USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.audit_heads USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.audit_trail USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.campaign_audience USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.campaign_causes USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.campaign_cooldowns USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.campaign_dispatch USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.campaign_errors USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.campaign_firings USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.campaign_holds USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.campaign_progress USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.campaign_progress_next USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.campaign_retries USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.campaign_triggers USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.campaign_waves USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.canned_replies USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.charge_counters USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.charges USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.charging USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.contact_aliases USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.contact_counters_next USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.contact_erasures USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.contact_keys USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.conversation_notes USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.conversation_search USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.conversation_search_next USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ended_uncharged USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.erased_contacts USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.evidence_acts USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.idempotency_keys USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.import_rejects USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.imports USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.inbox_states USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ledger_audits USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ledger_day_heads USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ledger_days_before USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ledger_heads USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ledger_heads_told USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ledger_holds USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.ledger_nodes USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.legal_holds USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.list_history USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.log_places USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.log_places_next USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.log_seals USING (((tenant_id)::text = ANY (( SELECT bsp.tenant_ids() AS tenant_ids)::text[])));

CREATE POLICY tenant ON bsp.mails USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.media USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.media_at_meta USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.media_usage USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.mentions USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.message_bills USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.message_reserves USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.message_search USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.message_search_next USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.move_changes USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.move_ids USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.move_tables USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.moved_numbers_left USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.moved_pages USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.moves USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.moves_here USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.number_registrations USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.object_removals USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.parked_statuses USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.past_identities USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.portfolios USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.reach_returns USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.reached USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.read_marks USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.reconciliations USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.response_clocks USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.response_clocks_next USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.response_times USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.response_times_next USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.retention_policies USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.retired_contents USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.search_keys USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.send_queue USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.signups USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.snapshots USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.statement_days USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.subscription_clock USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.subscription_nudges USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.subscription_terms USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.suppression_keys USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.suppressions USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.team_accounts USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.team_members USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.teams USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.template_names USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.waiting_identity_news USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.wamids USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.webhook_cursors USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.webhook_deliveries USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.webhook_held_events USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON bsp.webhook_held_keys USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

ALTER TABLE bsp.waiting_identity_news ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.wamids ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.webhook_cursors ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.webhook_deliveries ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.webhook_held_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE bsp.webhook_held_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE documents.ai_conversations ENABLE ROW LEVEL SECURITY;

ALTER TABLE documents.conversations ENABLE ROW LEVEL SECURITY;

ALTER TABLE documents.message_logs ENABLE ROW LEVEL SECURITY;

ALTER TABLE documents.messages ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON documents.ai_conversations USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON documents.conversations USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON documents.message_logs USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON documents.messages USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY account ON public.campaigns AS RESTRICTIVE USING (((( SELECT bsp.account() AS account) IS NULL) OR (account_id = ( SELECT bsp.account() AS account))));

CREATE POLICY account ON public.templates AS RESTRICTIVE USING (((( SELECT bsp.account() AS account) IS NULL) OR (account_id = ( SELECT bsp.account() AS account))));

CREATE POLICY account ON public.whatsapp_accounts AS RESTRICTIVE USING (((( SELECT bsp.account() AS account) IS NULL) OR (id = ( SELECT bsp.account() AS account))));

ALTER TABLE public.api_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.campaigns ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.contact_list_items ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.contact_lists ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.contacts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.mt_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.mt_streams ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.organizations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.subscriptions ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.templates ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON public.api_keys USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON public.campaigns USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON public.contact_list_items USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON public.contact_lists USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON public.contacts USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON public.mt_events USING (((tenant_id)::text = ANY (( SELECT bsp.tenant_ids() AS tenant_ids)::text[])));

CREATE POLICY tenant ON public.mt_streams USING (((tenant_id)::text = ANY (( SELECT bsp.tenant_ids() AS tenant_ids)::text[])));

CREATE POLICY tenant ON public.organizations USING ((id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON public.subscriptions USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON public.templates USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON public.transactions USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON public.users USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON public.webhooks USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

CREATE POLICY tenant ON public.whatsapp_accounts USING ((organization_id = ANY (( SELECT bsp.tenants() AS tenants)::uuid[])));

ALTER TABLE public.transactions ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhooks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.whatsapp_accounts ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA bsp TO bsp_app;

GRANT USAGE ON SCHEMA documents TO bsp_app;

GRANT ALL ON SCHEMA public TO bsp_owner;
GRANT USAGE ON SCHEMA public TO bsp_app;

REVOKE ALL ON FUNCTION bsp.account() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.account() TO bsp_app;

GRANT SELECT ON TABLE bsp.audit_trail TO bsp_app;

GRANT INSERT(organization_id) ON TABLE bsp.audit_trail TO bsp_app;

GRANT INSERT(id) ON TABLE bsp.audit_trail TO bsp_app;

GRANT INSERT(at) ON TABLE bsp.audit_trail TO bsp_app;

GRANT INSERT(act) ON TABLE bsp.audit_trail TO bsp_app;

GRANT INSERT(actor) ON TABLE bsp.audit_trail TO bsp_app;

GRANT INSERT(address) ON TABLE bsp.audit_trail TO bsp_app;

GRANT INSERT(target_type) ON TABLE bsp.audit_trail TO bsp_app;

GRANT INSERT(target_id) ON TABLE bsp.audit_trail TO bsp_app;

GRANT INSERT(changed) ON TABLE bsp.audit_trail TO bsp_app;

REVOKE ALL ON FUNCTION bsp.act_hash(p_before bytea, a bsp.audit_trail) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.act_hash(p_before bytea, a bsp.audit_trail) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.advance_webhooks(p_ids uuid[], p_terms bigint[], p_sequences bigint[], p_delivered bigint[], p_failed bigint[], p_latency bigint[], p_held integer[], p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.advance_webhooks(p_ids uuid[], p_terms bigint[], p_sequences bigint[], p_delivered bigint[], p_failed bigint[], p_latency bigint[], p_held integer[], p_now timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.ai_waiting(p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.ai_waiting(p_now timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.announce() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.announce() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.append(p_tenants text, p_at timestamp with time zone, s_tenant text[], s_id uuid[], s_type text[], c_items integer[], c_claim uuid[], c_correlation text[], c_causation text[], c_user text[], i_call integer[], i_stream integer[], i_expected bigint[], i_count integer[], e_item integer[], e_nth integer[], e_id uuid[], e_type text[], e_dotnet text[], e_data jsonb[], OUT verdicts integer[], OUT versions bigint[], OUT seqs bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.append(p_tenants text, p_at timestamp with time zone, s_tenant text[], s_id uuid[], s_type text[], c_items integer[], c_claim uuid[], c_correlation text[], c_causation text[], c_user text[], i_call integer[], i_stream integer[], i_expected bigint[], i_count integer[], e_item integer[], e_nth integer[], e_id uuid[], e_type text[], e_dotnet text[], e_data jsonb[], OUT verdicts integer[], OUT versions bigint[], OUT seqs bigint[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.append_batch(p_tenants text, p_at timestamp with time zone, p_in_order boolean, t_name text[], n_type text[], n_dotnet text[], s_tenant integer[], s_id uuid[], s_type text[], s_expected bigint[], s_version bigint[], c_items integer[], c_claim uuid[], c_correlation text[], c_causation text[], c_user text[], i_call integer[], i_stream integer[], i_expected bigint[], i_count integer[], e_item integer[], e_nth integer[], e_id uuid[], e_name integer[], e_data jsonb[], OUT verdicts integer[], OUT versions bigint[], OUT seqs bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.append_batch(p_tenants text, p_at timestamp with time zone, p_in_order boolean, t_name text[], n_type text[], n_dotnet text[], s_tenant integer[], s_id uuid[], s_type text[], s_expected bigint[], s_version bigint[], c_items integer[], c_claim uuid[], c_correlation text[], c_causation text[], c_user text[], i_call integer[], i_stream integer[], i_expected bigint[], i_count integer[], e_item integer[], e_nth integer[], e_id uuid[], e_name integer[], e_data jsonb[], OUT verdicts integer[], OUT versions bigint[], OUT seqs bigint[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.append_one(p_tenants text, p_at timestamp with time zone, p_tenant text, p_stream uuid, p_stream_type text, p_expected bigint, p_claim uuid, p_correlation text, p_causation text, p_user text, e_id uuid[], e_type text[], e_dotnet text[], e_data jsonb[], OUT verdict integer, OUT version bigint, OUT seqs bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.append_one(p_tenants text, p_at timestamp with time zone, p_tenant text, p_stream uuid, p_stream_type text, p_expected bigint, p_claim uuid, p_correlation text, p_causation text, p_user text, e_id uuid[], e_type text[], e_dotnet text[], e_data jsonb[], OUT verdict integer, OUT version bigint, OUT seqs bigint[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.apply_suppressions(organization uuid, identities text[], hashes bytea[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.apply_suppressions(organization uuid, identities text[], hashes bytea[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.archive_streams(p_tenant text, p_ids uuid[], p_versions bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.archive_streams(p_tenant text, p_ids uuid[], p_versions bigint[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.arriving_from() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.arriving_from() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.bounded_custom_fields(fields jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.bounded_custom_fields(fields jsonb) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.bounded_tags(tags jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.bounded_tags(tags jsonb) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.campaigns_to_drive(p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.campaigns_to_drive(p_now timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.canonical(p_fields text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.canonical(p_fields text[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.chain_act() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.chain_act() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.charge_stays() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.charge_stays() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.charging_behind(p_tariff bigint, p_now timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.charging_behind(p_tariff bigint, p_now timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.charging_trouble() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.charging_trouble() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.claim_webhooks(p_owner uuid, p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.claim_webhooks(p_owner uuid, p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.contact_words(first_name text, last_name text, email text) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.contact_words(first_name text, last_name text, email text) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.contacts_by_user_id(user_ids text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.contacts_by_user_id(user_ids text[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.content_field(p_type text) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.content_field(p_type text) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.count_list_items() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.count_list_items() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.count_reach(p_organization uuid, p_portfolio text, p_now timestamp with time zone, p_hold interval) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.count_reach(p_organization uuid, p_portfolio text, p_now timestamp with time zone, p_hold interval) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.destroy_keys(p_organization uuid, p_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.destroy_keys(p_organization uuid, p_ids uuid[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.due_snoozes(p_now timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.due_snoozes(p_now timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[], said timestamp with time zone[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[], said timestamp with time zone[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.entitlement_use(p_organization uuid, p_feature text, p_since timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.entitlement_use(p_organization uuid, p_feature text, p_since timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.erase_contacts(organization uuid, ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.erase_contacts(organization uuid, ids uuid[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.fence() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.fence() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.find_appended(p_tenants text, i_tenant text[], i_stream uuid[], i_last uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.find_appended(p_tenants text, i_tenant text[], i_stream uuid[], i_last uuid[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.first_sealable(p_after bigint, p_up_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.first_sealable(p_after bigint, p_up_to bigint) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.forget_places_next() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.forget_places_next() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.forget_reach() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.forget_reach() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.is_held(p_organization uuid, p_contacts uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.is_held(p_organization uuid, p_contacts uuid[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.is_mover() FROM PUBLIC;

REVOKE ALL ON FUNCTION bsp.is_moving() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.is_moving() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.journal_drop_before(p_before date) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.journal_drop_before(p_before date) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.journal_make_partitions(p_from date, p_days integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.journal_make_partitions(p_from date, p_days integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.journal_redact(p_id bigint, p_received_at timestamp with time zone, p_body bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.journal_redact(p_id bigint, p_received_at timestamp with time zone, p_body bytea) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.keep_webhooks(p_owner uuid, p_ids uuid[], p_terms bigint[], p_versions bigint[], p_now timestamp with time zone, p_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.keep_webhooks(p_owner uuid, p_ids uuid[], p_terms bigint[], p_versions bigint[], p_now timestamp with time zone, p_until timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.key_phone() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.key_phone() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.known_spellings(organization uuid, phones text[], said timestamp with time zone[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.known_spellings(organization uuid, phones text[], said timestamp with time zone[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.last_event(p_up_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.last_event(p_up_to bigint) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.last_sealable(p_after bigint, p_up_to bigint, p_before timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.last_sealable(p_after bigint, p_up_to bigint, p_before timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.learn_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[], said timestamp with time zone[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.learn_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[], said timestamp with time zone[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.lease_erasure(seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.lease_erasure(seconds integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.lease_import(owner uuid, seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.lease_import(owner uuid, seconds integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.lease_ledger_audit(p_owner uuid, p_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.lease_ledger_audit(p_owner uuid, p_seconds integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.ledger_due_holds(p_at timestamp with time zone, p_after timestamp with time zone, p_after_organization uuid, p_after_reference text, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.ledger_due_holds(p_at timestamp with time zone, p_after timestamp with time zone, p_after_organization uuid, p_after_reference text, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.ledger_entry_at(p_tenant text, p_stream uuid, p_size bigint, p_at text) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.ledger_entry_at(p_tenant text, p_stream uuid, p_size bigint, p_at text) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.ledger_heads_of_all(p_after_organization uuid, p_after_currency text, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.ledger_heads_of_all(p_after_organization uuid, p_after_currency text, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.ledger_heads_untold(p_day date, p_after_organization uuid, p_after_currency text, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.ledger_heads_untold(p_day date, p_after_organization uuid, p_after_currency text, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.ledger_idle(p_before text, p_after_month text, p_after_organization uuid, p_after_currency text, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.ledger_idle(p_before text, p_after_month text, p_after_organization uuid, p_after_currency text, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.ledger_make_partitions(p_from date, p_months integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.ledger_make_partitions(p_from date, p_months integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.limit_waiters() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.limit_waiters() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.log_sequence_at(p_time timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.log_sequence_at(p_time timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.log_tenants() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.log_tenants() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.merge_contacts(organization uuid, survivor uuid, absorbed uuid, at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.merge_contacts(organization uuid, survivor uuid, absorbed uuid, at timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.meta_template_free(meta_id text, template uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.meta_template_free(meta_id text, template uuid) TO bsp_app;

GRANT SELECT,INSERT ON TABLE public.mt_events TO bsp_app;

REVOKE ALL ON FUNCTION bsp.move_events(p_organization uuid, p_after bigint, p_up_to bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION bsp.move_page(p_organization uuid, p_after bigint, p_final bigint, p_blocks integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION bsp.moved_away() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.moved_away() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.moved_number(p_organization uuid, p_number bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.moved_number(p_organization uuid, p_number bigint) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.note_erased() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.note_erased() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.note_joined() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.note_joined() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.note_places(p_after bigint, p_up_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.note_places(p_after bigint, p_up_to bigint) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.note_places_next(p_after bigint, p_up_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.note_places_next(p_after bigint, p_up_to bigint) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.note_tags() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.note_tags() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.number_confirmed(p_phone_number_id text, p_organization_id uuid, p_account_id uuid, p_display_digits text) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.number_confirmed(p_phone_number_id text, p_organization_id uuid, p_account_id uuid, p_display_digits text) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.numbers_doubted_again(p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.numbers_doubted_again(p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.numbers_waited_for(p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.numbers_waited_for(p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.on_arriving() FROM PUBLIC;

REVOKE ALL ON FUNCTION bsp.on_leaving() FROM PUBLIC;

REVOKE ALL ON FUNCTION bsp.organizations_with_teams(p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.organizations_with_teams(p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.parked_drop_before(p_before timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.parked_drop_before(p_before timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.parked_now_known(p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.parked_now_known(p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.parked_trim(p_keep integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.parked_trim(p_keep integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.phone_key(phone text) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.phone_key(phone text) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.phone_spellings(phone text) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.phone_spellings(phone text) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.places_of(p_after bigint, p_up_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.places_of(p_after bigint, p_up_to bigint) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.portfolio_of(p_business text, p_waba text) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.portfolio_of(p_business text, p_waba text) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.reach_room(p_organization uuid, p_portfolio text, p_limit integer, p_now timestamp with time zone, p_hold interval) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.reach_room(p_organization uuid, p_portfolio text, p_limit integer, p_now timestamp with time zone, p_hold interval) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.read_log(p_after bigint, p_up_to bigint, p_types text[], p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.read_log(p_after bigint, p_up_to bigint, p_types text[], p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.read_organization(p_tenant text, p_after bigint, p_up_to bigint, p_types text[], p_correlation text, p_causation text, p_limit integer, p_without text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.read_organization(p_tenant text, p_after bigint, p_up_to bigint, p_types text[], p_correlation text, p_causation text, p_limit integer, p_without text[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.read_sealable(p_after bigint, p_up_to bigint, p_tenant text, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.read_sealable(p_after bigint, p_up_to bigint, p_tenant text, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.read_seals(p_day date) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.read_seals(p_day date) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.release_webhook(p_id uuid, p_term bigint, p_now timestamp with time zone, p_pause timestamp with time zone, p_next timestamp with time zone, p_failures integer, p_first_failed timestamp with time zone, p_error text) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.release_webhook(p_id uuid, p_term bigint, p_now timestamp with time zone, p_pause timestamp with time zone, p_next timestamp with time zone, p_failures integer, p_first_failed timestamp with time zone, p_error text) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.renew_webhooks(p_owner uuid, p_ids uuid[], p_terms bigint[], p_versions bigint[], p_now timestamp with time zone, p_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.renew_webhooks(p_owner uuid, p_ids uuid[], p_terms bigint[], p_versions bigint[], p_now timestamp with time zone, p_until timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.require_tenant(p_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.require_tenant(p_tenant text) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.reserves_orphaned(p_before timestamp with time zone, p_over timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.reserves_orphaned(p_before timestamp with time zone, p_over timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.restore_streams(p_tenant text, p_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.restore_streams(p_tenant text, p_ids uuid[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.retention_exceptions() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.retention_exceptions() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.retire_contents(p_organization uuid, p_archive uuid, p_streams uuid[], p_types text[], p_before timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.retire_contents(p_organization uuid, p_archive uuid, p_streams uuid[], p_types text[], p_before timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.retired_archives(p_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.retired_archives(p_tenant text) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.retired_digest(p_archive uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.retired_digest(p_archive uuid) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.run_without_gap(p_after bigint, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.run_without_gap(p_after bigint, p_limit integer) TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.contacts TO bsp_app;

REVOKE ALL ON FUNCTION bsp.search_contacts(words text, phone_from text, phone_to text, tag text, consent text, email text, email_words text, custom jsonb, custom_typed jsonb, after_id uuid, after_phone text, row_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.search_contacts(words text, phone_from text, phone_to text, tag text, consent text, email text, email_words text, custom jsonb, custom_typed jsonb, after_id uuid, after_phone text, row_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.search_messages(p_tokens integer[], p_before bigint, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.search_messages(p_tokens integer[], p_before bigint, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.search_names(p_tokens integer[], p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.search_names(p_tokens integer[], p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.search_newer(p_tokens integer[], p_conversations uuid[], p_after bigint[], p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.search_newer(p_tokens integer[], p_conversations uuid[], p_after bigint[], p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.secure_by_tenant(target regclass) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.secure_by_tenant(target regclass) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.sending_owners() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.sending_owners() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.sends_due(p_state smallint, p_before timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.sends_due(p_state smallint, p_before timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.sends_due(p_state smallint, p_before timestamp with time zone, p_limit integer, p_statuses text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.sends_due(p_state smallint, p_before timestamp with time zone, p_limit integer, p_statuses text[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.sends_of_owner(p_owner uuid, p_before timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.sends_of_owner(p_owner uuid, p_before timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.settle_contacts() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.settle_contacts() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.subscriptions_due(p_now timestamp with time zone, p_after timestamp with time zone, p_after_organization uuid, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.subscriptions_due(p_now timestamp with time zone, p_after timestamp with time zone, p_after_organization uuid, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.subscriptions_nudged(p_after uuid, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.subscriptions_nudged(p_after uuid, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.swap_places() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.swap_places() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.swap_search() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.swap_search() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.sweep_account_notices(p_before timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.sweep_account_notices(p_before timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.sweep_ai(p_shadows_before timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.sweep_ai(p_shadows_before timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.sweep_imports(p_before timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.sweep_imports(p_before timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.sweep_inbox(p_notes_before timestamp with time zone, p_mentions_before timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.sweep_inbox(p_notes_before timestamp with time zone, p_mentions_before timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.sweep_mails(p_before timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.sweep_mails(p_before timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.sweep_media(p_before timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.sweep_media(p_before timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.sweep_search(p_before timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.sweep_search(p_before timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.take_ai_shadow(p_now timestamp with time zone, p_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.take_ai_shadow(p_now timestamp with time zone, p_until timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.take_ai_turns(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.take_ai_turns(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.take_mails(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer, p_each integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.take_mails(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer, p_each integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.take_media(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer, p_each integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.take_media(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer, p_each integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.take_object_removals(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.take_object_removals(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.take_reach(p_organization uuid, p_portfolio text, p_limit integer, p_contacts uuid[], p_messages uuid[], p_now timestamp with time zone, p_hold interval, p_fresh timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.take_reach(p_organization uuid, p_portfolio text, p_limit integer, p_contacts uuid[], p_messages uuid[], p_now timestamp with time zone, p_hold interval, p_fresh timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.take_read_marks(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.take_read_marks(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.take_signups(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.take_signups(p_now timestamp with time zone, p_until timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.tenant_ids() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.tenant_ids() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.tenants() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.tenants() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.the_tenant() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.the_tenant() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.unkeyed_contacts(only_organization uuid, after_organization uuid, after_id uuid, row_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.unkeyed_contacts(only_organization uuid, after_organization uuid, after_id uuid, row_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.unsealed(p_after bigint, p_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.unsealed(p_after bigint, p_tenant text) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.uuid7_floor(p_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.uuid7_floor(p_at timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.uuid_of_day(p_day date) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.uuid_of_day(p_day date) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.wake_waiters(p_organization uuid, p_account uuid, p_count integer, p_now timestamp with time zone, p_statuses text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.wake_waiters(p_organization uuid, p_account uuid, p_count integer, p_now timestamp with time zone, p_statuses text[]) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.wake_webhooks(p_organizations uuid[], p_types text[], p_up_to bigint[], p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.wake_webhooks(p_organizations uuid[], p_types text[], p_up_to bigint[], p_now timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.wake_webhooks_of(p_organizations uuid[], p_types text[], p_up_to bigint[], p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.wake_webhooks_of(p_organizations uuid[], p_types text[], p_up_to bigint[], p_now timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.wake_webhooks_of_organization() FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.wake_webhooks_of_organization() TO bsp_app;

REVOKE ALL ON FUNCTION bsp.webhook_deliveries_drop_before(p_before date) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.webhook_deliveries_drop_before(p_before date) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.webhook_deliveries_make_partitions(p_from date, p_days integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.webhook_deliveries_make_partitions(p_from date, p_days integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.webhook_may(p_webhook uuid, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.webhook_may(p_webhook uuid, p_now timestamp with time zone) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.webhook_waiting(p_organization uuid, p_after bigint, p_types text[], p_limit integer, OUT waiting integer, OUT more boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.webhook_waiting(p_organization uuid, p_after bigint, p_types text[], p_limit integer, OUT waiting integer, OUT more boolean) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.webhooks_outdated(p_catalogue text, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.webhooks_outdated(p_catalogue text, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION bsp.webhooks_release(p_phone_number_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION bsp.webhooks_release(p_phone_number_id text) TO bsp_app;

REVOKE ALL ON FUNCTION documents.begin_next() FROM PUBLIC;
GRANT ALL ON FUNCTION documents.begin_next() TO bsp_app;

REVOKE ALL ON FUNCTION documents.drop_next() FROM PUBLIC;
GRANT ALL ON FUNCTION documents.drop_next() TO bsp_app;

REVOKE ALL ON FUNCTION documents.swap_next() FROM PUBLIC;
GRANT ALL ON FUNCTION documents.swap_next() TO bsp_app;

REVOKE ALL ON FUNCTION documents.sweep_logs(p_before timestamp with time zone, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION documents.sweep_logs(p_before timestamp with time zone, p_limit integer) TO bsp_app;

REVOKE ALL ON FUNCTION documents.view_tables() FROM PUBLIC;
GRANT ALL ON FUNCTION documents.view_tables() TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_archive_stream(streamid uuid, tenantid character varying) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_archive_stream(streamid uuid, tenantid character varying) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_grams_array(words text, use_unaccent boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_grams_array(words text, use_unaccent boolean) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_grams_query(text, use_unaccent boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_grams_query(text, use_unaccent boolean) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_grams_vector(text, use_unaccent boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_grams_vector(text, use_unaccent boolean) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_immutable_date(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_immutable_date(value text) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_immutable_time(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_immutable_time(value text) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_immutable_timestamp(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_immutable_timestamp(value text) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_immutable_timestamptz(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_immutable_timestamptz(value text) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_jsonb_append(jsonb, text[], jsonb, boolean, jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_jsonb_append(jsonb, text[], jsonb, boolean, jsonb) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_jsonb_append_key_value(jsonb, text[], jsonb, boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_jsonb_append_key_value(jsonb, text[], jsonb, boolean) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_jsonb_copy(jsonb, text[], text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_jsonb_copy(jsonb, text[], text[]) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_jsonb_duplicate(jsonb, text[], jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_jsonb_duplicate(jsonb, text[], jsonb) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_jsonb_fix_null_parent(jsonb, text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_jsonb_fix_null_parent(jsonb, text[]) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_jsonb_increment(jsonb, text[], numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_jsonb_increment(jsonb, text[], numeric) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_jsonb_insert(jsonb, text[], jsonb, integer, boolean, jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_jsonb_insert(jsonb, text[], jsonb, integer, boolean, jsonb) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_jsonb_move(jsonb, text[], text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_jsonb_move(jsonb, text[], text) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_jsonb_patch(jsonb, jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_jsonb_patch(jsonb, jsonb) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_jsonb_path_to_array(text, character) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_jsonb_path_to_array(text, character) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_jsonb_remove(jsonb, text[], jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_jsonb_remove(jsonb, text[], jsonb) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_jsonb_remove_key(jsonb, text[], text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_jsonb_remove_key(jsonb, text[], text) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_mark_event_progression(name character varying, last_encountered bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_mark_event_progression(name character varying, last_encountered bigint) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_mark_progression_with_skip(shard_name character varying, ending_sequence bigint, starting_sequence bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_mark_progression_with_skip(shard_name character varying, ending_sequence bigint, starting_sequence bigint) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_quick_append_events(stream uuid, stream_type character varying, tenantid character varying, event_ids uuid[], event_types character varying[], dotnet_types character varying[], bodies jsonb[], bdatas bytea[], causation_ids character varying[], correlation_ids character varying[], headers jsonb[], user_names character varying[], timestamps timestamp with time zone[], expected_version bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_quick_append_events(stream uuid, stream_type character varying, tenantid character varying, event_ids uuid[], event_types character varying[], dotnet_types character varying[], bodies jsonb[], bdatas bytea[], causation_ids character varying[], correlation_ids character varying[], headers jsonb[], user_names character varying[], timestamps timestamp with time zone[], expected_version bigint) TO bsp_app;

REVOKE ALL ON FUNCTION public.mt_safe_unaccent(use_unaccent boolean, word text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mt_safe_unaccent(use_unaccent boolean, word text) TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.account_budget TO bsp_app;

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE bsp.account_counters_next TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.account_notices TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.ai_bursts TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.ai_prompts TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.ai_settings TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.ai_shadow_items TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.ai_shadows TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.ai_turns TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.ai_usage TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.ai_work TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.archive_parts TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.archive_progress TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.archive_restores TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.archives TO bsp_app;

GRANT SELECT ON TABLE bsp.audit_heads TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.campaign_audience TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.campaign_causes TO bsp_app;

GRANT SELECT,USAGE ON SEQUENCE bsp.campaign_causes_id_seq TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.campaign_cooldowns TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.campaign_dispatch TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.campaign_errors TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.campaign_firings TO bsp_app;

GRANT SELECT,USAGE ON SEQUENCE bsp.campaign_firings_id_seq TO bsp_app;

GRANT SELECT,INSERT,UPDATE ON TABLE bsp.campaign_holds TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.campaign_progress TO bsp_app;

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE bsp.campaign_progress_next TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.campaign_retries TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.campaign_triggers TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.campaign_waves TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.canned_replies TO bsp_app;

GRANT SELECT,INSERT,UPDATE ON TABLE bsp.charge_counters TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.charges TO bsp_app;

GRANT UPDATE(currency) ON TABLE bsp.charges TO bsp_app;

GRANT UPDATE(state) ON TABLE bsp.charges TO bsp_app;

GRANT UPDATE(type) ON TABLE bsp.charges TO bsp_app;

GRANT UPDATE(category) ON TABLE bsp.charges TO bsp_app;

GRANT UPDATE(amount) ON TABLE bsp.charges TO bsp_app;

GRANT UPDATE(refunded) ON TABLE bsp.charges TO bsp_app;

GRANT UPDATE(entry_id) ON TABLE bsp.charges TO bsp_app;

GRANT UPDATE(of_reference) ON TABLE bsp.charges TO bsp_app;

GRANT UPDATE(of_kind) ON TABLE bsp.charges TO bsp_app;

GRANT UPDATE(evidence) ON TABLE bsp.charges TO bsp_app;

GRANT UPDATE(updated_at) ON TABLE bsp.charges TO bsp_app;

GRANT SELECT,INSERT,UPDATE ON TABLE bsp.charging TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.contact_aliases TO bsp_app;

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE bsp.contact_counters_next TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.contact_erasures TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.contact_keys TO bsp_app;

GRANT UPDATE(wrapped_key) ON TABLE bsp.contact_keys TO bsp_app;

GRANT UPDATE(master_key_id) ON TABLE bsp.contact_keys TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.conversation_notes TO bsp_app;

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE bsp.conversation_search TO bsp_app;

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE bsp.conversation_search_next TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.directory_challenges TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.directory_emails TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.directory_keys TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.directory_numbers TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.directory_organizations TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.directory_second_factors TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.directory_sessions TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.directory_tokens TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.ended_uncharged TO bsp_app;

GRANT SELECT ON TABLE bsp.erased_contacts TO bsp_app;

GRANT SELECT ON TABLE bsp.evidence_acts TO bsp_app;

GRANT SELECT,USAGE ON SEQUENCE bsp.evidence_acts_id_seq TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.idempotency_keys TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.import_rejects TO bsp_app;

GRANT INSERT(import_id) ON TABLE bsp.import_rows_staged TO bsp_app;

GRANT INSERT("row") ON TABLE bsp.import_rows_staged TO bsp_app;

GRANT INSERT(line) ON TABLE bsp.import_rows_staged TO bsp_app;

GRANT INSERT(fields) ON TABLE bsp.import_rows_staged TO bsp_app;

GRANT INSERT(fault) ON TABLE bsp.import_rows_staged TO bsp_app;

GRANT SELECT,DELETE ON TABLE bsp.import_rows TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.imports TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.inbox_states TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.ledger_audits TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.ledger_day_heads TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.ledger_days TO bsp_app;

GRANT SELECT ON TABLE bsp.ledger_days_before TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.ledger_heads TO bsp_app;

GRANT UPDATE(month) ON TABLE bsp.ledger_heads TO bsp_app;

GRANT UPDATE(size) ON TABLE bsp.ledger_heads TO bsp_app;

GRANT UPDATE(hash) ON TABLE bsp.ledger_heads TO bsp_app;

GRANT UPDATE(balance) ON TABLE bsp.ledger_heads TO bsp_app;

GRANT UPDATE(held) ON TABLE bsp.ledger_heads TO bsp_app;

GRANT UPDATE(tree) ON TABLE bsp.ledger_heads TO bsp_app;

GRANT UPDATE(last_at) ON TABLE bsp.ledger_heads TO bsp_app;

GRANT UPDATE("position") ON TABLE bsp.ledger_heads TO bsp_app;

GRANT UPDATE(reserved) ON TABLE bsp.ledger_heads TO bsp_app;

GRANT UPDATE(low) ON TABLE bsp.ledger_heads TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.ledger_heads_told TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.ledger_holds TO bsp_app;

GRANT UPDATE(remaining) ON TABLE bsp.ledger_holds TO bsp_app;

GRANT UPDATE(state) ON TABLE bsp.ledger_holds TO bsp_app;

GRANT UPDATE(updated_at) ON TABLE bsp.ledger_holds TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.ledger_nodes TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.legal_holds TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.list_history TO bsp_app;

GRANT SELECT,USAGE ON SEQUENCE bsp.list_history_id_seq TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.log_days TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.log_key_vouchers TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.log_keys TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.log_leaves TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.log_places TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.log_places_next TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.log_seals TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.login_attempts TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.mails TO bsp_app;

GRANT SELECT ON TABLE bsp.markets TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.media TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.media_at_meta TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.media_usage TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.mentions TO bsp_app;

GRANT SELECT,INSERT,UPDATE ON TABLE bsp.message_bills TO bsp_app;

GRANT SELECT,INSERT,DELETE ON TABLE bsp.message_reserves TO bsp_app;

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE bsp.message_search TO bsp_app;

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE bsp.message_search_next TO bsp_app;

GRANT SELECT ON TABLE bsp.move_changes TO bsp_app;

GRANT SELECT,USAGE ON SEQUENCE bsp.move_changes_id_seq TO bsp_app;

GRANT SELECT ON TABLE bsp.move_ids TO bsp_app;

GRANT SELECT ON TABLE bsp.move_tables TO bsp_app;

GRANT SELECT ON TABLE bsp.moved_numbers_left TO bsp_app;

GRANT SELECT ON TABLE bsp.moved_pages TO bsp_app;

GRANT SELECT,INSERT,UPDATE ON TABLE bsp.moves TO bsp_app;

GRANT SELECT ON TABLE bsp.moves_here TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.number_registrations TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.object_removals TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.parked_events TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.parked_statuses TO bsp_app;

GRANT SELECT,USAGE ON SEQUENCE bsp.parked_statuses_id_seq TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.past_identities TO bsp_app;

GRANT SELECT,USAGE ON SEQUENCE bsp.past_identities_id_seq TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.portfolios TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.projection_parts TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.projections TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.rate_cards TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.rate_rules TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.rates TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.reach_returns TO bsp_app;

GRANT SELECT,USAGE ON SEQUENCE bsp.reach_returns_id_seq TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.reached TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.read_marks TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.reconciled TO bsp_app;

GRANT SELECT,INSERT,DELETE ON TABLE bsp.reconciliations TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.response_clocks TO bsp_app;

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE bsp.response_clocks_next TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.response_times TO bsp_app;

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE bsp.response_times_next TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.retention_policies TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.retention_rounds TO bsp_app;

GRANT SELECT ON TABLE bsp.retired_contents TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.search_keys TO bsp_app;

GRANT UPDATE(wrapped_key) ON TABLE bsp.search_keys TO bsp_app;

GRANT UPDATE(master_key_id) ON TABLE bsp.search_keys TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.send_queue TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.sending_switch TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.signups TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.snapshots TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.statement_days TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.subscription_clock TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.subscription_nudges TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.subscription_terms TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.suppression_keys TO bsp_app;

GRANT UPDATE(wrapped_key) ON TABLE bsp.suppression_keys TO bsp_app;

GRANT UPDATE(master_key_id) ON TABLE bsp.suppression_keys TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.suppressions TO bsp_app;

GRANT UPDATE(lifted_at) ON TABLE bsp.suppressions TO bsp_app;

GRANT UPDATE(lifted_by) ON TABLE bsp.suppressions TO bsp_app;

GRANT SELECT,UPDATE ON TABLE bsp.tariff_version TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.team_accounts TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.team_members TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.teams TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.template_names TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.waiting_identity_news TO bsp_app;

GRANT SELECT,USAGE ON SEQUENCE bsp.waiting_identity_news_id_seq TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.wamids TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.webhook_cursors TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.webhook_deliveries TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.webhook_held_events TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.webhook_held_keys TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.webhook_inbox TO bsp_app;

GRANT SELECT,INSERT ON TABLE bsp.webhook_journal TO bsp_app;

GRANT SELECT,USAGE ON SEQUENCE bsp.webhook_journal_id_seq TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.webhook_notes TO bsp_app;

GRANT SELECT,USAGE ON SEQUENCE bsp.webhook_notes_id_seq TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE bsp.webhook_set_aside TO bsp_app;

GRANT SELECT,USAGE ON SEQUENCE bsp.webhook_set_aside_id_seq TO bsp_app;

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE documents.ai_conversations TO bsp_app;

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE documents.conversations TO bsp_app;

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE documents.message_logs TO bsp_app;

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE documents.messages TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.api_keys TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.billing_plans TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.campaigns TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.contact_list_items TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.contact_lists TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.mt_doc_deadletterevent TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.mt_event_progression TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.mt_event_projection_floors TO bsp_app;

GRANT SELECT,USAGE ON SEQUENCE public.mt_events_sequence TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.mt_high_water_skips TO bsp_app;

GRANT SELECT,INSERT ON TABLE public.mt_streams TO bsp_app;

GRANT UPDATE(version) ON TABLE public.mt_streams TO bsp_app;

GRANT UPDATE("timestamp") ON TABLE public.mt_streams TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.organizations TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.subscriptions TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.templates TO bsp_app;

GRANT SELECT,INSERT ON TABLE public.transactions TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.users TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhooks TO bsp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.whatsapp_accounts TO bsp_app;

ALTER DEFAULT PRIVILEGES FOR ROLE bsp_owner IN SCHEMA bsp GRANT SELECT,USAGE ON SEQUENCES  TO bsp_app;

ALTER DEFAULT PRIVILEGES FOR ROLE bsp_owner IN SCHEMA bsp GRANT ALL ON FUNCTIONS  TO bsp_app;

ALTER DEFAULT PRIVILEGES FOR ROLE bsp_owner IN SCHEMA bsp GRANT SELECT,INSERT,DELETE,UPDATE ON TABLES  TO bsp_app;

ALTER DEFAULT PRIVILEGES FOR ROLE bsp_owner IN SCHEMA public GRANT SELECT,USAGE ON SEQUENCES  TO bsp_app;

ALTER DEFAULT PRIVILEGES FOR ROLE bsp_owner IN SCHEMA public GRANT ALL ON FUNCTIONS  TO bsp_app;

ALTER DEFAULT PRIVILEGES FOR ROLE bsp_owner IN SCHEMA public GRANT SELECT,INSERT,DELETE,UPDATE ON TABLES  TO bsp_app;

ALTER DEFAULT PRIVILEGES FOR ROLE bsp_owner REVOKE ALL ON FUNCTIONS  FROM PUBLIC;
