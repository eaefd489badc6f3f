-- The known words that resemble unknown ones, most alike first, stem by stem. Which of them are the audience's is for
-- rag/retrieval/search.py to ask, once it has seen which are near enough. The patterns (rag/text/spelling.py) find the
-- words by the index over trigrams. Comparing likeness (%%) there reads every word that shares a single trigram: 7 ms
-- a word with 80,000 known ones, where this takes 0.3.
SELECT u.place, u.lexeme, near.lexeme, near.frequency, near.id
FROM unnest(%(places)s::int[], %(unknown)s::text[], %(languages)s::text[], %(patterns)s::text[])
     AS u(place, lexeme, languages, patterns)
CROSS JOIN LATERAL (
    SELECT l.id, l.lexeme, l.frequency FROM rag_lexeme l
    WHERE l.lexeme LIKE ANY(string_to_array(u.patterns, ' ')) AND l.lexeme ~ '^[a-z]'
      AND l.frequency >= %(least_frequency)s AND l.language = ANY(string_to_array(u.languages, ' '))
      AND length(l.lexeme) BETWEEN length(u.lexeme) - 2 AND length(u.lexeme) + 2
    ORDER BY similarity(l.lexeme, u.lexeme) DESC LIMIT 50) near
