-- Meta's news of numbers and user ids in the order of Meta's clock: what is known is as of a moment, and older news does not undo later news.
SET ROLE bsp_owner;

ALTER TABLE contacts
  ADD COLUMN phone_said_at timestamptz,       -- own: when Meta (or a person here) last said that the number is another one; null: nobody did
  ADD COLUMN wa_user_id_said_at timestamptz;  -- own: the same of the user id, and of the message that brought it

-- What a contact was reached by until a moment. What was said before it, and comes only now, is about him and not about whom the network gave the number since.
CREATE TABLE bsp.past_identities (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id uuid NOT NULL,
  contact_id uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  phone_number text,
  wa_user_id text,
  until timestamptz NOT NULL
);
CREATE INDEX past_identities_phone ON bsp.past_identities (organization_id, phone_number, until) WHERE phone_number IS NOT NULL;
CREATE INDEX past_identities_wa ON bsp.past_identities (organization_id, wa_user_id, until) WHERE wa_user_id IS NOT NULL;
CREATE INDEX past_identities_contact ON bsp.past_identities (contact_id);
SELECT bsp.secure_by_tenant('bsp.past_identities');

-- News of somebody whom nobody here knows by what he was reached by: perhaps the news before it is still on its way. Kept as long as the journal.
CREATE TABLE bsp.waiting_identity_news (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id uuid NOT NULL,
  source text NOT NULL,
  proof text NOT NULL,
  phone_number text,                -- known by until then; at least one of the two
  wa_user_id text,
  news jsonb NOT NULL,
  said_at timestamptz NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_id, source, proof)
);
CREATE INDEX waiting_identity_news_phone ON bsp.waiting_identity_news (organization_id, phone_number) WHERE phone_number IS NOT NULL;
CREATE INDEX waiting_identity_news_wa ON bsp.waiting_identity_news (organization_id, wa_user_id) WHERE wa_user_id IS NOT NULL;
CREATE INDEX waiting_identity_news_age ON bsp.waiting_identity_news (parked_at);
SELECT bsp.secure_by_tenant('bsp.waiting_identity_news');

CREATE OR REPLACE FUNCTION bsp.parked_drop_before(p_before timestamptz) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  DELETE FROM bsp.parked_statuses WHERE parked_at < p_before;
  DELETE FROM bsp.waiting_identity_news WHERE parked_at < p_before;
$$;

-- As before; what each was reached by in the past comes along.
CREATE OR REPLACE FUNCTION bsp.merge_contacts(organization uuid, survivor uuid, absorbed uuid, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE s contacts; a contacts; stricter text;
BEGIN
  PERFORM 1 FROM contacts c WHERE c.organization_id = organization AND c.id IN (survivor, absorbed) ORDER BY c.id FOR UPDATE;
  SELECT * INTO s FROM contacts c WHERE c.organization_id = organization AND c.id = survivor;
  SELECT * INTO a FROM contacts c WHERE c.organization_id = organization AND c.id = absorbed;
  IF s.id IS NULL OR a.id IS NULL THEN
    RAISE EXCEPTION 'a contact to be merged is gone' USING ERRCODE = 'no_data_found';
  END IF;

  INSERT INTO contact_list_items (contact_id, list_id, added_at, organization_id)
  SELECT survivor, i.list_id, i.added_at, i.organization_id FROM contact_list_items i WHERE i.contact_id = absorbed ORDER BY i.list_id ON CONFLICT DO NOTHING;
  UPDATE bsp.past_identities p SET contact_id = survivor WHERE p.organization_id = organization AND p.contact_id = absorbed;
  DELETE FROM contacts c WHERE c.organization_id = organization AND c.id = absorbed;
  -- The triggers' own rows of this transaction; a survivor's joining stays where the other's was never noted (before there was a history).
  DELETE FROM bsp.list_history h WHERE h.organization_id = organization AND h.at = now()
     AND (h.contact_id = absorbed AND NOT h.added
       OR h.contact_id = survivor AND h.added AND EXISTS (SELECT FROM bsp.list_history j WHERE j.contact_id = absorbed AND j.list_id = h.list_id AND j.added));
  UPDATE bsp.list_history h SET contact_id = survivor WHERE h.organization_id = organization AND h.contact_id = absorbed;
  UPDATE bsp.contact_aliases x SET into_id = survivor WHERE x.organization_id = organization AND x.into_id = absorbed;
  INSERT INTO bsp.contact_aliases (contact_id, organization_id, into_id, phone_number, wa_user_id, merged_at)
  VALUES (absorbed, organization, survivor, CASE WHEN s.phone_number IS NOT NULL THEN a.phone_number END, CASE WHEN s.wa_user_id IS NOT NULL THEN a.wa_user_id END, at);

  stricter := CASE WHEN 'OPTED_OUT' IN (s.consent_status, a.consent_status) THEN 'OPTED_OUT' WHEN 'PENDING' IN (s.consent_status, a.consent_status) THEN 'PENDING' ELSE 'OPTED_IN' END;
  UPDATE contacts c SET
    phone_number = coalesce(s.phone_number, a.phone_number), wa_user_id = coalesce(s.wa_user_id, a.wa_user_id),
    phone_said_at = CASE WHEN s.phone_number IS NULL THEN a.phone_said_at ELSE s.phone_said_at END, wa_user_id_said_at = CASE WHEN s.wa_user_id IS NULL THEN a.wa_user_id_said_at ELSE s.wa_user_id_said_at END,
    first_name = coalesce(s.first_name, a.first_name), last_name = coalesce(s.last_name, a.last_name), email = coalesce(s.email, a.email),
    custom_fields = a.custom_fields || s.custom_fields,
    tags = CASE WHEN s.tags @> a.tags THEN s.tags ELSE (SELECT jsonb_agg(DISTINCT t) FROM jsonb_array_elements(s.tags || a.tags) AS t) END,
    consent_status = stricter,
    consent_updated_at = CASE WHEN s.consent_status = a.consent_status THEN greatest(s.consent_updated_at, a.consent_updated_at) WHEN s.consent_status = stricter THEN s.consent_updated_at ELSE a.consent_updated_at END,
    last_interaction = greatest(s.last_interaction, a.last_interaction),
    total_messages_received = s.total_messages_received + a.total_messages_received, total_messages_sent = s.total_messages_sent + a.total_messages_sent,
    created_at = least(s.created_at, a.created_at), updated_at = at, row_version = s.row_version + 1,
    import_ids = nullif(coalesce(a.import_ids, '{}') || coalesce(s.import_ids, '{}'), '{}')
  WHERE c.id = survivor;
END $$;

-- As before; changed_phone: number of a row that learned something, whose cached copy is out of date. And with the moment at which each was so reached, by Meta's clock (null: now): who had the number or user id then is meant, and only a later word replaces a user id.
CREATE FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[], said timestamptz[])
RETURNS TABLE (n bigint, contact_id uuid, other_id uuid, changed_phone text) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  -- in key order, so that two callers with overlapping people wait for each other instead of deadlocking
  INSERT INTO contacts AS c (id, organization_id, phone_number, wa_user_id, first_name, last_name, wa_user_id_said_at)
  SELECT i.new_id, organization, i.phone, i.wa, i.first_name, i.last_name, CASE WHEN i.wa IS NOT NULL THEN i.at END
  FROM unnest(phones, wa_user_ids, first_names, last_names, new_ids, said) AS i (phone, wa, first_name, last_name, new_id, at)
  WHERE NOT EXISTS (SELECT FROM contacts x WHERE x.organization_id = organization AND x.wa_user_id = i.wa)
    AND NOT EXISTS (SELECT FROM contacts x WHERE x.organization_id = organization AND x.phone_number = i.phone)
    AND NOT EXISTS (SELECT FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.wa_user_id = i.wa)
    AND NOT EXISTS (SELECT FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.phone_number = i.phone)
    AND NOT EXISTS (SELECT FROM bsp.past_identities x WHERE x.organization_id = organization AND x.wa_user_id = i.wa)
    AND NOT EXISTS (SELECT FROM bsp.past_identities x WHERE x.organization_id = organization AND x.phone_number = i.phone AND x.until >= i.at)
  ORDER BY i.phone, i.wa
  ON CONFLICT DO NOTHING;

  -- An insert that waited for a merge has just made the absorbed contact anew. The caller tries again.
  IF EXISTS (SELECT FROM contacts c JOIN bsp.contact_aliases x ON x.organization_id = c.organization_id AND (x.phone_number = c.phone_number OR x.wa_user_id = c.wa_user_id)
             WHERE c.organization_id = organization AND c.id = ANY (new_ids)) THEN
    RAISE EXCEPTION 'merged meanwhile' USING ERRCODE = 'unique_violation';
  END IF;

  RETURN QUERY
  WITH found AS MATERIALIZED (
    SELECT i.n, i.phone, i.wa, i.at, coalesce(by_wa.id, wa_alias.into_id, wa_past.contact_id) AS wa_id, coalesce(phone_past.contact_id, by_phone.id, phone_alias.into_id) AS phone_id,
      by_wa.id IS NULL AND wa_alias.into_id IS NULL AND wa_past.contact_id IS NULL AS lacks_wa, by_phone.id IS NULL AND phone_alias.into_id IS NULL AND phone_past.contact_id IS NULL AS lacks_phone,
      by_wa.phone_number IS NULL AND by_phone.wa_user_id IS NULL AND by_wa.id <> by_phone.id AND phone_past.contact_id IS NULL AS complements
    FROM unnest(phones, wa_user_ids, said) WITH ORDINALITY AS i (phone, wa, at, n)
    LEFT JOIN contacts by_wa ON by_wa.organization_id = organization AND by_wa.wa_user_id = i.wa
    LEFT JOIN contacts by_phone ON by_phone.organization_id = organization AND by_phone.phone_number = i.phone
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

-- For processes of the build before, which serve until they are restarted: a webhook that they could not take in would be noted as failed.
CREATE OR REPLACE FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[])
RETURNS TABLE (n bigint, contact_id uuid, other_id uuid) LANGUAGE sql VOLATILE AS $$
  SELECT e.n, e.contact_id, e.other_id FROM bsp.ensure_contacts($1, $2, $3, $4, $5, $6, array_fill(NULL::timestamptz, ARRAY[cardinality($2)])) e ORDER BY e.n
$$;
