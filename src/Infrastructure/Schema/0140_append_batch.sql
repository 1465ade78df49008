-- Appending at half the price; docs/decisions/0125. A lane's rows satisfy the log's foreign key by their making: each stream row is written or moved, and counted, by the
-- statement that writes its events. Checking it row by row again was more than a third of a batch's time. So lanes may switch the firing of triggers off for their own
-- session (PostgreSQL 15 can grant that); who may not, because this migration ran without the right to grant it, checks as before.
DO $$ BEGIN
  IF NOT has_parameter_privilege('bsp_app', 'session_replication_role', 'SET') THEN
    EXECUTE 'GRANT SET ON PARAMETER session_replication_role TO bsp_app';
  END IF;
EXCEPTION
  WHEN insufficient_privilege THEN RAISE NOTICE 'bsp_app may not set session_replication_role: appends go on checking foreign keys; a superuser can GRANT SET ON PARAMETER session_replication_role TO bsp_app';
  WHEN internal_error OR unique_violation THEN NULL; -- the grant belongs to the server: another of its databases, migrated at this moment, has made it
END $$;

SET ROLE bsp_owner;

-- bsp.append once more, with names given once (t_*: tenants, n_*: events' types) and a short way. Streams (s_*) are distinct and sorted; items (i_*: one stream of one
-- call) stand in the order of calls (c_*); events (e_*) stand in the order of streams, then items.
-- The short way (p_in_order): on every stream each item expects what the one before it leaves, so there is one question for all: do the streams stand where their first
-- items expect them (s_expected)? If so everything is written as it came, and verdicts and versions are null: all done, found as expected. (Judging call by call and looking
-- up each event's verdict cost a seventh of the function's time at 5 events a call.) A new stream that exists already raises 40001: the caller repeats without p_in_order.
-- Else each call has its own verdict: 0 done, 1 conflict, 2 archived. Out: versions found, per item; seq_ids of what was written, in the order of e_*.
-- Raises 40001 when another process was faster: the caller repeats.
-- The look at the streams can be planned in one way only, an index look-up per stream: a lane keeps its plans for as long as it lives, and one planned while the
-- tables were new read the tenant's whole index once per batch (measured: 65 ms a batch at 16,000 streams, until somebody analyzed).
CREATE FUNCTION bsp.append_batch(
  p_tenants text, p_at timestamptz, p_in_order boolean,
  t_name text[], n_type text[], n_dotnet text[],
  s_tenant int[], s_id uuid[], s_type text[], s_expected bigint[], s_version bigint[],
  c_items int[], c_claim uuid[], c_correlation text[], c_causation text[], c_user text[],
  i_call int[], i_stream int[], i_expected bigint[], i_count int[],
  e_item int[], e_nth int[], e_id uuid[], e_name int[], e_data jsonb[],
  OUT verdicts int[], OUT versions bigint[], OUT seqs bigint[])
LANGUAGE plpgsql VOLATILE AS $$
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

