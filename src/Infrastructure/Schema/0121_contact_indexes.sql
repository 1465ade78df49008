-- Indexes of contacts, so that each look-up has one way only, whatever the statistics of a table that is just being filled say.
SET ROLE bsp_owner;

-- By user id first: nothing else begins with it, so a search for user ids is never planned as a walk through the organization. Most contacts have none: no entry, and an import does not pay for it.
CREATE UNIQUE INDEX contacts_wa_user_id ON contacts (wa_user_id, organization_id) WHERE wa_user_id IS NOT NULL;
ALTER TABLE contacts DROP CONSTRAINT contacts_organization_id_wa_user_id_key;

-- A consent that few have, or nobody, is found without reading everybody.
CREATE INDEX contacts_consent ON contacts (organization_id, consent_status, id);

-- Who has these user ids. As the owner: the policy's condition on the organization would offer the planner the indexes that begin with it, and where an organization is new to the
-- statistics it takes one of them and reads all its contacts (measured: every page of an import, twice). "IS TRUE" keeps the condition from being looked up by.
CREATE FUNCTION bsp.contacts_by_user_id(user_ids text[]) RETURNS TABLE (phone_number text, wa_user_id text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT c.phone_number, c.wa_user_id FROM public.contacts c WHERE c.wa_user_id = ANY (user_ids) AND (c.organization_id = (SELECT bsp.the_tenant())) IS TRUE
$$;

-- After an organization was filled: puts what waits in the search indexes' pending lists in its place, which every search reads through, and tells the planner. Autovacuum does the same within minutes.
-- Three columns: a sample of the table, no more. Not while somebody vacuums: he tells it as well.
CREATE FUNCTION bsp.settle_contacts() RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT gin_clean_pending_list('public.contacts_words'), gin_clean_pending_list('public.contacts_tags'), gin_clean_pending_list('public.contacts_custom');
  ANALYZE (SKIP_LOCKED) public.contacts (organization_id, phone_number, consent_status);
$$;

REVOKE EXECUTE ON FUNCTION bsp.contacts_by_user_id(text[]), bsp.settle_contacts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.contacts_by_user_id(text[]), bsp.settle_contacts() TO bsp_app;
