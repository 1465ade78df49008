-- No plan depends on statistics about a value that is new by nature (a campaign, an import, an organization, a message): each look-up has one index that can serve it. docs/decisions/0150
-- Where several indexes begin with the same new value, the planner expects one row from each of them, and the smallest wins: a page of 500 members walked the whole audience 500 times, a look-up
-- by number read all contacts of an organization. So an index that is wanted by few statements is partial on something that is always true, and usable by who says so.

-- What is read as bsp_app is read by an index wherever there is one; a table that looks empty to the planner is not read whole, once for each row of another. jit: the settings' own penalty would call it.
DO $$ BEGIN
  EXECUTE format('ALTER ROLE bsp_app IN DATABASE %I SET enable_seqscan = off', current_database());
  EXECUTE format('ALTER ROLE bsp_app IN DATABASE %I SET enable_mergejoin = off', current_database());
  EXECUTE format('ALTER ROLE bsp_app IN DATABASE %I SET jit = off', current_database());
EXCEPTION
  WHEN insufficient_privilege THEN
    RAISE NOTICE 'bsp_app keeps the server''s planner settings; who may alter it can say ALTER ROLE bsp_app IN DATABASE % SET enable_seqscan = off, and the same of enable_mergejoin and jit', current_database();
END $$;

SET ROLE bsp_owner;

-- The audience: by place ("ordinal > 0"), or by contact ("contact_id <> zeros").
ALTER TABLE bsp.campaign_audience ADD CONSTRAINT campaign_audience_values CHECK (ordinal > 0 AND contact_id <> '00000000-0000-0000-0000-000000000000');
CREATE UNIQUE INDEX campaign_audience_place ON bsp.campaign_audience (campaign_id, ordinal) WHERE ordinal > 0;
CREATE UNIQUE INDEX campaign_audience_member ON bsp.campaign_audience (campaign_id, contact_id) WHERE contact_id <> '00000000-0000-0000-0000-000000000000';
ALTER TABLE bsp.campaign_audience DROP CONSTRAINT campaign_audience_pkey;
DROP INDEX bsp.campaign_audience_contact;

-- Contacts: by number (whoever names one), or all of an organization in the order of ids ("id <> zeros"), or by consent (whoever names one); the searches' indexes leave out who has nothing to be found by.
CREATE UNIQUE INDEX contacts_phone_number ON contacts (organization_id, phone_number) WHERE phone_number IS NOT NULL;
ALTER TABLE contacts DROP CONSTRAINT contacts_organization_id_phone_number_key;
ALTER INDEX contacts_phone_number RENAME TO contacts_organization_id_phone_number_key;
DROP INDEX contacts_organization, contacts_consent, contacts_words, contacts_tags, contacts_custom;
CREATE INDEX contacts_organization ON contacts (organization_id, id) WHERE id <> '00000000-0000-0000-0000-000000000000';
CREATE INDEX contacts_consent ON contacts (organization_id, consent_status, id) WHERE consent_status <> '';
CREATE INDEX contacts_words ON contacts USING gin (organization_id, bsp.contact_words(first_name, last_name, email) gin_trgm_ops) WHERE bsp.contact_words(first_name, last_name, email) <> '  ';
CREATE INDEX contacts_tags ON contacts USING gin (organization_id, tags jsonb_path_ops) WHERE tags <> '[]';
CREATE INDEX contacts_custom ON contacts USING gin (organization_id, custom_fields jsonb_path_ops) WHERE custom_fields <> '{}';

-- LIKE and @> are not leak-proof, so under row-level security they may not use an index. This runs as the owner and names the organization itself. Built as text so that each search names the index it
-- wants; every value is a parameter.
-- What words, tags, an address or custom fields name is looked for in the search indexes first. If few are found, they are put in order; if many, they are met soon on a walk in the order that is asked for.
-- The order is that of ids, and after after_id; a search by the beginning of a number in the order of numbers, and after after_phone: the ids of 10,000 matching numbers lie anywhere.
-- email_words: a LIKE pattern of the local part, which few have; the domain is in every second row, and its trigrams are the longest lists of the index.
-- custom: {"city":"Köln"}; custom_typed: the same with numbers and booleans as such, since a contact may have been given either.
CREATE OR REPLACE FUNCTION bsp.search_contacts(words text, phone_from text, phone_to text, tag text, consent text, email text, email_words text, custom jsonb, custom_typed jsonb, after_id uuid, after_phone text, row_limit int)
RETURNS SETOF contacts LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  few_max CONSTANT int := 1000;
  tenant uuid := bsp.the_tenant();
  named text := '';
  rest text := '';
  few uuid[];
  source text := 'SELECT * FROM public.contacts c WHERE c.organization_id = $1';
BEGIN
  IF words IS NOT NULL THEN named := named || ' AND bsp.contact_words(c.first_name, c.last_name, c.email) LIKE $2'; END IF;
  IF tag IS NOT NULL THEN named := named || ' AND c.tags @> jsonb_build_array($5) AND c.tags <> ''[]'''; END IF;
  IF email IS NOT NULL THEN named := named || ' AND bsp.contact_words(c.first_name, c.last_name, c.email) LIKE $7 AND lower(c.email) = $8'; END IF;
  IF words IS NOT NULL OR email IS NOT NULL THEN named := named || ' AND bsp.contact_words(c.first_name, c.last_name, c.email) <> ''  '''; END IF;
  IF custom IS NOT NULL THEN
    named := named || ' AND c.custom_fields <> ''{}'''
      || CASE WHEN coalesce(custom_typed, custom) = custom THEN ' AND c.custom_fields @> $9' ELSE ' AND (c.custom_fields @> $9 OR c.custom_fields @> $10)' END;
  END IF;
  IF phone_from IS NOT NULL THEN rest := rest || ' AND c.phone_number >= $3 AND starts_with(c.phone_number, $3)'; END IF;
  IF phone_to IS NOT NULL THEN rest := rest || ' AND c.phone_number < $4'; END IF;
  IF consent IS NOT NULL THEN rest := rest || ' AND c.consent_status = $6'; END IF;
  IF after_id IS NOT NULL THEN rest := rest || ' AND c.id > $11'; END IF;
  IF after_phone IS NOT NULL THEN rest := rest || ' AND c.phone_number > $12'; END IF;

  IF named <> '' THEN
    EXECUTE 'SELECT array_agg(q.id) FROM (SELECT c.id FROM public.contacts c WHERE c.organization_id = $1' || named || ' LIMIT $13) q' INTO few
      USING tenant, words, phone_from, phone_to, tag, consent, email_words, email, custom, coalesce(custom_typed, custom), after_id, after_phone, few_max + 1;
    IF few IS NULL THEN RETURN; END IF;
    IF cardinality(few) <= few_max THEN
      IF phone_from IS NULL AND consent IS NULL THEN
        few := ARRAY(SELECT i FROM unnest(few) AS i WHERE after_id IS NULL OR i > after_id ORDER BY i LIMIT row_limit);
      END IF;
      source := 'SELECT * FROM public.contacts c WHERE c.id = ANY ($14)';
    END IF;
  END IF;

  IF few IS NULL OR cardinality(few) > few_max THEN
    few := NULL;
    rest := named || rest || CASE WHEN phone_from IS NULL AND consent IS NULL THEN ' AND c.id <> ''00000000-0000-0000-0000-000000000000''' WHEN phone_from IS NULL THEN ' AND c.consent_status <> ''''' ELSE '' END;
  END IF;
  -- Around it OFFSET 0, where few are put in order: else "ORDER BY id LIMIT" is an invitation to walk.
  RETURN QUERY EXECUTE CASE WHEN few IS NULL THEN source || rest ELSE 'SELECT * FROM (' || source || rest || ' OFFSET 0) c' END
    || CASE WHEN phone_from IS NULL THEN ' ORDER BY c.id' ELSE ' ORDER BY c.phone_number' END || ' LIMIT $13'
    USING tenant, words, phone_from, phone_to, tag, consent, email_words, email, custom, coalesce(custom_typed, custom), after_id, after_phone, row_limit, few;
END $$;
REVOKE ALL ON FUNCTION bsp.search_contacts(text, text, text, text, text, text, text, jsonb, jsonb, uuid, text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.search_contacts(text, text, text, text, text, text, text, jsonb, jsonb, uuid, text, int) TO bsp_app;
