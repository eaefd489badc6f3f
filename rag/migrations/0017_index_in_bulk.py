from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Words of many documents at once, for those that come with their vectors."""

    dependencies = [("rag", "0017_chunk_contexts")]

    operations = [
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text(),
            "DROP FUNCTION rag_index_documents(bigint[]); DROP FUNCTION rag_length(tsvector);",
        )
    ]
