-- One telephone, two spellings: what people save and the id that WhatsApp gave it at another time. docs/decisions/0156.
SET ROLE bsp_owner;

-- Today's spelling of a number of the countries that have two; null for the others. The same rules as PhoneSpellings in the application, which says where they come from.
CREATE FUNCTION bsp.phone_key(phone text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN phone !~ '^\+(52|54|55|225|229)' THEN NULL
    WHEN phone ~ '^\+55[1-9][1-9][6-9][0-9]{7}$' THEN left(phone, 5) || '9' || substr(phone, 6)
    WHEN phone ~ '^\+521[2-9][0-9]{9}$' THEN '+52' || substr(phone, 5)
    WHEN phone ~ '^\+54[1-3][0-9]{9}$' THEN '+549' || substr(phone, 4)
    WHEN phone ~ '^\+225[04-9][0-3][0-9]{6}$' THEN '+22501' || substr(phone, 5)
    WHEN phone ~ '^\+225[04-9][4-6][0-9]{6}$' THEN '+22505' || substr(phone, 5)
    WHEN phone ~ '^\+225[04-9][7-9][0-9]{6}$' THEN '+22507' || substr(phone, 5)
    WHEN phone ~ '^\+229[0-9]{8}$' THEN '+22901' || substr(phone, 5)
    ELSE phone
  END
$$;

-- Every spelling of the same telephone, today's first; only the number itself where there is one.
CREATE FUNCTION bsp.phone_spellings(phone text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN k IS NULL THEN ARRAY[phone]
    WHEN k ~ '^\+55[1-9][1-9]9[6-9][0-9]{7}$' THEN ARRAY[k, left(k, 5) || substr(k, 7)]
    WHEN k ~ '^\+52[2-9][0-9]{9}$' THEN ARRAY[k, '+521' || substr(k, 4)]
    WHEN k ~ '^\+549[1-3][0-9]{9}$' THEN ARRAY[k, '+54' || substr(k, 5)]
    WHEN k ~ '^\+225(01[04-9][0-3]|05[04-9][4-6]|07[04-9][7-9])[0-9]{6}$' THEN ARRAY[k, '+225' || substr(k, 7)]
    WHEN k ~ '^\+22901[0-9]{8}$' THEN ARRAY[k, '+229' || substr(k, 7)]
    ELSE ARRAY[phone]
  END FROM (SELECT bsp.phone_key(phone) AS k) AS x
$$;

-- own: what two spellings have in common, so that no writer, and no two at once, can make two contacts of one telephone. Null: of another country, or not looked at yet: rows that were there before this column
-- get theirs page by page, and their twins are merged (SpellingTwins).
ALTER TABLE contacts ADD COLUMN phone_key text;
CREATE UNIQUE INDEX contacts_phone_key ON contacts (organization_id, phone_key) WHERE phone_key IS NOT NULL;
CREATE INDEX contacts_unkeyed ON contacts (organization_id, id) WHERE phone_key IS NULL AND phone_number ~ '^\+(52|54|55|225|229)';

-- A number that stays as it is leaves its key as it is: a twin of before is changed by people until it is merged.
CREATE FUNCTION bsp.key_phone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.phone_number IS DISTINCT FROM OLD.phone_number THEN
    NEW.phone_key := bsp.phone_key(NEW.phone_number);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER key_phone BEFORE INSERT OR UPDATE OF phone_number ON contacts FOR EACH ROW
  WHEN (NEW.phone_number ~ '^\+(52|54|55|225|229)' OR NEW.phone_key IS NOT NULL) EXECUTE FUNCTION bsp.key_phone();

-- Contacts without their key, after one, of all organizations, or of one, which then is after_organization too: for the worker, which does not know the organizations before. Ids only.
CREATE FUNCTION bsp.unkeyed_contacts(only_organization uuid, after_organization uuid, after_id uuid, row_limit int)
RETURNS TABLE (organization_id uuid, contact_id uuid) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT c.organization_id, c.id FROM public.contacts c
   WHERE c.phone_key IS NULL AND c.phone_number ~ '^\+(52|54|55|225|229)'
     AND (c.organization_id, c.id) > (after_organization, after_id) AND c.organization_id <= coalesce(only_organization, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
   ORDER BY c.organization_id, c.id LIMIT row_limit
$$;
REVOKE ALL ON FUNCTION bsp.unkeyed_contacts(uuid, uuid, uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.unkeyed_contacts(uuid, uuid, uuid, int) TO bsp_app;

-- Each number as somebody here is known by it: as it is, else in its other spelling, else as the same telephone is spelled first in the same call. said: when it was so (null: now), for who had it then.
CREATE FUNCTION bsp.known_spellings(organization uuid, phones text[], said timestamptz[]) RETURNS text[] LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF (SELECT bool_or(p ~ '^\+(52|54|55|225|229)') FROM unnest(phones) AS p) IS NOT TRUE THEN
    RETURN phones;
  END IF;

  RETURN (
    SELECT array_agg(CASE WHEN i.other IS NULL THEN i.phone ELSE coalesce(
        (SELECT x.phone_number FROM contacts x WHERE x.organization_id = organization AND x.phone_number = i.phone),
        (SELECT x.phone_number FROM bsp.past_identities x WHERE x.organization_id = organization AND x.phone_number = i.phone AND x.until >= i.at LIMIT 1),
        (SELECT x.phone_number FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.phone_number = i.phone LIMIT 1),
        (SELECT x.phone_number FROM contacts x WHERE x.organization_id = organization AND x.phone_number = i.other),
        (SELECT x.phone_number FROM bsp.past_identities x WHERE x.organization_id = organization AND x.phone_number = i.other AND x.until >= i.at LIMIT 1),
        (SELECT x.phone_number FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.phone_number = i.other LIMIT 1),
        i.first) END ORDER BY i.n)
      FROM (SELECT p.n, p.phone, p.at, first_value(p.phone) OVER (PARTITION BY s.spelled[1] ORDER BY p.n) AS first, CASE WHEN s.spelled[1] = p.phone THEN s.spelled[2] ELSE s.spelled[1] END AS other
              FROM unnest(phones, said) WITH ORDINALITY AS p (phone, at, n) CROSS JOIN LATERAL (SELECT bsp.phone_spellings(p.phone) AS spelled OFFSET 0) s) i);
END $$;

-- As before, with what was written first: a number that is another spelling of one known here is that one.
CREATE OR REPLACE FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[], said timestamptz[])
RETURNS TABLE (n bigint, contact_id uuid, other_id uuid, changed_phone text) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  given text[] := phones;
BEGIN
  phones := bsp.known_spellings(organization, phones, said);

  -- in key order, so that two callers with overlapping people wait for each other instead of deadlocking
  INSERT INTO contacts AS c (id, organization_id, phone_number, wa_user_id, first_name, last_name, wa_user_id_said_at)
  SELECT i.new_id, organization, i.phone, i.wa, i.first_name, i.last_name, CASE WHEN i.wa IS NOT NULL THEN i.at END
  FROM unnest(phones, wa_user_ids, first_names, last_names, new_ids, said) AS i (phone, wa, first_name, last_name, new_id, at)
  WHERE NOT EXISTS (SELECT FROM contacts x WHERE x.organization_id = organization AND x.wa_user_id = i.wa OFFSET 0)
    AND NOT EXISTS (SELECT FROM contacts x WHERE x.organization_id = organization AND x.phone_number = i.phone OFFSET 0)
    AND NOT EXISTS (SELECT FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.wa_user_id = i.wa OFFSET 0)
    AND NOT EXISTS (SELECT FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.phone_number = i.phone OFFSET 0)
    AND NOT EXISTS (SELECT FROM bsp.past_identities x WHERE x.organization_id = organization AND x.wa_user_id = i.wa OFFSET 0)
    AND NOT EXISTS (SELECT FROM bsp.past_identities x WHERE x.organization_id = organization AND x.phone_number = i.phone AND x.until >= i.at OFFSET 0)
  ORDER BY i.phone, i.wa
  ON CONFLICT DO NOTHING;

  -- An insert that waited for a merge has just made the absorbed contact anew. The caller tries again.
  IF EXISTS (SELECT FROM unnest(new_ids) AS i (id) CROSS JOIN LATERAL (SELECT c.phone_number, c.wa_user_id FROM contacts c WHERE c.id = i.id OFFSET 0) c
             WHERE EXISTS (SELECT FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.phone_number = c.phone_number OFFSET 0)
                OR EXISTS (SELECT FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.wa_user_id = c.wa_user_id OFFSET 0)) THEN
    RAISE EXCEPTION 'merged meanwhile' USING ERRCODE = 'unique_violation';
  END IF;

  -- An insert that waited for another caller's, who spelled the number otherwise, has done nothing, and nobody is known by this spelling. The caller tries again.
  IF phones IS DISTINCT FROM bsp.known_spellings(organization, given, said) THEN
    RAISE EXCEPTION 'spelled otherwise meanwhile' USING ERRCODE = 'unique_violation';
  END IF;

  RETURN QUERY
  WITH found AS MATERIALIZED (
    SELECT i.n, i.phone, i.wa, i.at, coalesce(by_wa.id, wa_alias.into_id, wa_past.contact_id) AS wa_id, coalesce(phone_past.contact_id, by_phone.id, phone_alias.into_id) AS phone_id,
      by_wa.id IS NULL AND wa_alias.into_id IS NULL AND wa_past.contact_id IS NULL AS lacks_wa, by_phone.id IS NULL AND phone_alias.into_id IS NULL AND phone_past.contact_id IS NULL AS lacks_phone,
      by_wa.phone_number IS NULL AND by_phone.wa_user_id IS NULL AND by_wa.id <> by_phone.id AND phone_past.contact_id IS NULL AS complements
    FROM unnest(phones, wa_user_ids, said) WITH ORDINALITY AS i (phone, wa, at, n)
    LEFT JOIN LATERAL (SELECT x.id, x.phone_number FROM contacts x WHERE x.organization_id = organization AND x.wa_user_id = i.wa OFFSET 0) by_wa ON true
    LEFT JOIN LATERAL (SELECT x.id, x.wa_user_id FROM contacts x WHERE x.organization_id = organization AND x.phone_number = i.phone OFFSET 0) by_phone ON true
    LEFT JOIN LATERAL (SELECT x.into_id FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.wa_user_id = i.wa LIMIT 1) wa_alias ON true
    LEFT JOIN LATERAL (SELECT x.into_id FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.phone_number = i.phone LIMIT 1) phone_alias ON true
    LEFT JOIN LATERAL (SELECT x.contact_id FROM bsp.past_identities x WHERE x.organization_id = organization AND x.wa_user_id = i.wa ORDER BY x.until DESC LIMIT 1) wa_past ON true
    LEFT JOIN LATERAL (SELECT x.contact_id FROM bsp.past_identities x WHERE x.organization_id = organization AND x.phone_number = i.phone AND x.until >= i.at ORDER BY x.until LIMIT 1) phone_past ON true
  ), learned AS (
    UPDATE contacts c SET
      wa_user_id = CASE WHEN l.wa IS NULL OR c.wa_user_id_said_at > l.at THEN c.wa_user_id ELSE l.wa END,
      wa_user_id_said_at = CASE WHEN l.wa IS NULL OR c.wa_user_id_said_at > l.at THEN c.wa_user_id_said_at ELSE coalesce(l.at, now()) END,
      phone_number = coalesce(c.phone_number, l.phone), updated_at = now(), row_version = c.row_version + 1
    FROM (SELECT DISTINCT ON (id) coalesce(f.wa_id, f.phone_id) AS id, CASE WHEN f.lacks_wa THEN f.wa END AS wa, CASE WHEN f.lacks_phone THEN f.phone END AS phone, f.at
          FROM found f WHERE (f.lacks_wa AND f.wa IS NOT NULL) OR (f.lacks_phone AND f.phone IS NOT NULL) ORDER BY id, f.at DESC NULLS LAST, f.n DESC) l
      JOIN contacts o ON o.id = l.id
    WHERE c.id = l.id AND (NOT (l.wa IS NULL OR coalesce(c.wa_user_id_said_at > l.at, false)) OR (c.phone_number IS NULL AND l.phone IS NOT NULL))
    RETURNING c.id, o.wa_user_id AS had, c.wa_user_id AS has, c.wa_user_id_said_at AS at, c.phone_number
  ), passed AS (
    INSERT INTO bsp.past_identities (organization_id, contact_id, wa_user_id, until) SELECT organization, l.id, l.had, l.at FROM learned l WHERE l.had IS NOT NULL AND l.had <> l.has
  )
  SELECT found.n, coalesce(found.wa_id, found.phone_id), CASE WHEN found.complements THEN found.phone_id END, l.phone_number
    FROM found LEFT JOIN learned l ON l.id = coalesce(found.wa_id, found.phone_id) ORDER BY found.n;
END $$;
