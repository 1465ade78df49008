-- The process manager send_consequences.v1 begins where the log ends now: what earlier events led to was done when they were appended.
SET ROLE bsp_owner;
INSERT INTO bsp.projections (name, sequence) SELECT 'send_consequences.v1', CASE WHEN is_called THEN last_value ELSE 0 END FROM public.mt_events_sequence;
