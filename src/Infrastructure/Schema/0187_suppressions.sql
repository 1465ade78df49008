-- Who said no stays unreachable when their contact is deleted or erased: a keyed hash of each number and user id, of which nobody without the key learns whose it is; docs/decisions/0187.
SET ROLE bsp_owner;

-- One random key an organization, wrapped under the master key like the contacts' keys, so that a rotation wraps it anew and the hashes stay as they are.
CREATE TABLE bsp.suppression_keys (
  organization_id uuid PRIMARY KEY,
  wrapped_key bytea NOT NULL,
  master_key_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
SELECT bsp.secure_by_tenant('bsp.suppression_keys');

CREATE TABLE bsp.suppressions (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  identity_hash bytea NOT NULL,     -- HMAC-SHA-256 of kind and identity
  since timestamptz NOT NULL DEFAULT now(),
  reason text NOT NULL CHECK (reason IN ('deleted', 'erased', 'changed')),
  lifted_at timestamptz,            -- the person agreed again, with proof
  lifted_by uuid                    -- the contact then
);
CREATE UNIQUE INDEX suppressions_identity ON bsp.suppressions (organization_id, identity_hash) WHERE lifted_at IS NULL;
SELECT bsp.secure_by_tenant('bsp.suppressions');

REVOKE ALL ON bsp.suppression_keys, bsp.suppressions FROM bsp_app;
GRANT SELECT, INSERT ON bsp.suppression_keys, bsp.suppressions TO bsp_app;
GRANT UPDATE (wrapped_key, master_key_id) ON bsp.suppression_keys TO bsp_app;
GRANT UPDATE (lifted_at, lifted_by) ON bsp.suppressions TO bsp_app;

-- Makes those contacts OPTED_OUT that are reached by an identity whose owner said no; how many. Each look-up is one of an index.
CREATE FUNCTION bsp.apply_suppressions(organization uuid, identities text[], hashes bytea[]) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  named text[] := '{}';
  one text;
  contact uuid;
  changed int := 0;
BEGIN
  FOR i IN 1 .. cardinality(identities) LOOP
    IF EXISTS (SELECT FROM bsp.suppressions s WHERE s.organization_id = organization AND s.identity_hash = hashes[i] AND s.lifted_at IS NULL) THEN named := named || identities[i]; END IF;
  END LOOP;
  FOREACH one IN ARRAY named LOOP
    IF left(one, 1) = '+' THEN SELECT c.id INTO contact FROM contacts c WHERE c.organization_id = organization AND c.phone_number = one;
    ELSE SELECT c.id INTO contact FROM contacts c WHERE c.organization_id = organization AND c.wa_user_id = one;
    END IF;
    UPDATE contacts c SET consent_status = 'OPTED_OUT', consent_updated_at = now(), updated_at = now(), row_version = c.row_version + 1
     WHERE c.organization_id = organization AND c.id = contact AND c.consent_status <> 'OPTED_OUT';
    IF FOUND THEN changed := changed + 1; END IF;
  END LOOP;
  RETURN changed;
END $$;
