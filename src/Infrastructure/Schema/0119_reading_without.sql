-- The log is read by more people than may see everything in it: bsp.read_organization (0075) leaves out what it is told to, so that pages stay full. Otherwise it is as it was.
SET ROLE bsp_owner;
DROP FUNCTION bsp.read_organization(text, bigint, bigint, text[], text, text, int);

-- One organization's part of the log after p_after, at most up to p_up_to, archived events included. The last row has no seq_id when the page is not full: its version is
-- how far was looked, and nothing asked for lies between. p_without: types left out, null for none. Below the projection's checkpoint it goes by the places noted, above it through the log itself, so an index that
-- lags or is being rebuilt costs time and hides nothing. STABLE: checkpoint, places and events are of one snapshot. Invoker's rights: row-level security holds.
CREATE FUNCTION bsp.read_organization(p_tenant text, p_after bigint, p_up_to bigint, p_types text[], p_correlation text, p_causation text, p_limit int, p_without text[] DEFAULT NULL)
RETURNS TABLE (seq_id bigint, id uuid, stream_id uuid, version bigint, type varchar, data jsonb, "timestamp" timestamptz,
               correlation_id varchar, causation_id varchar, user_name varchar, is_archived bool)
LANGUAGE plpgsql STABLE AS $$
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
