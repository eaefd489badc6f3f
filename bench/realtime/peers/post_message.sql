-- The best form of one post per call, for the Node peer: the guarantees of chat_post_messages, without its lists.
CREATE OR REPLACE FUNCTION bench_post_message(
    p_author bigint, p_room bigint, p_client text, p_text text, p_html text, p_names text[])
RETURNS TABLE (status text, id bigint, version bigint, created_at timestamptz)
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    v bigint;
    message record;
BEGIN
    -- The lock and the new version in one; what follows sees a fresh snapshot, so it checks what holds under the lock.
    UPDATE chat_room r SET version = r.version + 1 WHERE r.id = p_room AND r.archived_at IS NULL RETURNING r.version INTO v;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'denied', NULL::bigint, NULL::bigint, NULL::timestamptz;
        RETURN;
    END IF;
    INSERT INTO chat_message (room_id, author_id, client_id, version, posted_version, text, html, created_at)
    SELECT p_room, p_author, p_client, v, v, p_text, p_html, clock_timestamp()
    FROM chat_membership s JOIN chat_user u ON u.id = s.user_id AND u.is_active
    WHERE s.room_id = p_room AND s.user_id = p_author
    ON CONFLICT (author_id, client_id) DO NOTHING
    RETURNING chat_message.id, chat_message.created_at INTO message;
    IF NOT FOUND THEN
        UPDATE chat_room r SET version = r.version - 1 WHERE r.id = p_room; -- its lock is held: nobody saw the other one
        RETURN QUERY SELECT 'again', m.id, m.version, m.created_at FROM chat_message m
                     WHERE m.author_id = p_author AND m.client_id = p_client AND m.room_id = p_room;
        IF NOT FOUND THEN
            RETURN QUERY SELECT 'denied', NULL::bigint, NULL::bigint, NULL::timestamptz;
        END IF;
        RETURN;
    END IF;
    IF cardinality(p_names) > 0 THEN
        INSERT INTO chat_mention (message_id, user_id)
        SELECT message.id, u.id FROM chat_user u
        WHERE lower(u.username) = ANY (p_names) AND u.is_active
          AND (u.is_bot OR EXISTS (SELECT FROM chat_membership s WHERE s.room_id = p_room AND s.user_id = u.id));
        PERFORM procrastinate_defer_jobs_v1(array_agg(
            ROW('answers', u.bot_task, 0, NULL, NULL, jsonb_build_object('message_id', message.id, 'bot_id', u.id), NULL)
            ::procrastinate_job_to_defer_v1))
        FROM chat_user u WHERE lower(u.username) = ANY (p_names) AND u.is_active AND u.is_bot AND u.bot_task <> ''
        HAVING count(*) > 0;
    END IF;
    RETURN QUERY SELECT 'new', message.id, v, message.created_at;
END $$;
