-- Put into search.sql where a search is narrowed to some documents: those that the audience may read and the filters
-- let through, and their chunks. The chunks are only listed where they are few enough to be scored one by one.
chosen AS MATERIALIZED (
    SELECT id, chunk_count FROM rag_document
    WHERE collection_id = ANY((SELECT ids FROM visible)::bigint[])
      AND (%(document_ids)s::bigint[] IS NULL
           OR id = ANY(%(document_ids)s::bigint[]) OR part_of_id = ANY(%(document_ids)s::bigint[]))
      AND (%(media_types)s::text[] IS NULL OR media_type = ANY(%(media_types)s::text[]))
      AND (%(uploader_ids)s::bigint[] IS NULL OR uploaded_by_id = ANY(%(uploader_ids)s::bigint[]))
      AND (%(added_from)s::timestamptz IS NULL OR created_at >= %(added_from)s::timestamptz)
      AND (%(added_before)s::timestamptz IS NULL OR created_at < %(added_before)s::timestamptz)
), chosen_chunk AS MATERIALIZED (
    SELECT coalesce(array_agg(id), '{{}}') AS ids FROM rag_chunk WHERE document_id IN (SELECT id FROM chosen)
),
