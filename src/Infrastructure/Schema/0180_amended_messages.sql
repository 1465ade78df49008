-- A reaction, an edit and a revocation are documents of their own and name the message that they are about: what a page of messages looks for when it is shown. docs/decisions/0183.
SET ROLE bsp_owner;

ALTER TABLE documents.messages ADD COLUMN amends text;
CREATE INDEX messages_amends ON documents.messages (amends) WHERE amends IS NOT NULL;
