-- Several identities of one person: merging, erasing, and what happened to a contact beside its events.
SET ROLE bsp_owner;

-- Contacts that became part of another one: their ids keep answering, their numbers and user ids keep finding the person.
CREATE TABLE bsp.contact_aliases (
  contact_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  into_id uuid NOT NULL,            -- a contact, never an alias: a later merge moves it along
  phone_number text,                -- only where the surviving contact has another
  wa_user_id text,
  merged_at timestamptz NOT NULL
);
CREATE INDEX contact_aliases_into ON bsp.contact_aliases (into_id);
CREATE INDEX contact_aliases_phone ON bsp.contact_aliases (organization_id, phone_number) WHERE phone_number IS NOT NULL;
CREATE INDEX contact_aliases_wa ON bsp.contact_aliases (organization_id, wa_user_id) WHERE wa_user_id IS NOT NULL;
SELECT bsp.secure_by_tenant('bsp.contact_aliases');

-- An erasure on its way, and that there was one. The row is written before anything is destroyed, so that a killed process's work is found and finished.
CREATE TABLE bsp.contact_erasures (
  contact_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  contact_ids uuid[] NOT NULL,      -- with those merged into it
  identities text,                  -- sealed: numbers, user ids and addresses to look for; null when all is gone
  requested_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz,
  leased_until timestamptz,
  attempts int NOT NULL DEFAULT 0,
  error text
);
CREATE INDEX contact_erasures_open ON bsp.contact_erasures (organization_id, requested_at) WHERE completed_at IS NULL;
CREATE INDEX contact_erasures_ids ON bsp.contact_erasures USING gin (contact_ids);
SELECT bsp.secure_by_tenant('bsp.contact_erasures');

-- Who was in which list, from when to when; written by the lists' own triggers.
CREATE TABLE bsp.list_history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  list_id uuid NOT NULL,
  added boolean NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX list_history_contact ON bsp.list_history (contact_id, at);
SELECT bsp.secure_by_tenant('bsp.list_history');

CREATE OR REPLACE FUNCTION bsp.count_list_items() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM contact_lists WHERE id IN (SELECT list_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
  UPDATE contact_lists l SET contact_count = l.contact_count + CASE TG_OP WHEN 'INSERT' THEN c.n ELSE -c.n END, updated_at = now()
  FROM (SELECT list_id, count(*)::int AS n FROM changed GROUP BY list_id) c WHERE l.id = c.list_id;
  INSERT INTO bsp.list_history (organization_id, contact_id, list_id, added) SELECT organization_id, contact_id, list_id, TG_OP = 'INSERT' FROM changed;
  RETURN NULL;
END $$;

ALTER TABLE contacts ADD COLUMN import_ids uuid[]; -- own: the imports that wrote the row, oldest first, the last 20 of them

-- One person of two rows, inside the transaction of the event that says so. Rules: the survivor's word stands, gaps are filled from the other; the stricter consent wins;
-- counters add up; tags, lists and custom fields join. Numbers and user ids that found no place stay as aliases.
CREATE FUNCTION bsp.merge_contacts(organization uuid, survivor uuid, absorbed uuid, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
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
  DELETE FROM contacts c WHERE c.organization_id = organization AND c.id = absorbed;
  UPDATE bsp.list_history h SET contact_id = survivor WHERE h.organization_id = organization AND h.contact_id = absorbed;
  UPDATE bsp.contact_aliases x SET into_id = survivor WHERE x.organization_id = organization AND x.into_id = absorbed;
  INSERT INTO bsp.contact_aliases (contact_id, organization_id, into_id, phone_number, wa_user_id, merged_at)
  VALUES (absorbed, organization, survivor, CASE WHEN s.phone_number IS NOT NULL THEN a.phone_number END, CASE WHEN s.wa_user_id IS NOT NULL THEN a.wa_user_id END, at);

  stricter := CASE WHEN 'OPTED_OUT' IN (s.consent_status, a.consent_status) THEN 'OPTED_OUT' WHEN 'PENDING' IN (s.consent_status, a.consent_status) THEN 'PENDING' ELSE 'OPTED_IN' END;
  UPDATE contacts c SET
    phone_number = coalesce(s.phone_number, a.phone_number), wa_user_id = coalesce(s.wa_user_id, a.wa_user_id),
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

-- Everything of a person that lies in this database's rows, inside the transaction of the event that says so. Documents, caches and the journal follow (ErasureWorker).
CREATE FUNCTION bsp.erase_contacts(organization uuid, ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM contacts c WHERE c.organization_id = organization AND c.id = ANY (ids);
  DELETE FROM bsp.contact_keys k WHERE k.organization_id = organization AND k.contact_id = ANY (ids);
  DELETE FROM bsp.contact_aliases x WHERE x.organization_id = organization AND (x.contact_id = ANY (ids) OR x.into_id = ANY (ids));
  DELETE FROM bsp.list_history h WHERE h.organization_id = organization AND h.contact_id = ANY (ids);
END $$;

-- Gives one open erasure to a worker, which does not know the organization before.
CREATE FUNCTION bsp.lease_erasure(seconds int) RETURNS TABLE (organization_id uuid, contact_id uuid) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  UPDATE bsp.contact_erasures e SET leased_until = now() + make_interval(secs => seconds)
  WHERE e.contact_id = (SELECT o.contact_id FROM bsp.contact_erasures o WHERE o.completed_at IS NULL AND (o.leased_until IS NULL OR o.leased_until < now())
                        ORDER BY o.requested_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING e.organization_id, e.contact_id
$$;

-- Who writes to us: by user id, by number, by what a merged contact was reached by; else a new row. Meta names both ids: a user id that it gives to a number it gave another one before replaces it.
-- other_id: the number is one contact without a user id, the user id another without a number; Meta says that they are one person.
DROP FUNCTION bsp.ensure_contacts(uuid, text[], text[], text[], text[], uuid[]);
CREATE FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[])
RETURNS TABLE (n bigint, contact_id uuid, other_id uuid) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  -- in key order, so that two callers with overlapping people wait for each other instead of deadlocking
  INSERT INTO contacts AS c (id, organization_id, phone_number, wa_user_id, first_name, last_name)
  SELECT i.new_id, organization, i.phone, i.wa, i.first_name, i.last_name
  FROM unnest(phones, wa_user_ids, first_names, last_names, new_ids) AS i (phone, wa, first_name, last_name, new_id)
  WHERE NOT EXISTS (SELECT FROM contacts x WHERE x.organization_id = organization AND x.wa_user_id = i.wa)
    AND NOT EXISTS (SELECT FROM contacts x WHERE x.organization_id = organization AND x.phone_number = i.phone)
    AND NOT EXISTS (SELECT FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.wa_user_id = i.wa)
    AND NOT EXISTS (SELECT FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.phone_number = i.phone)
  ORDER BY i.phone, i.wa
  ON CONFLICT DO NOTHING;

  -- An insert that waited for a merge has just made the absorbed contact anew. The caller tries again.
  IF EXISTS (SELECT FROM contacts c JOIN bsp.contact_aliases x ON x.organization_id = c.organization_id AND (x.phone_number = c.phone_number OR x.wa_user_id = c.wa_user_id)
             WHERE c.organization_id = organization AND c.id = ANY (new_ids)) THEN
    RAISE EXCEPTION 'merged meanwhile' USING ERRCODE = 'unique_violation';
  END IF;

  RETURN QUERY
  WITH found AS MATERIALIZED (
    SELECT i.n, i.phone, i.wa, coalesce(by_wa.id, wa_alias.into_id) AS wa_id, coalesce(by_phone.id, phone_alias.into_id) AS phone_id, by_wa.id IS NULL AND wa_alias.into_id IS NULL AS lacks_wa, by_phone.id IS NULL AND phone_alias.into_id IS NULL AS lacks_phone,
      by_wa.phone_number IS NULL AND by_phone.wa_user_id IS NULL AND by_wa.id <> by_phone.id AS complements
    FROM unnest(phones, wa_user_ids) WITH ORDINALITY AS i (phone, wa, n)
    LEFT JOIN contacts by_wa ON by_wa.organization_id = organization AND by_wa.wa_user_id = i.wa
    LEFT JOIN contacts by_phone ON by_phone.organization_id = organization AND by_phone.phone_number = i.phone
    LEFT JOIN LATERAL (SELECT x.into_id FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.wa_user_id = i.wa LIMIT 1) wa_alias ON true
    LEFT JOIN LATERAL (SELECT x.into_id FROM bsp.contact_aliases x WHERE x.organization_id = organization AND x.phone_number = i.phone LIMIT 1) phone_alias ON true
  ), learned AS (
    UPDATE contacts c SET wa_user_id = coalesce(l.wa, c.wa_user_id), phone_number = coalesce(c.phone_number, l.phone), updated_at = now(), row_version = row_version + 1
    FROM (SELECT DISTINCT ON (id) coalesce(f.wa_id, f.phone_id) AS id, CASE WHEN f.lacks_wa THEN f.wa END AS wa, CASE WHEN f.lacks_phone THEN f.phone END AS phone
          FROM found f WHERE (f.lacks_wa AND f.wa IS NOT NULL) OR (f.lacks_phone AND f.phone IS NOT NULL) ORDER BY id, f.n DESC) l
    WHERE c.id = l.id AND (l.wa IS NOT NULL OR (c.phone_number IS NULL AND l.phone IS NOT NULL))
  )
  SELECT found.n, coalesce(found.wa_id, found.phone_id), CASE WHEN found.complements THEN found.phone_id END FROM found ORDER BY found.n;
END $$;

-- The raw journal lies in the directory database and is never changed, but for this: the parts of an erased person are cut out of a body. body_sha256 stays that of the bytes received.
CREATE FUNCTION bsp.journal_redact(p_id bigint, p_received_at timestamptz, p_body bytea) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS
$$ UPDATE bsp.webhook_journal SET body = p_body WHERE id = p_id AND received_at = p_received_at $$;
REVOKE EXECUTE ON FUNCTION bsp.journal_redact(bigint, timestamptz, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.journal_redact(bigint, timestamptz, bytea) TO bsp_app;
