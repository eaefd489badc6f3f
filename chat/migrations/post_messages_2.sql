-- chat_post_messages: the one write path of a person's message. A list of posts in, one row per post out, in the order given.
-- plpgsql on purpose: under READ COMMITTED each statement of a volatile function sees a fresh snapshot, so what step 2 checks
-- is what is true after the room locks were won in step 1. Step 3, mentions and jobs, is a statement of its own: most posts
-- name nobody, and a statement costs for each of its parts, used or not.
CREATE OR REPLACE FUNCTION chat_post_messages(
    p_author bigint[], p_room bigint[], p_client text[], p_text text[], p_html text[], p_parent bigint[],
    m_n int[], m_name text[])                      -- mentions, flat: post m_n[i] (1-based) names m_name[i], lower case
RETURNS TABLE (n int, status text, id bigint, version bigint, created_at timestamptz)
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan           -- planning costs three times the run for a list of one
AS $$
#variable_conflict use_column
DECLARE
    some_direct boolean;
    new_n int[] := '{}';
    new_id bigint[] := '{}';
BEGIN
    -- 1. One lock per room, in id order: two batches cannot deadlock.
    SELECT bool_or(locked.is_direct) INTO some_direct
    FROM (SELECT r.kind = 'direct' AS is_direct FROM chat_room r WHERE r.id IN (SELECT unnest(p_room))
          ORDER BY r.id FOR NO KEY UPDATE) locked;

    -- 2. The messages, set-based.
    FOR n, status, id, version, created_at IN
        WITH input AS MATERIALIZED (
            SELECT t.n::int, author, room, client, body, html, parent
            FROM unnest(p_author, p_room, p_client, p_text, p_html, p_parent)
                 WITH ORDINALITY AS t(author, room, client, body, html, parent, n)
        ), old AS MATERIALIZED (                   -- a retry: the first row answers
            SELECT i.n, m.id, m.room_id, m.version, m.created_at
            FROM input i JOIN chat_message m ON m.author_id = i.author AND m.client_id = i.client
        ), member AS MATERIALIZED (
            SELECT i.n, r.archived_at IS NOT NULL AS archived,
                   i.parent IS NULL OR EXISTS (SELECT FROM chat_message p WHERE p.id = i.parent AND p.room_id = i.room
                                                                            AND p.deleted_at IS NULL) AS parent_fits
            FROM input i
            JOIN chat_membership s ON s.room_id = i.room AND s.user_id = i.author
            JOIN chat_room r ON r.id = i.room
            JOIN chat_user u ON u.id = i.author AND u.is_active
        ), fresh AS MATERIALIZED (                 -- allowed, no retry, once per (author, client) within the batch
            SELECT DISTINCT ON (i.author, i.client) i.*
            FROM input i JOIN member ON member.n = i.n AND NOT member.archived AND member.parent_fits
            WHERE NOT EXISTS (SELECT FROM old WHERE old.n = i.n)
            ORDER BY i.author, i.client, i.n
        ), bump AS (                               -- a range of versions per room
            UPDATE chat_room r SET version = r.version + c.k
            FROM (SELECT room, count(*) AS k FROM fresh GROUP BY room) c
            WHERE r.id = c.room RETURNING r.id, r.version - c.k AS base
        ), numbered AS MATERIALIZED (
            SELECT f.*, b.base + row_number() OVER (PARTITION BY f.room ORDER BY f.n) AS v
            FROM fresh f JOIN bump b ON b.id = f.room
        ), ins AS (
            INSERT INTO chat_message (room_id, author_id, client_id, version, posted_version, text, html, parent_id, created_at)
            SELECT room, author, client, v, v, body, html, parent, clock_timestamp()   -- now() would be before the lock
            FROM numbered ORDER BY room, v
            ON CONFLICT (author_id, client_id) DO NOTHING   -- only the same key in another room at the same instant gets here
            RETURNING id, room_id, author_id, client_id, version, created_at
        )
        SELECT i.n,
               CASE WHEN ins.id IS NOT NULL THEN CASE WHEN f.n IS NOT NULL THEN 'new' ELSE 'again' END
                    WHEN old.id IS NOT NULL THEN CASE WHEN old.room_id = i.room THEN 'again' ELSE 'conflict' END
                    WHEN member.n IS NULL THEN 'denied'
                    WHEN member.archived THEN 'archived'
                    WHEN NOT member.parent_fits THEN 'no parent'
                    ELSE 'conflict' END,
               COALESCE(ins.id, old.id), COALESCE(ins.version, old.version), COALESCE(ins.created_at, old.created_at)
        FROM input i
        LEFT JOIN old ON old.n = i.n
        LEFT JOIN member ON member.n = i.n
        LEFT JOIN fresh f ON f.n = i.n
        LEFT JOIN ins ON ins.author_id = i.author AND ins.client_id = i.client AND ins.room_id = i.room
        ORDER BY i.n
    LOOP
        IF status = 'new' THEN
            new_n := new_n || n;
            new_id := new_id || id;
        END IF;
        RETURN NEXT;
    END LOOP;

    -- 3. Whom the new ones name, and the jobs of bots that are called.
    IF new_id = '{}' OR (cardinality(m_n) = 0 AND NOT some_direct) THEN
        RETURN;
    END IF;
    WITH posted AS MATERIALIZED (
        SELECT t.n, m.id, m.room_id, m.author_id
        FROM unnest(new_n, new_id) AS t(n, id) JOIN chat_message m ON m.id = t.id
    ), named AS MATERIALIZED (                     -- members of the room, and bots, which answer wherever they are called
        SELECT DISTINCT p.id AS message_id, u.id AS user_id
        FROM unnest(m_n, m_name) AS t(n, name)
        JOIN posted p ON p.n = t.n
        JOIN chat_user u ON lower(u.username) = t.name AND u.is_active
        WHERE u.is_bot OR EXISTS (SELECT FROM chat_membership s WHERE s.room_id = p.room_id AND s.user_id = u.id)
    ), mention AS (
        INSERT INTO chat_mention (message_id, user_id) SELECT message_id, user_id FROM named
    ), called AS MATERIALIZED (                    -- bots named, and bots one is alone with in a direct room; bots call no bots
        SELECT x.message_id, u.id AS bot_id, u.bot_task
        FROM (SELECT message_id, user_id FROM named
              UNION
              SELECT p.id, s.user_id FROM posted p
              JOIN chat_room r ON r.id = p.room_id AND r.kind = 'direct'
              JOIN chat_membership s ON s.room_id = r.id) x
        JOIN chat_user u ON u.id = x.user_id AND u.is_bot AND u.is_active AND u.bot_task <> ''
        JOIN posted p ON p.id = x.message_id
        JOIN chat_user a ON a.id = p.author_id AND NOT a.is_bot
    )
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW('answers', c.bot_task, 0, NULL, NULL, jsonb_build_object('message_id', c.message_id, 'bot_id', c.bot_id), NULL)
        ::procrastinate_job_to_defer_v1))
    FROM called c HAVING count(*) > 0
    INTO new_id;                                   -- the ids of the jobs, of which nobody asks
END $$;
