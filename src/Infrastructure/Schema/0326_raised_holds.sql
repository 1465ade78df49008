-- A campaign that is resumed at a higher price gets another hold in the place of its first. docs/decisions/0326
SET ROLE bsp_owner;

-- How often its hold was replaced: the n-th one's reference is campaign/{id}/{n}, the first one's campaign/{id}.
ALTER TABLE bsp.campaign_holds ADD COLUMN raised int NOT NULL DEFAULT 0;
