-- The last event of a day, found from the day's own side: what came in later days is not walked through, however many there are. In steps of 200 events up to the first step
-- that lies wholly behind the day; the clocks of writers differ by less than an hour. Single events whose time lies far off, in the past or the future, are stepped over.
SET ROLE bsp_owner;

CREATE OR REPLACE FUNCTION bsp.last_sealable(p_after bigint, p_up_to bigint, p_before timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
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
