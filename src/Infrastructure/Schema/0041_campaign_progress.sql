-- The same numbers as the Redis hash campaign:{id}:progress, from the same facts: answers when Redis is away, and tells when a campaign is over.
SET ROLE bsp_owner;

CREATE TABLE bsp.campaign_progress (
  campaign_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  total int NOT NULL DEFAULT 0,
  queued int NOT NULL DEFAULT 0,
  skipped int NOT NULL DEFAULT 0,
  pending int NOT NULL DEFAULT 0,           -- queued or being sent
  accepted int NOT NULL DEFAULT 0,
  unknown int NOT NULL DEFAULT 0,           -- unknown now
  sent int NOT NULL DEFAULT 0,
  delivered int NOT NULL DEFAULT 0,
  read int NOT NULL DEFAULT 0,
  failed int NOT NULL DEFAULT 0,            -- the rejected included, overruled failures not
  rejected int NOT NULL DEFAULT 0,
  cancelled int NOT NULL DEFAULT 0,
  expired int NOT NULL DEFAULT 0,
  unknown_closed int NOT NULL DEFAULT 0,
  first_at timestamptz,                     -- first message queued
  last_at timestamptz                       -- last message settled
) WITH (fillfactor = 50);
SELECT bsp.secure_by_tenant('bsp.campaign_progress');
