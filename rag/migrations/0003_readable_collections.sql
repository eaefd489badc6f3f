-- Who may read which collection: the one place that says it, for lists (rag.selectors) and inside the search statement.

-- Rooms a collection is shared with. A room's own files are shared with it by being its own.
CREATE VIEW rag_collectionroom AS
SELECT collection_id, room_id FROM rag_collectionshare
UNION ALL
SELECT id, home_room_id FROM rag_collection WHERE home_room_id IS NOT NULL;

-- A room's own files belong to the room: who made the collection by uploading first, and left since, reads it no more.

-- A user reads what is for everyone, what is his or her own, and what is shared with a room he or she may read:
-- one he or she is a member of or, unless the account is a guest's, a public one.
CREATE FUNCTION rag_collections_of_user(p_user bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT c.id FROM rag_collection c JOIN chat_user u ON u.id = p_user AND u.is_active
    WHERE c.everyone OR (c.owner_id = u.id AND c.home_room_id IS NULL) OR EXISTS (
        SELECT FROM rag_collectionroom s JOIN chat_room r ON r.id = s.room_id
        WHERE s.collection_id = c.id AND (
            (r.kind = 'public' AND NOT u.is_guest)
            OR EXISTS (SELECT FROM chat_membership m WHERE m.room_id = r.id AND m.user_id = u.id)));
$$;

-- What everybody who may read a room may read: what is for everyone, what is shared with the room and, where the readers
-- are known by name (private and direct rooms), what each human member may read.
CREATE FUNCTION rag_collections_of_room(p_room bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    WITH reader AS MATERIALIZED (
        SELECT u.id, u.is_guest FROM chat_room r
        JOIN chat_membership m ON m.room_id = r.id
        JOIN chat_user u ON u.id = m.user_id AND u.is_active AND NOT u.is_bot
        WHERE r.id = p_room AND r.kind <> 'public'
    ), may_read AS (
        SELECT c.id AS collection_id, reader.id AS user_id
        FROM reader JOIN rag_collection c ON c.owner_id = reader.id AND c.home_room_id IS NULL
        UNION
        SELECT s.collection_id, reader.id
        FROM rag_collectionroom s JOIN chat_room r ON r.id = s.room_id
        JOIN reader ON (r.kind = 'public' AND NOT reader.is_guest)
                    OR EXISTS (SELECT FROM chat_membership m WHERE m.room_id = r.id AND m.user_id = reader.id)
    )
    SELECT c.id FROM rag_collection c
    WHERE EXISTS (SELECT FROM chat_room WHERE id = p_room)
      AND (c.everyone
           OR EXISTS (SELECT FROM rag_collectionroom s WHERE s.collection_id = c.id AND s.room_id = p_room)
           OR c.id IN (SELECT collection_id FROM may_read GROUP BY collection_id
                       HAVING count(*) = (SELECT count(*) FROM reader)));
$$;
