-- The specification's relational tables (spec/database-schema-design.md §1), column by column. Own columns follow a comment "own:".
SET ROLE bsp_owner;

CREATE TABLE organizations (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  slug text NOT NULL UNIQUE,
  logo_url text,
  meta_business_id text,
  meta_access_token text,           -- sealed, see docs/decisions
  webhook_verify_token text,        -- sealed
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'inactive')),
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  row_version bigint NOT NULL DEFAULT 1 -- own: ETag
);
ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON organizations USING (id = ANY ((SELECT bsp.tenants())::uuid[]));

CREATE TABLE users (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  email text NOT NULL UNIQUE,
  password_hash text,
  first_name text,
  last_name text,
  phone text,
  avatar_url text,
  role text NOT NULL CHECK (role IN ('super_admin', 'admin', 'manager', 'agent', 'viewer')),
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'suspended')),
  last_login timestamptz,
  preferences jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  row_version bigint NOT NULL DEFAULT 1
);
CREATE INDEX users_organization ON users (organization_id, id);
SELECT bsp.secure_by_tenant('users');

CREATE TABLE whatsapp_accounts (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  phone_number_id text NOT NULL UNIQUE,
  phone_number text NOT NULL,
  display_name text NOT NULL,
  meta_waba_id text NOT NULL,
  quality_rating text NOT NULL DEFAULT 'GREEN' CHECK (quality_rating IN ('GREEN', 'YELLOW', 'RED')),
  messaging_limit int NOT NULL DEFAULT 250 CHECK (messaging_limit >= 0),
  daily_sent_count int NOT NULL DEFAULT 0,
  limit_reset_date timestamptz,
  status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('CONNECTED', 'DISCONNECTED', 'PENDING')),
  credentials jsonb NOT NULL DEFAULT '{}', -- {"access_token": sealed}
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- own:
  quality_rating_exact text NOT NULL DEFAULT 'UNKNOWN',
  messages_per_second_max int NOT NULL DEFAULT 80 CHECK (messages_per_second_max BETWEEN 1 AND 10000), -- Meta's default throughput, facts/whatsapp-api.md §5
  row_version bigint NOT NULL DEFAULT 1
);
CREATE INDEX whatsapp_accounts_organization ON whatsapp_accounts (organization_id, id);
SELECT bsp.secure_by_tenant('whatsapp_accounts');

-- Inline view of the template streams.
CREATE TABLE templates (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  account_id uuid NOT NULL REFERENCES whatsapp_accounts (id),
  name text NOT NULL,
  meta_template_id text UNIQUE,
  category text NOT NULL CHECK (category IN ('MARKETING', 'UTILITY', 'AUTHENTICATION')),
  language text NOT NULL,
  components jsonb NOT NULL,
  variables jsonb,
  status text NOT NULL CHECK (status IN ('DRAFT', 'PENDING', 'APPROVED', 'REJECTED', 'PAUSED')),
  rejection_reason text,
  submitted_at timestamptz,
  approved_at timestamptz,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  -- own:
  status_exact text NOT NULL,       -- Meta's own word, or DRAFT
  quality text NOT NULL DEFAULT 'UNKNOWN',
  deleted_at timestamptz,
  version bigint NOT NULL           -- stream version: ETag
);
CREATE UNIQUE INDEX templates_name ON templates (account_id, name, language) WHERE deleted_at IS NULL;
CREATE INDEX templates_organization ON templates (organization_id, id);
SELECT bsp.secure_by_tenant('templates');

-- Inline view of the campaign streams; the counters are filled asynchronously.
CREATE TABLE campaigns (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  template_id uuid NOT NULL REFERENCES templates (id),
  account_id uuid NOT NULL REFERENCES whatsapp_accounts (id),
  name text NOT NULL,
  description text,
  type text NOT NULL CHECK (type IN ('BROADCAST', 'SCHEDULED', 'TRIGGERED')),
  status text NOT NULL CHECK (status IN ('DRAFT', 'SCHEDULED', 'RUNNING', 'PAUSED', 'COMPLETED', 'CANCELLED')),
  audience_segment jsonb NOT NULL,
  total_recipients int NOT NULL DEFAULT 0,
  sent_count int NOT NULL DEFAULT 0,
  delivered_count int NOT NULL DEFAULT 0,
  read_count int NOT NULL DEFAULT 0,
  failed_count int NOT NULL DEFAULT 0,
  scheduled_at timestamptz,
  started_at timestamptz,
  completed_at timestamptz,
  metadata jsonb,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  -- own:
  pause_reason text,
  version bigint NOT NULL           -- stream version: ETag
);
CREATE INDEX campaigns_organization ON campaigns (organization_id, id);
SELECT bsp.secure_by_tenant('campaigns');

CREATE TABLE contacts (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  phone_number text,                -- E.164 with '+'; null when only the business-scoped user id is known
  first_name text,
  last_name text,
  email text,
  custom_fields jsonb NOT NULL DEFAULT '{}',
  tags jsonb NOT NULL DEFAULT '[]',
  consent_status text NOT NULL DEFAULT 'PENDING' CHECK (consent_status IN ('OPTED_IN', 'OPTED_OUT', 'PENDING')),
  consent_updated_at timestamptz,
  last_interaction timestamptz,
  total_messages_received int NOT NULL DEFAULT 0,
  total_messages_sent int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- own:
  wa_user_id text,                  -- business-scoped user id (BSUID)
  row_version bigint NOT NULL DEFAULT 1,
  UNIQUE (organization_id, phone_number),
  UNIQUE (organization_id, wa_user_id)
);
CREATE INDEX contacts_organization ON contacts (organization_id, id);
SELECT bsp.secure_by_tenant('contacts');

CREATE TABLE contact_lists (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  name text NOT NULL,
  description text,
  contact_count int NOT NULL DEFAULT 0,
  filters jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  row_version bigint NOT NULL DEFAULT 1
);
CREATE INDEX contact_lists_organization ON contact_lists (organization_id, id);
SELECT bsp.secure_by_tenant('contact_lists');

CREATE TABLE contact_list_items (
  contact_id uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  list_id uuid NOT NULL REFERENCES contact_lists (id) ON DELETE CASCADE,
  added_at timestamptz NOT NULL DEFAULT now(),
  organization_id uuid NOT NULL,    -- own: for row-level security
  PRIMARY KEY (list_id, contact_id)
);
CREATE INDEX contact_list_items_contact ON contact_list_items (contact_id);
SELECT bsp.secure_by_tenant('contact_list_items');

-- Plans belong to the platform; every organization may read them.
CREATE TABLE billing_plans (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  code text NOT NULL UNIQUE,
  description text,
  monthly_price numeric(18, 6) NOT NULL CHECK (monthly_price >= 0),
  per_message_price numeric(18, 6) NOT NULL CHECK (per_message_price >= 0),
  included_messages int NOT NULL DEFAULT 0 CHECK (included_messages >= 0),
  features jsonb NOT NULL DEFAULT '{}',
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
  created_at timestamptz NOT NULL DEFAULT now(),
  -- own:
  currency text NOT NULL DEFAULT 'USD',
  row_version bigint NOT NULL DEFAULT 1
);

CREATE TABLE subscriptions (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  plan_id uuid NOT NULL REFERENCES billing_plans (id),
  status text NOT NULL CHECK (status IN ('active', 'cancelled', 'expired', 'suspended')),
  started_at timestamptz NOT NULL,
  expires_at timestamptz,
  payment_method jsonb,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  version bigint NOT NULL
);
CREATE INDEX subscriptions_organization ON subscriptions (organization_id, id);
SELECT bsp.secure_by_tenant('subscriptions');

CREATE TABLE transactions (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  type text NOT NULL CHECK (type IN ('credit', 'debit', 'refund')),
  amount numeric(18, 6) NOT NULL,
  balance_after numeric(18, 6) NOT NULL,
  currency text NOT NULL,
  category text NOT NULL CHECK (category IN ('message', 'subscription', 'topup', 'refund')),
  reference_id text,
  description text,
  metadata jsonb,
  created_at timestamptz NOT NULL
);
CREATE INDEX transactions_organization ON transactions (organization_id, id);
SELECT bsp.secure_by_tenant('transactions');

CREATE TABLE api_keys (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  name text NOT NULL,
  key_hash text NOT NULL UNIQUE,    -- hex SHA-256 of the whole key
  key_prefix text NOT NULL,
  permissions text NOT NULL CHECK (permissions IN ('read', 'write', 'admin')),
  last_used_at timestamptz,
  expires_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz            -- own: null while it works
);
CREATE INDEX api_keys_organization ON api_keys (organization_id, id);
SELECT bsp.secure_by_tenant('api_keys');

CREATE TABLE webhooks (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  name text NOT NULL,
  url text NOT NULL,
  secret text NOT NULL,
  events jsonb NOT NULL DEFAULT '[]',
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
  retry_count int NOT NULL DEFAULT 0,
  last_triggered timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  row_version bigint NOT NULL DEFAULT 1
);
CREATE INDEX webhooks_organization ON webhooks (organization_id, id);
SELECT bsp.secure_by_tenant('webhooks');
