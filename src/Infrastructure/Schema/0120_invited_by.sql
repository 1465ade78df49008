-- Who invited: an invitation counts for as long as he may still give its role (docs/decisions/0095). Directory database.
SET ROLE bsp_owner;
ALTER TABLE bsp.directory_tokens ADD COLUMN invited_by text;   -- user:<id>, key:<id> or platform; null: a reset, or an invitation of before this column, which ends within seven days
