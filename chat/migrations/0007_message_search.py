from django.db import migrations

# English stems, accents off. Words of other languages are kept whole, as in the documents' index.
CONFIGURATION = """
CREATE TEXT SEARCH CONFIGURATION chat_words (COPY = pg_catalog.english);
ALTER TEXT SEARCH CONFIGURATION chat_words ALTER MAPPING FOR hword, hword_part, word WITH unaccent, english_stem;
"""
# New messages wait in a short list (kB) and go into the index together: a post pays little, and the one that empties
# the list pays for few. An attempt that was interrupted leaves an index that is not valid, hence the DROP.
INDEX = """
CREATE INDEX CONCURRENTLY chat_message_words ON chat_message USING gin (to_tsvector('chat_words', text))
WITH (gin_pending_list_limit = 256)
"""


class Migration(migrations.Migration):
    atomic = False  # CONCURRENTLY: posts go on meanwhile
    dependencies = [("chat", "0006_invitations_and_attachments")]

    operations = [
        migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS unaccent", migrations.RunSQL.noop),
        migrations.RunSQL(
            "DROP TEXT SEARCH CONFIGURATION IF EXISTS chat_words CASCADE;" + CONFIGURATION,
            "DROP TEXT SEARCH CONFIGURATION chat_words",
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS chat_message_words", migrations.RunSQL.noop),
        migrations.RunSQL(INDEX, "DROP INDEX CONCURRENTLY chat_message_words"),
    ]
