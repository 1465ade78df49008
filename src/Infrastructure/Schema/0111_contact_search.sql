-- One search for everything that contacts are looked for by: also e-mail and custom fields, in any combination.
SET ROLE bsp_owner;

CREATE INDEX contacts_custom ON contacts USING gin (organization_id, custom_fields jsonb_path_ops);

DROP FUNCTION bsp.search_contacts(text, text, text, text, text, uuid, int);

-- LIKE and @> are not leak-proof, so under row-level security they may not use an index. This runs as the owner and names the organization itself.
-- Built as text so that each search is planned for what it really asks; every value is a parameter.
-- custom: {"city":"Köln"}; custom_typed: the same with numbers and booleans as such, since a contact may have been given either.
CREATE FUNCTION bsp.search_contacts(words text, phone_from text, phone_to text, tag text, consent text, email text, custom jsonb, custom_typed jsonb, after_id uuid, row_limit int)
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
  IF email IS NOT NULL THEN found := found || ' AND bsp.contact_words(c.first_name, c.last_name, c.email) LIKE $7 AND lower(c.email) = $8'; END IF;
  IF custom IS NOT NULL THEN found := found || ' AND (c.custom_fields @> $9 OR c.custom_fields @> $10)'; END IF;
  IF after_id IS NOT NULL THEN found := found || ' AND c.id > $11'; END IF;
  RETURN QUERY EXECUTE found || ' ORDER BY c.id LIMIT $12'
    USING tenant, words, phone_from, phone_to, tag, consent, '%' || replace(replace(replace(email, '\', '\\'), '%', '\%'), '_', '\_') || '%', email, custom, coalesce(custom_typed, custom), after_id, row_limit;
END $$;
