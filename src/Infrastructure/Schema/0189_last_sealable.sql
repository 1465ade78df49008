-- The last event of a day, from the day's own side: what came in later days is not walked back through, however many there are. Clocks of writers differ by less than an hour.
SET ROLE bsp_owner;

CREATE OR REPLACE FUNCTION bsp.last_sealable(p_after bigint, p_up_to bigint, p_before timestamptz) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
  SELECT e.seq_id FROM public.mt_events e
   WHERE e.seq_id > p_after AND e.timestamp < p_before
     AND e.seq_id < coalesce((SELECT l.seq_id FROM public.mt_events l
                               WHERE l.seq_id > p_after AND l.seq_id <= p_up_to AND l.timestamp >= p_before + interval '1 hour' ORDER BY l.seq_id LIMIT 1), p_up_to + 1)
   ORDER BY e.seq_id DESC LIMIT 1
$$;
