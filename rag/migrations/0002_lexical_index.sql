-- What the search needs of the database: the normaliser, the lexical index and its upkeep, and who may read what.
-- BM25(question, chunk) is the inner product of two sparse vectors over term ids:
--   chunk side     tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / average))      (k1 1.2, b 0.75; rag_lexicalvector.weights)
--   question side  idf * tf                                                      (computed per question, so idf is live)
-- Only the average length is frozen into the vectors: 100 lexemes (65 to 103 in the chunks of four corpora; 85 was no
-- better). Measured anew, it goes into rag_corpusstatistic, and every chunk is indexed again.

-- unaccent() is only STABLE, since its dictionary could be replaced. Nobody replaces it here.
CREATE FUNCTION rag_unaccent(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN unaccent('unaccent'::regdictionary, t);

-- Chunks and questions alike: accents off, camelCase and a/b.c_d:e-f split into words.
CREATE FUNCTION rag_normalize(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN regexp_replace(regexp_replace(rag_unaccent(t), '([a-z0-9])([A-Z])', '\1 \2', 'g'), '[/._:\-]+', ' ', 'g');

-- The one place that names the text search configuration. Another one needs this function replaced and every chunk
-- indexed again. Words of other languages are kept whole by 'english', which serves German nearly as well (docs).
CREATE FUNCTION rag_lexemes(t text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN to_tsvector('pg_catalog.english'::regconfig, rag_normalize(t));

-- Term ids of a chunk's vector, for an index expression only: the cost keeps the planner from using it as a row filter.
CREATE FUNCTION rag_term_ids(weights sparsevec) RETURNS int[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 2000
RETURN ARRAY(SELECT split_part(x, ':', 1)::int
             FROM unnest(string_to_array(btrim(split_part(weights::text, '/', 1), '{}'), ',')) AS x);

-- Never out of line: a scan reads every vector.
ALTER TABLE rag_lexicalvector ALTER weights SET STORAGE main;
ALTER TABLE rag_embedding ALTER vector SET STORAGE main;
CREATE INDEX rag_lexicalvector_terms ON rag_lexicalvector USING gin (rag_term_ids(weights)) WITH (fastupdate = off);

-- Frequencies change with every document. Room on the page and no index over them keep those updates cheap (HOT).
ALTER TABLE rag_lexeme SET (fillfactor = 70);
ALTER TABLE rag_collectionstatistic SET (fillfactor = 70);
CREATE INDEX rag_lexeme_trigrams ON rag_lexeme USING gin (lexeme gin_trgm_ops) WHERE lexeme ~ '^[a-z]';

-- Index the chunks of a document with ordinals in [p_first, p_first + p_count). Returns their number.
-- Frequencies are exact in every transaction. Rows are locked in one order everywhere: new lexemes by name, then all
-- lexemes by name, then the collection's count, then the corpus's: indexers wait for each other and never deadlock.
CREATE FUNCTION rag_index_chunks(p_document bigint, p_first int, p_count int) RETURNS int
LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
    v_average float8 := coalesce((SELECT average_length FROM rag_corpusstatistic), 100);
    v_chunks int;
BEGIN
    IF p_count > 1000 THEN
        RAISE 'At most 1000 chunks in one call, not %: the locks would be held too long.', p_count;
    END IF;
    CREATE TEMP TABLE IF NOT EXISTS rag_batch (chunk_id bigint, lexeme text, tf int, length int) ON COMMIT DELETE ROWS;
    TRUNCATE pg_temp.rag_batch;
    INSERT INTO pg_temp.rag_batch      -- words of title and headings count three times, in tf but not in length
    SELECT v.id, u.lexeme, cardinality(u.positions) + 2 * cardinality(array_positions(u.weights, 'A')),
           (sum(cardinality(u.positions)) OVER (PARTITION BY v.id))::int
    FROM (SELECT c.id, setweight(rag_lexemes(d.title || ' ' || c.heading), 'A') || rag_lexemes(c.text) AS words
          FROM rag_chunk c JOIN rag_document d ON d.id = c.document_id
          WHERE c.document_id = p_document AND c.ordinal >= p_first AND c.ordinal < p_first + p_count) v,
         unnest(v.words) u;
    ANALYZE pg_temp.rag_batch;

    -- ON CONFLICT burns an id per row, and ids are bounded by the vectors' dimensions: only what is really new.
    INSERT INTO rag_lexeme (lexeme, frequency)
    SELECT b.lexeme, 0 FROM (SELECT DISTINCT lexeme FROM pg_temp.rag_batch) b
    WHERE NOT EXISTS (SELECT FROM rag_lexeme l WHERE l.lexeme = b.lexeme)
    ORDER BY b.lexeme ON CONFLICT (lexeme) DO NOTHING;
    PERFORM FROM rag_lexeme WHERE lexeme IN (SELECT lexeme FROM pg_temp.rag_batch) ORDER BY lexeme FOR NO KEY UPDATE;
    UPDATE rag_lexeme l SET frequency = l.frequency + b.n
    FROM (SELECT lexeme, count(*) AS n FROM pg_temp.rag_batch GROUP BY lexeme) b WHERE l.lexeme = b.lexeme;

    INSERT INTO rag_lexicalvector (chunk_id, collection_id, weights)      -- a chunk without a word has a vector too
    SELECT c.id, d.collection_id, (coalesce('{' || w.weights || '}', '{}') || '/1000000000')::sparsevec
    FROM rag_chunk c JOIN rag_document d ON d.id = c.document_id
    LEFT JOIN (SELECT b.chunk_id,
                      string_agg(l.id || ':' || (b.tf * 2.2 / (b.tf + 1.2 * (0.25 + 0.75 * b.length / v_average)))::float4,
                                 ',') AS weights
               FROM pg_temp.rag_batch b JOIN rag_lexeme l USING (lexeme) GROUP BY b.chunk_id) w ON w.chunk_id = c.id
    WHERE c.document_id = p_document AND c.ordinal >= p_first AND c.ordinal < p_first + p_count;
    GET DIAGNOSTICS v_chunks = ROW_COUNT;

    INSERT INTO rag_collectionstatistic AS s (collection_id, chunk_count)
    SELECT collection_id, v_chunks FROM rag_document WHERE id = p_document
    ON CONFLICT (collection_id) DO UPDATE SET chunk_count = s.chunk_count + excluded.chunk_count;
    INSERT INTO rag_corpusstatistic AS s (id, chunk_count, average_length) VALUES (1, v_chunks, v_average)
    ON CONFLICT (id) DO UPDATE SET chunk_count = s.chunk_count + excluded.chunk_count;
    RETURN v_chunks;
END $$;

-- Whoever deletes a lexical vector, by whatever cascade, also takes it out of the counts.
CREATE FUNCTION rag_uncount_chunks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM gone) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM rag_lexeme WHERE id IN (SELECT unnest(rag_term_ids(weights)) FROM gone)
    ORDER BY lexeme FOR NO KEY UPDATE;
    UPDATE rag_lexeme l SET frequency = l.frequency - x.n
    FROM (SELECT t AS id, count(*) AS n FROM gone, unnest(rag_term_ids(weights)) AS t GROUP BY t) x WHERE l.id = x.id;
    PERFORM FROM rag_collectionstatistic WHERE collection_id IN (SELECT collection_id FROM gone)
    ORDER BY collection_id FOR NO KEY UPDATE;
    UPDATE rag_collectionstatistic s SET chunk_count = s.chunk_count - x.n
    FROM (SELECT collection_id, count(*) AS n FROM gone GROUP BY collection_id) x WHERE s.collection_id = x.collection_id;
    UPDATE rag_corpusstatistic SET chunk_count = chunk_count - (SELECT count(*) FROM gone);
    RETURN NULL;
END $$;
CREATE TRIGGER rag_lexicalvector_uncount AFTER DELETE ON rag_lexicalvector
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION rag_uncount_chunks();

-- Take a document's chunks, vectors and all, out of the index. Returns their number.
CREATE FUNCTION rag_drop_chunks(p_document bigint) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    v_ids bigint[] := ARRAY(SELECT id FROM rag_chunk WHERE document_id = p_document);
BEGIN
    UPDATE rag_answerpassage SET chunk_id = NULL WHERE chunk_id = ANY(v_ids);
    DELETE FROM rag_embedding WHERE chunk_id = ANY(v_ids);
    DELETE FROM rag_lexicalvector WHERE chunk_id = ANY(v_ids);
    DELETE FROM rag_chunk WHERE id = ANY(v_ids);
    RETURN cardinality(v_ids);
END $$;
