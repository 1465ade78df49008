-- Find-or-create for whoever writes to us. Each statement of a volatile function sees what others committed meanwhile (read committed),
-- and an insert that meets another's uncommitted row waits for it: two callers end with one row.
SET ROLE bsp_owner;

CREATE FUNCTION bsp.ensure_contacts(organization uuid, phones text[], wa_user_ids text[], first_names text[], last_names text[], new_ids uuid[])
RETURNS TABLE (n bigint, contact_id uuid) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  -- in key order, so that two callers with overlapping people wait for each other instead of deadlocking
  INSERT INTO contacts AS c (id, organization_id, phone_number, wa_user_id, first_name, last_name)
  SELECT i.new_id, organization, i.phone, i.wa, i.first_name, i.last_name
  FROM unnest(phones, wa_user_ids, first_names, last_names, new_ids) AS i (phone, wa, first_name, last_name, new_id)
  WHERE NOT EXISTS (SELECT FROM contacts x WHERE x.organization_id = organization AND x.wa_user_id = i.wa)
    AND NOT EXISTS (SELECT FROM contacts x WHERE x.organization_id = organization AND x.phone_number = i.phone)
  ORDER BY i.phone, i.wa
  ON CONFLICT DO NOTHING;

  RETURN QUERY
  WITH found AS MATERIALIZED (
    SELECT i.n, i.phone, i.wa, coalesce(by_wa.id, by_phone.id) AS id, by_wa.id IS NULL AS lacks_wa, by_phone.id IS NULL AS lacks_phone
    FROM unnest(phones, wa_user_ids) WITH ORDINALITY AS i (phone, wa, n)
    LEFT JOIN contacts by_wa ON by_wa.organization_id = organization AND by_wa.wa_user_id = i.wa
    LEFT JOIN contacts by_phone ON by_phone.organization_id = organization AND by_phone.phone_number = i.phone
  ), learned AS (
    UPDATE contacts c SET wa_user_id = coalesce(c.wa_user_id, l.wa), phone_number = coalesce(c.phone_number, l.phone), updated_at = now(), row_version = row_version + 1
    FROM (SELECT DISTINCT ON (f.id) f.id, CASE WHEN f.lacks_wa THEN f.wa END AS wa, CASE WHEN f.lacks_phone THEN f.phone END AS phone
          FROM found f WHERE (f.lacks_wa AND f.wa IS NOT NULL) OR (f.lacks_phone AND f.phone IS NOT NULL) ORDER BY f.id) l
    WHERE c.id = l.id AND ((c.wa_user_id IS NULL AND l.wa IS NOT NULL) OR (c.phone_number IS NULL AND l.phone IS NOT NULL))
  )
  SELECT found.n, found.id FROM found ORDER BY found.n;
END $$;
