from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("rag", "0002_lexical_index"), ("chat", "0002_post_messages")]

    operations = [
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text(),
            """
            DROP FUNCTION rag_collections_of_room(bigint), rag_collections_of_user(bigint);
            DROP VIEW rag_collectionroom;
            """,
        )
    ]
