-- A file adds to what a contact has, file after file: what comes of it has the bounds of a contact (ContactFieldsValidator), or the row is a reject (22023, of which the import makes one).
SET ROLE bsp_owner;

CREATE FUNCTION bsp.bounded_custom_fields(fields jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF octet_length(fields::text) > 8192 OR (SELECT count(*) FROM jsonb_object_keys(fields)) > 50 THEN
    RAISE EXCEPTION 'with those that the contact has, custom_fields would have more than 50 keys or 8192 bytes' USING ERRCODE = '22023';
  END IF;
  RETURN fields;
END $$;

CREATE FUNCTION bsp.bounded_tags(tags jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF jsonb_array_length(tags) > 50 THEN
    RAISE EXCEPTION 'with those that the contact has, there would be more than 50 tags' USING ERRCODE = '22023';
  END IF;
  RETURN tags;
END $$;

REVOKE EXECUTE ON FUNCTION bsp.bounded_custom_fields(jsonb), bsp.bounded_tags(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.bounded_custom_fields(jsonb), bsp.bounded_tags(jsonb) TO bsp_app;
