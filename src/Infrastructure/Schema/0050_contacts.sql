-- Searching contacts, counting list members, importing files. pg_trgm and btree_gin come with PostgreSQL itself (Debian: in the server package)
-- and are trusted extensions: the migrating role needs no more than CREATE on the database.
RESET ROLE;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
SET ROLE bsp_owner;

ALTER TABLE contacts ADD COLUMN last_import_id uuid; -- own: the import that wrote the row last, so that a file's duplicates are told from updates

-- What a person types when looking for somebody. The phone number has its own index.
CREATE FUNCTION bsp.contact_words(first_name text, last_name text, email text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT lower(coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || coalesce(email, '')) $$;

CREATE INDEX contacts_words ON contacts USING gin (organization_id, bsp.contact_words(first_name, last_name, email) gin_trgm_ops);
CREATE INDEX contacts_tags ON contacts USING gin (organization_id, tags jsonb_path_ops);

-- The one organization this transaction works for. Functions of the owner see every row, so they must say whose.
CREATE FUNCTION bsp.the_tenant() RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE tenants uuid[] := bsp.tenants();
BEGIN
  IF array_length(tenants, 1) IS DISTINCT FROM 1 THEN
    RAISE EXCEPTION 'a search needs exactly one organization in bsp.tenants' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN tenants[1];
END $$;

-- LIKE and @> are not leak-proof, so under row-level security they may not use an index. This runs as the owner and names the organization itself.
-- Built as text so that each search is planned for what it really asks; every value is a parameter.
CREATE FUNCTION bsp.search_contacts(words text, phone_from text, phone_to text, tag text, consent text, after_id uuid, row_limit int)
RETURNS SETOF contacts LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  tenant uuid := bsp.the_tenant();
  found text := 'SELECT * FROM public.contacts c WHERE c.organization_id = $1';
BEGIN
  IF words IS NOT NULL THEN found := found || ' AND bsp.contact_words(c.first_name, c.last_name, c.email) LIKE $2'; END IF;
  IF phone_from IS NOT NULL THEN found := found || ' AND c.phone_number >= $3 AND starts_with(c.phone_number, $3)'; END IF;
  IF phone_to IS NOT NULL THEN found := found || ' AND c.phone_number < $4'; END IF;
  IF tag IS NOT NULL THEN found := found || ' AND c.tags @> jsonb_build_array($5)'; END IF;
  IF consent IS NOT NULL THEN found := found || ' AND c.consent_status = $6'; END IF;
  IF after_id IS NOT NULL THEN found := found || ' AND c.id > $7'; END IF;
  RETURN QUERY EXECUTE found || ' ORDER BY c.id LIMIT $8' USING tenant, words, phone_from, phone_to, tag, consent, after_id, row_limit;
END $$;
