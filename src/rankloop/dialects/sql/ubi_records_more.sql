-- Lines of one block.
INSERT INTO ubi_records SELECT n, rtrim(body, chr(10) || chr(13)) FROM import_block
