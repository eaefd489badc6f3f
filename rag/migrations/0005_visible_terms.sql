-- Which of the terms stand in a chunk of these collections. Without it a search would tell what words others' private
-- documents have: through the weights of the question's words, and through what its misspelt ones are taken for.
-- Terms of few chunks are looked up by the index over terms. For the others the collections' chunks are read until one
-- has the term, where there are few; where many, the index again: it is the heap's first hit that ends the look-up.
CREATE FUNCTION rag_visible_terms(p_terms bigint[], p_collections bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET jit = off AS $$
DECLARE
    v_visible bigint;
    v_all bigint;
    v_term record;
BEGIN
    IF coalesce(cardinality(p_terms), 0) = 0 THEN
        RETURN;
    END IF;
    SELECT coalesce(sum(chunk_count), 0) INTO v_visible FROM rag_collectionstatistic
    WHERE collection_id = ANY(p_collections);
    SELECT chunk_count INTO v_all FROM rag_corpusstatistic;
    IF v_visible >= v_all THEN
        RETURN QUERY SELECT unnest(p_terms);
        RETURN;
    END IF;
    FOR v_term IN SELECT id, frequency FROM rag_lexeme WHERE id = ANY(p_terms) LOOP
        IF v_term.frequency > v_all - v_visible THEN      -- more chunks have it than are hidden
            RETURN NEXT v_term.id;
        ELSIF v_term.frequency <= greatest(v_visible, 2000) THEN
            PERFORM FROM rag_lexicalvector
            WHERE rag_term_ids(weights) && ARRAY[v_term.id::int] AND collection_id + 0 = ANY(p_collections) LIMIT 1;
            IF FOUND THEN
                RETURN NEXT v_term.id;
            END IF;
        ELSE
            PERFORM FROM rag_lexicalvector
            WHERE collection_id = ANY(p_collections)
              AND weights <#> ('{' || v_term.id || ':1}/1000000000')::sparsevec < 0 LIMIT 1;
            IF FOUND THEN
                RETURN NEXT v_term.id;
            END IF;
        END IF;
    END LOOP;
END $$;
