-- A template that is paused, gone or moved to another category stops its campaigns. docs/decisions/0325
SET ROLE bsp_owner;

-- The process manager begins where the log ends now.
INSERT INTO bsp.projections (name, sequence)
SELECT 'campaign_templates.v1', CASE WHEN is_called THEN last_value ELSE 0 END FROM public.mt_events_sequence;
