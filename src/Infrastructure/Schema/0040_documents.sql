-- The specification's collections (§2) as JSONB: the default store behind the documents port, MongoDB being the other. One table a collection, the
-- whole document in doc, beside it only what its indexes need. _id holds the twelve bytes of the ObjectId that MongoDB would have.
CREATE SCHEMA IF NOT EXISTS documents AUTHORIZATION bsp_owner;
SET ROLE bsp_owner;
GRANT USAGE ON SCHEMA documents TO bsp_app;

CREATE TABLE documents.conversations (
  _id bytea PRIMARY KEY,
  organization_id uuid NOT NULL,
  position bigint NOT NULL,         -- guard: only a later one replaces it
  contact_id uuid NOT NULL,
  account_id uuid NOT NULL,
  assigned_to uuid,
  status text NOT NULL,
  wa_conversation_id text,
  last_message_at timestamptz,
  expires_at timestamptz,
  doc jsonb NOT NULL
);
CREATE INDEX conversations_latest ON documents.conversations (organization_id, last_message_at DESC, _id DESC);
CREATE INDEX conversations_assigned ON documents.conversations (organization_id, assigned_to, status);
CREATE INDEX conversations_contact ON documents.conversations (contact_id);
CREATE INDEX conversations_wa ON documents.conversations (wa_conversation_id) WHERE wa_conversation_id IS NOT NULL;
CREATE INDEX conversations_expiry ON documents.conversations (expires_at);

CREATE TABLE documents.messages (
  _id bytea PRIMARY KEY,
  organization_id uuid NOT NULL,
  position bigint NOT NULL,
  conversation_id bytea NOT NULL,
  contact_id uuid NOT NULL,
  campaign_id uuid,
  wa_message_id text,
  status text NOT NULL,
  ai_processed boolean,
  created_at timestamptz NOT NULL,
  doc jsonb NOT NULL
);
CREATE INDEX messages_created ON documents.messages (organization_id, created_at DESC);
CREATE INDEX messages_conversation ON documents.messages (conversation_id, created_at, _id);
CREATE INDEX messages_wa ON documents.messages (wa_message_id) WHERE wa_message_id IS NOT NULL;
CREATE INDEX messages_contact ON documents.messages (contact_id, created_at DESC);
CREATE INDEX messages_campaign ON documents.messages (campaign_id) WHERE campaign_id IS NOT NULL;
CREATE INDEX messages_status ON documents.messages (status, created_at);
CREATE INDEX messages_ai ON documents.messages (ai_processed) WHERE ai_processed IS NOT NULL;

CREATE TABLE documents.message_logs (
  _id bytea PRIMARY KEY,
  organization_id uuid NOT NULL,
  position bigint NOT NULL,
  message_id bytea NOT NULL,
  event_type text NOT NULL,
  created_at timestamptz NOT NULL,
  doc jsonb NOT NULL
);
CREATE INDEX message_logs_created ON documents.message_logs (organization_id, created_at DESC);
CREATE INDEX message_logs_message ON documents.message_logs (message_id);
CREATE INDEX message_logs_type ON documents.message_logs (event_type);
CREATE INDEX message_logs_expiry ON documents.message_logs USING brin (created_at);  -- deleted by age in bulk; written in time order

CREATE TABLE documents.ai_conversations (
  _id bytea PRIMARY KEY,
  organization_id uuid NOT NULL,
  position bigint NOT NULL,
  contact_id uuid NOT NULL,
  conversation_id bytea NOT NULL,
  updated_at timestamptz NOT NULL,
  doc jsonb NOT NULL
);

SELECT bsp.secure_by_tenant('documents.conversations');
SELECT bsp.secure_by_tenant('documents.messages');
SELECT bsp.secure_by_tenant('documents.message_logs');
SELECT bsp.secure_by_tenant('documents.ai_conversations');
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA documents TO bsp_app;   -- TRUNCATE: a rebuild empties the views
