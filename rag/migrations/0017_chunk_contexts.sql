-- As before (0014_words_by_language.sql), with the words of a chunk's context, once each like those of its text.
CREATE OR REPLACE FUNCTION rag_chunk_words(p_document bigint, p_first int, p_count int)
RETURNS TABLE (chunk_id bigint, lexeme text, tf int, length int) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT v.id, u.lexeme, cardinality(u.positions) + 2 * cardinality(array_positions(u.weights, 'A')),
           (sum(cardinality(u.positions)) OVER (PARTITION BY v.id))::int
    FROM (SELECT c.id, setweight(rag_lexemes(d.title || ' ' || c.heading, d.configuration), 'A')
                       || rag_lexemes(c.text, d.configuration)
                       || CASE c.context WHEN '' THEN ''::tsvector ELSE rag_lexemes(c.context, d.configuration) END
                       AS words
          FROM (SELECT id, title, rag_configuration(language) AS configuration FROM rag_document
                WHERE id = p_document) d
          JOIN rag_chunk c ON c.document_id = d.id
          WHERE c.ordinal >= p_first AND c.ordinal < p_first + p_count) v,
         unnest(v.words) u
$$;
