-- A document's words are stemmed as its language's are, and each term belongs to a language: the German `haus` and the
-- English `haus` are two. A question is stemmed in every language. So a word of the question and a word of a chunk are
-- the same where the chunk's language gives them the same stem, a chunk has each of the question's words in one form at
-- the most, and the forms' frequencies add up to the word's.

-- The languages that have stemmers of their own here. Documents of others, and of none that is known, are taken as
-- English: its stemmer leaves most of their words whole. One more needs its documents indexed again
-- (rag/ingestion/reindexing.py, LEXICAL_VERSION).
CREATE FUNCTION rag_languages() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{ar,de,el,en,es,fr,hi,it,nl,pt,ru,sv}'::text[];

CREATE FUNCTION rag_stemmed_as(language text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN language = ANY(rag_languages()) THEN language ELSE 'en' END;

CREATE FUNCTION rag_configuration(language text) RETURNS regconfig LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE language
    WHEN 'ar' THEN 'pg_catalog.arabic'::regconfig WHEN 'de' THEN 'pg_catalog.german'::regconfig
    WHEN 'el' THEN 'pg_catalog.greek'::regconfig WHEN 'es' THEN 'pg_catalog.spanish'::regconfig
    WHEN 'fr' THEN 'pg_catalog.french'::regconfig WHEN 'hi' THEN 'pg_catalog.hindi'::regconfig
    WHEN 'it' THEN 'pg_catalog.italian'::regconfig WHEN 'nl' THEN 'pg_catalog.dutch'::regconfig
    WHEN 'pt' THEN 'pg_catalog.portuguese'::regconfig WHEN 'ru' THEN 'pg_catalog.russian'::regconfig
    WHEN 'sv' THEN 'pg_catalog.swedish'::regconfig ELSE 'pg_catalog.english'::regconfig END;

-- Chinese, Japanese and Korean in overlapping pairs of characters, since the parser takes what stands between two
-- spaces for a word: 数据库 becomes 数据 据库. A character that stands alone stays.
CREATE FUNCTION rag_pairs(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN octet_length(t) > length(t)
    AND t ~ '[\u3005\u3041-\u3096\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0002fa1f]'
THEN regexp_replace(
    regexp_replace(
        t,
        '[\u3005\u3041-\u3096\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0002fa1f]+',
        ' \& ', 'g'),
    '(?<=[\u3005\u3041-\u3096\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0002fa1f])'
    '([\u3005\u3041-\u3096\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0002fa1f])'
    '(?=[\u3005\u3041-\u3096\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0002fa1f])',
    '\1 \1', 'g')
ELSE t END;

-- ASCII has no accents to take off; the check costs a tenth of looking.
CREATE OR REPLACE FUNCTION rag_normalize(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN regexp_replace(
    regexp_replace(CASE WHEN octet_length(t) > length(t) THEN rag_unaccent(t) ELSE t END,
                   '([a-z0-9])([A-Z])', '\1 \2', 'g'),
    '[/._:\-]+', ' ', 'g');

-- The Spanish and Portuguese stemmers know their commonest endings by the accents, which are off: información,
-- informaciones and informacion are one word. (The others take the accents off themselves, or cut the same without.)
CREATE FUNCTION rag_accent_endings(t text, configuration regconfig) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE configuration
    WHEN 'pg_catalog.spanish'::regconfig THEN regexp_replace(t, 'ion\M', 'ión', 'gi')
    WHEN 'pg_catalog.portuguese'::regconfig THEN
        regexp_replace(regexp_replace(t, 'cao\M', 'ção', 'gi'), 'coes\M', 'ções', 'gi')
    ELSE t END;

CREATE FUNCTION rag_lexemes(t text, configuration regconfig) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN to_tsvector(configuration, rag_accent_endings(rag_pairs(rag_normalize(t)), configuration));

DROP FUNCTION rag_lexemes(text);

-- The words of a question by their places, each with its stem in every language. Without those that the question's own
-- language calls stop words (none where p_language is ''), and without p_left_out, words with spaces between: rare in
-- documents of another language, they would weigh as rare words do. Places are the parser's, the same in all languages.
CREATE FUNCTION rag_question_words(p_text text, p_language text, p_left_out text)
RETURNS TABLE (place int, language text, lexeme text) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH normal AS MATERIALIZED (
        SELECT rag_pairs(rag_normalize(p_text)) AS t
    ), kept AS MATERIALIZED (
        SELECT p.place FROM normal, unnest(to_tsvector('pg_catalog.simple', t)) w, unnest(w.positions) AS p(place)
        WHERE w.lexeme <> ALL(tsvector_to_array(to_tsvector('pg_catalog.simple', rag_normalize(p_left_out))))
          AND (p_language = '' OR p.place IN (
              SELECT unnest(o.positions) FROM unnest(to_tsvector(
                  rag_configuration(p_language), rag_accent_endings(t, rag_configuration(p_language)))) o))
    )
    SELECT p.place, l.language, w.lexeme
    FROM normal, unnest(rag_languages()) AS l(language),
         unnest(to_tsvector(rag_configuration(l.language),
                            rag_accent_endings(normal.t, rag_configuration(l.language)))) w,
         unnest(w.positions) AS p(place)
    WHERE p.place IN (SELECT k.place FROM kept k)
$$;

-- The words of chunks with ordinals in [p_first, p_first + p_count), as their document's language has them. Words of
-- title and headings count three times, in tf but not in length.
CREATE FUNCTION rag_chunk_words(p_document bigint, p_first int, p_count int)
RETURNS TABLE (chunk_id bigint, lexeme text, tf int, length int) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT v.id, u.lexeme, cardinality(u.positions) + 2 * cardinality(array_positions(u.weights, 'A')),
           (sum(cardinality(u.positions)) OVER (PARTITION BY v.id))::int
    FROM (SELECT c.id, setweight(rag_lexemes(d.title || ' ' || c.heading, d.configuration), 'A')
                       || rag_lexemes(c.text, d.configuration) AS words
          FROM (SELECT id, title, rag_configuration(language) AS configuration FROM rag_document
                WHERE id = p_document) d
          JOIN rag_chunk c ON c.document_id = d.id
          WHERE c.ordinal >= p_first AND c.ordinal < p_first + p_count) v,
         unnest(v.words) u
$$;

CREATE FUNCTION rag_weight(tf int, length int, average float8) RETURNS float4
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / average)))::float4;

-- As before, with a language to each lexeme. Lexemes are locked by language and name.
CREATE OR REPLACE FUNCTION rag_index_chunks(p_document bigint, p_first int, p_count int) RETURNS int
LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
    v_average float8 := coalesce((SELECT average_length FROM rag_corpusstatistic), 100);
    v_language text := (SELECT rag_stemmed_as(language) FROM rag_document WHERE id = p_document);
    v_chunks int;
BEGIN
    IF p_count > 1000 THEN
        RAISE 'At most 1000 chunks in one call, not %: the locks would be held too long.', p_count;
    END IF;
    CREATE TEMP TABLE IF NOT EXISTS rag_batch (chunk_id bigint, lexeme text, tf int, length int) ON COMMIT DELETE ROWS;
    TRUNCATE pg_temp.rag_batch;
    INSERT INTO pg_temp.rag_batch SELECT * FROM rag_chunk_words(p_document, p_first, p_count);
    ANALYZE pg_temp.rag_batch;

    -- ON CONFLICT burns an id per row, and ids are bounded by the vectors' dimensions: only what is really new.
    INSERT INTO rag_lexeme (language, lexeme, frequency)
    SELECT v_language, b.lexeme, 0 FROM (SELECT DISTINCT lexeme FROM pg_temp.rag_batch) b
    WHERE NOT EXISTS (SELECT FROM rag_lexeme l WHERE l.language = v_language AND l.lexeme = b.lexeme)
    ORDER BY b.lexeme ON CONFLICT (language, lexeme) DO NOTHING;
    PERFORM FROM rag_lexeme
    WHERE language = v_language AND lexeme IN (SELECT lexeme FROM pg_temp.rag_batch)
    ORDER BY language, lexeme FOR NO KEY UPDATE;
    UPDATE rag_lexeme l SET frequency = l.frequency + b.n
    FROM (SELECT lexeme, count(*) AS n FROM pg_temp.rag_batch GROUP BY lexeme) b
    WHERE l.language = v_language AND l.lexeme = b.lexeme;

    INSERT INTO rag_lexicalvector (chunk_id, collection_id, weights)      -- a chunk without a word has a vector too
    SELECT c.id, d.collection_id, (coalesce('{' || w.weights || '}', '{}') || '/1000000000')::sparsevec
    FROM rag_chunk c JOIN rag_document d ON d.id = c.document_id
    LEFT JOIN (SELECT b.chunk_id, string_agg(l.id || ':' || rag_weight(b.tf, b.length, v_average), ',') AS weights
               FROM pg_temp.rag_batch b JOIN rag_lexeme l ON l.language = v_language AND l.lexeme = b.lexeme
               GROUP BY b.chunk_id) w ON w.chunk_id = c.id
    WHERE c.document_id = p_document AND c.ordinal >= p_first AND c.ordinal < p_first + p_count;
    GET DIAGNOSTICS v_chunks = ROW_COUNT;

    INSERT INTO rag_collectionstatistic AS s (collection_id, chunk_count)
    SELECT collection_id, v_chunks FROM rag_document WHERE id = p_document
    ON CONFLICT (collection_id) DO UPDATE SET chunk_count = s.chunk_count + excluded.chunk_count;
    INSERT INTO rag_corpusstatistic AS s (id, chunk_count, average_length) VALUES (1, v_chunks, v_average)
    ON CONFLICT (id) DO UPDATE SET chunk_count = s.chunk_count + excluded.chunk_count;
    RETURN v_chunks;
END $$;

-- Index chunks that are indexed again, in the language that their document has now. Returns their number. They are
-- found all the time, and counted once: only the difference goes into the frequencies. Locks vectors and then lexemes,
-- like those who delete.
CREATE FUNCTION rag_reindex_chunks(p_document bigint, p_first int, p_count int) RETURNS int
LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
    v_average float8 := coalesce((SELECT average_length FROM rag_corpusstatistic), 100);
    v_language text := (SELECT rag_stemmed_as(language) FROM rag_document WHERE id = p_document);
    v_ids bigint[];
BEGIN
    IF p_count > 1000 THEN
        RAISE 'At most 1000 chunks in one call, not %: the locks would be held too long.', p_count;
    END IF;
    v_ids := ARRAY(SELECT v.chunk_id FROM rag_lexicalvector v JOIN rag_chunk c ON c.id = v.chunk_id
                   WHERE c.document_id = p_document AND c.ordinal >= p_first AND c.ordinal < p_first + p_count
                   ORDER BY v.chunk_id FOR NO KEY UPDATE OF v);
    CREATE TEMP TABLE IF NOT EXISTS rag_batch (chunk_id bigint, lexeme text, tf int, length int) ON COMMIT DELETE ROWS;
    TRUNCATE pg_temp.rag_batch;
    INSERT INTO pg_temp.rag_batch
    SELECT * FROM rag_chunk_words(p_document, p_first, p_count) w WHERE w.chunk_id = ANY(v_ids);
    ANALYZE pg_temp.rag_batch;

    INSERT INTO rag_lexeme (language, lexeme, frequency)
    SELECT v_language, b.lexeme, 0 FROM (SELECT DISTINCT lexeme FROM pg_temp.rag_batch) b
    WHERE NOT EXISTS (SELECT FROM rag_lexeme l WHERE l.language = v_language AND l.lexeme = b.lexeme)
    ORDER BY b.lexeme ON CONFLICT (language, lexeme) DO NOTHING;
    PERFORM FROM rag_lexeme
    WHERE id IN (SELECT l.id FROM rag_lexeme l JOIN pg_temp.rag_batch b USING (lexeme) WHERE l.language = v_language
                 UNION SELECT unnest(rag_term_ids(weights)) FROM rag_lexicalvector WHERE chunk_id = ANY(v_ids))
    ORDER BY language, lexeme FOR NO KEY UPDATE;
    UPDATE rag_lexeme l SET frequency = l.frequency + x.n
    FROM (SELECT id, sum(n) AS n
          FROM (SELECT l.id, 1 AS n FROM rag_lexeme l JOIN pg_temp.rag_batch b USING (lexeme)
                WHERE l.language = v_language
                UNION ALL SELECT unnest(rag_term_ids(weights)), -1 FROM rag_lexicalvector
                WHERE chunk_id = ANY(v_ids)) y
          GROUP BY id HAVING sum(n) <> 0) x
    WHERE l.id = x.id;

    UPDATE rag_lexicalvector v
    SET weights = (coalesce('{' || w.weights || '}', '{}') || '/1000000000')::sparsevec
    FROM unnest(v_ids) AS i(chunk_id)
    LEFT JOIN (SELECT b.chunk_id, string_agg(l.id || ':' || rag_weight(b.tf, b.length, v_average), ',') AS weights
               FROM pg_temp.rag_batch b JOIN rag_lexeme l ON l.language = v_language AND l.lexeme = b.lexeme
               GROUP BY b.chunk_id) w ON w.chunk_id = i.chunk_id
    WHERE v.chunk_id = i.chunk_id;
    RETURN cardinality(v_ids);
END $$;

-- As before, but for the order of the locks.
CREATE OR REPLACE FUNCTION rag_uncount_chunks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM gone) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM rag_lexeme WHERE id IN (SELECT unnest(rag_term_ids(weights)) FROM gone)
    ORDER BY language, lexeme FOR NO KEY UPDATE;
    UPDATE rag_lexeme l SET frequency = l.frequency - x.n
    FROM (SELECT t AS id, count(*) AS n FROM gone, unnest(rag_term_ids(weights)) AS t GROUP BY t) x WHERE l.id = x.id;
    PERFORM FROM rag_collectionstatistic WHERE collection_id IN (SELECT collection_id FROM gone)
    ORDER BY collection_id FOR NO KEY UPDATE;
    UPDATE rag_collectionstatistic s SET chunk_count = s.chunk_count - x.n
    FROM (SELECT collection_id, count(*) AS n FROM gone GROUP BY collection_id) x WHERE s.collection_id = x.collection_id;
    UPDATE rag_corpusstatistic SET chunk_count = chunk_count - (SELECT count(*) FROM gone);
    RETURN NULL;
END $$;
