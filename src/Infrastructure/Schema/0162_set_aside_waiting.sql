-- What waits for a person is counted every few seconds: in /metrics, and as trouble in /health/ready.
SET ROLE bsp_owner;

CREATE INDEX webhook_set_aside_waiting ON bsp.webhook_set_aside (set_aside_at) WHERE next_at IS NULL;
