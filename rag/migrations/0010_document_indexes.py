from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# The words are those of rag/title_search.py. An attempt that was interrupted leaves an index that is not valid, hence
# the DROPs.
NAMES = """
CREATE INDEX CONCURRENTLY rag_document_names ON rag_document USING gin (
    to_tsvector('chat_words', title || ' ' || filename || ' ' || rag_normalize(title || ' ' || filename)))
"""


class Migration(migrations.Migration):
    atomic = False  # CONCURRENTLY: documents are added meanwhile
    dependencies = [("rag", "0009_golden_questions")]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS rag_document_names", migrations.RunSQL.noop),
        migrations.RunSQL(NAMES, "DROP INDEX CONCURRENTLY IF EXISTS rag_document_names"),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS document_file", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="document",
            index=models.Index(fields=["file"], name="document_file"),
        ),
    ]
