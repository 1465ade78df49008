-- Subscriptions: the specification's table shows what the streams come to; beside it the clock (one row for each organization that has one, which is also its lock) and the terms in force by time.
-- docs/billing.md, docs/decisions/0220
SET ROLE bsp_owner;

ALTER TABLE subscriptions
  ADD COLUMN status_exact text NOT NULL,              -- trial, active, past_due, suspended, cancelled, expired
  ADD COLUMN terms jsonb NOT NULL,                    -- the plan as it was bought
  ADD COLUMN trial_until timestamptz,
  ADD COLUMN period int NOT NULL,                     -- -1: the trial
  ADD COLUMN period_from timestamptz NOT NULL,
  ADD COLUMN period_until timestamptz NOT NULL,
  ADD COLUMN included_messages int NOT NULL,          -- of the whole period
  ADD COLUMN owed numeric(18, 6) CHECK (owed >= 0),
  ADD COLUMN next_attempt_at timestamptz,
  ADD COLUMN cancel_at timestamptz,
  ADD COLUMN suspended_reason text,
  ADD COLUMN ended_at timestamptz;
CREATE UNIQUE INDEX subscriptions_one ON subscriptions (organization_id) WHERE status IN ('active', 'suspended');

-- An organization's one subscription that has not ended, from the moment somebody begins to take a plan. Whoever decides on it locks this row first; the clock skips those that are locked.
CREATE TABLE bsp.subscription_clock (
  organization_id uuid PRIMARY KEY REFERENCES organizations (id),
  subscription_id uuid NOT NULL UNIQUE,
  due_at timestamptz,                                 -- when something happens by itself; null: nothing does
  status text NOT NULL DEFAULT 'starting',            -- as status_exact
  suspended_reason text,
  owed numeric(18, 6),
  currency text,
  plan_id uuid,
  plan_name text,
  features jsonb NOT NULL DEFAULT '{}',               -- of the terms bought
  period_from timestamptz,
  period_until timestamptz
);
CREATE INDEX subscription_clock_due ON bsp.subscription_clock (due_at, organization_id) WHERE due_at IS NOT NULL;
SELECT bsp.secure_by_tenant('bsp.subscription_clock');

-- Terms by time: what a message costs that was delivered at a moment. Rows of one subscription do not overlap.
CREATE TABLE bsp.subscription_terms (
  organization_id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  from_at timestamptz NOT NULL,
  until_at timestamptz NOT NULL,
  period int NOT NULL,
  plan_id uuid NOT NULL,
  plan_version bigint NOT NULL,
  plan_code text NOT NULL,
  currency text NOT NULL,
  per_message_price numeric(18, 6) NOT NULL,
  included_messages int NOT NULL,                     -- of the whole period, the same in all its rows; 0 until it is paid
  PRIMARY KEY (organization_id, subscription_id, from_at)
);
CREATE INDEX subscription_terms_at ON bsp.subscription_terms (organization_id, from_at);
SELECT bsp.secure_by_tenant('bsp.subscription_terms');

-- Money came to an organization that has a subscription: added to in the top-up's transaction, which must not wait for the clock's lock.
CREATE TABLE bsp.subscription_nudges (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX subscription_nudges_organization ON bsp.subscription_nudges (organization_id);
SELECT bsp.secure_by_tenant('bsp.subscription_nudges');

-- What is due in this database, oldest first, after a place: every organization is looked at in a round, however many fail.
CREATE FUNCTION bsp.subscriptions_due(p_now timestamptz, p_after timestamptz, p_after_organization uuid, p_limit int)
RETURNS TABLE (organization_id uuid, subscription_id uuid, due_at timestamptz) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  SELECT c.organization_id, c.subscription_id, c.due_at FROM bsp.subscription_clock c
   WHERE c.due_at <= p_now AND (c.due_at, c.organization_id) > (p_after, p_after_organization) ORDER BY c.due_at, c.organization_id LIMIT p_limit
$$;
REVOKE ALL ON FUNCTION bsp.subscriptions_due(timestamptz, timestamptz, uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.subscriptions_due(timestamptz, timestamptz, uuid, int) TO bsp_app;

CREATE FUNCTION bsp.subscriptions_nudged(p_after uuid, p_limit int)
RETURNS TABLE (organization_id uuid) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  SELECT DISTINCT n.organization_id FROM bsp.subscription_nudges n WHERE n.organization_id > p_after ORDER BY n.organization_id LIMIT p_limit
$$;
REVOKE ALL ON FUNCTION bsp.subscriptions_nudged(uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.subscriptions_nudged(uuid, int) TO bsp_app;

CREATE INDEX subscriptions_plan ON subscriptions (plan_id); -- whether a plan may be deleted

-- How much of what a plan limits an organization uses. In whole, also where the caller's key is restricted to one account.
CREATE FUNCTION bsp.entitlement_use(p_organization uuid, p_feature text, p_since timestamptz) RETURNS int
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, bsp, pg_temp AS $$
BEGIN
  IF NOT coalesce(p_organization = ANY (bsp.tenants()), false) THEN
    RAISE insufficient_privilege USING MESSAGE = 'not an organization of this transaction';
  END IF;
  RETURN CASE p_feature
    WHEN 'numbers' THEN (SELECT count(*) FROM public.whatsapp_accounts a WHERE a.organization_id = p_organization AND a.status <> 'DISCONNECTED')
    WHEN 'users' THEN (SELECT count(*) FROM public.users u WHERE u.organization_id = p_organization AND u.status = 'active')
    WHEN 'api_keys' THEN (SELECT count(*) FROM public.api_keys k WHERE k.organization_id = p_organization AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()))
    WHEN 'webhooks' THEN (SELECT count(*) FROM public.webhooks w WHERE w.organization_id = p_organization)
    WHEN 'campaigns_per_month' THEN (SELECT count(*) FROM public.campaigns c WHERE c.organization_id = p_organization AND c.started_at >= p_since)
    ELSE 0 END;
END $$;
REVOKE ALL ON FUNCTION bsp.entitlement_use(uuid, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.entitlement_use(uuid, text, timestamptz) TO bsp_app;
