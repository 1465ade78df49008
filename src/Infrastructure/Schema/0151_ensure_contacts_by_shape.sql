-- Each person of a webhook is looked up by the index that begins with what they are known by, behind OFFSET 0 (0150): joined, the planner read all contacts of an organization that it had never seen, once
-- a webhook, because it expected one. docs/decisions/0150
SET ROLE bsp_owner;

-- As in 0128 otherwise.
CREATE OR REPLACE FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[], said timestamptz[])
RETURNS TABLE (n bigint, contact_id uuid, other_id uuid, changed_phone text) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
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
