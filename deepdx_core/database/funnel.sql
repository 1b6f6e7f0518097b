-- The funnel from files to families and labeled sounds: the count of each outcome, by step and source.
-- The outcomes of a step add up to the count of the outcome that leads to it (see funnel.py).
-- A source is a top folder of the inbox, or of an archive in it. Duplicates count for the source of the first path;
-- a sound that is converted and a DX7 voice counts for that of the DX7 voice.
WITH paths AS (
    SELECT
        *,
        CASE
            WHEN member IS NOT NULL THEN path || CASE WHEN contains(member, '/') THEN ': ' || split_part(member, '/', 1) ELSE '' END
            WHEN contains(path, '/') THEN split_part(path, '/', 1)
            ELSE '(loose files)'
        END AS source,
        row_number() OVER (PARTITION BY sha256, status ORDER BY path, member NULLS FIRST) AS nth,
        row_number() OVER (ORDER BY path, member NULLS FIRST) AS place
    FROM raw_files
), files AS (
    SELECT source, status AS outcome, count(*) AS n FROM paths GROUP BY ALL
), contents AS (
    SELECT source, CASE WHEN nth = 1 THEN 'distinct' ELSE 'copy of another file' END AS outcome, count(*) AS n
    FROM paths WHERE status = 'voices'
    GROUP BY ALL
), origins AS (
    SELECT sha256, source, place FROM paths WHERE sha256 IS NOT NULL AND nth = 1
), segments AS (
    SELECT source, kind AS outcome, count(*) AS n
    FROM dumps JOIN origins USING (sha256) SEMI JOIN (FROM raw_files WHERE status = 'voices') USING (sha256)
    GROUP BY ALL
), slots AS (
    SELECT sound_id, source, row_number() OVER (PARTITION BY sound_id ORDER BY place, "offset", slot) AS nth
    FROM decoded_voices JOIN origins USING (sha256)
), readable AS (
    SELECT source, CASE WHEN sound_id IS NULL THEN 'corrupt: byte-over-127' ELSE 'readable' END AS outcome, count(*) AS n
    FROM slots GROUP BY ALL
), sounds AS (
    SELECT source, CASE WHEN nth = 1 THEN 'unique' ELSE 'repeat of a sound' END AS outcome, count(*) AS n
    FROM slots WHERE sound_id IS NOT NULL
    GROUP BY ALL
), converted_slots AS (
    SELECT
        sound_id, source, unique_voices.converted,
        row_number() OVER (PARTITION BY sound_id ORDER BY place, "offset", slot) AS nth
    FROM converted_voices JOIN origins USING (sha256) LEFT JOIN unique_voices USING (sound_id)
), conversions AS (
    SELECT
        source,
        CASE
            WHEN sound_id IS NULL THEN 'no counterpart, or out of range'
            WHEN NOT converted THEN 'repeat of a DX7 sound'
            WHEN nth = 1 THEN 'unique'
            ELSE 'repeat of a converted sound'
        END AS outcome,
        count(*) AS n
    FROM converted_slots GROUP BY ALL
), found_sounds AS (
    SELECT sound_id, source FROM slots WHERE sound_id IS NOT NULL AND nth = 1
    UNION ALL SELECT sound_id, source FROM converted_slots WHERE converted AND nth = 1
), repaired_sounds AS (
    SELECT repaired_id AS sound_id, min(source) AS source
    FROM unique_voices JOIN found_sounds USING (sound_id)
    WHERE repaired_id NOT IN (SELECT sound_id FROM slots WHERE sound_id IS NOT NULL)
    GROUP BY ALL
), repairs AS (
    SELECT source, 'made by a repair' AS outcome, count(*) AS n FROM repaired_sounds GROUP BY ALL
), sound_verdicts AS (
    SELECT sound_id, source, verdict, decided_by, findings
    FROM verdicts JOIN (FROM found_sounds UNION ALL FROM repaired_sounds) USING (sound_id)
), verdict_counts AS (
    SELECT
        source,
        CASE
            WHEN verdict = 'valid' THEN 'valid'
            WHEN decided_by = 'user' THEN verdict || ': the user''s word'
            ELSE verdict || ': ' || findings[1].rule
        END AS outcome,
        count(*) AS n
    FROM sound_verdicts GROUP BY ALL
), ranks AS (
    SELECT
        source,
        row_number() OVER (PARTITION BY functional_id ORDER BY converted, files DESC, slots DESC, sound_id) AS nth_of_function,
        row_number() OVER (PARTITION BY family_id ORDER BY converted, files DESC, slots DESC, sound_id) AS nth_of_family
    FROM sound_verdicts JOIN families USING (sound_id) JOIN unique_voices USING (sound_id)
    WHERE verdict = 'valid'
), functions AS (
    SELECT source, CASE WHEN nth_of_function = 1 THEN 'different to the ear' ELSE 'differs in what nobody hears' END AS outcome, count(*) AS n
    FROM ranks GROUP BY ALL
), family_counts AS (
    SELECT source, CASE WHEN nth_of_family = 1 THEN 'family' ELSE 'variant within a family' END AS outcome, count(*) AS n
    FROM ranks WHERE nth_of_function = 1
    GROUP BY ALL
), labels AS (
    SELECT source, label AS outcome, count(*) AS n FROM labeled_voices JOIN sound_verdicts USING (sound_id) GROUP BY ALL
), splits AS (
    SELECT source, split AS outcome, count(*) AS n
    FROM training_splits JOIN sound_verdicts USING (sound_id)
    WHERE in_corpus
    GROUP BY ALL
    UNION ALL
    SELECT source, 'none: converted' AS outcome, count(*) AS n
    FROM labeled_voices JOIN sound_verdicts USING (sound_id) JOIN unique_voices USING (sound_id)
    ANTI JOIN (FROM training_splits WHERE in_corpus) USING (sound_id)
    WHERE converted
    GROUP BY ALL
)
SELECT position, step, source, outcome, n::UBIGINT AS count
FROM (
    SELECT 1 AS position, 'files' AS step, * FROM files
    UNION ALL SELECT 2, 'contents', * FROM contents
    UNION ALL SELECT 3, 'dumps', * FROM segments
    UNION ALL SELECT 4, 'voices', * FROM readable
    UNION ALL SELECT 5, 'sounds', * FROM sounds
    UNION ALL SELECT 6, 'repairs', * FROM repairs
    UNION ALL SELECT 7, 'conversions', * FROM conversions
    UNION ALL SELECT 8, 'verdicts', * FROM verdict_counts
    UNION ALL SELECT 9, 'functions', * FROM functions
    UNION ALL SELECT 10, 'families', * FROM family_counts
    UNION ALL SELECT 11, 'labels', * FROM labels
    UNION ALL SELECT 12, 'splits', * FROM splits
)
