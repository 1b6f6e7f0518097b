-- From files to labeled sounds: at each step, how many went on and how many did not, and why.
-- The outcomes of a step add up to the outcome of the step before that leads to it (see ladder.py).
WITH files AS (
    SELECT status AS outcome, count(*) AS n FROM raw_files GROUP BY ALL
), contents AS (
    SELECT if(first_of_its_content, 'distinct', 'copy of another file') AS outcome, count(*) AS n
    FROM (
        SELECT row_number() OVER (PARTITION BY sha256 ORDER BY path, member NULLS FIRST) = 1 AS first_of_its_content
        FROM raw_files WHERE status = 'voices'
    )
    GROUP BY ALL
), stretches AS (
    SELECT kind AS outcome, count(*) AS n
    FROM dumps SEMI JOIN (FROM raw_files WHERE status = 'voices') USING (sha256)
    GROUP BY ALL
), slots AS (
    SELECT if(sound_id IS NULL, 'byte-over-127', 'readable') AS outcome, count(*) AS n FROM decoded_voices GROUP BY ALL
), sounds AS (
    SELECT 'unique' AS outcome, count(*) AS n FROM unique_voices
    UNION ALL
    SELECT 'repeat of a sound', sum(slots) - count(*) FROM unique_voices
), verdicts AS (
    SELECT if(valid, 'valid', findings[1].rule) AS outcome, count(*) AS n FROM unique_voices GROUP BY ALL
), labels AS (
    SELECT label AS outcome, count(*) AS n FROM labeled_voices GROUP BY ALL
), splits AS (
    SELECT split AS outcome, count(*) AS n FROM training_splits GROUP BY ALL
), steps AS (
    SELECT 1 AS position, 'files' AS step, * FROM files
    UNION ALL SELECT 2, 'contents', * FROM contents
    UNION ALL SELECT 3, 'dumps', * FROM stretches
    UNION ALL SELECT 4, 'voices', * FROM slots
    UNION ALL SELECT 5, 'sounds', * FROM sounds
    UNION ALL SELECT 6, 'verdicts', * FROM verdicts
    UNION ALL SELECT 7, 'labels', * FROM labels
    UNION ALL SELECT 8, 'splits', * FROM splits
)
SELECT position, step, outcome, n::UBIGINT AS count
FROM steps
WHERE n > 0
