-- Words of a text, each as often as it stands there.
CREATE FUNCTION rag_length(words tsvector) RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT coalesce(sum(cardinality(positions)), 0)::int FROM unnest(words));

-- Index all chunks of documents that were loaded together and have no lexical vectors yet. Returns their number.
-- What rag_index_chunks does for a thousand chunks of one document, this does for any number, with as many processes as
-- the server grants. Temporary tables are closed to those, so it works in tables that no other transaction ever sees:
-- they are made and dropped in this one. Locks are taken in the order of rag_index_chunks, and as late as can be.
CREATE FUNCTION rag_index_documents(p_documents bigint[]) RETURNS int LANGUAGE plpgsql
SET client_min_messages = warning SET work_mem = '128MB' SET jit = off
SET parallel_setup_cost = 0 SET parallel_tuple_cost = 0 SET min_parallel_table_scan_size = 0 AS $$
DECLARE
    v_average float8 := coalesce((SELECT average_length FROM rag_corpusstatistic), 100);
    v_chunks int;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('rag_index_documents'));     -- the tables' names are taken until the commit
    -- Apart from reading the chunks: over a table that is new, the planner counts pages instead of trusting statistics.
    CREATE UNLOGGED TABLE rag_bulk_text AS
    SELECT c.id AS chunk_id, d.collection_id, rag_stemmed_as(d.language) AS language,
           d.title || ' ' || c.heading AS title, c.text || ' ' || c.context AS text
    FROM rag_document d JOIN rag_chunk c ON c.document_id = d.id WHERE d.id = ANY(p_documents);
    CREATE UNLOGGED TABLE rag_bulk_words AS
    SELECT chunk_id, collection_id, language,
           setweight(rag_lexemes(title, rag_configuration(language)), 'A')
           || rag_lexemes(text, rag_configuration(language)) AS words
    FROM rag_bulk_text;
    CREATE UNLOGGED TABLE rag_bulk_length AS SELECT chunk_id, rag_length(words) AS length FROM rag_bulk_words;
    CREATE UNLOGGED TABLE rag_bulk_frequency AS
    SELECT language, u.lexeme, count(*)::int AS n FROM rag_bulk_words, unnest(words) u GROUP BY language, u.lexeme;
    ANALYZE rag_bulk_words, rag_bulk_length, rag_bulk_frequency;

    INSERT INTO rag_lexeme (language, lexeme, frequency)
    SELECT language, lexeme, 0 FROM rag_bulk_frequency b
    WHERE NOT EXISTS (SELECT FROM rag_lexeme l WHERE l.language = b.language AND l.lexeme = b.lexeme)
    ORDER BY language, lexeme ON CONFLICT (language, lexeme) DO NOTHING;
    CREATE UNLOGGED TABLE rag_bulk_term AS
    SELECT l.id, b.language, b.lexeme, b.n FROM rag_bulk_frequency b
    JOIN rag_lexeme l ON l.language = b.language AND l.lexeme = b.lexeme;
    ANALYZE rag_bulk_term;

    CREATE UNLOGGED TABLE rag_bulk_weights AS
    SELECT w.chunk_id,
           ('{' || string_agg(t.id || ':' || rag_weight(w.tf, n.length, v_average), ',') || '}/1000000000')::sparsevec
               AS weights
    FROM (SELECT b.chunk_id, b.language, u.lexeme,
                 cardinality(u.positions) + 2 * cardinality(array_positions(u.weights, 'A')) AS tf
          FROM rag_bulk_words b, unnest(b.words) u) w
    JOIN rag_bulk_length n USING (chunk_id)
    JOIN rag_bulk_term t ON t.language = w.language AND t.lexeme = w.lexeme
    GROUP BY w.chunk_id;
    INSERT INTO rag_lexicalvector (chunk_id, collection_id, weights)      -- a chunk without a word has a vector too
    SELECT b.chunk_id, b.collection_id, coalesce(w.weights, '{}/1000000000')
    FROM rag_bulk_text b LEFT JOIN rag_bulk_weights w USING (chunk_id) ORDER BY b.chunk_id;
    GET DIAGNOSTICS v_chunks = ROW_COUNT;

    PERFORM FROM rag_lexeme WHERE id IN (SELECT id FROM rag_bulk_term) ORDER BY language, lexeme FOR NO KEY UPDATE;
    UPDATE rag_lexeme l SET frequency = l.frequency + b.n FROM rag_bulk_term b WHERE b.id = l.id;
    INSERT INTO rag_collectionstatistic AS s (collection_id, chunk_count)
    SELECT collection_id, count(*) FROM rag_bulk_text GROUP BY collection_id ORDER BY collection_id
    ON CONFLICT (collection_id) DO UPDATE SET chunk_count = s.chunk_count + excluded.chunk_count;
    INSERT INTO rag_corpusstatistic AS s (id, chunk_count, average_length) VALUES (1, v_chunks, v_average)
    ON CONFLICT (id) DO UPDATE SET chunk_count = s.chunk_count + excluded.chunk_count;
    DROP TABLE rag_bulk_text, rag_bulk_words, rag_bulk_length, rag_bulk_frequency, rag_bulk_term, rag_bulk_weights;
    RETURN v_chunks;
END $$;
