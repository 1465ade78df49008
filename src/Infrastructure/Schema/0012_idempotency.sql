-- One row per Idempotency-Key and (organization, caller, route). Claimed with a lease before the work; work_done is set in the work's own transaction.
SET ROLE bsp_owner;

CREATE TABLE bsp.idempotency_keys (
  claim_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,    -- all zeros for the platform's own routes
  caller text NOT NULL,
  route text NOT NULL,
  key text NOT NULL,
  body_sha256 text NOT NULL,
  resource_id uuid NOT NULL,        -- the id a creating command uses
  leased_until timestamptz NOT NULL,
  work_done boolean NOT NULL DEFAULT false,
  status int,                       -- stored answer; null: not stored (crash, or the route answers with a secret)
  body bytea,
  headers jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_id, caller, route, key)
);
CREATE INDEX idempotency_keys_age ON bsp.idempotency_keys (created_at);
SELECT bsp.secure_by_tenant('bsp.idempotency_keys');
