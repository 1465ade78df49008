-- Who was erased, one row an id, found with =. The array in bsp.contact_erasures was looked up with @>, which is not leak-proof: under row-level security each creation of a key read all erasures.
SET ROLE bsp_owner;

CREATE TABLE bsp.erased_contacts (
  organization_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  erasure_id uuid NOT NULL REFERENCES bsp.contact_erasures (contact_id) ON DELETE CASCADE,
  PRIMARY KEY (organization_id, contact_id)
);
CREATE INDEX erased_contacts_erasure ON bsp.erased_contacts (erasure_id);
SELECT bsp.secure_by_tenant('bsp.erased_contacts');

-- Kept by the erasure's own row, so that there is one place that says whom it means.
CREATE FUNCTION bsp.note_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM bsp.erased_contacts e WHERE e.erasure_id = NEW.contact_id AND NOT e.contact_id = ANY (NEW.contact_ids);
  INSERT INTO bsp.erased_contacts (organization_id, contact_id, erasure_id) SELECT NEW.organization_id, i, NEW.contact_id FROM unnest(NEW.contact_ids) AS i
  ON CONFLICT (organization_id, contact_id) DO UPDATE SET erasure_id = excluded.erasure_id;
  RETURN NULL;
END $$;
CREATE TRIGGER note_erased AFTER INSERT OR UPDATE OF contact_ids ON bsp.contact_erasures FOR EACH ROW EXECUTE FUNCTION bsp.note_erased();

INSERT INTO bsp.erased_contacts (organization_id, contact_id, erasure_id)
SELECT DISTINCT ON (e.organization_id, i) e.organization_id, i, e.contact_id FROM bsp.contact_erasures e CROSS JOIN unnest(e.contact_ids) AS i ORDER BY e.organization_id, i, e.requested_at DESC;
DROP INDEX bsp.contact_erasures_ids;

-- As before, and it says which rows it found (id:row_version), until the transaction ends: whoever looked a person up before can see whether that was still so.
CREATE OR REPLACE FUNCTION bsp.erase_contacts(organization uuid, ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
  WITH gone AS (DELETE FROM contacts c WHERE c.organization_id = organization AND c.id = ANY (ids) RETURNING c.id, c.row_version)
  SELECT coalesce(string_agg(g.id || ':' || g.row_version, ',' ORDER BY g.id), '') INTO found FROM gone g;
  PERFORM set_config('bsp.erased_rows', found, true);
  DELETE FROM bsp.contact_keys k WHERE k.organization_id = organization AND k.contact_id = ANY (ids);
  DELETE FROM bsp.contact_aliases x WHERE x.organization_id = organization AND (x.contact_id = ANY (ids) OR x.into_id = ANY (ids));
  DELETE FROM bsp.list_history h WHERE h.organization_id = organization AND h.contact_id = ANY (ids);
END $$;
