-- Messages that were closed (unknown, rejected, cancelled) and then taken by Meta after all had no row in the sweepers' worklist, so that nothing ever ended them: they get it.
SET ROLE bsp_owner;
INSERT INTO bsp.send_queue (message_id, organization_id, account_id, campaign_id, state, owner, due_at)
SELECT a.stream_id, a.tenant_id::uuid, (a.data -> 'ref' ->> 'account_id')::uuid, (a.data -> 'ref' ->> 'campaign_id')::uuid, 3, NULL, (a.data ->> 'at')::timestamptz + interval '30 days 1 hour'
  FROM public.mt_events c
  JOIN public.mt_events a ON a.tenant_id = c.tenant_id AND a.stream_id = c.stream_id AND a.version > c.version AND a.type = 'message_accepted'
 WHERE c.type IN ('message_unknown_closed', 'message_rejected', 'message_cancelled') AND a.is_archived IS NOT TRUE
   AND NOT EXISTS (SELECT FROM public.mt_events e WHERE e.tenant_id = a.tenant_id AND e.stream_id = a.stream_id AND e.version > a.version
                      AND e.type IN ('message_delivered', 'message_read', 'message_failed', 'message_expired'))
    ON CONFLICT DO NOTHING;
