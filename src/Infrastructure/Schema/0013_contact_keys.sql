-- One key per contact; destroying it makes that contact's data in events unreadable.
SET ROLE bsp_owner;

CREATE TABLE bsp.contact_keys (
  key_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  wrapped_key bytea NOT NULL,       -- nonce(12) | tag(16) | AES-256-GCM of the key under the master key
  master_key_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_id, contact_id)
);
SELECT bsp.secure_by_tenant('bsp.contact_keys');
