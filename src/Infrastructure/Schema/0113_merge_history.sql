-- What a merge leaves in the history of lists is what happened to the person: his memberships move along; that the absorbed row left and the surviving one joined at that moment is nobody's doing.
SET ROLE bsp_owner;

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
