-- Onboarding: Meta's Embedded Signup as a process that goes on where it was. docs/decisions/0331.
SET ROLE bsp_owner;

CREATE TABLE bsp.signups (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  waba_id text NOT NULL,
  phone_number_id text NOT NULL,
  status text NOT NULL CHECK (status IN ('running', 'waiting', 'completed', 'failed')),
  step text NOT NULL,
  waiting_for text,                       -- code, pin, time, plan, number, meta: null: nothing
  error_code text,
  error text,
  due_at timestamptz,                     -- when it goes on by itself; null: not without somebody
  attempts int NOT NULL DEFAULT 0,        -- of this step
  code text,                              -- sealed; gone once it was exchanged
  token text,                             -- sealed
  pin text,                               -- sealed
  account_id uuid,
  facts jsonb NOT NULL DEFAULT '{}',
  done jsonb NOT NULL DEFAULT '[]',       -- steps that are over: name, status, at, detail
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  row_version bigint NOT NULL DEFAULT 1
);
CREATE INDEX signups_organization ON bsp.signups (organization_id, id);
CREATE UNIQUE INDEX signups_open ON bsp.signups (organization_id, phone_number_id) WHERE status IN ('running', 'waiting');
CREATE INDEX signups_due ON bsp.signups (due_at) WHERE due_at IS NOT NULL;
SELECT bsp.secure_by_tenant('bsp.signups');

-- Meta lets a number be registered ten times in 72 hours; the eleventh locks it for as long.
CREATE TABLE bsp.number_registrations (
  organization_id uuid NOT NULL,
  phone_number_id text NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX number_registrations_number ON bsp.number_registrations (organization_id, phone_number_id, at);
SELECT bsp.secure_by_tenant('bsp.number_registrations');

-- The worker knows no organization.
CREATE FUNCTION bsp.take_signups(p_now timestamptz, p_until timestamptz, p_limit int) RETURNS TABLE (organization_id uuid, id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH due AS (SELECT s.id FROM bsp.signups s WHERE s.due_at <= p_now ORDER BY s.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE bsp.signups r SET due_at = p_until FROM due WHERE r.id = due.id RETURNING r.organization_id, r.id
$$;
REVOKE ALL ON FUNCTION bsp.take_signups(timestamptz, timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.take_signups(timestamptz, timestamptz, int) TO bsp_app;

-- What Meta says of a number beside the specification's columns; own.
ALTER TABLE whatsapp_accounts
  ADD COLUMN business_id text,                     -- the portfolio that owns its WABA, at Meta
  ADD COLUMN coexistence boolean NOT NULL DEFAULT false,   -- WhatsApp Business's app on a telephone uses it too: 20 messages a second
  ADD COLUMN name_status text,                     -- APPROVED, DECLINED, PENDING_REVIEW, …: Meta's review of the display name
  ADD COLUMN requested_name text,                  -- under review
  ADD COLUMN review_status text,                   -- of its WABA: APPROVED, REJECTED, PENDING, …
  ADD COLUMN restricted_until timestamptz,         -- Meta lets it send less until then
  ADD COLUMN restriction text;
