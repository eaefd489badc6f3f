// The ways to write a post; each gives `write(post)`, which resolves to {status, id, version, created_at} after the commit.
'use strict';

const BATCH_MAX = 64; // as Parley's group writer
const LIST_CALL = {
  name: 'list',
  text: `SELECT n, status, id, version, created_at FROM chat_post_messages(
    $1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::int[], $8::text[])`,
};

function stored(row) {
  if (row.status !== 'new' && row.status !== 'again') throw new Error(row.status);
  return row;
}

/** The statements of a transaction one after the other. Rooms of the benchmark are not direct, so bots are called by name. */
function transactionWriter(pool) {
  return async (post) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      const row = await insertPost(client, post);
      if (row.status === 'new' && post.names.length) await insertMentions(client, post, row.id);
      await client.query(row.status === 'new' ? 'COMMIT' : 'ROLLBACK');
      return stored(row);
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  };
}

async function insertPost(client, post) {
  const bumped = await client.query({
    name: 'bump',
    text: 'UPDATE chat_room SET version = version + 1 WHERE id = $1 AND archived_at IS NULL RETURNING version',
    values: [post.roomId],
  });
  const member = await client.query({
    name: 'member',
    text: `SELECT 1 FROM chat_membership m JOIN chat_user u ON u.id = m.user_id AND u.is_active
           WHERE m.room_id = $1 AND m.user_id = $2`,
    values: [post.roomId, post.author],
  });
  if (!bumped.rowCount || !member.rowCount) return { status: 'denied' };
  const inserted = await client.query({
    name: 'insert',
    text: `INSERT INTO chat_message (room_id, author_id, client_id, version, posted_version, text, html, created_at)
           VALUES ($1, $2, $3, $4, $4, $5, $6, clock_timestamp())
           ON CONFLICT (author_id, client_id) DO NOTHING RETURNING id, version, created_at`,
    values: [post.roomId, post.author, post.clientId, bumped.rows[0].version, post.text, post.html],
  });
  if (inserted.rowCount) return { status: 'new', ...inserted.rows[0] };
  const earlier = await client.query(
    'SELECT id, version, created_at FROM chat_message WHERE author_id = $1 AND client_id = $2 AND room_id = $3',
    [post.author, post.clientId, post.roomId],
  );
  return earlier.rowCount ? { status: 'again', ...earlier.rows[0] } : { status: 'conflict' };
}

async function insertMentions(client, post, messageId) {
  const named = await client.query({
    name: 'mention',
    text: `WITH named AS (
             SELECT u.id, u.bot_task FROM chat_user u
             WHERE lower(u.username) = ANY($3) AND u.is_active
               AND (u.is_bot OR EXISTS (SELECT FROM chat_membership m WHERE m.room_id = $2 AND m.user_id = u.id))
           ), mention AS (INSERT INTO chat_mention (message_id, user_id) SELECT $1, id FROM named)
           SELECT id, bot_task FROM named WHERE bot_task <> ''`,
    values: [messageId, post.roomId, post.names],
  });
  for (const bot of named.rows) {
    await client.query({
      name: 'job',
      text: `SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('answers', $1::text, 0, NULL, NULL,
               jsonb_build_object('message_id', $2::bigint, 'bot_id', $3::bigint), NULL)::procrastinate_job_to_defer_v1])`,
      values: [bot.bot_task, messageId, bot.id],
    });
  }
}

function functionWriter(pool) {
  return async (post) => {
    const { rows } = await pool.query({
      name: 'function',
      text: 'SELECT status, id, version, created_at FROM bench_post_message($1, $2, $3, $4, $5, $6)',
      values: [post.author, post.roomId, post.clientId, post.text, post.html, post.names],
    });
    return stored(rows[0]);
  };
}

function columns(posts) {
  const named = posts.flatMap((post, place) => post.names.map((name) => [place + 1, name]));
  return [
    posts.map((post) => post.author), posts.map((post) => post.roomId), posts.map((post) => post.clientId),
    posts.map((post) => post.text), posts.map((post) => post.html), posts.map(() => null),
    named.map(([place]) => place), named.map(([, name]) => name),
  ];
}

function listWriter(pool) {
  return async (post) => {
    const { rows } = await pool.query({ ...LIST_CALL, values: columns([post]) });
    return stored(rows[0]);
  };
}

/** Everything that waits goes into the next call; one call is under way at a time. */
function batchWriter(pool) {
  let waiting = [];
  let busy = false;

  async function drain() {
    busy = true;
    while (waiting.length) {
      const batch = waiting.slice(0, BATCH_MAX);
      waiting = waiting.slice(BATCH_MAX);
      try {
        const { rows } = await pool.query({ ...LIST_CALL, values: columns(batch.map(({ post }) => post)) });
        batch.forEach(({ resolve, reject }, place) => {
          try { resolve(stored(rows[place])); } catch (error) { reject(error); }
        });
      } catch (error) {
        batch.forEach(({ reject }) => reject(error));
      }
    }
    busy = false;
  }

  return (post) => new Promise((resolve, reject) => {
    waiting.push({ post, resolve, reject });
    if (!busy) drain();
  });
}

module.exports = { writers: { tx: transactionWriter, fn: functionWriter, list: listWriter, batch: batchWriter } };
